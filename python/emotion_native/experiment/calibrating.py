"""What calibration was worth: the scores of probabilities before and after, their paired differences, and reliability diagrams."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import reports
from .summary import NAMES, summarise, warnings_of, wrapped

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from .scored import Scored

__all__ = ["CALIBRATED_SCORES", "add_uncalibrated", "calibration_table", "reliability_figures"]

CALIBRATED_SCORES = ("log_loss", "brier", "expected_calibration_error")  # what calibration is for; lower is better
Prior = Sequence[float] | np.ndarray | None


def add_uncalibrated(scored: Scored, proba_ok: NDArray[np.float64], prior: Prior, steps: Sequence[str]) -> Scored:
    """Return the same with what the usable rows' probabilities before calibration say: answers, scores, and how calibration changed them.

    Parameters
    ----------
    scored : Scored
        After calibration.
    proba_ok : array of float, shape (usable rows, k)
        Before calibration.
    prior : array of float, shape (k,) or (n, k), or None
        Stands in for failed rows, as in `summarise`; None: the shares of the labels.
    steps : sequence of str
        What lies between before and after, such as ``temperature``.
    """
    ok = scored.ok
    proba = np.full_like(scored.proba, np.nan)
    proba[ok] = proba_ok
    before = summarise(scored.classes, scored.label, proba, scored.abstained, scored.speaker, ok, prior)["overall"]
    predicted = np.full(len(ok), "", dtype=scored.predicted.dtype)
    predicted[ok] = np.asarray(scored.classes, dtype=scored.predicted.dtype)[np.argmax(proba_ok, axis=1)]
    confidence = np.full(len(ok), np.nan)
    confidence[ok] = proba_ok.max(axis=1)
    uncalibrated = {f"{key}_uncalibrated": before[key] for key in CALIBRATED_SCORES}
    summary = {**scored.summary, "overall": {**scored.summary["overall"], **uncalibrated}}
    if ok.any():
        summary["calibration"] = {"steps": list(steps), "measures": _changes(scored, proba, prior)}
    return replace(scored, summary=summary, raw_predicted=predicted, raw_confidence=confidence, raw_proba=proba)


def _changes(scored: Scored, proba: NDArray[np.float64], prior: Prior) -> dict[str, Any]:
    """Return, for each score, the paired comparison of after (a) and before (b); failed rows have their prior in both, and no calibration error."""
    from ..metrics import holm_correction, paired_speaker_test

    ok, classes = scored.ok, np.asarray(scored.classes, dtype=np.str_)
    shares = np.mean(scored.label[:, None] == classes, axis=0) if prior is None else np.asarray(prior, dtype=np.float64)
    speaker = np.asarray([name or "(unknown)" for name in scored.speaker.tolist()], dtype=np.str_)
    found = {}
    for key in CALIBRATED_SCORES:
        kept = ok if key == "expected_calibration_error" else np.ones(len(ok), dtype=bool)
        after, before = (np.where(ok[:, None], side, shares)[kept] for side in (scored.proba, proba))
        found[key] = paired_speaker_test(key, scored.label[kept], after, before, speaker[kept], labels=classes)
    corrected = holm_correction([result.p_value for result in found.values()]).tolist()
    return {key: {**result.to_dict(), "p_corrected": p} for (key, result), p in zip(found.items(), corrected, strict=True)}


def calibration_table(scored: Scored) -> reports.Table | None:
    """Return the scores of the probabilities before and after calibration with their intervals, and of their differences; None where unknown."""
    known = scored.summary.get("calibration")
    if not known:
        return None
    overall, changes = scored.summary["overall"], known["measures"]
    rows = []
    for key in CALIBRATED_SCORES:
        change = changes[key]
        sides = [_with_interval(overall[name]) for name in (f"{key}_uncalibrated", key)]
        d = change["difference"]
        difference = _with_interval({"value": d["estimate"], "low": d["low"], "high": d["high"]}, signed=True)
        p = change["p_corrected"]
        rows.append([NAMES[key], *sides, difference, f"{change['a_better']} : {change['b_better']}", "< .001" if p < 0.001 else f"{p:.3f}"])
    hints = [f"{NAMES[key]}: {changes[key]['hint']}" for key in CALIBRATED_SCORES]
    return reports.Table(
        f"{scored.title}: before and after calibration",
        ["Measure (lower is better)", "Before", "After", "After less before", "Speakers", "p"],
        rows,
        [*warnings_of(scored.summary), *_notes(scored, known["steps"]), *hints],
    )


def _notes(scored: Scored, steps: Sequence[str]) -> list[str]:
    lines = [
        f"Between before and after: {', then '.join(steps)}. In brackets 95 % intervals over {scored.n_speakers} speakers; the difference is over "
        "the same clips, speaker by speaker. Speakers: how many have the better score after, and before.",
        f"p: permutation or sign-flip test over speakers, after Holm's correction for {len(CALIBRATED_SCORES)} measures. A debiased error below 0 is "
        "given as 0; the difference is of the errors as they are.",
    ]
    failed = int((~scored.ok).sum())
    if failed:
        clips = "1 failed clip has" if failed == 1 else f"{failed} failed clips have"
        lines.append(f"{clips} the shares of the training labels in log loss and Brier score, and no part in the calibration error.")
    return lines


def _with_interval(entry: dict[str, Any], *, signed: bool = False) -> str:
    if entry["value"] is None:
        return "–"
    known = entry["low"] is not None and entry["high"] is not None
    form = "{:+.3f}" if signed else "{:.3f}"
    value, low, high = (form.format(entry[name]) if entry[name] is not None else "" for name in ("value", "low", "high"))
    return (f"{value} ({low} to {high})" if known else f"{value} (not defined)").replace("-", "−")


def reliability_figures(scored: Scored, subtitle: str) -> dict[str, Figure]:
    """Return the diagrams of the top label and of each class, before calibration beside after where that is known."""
    ok = scored.ok
    label, speaker = scored.label[ok], scored.speaker[ok]
    before = None
    if scored.raw_predicted is not None and scored.raw_confidence is not None:
        before = (scored.raw_confidence[ok], (scored.raw_predicted == scored.label)[ok])
    early = None if scored.raw_proba is None else scored.raw_proba[ok]
    return {
        "reliability": reports.reliability_figure(
            scored.confidence[ok], scored.predicted[ok] == label, before=before, speakers=speaker, subtitle=wrapped(subtitle)
        ),
        "reliability_classes": reports.class_reliability_figure(
            scored.proba[ok], label, scored.classes, before=early, speakers=speaker, subtitle=wrapped(subtitle, 100)
        ),
    }
