"""Random under-sampling: large classes cut down to rows drawn from them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _core
from .._sampling import Codes, IndexSampler
from .._validation import check_flag

__all__ = ["RandomUnderSampler"]


class RandomUnderSampler(IndexSampler):
    """Keep as many rows of large classes as wanted, drawn at random.

    The result goes class by class in sorted order; the kept rows of a class are in the order given. Rows are only indexed: any kind of column
    and NaN are allowed, arrays, data frames and sparse matrices keep their type. In a pipeline it acts in ``fit`` only.

    Parameters
    ----------
    sampling_strategy : str, float, dict or callable, default="auto"
        ``"auto"`` and ``"not minority"``: every class down to the smallest; ``"all"``: the same; ``"not majority"``: every class but the
        largest; ``"majority"``: the largest class only; a float (two classes): small over large afterwards; a dict from labels to numbers of
        rows; a callable that takes ``y`` and returns such a dict.
    random_state : None, int, RandomState or Generator
        Seed; the rows of a class depend on the seed, on its position among the classes present, and on its rows alone.
    replacement : bool, default=False
        Draw with replacement.

    Attributes
    ----------
    sampling_strategy_ : dict
        Rows kept of each label that is cut.
    sample_indices_ : ndarray of shape (n_samples_new,), int64
        For each row of the result, the row that it was.

    Examples
    --------
    >>> import numpy as np
    >>> from emotion_native.under_sampling import RandomUnderSampler
    >>> X, y = RandomUnderSampler(random_state=0).fit_resample(np.array([[0.0], [1.0], [2.0]]), ["sad", "sad", "happy"])
    >>> [str(label) for label in y]
    ['happy', 'sad']
    """

    _kind = "random_under_sampler"
    _strategies = ("auto", "not minority", "not majority", "majority", "all")
    _auto = "not minority"

    def __init__(self, *, sampling_strategy: Any = "auto", random_state: Any = None, replacement: bool = False) -> None:
        self.sampling_strategy = sampling_strategy
        self.random_state = random_state
        self.replacement = replacement

    def _checked_step(self) -> dict[str, Any]:
        check_flag(self.replacement, "replacement", "RandomUnderSampler")
        return {**super()._checked_step(), "replacement": bool(self.replacement)}

    def _draw(self, classes: npt.NDArray[Any], codes: Codes, step: dict[str, Any]) -> npt.NDArray[np.int64]:
        indices: npt.NDArray[np.int64] = _core.random_under_sample(codes, len(classes), step)
        cut = self._cut(np.bincount(codes, minlength=len(classes)), step["sampling_strategy"])
        kept = np.bincount(codes[indices], minlength=len(classes))
        self.sampling_strategy_ = {label: int(n) for label, n, is_cut in zip(classes.tolist(), kept, cut, strict=True) if is_cut}
        return indices

    @staticmethod
    def _cut(present: npt.NDArray[np.int64], strategy: Any) -> npt.NDArray[np.bool_]:
        """Return which classes the strategy is about; ties of size as in the core, the first class wins."""
        cut = np.ones(len(present), dtype=bool)
        if isinstance(strategy, list):
            cut[:] = np.asarray(strategy) >= 0
        elif strategy == "majority":
            cut[:] = np.arange(len(present)) == np.argmax(present)
        elif strategy == "not majority":
            cut[np.argmax(present)] = False
        elif strategy != "all":
            cut[np.argmin(present)] = False
        return cut
