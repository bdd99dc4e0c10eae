"""What prediction sets are worth on rows with known classes, with intervals over speakers."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..exceptions import InvalidInputError
from ..metrics._inputs import check_column, codes_of
from ..metrics._intervals import check_level, check_speakers, jackknife_interval
from ..metrics._statistics import of_row_means


def prediction_set_report(y_true: Any, sets: Any, *, classes: Any, speakers: Any, level: float = 0.95) -> dict[str, Any]:
    """Return how often sets hold the true class and how large they are, with intervals over speakers.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Rows of speakers that played no part in training and thresholds.
    sets : array-like of bool of shape (n_samples, n_classes)
        As from `ConformalClassifier.predict_set`.
    classes : array-like of shape (n_classes,)
        The columns of ``sets``, sorted; each row's class is among them.
    speakers : array-like of shape (n_samples,)
    level : float
        As in `speaker_interval`.

    Returns
    -------
    dict
        ``coverage_of_speakers``: the mean over speakers of their shares of covered rows, which is what `ConformalClassifier` promises; ``coverage``:
        the share of all rows; ``set_size``: mean number of classes; ``single``: share of sets of one class; ``single_accuracy``: how often those
        are right; each a dict as of `Interval.to_dict`. ``empty``: share of empty sets. ``per_class``: list of dicts with ``label``, ``n_rows`` and
        ``coverage`` (None without rows). ``per_speaker``: the same of each ``speaker``. ``n_rows``, ``n_speakers``.

    Raises
    ------
    InvalidInputError
        If an argument breaks its rule.

    Examples
    --------
    >>> from emotion_native.calibration import prediction_set_report
    >>> sets = [[True, False], [True, True], [False, True], [True, False]]
    >>> report = prediction_set_report(["a", "b", "b", "b"], sets, classes=["a", "b"], speakers=["x", "x", "x", "y"])
    >>> report["coverage"]["estimate"], report["coverage_of_speakers"]["estimate"], report["set_size"]["estimate"]
    (0.75, 0.5, 1.25)
    """
    caller = "prediction_set_report"
    labels = np.asarray(classes)
    truth = check_column(y_true, "y_true", caller)
    member = np.asarray(sets)
    if labels.ndim != 1 or not np.array_equal(np.unique(labels), labels):
        raise InvalidInputError(f"classes of {caller} must be different labels in sorted order; got {classes!r:.80}")
    if member.dtype.kind != "b" or member.shape != (len(truth), len(labels)):
        expected = f"truth values of shape ({len(truth)}, {len(labels)})"
        raise InvalidInputError(f"sets of {caller} must be {expected}; got {member.dtype} of shape {member.shape}")
    speaker, n_speakers, names = check_speakers(speakers, len(truth), caller)
    codes = codes_of(truth, labels)
    if (codes < 0).any():
        raise InvalidInputError(f"classes of {caller} must hold every label of y_true; {truth[np.argmax(codes < 0)]!r} is missing")
    covered = member[np.arange(len(truth)), codes].astype(np.float64)
    size = member.sum(axis=1).astype(np.float64)
    single = (size == 1).astype(np.float64)
    equal = 1.0 / np.bincount(speaker)[speaker]
    place = (speaker, n_speakers)
    statistics = {
        "coverage_of_speakers": of_row_means(covered, *place, row_weight=equal),
        "coverage": of_row_means(covered, *place),
        "set_size": of_row_means(size, *place, high=float(len(labels))),
        "single": of_row_means(single, *place),
        "single_accuracy": of_row_means(covered, *place, row_weight=single),
    }
    checked = check_level(level, caller)
    report: dict[str, Any] = {name: jackknife_interval(value, checked).to_dict() for name, value in statistics.items()}
    report["empty"] = float(np.mean(size == 0))
    report["per_class"] = [{"label": label, **_shares(covered, codes == k)} for k, label in enumerate(labels.tolist())]
    report["per_speaker"] = [{"speaker": name, **_shares(covered, speaker == s)} for s, name in enumerate(names.tolist())]
    return {**report, "n_rows": len(truth), "n_speakers": n_speakers}


def _shares(covered: Any, rows: Any) -> dict[str, Any]:
    return {"n_rows": int(rows.sum()), "coverage": float(covered[rows].mean()) if rows.any() else None}
