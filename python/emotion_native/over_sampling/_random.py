"""Random over-sampling: rows of small classes drawn again."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _core
from .._sampling import Codes, IndexSampler
from ..exceptions import InvalidInputError

__all__ = ["RandomOverSampler"]


class RandomOverSampler(IndexSampler):
    """Draw rows of small classes again, with replacement, until classes are as large as wanted.

    All rows come first, in order; then, class by class in sorted order, the drawn copies. Rows are only indexed: any kind of column and
    NaN are allowed, arrays, data frames and sparse matrices keep their type. In a pipeline it acts in ``fit`` only.

    Parameters
    ----------
    sampling_strategy : str, float, dict or callable, default="auto"
        ``"auto"`` and ``"not majority"``: every class up to the largest; ``"all"``: the same; ``"not minority"``: every class but the
        smallest; ``"minority"``: the smallest class only; a float (two classes): small over large afterwards; a dict from labels to numbers
        of rows; a callable that takes ``y`` and returns such a dict.
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

    _kind = "random_over_sampler"

    def __init__(self, *, sampling_strategy: Any = "auto", random_state: Any = None, shrinkage: None = None) -> None:
        self.sampling_strategy = sampling_strategy
        self.random_state = random_state
        self.shrinkage = shrinkage

    def _checked_step(self) -> dict[str, Any]:
        if self.shrinkage is not None:
            raise InvalidInputError(f"shrinkage of RandomOverSampler must be None; got {self.shrinkage!r}")
        return super()._checked_step()

    def _draw(self, classes: npt.NDArray[Any], codes: Codes, step: dict[str, Any]) -> npt.NDArray[np.int64]:
        indices: npt.NDArray[np.int64] = _core.random_over_sample(codes, len(classes), step)
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
        return self._resample(X, y)
