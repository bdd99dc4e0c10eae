"""What all samplers share: the check of rows, labels and strategies, and the way rows keep their type."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted, validate_data

from . import _core
from ._validation import check_class_labels, check_seed, encode_labels, label_steps, refuse_masked
from .exceptions import InvalidInputError, InvalidTypeError

Codes = npt.NDArray[np.int32]


class Sampler(BaseEstimator):  # type: ignore[misc]  # scikit-learn is untyped
    """A sampler: checks what it is given and knows its strategy."""

    _estimator_type = "sampler"  # how imbalanced-learn's pipeline knows one
    _kind: str
    _strategies: tuple[str, ...] = ("auto", "not majority", "not minority", "minority", "all")
    _auto = "not majority"

    sampling_strategy: Any
    random_state: Any

    @contextlib.contextmanager
    def _whole_or_unfitted(self) -> Iterator[None]:
        """Forget an earlier fit; where this one fails, forget its parts too."""
        self._forget()
        try:
            yield
        except BaseException:
            self._forget()
            raise

    def _forget(self) -> None:
        for name in [name for name in vars(self) if name.endswith("_")]:
            delattr(self, name)

    @property
    def _caller(self) -> str:
        return f"{type(self).__name__}.fit_resample"

    def _check(self, X: Any, y: Any) -> tuple[npt.NDArray[Any], npt.NDArray[Any], Codes, dict[str, Any]]:
        """Return labels, their classes and codes, and the step with its strategy in the order of the classes."""
        step = self._checked_step()
        if y is None:
            rule = "an array of labels (it requires y to be passed, but the target y is None)"
            raise InvalidInputError(f"y of {self._caller} must be {rule}; got None")
        labels = check_class_labels(y, caller=self._caller)
        n_rows = check_shape(X, self._caller)
        try:
            validate_data(self, X, reset=True, skip_check_array=True)
        except (TypeError, ValueError) as error:
            kind = InvalidTypeError if isinstance(error, TypeError) else InvalidInputError
            raise kind(f"X of {self._caller} must be a matrix with usable column names; got: {error!s:.600}") from error
        if n_rows != labels.shape[0]:
            found = f"{labels.shape[0]} for {n_rows}"
            raise InvalidInputError(f"y of {self._caller} must be one label a row (inconsistent numbers of samples); got {found}")
        classes, codes = encode_labels(labels, caller=self._caller)
        if len(classes) < 2:
            raise InvalidInputError(f"y of {self._caller} must be labels of more than one class; got 1 class")
        if callable(self.sampling_strategy):
            step["sampling_strategy"] = self._checked_strategy(self.sampling_strategy(labels))
        return labels, classes, codes, cast("list[dict[str, Any]]", label_steps([step], classes))[0]

    def _checked_strategy(self, strategy: Any) -> Any:
        """Return the strategy as the core takes it: a name, a float, or a mapping from labels to numbers of rows."""
        name = type(self).__name__
        if isinstance(strategy, Mapping):
            bad = [n for n in strategy.values() if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 0]
            if bad:
                raise InvalidInputError(f"sampling_strategy of {name} must be numbers of rows; got {bad!r}")
            return strategy
        if isinstance(strategy, (float, np.floating)):
            if not 0 < strategy <= 1:
                raise InvalidInputError(f"sampling_strategy of {name} must be a float above 0 and at most 1; got {strategy!r}")
            return float(strategy)
        if not (isinstance(strategy, str) and strategy in self._strategies):
            names = ", ".join(map(repr, self._strategies))
            raise InvalidInputError(f"sampling_strategy of {name} must be one of {names}, a float, a dict or a callable; got {strategy!r}")
        return self._auto if strategy == "auto" else strategy

    def _checked_step(self) -> dict[str, Any]:
        """Return the unfitted step; the strategy is None where it is a function of the labels."""
        strategy = None if callable(self.sampling_strategy) else self._checked_strategy(self.sampling_strategy)
        seed = check_seed(self.random_state, caller=type(self).__name__)
        return {"kind": self._kind, "sampling_strategy": strategy, "seed": seed}

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[Any]:
        """Return the names of the columns, which stay as they are."""
        check_is_fitted(self, "sampling_strategy_")
        names: npt.NDArray[Any] = _check_feature_names_in(self, input_features)
        return names

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.estimator_type = "sampler"
        tags.target_tags.required = True
        tags.input_tags.sparse = True
        return tags

    def _native_step(self) -> dict[str, Any] | None:
        """Return the unfitted step for the native fold loop; None for a strategy that is a function."""
        return None if callable(self.sampling_strategy) else self._checked_step()


class IndexSampler(Sampler):
    """A sampler whose rows are all rows that were given: any kind of column passes through."""

    sample_indices_: npt.NDArray[np.int64]
    sampling_strategy_: dict[Any, int]

    def _draw(self, classes: npt.NDArray[Any], codes: Codes, step: dict[str, Any]) -> npt.NDArray[np.int64]:
        raise NotImplementedError

    def fit(self, X: Any, y: Any) -> Any:
        """Check the input and learn ``sampling_strategy_``; nothing is drawn into a result."""
        with self._whole_or_unfitted():
            _, classes, codes, step = self._check(X, y)
            self._draw(classes, codes, step)
        return self

    def fit_resample(self, X: Any, y: Any) -> tuple[Any, Any]:
        """Return the resampled ``X`` and ``y``, in the types given; ``sample_indices_`` says which row each was.

        Parameters
        ----------
        X : array, data frame or sparse matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
            Sortable labels of at least two classes.

        Raises
        ------
        InvalidInputError
            If the lengths differ, ``y`` is no vector of labels or has one class, or the strategy asks for what cannot be drawn.
        """
        with self._whole_or_unfitted():
            return self._drawn(X, y)

    def _drawn(self, X: Any, y: Any) -> tuple[Any, Any]:
        labels, classes, codes, step = self._check(X, y)
        as_list = isinstance(X, list) and isinstance(y, list)
        if not hasattr(X, "iloc") and not hasattr(X, "tocsr"):
            X = np.asarray(X)
        indices = self._draw(classes, codes, step)
        del codes
        if isinstance(X, np.ndarray) and len(indices) * X.shape[1] * X.itemsize > _core.physical_memory():
            found = f"{len(indices)} rows of {X.shape[1] * X.itemsize} bytes"
            raise InvalidInputError(f"sampling_strategy of {self._caller} must be such that the result fits in this machine's memory; got {found}")
        self.sample_indices_ = indices
        X_new = X.tocsr()[indices].asformat(X.format) if hasattr(X, "tocsr") else _safe_indexing(X, indices)
        y_new = _safe_indexing(y, indices) if hasattr(y, "iloc") else labels[indices]
        return (X_new.tolist(), y_new.tolist()) if as_list else (X_new, y_new)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        return tags


def check_shape(X: Any, caller: str) -> int:
    """Return the number of rows of a matrix of any kind that has at least one row and one column."""
    refuse_masked(X, "X", caller)
    shape = X.shape if hasattr(X, "shape") else np.asarray(X, dtype=object).shape
    if len(shape) != 2:
        raise InvalidInputError(f"X of {caller} must be a 2-d array (Reshape your data); got {len(shape)} dimensions")
    for count, kind in zip(shape, ("sample", "feature"), strict=True):
        if count == 0:
            found = f"0 {kind}(s) (shape={tuple(shape)}) while a minimum of 1 is required."
            raise InvalidInputError(f"X of {caller} must have rows and columns; got {found}")
    return int(shape[0])


def as_dense(X: Any) -> Any:
    """Return a sparse matrix or data frame as a dense one, anything else as it is."""
    if hasattr(X, "toarray"):
        return X.toarray()
    is_frame = hasattr(X, "iloc") and hasattr(X, "dtypes")
    return X.sparse.to_dense() if is_frame and all("Sparse" in type(dtype).__name__ for dtype in X.dtypes) else X


def as_given(X: Any, values: npt.NDArray[Any], y: Any, labels: npt.NDArray[Any]) -> tuple[Any, Any]:
    """Return the new rows and labels in the containers that were given."""
    result: Any = values
    if hasattr(X, "toarray"):
        from scipy import sparse

        container = sparse.csr_array if isinstance(X, sparse.sparray) else sparse.csr_matrix
        result = container(values).asformat(X.format)
    elif hasattr(X, "iloc") and hasattr(X, "columns"):
        import pandas as pd

        result = pd.DataFrame(values, columns=X.columns)
        for column, dtype in zip(X.columns, X.dtypes, strict=True) if X.columns.is_unique else ():
            with contextlib.suppress(TypeError):  # nullable integers and booleans cannot hold values between two rows: float64
                result[column] = result[column].astype(dtype)
    new_y: Any = labels
    if hasattr(y, "iloc"):
        import pandas as pd

        new_y = pd.Series(labels, name=y.name, dtype=y.dtype) if y.ndim == 1 else pd.DataFrame(labels, columns=y.columns)
    return (result.tolist(), new_y.tolist()) if isinstance(X, list) and isinstance(y, list) else (result, new_y)
