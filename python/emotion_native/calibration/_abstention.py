"""A classifier that says when it does not know."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from .._validation import check_sample_weight
from ..exceptions import EmotionNativeWarning, InvalidInputError
from ..model_selection._asking import ask
from ..model_selection._fit import aligned, take_columns
from ._classifier import CalibratedClassifierCV, OutOfFold, _GroupedMetaClassifier, out_of_fold
from ._maps import Floats
from ._out_of_distribution import OutOfDistributionDetector

ALWAYS_ABSTAIN = 1.0

# Why no answer is given, everywhere: `predict_abstain`, `Prediction.reason`, tables and reports. All but the first two are statuses of clips that
# gave no features, or whose quality broke a limit of `audio.QualityRule`.
ABSTENTION_REASONS: dict[str, str] = {
    "low_confidence": "the calibrated probability of the best class is below the threshold",
    "out_of_distribution": "the features are unlike those of the training clips",
    "too_short": "the clip, or the part asked for, is too short for features",
    "too_long": "the clip is longer than the limit",
    "silent": "no sample is above -80 dB of full scale",
    "no_speech": "almost no speech was found in the clip (by default under 0.2 s)",
    "little_speech": "only a small share of the clip is speech (by default under 10 %)",
    "clipped": "too many samples are clipped (by default over 2 %)",
    "noisy": "the noise is too loud (by default louder than the speech)",
    "non_finite": "samples are NaN, infinite or beyond 1e9",
    "corrupt": "the file cannot be decoded",
    "unsupported_format": "the file is of a kind that cannot be read",
    "no_audio_track": "the file holds no audio",
    "not_found": "there is no such file",
    "no_permission": "the file may not be read",
}


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


def check_targets(target_coverage: Any, target_accuracy: Any, caller: str, abstention_cost: Any = None) -> None:
    """Raise InvalidInputError unless at most one target is given and lies in (0, 1]."""
    targets = {"target_coverage": target_coverage, "target_accuracy": target_accuracy, "abstention_cost": abstention_cost}
    for name, value in targets.items():
        number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, (bool, np.bool_))
        if value is not None and not (number and 0 < value <= 1):
            raise InvalidInputError(f"{name} of {caller} must be above 0 and at most 1, or None; got {value!r}")
    given = {name: value for name, value in targets.items() if value is not None}
    if len(given) > 1:
        both = " and ".join(map(repr, given.values()))
        raise InvalidInputError(f"{' and '.join(given)} of {caller} must not {'both' if len(given) == 2 else 'all'} be given; got {both}")


def check_detector(detector: Any, caller: str) -> None:
    """Raise InvalidInputError for anything but a detector or None."""
    if not (detector is None or isinstance(detector, OutOfDistributionDetector)):
        raise InvalidInputError(f"out_of_distribution of {caller} must be an OutOfDistributionDetector or None; got {detector!r:.80}")


def choose_threshold(
    confidence: Any,
    correct: Any,
    *,
    target_coverage: float | None = None,
    target_accuracy: float | None = None,
    abstention_cost: float | None = None,
    sample_weight: Any = None,
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
    abstention_cost : float, optional
        What giving no answer costs, where a wrong answer costs 1: the threshold of the least mean cost, the smallest among equals.
    sample_weight : array-like of shape (n_samples,), optional
        At least 0: a row of weight 2 counts as two rows, one of weight 0 as none.

    Returns
    -------
    Threshold
        Without a target, and where ``target_coverage`` or ``abstention_cost`` is 1: 0, which answers everything, new rows of any confidence too.

    Raises
    ------
    InvalidInputError
        If an argument breaks its rule.

    Notes
    -----
    A target accuracy is met on the rows that the threshold was chosen on. The smallest of many thresholds that passes does so partly by luck:
    expect a little less on new speakers, the more so the fewer rows are answered. Coverage shifts when new speakers are harder than old ones.
    With perfectly calibrated confidences the threshold of least cost is ``1 - abstention_cost``: Chow, "On optimum recognition error and reject
    tradeoff", IEEE Transactions on Information Theory 1970. Choosing it on rows does not need that.

    Examples
    --------
    >>> from emotion_native.calibration import choose_threshold
    >>> choose_threshold([0.9, 0.8, 0.7, 0.6], [True, True, False, True], target_accuracy=1.0).value
    0.8
    >>> choose_threshold([0.9, 0.8, 0.7, 0.6], [True, True, False, True], target_coverage=0.75).value
    0.7
    >>> choose_threshold([0.9, 0.8, 0.7, 0.6], [True, True, False, False], abstention_cost=0.4).value
    0.8
    """
    caller = "choose_threshold"
    check_targets(target_coverage, target_accuracy, caller, abstention_cost)
    values = np.asarray(confidence, dtype=np.float64)
    right = np.asarray(correct, dtype=bool)
    if values.ndim != 1 or right.shape != values.shape or len(values) == 0 or not np.isfinite(values).all():
        shapes = f"shapes {values.shape} and {right.shape}"
        raise InvalidInputError(f"confidence and correct of {caller} must be finite, of one positive length; got {shapes}")
    checked = check_sample_weight(sample_weight, len(values), caller=caller)
    weight = np.ones(len(values)) if checked is None else checked
    values, right, weight = (part[weight > 0] for part in (values, right, weight))
    answers_all = target_coverage == 1 or abstention_cost == 1  # every row; where no answer costs as much as a wrong one, none is too doubtful
    if answers_all or (target_coverage is None and target_accuracy is None and abstention_cost is None):
        return Threshold(0.0, True, 1.0, float(np.average(right, weights=weight)))
    order = np.argsort(-values, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(values[order]) != 0, True))  # rows of equal confidence are answered together
    answered = np.cumsum(weight[order])[ends]
    accuracy = np.cumsum((weight * right)[order])[ends] / answered
    total, slack = float(answered[-1]), 1e-9 * float(weight.mean())
    if target_coverage is not None:
        passing = np.flatnonzero(answered >= target_coverage * total - slack)[:1]
    elif target_accuracy is not None:
        passing = np.flatnonzero(accuracy >= target_accuracy - 1e-12)[-1:]
    else:
        cost = answered * (1.0 - accuracy) - float(abstention_cost or 0.0) * answered  # less what answering nothing costs
        passing = np.flatnonzero(cost <= min(0.0, cost.min()) + slack)[-1:]
    if not passing.size:
        return Threshold(ALWAYS_ABSTAIN, False, 0.0, float("nan"))
    at = int(passing[0])
    return Threshold(float(values[order][ends[at]]), True, float(answered[at] / total), float(accuracy[at]))


def choose_among(
    familiar: npt.NDArray[np.bool_],
    confidence: Floats,
    correct: npt.NDArray[np.bool_],
    targets: dict[str, float | None],
    sample_weight: Floats | None = None,
) -> Threshold:
    """Return the threshold where rows that are not familiar are given up whatever it is; its coverage is that of both rules together."""
    share = float(np.average(familiar, weights=sample_weight))
    if not share > 0:
        return Threshold(ALWAYS_ABSTAIN, False, 0.0, float("nan"))
    coverage = targets["target_coverage"]
    own: dict[str, Any] = {**targets, "target_coverage": None if coverage is None else min(1.0, coverage / share)}
    weight = None if sample_weight is None else sample_weight[familiar]
    found = choose_threshold(confidence[familiar], correct[familiar], **own, sample_weight=weight)
    return replace(found, coverage=found.coverage * share)


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
    abstention_cost : float, optional
        What giving no answer costs, where a wrong answer costs 1; answer rows so that the mean cost is least.
    out_of_distribution : OutOfDistributionDetector, optional
        Also abstain on rows unlike the training rows. It sees the same columns as the classifier. Its training rows that would be called strange
        without their group count as given up when the threshold on confidence is chosen, so that a target coverage is that of both rules together.
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
        0: answers everything. 1: the target was not reached (or no answer pays), and nothing is answered.
    reached_ : bool
    detector_ : OutOfDistributionDetector or None
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
        abstention_cost: float | None = None,
        out_of_distribution: OutOfDistributionDetector | None = None,
        cv: Any = None,
        n_jobs: int | None = None,
        allow_ungrouped: bool = False,
    ) -> None:
        self.estimator = estimator
        self.target_coverage = target_coverage
        self.target_accuracy = target_accuracy
        self.abstention_cost = abstention_cost
        self.out_of_distribution = out_of_distribution
        self.cv = cv
        self.n_jobs = n_jobs
        self.allow_ungrouped = allow_ungrouped

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = tags.input_tags.sparse and self.out_of_distribution is None  # whose columns are dense
        return tags

    def fit(self, X: Any, y: Any, sample_weight: Any = None, *, groups: Any = None, **params: Any) -> AbstainingClassifier:
        """Choose the threshold out of fold and fit the classifier on all rows; parameters and errors as in `CalibratedClassifierCV.fit`.

        ``sample_weight`` also counts rows when the threshold is chosen, so that a row of weight 2 acts as two rows throughout.

        Warns with `EmotionNativeWarning` where the target cannot be reached.
        """
        caller = "AbstainingClassifier.fit"
        check_targets(self.target_coverage, self.target_accuracy, caller, self.abstention_cost)
        check_detector(self.out_of_distribution, caller)
        params = {**params, "sample_weight": sample_weight}
        estimator = CalibratedClassifierCV(n_jobs=self.n_jobs) if self.estimator is None else self.estimator
        if isinstance(estimator, CalibratedClassifierCV):
            rows = self._fit_calibrated(estimator, X, y, groups, params)
        else:
            options: dict[str, Any] = {"cv": self.cv, "n_jobs": self.n_jobs, "allow_ungrouped": self.allow_ungrouped, "caller": caller}
            rows = out_of_fold(estimator, X, y, groups, params, **options)
            self._refit(estimator, X, rows.labels, groups, params, caller)
        familiar = self._fit_detector(X, groups, len(rows.proba))
        threshold = self._choose(rows, familiar)
        if not threshold.reached:
            by_cost = self.abstention_cost is not None
            reason = f"abstention_cost of {caller} leaves no answer that pays" if by_cost else f"target_accuracy of {caller} cannot be reached"
            got = self.abstention_cost if by_cost else self.target_accuracy
            warnings.warn(f"{reason} on out-of-fold predictions; got {got}: the model abstains on all rows", EmotionNativeWarning, stacklevel=2)
        self._threshold = threshold
        self.threshold_ = threshold.value
        self.reached_ = threshold.reached
        self.inner_coverage_ = threshold.coverage
        self.inner_accuracy_ = threshold.accuracy
        self.ungrouped_ = rows.folds.ungrouped or (self.detector_ is not None and self.detector_.ungrouped_)
        return self

    def _fit_detector(self, X: Any, groups: Any, n: int) -> npt.NDArray[np.bool_]:
        """Fit the detector, and return the rows that it would let pass without their group."""
        self.detector_ = None
        if self.out_of_distribution is None:
            return np.ones(n, dtype=bool)
        detector: OutOfDistributionDetector = clone(self.out_of_distribution)
        if self.allow_ungrouped:
            detector.set_params(allow_ungrouped=True)
        self.detector_ = detector.fit(X, groups=groups)
        return ~detector._training_strange

    def _choose(self, rows: OutOfFold, familiar: npt.NDArray[np.bool_]) -> Threshold:
        """Return the threshold on confidence; strange rows are given up whatever it is."""
        correct = np.argmax(rows.proba, axis=1) == rows.labels.codes
        targets = {"target_coverage": self.target_coverage, "target_accuracy": self.target_accuracy, "abstention_cost": self.abstention_cost}
        return choose_among(familiar, rows.proba.max(axis=1), correct, targets, rows.sample_weight)

    def _fit_calibrated(self, estimator: CalibratedClassifierCV, X: Any, y: Any, groups: Any, params: dict[str, Any]) -> OutOfFold:
        model: CalibratedClassifierCV = clone(estimator)
        cv = self.cv if estimator.cv is None else estimator.cv
        rows = model._fit_out_of_fold(X, y, groups, params, cv=cv, allow_ungrouped=self.allow_ungrouped or estimator.allow_ungrouped)
        self.estimator_ = model
        self._remember_metadata(params)
        self.classes_ = rows.labels.classes
        take_columns(self, model)
        return rows

    def predict_proba(self, X: Any, **metadata: Any) -> Floats:
        """Return the classifier's probabilities of shape (n_samples, n_classes), columns as in ``classes_``."""
        check_is_fitted(self)
        proba = ask(self.estimator_, "predict_proba", X, self._handed_on(metadata, "predict_proba"))
        return aligned(proba, self.estimator_.classes_, self.classes_)

    def predict_abstain(
        self, X: Any, *, quality: Any = None, **metadata: Any
    ) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_], npt.NDArray[np.object_]]:
        """Return labels, where the model abstains, and why.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        quality : array-like of str of shape (n_samples,), optional
            Why each row's clip is too poor for an answer, or "": ``table.flags``, for instance. The limits are those of `audio.QualityRule`.
        **metadata
            As in `predict`.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            As `predict`, for abstained rows too.
        abstained : ndarray of bool of shape (n_samples,)
        reasons : ndarray of str objects of shape (n_samples,)
            The reason in ``quality`` where there is one, else ``"out_of_distribution"`` where the row is unlike the training rows, whatever the
            confidence, else ``"low_confidence"`` where abstained, else empty. `ABSTENTION_REASONS` explains these and the reasons of
            clips that give no features.
        """
        proba = self.predict_proba(X, **metadata)
        poor = _quality_reasons(quality, len(proba))
        unsure = self._threshold.abstains(proba.max(axis=1))
        strange = np.zeros(len(proba), dtype=bool) if self.detector_ is None else self.detector_.is_strange(X)
        abstained = unsure | strange | (poor != "")
        reasons = np.where(strange, "out_of_distribution", np.where(unsure, "low_confidence", "")).astype(object)
        reasons = np.where(poor != "", poor, reasons)
        return np.asarray(self.classes_[np.argmax(proba, axis=1)]), abstained, reasons


def _quality_reasons(quality: Any, n: int) -> npt.NDArray[np.object_]:
    """Return the reason of each row, checked; "" for none."""
    if quality is None:
        return np.full(n, "", dtype=object)
    reasons = np.asarray(quality, dtype=object)
    if reasons.shape != (n,) or not all(isinstance(reason, str) for reason in reasons):
        rule = f"one reason a row ({n}), '' for none"
        raise InvalidInputError(f"quality of AbstainingClassifier.predict_abstain must be {rule}; got {quality!r:.80}")
    return reasons
