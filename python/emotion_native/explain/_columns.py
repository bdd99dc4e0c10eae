"""Which input columns the columns of a pipeline's last step are made from, and what they are called."""

from __future__ import annotations

import reprlib
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator

from ..exceptions import InvalidInputError

__all__ = ["KnownColumns", "checked_names", "feature_names_of", "input_columns", "known_names", "split_pipeline"]

# Steps that make each column from one column, row by row: scikit-learn's classes of these names, and ours.
_ONE_TO_ONE = ("StandardScaler", "MinMaxScaler", "MaxAbsScaler", "RobustScaler", "QuantileTransformer", "PowerTransformer")


def split_pipeline(model: Any) -> tuple[list[Any], Any]:
    """Return the steps that transform rows in prediction (samplers do not), and the last one."""
    if not hasattr(model, "steps"):
        return [], model
    steps = [step for _, step in model.steps]
    before = [step for step in steps[:-1] if step is not None and not isinstance(step, str) and not hasattr(step, "fit_resample")]
    return before, steps[-1] if steps else None


def input_columns(transformers: Sequence[Any], n_columns: int, caller: str) -> npt.NDArray[np.int32]:
    """Return the input column that each column after the steps is made from.

    Raises
    ------
    InvalidInputError
        If a step mixes columns or is not known.
    """
    source = np.arange(n_columns, dtype=np.int32)
    for step in transformers:
        if type(step).__name__ in _ONE_TO_ONE:
            continue
        if hasattr(step, "get_support"):
            source = source[np.asarray(step.get_support())]
        elif type(step).__name__ == "SimpleImputer" and not getattr(step, "add_indicator", False):
            kept = ~np.isnan(np.asarray(step.statistics_, dtype=np.float64))
            source = source if getattr(step, "keep_empty_features", False) else source[kept]
        else:
            raise InvalidInputError(
                f"model of {caller} must be a pipeline whose steps scale, fill or select single columns; got {type(step).__name__} "
                "(PermutationExplainer takes any steps)"
            )
    return np.ascontiguousarray(source)


class KnownColumns(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no type information
    """Names of columns in their order, which `check_matrix` compares with a table's as it does with those that an estimator was fitted on."""

    def __init__(self, names: Any = None) -> None:
        self.names = names
        if names is not None:
            self.feature_names_in_ = np.asarray(names, dtype=object)


def known_names(model: Any) -> Any:
    """Return the names of the columns that a model was fitted on; None where it knows none."""
    transformers, last = split_pipeline(model)
    names: Any = None
    for holder in (model, *transformers[:1], *([] if transformers else [last])):
        names = getattr(holder, "feature_names_in_", None) if names is None else names
    return getattr(model, "feature_names", None) if names is None else names  # a loaded model's


def feature_names_of(model: Any, n_columns: int) -> list[str]:
    """Return the names of the columns that a model was fitted on, or x0, x1, …."""
    names = known_names(model)
    if names is None or len(names) != n_columns:
        return [f"x{j}" for j in range(n_columns)]
    return [str(name) for name in names]


def checked_names(given: Any, n_columns: int, known: Any, caller: str) -> list[str]:
    """Return the names of the input columns that a user gave.

    Raises
    ------
    InvalidInputError
        Unless they are different texts, one a column, and where the columns have names already (``known``) those.
    """
    names = [] if isinstance(given, str) or not hasattr(given, "__iter__") else list(given)
    rule = f"different texts, one for each of {n_columns} columns"
    if len(names) != n_columns or not all(isinstance(name, str) for name in names):
        raise InvalidInputError(f"feature_names of {caller} must be {rule}; got {reprlib.repr(given)}, {len(names)} of them")
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice:
        raise InvalidInputError(f"feature_names of {caller} must be {rule}; got {twice[0]!r} more than once")
    own = names if known is None or len(known) != n_columns else [str(name) for name in known]
    if own != names:
        other = next(k for k in range(n_columns) if own[k] != names[k])
        raise InvalidInputError(f"feature_names of {caller} must be those that the columns have already; got {names[other]!r} for {own[other]!r}")
    return [str(name) for name in names]
