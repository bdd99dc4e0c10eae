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


def check_column(values: Any, parameter: str, caller: str) -> Array:
    """Return labels as a one-dimensional array; a column vector is flattened."""
    array = np.asarray(values)
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


def check_weight(sample_weight: Any, n: int, caller: str) -> Floats:
    """Return weights, or an empty array where every row counts 1."""
    if sample_weight is None:
        return NO_WEIGHT
    if np.iscomplexobj(sample_weight):
        raise InvalidInputError(f"sample_weight of {caller} must be real numbers; got complex ones")
    weight = np.ascontiguousarray(sample_weight, dtype=np.float64)
    if weight.shape != (n,):
        raise InvalidInputError(f"sample_weight of {caller} must be one number a row ({n} rows); got shape {weight.shape}")
    if not np.isfinite(weight).all():
        raise InvalidInputError(f"sample_weight of {caller} must be finite; got NaN or infinity")
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
    matrix = np.asarray(proba, dtype=np.float64)
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


def warn_rows(matrix: Floats, caller: str) -> None:
    """Warn where rows of probabilities do not add up to 1."""
    tolerance = float(np.sqrt(np.finfo(np.float64).eps))
    if not np.allclose(matrix.sum(axis=1), 1.0, rtol=tolerance):
        message = f"The y_prob values do not sum to one. y_proba of {caller} should add up to 1 in every row; some rows do not"
        warnings.warn(message, UserWarning, stacklevel=3)
