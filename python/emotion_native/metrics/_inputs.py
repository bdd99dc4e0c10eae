"""What every score demands of labels, weights and probabilities."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt

from ..exceptions import InvalidInputError

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]
NO_WEIGHT = np.empty(0, dtype=np.float64)
NO_CLUSTER = np.empty(0, dtype=np.int64)


def as_numbers(values: Any, parameter: str, caller: str) -> Floats:
    """Return numbers as float64; texts that spell numbers are none."""
    try:
        array = np.asarray(values)
        if array.dtype.kind not in "biufO":
            raise TypeError
        return np.asarray(array, dtype=np.float64)
    except (TypeError, ValueError):
        raise InvalidInputError(f"{parameter} of {caller} must be numbers, one a place; got {values!r:.80}") from None


def has_mixed_kinds(values: Any, array: Array) -> bool:
    """Return whether a list holds texts beside other things, which NumPy would turn into texts: NaN would become a label."""
    listed = isinstance(values, (list, tuple)) and array.ndim == 1 and array.dtype.kind in "US"
    return listed and not all(isinstance(value, (str, bytes)) for value in values)


def check_column(values: Any, parameter: str, caller: str) -> Array:
    """Return labels as a one-dimensional array; a column vector is flattened."""
    array = np.asarray(values)
    if has_mixed_kinds(values, array):
        raise InvalidInputError(f"{parameter} of {caller} must be labels of one kind, all known; got texts mixed with other values")
    if array.ndim == 2 and array.shape[1:] == (1,):
        array = array[:, 0]
    if array.ndim != 1:
        raise InvalidInputError(f"{parameter} of {caller} must be one label a row; got shape {array.shape} (multi-label is not supported)")
    if array.dtype.kind == "O" and any(isinstance(value, (list, tuple, set, np.ndarray)) for value in array):
        raise InvalidInputError(f"{parameter} of {caller} must be one label a row; got a sequence in a row (several labels: columns of 0 and 1)")
    if array.dtype.kind == "f":
        if not np.isfinite(array).all():
            raise InvalidInputError(f"{parameter} of {caller} must be free of NaN and infinity; got some")
        if (array != np.floor(array)).any():
            raise InvalidInputError(f"{parameter} of {caller} must be class labels; got continuous numbers")
    return array


def check_pair(y_true: Any, y_pred: Any, caller: str) -> tuple[Array, Array]:
    """Return true and predicted labels of one, positive length."""
    truth, predicted = check_column(y_true, "y_true", caller), check_column(y_pred, "y_pred", caller)
    if len(truth) != len(predicted):
        raise InvalidInputError(f"y_pred of {caller} must be as long as y_true, {len(truth)}; got {len(predicted)}")
    if len(truth) == 0:
        raise InvalidInputError(f"y_true of {caller} must have at least one row; got none")
    return truth, predicted


def check_weight(sample_weight: Any, n: int, caller: str, *, mean: bool = False) -> Floats:
    """Return weights, or an empty array where every row counts 1; for a mean their sum must not be zero."""
    if sample_weight is None:
        return NO_WEIGHT
    if np.iscomplexobj(sample_weight):
        raise InvalidInputError(f"sample_weight of {caller} must be real numbers; got complex ones")
    weight = np.ascontiguousarray(as_numbers(sample_weight, "sample_weight", caller))
    if weight.shape != (n,):
        raise InvalidInputError(f"sample_weight of {caller} must be one number a row ({n} rows); got shape {weight.shape}")
    if not np.isfinite(weight).all():
        raise InvalidInputError(f"sample_weight of {caller} must be finite; got NaN or infinity")
    if mean and weight.sum() == 0:
        raise InvalidInputError(f"sample_weight of {caller} must have a sum other than zero; got zeros, or weights that cancel")
    return weight


def mean_of_rows(values: Floats, weight: Floats, caller: str) -> float:
    """Return the mean of one value a row; weights, where there are any, must not all be zero."""
    if weight.size == 0:
        return float(np.mean(values))
    if weight.sum() == 0:
        raise InvalidInputError(f"sample_weight of {caller} must not be all zero; got a sum of 0")
    return float(np.average(values, weights=weight))


def union_of(*arrays: Array, caller: str) -> Array:
    """Return the sorted distinct labels of several arrays."""
    try:
        kinds = {a.dtype.kind in "US" or (a.dtype.kind == "O" and len(a) > 0 and isinstance(a[0], str)) for a in arrays if len(a)}
        if len(kinds) > 1:
            raise TypeError
        return np.unique(np.concatenate([np.unique(a) for a in arrays]))
    except TypeError:
        raise InvalidInputError(f"labels of {caller} must be of one sortable kind; got a mix") from None


def codes_of(values: Array, classes: Array) -> Codes:
    """Return the position of each value in the sorted ``classes``; -1 where it is not there."""
    position = np.searchsorted(classes, values)
    position = np.minimum(position, len(classes) - 1)
    return np.where(classes[position] == values, position, -1).astype(np.int64)


def check_probabilities(proba: Any, parameter: str, caller: str, *, n: int, k: int) -> Floats:
    """Return a matrix of probabilities (rows, classes); a vector is the probability of the second of two classes."""
    matrix = as_numbers(proba, parameter, caller)
    if matrix.ndim == 1 or (matrix.ndim == 2 and matrix.shape[1] == 1):
        matrix = matrix.reshape(-1)
        matrix = np.column_stack([1.0 - matrix, matrix])
    if matrix.ndim != 2 or matrix.shape[0] != n:
        raise InvalidInputError(f"{parameter} of {caller} must be of shape ({n}, n_classes); got {np.shape(proba)}")
    if matrix.shape[1] != k:
        got = matrix.shape[1]
        raise InvalidInputError(f"{parameter} of {caller} must have one column for each of {k} classes; got {got}: pass labels= to name them all")
    if not np.isfinite(matrix).all() or matrix.min(initial=0.0) < 0 or matrix.max(initial=0.0) > 1:
        raise InvalidInputError(f"{parameter} of {caller} must be between 0 and 1; got values that are not, or NaN")
    return np.ascontiguousarray(matrix)


def warn_rows(matrix: Floats, caller: str, *, rounded: float = 0.0) -> None:
    """Warn where rows of probabilities do not add up to 1, to the precision of float32 where all of them are float32 numbers; ``rounded``
    passes over what printing and reading numbers makes of them."""
    total = matrix.sum(axis=1)
    if np.allclose(total, 1.0, rtol=max(rounded, float(np.sqrt(np.finfo(np.float64).eps)))):
        return
    single = np.array_equal(matrix, matrix.astype(np.float32))
    if not (single and np.allclose(total, 1.0, rtol=float(np.sqrt(np.finfo(np.float32).eps)))):
        message = f"The y_prob values do not sum to one. y_proba of {caller} should add up to 1 in every row; some rows do not"
        warnings.warn(message, UserWarning, stacklevel=3)
