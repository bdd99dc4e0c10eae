"""A classifier that says when it does not know."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from ..exceptions import EmotionNativeWarning, InvalidInputError
from ..model_selection._fit import aligned
from ._classifier import CalibratedClassifierCV, OutOfFold, _GroupedMetaClassifier, out_of_fold
from ._maps import Floats

ALWAYS_ABSTAIN = 1.0


@dataclass(frozen=True)
class Threshold:
    """A threshold on confidence with what it reached on the rows it was chosen on.

    Attributes
    ----------
    value : float
        Rows with a lower confidence are not answered. 1.0 where the target cannot be reached: then no row is answered.
    reached : bool
    coverage, accuracy : float
        Share of rows answered and their accuracy (NaN if none), on the rows it was chosen on: too good by a little, see `choose_threshold`.
    """

    value: float
    reached: bool
    coverage: float
    accuracy: float

    def abstains(self, confidence: Floats) -> npt.NDArray[np.bool_]:
        """Return where no answer is given; a confidence of NaN never gets one."""
        if self.value >= ALWAYS_ABSTAIN and not self.reached:
            return np.ones(len(confidence), dtype=bool)
        return np.asarray(~(confidence >= self.value))


def check_targets(target_coverage: Any, target_accuracy: Any, caller: str) -> None:
    """Raise InvalidInputError unless at most one target is given and lies in (0, 1]."""
    for name, value in (("target_coverage", target_coverage), ("target_accuracy", target_accuracy)):
        number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, (bool, np.bool_))
        if value is not None and not (number and 0 < value <= 1):
            raise InvalidInputError(f"{name} of {caller} must be above 0 and at most 1, or None; got {value!r}")
    if target_coverage is not None and target_accuracy is not None:
        both = f"{target_coverage!r} and {target_accuracy!r}"
        raise InvalidInputError(f"target_coverage and target_accuracy of {caller} must not both be given; got {both}")


def choose_threshold(
    confidence: Any, correct: Any, *, target_coverage: float | None = None, target_accuracy: float | None = None
) -> Threshold:
    """Return the threshold on confidence that meets a target on out-of-fold predictions.

    Parameters
    ----------
    confidence : array-like of shape (n_samples,)
        Calibrated probability of the predicted class.
    correct : array-like of bool of shape (n_samples,)
    target_coverage : float, optional
        The largest threshold that still answers at least this share of the rows.
    target_accuracy : float, optional
        The smallest threshold whose answered rows are right at least this often.

    Returns
    -------
    Threshold
        Without a target: 0, which answers everything.

    Raises
    ------
    InvalidInputError
        If an argument breaks its rule.

    Notes
    -----
    A target accuracy is met on the rows that the threshold was chosen on. The smallest of many thresholds that passes does so partly by luck:
    expect a little less on new speakers, the more so the fewer rows are answered. Coverage shifts when new speakers are harder than old ones.

    Examples
    --------
    >>> from emotion_native.calibration import choose_threshold
    >>> choose_threshold([0.9, 0.8, 0.7, 0.6], [True, True, False, True], target_accuracy=1.0).value
    0.8
    >>> choose_threshold([0.9, 0.8, 0.7, 0.6], [True, True, False, True], target_coverage=0.75).value
    0.7
    """
    caller = "choose_threshold"
    check_targets(target_coverage, target_accuracy, caller)
    values = np.asarray(confidence, dtype=np.float64)
    right = np.asarray(correct, dtype=bool)
    if values.ndim != 1 or right.shape != values.shape or len(values) == 0 or not np.isfinite(values).all():
        shapes = f"shapes {values.shape} and {right.shape}"
        raise InvalidInputError(f"confidence and correct of {caller} must be finite, of one positive length; got {shapes}")
    if target_coverage is None and target_accuracy is None:
        return Threshold(0.0, True, 1.0, float(right.mean()))
    order = np.argsort(-values, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(values[order]) != 0, True))  # rows of equal confidence are answered together
    answered = ends + 1
    accuracy = np.cumsum(right[order])[ends] / answered
    if target_coverage is not None:
        passing = np.flatnonzero(answered >= target_coverage * len(values) - 1e-9)[:1]
    else:
        passing = np.flatnonzero(accuracy >= float(target_accuracy or 0.0) - 1e-12)[-1:]
    if not passing.size:
        return Threshold(ALWAYS_ABSTAIN, False, 0.0, float("nan"))
    at = int(passing[0])
    return Threshold(float(values[order][ends[at]]), True, float(answered[at] / len(values)), float(accuracy[at]))


class AbstainingClassifier(_GroupedMetaClassifier):
    """A classifier that abstains where its confidence is below a threshold chosen on rows that it has not seen.

    Parameters
    ----------
    estimator : classifier with predict_proba, optional
        Default: `CalibratedClassifierCV` of a forest. Around a `CalibratedClassifierCV`, its out-of-fold predictions serve for both the
        calibration and the threshold; another classifier is cross-validated here.
    target_coverage : float, optional
        Answer about this share of rows.
    target_accuracy : float, optional
        Answer rows so that about this share of the answers is right (read the note on luck in `choose_threshold`).
    cv : None, int, splitter or iterable
        As in `cross_validate`; a `CalibratedClassifierCV` with a ``cv`` of its own keeps that.
    n_jobs : int or None
    allow_ungrouped : bool

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    estimator_ : classifier
        Fitted on all rows.
    threshold_ : float
        0: answers everything. 1: the target accuracy was not reached, and nothing is answered.
    reached_ : bool
    inner_coverage_, inner_accuracy_ : float
        On the rows that the threshold was chosen on; not for reports.
    ungrouped_ : bool
    n_features_in_ : int

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from emotion_native.calibration import AbstainingClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> model = AbstainingClassifier(GaussianNB(), target_coverage=0.8).fit(X, y, groups=np.arange(150) % 10)
    >>> labels, abstained, reasons = model.predict_abstain(X)
    >>> labels.shape, set(reasons[abstained].tolist())
    ((150,), {'low_confidence'})
    """

    def __init__(
        self,
        estimator: Any = None,
        *,
        target_coverage: float | None = None,
        target_accuracy: float | None = None,
        cv: Any = None,
        n_jobs: int | None = None,
        allow_ungrouped: bool = False,
    ) -> None:
        self.estimator = estimator
        self.target_coverage = target_coverage
        self.target_accuracy = target_accuracy
        self.cv = cv
        self.n_jobs = n_jobs
        self.allow_ungrouped = allow_ungrouped

    def fit(self, X: Any, y: Any, sample_weight: Any = None, *, groups: Any = None, **params: Any) -> AbstainingClassifier:
        """Choose the threshold out of fold and fit the classifier on all rows; parameters and errors as in `CalibratedClassifierCV.fit`.

        Warns with `EmotionNativeWarning` where the target accuracy cannot be reached.
        """
        caller = "AbstainingClassifier.fit"
        check_targets(self.target_coverage, self.target_accuracy, caller)
        params = {**params, "sample_weight": sample_weight}
        estimator = CalibratedClassifierCV(n_jobs=self.n_jobs) if self.estimator is None else self.estimator
        if isinstance(estimator, CalibratedClassifierCV):
            rows = self._fit_calibrated(estimator, X, y, groups, params)
        else:
            options: dict[str, Any] = {"cv": self.cv, "n_jobs": self.n_jobs, "allow_ungrouped": self.allow_ungrouped, "caller": caller}
            rows = out_of_fold(estimator, X, y, groups, params, **options)
            self._refit(estimator, X, rows.labels, groups, params, caller)
        correct = np.argmax(rows.proba, axis=1) == rows.labels.codes
        targets = {"target_coverage": self.target_coverage, "target_accuracy": self.target_accuracy}
        threshold = choose_threshold(rows.proba.max(axis=1), correct, **targets)
        if not threshold.reached:
            warnings.warn(
                f"target_accuracy of {caller} cannot be reached on out-of-fold predictions; got {self.target_accuracy}: "
                "the model abstains on all rows",
                EmotionNativeWarning,
                stacklevel=2,
            )
        self._threshold = threshold
        self.threshold_ = threshold.value
        self.reached_ = threshold.reached
        self.inner_coverage_ = threshold.coverage
        self.inner_accuracy_ = threshold.accuracy
        self.ungrouped_ = rows.folds.ungrouped
        return self

    def _fit_calibrated(self, estimator: CalibratedClassifierCV, X: Any, y: Any, groups: Any, params: dict[str, Any]) -> OutOfFold:
        model: CalibratedClassifierCV = clone(estimator)
        cv = self.cv if estimator.cv is None else estimator.cv
        rows = model._fit_out_of_fold(X, y, groups, params, cv=cv, allow_ungrouped=self.allow_ungrouped or estimator.allow_ungrouped)
        self.estimator_ = model
        self.classes_ = rows.labels.classes
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(model, name):
                setattr(self, name, getattr(model, name))
        return rows

    def predict_proba(self, X: Any) -> Floats:
        """Return the classifier's probabilities of shape (n_samples, n_classes), columns as in ``classes_``."""
        check_is_fitted(self)
        return aligned(self.estimator_.predict_proba(X), self.estimator_.classes_, self.classes_)

    def predict_abstain(self, X: Any) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_], npt.NDArray[np.object_]]:
        """Return labels, where the model abstains, and why.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            As `predict`, for abstained rows too.
        abstained : ndarray of bool of shape (n_samples,)
        reasons : ndarray of str objects of shape (n_samples,)
            ``"low_confidence"`` where abstained, else empty.
        """
        proba = self.predict_proba(X)
        abstained = self._threshold.abstains(proba.max(axis=1))
        reasons = np.where(abstained, "low_confidence", "").astype(object)
        return np.asarray(self.classes_[np.argmax(proba, axis=1)]), abstained, reasons
