"""What forests and boosting share: the rules of their parameters, going on from an earlier fit, and the count of what is done."""

from __future__ import annotations

import numbers
import sys
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from .._validation import check_absent, check_choice, check_flag, check_number, check_verbose
from ..exceptions import EmotionNativeWarning, InvalidInputError


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
