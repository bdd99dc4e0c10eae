"""Every number of a report in one dict, failed clips included."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from ..exceptions import InvalidInputError
from . import _rates
from ._inputs import NO_WEIGHT, Array, Codes, Floats, check_column, check_probabilities, codes_of
from ._intervals import check_level, check_speakers, jackknife_interval
from ._probabilistic import row_brier, row_log_loss, row_top_k
from ._selective import area_under_risk_coverage, risk_coverage_curve
from ._statistics import Statistic, of_calibration, of_counts, of_row_means, speaker_counts

DEMONSTRATION_SPEAKERS = 6
Mask = npt.NDArray[np.bool_]


class _Rows:
    """Checked rows: codes of truth and prediction (the code after the last class means failed), probabilities with the prior filled in."""

    def __init__(self, y_true: Any, proba: Any, classes: Any, speakers: Any, predicted: Any, abstained: Any, failed: Any, prior: Any) -> None:
        caller = "classification_summary"
        self.classes: Array = np.asarray(classes)
        if self.classes.ndim != 1 or len(self.classes) < 2 or not np.array_equal(np.unique(self.classes), self.classes):
            raise InvalidInputError(f"classes of {caller} must be at least two labels in sorted order; got {classes!r:.80}")
        k = len(self.classes)
        truth = check_column(y_true, "y_true", caller)
        n = len(truth)
        self.speaker, self.n_speakers, self.speaker_names = check_speakers(speakers, n, caller)
        self.truth = codes_of(truth, self.classes)
        if (self.truth < 0).any():
            raise InvalidInputError(f"classes of {caller} must hold every label of y_true; {truth[np.argmax(self.truth < 0)]!r} is missing")
        given = np.asarray(proba, dtype=np.float64)
        if given.shape != (n, k):
            raise InvalidInputError(f"proba of {caller} must be of shape ({n}, {k}); got {given.shape}")
        self.failed: Mask = _mask(failed, n, "failed", caller) if failed is not None else np.asarray(np.isnan(given).any(axis=1))
        self.abstained = (_mask(abstained, n, "abstained", caller) if abstained is not None else np.zeros(n, dtype=bool)) | self.failed
        prior_rows = self._prior(prior, n, k, caller)
        self.proba = check_probabilities(np.where(self.failed[:, None], prior_rows, given), "proba", caller, n=n, k=k)
        if predicted is None:
            self.predicted: Codes = np.argmax(self.proba, axis=1).astype(np.int64)
        else:
            labels = np.asarray(predicted)
            if labels.shape != (n,):
                raise InvalidInputError(f"predicted of {caller} must be one label a row ({n} rows); got shape {labels.shape}")
            self.predicted = np.full(n, k, dtype=np.int64)
            self.predicted[~self.failed] = codes_of(labels[~self.failed], self.classes)
            if (self.predicted < 0).any():
                raise InvalidInputError(f"predicted of {caller} must be among the classes; got {labels[np.argmax(self.predicted < 0)]!r}")
        self.predicted = np.where(self.failed, k, self.predicted)
        self.right: Mask = self.predicted == self.truth

    def _prior(self, prior: Any, n: int, k: int, caller: str) -> Floats:
        if prior is None:
            prior = np.bincount(self.truth, minlength=k) / n
        rows = np.asarray(prior, dtype=np.float64)
        if rows.shape not in ((k,), (n, k)) or not np.isfinite(rows[self.failed] if rows.ndim == 2 else rows).all():
            raise InvalidInputError(f"prior of {caller} must be one probability a class, ({k},) or ({n}, {k}); got shape {rows.shape}")
        return rows


def _mask(values: Any, n: int, parameter: str, caller: str) -> Mask:
    mask = np.asarray(values)
    if mask.shape != (n,) or mask.dtype.kind != "b":
        raise InvalidInputError(f"{parameter} of {caller} must be one truth value a row ({n} rows); got {mask.dtype} of shape {mask.shape}")
    return np.asarray(mask)


def _plain(value: Any) -> Any:
    """Return a value that JSON can hold: Python numbers and strings, None for NaN."""
    value = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _list(values: Any) -> list[Any]:
    return [_plain(v) for v in np.asarray(values)]


def classification_summary(
    y_true: Any,
    proba: Any,
    *,
    classes: Any,
    speakers: Any,
    predicted: Any = None,
    abstained: Any = None,
    failed: Any = None,
    prior: Any = None,
    level: float = 0.95,
    ungrouped: bool = False,
) -> dict[str, Any]:
    """Return every score of a report, with intervals over speakers, as a dict that JSON can hold.

    Failed clips stay in the denominator: they count as wrong and as abstained, never as right by luck, and their log loss and Brier score are
    those of the training prior. Only the calibration error leaves them out: they have no confidence.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
    proba : array-like of shape (n_samples, n_classes)
        Calibrated probabilities; rows of failed clips may be NaN.
    classes : array-like of shape (n_classes,)
        All classes, sorted: the columns of ``proba``.
    speakers : array-like of shape (n_samples,)
    predicted : array-like of shape (n_samples,), optional
        Default: the class of the highest probability.
    abstained : array-like of bool of shape (n_samples,), optional
    failed : array-like of bool of shape (n_samples,), optional
        Default: rows with NaN.
    prior : array-like of shape (n_classes,) or (n_samples, n_classes), optional
        Training prior for failed rows. Default: class shares of ``y_true``.
    level : float
    ungrouped : bool
        Whether the split was ungrouped; repeated in the result.

    Returns
    -------
    dict
        ``overall``: for each score ``value``, ``low``, ``high``, ``n_speakers``, ``method`` (accuracy, balanced_accuracy, macro_f1, weighted_f1,
        top_2_accuracy, top_3_accuracy, log_loss, cohen_kappa, matthews_corrcoef, expected_calibration_error, brier, coverage,
        selective_accuracy, area_under_risk_coverage); ``per_class`` and ``per_speaker``: lists of dicts; ``confusion_matrix``; ``reliability``;
        ``risk_coverage``; ``chance``; ``n_rows``, ``n_failed``, ``n_abstained``, ``n_speakers``, ``classes``, ``level``, ``ungrouped``; and
        ``note``: "a demonstration, not evidence" with at most six speakers, else None. Undefined values are None.

    Raises
    ------
    InvalidInputError
        If an argument breaks its rule.

    Examples
    --------
    >>> import numpy as np
    >>> from emotion_native.metrics import classification_summary
    >>> proba = [[0.8, 0.2], [0.3, 0.7], [np.nan, np.nan], [0.1, 0.9]]
    >>> summary = classification_summary(["a", "b", "a", "b"], proba, classes=["a", "b"], speakers=["x", "x", "y", "y"])
    >>> summary["overall"]["accuracy"]["value"], summary["n_failed"], summary["note"]
    (0.75, 1, 'a demonstration, not evidence')

    From predictions to the sentences of a report: six speakers, ten clips each, every seventh clip taken for the other label with little
    confidence. The model abstains below 0.7, so that it answers 85 % of the clips, and those without an error.

    >>> speaker, truth = np.repeat(list("uvwxyz"), 10), np.tile(["calm", "happy"], 30)
    >>> own = np.where(np.arange(60) % 7 == 0, 0.4, 0.9)
    >>> proba = np.where((truth == "calm")[:, None], np.c_[own, 1 - own], np.c_[1 - own, own])
    >>> summary = classification_summary(truth, proba, classes=["calm", "happy"], speakers=speaker, abstained=proba.max(axis=1) < 0.7)
    >>> uar, chance = summary["overall"]["balanced_accuracy"], summary["chance"]["balanced_accuracy"]
    >>> print(f"UAR {uar['value']:.2f} ({uar['low']:.2f} to {uar['high']:.2f}), chance {chance}: {summary['note']}")
    UAR 0.85 (0.78 to 0.90), chance 0.5: a demonstration, not evidence
    >>> uar["method"]
    "jackknife over speakers, Student's t on the logit scale"
    >>> answers = summary["overall"]["selective_accuracy"]
    >>> print(f"accuracy {answers['value']:.2f} on the {summary['overall']['coverage']['value']:.0%} that it answers")
    accuracy 1.00 on the 85% that it answers
    >>> summary["per_class"][0]["recall"], summary["confusion_matrix"]["counts"]
    (0.8333333333333334, [[25, 5], [4, 26]])
    """
    caller = "classification_summary"
    rows = _Rows(y_true, proba, classes, speakers, predicted, abstained, failed, prior)
    k = len(rows.classes)
    counts = speaker_counts(rows.truth, rows.predicted, rows.speaker, rows.n_speakers, k + 1)
    checked = check_level(level, caller)
    overall = {name: _entry(statistic, checked) for name, statistic in _statistics(rows, counts).items()}
    confidence = np.where(rows.failed, np.nan, rows.proba.max(axis=1))
    coverage, risk, threshold = risk_coverage_curve(rows.truth, rows.predicted, confidence)
    overall["area_under_risk_coverage"] = {"value": area_under_risk_coverage(rows.truth, rows.predicted, confidence)}
    total = counts.sum(axis=0)
    return {
        "n_rows": len(rows.truth),
        "n_failed": int(rows.failed.sum()),
        "n_abstained": int(rows.abstained.sum()),
        "n_speakers": rows.n_speakers,
        "classes": _list(rows.classes),
        "level": checked,
        "ungrouped": bool(ungrouped),
        "note": "a demonstration, not evidence" if rows.n_speakers <= DEMONSTRATION_SPEAKERS else None,
        "chance": {"balanced_accuracy": 1.0 / int((total.sum(axis=1)[:k] > 0).sum()), "accuracy": float(total.sum(axis=1).max() / total.sum())},
        "overall": overall,
        "per_class": _per_class(rows, counts, checked),
        "per_speaker": _per_speaker(rows, counts),
        "confusion_matrix": {
            "labels": _list(rows.classes),
            "counts": total[:k, :k].astype(int).tolist(),
            "failed": total[:k, k].astype(int).tolist(),
        },
        "reliability": _reliability(rows),
        "risk_coverage": {"coverage": _list(coverage), "risk": _list(risk), "threshold": _list(threshold)},
    }


def _statistics(rows: _Rows, counts: Floats) -> dict[str, Statistic]:
    k = len(rows.classes)
    place = (rows.speaker, rows.n_speakers)
    names = ("accuracy", "balanced_accuracy", "macro_f1", "weighted_f1")
    statistics = {name: of_counts(counts, name, k) for name in names}
    for top in (2, 3):
        found = np.where(rows.failed, 0.0, row_top_k(rows.truth, rows.proba, top))
        statistics[f"top_{top}_accuracy"] = of_row_means(found, *place)
    statistics["log_loss"] = of_row_means(row_log_loss(rows.truth, rows.proba), *place, high=float("inf"))
    statistics |= {name: of_counts(counts, name, k) for name in ("cohen_kappa", "matthews_corrcoef")}
    statistics["expected_calibration_error"] = _calibration(rows)
    statistics["brier"] = of_row_means(row_brier(rows.truth, rows.proba), *place, high=2.0)
    answered = (~rows.abstained).astype(np.float64)
    statistics["coverage"] = of_row_means(answered, *place)
    statistics["selective_accuracy"] = of_row_means(rows.right.astype(np.float64), *place, row_weight=answered)
    return statistics


def _calibration(rows: _Rows) -> Statistic:
    ok = ~rows.failed
    if not ok.any():
        return Statistic(lambda weights: np.full(len(weights), np.nan), rows.n_speakers)
    return of_calibration(np.ascontiguousarray(rows.proba[ok].max(axis=1)), rows.right[ok].astype(np.uint8), rows.speaker[ok], rows.n_speakers)


def _entry(statistic: Statistic, level: float) -> dict[str, Any]:
    interval = jackknife_interval(statistic, level)
    value = max(interval.estimate, statistic.low) if not math.isnan(interval.estimate) else interval.estimate
    return {
        "value": _plain(value),
        "low": _plain(interval.low),
        "high": _plain(max(interval.high, statistic.low) if not math.isnan(interval.high) else interval.high),
        "n_speakers": interval.n_speakers,
        "method": interval.method,
    }


def _per_class(rows: _Rows, counts: Floats, level: float) -> list[dict[str, Any]]:
    k = len(rows.classes)
    total = counts.sum(axis=0)
    precision, recall, f1 = (rate(total, k) for rate in (_rates.precision, _rates.recall, _rates.f1))
    table = []
    for c in range(k):
        own = rows.truth == c
        with_class, codes = np.unique(rows.speaker[own], return_inverse=True)  # speakers without the class say nothing about its recall
        statistic = of_row_means(rows.right[own].astype(np.float64), codes, len(with_class))
        interval = jackknife_interval(statistic, level)
        table.append({
            "class": _plain(rows.classes[c]),
            "support": int(own.sum()),
            "n_speakers": len(with_class),
            "predicted": int(total[:, c].sum()),
            "failed": int((own & rows.failed).sum()),
            "precision": _plain(precision[c]),
            "recall": _plain(recall[c]),
            "recall_low": _plain(interval.low),
            "recall_high": _plain(interval.high),
            "f1": _plain(f1[c]),
            "coverage": _plain(np.mean(~rows.abstained[own])) if own.any() else None,
        })
    return table


def _per_speaker(rows: _Rows, counts: Floats) -> list[dict[str, Any]]:
    k = len(rows.classes)
    accuracy, balanced, f1 = (rate(counts, k) for rate in (_rates.accuracy, _rates.balanced_accuracy, _rates.macro_f1))
    table = []
    for s in range(rows.n_speakers):
        own = rows.speaker == s
        answered = own & ~rows.abstained
        table.append({
            "speaker": _plain(rows.speaker_names[s]),
            "n_rows": int(own.sum()),
            "failed": int((own & rows.failed).sum()),
            "accuracy": _plain(accuracy[s]),
            "balanced_accuracy": _plain(balanced[s]),
            "macro_f1": _plain(f1[s]),
            "coverage": _plain(np.mean(~rows.abstained[own])),
            "selective_accuracy": _plain(np.mean(rows.right[answered])) if answered.any() else None,
        })
    return table


def _reliability(rows: _Rows) -> dict[str, Any]:
    from .. import _core
    from ._calibration_error import default_bins

    ok = ~rows.failed
    n = int(ok.sum())
    bins = default_bins(n)
    confidence = np.ascontiguousarray(rows.proba[ok].max(axis=1))
    table = _core.reliability_bins(confidence, rows.right[ok].astype(np.uint8), NO_WEIGHT, bins, "quantile")
    table = table[table[:, 0] > 0]
    return {"n_bins": bins, "rows": _list(table[:, 0].astype(int)), "confidence": _list(table[:, 1]), "accuracy": _list(table[:, 2])}
