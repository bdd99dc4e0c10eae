"""What forests and boosting share: the rules of their parameters, going on from an earlier fit, and all that is asked of a fitted model."""

from __future__ import annotations

import numbers
import sys
import warnings
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from .._threads import effective_n_jobs
from .._validation import (
    check_absent,
    check_choice,
    check_class_weight,
    check_flag,
    check_matrix,
    check_number,
    check_rows,
    check_sample_weight,
    check_seed,
    check_verbose,
    encode_labels,
)
from ..exceptions import EmotionNativeWarning, InvalidInputError

_MOST_CLASSES = 65535  # the core's
Training = tuple[Any, Any, Any, Any, Any]  # rows, labels, classes, codes, weights


class TreeClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """A classifier of native trees: what a fit takes and forgets, and what a fitted model answers."""

    _kind: ClassVar[str]  # the step's name in the core
    _held: ClassVar[tuple[str, ...]]  # a fit's attributes without an underscore at their end; the first is the native model

    n_jobs: int | None
    random_state: Any
    class_weight: str | Mapping[Any, float] | None
    classes_: npt.NDArray[Any]

    def __sklearn_is_fitted__(self) -> bool:
        return self._held[0] in self.__dict__

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def _step(self) -> dict[str, Any]:
        """Return what the core takes, as given."""
        raise NotImplementedError

    def _forget(self) -> None:
        for name in [name for name in vars(self) if name.endswith("_") or name in self._held]:
            delattr(self, name)

    def _training(self, X: npt.ArrayLike, y: npt.ArrayLike, sample_weight: npt.ArrayLike | None) -> Training:
        caller = f"{type(self).__name__}.fit"
        rows, labels = check_rows(X, y, caller=caller, estimator=self, allow_nan=True, dtypes=(np.float32,))
        classes, codes = encode_labels(labels, caller=caller)
        if len(classes) > _MOST_CLASSES:
            raise InvalidInputError(f"y of {caller} must hold at most {_MOST_CLASSES} classes; got {len(classes)}")
        return rows, labels, classes, codes, check_sample_weight(sample_weight, rows.shape[0], caller=caller)

    def _options(self, classes: npt.NDArray[Any], seed: int | None) -> dict[str, Any]:
        """Return the step with its class weights in the order of the classes, and a seed drawn now where there is none to go on with."""
        name = type(self).__name__
        options = {**self._step(), "seed": check_seed(self.random_state, caller=name) if seed is None else seed}
        if isinstance(self.class_weight, Mapping):
            options["class_weight"] = check_class_weight(self.class_weight, classes, caller=name)
        return options

    def _rows(self, X: Any, method: str) -> tuple[Any, Any, int]:
        """Return the native model, checked rows and the threads for them: one row takes a path of a few microseconds."""
        model = self.__dict__.get(self._held[0])
        if model is None:
            check_is_fitted(self)
        rows = check_matrix(X, caller=f"{type(self).__name__}.{method}", estimator=self, allow_nan=True, dtypes=(np.float32,))
        return model, rows, 1 if rows.shape[0] == 1 else effective_n_jobs(self.n_jobs, caller=type(self).__name__)

    def predict_proba(self, X: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return class probabilities, of shape (n_samples, n_classes); rows sum to 1. Those of a forest are the mean class shares of the leaves.

        Exact float32 C-contiguous arrays are not copied; one row, strided or float64 too, takes a path of a few microseconds.

        Raises
        ------
        InvalidInputError
            If ``X`` has another number of columns than in `fit`, or infinity.
        sklearn.exceptions.NotFittedError
            Before `fit`.
        """
        held = self.__dict__.get(self._held[0])
        one: npt.NDArray[np.float64] | None = None if held is None else held.predict_row(self.__dict__, X)
        if one is not None:
            return one
        model, rows, jobs = self._rows(X, "predict_proba")
        shares: npt.NDArray[np.float64] = model.predict_proba(rows, jobs)
        return shares

    def predict_log_proba(self, X: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return the logarithms of `predict_proba`; minus infinity where a probability is 0."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def predict(self, X: npt.ArrayLike) -> npt.NDArray[Any]:
        """Return the label of the largest probability of each row; the first of equals."""
        shares = self.predict_proba(X)
        labels: npt.NDArray[Any] = self.classes_[shares.argmax(axis=1)]
        return labels

    @property
    def feature_importances_(self) -> npt.NDArray[np.float64]:
        """What splits at each column gain, of shape (n_features,), summing to 1: impurity in a forest (mean over trees), loss in boosting (sum)."""
        check_is_fitted(self)
        importances: npt.NDArray[np.float64] = getattr(self, self._held[0]).feature_importances()
        return importances

    def _native_state(self) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
        """Return the fitted model as a JSON-able header and its arrays."""
        check_is_fitted(self)
        parts = getattr(self, self._held[0]).arrays()
        header = {name: part for name, part in parts.items() if isinstance(part, int)}
        return {"kind": self._kind, **header}, {name: part for name, part in parts.items() if name not in header}


def check_tree_parameters(estimator: Any, class_weights: tuple[str | None, ...]) -> None:
    """Check the parameters that all ensembles of trees have; ``class_weights`` are the values that are no mapping.

    Raises
    ------
    InvalidInputError
        If one breaks its rule.
    """
    name = type(estimator).__name__
    check_number(estimator.n_estimators, "n_estimators", name, low=1, high=2**31 - 1, integer=True)
    for parameter, low in (("max_depth", 1), ("max_leaf_nodes", 2)):
        check_optional_count(getattr(estimator, parameter), parameter, name, low=low)
    for parameter, low in (("min_samples_split", 2), ("min_samples_leaf", 1)):
        check_count_or_share(getattr(estimator, parameter), parameter, name, low=low)
    if isinstance(estimator.max_features, str):
        check_choice(estimator.max_features, "max_features", name, ("sqrt", "log2"))
    elif estimator.max_features is not None:
        check_count_or_share(estimator.max_features, "max_features", name, low=1)
    check_number(estimator.min_weight_fraction_leaf, "min_weight_fraction_leaf", name, low=0, high=0.5)
    check_number(estimator.min_impurity_decrease, "min_impurity_decrease", name, low=0)
    check_flag(estimator.warm_start, "warm_start", name)
    check_absent(estimator.ccp_alpha, "ccp_alpha", name, 0.0, "pruning is not supported")
    check_verbose(estimator.verbose, name)
    if not isinstance(estimator.class_weight, Mapping):
        check_choice(estimator.class_weight, "class_weight", name, class_weights)


def check_optional_count(value: Any, parameter: str, name: str, *, low: int) -> None:
    """Check an integer of at least ``low``, or None."""
    if value is not None:
        check_number(value, parameter, name, low=low, high=2**31 - 1, integer=True)


def check_count_or_share(value: Any, parameter: str, name: str, *, low: int, most: float = 1) -> None:
    """Check an integer of at least ``low``, or a float above 0 and at most ``most``."""
    if isinstance(value, numbers.Integral):
        check_number(value, parameter, name, low=low, integer=True)
    else:
        check_number(value, parameter, name, low=0, high=most, open_low=True)


def count_missing(estimator: Any, previous: Any, done: int, columns: int, classes: npt.NDArray[Any], classes_before: npt.NDArray[Any]) -> int:
    """Return how many trees or rounds a fit adds to ``done`` earlier ones of the native model ``previous``.

    Raises
    ------
    InvalidInputError
        If the columns or classes are others, or there are more already than asked for.
    """
    name = type(estimator).__name__
    if previous.n_features != columns or not np.array_equal(classes_before, classes):
        rule = "have the columns and classes of the fit that warm_start continues"
        raise InvalidInputError(f"X and y of {name}.fit must {rule}; got {columns} columns and {classes!r}")
    if estimator.n_estimators < done:
        raise InvalidInputError(f"n_estimators of {name} must be at least {done} with warm_start; got {estimator.n_estimators}")
    return int(estimator.n_estimators) - done


def warn_nothing_new() -> None:
    """Warn of a warm start that adds nothing, in the name of the code that called ``fit``."""
    warnings.warn("Warm-start fitting without increasing n_estimators does not fit new trees.", EmotionNativeWarning, stacklevel=4)


def counter(total: int, unit: str, before: int = 0) -> Callable[[int], None]:
    """Return what shows ``verbose`` progress on standard error."""

    def show(done: int) -> None:
        print(f"\r{before + done} of {total} {unit}", end="\n" if before + done == total else "", file=sys.stderr, flush=True)

    return show
