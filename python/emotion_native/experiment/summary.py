"""Scores of one evaluated set: computed once by the metrics, then shown as tables in pictures, LaTeX, HTML and on the screen."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..reports import Table, evidence_note, format_interval

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .scored import Scored

__all__ = [
    "NAMES",
    "Measure",
    "answer_table",
    "chance_level",
    "class_table",
    "count_reasons",
    "evidence",
    "measures",
    "speaker_scores",
    "speaker_table",
    "summarise",
    "summary_table",
    "warnings_of",
    "wrapped",
]

NAMES = {
    "balanced_accuracy": "Balanced accuracy (UAR)",
    "accuracy": "Accuracy",
    "macro_f1": "Macro F1",
    "weighted_f1": "Weighted F1",
    "top_2_accuracy": "Top-2 accuracy",
    "top_3_accuracy": "Top-3 accuracy",
    "cohen_kappa": "Cohen's κ",
    "matthews_corrcoef": "Matthews correlation",
    "log_loss": "Log loss",
    "brier": "Brier score",
    "expected_calibration_error": "Expected calibration error (debiased)",
    "coverage": "Coverage (share answered)",
    "selective_accuracy": "Accuracy of answers",
    "area_under_risk_coverage": "Area under risk-coverage curve",
}


@dataclass(frozen=True)
class Measure:
    """One score with its interval; None where it is not defined."""

    key: str
    name: str
    value: float | None
    low: float | None
    high: float | None
    n_speakers: int | None


def summarise(
    classes: Sequence[str],
    label: NDArray[np.str_],
    proba: NDArray[np.float64],
    abstained: NDArray[np.bool_],
    speaker: NDArray[np.str_],
    ok: NDArray[np.bool_],
    prior: Sequence[float] | NDArray[np.float64] | None,
    *,
    ungrouped: bool = False,
) -> dict[str, Any]:
    """Return `emotion_native.metrics.classification_summary` of predictions in which failed rows are NaN; ``prior`` (one, or one a row)
    stands in for them."""
    from ..metrics import classification_summary

    names = np.asarray([name or "(unknown)" for name in speaker.tolist()], dtype=np.str_)
    fill = None if prior is None or np.shape(prior)[-1] != len(classes) else np.asarray(prior, dtype=np.float64)
    return classification_summary(
        label,
        proba,
        classes=np.asarray(classes, dtype=np.str_),
        speakers=names,
        abstained=abstained,
        failed=~ok,
        prior=fill,
        ungrouped=ungrouped,
    )


def measures(summary: dict[str, Any]) -> list[Measure]:
    """Return the overall scores in the order of the tables."""
    overall = summary["overall"]
    return [
        Measure(key, name, overall[key].get("value"), overall[key].get("low"), overall[key].get("high"), overall[key].get("n_speakers"))
        for key, name in NAMES.items()
        if key in overall
    ]


def chance_level(summary: dict[str, Any]) -> float:
    """Return the balanced accuracy of guessing."""
    return float(summary["chance"]["balanced_accuracy"])


def _number(value: float | None, digits: int = 3) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def summary_table(scored: Scored) -> Table:
    """Return every overall score with its interval, chance beside the balanced accuracy."""
    summary = scored.summary
    rows = []
    for row in measures(summary):
        if row.key == "top_3_accuracy" and len(scored.classes) < 4:
            continue  # always 1
        interval = format_interval(row.low, row.high, row.n_speakers) if row.n_speakers is not None else ""
        rows.append([row.name, _number(row.value), interval])
        if row.key == "balanced_accuracy":
            rows.append([f"Chance: guessing among {round(1 / chance_level(summary))} labels", _number(chance_level(summary)), ""])
        elif row.key == "accuracy":
            rows.append(["Chance: always the commonest label", _number(summary["chance"]["accuracy"]), ""])
    notes = list(filter(None, [evidence(scored)]))
    if summary["n_failed"]:
        notes.append(f"{summary['n_failed']} of {summary['n_rows']} clips failed: they count as wrong and as abstained.")
    return Table(f"{scored.title}: scores", ["Measure", "Value", "95 % interval"], rows, [*warnings_of(summary), *notes])


def count_reasons(reason: Sequence[str]) -> dict[str, int]:
    """Return how many clips got no answer for which reason, in the order of `emotion_native.calibration.ABSTENTION_REASONS`."""
    from ..calibration import ABSTENTION_REASONS

    found = {name: list(reason).count(name) for name in dict.fromkeys([*ABSTENTION_REASONS, *sorted(set(reason) - {""})])}
    return {name: count for name, count in found.items() if count}


def answer_table(scored: Scored) -> Table:
    """Return how many clips were answered, and how many were not for which reason, with how often the best label was right."""
    from ..calibration import ABSTENTION_REASONS

    right = scored.predicted == scored.label
    reason = np.asarray(scored.reason, dtype=np.str_)
    counts = count_reasons(scored.reason)
    rows = []
    for name, own in [("answered", ~scored.abstained), *((name, reason == name) for name in counts)]:
        predicted = own & scored.ok
        share = _number(float(right[predicted].mean())) if predicted.any() else "–"
        rows.append([name.replace("_", " "), str(int(own.sum())), f"{own.mean():.1%}", share])
    notes = [f"{name}: {ABSTENTION_REASONS[name]}." for name in counts if name in ABSTENTION_REASONS]
    if any(name in counts for name in ("low_confidence", "out_of_distribution")):
        notes.insert(0, "Best label right, where there is no answer: how often an answer would have been right.")
    return Table(f"{scored.title}: answers", ["Clips that are", "Clips", "Share", "Best label right"], rows, [*notes, *warnings_of(scored.summary)])


def evidence(scored: Scored) -> str:
    """Return how far the intervals carry, and how the one of the balanced accuracy was computed."""
    return evidence_note(scored.n_speakers, scored.summary["overall"]["balanced_accuracy"].get("method"))


def warnings_of(summary: dict[str, Any]) -> list[str]:
    """Return what the first lines of a table must say about its scores."""
    told = ["UNGROUPED SPLIT: these scores are inflated."] if summary.get("ungrouped") else []
    return [*told, "ENROLMENT: test speakers' own clips were used."] if summary.get("enrolment") else told


def class_table(scored: Scored) -> Table:
    """Return one row a class."""
    rows = [
        [
            str(row["class"]),
            _number(row["precision"]),
            _number(row["recall"]),
            format_interval(row["recall_low"], row["recall_high"], row["n_speakers"]),
            _number(row["f1"]),
            _number(row["coverage"], 2),
            str(row["support"]),
        ]
        for row in scored.summary["per_class"]
    ]
    header = ["Label", "Precision", "Recall", "95 % interval of recall", "F1", "Coverage", "Clips"]
    return Table(f"{scored.title}: each label", header, rows, [*warnings_of(scored.summary)])


def speaker_table(scored: Scored) -> Table:
    """Return one row a speaker, worst balanced accuracy first."""
    ordered = sorted(scored.summary["per_speaker"], key=lambda row: row["balanced_accuracy"] if row["balanced_accuracy"] is not None else -1.0)
    rows = [
        [
            str(row["speaker"]),
            _number(row["balanced_accuracy"]),
            _number(row["accuracy"]),
            _number(row["macro_f1"]),
            _number(row["coverage"], 2),
            _number(row["selective_accuracy"]),
            str(row["n_rows"]),
            str(row["failed"]),
        ]
        for row in ordered
    ]
    header = ["Speaker", "UAR", "Accuracy", "Macro F1", "Coverage", "Accuracy of answers", "Clips", "Failed"]
    return Table(
        f"{scored.title}: each speaker", header, rows, ["UAR of a speaker is over the labels that the speaker has.", *warnings_of(scored.summary)]
    )


def speaker_scores(scored: Scored) -> tuple[list[str], list[float], list[int]]:
    """Return names, balanced accuracies (NaN where not defined) and numbers of clips."""
    rows = scored.summary["per_speaker"]
    values = [float("nan") if row["balanced_accuracy"] is None else float(row["balanced_accuracy"]) for row in rows]
    return [str(row["speaker"]) for row in rows], values, [int(row["n_rows"]) for row in rows]


def wrapped(text: str, width: int = 64) -> str:
    """Return text in lines of at most ``width`` characters, for the small print of figures."""
    return "\n".join(textwrap.wrap(text, width))
