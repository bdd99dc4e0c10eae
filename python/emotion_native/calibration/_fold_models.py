"""Models of each fold, what they say about the rows that they have not seen, and the priors that they were trained with."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import clone
from sklearn.utils import _safe_indexing

from .._progress import Progress
from ..exceptions import EmotionNativeWarning, InvalidInputError
from ..model_selection._asking import ask
from ..model_selection._fit import Labels, Probabilities, aligned, each_fold, fit_rows, fold_probabilities, for_rows
from ..model_selection._splitters import Indices
from ._maps import Floats
from ._priors import PriorCorrection, class_totals, fitted_totals, require_totals, trained_totals

REMEDY = "put a PriorCorrectedClassifier with trained_priors around it"


class CalibratedModel:
    """A fitted classifier with the calibration map of its own classes.

    Attributes
    ----------
    estimator : classifier
    calibrator : object
        Maps the classifier's answers to probabilities.
    classes : ndarray of shape (n_classes,)
        All classes; those that the classifier never met get probability 0.
    """

    def __init__(self, estimator: Any, calibrator: Any, classes: npt.NDArray[Any], response: str) -> None:
        self.estimator = estimator
        self.calibrator = calibrator
        self.classes = classes
        self._response = response

    @property
    def calibrators(self) -> list[Any]:
        """The map, as a list of one."""
        return [self.calibrator]

    @property
    def estimator_(self) -> Any:
        """The classifier, by the name that the model file looks for."""
        return self.estimator

    @property
    def calibrator_(self) -> Any:
        """The map, by the name that the model file looks for."""
        return self.calibrator

    def predict_proba(self, X: Any, given: Mapping[str, Any] | None = None) -> Probabilities:
        """Return calibrated probabilities of shape (n_samples, n_classes); ``given`` is what the classifier asks for beside the rows."""
        own = self.estimator.classes_
        return aligned(self.calibrator.predict_proba(answers(self.estimator, X, own, self._response, given)), own, self.classes)


def response_of(estimator: Any, caller: str) -> str:
    """Return what a classifier is asked for: its probabilities, else its decision scores."""
    for name in ("predict_proba", "decision_function"):
        if hasattr(estimator, name):
            return name
    rule = "have predict_proba (or decision_function)"
    raise InvalidInputError(f"estimator of {caller} must {rule}; got {type(estimator).__name__}")


def answers(model: Any, X: Any, classes: npt.NDArray[Any], response: str, given: Mapping[str, Any] | None = None) -> Floats:
    """Return probabilities or scores of a fitted model, one column a class; a class that it never met has 0, as a score minus infinity."""
    if response == "predict_proba":
        return aligned(ask(model, response, X, given or {}), model.classes_, classes)
    scores = np.asarray(ask(model, response, X, given or {}), dtype=np.float64)
    if scores.ndim == 1 or scores.shape[1] == 1:
        scores = scores.reshape(-1, 1) * np.array([-1.0, 1.0])
    return aligned(scores, model.classes_, classes, fill=-np.inf)


def weights_of(params: Mapping[str, Any]) -> Floats | None:
    """Return the weights of the rows, if there are any."""
    weight = params.get("sample_weight")
    return None if weight is None else np.asarray(weight, dtype=np.float64)


def fitting_params(estimator: Any, params: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of ``fit``, without weights where a classifier takes none: they weigh the calibration alone."""
    from sklearn import get_config

    if params.get("sample_weight") is None or get_config().get("enable_metadata_routing"):
        return params
    if "sample_weight" in inspect.signature(estimator.fit).parameters or hasattr(estimator, "_native_plan"):
        return params
    if not is_frozen(estimator):
        text = f"{type(estimator).__name__}.fit takes no sample_weight: the weights are used for the calibration alone"
        warnings.warn(text, EmotionNativeWarning, stacklevel=4)
    return {name: value for name, value in params.items() if name != "sample_weight"}


def is_frozen(estimator: Any) -> bool:
    """Return whether an estimator was fitted before and stays as it is."""
    from sklearn.frozen import FrozenEstimator

    return isinstance(estimator, FrozenEstimator)


def fold_models(
    estimator: Any,
    X: Any,
    labels: Labels,
    train: Sequence[Indices],
    test: Sequence[Indices],
    params: dict[str, Any],
    response: str,
    *,
    own_classes: bool,
    caller: str,
    n_jobs: int | None,
    progress: Progress = False,
) -> list[tuple[Any, Floats]]:
    """Return a model of each fold's training rows, and its answers about the test rows, in all classes or in its own."""

    def one(k: int) -> tuple[Any, Floats]:
        model = clone(estimator)
        fit_rows(model, X, labels.values, train[k], params, caller=caller)
        classes = model.classes_ if own_classes else labels.classes
        asked = for_rows(model, params, test[k], len(labels.codes))
        return model, answers(asked, _safe_indexing(X, test[k]), classes, response)

    return each_fold(len(train), one, caller=caller, n_jobs=n_jobs, progress=progress)


def correction(totals: Floats, labels: Labels, rows: Indices | None, weight: Floats | None) -> PriorCorrection:
    """Return the correction of a model that was trained on these rows, back to the shares of the classes among them."""
    codes = labels.codes if rows is None else labels.codes[rows]
    own = weight if rows is None or weight is None else weight[rows]
    return PriorCorrection(totals, class_totals(codes, len(labels.classes), own))


def known_correction(estimator: Any, labels: Labels, rows: Indices | None, weight: Floats | None) -> PriorCorrection | None:
    """Return the same of a model to be fitted, or None where only a fit can tell."""
    codes = labels.codes if rows is None else labels.codes[rows]
    totals = trained_totals(estimator, labels.classes, codes, weight if rows is None or weight is None else weight[rows])
    return None if totals is None else correction(totals, labels, rows, weight)


def model_correction(model: Any, labels: Labels, rows: Indices | None, weight: Floats | None, caller: str, remedy: str = REMEDY) -> PriorCorrection:
    """Return the same of a fitted model."""
    known = known_correction(model, labels, rows, weight)
    totals = None if known is not None else fitted_totals(model, labels.classes)
    found = require_totals(totals if known is None else known.trained_priors_, model, remedy, caller)
    return known if known is not None else correction(found, labels, rows, weight)


def corrected_folds(
    estimator: Any,
    X: Any,
    labels: Labels,
    train: Sequence[Indices],
    test: Sequence[Indices],
    params: dict[str, Any],
    *,
    caller: str,
    n_jobs: int | None,
    progress: Progress = False,
) -> tuple[list[Probabilities], list[PriorCorrection]]:
    """Return the probabilities of each fold's test rows as they come, and the correction of each fold's model.

    A pipeline of our own steps runs in one native call where its samplers' numbers of rows follow from those of the labels; else each fold's
    fitted pipeline is asked.
    """
    weight = weights_of(params)
    known = [known_correction(estimator, labels, rows, weight) for rows in train]
    corrections = [one for one in known if one is not None]
    if len(corrections) == len(known):
        require_totals(corrections[0].trained_priors_, estimator, REMEDY, caller)
        options: dict[str, Any] = {"caller": caller, "n_jobs": n_jobs, "progress": progress}
        return fold_probabilities(estimator, X, labels, train, test, params, **options), corrections
    options = {"own_classes": False, "caller": caller, "n_jobs": n_jobs, "progress": progress}
    fitted = fold_models(estimator, X, labels, train, test, params, "predict_proba", **options)
    own = [model_correction(model, labels, rows, weight, caller) for (model, _), rows in zip(fitted, train, strict=True)]
    return [proba for _, proba in fitted], own


def final_correction(estimator: Any, X: Any, labels: Labels, params: dict[str, Any], caller: str) -> PriorCorrection:
    """Return the correction of a model of all rows; fits one where only a fit can tell."""
    weight = weights_of(params)
    known = known_correction(estimator, labels, None, weight)
    if known is not None:
        require_totals(known.trained_priors_, estimator, REMEDY, caller)
        return known
    model = clone(estimator)
    fit_rows(model, X, labels.values, np.arange(len(labels.codes)), params, caller=caller)
    return model_correction(model, labels, None, weight, caller)
