"""Random over-sampling: rows of small classes drawn again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _core
from .._sampling import Codes, IndexSampler, as_dense, as_given
from .._validation import check_matrix, check_number
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
    shrinkage : None, float or dict, default=None
        Smoothed bootstrap: each copy is moved by normal noise of standard deviation ``shrinkage * h * s``, where ``s`` is the column's standard
        deviation in the class and ``h = (4 / ((d + 2) n)) ** (1 / (d + 4))`` for ``d`` columns and ``n`` rows of the class (imbalanced-learn takes
        the rows of all classes for ``n``). None and 0 copy exactly; a dict gives one factor a label, for every label that is drawn. Columns must
        then be finite numbers, and a pipeline with it is fitted fold by fold.

    Attributes
    ----------
    sampling_strategy_ : dict
        Copies drawn for each label.
    shrinkage_ : dict or None
        The factor of each label that the strategy is about.
    sample_indices_ : ndarray of shape (n_samples_new,), int64
        For each row of the result, the row that it is a copy of, moved or not: its weight, speaker and group are those of that row.

    References
    ----------
    Menardi & Torelli, "Training and assessing classification rules with imbalanced data", Data Mining and Knowledge Discovery 28 (2014).

    Examples
    --------
    >>> import numpy as np
    >>> from emotion_native.over_sampling import RandomOverSampler
    >>> X, y = RandomOverSampler(random_state=0).fit_resample(np.array([[0.0], [1.0], [2.0]]), ["sad", "sad", "happy"])
    >>> [str(label) for label in y]
    ['sad', 'sad', 'happy', 'happy']
    """

    _kind = "random_over_sampler"

    def __init__(self, *, sampling_strategy: Any = "auto", random_state: Any = None, shrinkage: float | Mapping[Any, float] | None = None) -> None:
        self.sampling_strategy = sampling_strategy
        self.random_state = random_state
        self.shrinkage = shrinkage

    def _checked_step(self) -> dict[str, Any]:
        factors = self.shrinkage.values() if isinstance(self.shrinkage, Mapping) else [] if self.shrinkage is None else [self.shrinkage]
        for factor in factors:
            check_number(factor, "shrinkage", "RandomOverSampler", low=0, high=float(np.finfo(np.float64).max))
        return super()._checked_step()

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = tags.input_tags.string = self.shrinkage is None
        return tags

    def _native_step(self) -> dict[str, Any] | None:
        return None if self.shrinkage is not None else super()._native_step()

    def _draw(self, classes: npt.NDArray[Any], codes: Codes, step: dict[str, Any]) -> npt.NDArray[np.int64]:
        indices: npt.NDArray[np.int64] = _core.random_over_sample(codes, len(classes), step)
        drawn = np.bincount(codes[indices[codes.size :]], minlength=len(classes))
        self.sampling_strategy_ = dict(zip(classes.tolist(), drawn.tolist(), strict=True))
        if not isinstance(self.shrinkage, Mapping):
            asked = step["sampling_strategy"]
            meant = np.asarray(asked) >= 0 if isinstance(asked, list) else drawn > 0
            self.shrinkage_ = None if self.shrinkage is None else dict.fromkeys(classes[meant].tolist(), self.shrinkage)
            return indices
        missing = [label for label, n in self.sampling_strategy_.items() if n and label not in self.shrinkage]
        if missing:
            raise InvalidInputError(f"shrinkage of RandomOverSampler must have a factor for each label that is drawn; got none for {missing!r}")
        self.shrinkage_ = dict(self.shrinkage)
        return indices

    def fit(self, X: Any, y: Any) -> Any:
        """Check the input and learn ``sampling_strategy_``; nothing is drawn into a result."""
        super().fit(X, y)
        if self.shrinkage is not None:
            check_matrix(as_dense(X), caller="RandomOverSampler.fit")
        return self

    def _drawn(self, X: Any, y: Any) -> tuple[Any, Any]:
        return super()._drawn(X, y) if self.shrinkage is None else self._smoothed(X, y)

    def _smoothed(self, X: Any, y: Any) -> tuple[Any, Any]:
        """Return the smoothed bootstrap; the noise of a class has a stream of its own, keyed by the seed and the class's position."""
        labels, classes, codes, step = self._check(X, y)
        values = check_matrix(as_dense(X), caller=self._caller)
        indices = self._draw(classes, codes, step)
        self.sample_indices_ = indices
        out = values[indices]
        copies = indices[codes.size :]
        for position, label in enumerate(classes.tolist()):
            drawn = np.flatnonzero(codes[copies] == position) + codes.size
            factor = (self.shrinkage_ or {}).get(label, 0)
            if not drawn.size or not factor:
                continue
            own = values[codes == position]
            width = (4 / ((own.shape[1] + 2) * len(own))) ** (1 / (own.shape[1] + 4))
            key = np.array([step["seed"], position], dtype=np.uint64)
            noise = np.random.Generator(np.random.Philox(key=key)).standard_normal((drawn.size, own.shape[1]))
            out[drawn] += (noise * (factor * width * own.std(axis=0, dtype=np.float64))).astype(out.dtype)
        return as_given(X, out, y, labels[indices])
