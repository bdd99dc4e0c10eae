"""Synthetic rows of small classes between neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _core
from .._sampling import Codes, Sampler, as_dense, as_given
from .._threads import effective_n_jobs
from .._validation import check_choice, check_matrix, check_number
from ..exceptions import InvalidInputError
from ..model_selection._groups import encode_groups

__all__ = ["SMOTE", "BorderlineSMOTE"]

_PARALLEL_VALUES = 100_000  # below this one thread is faster
_PROVENANCE = np.dtype([("base", np.int64), ("neighbour", np.int64), ("weight", np.float64)])


class SyntheticSampler(Sampler):
    """What both samplers share: the call of the core and the record of where rows come from."""

    k_neighbors: Any
    within: Any
    n_jobs: Any

    def _checked_step(self) -> dict[str, Any]:
        name = type(self).__name__
        check_number(self.k_neighbors, "k_neighbors", name, low=1, high=2**31 - 1, integer=True)
        check_choice(self.within, "within", name, (None, "speaker", "groups"))
        step = {**super()._checked_step(), "k_neighbors": int(self.k_neighbors), "within": self.within}
        return step if self.within is None else {**step, "needs": [self.within]}

    def fit(self, X: Any, y: Any, *, speaker: Any = None, groups: Any = None) -> Any:
        """Draw as `fit_resample` does and keep what was learned; the rows are thrown away."""
        self.fit_resample(X, y, speaker=speaker, groups=groups)
        return self

    def fit_resample(self, X: Any, y: Any, *, speaker: Any = None, groups: Any = None) -> tuple[Any, Any]:
        """Return ``X`` and ``y`` with the synthetic rows after the given ones, class by class in sorted order.

        Parameters
        ----------
        X : array, data frame or sparse matrix of shape (n_samples, n_features)
            Finite numbers. float32 and float64 are kept as given, other numbers become float64; a sparse matrix is worked on as a dense one.
        y : array-like of shape (n_samples,)
            Sortable labels of at least two classes.
        speaker, groups : array-like of shape (n_samples,), optional
            What neighbours must share where ``within`` names it; not looked at otherwise.

        Raises
        ------
        InvalidInputError
            If ``X`` has NaN or infinity, the lengths differ, ``y`` is no vector of labels or has one class, ``within`` lacks its labels, or
            the strategy asks for what cannot be drawn.
        """
        with self._whole_or_unfitted():
            return self._made(X, y, {"speaker": speaker, "groups": groups})

    def _made(self, X: Any, y: Any, metadata: dict[str, Any]) -> tuple[Any, Any]:
        labels, classes, codes, step = self._check(X, y)
        n_jobs = effective_n_jobs(self.n_jobs, caller=type(self).__name__)
        matrix = check_matrix(as_dense(X), caller=self._caller, estimator=self, reset=True)
        shared = self._codes(metadata, len(labels))
        threads = n_jobs if matrix.size >= _PARALLEL_VALUES else 1
        values, base, neighbour, weight, shortages = _core.smote(matrix, codes, len(classes), step, shared, threads)
        n = len(labels)
        self.provenance_ = np.empty(n + len(base), dtype=_PROVENANCE)
        for name, given, made in (("base", np.arange(n), base), ("neighbour", np.arange(n), neighbour), ("weight", 0.0, weight)):
            self.provenance_[name][:n] = given
            self.provenance_[name][n:] = made
        self.sample_indices_ = self.provenance_["base"].copy()
        drawn = np.bincount(codes[base], minlength=len(classes))
        self.sampling_strategy_ = dict(zip(classes.tolist(), drawn.tolist(), strict=True))
        self.fallbacks_ = {
            label: text for label, row in zip(classes.tolist(), shortages.tolist(), strict=True) if (text := self._fallback(*row)) is not None
        }
        made_labels = labels[self.sample_indices_]
        return as_given(X, values, y, made_labels)

    def _codes(self, metadata: dict[str, Any], n_rows: int) -> Codes | None:
        """Return codes of the row metadata that neighbours must share."""
        if self.within is None:
            return None
        values = metadata[self.within]
        if values is None:
            raise InvalidInputError(f"{self.within} of {self._caller} must be given, one a row, because within={self.within!r}; got None")
        codes: Codes = encode_groups(values, n_rows, caller=self._caller, parameter=self.within).codes.astype(np.int32)
        return codes

    def _fallback(self, wanted: int, bases: int, fewer: int, alone: int) -> str | None:
        if wanted and not bases:
            return "no row in danger: no synthetic row"
        where = f" with the same {self.within}" if self.within else ""
        parts = []
        if fewer:
            parts.append(f"{fewer} of {bases} rows have fewer than {self.k_neighbors} neighbours{where}: those there are")
        if alone:
            parts.append(f"{alone} of {bases} rows have no neighbour{where}: copied")
        return "; ".join(parts) or None


class SMOTE(SyntheticSampler):
    """Enlarge small classes with synthetic rows between a row and one of its nearest neighbours of the same class.

    A synthetic row is ``base + weight * (neighbour - base)``: the base uniform among the rows of the class, the neighbour uniform among the
    base's ``k_neighbors`` nearest (Euclidean distance, ties by position, the base itself left out), the weight uniform in [0, 1). Neighbours
    are exact. In a pipeline it acts in ``fit`` only, so neighbours come from the training rows alone.

    A class with too few rows does not fail: a base with fewer neighbours uses those there are, one with none is copied. ``fallbacks_`` says so.

    Parameters
    ----------
    sampling_strategy : str, float, dict or callable, default="auto"
        As in `RandomOverSampler`.
    random_state : None, int, RandomState or Generator
        Seed; the draws of a class depend on the seed, on its position among the classes present, and on its rows alone.
    k_neighbors : int, default=5
        Neighbours to choose from, at least 1.
    within : None, "speaker" or "groups", default=None
        Take neighbours only among rows with the same value of this row metadata, so that no synthetic row mixes two speakers.
    n_jobs : int or None
        Threads; None takes all cores. The result has the same bits for any number.

    Attributes
    ----------
    sampling_strategy_ : dict
        Synthetic rows of each label.
    sample_indices_ : ndarray of shape (n_samples_new,), int64
        For each row of the result its base: the row itself, or the one that a synthetic row starts from. Weights are carried along by it.
    provenance_ : ndarray of shape (n_samples_new,) with fields ``base``, ``neighbour`` (int64) and ``weight`` (float64)
        What each row was made of; a given row or a copy is its own neighbour, with weight 0. Row metadata of a synthetic row is known where
        both agree.
    fallbacks_ : dict
        For labels that lacked neighbours, what was done instead.

    References
    ----------
    Chawla, Bowyer, Hall & Kegelmeyer, "SMOTE: synthetic minority over-sampling technique", JAIR 16 (2002).

    Examples
    --------
    >>> import numpy as np
    >>> from emotion_native.over_sampling import SMOTE
    >>> X = np.array([[0.0], [1.0], [2.0], [10.0], [11.0]])
    >>> sampler = SMOTE(random_state=0, k_neighbors=1)
    >>> X_new, y_new = sampler.fit_resample(X, ["sad", "sad", "sad", "happy", "happy"])
    >>> bool(10 <= X_new[-1, 0] <= 11), str(y_new[-1])
    (True, 'happy')
    """

    _kind = "smote"

    def __init__(
        self, *, sampling_strategy: Any = "auto", random_state: Any = None, k_neighbors: int = 5, within: str | None = None, n_jobs: int | None = None
    ) -> None:
        self.sampling_strategy = sampling_strategy
        self.random_state = random_state
        self.k_neighbors = k_neighbors
        self.within = within
        self.n_jobs = n_jobs


class BorderlineSMOTE(SyntheticSampler):
    """Enlarge small classes with synthetic rows near the border to other classes.

    Bases are the rows in danger: those of which at least half, but not all, of the ``m_neighbors`` nearest rows belong to other classes. With
    ``kind="borderline-1"`` neighbours are of the base's class; with ``"borderline-2"`` of any class, and the weight towards one of another class
    is uniform in [0, 0.5). Everything else is as in `SMOTE`. A class without a row in danger stays as it is; ``fallbacks_`` says so.

    Parameters
    ----------
    sampling_strategy, random_state, k_neighbors, within, n_jobs
        As in `SMOTE`; ``within`` holds for the ``m_neighbors`` too.
    m_neighbors : int, default=10
        Neighbours that decide about danger, at least 1.
    kind : {"borderline-1", "borderline-2"}

    Attributes
    ----------
    sampling_strategy_, sample_indices_, provenance_, fallbacks_
        As in `SMOTE`.

    References
    ----------
    Han, Wang & Mao, "Borderline-SMOTE: a new over-sampling method in imbalanced data sets learning", ICIC 2005.

    Examples
    --------
    >>> import numpy as np
    >>> from emotion_native.over_sampling import BorderlineSMOTE
    >>> X = np.array([[0.0], [1.0], [2.0], [3.0], [4.0], [3.5], [4.5]])
    >>> sampler = BorderlineSMOTE(random_state=0, k_neighbors=1, m_neighbors=2)
    >>> X_new, y_new = sampler.fit_resample(X, ["sad"] * 5 + ["happy"] * 2)
    >>> len(y_new), bool(3.5 <= X_new[-1, 0] <= 4.5)
    (10, True)
    """

    _kind = "borderline_smote"

    def __init__(
        self,
        *,
        sampling_strategy: Any = "auto",
        random_state: Any = None,
        k_neighbors: int = 5,
        m_neighbors: int = 10,
        kind: str = "borderline-1",
        within: str | None = None,
        n_jobs: int | None = None,
    ) -> None:
        self.sampling_strategy = sampling_strategy
        self.random_state = random_state
        self.k_neighbors = k_neighbors
        self.m_neighbors = m_neighbors
        self.kind = kind
        self.within = within
        self.n_jobs = n_jobs

    def _checked_step(self) -> dict[str, Any]:
        check_number(self.m_neighbors, "m_neighbors", "BorderlineSMOTE", low=1, high=2**31 - 1, integer=True)
        check_choice(self.kind, "kind", "BorderlineSMOTE", ("borderline-1", "borderline-2"))
        return {**super()._checked_step(), "m_neighbors": int(self.m_neighbors), "borderline_kind": self.kind}
