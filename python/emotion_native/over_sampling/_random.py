"""Over-sampling of small classes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator
from sklearn.utils import _safe_indexing
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted, column_or_1d, validate_data

from .. import _core
from .._validation import check_seed, encode_labels, label_steps
from ..exceptions import InvalidInputError

__all__ = ["RandomOverSampler"]

_CALLER = "RandomOverSampler.fit_resample"


class RandomOverSampler(BaseEstimator):  # type: ignore[misc]  # scikit-learn is untyped
    """Draw rows of small classes again, with replacement, until classes are as large as wanted.

    All rows come first, in order; then, class by class in sorted order, the drawn copies. Rows are only indexed: any kind of column and
    NaN are allowed, arrays, data frames and sparse matrices keep their type. In a pipeline it acts in ``fit`` only.

    Parameters
    ----------
    sampling_strategy : str, float, dict or callable, default="auto"
        ``"auto"`` and ``"not majority"``: every class up to the largest; ``"all"``: the same; ``"minority"``: the smallest class only; a
        float (two classes): small over large afterwards; a dict from labels to numbers of rows; a callable that takes ``y`` and returns
        such a dict.
    random_state : None, int, RandomState or Generator
        Seed; the copies of a class depend on the seed, on its position among the classes present, and on its rows alone.
    shrinkage : None
        Smoothed bootstrap is not supported.

    Attributes
    ----------
    sampling_strategy_ : dict
        Copies drawn for each label.
    sample_indices_ : ndarray of shape (n_samples_new,), int64
        For each row of the result, the row that it is a copy of.

    Examples
    --------
    >>> import numpy as np
    >>> from emotion_native.over_sampling import RandomOverSampler
    >>> X, y = RandomOverSampler(random_state=0).fit_resample(np.array([[0.0], [1.0], [2.0]]), ["sad", "sad", "happy"])
    >>> [str(label) for label in y]
    ['sad', 'sad', 'happy', 'happy']
    """

    _estimator_type = "sampler"  # how imbalanced-learn's pipeline knows one

    def __init__(self, *, sampling_strategy: Any = "auto", random_state: Any = None, shrinkage: None = None) -> None:
        self.sampling_strategy = sampling_strategy
        self.random_state = random_state
        self.shrinkage = shrinkage

    def _check(self, X: Any, y: Any) -> tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[np.int32], dict[str, Any]]:
        if self.shrinkage is not None:
            raise InvalidInputError(f"shrinkage of RandomOverSampler must be None; got {self.shrinkage!r}")
        if y is None:
            raise InvalidInputError(f"y of {_CALLER} must be an array of labels (it requires y to be passed, but the target y is None); got None")
        try:
            labels = column_or_1d(y, warn=True)
            if labels.dtype.kind in "fc" and not np.isfinite(labels).all():
                raise InvalidInputError(f"y of {_CALLER} must be free of NaN and infinity; got NaN or infinity")
            check_classification_targets(labels)
            n_rows = _check_shape(X)
            validate_data(self, X, reset=True, skip_check_array=True)
        except InvalidInputError:
            raise
        except ValueError as error:
            raise InvalidInputError(f"y of {_CALLER} must be a vector of class labels; got: {error}") from error
        if n_rows != labels.shape[0]:
            raise InvalidInputError(f"y of {_CALLER} must be one label a row (inconsistent numbers of samples); got {labels.shape[0]} for {n_rows}")
        classes, codes = encode_labels(labels, caller=_CALLER)
        if len(classes) < 2:
            raise InvalidInputError(f"y of {_CALLER} must be labels of more than one class; got 1 class")
        return labels, classes, codes, self._plan(labels, classes)

    def _plan(self, labels: npt.NDArray[Any], classes: npt.NDArray[Any]) -> dict[str, Any]:
        strategy = self.sampling_strategy(labels) if callable(self.sampling_strategy) else self.sampling_strategy
        step = self._checked_step(strategy)
        plan = label_steps([step], classes)
        return cast("list[dict[str, Any]]", plan)[0]

    def _checked_step(self, strategy: Any) -> dict[str, Any]:
        known = ("auto", "not majority", "minority", "all")
        if isinstance(strategy, Mapping):
            bad = [n for n in strategy.values() if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 0]
            if bad:
                raise InvalidInputError(f"sampling_strategy of RandomOverSampler must be numbers of rows; got {bad!r}")
        elif isinstance(strategy, (float, np.floating)):
            if not 0 < strategy <= 1:
                raise InvalidInputError(f"sampling_strategy of RandomOverSampler must be a float above 0 and at most 1; got {strategy!r}")
            strategy = float(strategy)
        elif not (isinstance(strategy, str) and strategy in known):
            names = ", ".join(map(repr, known))
            raise InvalidInputError(f"sampling_strategy of RandomOverSampler must be one of {names}, a float, a dict or a callable; got {strategy!r}")
        return {"kind": "random_over_sampler", "sampling_strategy": strategy, "seed": check_seed(self.random_state, caller="RandomOverSampler")}

    def fit(self, X: Any, y: Any) -> RandomOverSampler:
        """Check the input and learn ``sampling_strategy_``; nothing is drawn into a result."""
        _, classes, codes, plan = self._check(X, y)
        self._draw(classes, codes, plan)
        return self

    def _draw(self, classes: npt.NDArray[Any], codes: npt.NDArray[np.int32], plan: dict[str, Any]) -> npt.NDArray[np.int64]:
        indices: npt.NDArray[np.int64] = _core.random_over_sample(codes, len(classes), plan)
        drawn = np.bincount(codes[indices[codes.size :]], minlength=len(classes))
        self.sampling_strategy_ = {label: int(n) for label, n in zip(classes.tolist(), drawn, strict=True)}
        return indices

    def fit_resample(self, X: Any, y: Any) -> tuple[Any, Any]:
        """Return ``X`` and ``y`` with the drawn copies after the given rows, in the types given.

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
        labels, classes, codes, plan = self._check(X, y)
        if not hasattr(X, "iloc") and not hasattr(X, "tocsr"):
            as_list = isinstance(X, list)
            X = np.asarray(X)
        else:
            as_list = False
        indices = self._draw(classes, codes, plan)
        self.sample_indices_ = indices
        X_new = X.tocsr()[indices].asformat(X.format) if hasattr(X, "tocsr") else _safe_indexing(X, indices)
        y_new = _safe_indexing(y, indices) if hasattr(y, "iloc") else labels[indices]
        return (X_new.tolist(), y_new.tolist()) if as_list and isinstance(y, list) else (X_new, y_new)

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[Any]:
        """Return the names of the columns, which stay as they are."""
        check_is_fitted(self, "sampling_strategy_")
        names: npt.NDArray[Any] = _check_feature_names_in(self, input_features)
        return names

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.estimator_type = "sampler"
        tags.target_tags.required = True
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.sparse = True
        return tags

    def _native_step(self) -> dict[str, Any] | None:
        """Return the unfitted step for the native fold loop; None for a strategy that is a function."""
        return None if callable(self.sampling_strategy) else self._checked_step(self.sampling_strategy)


def _check_shape(X: Any) -> int:
    """Return the number of rows of a matrix of any kind that has at least one row and one column."""
    shape = X.shape if hasattr(X, "shape") else np.asarray(X, dtype=object).shape
    if len(shape) != 2:
        raise InvalidInputError(f"X of {_CALLER} must be a 2-d array (Reshape your data); got {len(shape)} dimensions")
    for count, kind in zip(shape, ("sample", "feature"), strict=True):
        if count == 0:
            found = f"0 {kind}(s) (shape={tuple(shape)}) while a minimum of 1 is required."
            raise InvalidInputError(f"X of {_CALLER} must have rows and columns; got {found}")
    return int(shape[0])
