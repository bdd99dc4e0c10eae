"""Two or more runs on the same clips: which differences are real."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import reports
from .._display import counted, html_table
from .._files import write_atomically
from ..exceptions import InvalidInputError
from ..metrics import PairedComparison, detectable_difference, holm_correction, paired_speaker_test
from ..metrics._names import check_measure
from ..metrics._paired import LOWER_IS_BETTER, model_interval, power_hint
from ..metrics._significance import least_p_value
from .run_folder import check_target, json_text, new_folder
from .scored import Scored
from .summary import NAMES, wrapped
from .writing import read_run

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from ..metrics import Interval

__all__ = ["ComparedPair", "RunComparison", "compare"]

_OF_PROBABILITIES = ("log_loss", "brier", "top_2_accuracy", "expected_calibration_error")
METRICS = ("balanced_accuracy", "accuracy", "macro_f1", "weighted_f1", "cohen_kappa", "matthews_corrcoef", *_OF_PROBABILITIES)
MOST_RUNS = 20
_LEAST_EXCHANGES, _MOST_EXCHANGES = 9_999, 999_999
_EXCHANGES_AT_LEVEL = 20  # so many random exchanges below the smallest corrected level, so that many comparisons can still be found real


@dataclass(frozen=True)
class ComparedPair:
    """Two runs and one score.

    Attributes
    ----------
    a, b : str
        Names of the runs.
    result : PairedComparison
        `emotion_native.metrics.paired_speaker_test`.
    p_corrected : float
        The p-value after Holm's correction for all pairs and scores compared.
    real : bool
        Whether it is at most 1 - level.
    """

    a: str
    b: str
    result: PairedComparison
    p_corrected: float
    real: bool


@dataclass(frozen=True)
class RunComparison:
    """What `compare` found.

    Attributes
    ----------
    runs : list of str
        Names, in the order given.
    metrics : list of str
    level : float
    n_clips, n_speakers : int
        Clips that every run has, and their speakers.
    n_left_out : int
        Clips that some run lacks.
    n_predicted : int
        Clips that failed in no run; the calibration error is over these.
    scores : dict
        For each metric one `Interval` a run.
    pairs : list of ComparedPair
        Every pair of runs, for each metric.
    warnings : list of str
        What makes the comparison less than it seems (ungrouped splits, seen data, different folds, few speakers).
    """

    runs: list[str]
    metrics: list[str]
    level: float
    n_clips: int
    n_speakers: int
    n_left_out: int
    n_predicted: int
    scores: dict[str, list[Interval]]
    pairs: list[ComparedPair]
    warnings: list[str]

    def __repr__(self) -> str:
        size = f"{len(self.runs)} runs on {counted(self.n_clips, 'clip')} of {counted(self.n_speakers, 'speaker')}"
        real = f"{sum(pair.real for pair in self.pairs)} of {counted(len(self.pairs), 'difference')} shown to be real"
        return f"RunComparison({size}; {', '.join(self.metrics)}; {real})"

    def _repr_html_(self) -> str:
        tables = (self.table(), self.difference_table())
        return "".join(html_table(f"{table.title}. {' '.join(table.notes)}", table.header, table.rows) for table in tables)

    def to_dict(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        pairs = [{"a": p.a, "b": p.b, **p.result.to_dict(), **_names_of(p)} for p in self.pairs]
        scores = {m: [{"run": n, **i.to_dict()} for n, i in zip(self.runs, row, strict=True)] for m, row in self.scores.items()}
        kept = ("runs", "metrics", "level", "n_clips", "n_speakers", "n_left_out", "n_predicted", "warnings")
        return {"kind": "comparison", **{name: getattr(self, name) for name in kept}, "scores": scores, "pairs": pairs}

    def notes(self) -> list[str]:
        """Return what must be read beside the tables."""
        return [
            f"A difference is real if its test over speakers stays at or below {1 - self.level:.2g} after Holm's correction "
            f"for {_counted(len(self.pairs))}.",
            "Intervals of differences are over speakers and not corrected. Speakers: how many score better with the first, and with the second run. "
            "↓: lower is better.",
            *(f"{NAMES[metric]}: {self.hint(metric)}" for metric in self.metrics),
            *self._unscored(),
        ]

    def hint(self, metric: str) -> str:
        """Return what a comparison over these speakers could see of one score: of the pair that differs most between speakers, by itself and, with
        several comparisons, at the level that Holm's correction asks of the smallest p-value."""
        widest = max((p.result for p in self.pairs if p.result.metric == metric), key=lambda r: r.detectable)
        alone, tests = power_hint(widest.n_speakers, widest.detectable, self.level), len(self.pairs)
        if tests == 1 or not 0 < widest.detectable < math.inf:
            return alone
        n, strict = widest.n_speakers, 1 - (1 - self.level) / tests
        unit = [detectable_difference(1.0, n, level=level) for level in (self.level, strict)]
        largest = widest.detectable * unit[1] / unit[0]
        corrected = f"Corrected for {_counted(tests)}, {100 * (1 - strict):.2g} % for the first of them"
        if math.isinf(largest):
            return f"{alone} {corrected}, none can be shown: p cannot be below {least_p_value(n):.3g}."
        return f"{alone} {corrected}: under {largest:.3f}."

    def findings(self) -> list[str]:
        """Return each difference that is real as a sentence, or that none is."""
        lines = []
        for pair in (pair for pair in self.pairs if pair.real):
            r, better = pair.result, _better(pair)
            ends = sorted(abs(end) for end in (r.difference.low, r.difference.high))
            size = f"by {abs(r.difference.estimate):.3f}" + (f" ({ends[0]:.3f} to {ends[1]:.3f})" if r.difference.low * r.difference.high > 0 else "")
            speakers = f"for {r.a_better if better == pair.a else r.b_better} of {r.n_speakers} speakers"
            lines.append(f"{better} is better than {pair.b if better == pair.a else pair.a} in {NAMES[r.metric]} {size}, {speakers}.")
        return lines or ["No difference between these runs is shown; that does not show that they are equal."]

    def table(self) -> reports.Table:
        """Return one row a run and score."""
        rows = []
        for metric in self.metrics:
            for name, i in zip(self.runs, self.scores[metric], strict=True):
                rows.append([name, _shown(metric), f"{i.estimate:.3f}", reports.format_interval(i.low, i.high, i.n_speakers)])
        return reports.Table("Runs", ["Run", "Measure", "Value", f"{_percent(self.level)} interval"], rows, self._left_out())

    def difference_table(self) -> reports.Table:
        """Return one row a pair and score."""
        rows = []
        for pair in self.pairs:
            r = pair.result
            interval = "not defined" if math.isnan(r.difference.low) else f"{_signed(r.difference.low)} to {_signed(r.difference.high)}"
            speakers = f"{r.a_better} : {r.b_better}"
            verdict = _better(pair) if pair.real else "not shown"
            label = f"{pair.a} − {pair.b}"
            rows.append([label, verdict, _shown(r.metric), _signed(r.difference.estimate), interval, speakers, _p(r.p_value), _p(pair.p_corrected)])
        header = ["Runs", "Better", "Measure", "Difference", f"{_percent(self.level)} interval", "Speakers", "p", "p corrected"]
        return reports.Table("Differences", header, rows, [*self.warnings, *self.notes()])

    def figure(self, metric: str | None = None) -> Figure:
        """Draw the differences of one score; None: the first."""
        metric = self.metrics[0] if metric is None else metric
        shown = [p for p in self.pairs if p.result.metric == metric][:40]
        d = [p.result.difference for p in shown]
        clips = f"{self.n_clips} clips, {reports.evidence_note(self.n_speakers) or f'{self.n_speakers} speakers.'}"
        return reports.difference_figure(
            [f"{p.a} − {p.b}" for p in shown],
            [i.estimate for i in d],
            [i.low for i in d],
            [i.high for i in d],
            [p.real for p in shown],
            title=f"Which differences are real: {NAMES[metric]}",
            xlabel=f"Difference in {NAMES[metric]}, with {_percent(self.level)} interval over speakers\n{_better_side(metric)}",
            subtitle="\n".join(wrapped(line, 100) for line in [*self.warnings, clips, self.hint(metric)]),
            correction=f"after Holm's correction for {_counted(len(self.pairs))}",
        )

    def _unscored(self) -> list[str]:
        clips = self.n_clips - self.n_predicted
        if "expected_calibration_error" not in self.metrics or not clips:
            return []
        return [f"{NAMES['expected_calibration_error']}: without the {clips} clips that failed in some run; they have no confidence."]

    def _left_out(self) -> list[str]:
        return [f"{self.n_left_out} clips that some run lacks are left out."] if self.n_left_out else []


def _names_of(pair: ComparedPair) -> dict[str, Any]:
    r = pair.result
    return {"a_score": r.a, "b_score": r.b, "p_corrected": None if math.isnan(pair.p_corrected) else pair.p_corrected, "real": pair.real}


def _counted(tests: int) -> str:
    return f"{tests} comparison{'' if tests == 1 else 's'}"


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", "−")


def _percent(level: float) -> str:
    return f"{100 * level:g} %"


def _shown(metric: str) -> str:
    """Return a score's name for a column of a wide table."""
    name = {"expected_calibration_error": "Calibration error", "balanced_accuracy": "Balanced accuracy"}.get(metric, NAMES[metric])
    return f"{name} ↓" if metric in LOWER_IS_BETTER else name


def _better(pair: ComparedPair) -> str:
    """Return the run with the better score."""
    return pair.a if (pair.result.difference.estimate > 0) != (pair.result.metric in LOWER_IS_BETTER) else pair.b


def _better_side(metric: str) -> str:
    return f"{'Left' if metric in LOWER_IS_BETTER else 'Right'} of 0 the first run of the pair is better"


def _p(value: float) -> str:
    return "–" if math.isnan(value) else "< .001" if value < 0.001 else f"{value:.3f}"


def compare(
    runs: Sequence[str | Path],
    *,
    metrics: Sequence[str] = ("balanced_accuracy",),
    level: float = 0.95,
    output: str | Path | None = None,
    force: bool = False,
    random_state: int = 0,
    n_jobs: int | None = None,
) -> RunComparison:
    """Compare run folders that ``train``, ``evaluate`` or ``demo`` made, over the clips that all of them have.

    Every pair is tested over speakers (`emotion_native.metrics.paired_speaker_test`); a difference counts as real if it stands after Holm's
    correction for all pairs and scores. Failed clips stay: they are wrong answers, and their probabilities are the shares of the labels; only
    the calibration error leaves them out, as they have no confidence.

    Parameters
    ----------
    runs : sequence of paths
        Two to twenty folders.
    metrics : sequence of str
        balanced_accuracy, accuracy, macro_f1, weighted_f1, cohen_kappa, matthews_corrcoef, log_loss, brier, top_2_accuracy,
        expected_calibration_error (debiased), or other names of these ("uar", "f1_macro"). Each one more is a test more to correct for:
        choose before you look.
    level : float
        1 - the chance of any false alarm.
    output : path, optional
        Folder to make, with ``comparison.png``, ``comparison.tex``, ``comparison.html`` and ``run.json``.
    force : bool
        Replace it.
    random_state : int
    n_jobs : int or None

    Returns
    -------
    RunComparison

    Raises
    ------
    InvalidInputError
        If a folder is no run folder, the runs share no clips, or disagree about a clip's label or speaker.

    Examples
    --------
    >>> from emotion_native.experiment import compare
    >>> compare(["runs/forest"])
    Traceback (most recent call last):
        ...
    emotion_native.exceptions.InvalidInputError: runs of compare must be 2 to 20 different folders; got 1
    """
    wanted = _checked(runs, metrics)
    folders = [Path(run) for run in runs]
    if output is not None:
        check_target(Path(output), force=force, caller="compare")
    read = [read_run(folder) for folder in folders]
    names, parts = _run_names(folders), [scored for _, _, scored, _ in read]
    rows, n_left_out = _common_rows(parts, names)
    truth = parts[0].label[rows[0]]
    speaker = np.asarray([name or "(unknown)" for name in parts[0].speaker[rows[0]].tolist()], dtype=np.str_)
    pairs: list[ComparedPair] = []
    scores: dict[str, list[Interval]] = {}
    predicted = np.logical_and.reduce([part.ok[own] for part, own in zip(parts, rows, strict=True)])
    exchanges = _exchanges(len(wanted) * len(parts) * (len(parts) - 1) // 2, level)
    for metric in wanted:
        labels, answers = _answers(metric, parts, rows, truth)
        kept = predicted if metric == "expected_calibration_error" else np.ones(len(truth), dtype=bool)
        if not kept.any():
            raise InvalidInputError(f"runs of compare must share clips that failed in none of them for {metric}; got runs without a common one")
        shared: dict[str, Any] = {"level": level, "labels": labels}
        true, own = truth[kept], speaker[kept]
        scores[metric] = [_shown_score(metric, model_interval(metric, true, answer[kept], own, **shared)) for answer in answers]
        shared |= {"n_permutations": exchanges, "random_state": random_state, "n_jobs": n_jobs}
        for i, j in combinations(range(len(parts)), 2):
            result = paired_speaker_test(metric, true, answers[i][kept], answers[j][kept], own, **shared)
            pairs.append(ComparedPair(names[i], names[j], result, math.nan, False))
    corrected = holm_correction([pair.result.p_value for pair in pairs]).tolist()
    pairs = [replace(pair, p_corrected=p, real=bool(p <= 1 - level + 1e-12)) for pair, p in zip(pairs, corrected, strict=True)]
    n_speakers = len(np.unique(speaker))
    warnings = _warnings([record for record, _, _, _ in read], names, n_speakers)
    sizes = (len(truth), n_speakers, n_left_out, int(predicted.sum()))
    found = RunComparison(names, wanted, float(level), *sizes, scores, pairs, warnings)
    if output is not None:
        _write(found, Path(output), force)
    return found


def _exchanges(tests: int, level: float) -> int:
    """Return how many random exchanges a test looks at: p cannot be below one in so many, and must be able to stand after the correction."""
    if isinstance(level, bool) or not isinstance(level, (int, float)) or not 0 < level < 1:
        return _LEAST_EXCHANGES  # the tests say what is wrong
    return min(max(_LEAST_EXCHANGES, math.ceil(_EXCHANGES_AT_LEVEL * tests / (1 - level)) - 1), _MOST_EXCHANGES)


def _shown_score(metric: str, interval: Interval) -> Interval:
    """Return a score as every report gives it: a debiased calibration error below 0 is 0."""
    if metric != "expected_calibration_error" or math.isnan(interval.estimate):
        return interval
    return replace(interval, estimate=max(interval.estimate, 0.0), high=max(interval.high, 0.0))


def _checked(runs: Sequence[str | Path], metrics: Sequence[str]) -> list[str]:
    different = {Path(run).resolve() for run in runs}
    if not 2 <= len(runs) <= MOST_RUNS or len(different) < len(runs):
        raise InvalidInputError(f"runs of compare must be 2 to {MOST_RUNS} different folders; got {len(different)}")
    given = [metrics] if isinstance(metrics, str) else list(metrics)
    if not given:
        raise InvalidInputError(f"metrics of compare must be one or more of {', '.join(METRICS)}; got none")
    return list(dict.fromkeys(check_measure(name, METRICS, "metrics", "compare", "one or more of") for name in given))


def _run_names(folders: list[Path]) -> list[str]:
    """Return the folders' names, or their paths where two are the same."""
    short = [folder.resolve().name for folder in folders]
    return short if len(set(short)) == len(short) else [str(folder) for folder in folders]


def _keys(part: Scored) -> list[tuple[str, int]]:
    """Return a key for each row: its file and which of the file's rows it is (segments of one file keep their order)."""
    seen: dict[str, int] = {}
    keys = []
    for path in part.filepath.tolist():
        keys.append((path, seen.get(path, 0)))
        seen[path] = seen.get(path, 0) + 1
    return keys


def _common_rows(parts: list[Scored], names: list[str]) -> tuple[list[NDArray[np.int64]], int]:
    """Return for each run the rows of the clips that all runs have, in the order of the first run, and how many clips are left out."""
    places = [{key: row for row, key in enumerate(_keys(part))} for part in parts]
    kept = [key for key in places[0] if all(key in place for place in places)]
    if not kept:
        raise InvalidInputError("runs of compare must share clips (the same filepath); got runs without a common one")
    rows = [np.asarray([place[key] for key in kept], dtype=np.int64) for place in places]
    for what in ("label", "speaker"):
        first = getattr(parts[0], what)[rows[0]]
        for part, own, name in zip(parts[1:], rows[1:], names[1:], strict=True):
            wrong = np.flatnonzero(getattr(part, what)[own] != first)
            if len(wrong):
                clip = kept[int(wrong[0])][0]
                raise InvalidInputError(f"runs of compare must agree about every clip's {what}; got {names[0]} and {name}, which differ for {clip}")
    return rows, len(set().union(*places)) - len(kept)


def _answers(metric: str, parts: list[Scored], rows: list[NDArray[np.int64]], truth: NDArray[np.str_]) -> tuple[list[str], list[NDArray[Any]]]:
    """Return the classes and each run's answers: labels, or probabilities in which failed clips have the shares of the labels."""
    if metric not in _OF_PROBABILITIES:
        return np.unique(truth).tolist(), [part.predicted[own] for part, own in zip(parts, rows, strict=True)]
    classes = list(parts[0].classes)
    if any(list(part.classes) != classes for part in parts):
        raise InvalidInputError(f"runs of compare must have the same labels for {metric}; got runs with others")
    share = np.asarray([np.mean(truth == name) for name in classes])
    return classes, [np.where(part.ok[own, None], part.proba[own], share) for part, own in zip(parts, rows, strict=True)]


def _warnings(records: list[dict[str, Any]], names: list[str], n_speakers: int) -> list[str]:
    lines = []
    ungrouped = [name for record, name in zip(records, names, strict=True) if record.get("ungrouped")]
    if ungrouped:
        lines.append(f"UNGROUPED SPLIT: the scores of {', '.join(ungrouped)} are inflated; so are differences.")
    enrolled = [name for record, name in zip(records, names, strict=True) if record.get("enrolment")]
    if enrolled:
        others = "" if len(enrolled) == len(names) else ", which the others do without"
        lines.append(f"ENROLMENT: {', '.join(enrolled)} used test speakers' own clips{others}.")
    seen = [name for record, name in zip(records, names, strict=True) if any((record.get("seen") or {}).values())]
    if seen:
        lines.append(f"SEEN DATA: {', '.join(seen)} scored clips or speakers of its own training.")
    if len({record.get("split_hash") for record in records if record["kind"] == "training"}) > 1:
        lines.append("The runs were split in different ways: part of a difference may be the folds'. Give them the same folds (--folds-file).")
    if reports.evidence_note(n_speakers).startswith("Only"):
        lines.append(reports.evidence_note(n_speakers))
    return lines


def _write(found: RunComparison, target: Path, force: bool) -> None:
    pictures = {metric: reports.figure_png(found.figure(metric)) for metric in found.metrics}
    tables = [found.difference_table(), found.table()]
    first = found.warnings[0] if found.warnings else f"{found.n_clips} clips of {found.n_speakers} speakers, the same for every run."
    page = reports.HtmlPage("Comparison of runs", first_line=first, subtitle=", ".join(found.runs), warning=bool(found.warnings))
    page.bullets(found.findings())
    words = "Filled: real after correction. Bars: intervals over speakers."
    page.figures([(f"{NAMES[metric]}. {words}", picture) for metric, picture in pictures.items()], wide=True)
    for table in tables:
        page.table(table)
    with new_folder(target, force=force, caller="compare") as folder:
        (folder / "run.json").write_text(json_text(found.to_dict()), encoding="utf-8")
        write_atomically(folder / "comparison.png", pictures[found.metrics[0]])
        write_atomically(folder / "comparison.tex", reports.latex_tables(tables).encode())
        write_atomically(folder / "comparison.html", page.render().encode())
