"""What messages say and advise: the class and the name that are meant, an instance, a matrix, the column that holds no numbers."""

from __future__ import annotations

import difflib
import reprlib
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from .exceptions import InvalidInputError, InvalidTypeError

_NAMED_COLUMNS = 3
_FOREIGN_MEASURING = ("CalibratedClassifierCV", "TunedThresholdClassifierCV")  # scikit-learn's, which measure on the rows of their fit too


def did_you_mean(name: Any, known: Iterable[str], *, most: int = 1) -> str:
    """Return the end of a message about an unknown name: the known one that is close to it, if there is one, or at most so many.

    Examples
    --------
    >>> did_you_mean("speakers", ["groups", "speaker"])
    ": did you mean 'speaker'?"
    >>> did_you_mean("grups", ["groups", "group", "speaker"], most=3)
    ": did you mean 'groups' or 'group'?"
    """
    return suggestion(difflib.get_close_matches(str(name), sorted(known), n=most))


def suggestion(names: Iterable[str]) -> str:
    """Return the end of a message that suggests these names; nothing where there are none.

    Examples
    --------
    >>> suggestion(["folds"])
    ": did you mean 'folds'?"
    """
    close = [repr(name) for name in names]
    return f": did you mean {' or '.join([', '.join(close[:-1]), close[-1]] if len(close) > 1 else close)}?" if close else ""


def shown_share(value: float, width: int = 0) -> str:
    """Return a share as messages and captions show it: in whole percent, and with as many places more as keep it from looking like all or nothing.

    Examples
    --------
    >>> [shown_share(value) for value in (0.42, 0.997, 0.9999, 1.0, 0.0004, 0.0)]
    ['42%', '99.7%', '99.99%', '100%', '0.04%', '0%']
    """
    for places in range(3):
        text = f"{value:.{places}%}"
        if not 0.0 < value < 1.0 or 0.0 < float(text[:-1]) < 100.0:
            return text.rjust(width)
    return (">99.99%" if value > 0.5 else "<0.01%").rjust(width)


def refuse_class(value: Any, parameter: str, caller: str, rule: str) -> None:
    """Raise InvalidTypeError for a class where an instance is wanted."""
    if isinstance(value, type):
        raise InvalidTypeError(f"{parameter} of {caller} must be {rule}; got the class {value.__name__}: write {value.__name__}()")


def check_estimator(estimator: Any, caller: str, others: Iterable[Any] = ()) -> None:
    """Raise InvalidTypeError unless ``estimator`` can be fitted; ``others`` are the arguments that it may have been swapped with."""
    refuse_class(estimator, "estimator", caller, "an estimator")
    if not hasattr(estimator, "fit"):
        found = f"an array of shape {estimator.shape}" if isinstance(estimator, np.ndarray) else reprlib.repr(estimator)
        found = type(estimator).__name__ if hasattr(estimator, "iloc") else found
        order = f": the order is {caller}(estimator, X, y)" if any(hasattr(value, "fit") for value in others) else ""
        raise InvalidTypeError(f"estimator of {caller} must be an estimator, with fit; got {found}{order}")


def refuse_table(X: Any, parameter: str, caller: str) -> None:
    """Raise InvalidTypeError for a feature table where its matrix is wanted."""
    if hasattr(X, "names") and isinstance(getattr(X, "X", None), np.ndarray):
        raise InvalidTypeError(f"{parameter} of {caller} must be a matrix; got a {type(X).__name__}: pass its matrix, table.X")


def refuse_text(values: Any, parameter: str, caller: str) -> None:
    """Raise InvalidTypeError for one text, such as a column's name, where the column is wanted."""
    if isinstance(values, (str, bytes)):
        remedy = f": pass the column itself, such as rows[{values!r:.60}]"
        raise InvalidTypeError(f"{parameter} of {caller} must be one value a row; got the text {reprlib.repr(values)}{remedy}")


def refuse_missing_labels(y: Any, caller: str) -> None:
    """Raise InvalidInputError where None, NaN or NA stand among labels; other kinds of wrong labels pass."""
    dtype = getattr(y, "dtype", None)
    if isinstance(y, (list, tuple)):
        values: Any = y
    elif dtype is None or (isinstance(dtype, np.dtype) and dtype.kind != "O"):
        return
    else:
        values = np.asarray(y, dtype=object)
        values = values.ravel() if values.ndim == 2 and values.shape[1] == 1 else values
        if values.ndim != 1:
            return
    rows = [row for row, value in enumerate(values) if is_missing(value)]
    if rows:
        rule = "labels of one sortable kind, all known"
        found = f"{len(rows)} missing among {len(values)}, the first in row {rows[0]}"
        raise InvalidInputError(f"y of {caller} must be {rule}; got {found}: fill them in, or drop those rows")


def is_missing(value: Any) -> bool:
    """Return whether a value is None, NaN, NaT or NA."""
    if value is None:
        return True
    try:
        return bool(value != value)
    except TypeError:  # pandas' NA has no truth value
        return True
    except ValueError:  # an array
        return False


def missing_names(values: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Return where names of speakers and the like are missing: None, NaN, NaT, NA or an empty text.

    Examples
    --------
    >>> missing_names(np.array(["anna", "", None], dtype=object)).tolist()
    [False, True, True]
    """
    if values.dtype.kind in "iub":
        return np.zeros(values.shape, dtype=bool)
    if values.dtype.kind in "fc":
        return np.asarray(np.isnan(values))
    if values.dtype.kind in "mM":
        return np.asarray(np.isnat(values))
    if values.dtype.kind in "US":
        return np.asarray(values == values.dtype.type())
    return np.fromiter((is_missing(v) or (isinstance(v, str) and v == "") for v in values), dtype=bool, count=len(values))


def rows_found(wrong: npt.NDArray[np.bool_]) -> str:
    """Return how many rows are meant and which is the first, as part of a message.

    Examples
    --------
    >>> rows_found(np.array([False, True, True]))
    '2 of 3 rows, the first is row 1'
    """
    return f"{int(wrong.sum())} of {wrong.size} rows, the first is row {int(np.argmax(wrong))}"


def text_columns(X: Any) -> str:
    """Return which columns of a data frame or array hold what is no number, as the end of a message; nothing where none is found."""
    if hasattr(X, "iloc") and hasattr(X, "columns"):
        columns = [(name, np.asarray(X.iloc[:, j])) for j, name in enumerate(X.columns)]
    else:
        try:
            values = np.asarray(X, dtype=object)
        except ValueError:  # rows of different lengths
            return ""
        columns = [(j, values[:, j]) for j in range(values.shape[1])] if values.ndim == 2 else []
    wrong = [name for name, column in columns if column.dtype.kind in "OUST" and not _is_numeric(column)]
    if not wrong:
        return ""
    shown = ", ".join(map(reprlib.repr, wrong[:_NAMED_COLUMNS])) + (", …" if len(wrong) > _NAMED_COLUMNS else "")
    return f" (column{'s' if len(wrong) > 1 else ''} {shown}): leave text out of X"


def _is_numeric(column: npt.NDArray[Any]) -> bool:
    try:
        column.astype(np.float64)
    except (TypeError, ValueError):
        return False
    return True


def measuring_part(step: Any) -> Any:
    """Return what calibrates, thresholds or measures sets in a step: itself, or a part of a pipeline or of a wrapper; None without any."""
    if getattr(step, "_needs_rows_as_they_occur", False) or type(step).__name__ in _FOREIGN_MEASURING:
        return step
    inner = getattr(step, "steps", None)
    parts = [part[-1] for part in inner if isinstance(part, (list, tuple)) and part] if isinstance(inner, (list, tuple)) else []
    found = (measuring_part(part) for part in [*parts, getattr(step, "estimator", None)] if part is not None)
    return next((part for part in found if part is not None), None)
