"""Figures of explanations: what they draw, and the empty and broken cases."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from emotion_native.exceptions import InvalidInputError
from emotion_native.explain import Explanation
from emotion_native.reports import bar_figure, beeswarm_figure, contribution_figure, figure_png, waterfall_figure
from emotion_native.reports.explanations import MOST_POINTS

pytestmark = pytest.mark.unsanitized  # pictures and pages, drawn by Python alone


def make(rows: int, columns: int, seed: int = 0) -> Explanation:
    rng = np.random.default_rng(seed)
    data = rng.normal(size=(rows, columns)).astype(np.float32)
    names = [f"mfcc_{j}_delta_percentile_95_of_voiced_frames_normalised" for j in range(columns)]
    return Explanation(rng.normal(size=(rows, columns, 2)), np.full((rows, 2), 0.5), data, names, np.array(["calm", "happy"]))


def labels(figure: Any) -> list[str]:
    return [text.get_text() for text in figure.axes[0].get_yticklabels()]


def test_bars_are_mean_sizes_and_the_rest_is_summed() -> None:
    found = make(50, 14)
    figure = bar_figure(found, "happy", top=5)
    means = np.abs(found.values[:, :, 1]).mean(axis=0)
    widths = [patch.get_width() for patch in figure.axes[0].patches]
    np.testing.assert_allclose(widths[:5], np.sort(means)[::-1][:5])
    np.testing.assert_allclose(sum(widths), means.sum())
    assert labels(figure)[-1] == "sum of 9 other columns"
    assert len(set(labels(figure))) == 6


def test_a_swarm_shows_every_row_once_in_each_line() -> None:
    found = make(80, 12)
    figure = beeswarm_figure(found, "calm", top=3)
    axes = figure.axes[0]
    assert [len(points.get_offsets()) for points in axes.collections] == [80] * 4
    order = np.argsort(-np.abs(found.values[:, :, 0]).mean(axis=0))
    np.testing.assert_allclose(np.asarray(axes.collections[0].get_offsets())[:, 0], found.values[:, order[0], 0])
    total = sum(np.asarray(points.get_offsets())[:, 0] for points in axes.collections)
    np.testing.assert_allclose(total, found.values[:, :, 0].sum(axis=1), atol=1e-9)
    assert np.abs(np.asarray(axes.collections[1].get_offsets())[:, 1] - 1).max() < 0.5
    many = beeswarm_figure(make(MOST_POINTS + 500, 3), "calm")
    assert len(many.axes[0].collections[0].get_offsets()) == MOST_POINTS
    assert "1,000 drawn" in many.axes[0].get_title(loc="left")


def test_a_waterfall_ends_at_the_output() -> None:
    found = make(4, 12)
    figure = waterfall_figure(found, 2, "happy", top=4)
    last = figure.axes[0].patches[-1]
    assert last.get_x() + last.get_width() == pytest.approx(0.5 + found.values[2, :, 1].sum())


def test_the_only_row_needs_no_number() -> None:
    found = make(4, 12)
    short, long = waterfall_figure(found[2], "happy"), waterfall_figure(found, 2, "happy")
    assert figure_png(short) == figure_png(long)
    with pytest.raises(InvalidInputError, match=r"^class_ of waterfall_figure must be given after a row, as there are 4 rows; got 'happy' alone$"):
        waterfall_figure(found, "happy")
    with pytest.raises(InvalidInputError, match=r"^row of waterfall_figure must be a position from 0 to 3, or from -4 to -1; got 7$"):
        waterfall_figure(found, 7, "happy")


def test_a_rest_of_many_columns_does_not_flatten_those_shown() -> None:
    """Of 400 columns ten are drawn: the axis is theirs, the sum of the others is cut off and told in words."""
    found = make(30, 400)
    bars, swarm = bar_figure(found, "calm").axes[0], beeswarm_figure(found, "calm").axes[0]
    means = np.sort(np.abs(found.values[:, :, 0]).mean(axis=0))[::-1]
    assert bars.get_xlim()[1] == pytest.approx(1.14 * means[0]) and bars.patches[-1].get_width() == pytest.approx(means[10:].sum())
    assert any(text.get_text().endswith("beyond the scale →") for text in bars.texts)
    assert "beyond the scale" in swarm.get_yticklabels()[-1].get_text()
    shown = np.concatenate([np.asarray(points.get_offsets())[:, 0] for points in swarm.collections[:-1]])
    assert swarm.get_xlim()[1] == pytest.approx(1.08 * np.abs(shown).max())


def test_a_rest_of_which_no_point_would_show_is_left_off_and_said() -> None:
    """400 columns that all raise the score a little: their sum is a multiple of every column shown, for every row."""
    found = make(30, 400)
    values = np.full((30, 400, 2), 0.01)
    values[:, :10] = np.linspace(0.05, 0.1, 30)[:, None, None]
    axes = beeswarm_figure(Explanation(values, found.base_values, found.data, found.feature_names, found.classes), "calm").axes[0]
    assert len(axes.collections) == len(axes.get_yticklabels()) == 10 and not any("other" in text.get_text() for text in axes.get_yticklabels())
    assert "Left off: the sum of 390 other columns, from +3.9 to +3.9, beyond the scale." in axes.get_title(loc="left")
    for points in axes.collections:
        assert (np.asarray(points.get_offsets())[:, 0] <= axes.get_xlim()[1]).all()


@pytest.mark.parametrize("fill", [0.0, 1e-300, 1e6])
def test_one_row_one_column_missing_data_and_flat_values_are_drawn(fill: float) -> None:
    one = Explanation(np.full((1, 1, 1), fill), np.zeros((1, 1)), np.full((1, 1), np.nan, np.float32), ["$x_\x00"], np.array(["calm"]))
    for figure in (bar_figure(one), bar_figure(one, "calm"), beeswarm_figure(one, "calm"), waterfall_figure(one, 0, "calm")):
        assert figure_png(figure)[1:4] == b"PNG"
    assert "missing" in labels(waterfall_figure(one, 0, "calm"))[0]


def test_bad_arguments_are_refused() -> None:
    found = make(3, 3)
    empty = Explanation(np.zeros((0, 2, 1)), np.zeros((0, 1)), np.zeros((0, 2), np.float32), ["a", "b"], np.array(["calm"]))
    calls: list[Any] = [
        lambda: bar_figure(empty, "calm"),
        lambda: beeswarm_figure(empty, "calm"),
        lambda: waterfall_figure(empty, 0, "calm"),
        lambda: bar_figure(found, "bored"),
        lambda: beeswarm_figure(found, None),
        lambda: beeswarm_figure(found, "calm", top=0),
        lambda: waterfall_figure(found, 3, "calm"),
        lambda: waterfall_figure(found, 1.5, "calm"),
        lambda: bar_figure(found.values, "calm"),  # type: ignore[arg-type]  # on purpose
    ]
    for call in calls:
        with pytest.raises(InvalidInputError):
            call()


FIGURES: list[Any] = [bar_figure, beeswarm_figure, lambda found, class_: waterfall_figure(found, 0, class_)]
ODD_CLASSES = [["calm"], ("calm", "happy"), np.array(["calm", "happy"]), pd.Series(["calm"]), pd.NA, {}, slice(None), np.nan, 0]


@pytest.mark.parametrize("draw", FIGURES)
@pytest.mark.parametrize("class_", ODD_CLASSES, ids=lambda value: type(value).__name__)
def test_what_is_no_class_is_refused_by_name(draw: Any, class_: Any) -> None:
    with pytest.raises(InvalidInputError, match=r"^class_ of \w+_figure must be one of \['calm', 'happy'\]; got "):
        draw(make(3, 3), class_)


@pytest.mark.parametrize("draw", FIGURES)
@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan, 1.7e308])
def test_contributions_that_no_axis_holds_are_refused(draw: Any, bad: float) -> None:
    found = make(4, 3)
    found.values[2, 1, 0] = bad
    with pytest.raises(InvalidInputError, match=r"^values of \w+_figure's explanation must be finite and at most 1e\+15 in size; got "):
        draw(found, "calm")
    draw(found, "happy")  # of another class nothing is drawn
    found.base_values[0, 1] = bad
    with pytest.raises(InvalidInputError, match=r"^base_values of waterfall_figure's explanation must be finite"):
        waterfall_figure(found, 0, "happy")


@pytest.mark.parametrize("size", [1e15, 1e-300])
def test_the_ends_of_what_is_allowed_are_drawn(size: float) -> None:
    found = make(4, 3)
    found.values[0, 0, 0] = size
    found.data[0] = [np.inf, -np.inf, np.nan]
    for draw in FIGURES:
        assert figure_png(draw(found, "calm"))[1:4] == b"PNG"


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"base": np.inf}, "base of contribution_figure must be finite"),
        ({"base": None}, "base of contribution_figure must be numbers"),
        ({"contributions": [np.nan, 0.0]}, "contributions of contribution_figure must be finite"),
        ({"contributions": ["a", "b"]}, "contributions of contribution_figure must be numbers"),
        ({"contributions": [[1.0], [1.0, 2.0]]}, "contributions of contribution_figure must be numbers"),
        ({"values": [None, 1.0]}, "values of contribution_figure must be numbers"),
        ({"values": 3.0}, "contributions of contribution_figure must be 1-D and as many as names and values"),
        ({"names": 3}, "contributions of contribution_figure must be 1-D and as many as names and values"),
        ({"top": 0}, "top of contribution_figure must be an integer of at least 1"),
        ({"top": "x"}, "top of contribution_figure must be an integer of at least 1"),
    ],
)
def test_wrong_contributions_are_refused_by_name(changed: dict[str, Any], rule: str) -> None:
    sound: dict[str, Any] = {"names": ["a", "b"], "values": [0.1, np.inf], "contributions": [0.3, -0.1], "base": 0.2, "label": "calm"}
    contribution_figure(**sound)
    with pytest.raises(InvalidInputError, match=f"^{rule}"):
        contribution_figure(**{**sound, **changed})
