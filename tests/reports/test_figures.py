"""Figures: sizes, hostile labels, bad input, independence from the caller's matplotlib settings."""

from __future__ import annotations

import errno
import io
import os
from pathlib import Path

import numpy as np
import pytest

from emotion_native import reports
from emotion_native.exceptions import InvalidInputError
from emotion_native.metrics import reliability_curve

pytestmark = pytest.mark.unsanitized  # pictures and pages, drawn by Python alone

HOSTILE = ["$x_{", "<script>alert(1)</script>", "a\nb\x00\x1b[31m", "日本" * 40, "\ud800lone", "", "50% & \\input{x}"]


def picture(figure: object) -> np.ndarray:
    from matplotlib.image import imread

    return imread(io.BytesIO(reports.figure_png(figure)))  # type: ignore[arg-type]  # every drawing function returns a figure


def every_figure(labels: list[str]) -> list[object]:
    k = len(labels)
    return [
        reports.confusion_figure(np.eye(k, dtype=int) * 7, labels, subtitle=labels[0]),
        reports.confusion_figure(np.ones((k, k)), labels, normalize=True, failed=[1] * k),
        reports.table_figure(reports.Table(labels[0], ["Name", "Value"], [[label, "0.5"] for label in labels], list(labels))),
        reports.reliability_figure([0.5, 0.9], [True, False], subtitle=labels[0]),
        reports.reliability_figure([0.5, 0.9], [True, False], before=([0.9, 0.95], [True, False]), subtitle=labels[0]),
        reports.class_reliability_figure(np.full((2, k), 1 / k), labels[:2], labels, subtitle=labels[0]),
        reports.class_reliability_figure(np.full((2, k), 1 / k), labels[:2], labels, before=np.full((2, k), 0.5), speakers=["a", "b"]),
        reports.risk_coverage_figure([0.5, 1.0], [0.1, 0.2], operating_point=(0.7, 0.1), subtitle=labels[0]),
        reports.speaker_figure(labels, [0.5] * k, [3] * k, pooled=0.5, interval=(0.2, 0.8), chance=0.25),
        reports.contribution_figure(labels, [1.0] * k, [0.1] * k, base=0.2, label=labels[0]),
    ]


@pytest.mark.parametrize("labels", [["calm", "angry"], HOSTILE], ids=["plain", "hostile"])
def test_every_figure_draws(labels: list[str]) -> None:
    for figure in every_figure(labels):
        pixels = picture(figure)
        assert 300 < pixels.shape[0] < 3000 and 300 < pixels.shape[1] < 3000
        assert pixels[..., :3].std() > 0.01  # something is drawn


def test_same_figure_same_bytes() -> None:
    first, second = (reports.figure_png(reports.confusion_figure([[3, 1], [0, 4]], ["a", "b"])) for _ in range(2))
    assert first == second


def test_callers_settings_do_not_matter_and_are_kept() -> None:
    import matplotlib

    plain = reports.figure_png(reports.confusion_figure([[3, 1], [0, 4]], ["a", "b"]))
    with matplotlib.rc_context({"font.size": 30.0, "text.usetex": False, "axes.grid": True, "savefig.dpi": 40}):
        assert reports.figure_png(reports.confusion_figure([[3, 1], [0, 4]], ["a", "b"])) == plain
        assert matplotlib.rcParams["font.size"] == 30.0


def test_no_window_system_is_touched() -> None:
    """Figures are made without pyplot, so that servers and threads may draw."""
    import subprocess
    import sys

    code = (
        "import sys; from emotion_native import reports\n"
        "reports.figure_png(reports.confusion_figure([[1, 0], [0, 1]], ['a', 'b']))\n"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_importing_reports_loads_no_matplotlib() -> None:
    import subprocess
    import sys

    subprocess.run([sys.executable, "-c", "import sys, emotion_native.reports; assert 'matplotlib' not in sys.modules"], check=True, timeout=60)


@pytest.mark.parametrize(
    "call",
    [
        lambda: reports.confusion_figure([[1, 2]], ["a", "b"]),
        lambda: reports.confusion_figure([[1, -2], [0, 0]], ["a", "b"]),
        lambda: reports.confusion_figure([[1, np.nan], [0, 0]], ["a", "b"]),
        lambda: reports.confusion_figure(np.zeros((0, 0)), []),
        lambda: reports.confusion_figure([[1, 2], [0, 0]], ["a", "b"], failed=[1]),
        lambda: reports.reliability_figure([0.5, np.nan], [True, True]),
        lambda: reports.reliability_figure([0.5], [True, True]),
        lambda: reports.reliability_figure([0.5], [True], before=([0.5], [True, True])),
        lambda: reports.reliability_figure([0.5], [True], speakers=["a", "b"]),
        lambda: reports.reliability_figure([0.5], [True], before=([0.5, 0.6], [True, True]), speakers=["a"]),
        lambda: reports.class_reliability_figure([[0.5, 0.5]], ["a", "b"], ["a", "b"]),
        lambda: reports.class_reliability_figure([[0.5, 1.5]], ["a"], ["a", "b"]),
        lambda: reports.class_reliability_figure([[0.5, np.nan]], ["a"], ["a", "b"]),
        lambda: reports.class_reliability_figure([[0.5, 0.5]], ["a"], ["a", "b"], before=[[1.0]]),
        lambda: reports.class_reliability_figure([[0.5, 0.5]], ["a"], ["a", "b"], speakers=["x", "y"]),
        lambda: reports.risk_coverage_figure([0.5], [0.1, 0.2]),
        lambda: reports.speaker_figure([], [], []),
        lambda: reports.contribution_figure(["a"], [1.0], [0.1, 0.2], base=0.0, label="a"),
        lambda: reports.Table("t", ["a", "b"], [["only one"]]),
    ],
)
def test_bad_input(call: object) -> None:
    with pytest.raises(InvalidInputError, match=" must "):
        call()  # type: ignore[operator]  # the parameters are lambdas


def test_confusion_of_nothing_predicted() -> None:
    """A class without clips has no shares: its row is empty, not a division by zero."""
    figure = reports.confusion_figure([[0, 3], [0, 0]], ["a", "b"], normalize=True)
    shares = figure.axes[0].images[0].get_array()
    assert shares.tolist() == [[0, 1], [0, 0]], shares
    assert picture(reports.confusion_figure([[0, 0], [0, 0]], ["a", "b"], normalize=True))[..., :3].std() > 0.01


def test_many_speakers_are_cut_to_the_extremes() -> None:
    figure = reports.speaker_figure([f"s{i}" for i in range(100)], np.linspace(0, 1, 100).tolist(), [5] * 100)
    labels = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert len(labels) == 40 and "s0  (5)" in labels and "s99  (5)" in labels and "s50  (5)" not in labels


def test_contributions_add_up() -> None:
    """The last edge of the waterfall is base + sum of all contributions, shown or not."""
    parts = np.random.default_rng(0).normal(size=50)
    figure = reports.contribution_figure([f"f{i}" for i in range(50)], parts, parts, base=0.3, label="x", top=4)
    bars = figure.axes[0].patches
    assert len(bars) == 5
    assert bars[-1].get_x() + bars[-1].get_width() == pytest.approx(0.3 + parts.sum(), abs=1e-9)


def test_wilson_interval_of_the_reliability_diagram() -> None:
    """Against the closed form worked by hand: 8 of 10 gives 0.4902 to 0.9433."""
    from emotion_native.reports.reliability import _wilson

    assert _wilson(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)


def test_reliability_of_each_class(rng: np.random.Generator) -> None:
    """Dots lie where the rows of a bin are, counted here by hand; a bin of fewer than ten rows waits for its neighbours."""
    proba = rng.dirichlet(np.ones(3), 300)
    label = np.asarray(["a", "b", "c"])[[rng.choice(3, p=row) for row in proba]]
    figure = reports.class_reliability_figure(proba, label, ["a", "b", "c"], n_bins=4)
    for c, axes in enumerate(figure.axes):
        dots = [line.get_xydata()[0] for line in axes.lines if line.get_marker() == "o"]
        bins = [(proba[:, c] >= low) & (proba[:, c] < low + 0.25) for low in (0, 0.25, 0.5, 0.75)]
        assert min(map(np.sum, bins)) >= 10
        expected = [(proba[own, c].mean(), (label[own] == "abc"[c]).mean()) for own in bins]
        np.testing.assert_allclose(dots, expected, atol=1e-12)
        assert axes.get_title(loc="left").startswith("abc"[c])
    few = reports.class_reliability_figure([[0.9, 0.1]] * 9 + [[0.1, 0.9]] * 12, ["a"] * 9 + ["b"] * 12, ["a", "b"])
    (dot,) = (line.get_xydata()[0] for line in few.axes[1].lines if line.get_marker() == "o")
    assert dot == pytest.approx([(9 * 0.1 + 12 * 0.9) / 21, 12 / 21])


def test_bars_over_speakers(rng: np.random.Generator) -> None:
    """With speakers the bars are the intervals of the metric, with one speaker there are none."""
    from emotion_native.metrics import speaker_interval

    speaker, right = np.repeat(list("abcde"), 4), rng.random(20) < 0.6
    figure = reports.reliability_figure(np.full(20, 0.7), right, speakers=speaker, n_bins=1)
    ends = next(line.get_ydata() for line in figure.axes[0].lines if line.get_linewidth() == 1.6)
    expected = speaker_interval("accuracy", np.ones(20, dtype=int), right.astype(int), speaker)
    assert ends == pytest.approx([expected.low, expected.high])
    alone = reports.reliability_figure(np.full(20, 0.7), right, speakers=["a"] * 20, n_bins=1)
    assert np.isnan(next(line.get_ydata() for line in alone.axes[0].lines if line.get_linewidth() == 1.6)).all()
    picture(alone)


def test_the_most_frequent_of_many_classes_are_drawn(rng: np.random.Generator) -> None:
    names = [f"c{i:02d}" for i in range(30)]
    label = np.asarray(names[:2] * 5 + names)
    figure = reports.class_reliability_figure(np.full((len(label), 30), 1 / 30), label, names)
    assert len(figure.axes) == 24 and figure.axes[1].get_title(loc="left") == "c01 (6)" and "24 of 30" in figure.get_suptitle()


@pytest.mark.parametrize(("text", "shown"), [("a\nb", "a b"), ("", "(blank)"), ("\x1b[31mred", "[31mred"), ("x" * 30, "x" * 23 + "…"), (7, "7")])
def test_shown_label(text: object, shown: str) -> None:
    assert reports.shown_label(text) == shown


def test_a_figure_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "confusion.png"
    path.write_bytes(b"old")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left") as caught:
        reports.save_figure(reports.confusion_figure([[8, 2], [1, 9]], ["calm", "angry"]), path)
    assert caught.value.filename == str(path)
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]


def test_saving_names_the_file_that_was_asked_for(tmp_path: Path) -> None:
    figure = reports.confusion_figure([[3, 1], [0, 4]], ["a", "b"])
    missing = tmp_path / "no" / "such" / "x.png"
    with pytest.raises(FileNotFoundError) as caught:
        reports.save_figure(figure, missing)
    assert caught.value.filename == str(missing) and ".part" not in str(caught.value)
    with pytest.raises(InvalidInputError, match=r"^figure of save_figure must be a figure; got .*: the order is save_figure\(figure, path\)$"):
        reports.save_figure(str(missing), figure)  # type: ignore[arg-type]  # on purpose
    with pytest.raises(InvalidInputError, match=r"^path of save_figure must be a path; got 3$"):
        reports.save_figure(figure, 3)  # type: ignore[arg-type]  # on purpose


@pytest.mark.parametrize(
    ("confidence", "correct", "message"),
    [
        ([0.9, 0.8], ["calm", "angry"], r"^correct of reliability_figure must be whether .* such as predicted == label; got 'calm'$"),
        ([0.9, 0.8], [2, 1], r"^correct of reliability_figure must be whether .*; got 2$"),
        ([0.9, 0.8], [1.0, np.nan], r"^correct of reliability_figure must be whether .*; got nan$"),
        ([0.9, 0.8], [None, True], r"^correct of reliability_figure must be whether .*; got None$"),
        ([1.9, 0.8], [True, False], r"^confidence of reliability_figure must be from 0 to 1 .*; got 1\.9$"),
        ([-0.1, 0.8], [True, False], r"^confidence of reliability_figure must be from 0 to 1 .*; got -0\.1$"),
        (["calm", "angry"], [True, False], r"^confidence of reliability_figure must be numbers from 0 to 1; got values of type <U5$"),
        ([[0.9, 0.1], [0.2, 0.8]], [True, False], r"^confidence of reliability_figure must be 1-D and as long as correct; got shapes"),
        ([[0.9], [0.2, 0.8]], [True, False], r"^confidence and correct of reliability_figure must be one value a prediction; got sequences"),
    ],
)
def test_a_reliability_figure_says_what_it_was_given_instead(confidence: list[object], correct: list[object], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        reports.reliability_figure(confidence, correct)


def test_a_reliability_figure_refuses_the_bins_of_a_curve() -> None:
    accuracy, confidence, _ = reliability_curve([0, 1, 0, 0], [[0.9, 0.1], [0.6, 0.4], [0.7, 0.3], [0.65, 0.35]], n_bins=1)
    for pair in ((confidence, accuracy), (accuracy, confidence)):
        with pytest.raises(InvalidInputError, match=r"^correct of reliability_figure must be whether"):
            reports.reliability_figure(*pair)


@pytest.mark.parametrize("kind", [bool, int, float])
def test_a_reliability_figure_takes_zeros_and_ones(kind: type) -> None:
    drawn = reports.reliability_figure(np.float32([0.9, 0.4, 1.0 + 1e-7]), np.array([1, 0, 1], dtype=kind))
    assert reports.figure_png(drawn) == reports.figure_png(reports.reliability_figure(np.float32([0.9, 0.4, 1.0 + 1e-7]), [True, False, True]))
