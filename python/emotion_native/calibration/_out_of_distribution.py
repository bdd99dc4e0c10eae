"""How unlike the training rows a row is, with a threshold that new groups of the same kind stay below."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.utils.validation import check_is_fitted

from .._threads import effective_n_jobs
from .._validation import check_matrix, check_number
from ..exceptions import InvalidInputError
from ..model_selection._folds import resolve_folds
from ._conformal import hierarchical_quantile
from ._maps import Floats


class OutOfDistributionDetector(OutlierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no type information
    """Tells rows apart that are unlike the training rows: another language or microphone, music, noise.

    The distance of a row is the mean over its columns of the distance from the column's median in robust deviations, each at most 10. The threshold
    comes from the training rows alone: each group is measured against medians and deviations of the other groups, and the threshold is the
    quantile of these distances in which all groups weigh the same, however many rows they have.

    Parameters
    ----------
    false_alarm_rate : float, default=0.05
        In (0, 1): share of the rows of a new group of the same kind that may be called strange, on average over groups. K groups can promise
        1 / (K + 1) at least; with fewer than that needs, the threshold is the largest distance of a training row from the other groups.
    cv : None, int, splitter or iterable
        Folds in which the training rows are measured, as in `cross_validate`; each row is tested once.
    n_jobs : int or None
        Threads; results do not depend on it.
    allow_ungrouped : bool, default=False
        Accept `fit` without groups: the promise then holds for new rows of known speakers only.

    Attributes
    ----------
    center_, scale_ : ndarray of shape (n_features,)
        Median and robust deviation of each column over all training rows.
    threshold_ : float
        Rows at a larger distance are strange.
    n_groups_ : int
    attainable_rate_ : float
        1 / (K + 1), the least false alarms that K groups can promise.
    offset_ : float
        Minus the threshold: what `decision_function` takes from `score_samples`, as in scikit-learn.
    ungrouped_ : bool
    n_features_in_ : int

    Notes
    -----
    NaN values are left out of a row's mean; a row without any value is strange, and no training row of that kind moves the threshold. The quantile is
    that of Lee, Barber & Willett, "Distribution-free inference with hierarchical data", 2023, theorem 1, on cross-fitted distances (Barber, Candès,
    Ramdas & Tibshirani, "Predictive inference with the jackknife+", 2021, for why these are held out fold by fold). Since the final medians rest on
    more groups than those of a fold, distances of new rows come out a little smaller, and false alarms a little rarer, than promised. Robust
    deviations: Rousseeuw & Croux, JASA 1993. What it detects between corpora, beside a Mahalanobis distance, is in
    ``docs/explanation/statistics.md``.

    Examples
    --------
    >>> import numpy as np
    >>> from emotion_native.calibration import OutOfDistributionDetector
    >>> rng = np.random.default_rng(0)
    >>> X, speakers = rng.normal(size=(400, 6)), np.arange(400) % 40
    >>> detector = OutOfDistributionDetector().fit(X, groups=speakers)
    >>> detector.is_strange(np.vstack([np.zeros(6), np.full(6, 5.0)])).tolist()
    [False, True]
    """

    def __init__(self, *, false_alarm_rate: float = 0.05, cv: Any = None, n_jobs: int | None = None, allow_ungrouped: bool = False) -> None:
        self.false_alarm_rate = false_alarm_rate
        self.cv = cv
        self.n_jobs = n_jobs
        self.allow_ungrouped = allow_ungrouped

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def fit(self, X: Any, y: Any = None, *, groups: Any = None) -> OutOfDistributionDetector:
        """Learn what training rows look like.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : ignored
        groups : array-like of shape (n_samples,)

        Raises
        ------
        LeakageError
            Without groups (unless allowed), or with fewer than two.
        InvalidInputError
            If an argument breaks its rule.
        """
        caller = "OutOfDistributionDetector.fit"
        check_number(self.false_alarm_rate, "false_alarm_rate", caller, low=0, open_low=True)
        if not self.false_alarm_rate < 1:
            raise InvalidInputError(f"false_alarm_rate of {caller} must be a number above 0 and below 1; got {self.false_alarm_rate!r}")
        n_jobs = effective_n_jobs(self.n_jobs, caller=caller)
        rows = self._rows(X, caller, reset=True)
        from .. import _core

        folds = resolve_folds(self.cv, rows, None, groups, caller=caller, classifier=False, allow_ungrouped=self.allow_ungrouped)
        if (folds.fold_of_rows() < 0).any():
            raise InvalidInputError(f"cv of {caller} must test each row exactly once; got rows that no fold tests")
        distance = np.empty(len(rows))
        for train, test in folds:
            distance[test] = _distances(rows[test], *_core.fit_column_ranges(np.ascontiguousarray(rows[train]), n_jobs), n_jobs)
        units = np.arange(len(rows)) if folds.ungrouped or groups is None else _first_key(groups)
        self.center_, self.scale_ = _core.fit_column_ranges(rows, n_jobs)
        known = np.isfinite(distance)  # a row without any value is strange whatever the threshold
        if not known.any():
            raise InvalidInputError(f"X of {caller} must have rows with values; got NaN alone")
        self.threshold_ = min(hierarchical_quantile(distance[known], units[known], 1.0 - self.false_alarm_rate), float(distance[known].max()))
        self.n_groups_ = len(np.unique(units[known]))
        self.attainable_rate_ = 1.0 / (self.n_groups_ + 1)
        self.offset_ = -self.threshold_
        self.ungrouped_ = folds.ungrouped
        # Which training rows would be called strange by models that never saw their group: for a threshold on confidence beside this one.
        self._training_strange = distance > self.threshold_
        return self

    def _rows(self, X: Any, caller: str, *, reset: bool) -> npt.NDArray[Any]:
        """Return a matrix that the core can take."""
        return np.asarray(check_matrix(X, caller=caller, estimator=self, reset=reset, allow_nan=True))

    def distance(self, X: Any) -> Floats:
        """Return how far each row is from the training rows, of shape (n_samples,): 0 to 10, infinite for a row without values."""
        check_is_fitted(self, "threshold_")
        caller = "OutOfDistributionDetector.distance"
        return _distances(self._rows(X, caller, reset=False), self.center_, self.scale_, effective_n_jobs(self.n_jobs, caller=caller))

    def is_strange(self, X: Any) -> npt.NDArray[np.bool_]:
        """Return where a row lies beyond the threshold, of shape (n_samples,)."""
        return np.asarray(self.distance(X) > self.threshold_)

    def score_samples(self, X: Any) -> Floats:
        """Return minus the distance: lower is stranger, as in scikit-learn."""
        return -self.distance(X)

    def decision_function(self, X: Any) -> Floats:
        """Return threshold minus distance; negative where a row is strange."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: Any) -> npt.NDArray[np.int64]:
        """Return -1 for strange rows and 1 for others, as scikit-learn's outlier detectors do."""
        return np.where(self.is_strange(X), -1, 1)

    def _native_state(self) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
        return {"threshold": self.threshold_}, {"center": self.center_, "scale": self.scale_}


def _first_key(groups: Any) -> npt.NDArray[Any]:
    """Return the groups; of two keys the first."""
    values = np.asarray(groups)
    return values[:, 0] if values.ndim == 2 else values


def _distances(rows: npt.NDArray[Any], center: Floats, scale: Floats, n_jobs: int) -> Floats:
    from .. import _core

    out: Floats = _core.column_distances(np.ascontiguousarray(rows), center, scale, n_jobs)
    return out
