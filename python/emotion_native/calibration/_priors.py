"""Prior correction: probabilities of a model that was trained with other shares of the classes than those that it meets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import clone

from .._row_metadata import is_sampler
from .._validation import check_number
from ..exceptions import InvalidInputError
from ._maps import Calibrator, Floats, NativeState, _check

_COUNTED = ("random_over_sampler", "random_under_sampler", "smote")  # samplers whose numbers of rows follow from those of the labels


def correct_priors(proba: Any, trained_priors: Any, target_priors: Any) -> Floats:
    """Return probabilities under other class priors than those that the model was trained with.

    Parameters
    ----------
    proba : array-like of shape (n_samples, n_classes)
    trained_priors : array-like of shape (n_classes,)
        Shares (or counts, or weights) of the classes that the model was trained with: after over- or under-sampling and class weights.
    target_priors : array-like of shape (n_classes,)
        Shares of the classes among the rows that are asked about.

    Returns
    -------
    ndarray of shape (n_samples, n_classes)
        ``q_k`` proportional to ``p_k * target_k / trained_k``; rows with NaN stay NaN. A class without a trained prior keeps 0.

    Raises
    ------
    InvalidInputError
        If an argument breaks its rule.

    References
    ----------
    Saerens, Latinne & Decaestecker, Neural Computation 2002; Elkan, IJCAI 2001; for under-sampling Dal Pozzolo et al., IEEE SSCI 2015.

    Examples
    --------
    >>> from emotion_native.calibration import correct_priors
    >>> correct_priors([[0.4, 0.6]], trained_priors=[0.5, 0.5], target_priors=[0.9, 0.1]).round(6).tolist()
    [[0.857143, 0.142857]]
    """
    from .. import _core

    priors = _vector(trained_priors, "trained_priors"), _vector(target_priors, "target_priors")
    out: Floats = _core.correct_priors(_check(proba, "correct_priors"), *priors)
    return out


def _vector(values: Any, parameter: str, caller: str = "correct_priors") -> Floats:
    try:
        array = np.ascontiguousarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidInputError(f"{parameter} of {caller} must be one number a class; got {values!r:.80}") from error
    if array.ndim != 1:
        raise InvalidInputError(f"{parameter} of {caller} must be one number a class; got an array of shape {array.shape}")
    return array


def estimate_priors(proba: Any, trained_priors: Any, *, max_iter: int = 1000, tol: float = 1e-8) -> Floats:
    """Return the class priors of rows without labels, from the probabilities that a model gives them.

    Parameters
    ----------
    proba : array-like of shape (n_samples, n_classes)
        Of a calibrated model. Rows with NaN are left out.
    trained_priors : array-like of shape (n_classes,)
        The priors that these probabilities rest on.
    max_iter : int
    tol : float
        Ends when no prior moves by more.

    Returns
    -------
    ndarray of shape (n_classes,)
        Summing to 1; pass it as ``target_priors`` of `correct_priors`.

    Raises
    ------
    InvalidInputError
        If an argument breaks its rule, or no row is left.

    Notes
    -----
    Expectation maximisation (Saerens, Latinne & Decaestecker 2002): the likelihood of the priors has one maximum, and every step climbs.
    It takes it that only the shares of the classes have changed; probabilities that are not calibrated lead it astray.

    Examples
    --------
    >>> import numpy as np
    >>> from emotion_native.calibration import estimate_priors
    >>> proba = np.array([[0.9, 0.1]] * 70 + [[0.1, 0.9]] * 30)
    >>> estimate_priors(proba, [0.5, 0.5]).round(3).tolist()
    [0.75, 0.25]
    """
    caller = "estimate_priors"
    check_number(max_iter, "max_iter", caller, low=1, integer=True)
    check_number(tol, "tol", caller, low=0)
    matrix = _check(proba, caller)
    trained = _vector(trained_priors, "trained_priors", caller)
    correct_priors(matrix[:1], trained, trained)  # checks the priors
    matrix = matrix[~np.isnan(matrix).any(axis=1)]
    likelihood = matrix * np.divide(1.0, trained / trained.sum(), out=np.zeros_like(trained), where=trained > 0)
    likelihood = likelihood[likelihood.sum(axis=1) > 0]
    if not len(likelihood):
        raise InvalidInputError(f"proba of {caller} must have a row with a probability of a class that was trained; got none")
    priors = trained / trained.sum()
    for _ in range(int(max_iter)):
        total = likelihood @ priors
        usable = total > 0
        step = priors * (likelihood[usable].T @ (1.0 / total[usable])) / max(int(usable.sum()), 1)
        moved = float(np.abs(step - priors).max())
        priors = step / step.sum()
        if moved <= tol:
            break
    return np.asarray(priors)


class PriorCorrection:
    """The correction as an object: what a calibrated model and the model file hold.

    Parameters
    ----------
    trained_priors, target_priors : array-like of shape (n_classes,)
        As in `correct_priors`; kept with a sum of 1.

    Attributes
    ----------
    trained_priors_, target_priors_ : ndarray of shape (n_classes,)

    Examples
    --------
    >>> from emotion_native.calibration import PriorCorrection
    >>> PriorCorrection([50, 50], [90, 10]).predict_proba([[0.5, 0.5]]).round(6).tolist()
    [[0.9, 0.1]]
    """

    def __init__(self, trained_priors: Any, target_priors: Any) -> None:
        trained, target = _vector(trained_priors, "trained_priors", "PriorCorrection"), _vector(target_priors, "target_priors", "PriorCorrection")
        correct_priors(np.ones((1, len(trained))), trained, target)  # checks them
        self.trained_priors_, self.target_priors_ = trained / trained.sum(), target / target.sum()

    def __repr__(self) -> str:
        return f"PriorCorrection(trained_priors={self.trained_priors_.tolist()}, target_priors={self.target_priors_.tolist()})"

    def predict_proba(self, proba: Any) -> Floats:
        """Return corrected probabilities; rows with NaN stay NaN."""
        return correct_priors(proba, self.trained_priors_, self.target_priors_)

    def _joined_with(self, map: Any) -> CorrectedCalibrator | None:
        """Return this and a map of what it gives as one calibrator, for the model file; None where the map is none of ours or corrects itself."""
        known = hasattr(map, "_native_state") and not isinstance(map, (PriorCorrection, CorrectedCalibrator))
        return CorrectedCalibrator(self, map) if known else None

    def _native_state(self) -> NativeState:
        return {"kind": "prior"}, {"trained_priors": self.trained_priors_.copy(), "target_priors": self.target_priors_.copy()}


class CorrectedCalibrator:
    """A prior correction, and a calibration map fitted on what it gives.

    Attributes
    ----------
    correction : PriorCorrection
    map : TemperatureCalibrator, SigmoidCalibrator or IsotonicCalibrator
    """

    def __init__(self, correction: PriorCorrection, map: Calibrator) -> None:
        self.correction = correction
        self.map = map

    def predict_proba(self, proba: Any) -> Floats:
        """Return corrected, then calibrated probabilities; rows with NaN stay NaN."""
        return self.map.predict_proba(self.correction.predict_proba(proba))

    def _native_state(self) -> NativeState:
        (_, priors), (header, arrays) = self.correction._native_state(), self.map._native_state()
        return {**header, "kind": f"prior+{header['kind']}"}, {**priors, **arrays}


def chained(correction: PriorCorrection | None, calibrator: Calibrator | None) -> Calibrator | None:
    """Return the two as one calibrator: the correction comes first."""
    if correction is None or calibrator is None:
        return calibrator if correction is None else correction
    return CorrectedCalibrator(correction, calibrator)


def class_totals(codes: npt.NDArray[Any], n_classes: int, weight: Any = None) -> Floats:
    """Return the sum of the weights of each class's rows."""
    return np.bincount(codes, weights=None if weight is None else np.asarray(weight, dtype=np.float64), minlength=n_classes).astype(np.float64)


def trained_totals(estimator: Any, classes: npt.NDArray[Any], codes: npt.NDArray[Any], weight: Any = None) -> Floats | None:
    """Return the weight of each class that the last step of ``estimator`` is trained with, or None where only a fit can tell.

    Parameters
    ----------
    estimator : classifier
        Not fitted here. Samplers count as they would act on these rows: a class of n rows and weight w that becomes m rows weighs w m / n
        (what copies drawn at random weigh on average). Class weights multiply.
    classes : ndarray of shape (n_classes,)
    codes : ndarray of int of shape (n_samples,)
        Labels of the training rows.
    weight : ndarray of shape (n_samples,), optional
    """
    counts, totals = class_totals(codes, len(classes)), class_totals(codes, len(classes), weight)
    return _last_totals(estimator, classes, counts, totals)


def _last_totals(estimator: Any, classes: npt.NDArray[Any], counts: Floats, totals: Floats) -> Floats | None:
    for step in _steps(estimator)[:-1]:
        if not is_sampler(step):
            continue
        after = _counts_after(step, classes, counts)
        if after is None:
            return None
        totals = totals * np.divide(after, counts, out=np.zeros_like(counts), where=counts > 0)
        counts = after
    last = _steps(estimator)[-1]
    return _last_totals(last, classes, counts, totals) if _steps(last) != [last] else totals * class_factors(last, classes, counts, totals)


def _steps(estimator: Any) -> list[Any]:
    """Return the steps of a pipeline, ours or another; another estimator is its own only step."""
    steps = getattr(estimator, "steps", None)
    if not isinstance(steps, (list, tuple)) or not steps:
        return [estimator]
    return [part[-1] for part in steps if part[-1] is not None and not isinstance(part[-1], str)]


def _counts_after(sampler: Any, classes: npt.NDArray[Any], counts: Floats) -> Floats | None:
    """Return the number of rows of each class that a sampler of ours leaves; None for a sampler that must see the rows."""
    from .. import _core
    from .._validation import label_steps

    step = clone(sampler)._native_step() if hasattr(sampler, "_native_step") else None  # a clone: asking draws no random number
    if step is None or step["kind"] not in _COUNTED:
        return None
    labelled = label_steps([{"kind": "random_over_sampler", "sampling_strategy": step["sampling_strategy"], "seed": 0}], classes)
    present = np.repeat(np.arange(len(classes), dtype=np.int32), counts.astype(np.int64))
    if labelled is None or not len(present):
        return None
    if step["kind"] == "random_under_sampler":
        labelled[0]["kind"] = "random_under_sampler"
        drawn = _core.random_under_sample(present, len(classes), {**step, **labelled[0]})
    else:
        drawn = _core.random_over_sample(present, len(classes), labelled[0])
    return np.bincount(present[drawn], minlength=len(classes)).astype(np.float64)


def class_factors(estimator: Any, classes: npt.NDArray[Any], counts: Floats, totals: Floats) -> Floats:
    """Return what the class weights of a classifier multiply each class with, up to a common factor."""
    given = getattr(estimator, "class_weight", None)
    if given is None:
        return np.ones(len(classes))
    if isinstance(given, Mapping):
        return np.array([float(given.get(label, 1.0)) for label in classes.tolist()])
    if not (isinstance(given, str) and given in ("balanced", "balanced_subsample")):
        rule = "None, 'balanced' or a dict for a prior correction"
        raise InvalidInputError(f"class_weight of {type(estimator).__name__} must be {rule}; got {given!r:.80}")
    # Forests and boosting count rows; linear models and scikit-learn's weigh them.
    rows = counts if hasattr(estimator, "_native_step") and not hasattr(estimator, "solver") else totals
    return np.divide(1.0, rows, out=np.zeros_like(rows), where=rows > 0)


def hidden_weights(estimator: Any) -> str | None:
    """Return the name of a sampler or class weight inside a classifier that `trained_totals` cannot follow, or None."""
    last = _steps(estimator)[-1]
    if last is not estimator:
        return hidden_weights(last)
    for name, value in (last.get_params() if hasattr(last, "get_params") else {}).items():
        if (name.endswith("__class_weight") and value is not None) or hasattr(value, "fit_resample"):
            return str(name)
    return None


def fitted_totals(model: Any, classes: npt.NDArray[Any]) -> Floats | None:
    """Return the same of a fitted pipeline of ours, which has counted the rows that its samplers left; None where nobody has."""
    record, last = None, model
    while _steps(last) != [last]:
        record, last = getattr(last, "_rows_left", record), _steps(last)[-1]
    if record is None:
        return None
    own, own_counts, own_totals = record
    counts, totals = np.zeros(len(classes)), np.zeros(len(classes))
    place = np.searchsorted(classes, own)
    counts[place], totals[place] = own_counts, own_totals
    return totals * class_factors(last, classes, counts, totals)


def require_totals(totals: Floats | None, estimator: Any, remedy: str, caller: str) -> Floats:
    """Return the totals, or raise InvalidInputError where they, or what multiplies them, cannot be known."""
    hidden = hidden_weights(estimator)
    if totals is None or hidden is not None:
        found = f"{hidden} inside {type(estimator).__name__}" if hidden else f"a sampler inside {type(estimator).__name__} that did not say"
        raise InvalidInputError(f"estimator of {caller} must tell how many rows of each class it was trained with; got {found}: {remedy}")
    return totals


def priors_given(values: Any, classes: npt.NDArray[Any], parameter: str, caller: str) -> Floats:
    """Return priors in the order of the classes, from an array or a mapping from labels."""
    if isinstance(values, Mapping):
        labels = classes.tolist()
        unknown = [label for label in values if label not in labels]
        missing = [label for label in labels if label not in values]
        if unknown or missing:
            found = f"no prior for {missing!r}" if missing else f"priors of {unknown!r}, which are no classes"
            raise InvalidInputError(f"{parameter} of {caller} must name each class once; got {found}")
        values = [values[label] for label in labels]
    array = _vector(values, parameter, caller)
    if array.shape != classes.shape:
        raise InvalidInputError(f"{parameter} of {caller} must be one number a class ({len(classes)}); got {len(array)}")
    return array
