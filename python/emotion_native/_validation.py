"""The one place that coerces what users pass: matrices, labels, weights, seeds.

Exact float32 or float64 C-contiguous arrays pass through without a copy and, when an estimator is already fitted, without scikit-learn.
scikit-learn is imported on first need only, so that the inference runtime never loads it.
"""

from __future__ import annotations

import math
import os
import reprlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ._remedies import refuse_missing_labels, refuse_table, rows_found, text_columns
from .exceptions import InvalidInputError, InvalidTypeError

FloatMatrix: TypeAlias = "npt.NDArray[np.float32] | npt.NDArray[np.float64]"
_LEAST_WEIGHT = 1e-150
_LONGEST_FINDING = 600
_LARGEST = float(np.finfo(np.float64).max)
_RULES = {  # by what scikit-learn's finding holds
    "Expected 2D array": "a matrix of rows and columns",
    "is expecting": "a matrix with as many columns as in fit",
    "could not convert string": "numbers",
    "contains NaN": "a finite matrix, without NaN",
    "a minimum of": "a matrix of enough rows and columns",
}
_SMALL = 4096  # values: below this a finiteness check costs less than one call of scikit-learn


def check_seed(random_state: Any, *, caller: str = "check_seed") -> int:
    """Return one 64-bit seed for ``random_state``, drawn once.

    Parameters
    ----------
    random_state : None, int, numpy.random.RandomState or numpy.random.Generator
        None draws from NumPy's global state, an integer is the seed itself, a generator is asked for one 64-bit number.

    Raises
    ------
    InvalidInputError
        For anything else, and for integers outside 0 … 2**64 - 1.

    Examples
    --------
    >>> check_seed(7)
    7
    >>> check_seed(np.random.RandomState(0)) == check_seed(np.random.RandomState(0))
    True
    """
    if random_state is None or random_state is np.random:
        return int(np.random.randint(0, 2**64, dtype=np.uint64))
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(0, 2**64, dtype=np.uint64))
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(0, 2**64, dtype=np.uint64))
    if isinstance(random_state, (int, np.integer)) and not isinstance(random_state, (bool, np.bool_)) and 0 <= int(random_state) < 2**64:
        return int(random_state)
    raise InvalidInputError(
        f"random_state of {caller} must be None, an integer from 0 to 2**64 - 1, a RandomState or a Generator; got {reprlib.repr(random_state)}"
    )


def check_random(random_state: Any, *, caller: str) -> np.random.RandomState:
    """Return NumPy's older generator, which scikit-learn's shuffles use, for ``random_state``.

    Parameters
    ----------
    random_state : None, int, numpy.random.RandomState or numpy.random.Generator
        None is NumPy's global state, an integer seeds a new generator, a RandomState is used itself, a Generator is asked for one seed.

    Raises
    ------
    InvalidInputError
        For anything else, and for integers outside 0 … 2**32 - 1.

    Examples
    --------
    >>> int(check_random(7, caller="GroupKFold").randint(100))
    47
    """
    if isinstance(random_state, np.random.Generator):
        return np.random.RandomState(int(random_state.integers(0, 2**32)))
    if random_state is None or random_state is np.random or isinstance(random_state, np.random.RandomState):
        from sklearn.utils import check_random_state

        found: np.random.RandomState = check_random_state(random_state)
        return found
    if isinstance(random_state, (int, np.integer)) and not isinstance(random_state, bool) and 0 <= int(random_state) < 2**32:
        return np.random.RandomState(int(random_state))
    raise InvalidInputError(
        f"random_state of {caller} must be None, an integer from 0 to 2**32 - 1, a RandomState or a Generator; got {reprlib.repr(random_state)}"
    )


def check_path(value: Any, *, parameter: str, caller: str) -> Path:
    """Return a path for text or a path-like object without NUL.

    Examples
    --------
    >>> check_path("clips", parameter="root", caller="emodb").name
    'clips'
    """
    try:
        text = os.fspath(value)
    except TypeError:
        text = None
    if not isinstance(text, str) or "\0" in text:
        raise InvalidInputError(f"{parameter} of {caller} must be a path; got {reprlib.repr(value)}")
    return Path(text)


def is_exact_matrix(X: Any) -> bool:
    """Return whether ``X`` is a plain C-contiguous, aligned float32 or float64 matrix that kernels can take as it is."""
    return type(X) is np.ndarray and X.ndim == 2 and X.dtype.char in "fd" and X.dtype.isnative and X.flags.c_contiguous and X.flags.aligned


def _is_valid(X: npt.NDArray[Any], allow_nan: bool) -> bool:
    """Return whether ``X`` has no infinity, and no NaN unless allowed."""
    if X.size > _SMALL:
        with np.errstate(over="ignore", invalid="ignore"):
            if np.isfinite(X.sum()):  # one pass without a temporary; an overflow falls through
                return True
    elif math.isfinite(np.vdot(X, X)):  # likewise, and silent where squares overflow
        return True
    return bool((~np.isinf(X)).all() if allow_nan else np.isfinite(X).all())


def check_matrix(
    X: Any,
    *,
    caller: str,
    estimator: Any = None,
    reset: bool = False,
    allow_nan: bool = False,
    dtypes: tuple[type, ...] = (np.float64, np.float32),
    min_samples: int = 1,
) -> Any:
    """Return ``X`` as a C-contiguous float matrix, without a copy where it already is one.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Finite numbers; NaN only where ``allow_nan``.
    caller : str
        Class and method for messages, ``StandardScaler.fit``.
    estimator : object, optional
        Its ``n_features_in_`` and ``feature_names_in_`` are set (``reset``) or compared.
    dtypes : tuple of types
        Kept as given; everything else becomes the first.

    Raises
    ------
    InvalidInputError
        If ``X`` has another shape, another number of columns, no rows, or values that are not finite numbers.
    """
    exact = is_exact_matrix(X) and X.dtype.type in dtypes and X.shape[0] >= min_samples and X.shape[1] >= 1
    if exact and (estimator is None or (not reset and not hasattr(estimator, "feature_names_in_"))):
        expected = getattr(estimator, "n_features_in_", X.shape[1])
        if X.shape[1] == expected and _is_valid(X, allow_nan):
            return X
    from sklearn.utils.validation import check_array, validate_data

    refuse_masked(X, "X", caller)
    refuse_table(X, "X", caller)
    if getattr(getattr(X, "dtype", None), "kind", None) in ("m", "M"):
        raise InvalidTypeError(f"X of {caller} must be numbers; got {X.dtype}")
    options: dict[str, Any] = {
        "dtype": list(dtypes),
        "order": "C",
        "ensure_all_finite": "allow-nan" if allow_nan else True,
        "ensure_min_samples": min_samples,
    }
    try:
        if estimator is None:
            return check_array(X, **options)
        # Aligned too: rows of packed structures are not, and native code loads whole numbers.
        return np.require(validate_data(estimator, X, reset=reset, **options), requirements=["C", "A"])
    except (TypeError, ValueError) as error:
        raise as_invalid("X", caller, error, X) from error


def is_sparse(X: Any) -> bool:
    """Return whether ``X`` is one of SciPy's sparse matrices or arrays, without importing SciPy."""
    return type(X).__module__.startswith("scipy.sparse") and hasattr(X, "tocsr")


def check_dense_or_sparse(X: Any, *, caller: str, estimator: Any, reset: bool = False) -> Any:
    """Return ``X`` for a kernel that takes both: a matrix as `check_matrix`, or (values, columns, starts, width) of a sparse one, never made dense.

    Values stay float32 or float64; columns are int32, starts int64. What has these types in compressed rows already is not copied.

    Raises
    ------
    InvalidInputError
        As `check_matrix`; also if a sparse matrix has more columns than int32 can number.
    """
    if type(X) is np.ndarray or not is_sparse(X):
        return check_matrix(X, caller=caller, estimator=estimator, reset=reset)
    from sklearn.utils.validation import validate_data

    try:
        rows = validate_data(estimator, X, reset=reset, accept_sparse="csr", dtype=[np.float64, np.float32])
    except (TypeError, ValueError) as error:
        raise as_invalid("X", caller, error) from error
    if rows.shape[1] > np.iinfo(np.int32).max or rows.shape[0] > np.iinfo(np.int32).max:
        raise InvalidInputError(f"X of {caller} must be a sparse matrix of fewer than 2**31 rows and columns; got shape {rows.shape}")
    columns, starts = np.ascontiguousarray(rows.indices, np.int32), np.ascontiguousarray(rows.indptr, np.int64)
    return np.ascontiguousarray(rows.data), columns, starts, int(rows.shape[1])


def n_rows_of(X: Any) -> int:
    """Return the number of rows of what `check_dense_or_sparse` returned."""
    return int(X[2].size - 1 if isinstance(X, tuple) else X.shape[0])


def check_rows(
    X: Any,
    y: Any,
    *,
    caller: str,
    estimator: Any,
    allow_nan: bool = False,
    dtypes: tuple[type, ...] = (np.float64, np.float32),
    sparse: bool = False,
) -> Any:
    """Return ``(X, y)`` for a classifier's ``fit``: a matrix as `check_matrix` (``sparse``: `check_dense_or_sparse`), and one label a row.

    Raises
    ------
    InvalidInputError
        As `check_matrix`; also if ``y`` is missing, not one-dimensional, of another length, continuous, or has several columns.
    """
    from sklearn.utils.validation import check_consistent_length

    if y is None:
        rule = "an array of labels (this estimator requires y to be passed, but the target y is None)"
        raise InvalidInputError(f"y of {caller} must be {rule}; got None")
    if sparse:
        X = check_dense_or_sparse(X, caller=caller, estimator=estimator, reset=True)
    else:
        X = check_matrix(X, caller=caller, estimator=estimator, reset=True, allow_nan=allow_nan, dtypes=dtypes)
    try:
        y = check_class_labels(y, caller=caller)
        check_consistent_length(X[2][1:] if isinstance(X, tuple) else X, y)
    except InvalidInputError:
        raise
    except ValueError as error:
        raise as_invalid("y", caller, error) from error
    return X, y


def check_class_labels(y: Any, *, caller: str) -> npt.NDArray[Any]:
    """Return class labels as a vector: numbers, texts or times of one kind, none of them missing.

    Raises
    ------
    InvalidInputError
        For another shape, fractions, missing labels, and lists in which NumPy would turn numbers, NaN among them, into texts.
    """
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import column_or_1d

    refuse_masked(y, "y", caller)
    refuse_missing_labels(y, caller)
    if isinstance(y, (list, tuple)) and any(isinstance(v, str) for v in y) and not all(isinstance(v, str) for v in y):
        raise InvalidInputError(f"y of {caller} must be labels of one sortable kind, all known; got mixed types, texts among them")
    try:
        labels: npt.NDArray[Any] = column_or_1d(y, warn=True)
        kind = labels.dtype.kind
        if kind == "T":
            labels = labels.astype(object)
        if kind == "V" or (kind in "mM" and np.isnat(labels).any()):
            found = "records" if kind == "V" else f"NaT in {rows_found(np.isnat(labels))}"
            raise InvalidInputError(f"y of {caller} must be numbers, texts or known times; got {found}")
        if kind in "fc" and not np.isfinite(labels).all():
            found = f"NaN or infinity in {rows_found(~np.isfinite(labels))}"
            raise InvalidInputError(f"y of {caller} must be free of NaN and infinity; got {found}")
        check_classification_targets(labels)
    except InvalidInputError:
        raise
    except (TypeError, ValueError) as error:
        raise as_invalid("y", caller, error) from error
    return labels


def count_rows(values: Any, *, parameter: str, caller: str) -> int:
    """Return the number of rows of anything that has rows.

    Examples
    --------
    >>> count_rows([[0], [1]], parameter="X", caller="GroupKFold.split")
    2
    """
    from sklearn.utils.validation import _num_samples

    try:
        return int(_num_samples(values))
    except TypeError as error:
        raise InvalidTypeError(f"{parameter} of {caller} must be an array with rows; got {reprlib.repr(values)}") from error


def refuse_masked(values: Any, parameter: str, caller: str) -> None:
    """Raise InvalidInputError for a masked array that hides values: what is under the mask would be taken as known."""
    if isinstance(values, np.ma.MaskedArray) and np.ma.getmaskarray(values).any():
        rule = "free of masked values (fill them first, for instance with NaN)"
        raise InvalidInputError(f"{parameter} of {caller} must be {rule}; got {int(np.ma.getmaskarray(values).sum())} of them")


def encode_labels(y: npt.NDArray[Any], *, caller: str) -> tuple[npt.NDArray[Any], npt.NDArray[np.int32]]:
    """Return the sorted classes and, for each row, the position of its class.

    Raises
    ------
    InvalidInputError
        If the labels cannot be sorted.
    """
    try:
        classes, codes = np.unique(y, return_inverse=True)
    except TypeError:
        raise InvalidInputError(f"y of {caller} must be labels of one sortable kind; got mixed types") from None
    return classes, np.ascontiguousarray(codes, dtype=np.int32)


def check_sample_weight(sample_weight: Any, n_samples: int, *, caller: str) -> npt.NDArray[np.float64] | None:
    """Return weights as float64, or None where all rows count alike.

    Raises
    ------
    InvalidInputError
        If there is not one finite, non-negative weight a row, or their sum is not from 1e-150 to 1e150: squares of such sums are
        finite and not zero, which impurities and curvatures need.
    """
    if sample_weight is None:
        return None
    refuse_masked(sample_weight, "sample_weight", caller)
    try:
        given = np.asarray(sample_weight)
        if given.dtype.kind not in "biufO":
            raise TypeError(given.dtype)
        weights = np.full(n_samples, float(given)) if given.ndim == 0 else np.ascontiguousarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        raise InvalidInputError(f"sample_weight of {caller} must be one number a row; got {type(sample_weight).__name__}") from None
    if weights.ndim != 1:
        raise InvalidInputError(f"sample_weight of {caller} must be 1D array or scalar; got Sample weights must be 1D, shape {weights.shape}")
    if weights.shape[0] != n_samples:
        raise InvalidInputError(f"sample_weight of {caller} must be one number a row ({n_samples}); got shape {weights.shape}")
    if not np.isfinite(weights).all() or (weights < 0).any() or not (weights > 0).any():
        raise InvalidInputError(f"sample_weight of {caller} must be finite, not negative and not all zero; got values that are not")
    with np.errstate(over="ignore"):
        total = float(weights.sum())
    if not _LEAST_WEIGHT <= total <= 1 / _LEAST_WEIGHT:
        raise InvalidInputError(f"sample_weight of {caller} must sum to a number from {_LEAST_WEIGHT:g} to {1 / _LEAST_WEIGHT:g}; got {total:g}")
    return weights


def check_choice(value: Any, parameter: str, caller: str, choices: tuple[Any, ...]) -> None:
    """Raise InvalidInputError unless ``value`` is one of ``choices``."""
    if not any(value is choice or (isinstance(value, str) and value == choice) for choice in choices):
        raise InvalidInputError(f"{parameter} of {caller} must be one of {', '.join(map(repr, choices))}; got {reprlib.repr(value)}")


def check_absent(value: Any, parameter: str, caller: str, absent: Any, reason: str) -> None:
    """Raise InvalidInputError unless ``value`` is the one that means nothing: None, or zero."""
    number = absent is not None and isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, (bool, np.bool_))
    if value is not absent and not (number and value == absent):
        raise InvalidInputError(f"{parameter} of {caller} must be {absent!r} ({reason}); got {reprlib.repr(value)}")


def check_verbose(value: Any, caller: str) -> None:
    """Raise InvalidInputError unless ``value`` is a boolean or an integer of at least 0."""
    if not isinstance(value, (bool, np.bool_)):
        check_number(value, "verbose", caller, low=0, integer=True)


def is_true(value: Any) -> bool:
    """Return whether ``value`` is a true boolean; nothing else is, not even where it has no truth value at all."""
    return isinstance(value, (bool, np.bool_)) and bool(value)


def check_flag(value: Any, parameter: str, caller: str) -> None:
    """Raise InvalidInputError unless ``value`` is a boolean."""
    if not isinstance(value, (bool, np.bool_)):
        raise InvalidInputError(f"{parameter} of {caller} must be True or False; got {reprlib.repr(value)}")


def check_number(
    value: Any, parameter: str, caller: str, *, low: float, high: float = float("inf"), integer: bool = False, open_low: bool = False
) -> None:
    """Raise InvalidInputError unless ``value`` is a number (an integer) from ``low`` to ``high``; ``open_low`` excludes ``low``."""
    kinds: tuple[type, ...] = (int, np.integer) if integer else (int, float, np.integer, np.floating)
    number = isinstance(value, kinds) and not isinstance(value, (bool, np.bool_))
    # Python compares integers of any size with floats exactly; one that no float can hold is refused even where there is no upper end.
    whole = number and isinstance(value, (int, np.integer))
    sound = number and low <= value <= min(high, _LARGEST if whole else high) and not (open_low and value == low)
    if not sound:
        kind = "an integer" if integer else "a number"
        rule = f"{kind} {'above' if open_low else 'of at least'} {low:g}" + ("" if high == float("inf") else f" and at most {high:g}")
        raise InvalidInputError(f"{parameter} of {caller} must be {rule}; got {reprlib.repr(value)}")


def check_class_weight(class_weight: Any, classes: npt.NDArray[Any], *, caller: str) -> list[float] | None:
    """Return one weight a class for a mapping from labels to weights; None for no weights.

    Raises
    ------
    InvalidInputError
        If ``class_weight`` is no mapping, names a label that is no class while a class goes without weight, or holds a negative weight.
    """
    if class_weight is None:
        return None
    if not isinstance(class_weight, Mapping):
        rule = "None, 'balanced' or a dict from labels to weights"
        raise InvalidInputError(f"class_weight of {caller} must be {rule}; got {reprlib.repr(class_weight)}")
    labels = classes.tolist()
    missing = [label for label in labels if label not in class_weight]
    if missing and len(class_weight) != len(labels) - len(missing):
        raise InvalidInputError(f"class_weight of {caller} must name the classes of y; got no weight for {missing!r}")
    for label in labels:
        check_number(class_weight.get(label, 1.0), "class_weight", caller, low=0, high=float(np.finfo(np.float64).max))
    return [float(class_weight.get(label, 1.0)) for label in labels]


def label_steps(steps: list[dict[str, Any]], classes: Any) -> list[dict[str, Any]] | None:
    """Return a plan for the native fold loop with label-keyed parameters as lists in the order of ``classes``.

    None where there is such a parameter and ``classes`` is None.
    """
    labelled = []
    for step in steps:
        step = dict(step)
        for name in ("class_weight", "sampling_strategy"):
            value = step.get(name)
            if not isinstance(value, Mapping):
                continue
            if classes is None:
                return None
            if name == "class_weight":
                step[name] = check_class_weight(value, np.asarray(classes), caller=_class_name(step["kind"]))
            else:
                labels = np.asarray(classes).tolist()
                unknown = [label for label in value if label not in labels]
                if unknown:
                    rule = "be about classes present in the data"
                    raise InvalidInputError(f"sampling_strategy of {_class_name(step['kind'])} must {rule}; got {unknown!r}")
                step[name] = [int(value.get(label, -1)) for label in labels]
        labelled.append(step)
    return labelled


def _class_name(kind: str) -> str:
    """Return the class whose steps have this kind."""
    return {"smote": "SMOTE", "borderline_smote": "BorderlineSMOTE"}.get(kind) or "".join(part.capitalize() for part in kind.split("_"))


def as_invalid(parameter: str, caller: str, error: Exception, values: Any = None) -> InvalidInputError:
    """Return scikit-learn's finding about ``values`` as our class of error in our form of message."""
    found = str(error)
    if "contains NaN" in found:  # what follows is advice about other classes
        remedy = "fill them in with emotion_native.impute.SimpleImputer, or drop those rows"
        found = f"{found.partition(chr(10))[0].rstrip('.')}: {remedy}"
    elif "could not convert string" in found:
        found += text_columns(values)
    if len(found) > _LONGEST_FINDING:  # scikit-learn shows some arrays whole
        found = found[:_LONGEST_FINDING] + " …"
    rule = "a vector of class labels"
    if parameter != "y":
        rule = next((rule for part, rule in _RULES.items() if part in found), "a finite, non-empty numeric array of the expected shape")
    kind = InvalidTypeError if isinstance(error, TypeError) else InvalidInputError
    return kind(f"{parameter} of {caller} must be {rule}; got: {found}")
