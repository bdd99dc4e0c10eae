"""Prediction sets that hold the true class as often as promised, for speakers never heard before."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import clone
from sklearn.model_selection import ShuffleSplit
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import _num_samples, check_is_fitted

from .._prediction_sets import conformity_scores, sets_of
from .._validation import check_choice, check_flag, check_number, check_sample_weight, check_seed
from ..exceptions import EmotionNativeWarning, InvalidInputError, LeakageError
from ..model_selection._asking import ask
from ..model_selection._fit import aligned, check_labels, check_lengths, fit_params_of, for_rows, take_columns
from ..model_selection._folds import resolve_folds
from ..model_selection._splitters import GroupShuffleSplit
from ._classifier import _GroupedMetaClassifier, default_estimator, out_of_fold
from ._maps import Floats

SCORES = ("lac", "aps", "randomized_aps")
_Measured = tuple[Floats, npt.NDArray[np.int64], npt.NDArray[Any]]  # probabilities, codes and groups of the rows that give the threshold


def hierarchical_quantile(scores: Any, groups: Any, level: float) -> float:
    """Return the threshold that a new group's score stays at or below with probability ``level``.

    Parameters
    ----------
    scores : array-like of shape (n_samples,)
    groups : array-like of shape (n_samples,)
        Rows of one group may depend on each other in any way; groups are exchangeable.
    level : float
        In (0, 1).

    Returns
    -------
    float
        Infinity where K groups cannot promise so much: ``level`` above K / (K + 1).

    Notes
    -----
    The ``level`` quantile of the mixture that gives each of the K groups, and a point at infinity, the mass 1 / (K + 1), spread evenly over a group's
    rows: Lee, Barber & Willett, "Distribution-free inference with hierarchical data", 2023, theorem 1. With one row a group it is the usual
    split-conformal quantile, the ceil((n + 1) level)-th smallest score.

    Examples
    --------
    >>> hierarchical_quantile([0.1, 0.2, 0.3, 0.4], [0, 1, 2, 3], 0.8)
    0.4
    >>> hierarchical_quantile([0.1, 0.2, 0.3, 0.4], [0, 1, 2, 3], 0.9)
    inf
    """
    values = np.asarray(scores, dtype=np.float64)
    _, codes, counts = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)
    if not values.size:
        return float("inf")
    order = np.argsort(values, kind="stable")
    mass = np.cumsum(1.0 / (len(counts) * counts[codes[order]]))
    # level (K + 1) / K of the groups' own mass; the slack is the rounding of the sums.
    found = int(np.searchsorted(mass, level * (len(counts) + 1) / len(counts) - 1e-9))
    return float(values[order[found]]) if found < values.size else float("inf")


class ConformalClassifier(_GroupedMetaClassifier):
    """A classifier that answers with a set of classes, which holds the true one with a promised probability.

    `fit` holds whole groups out, fits the classifier on the others, and takes the threshold from the held-out groups. The promise is on average
    over new speakers and over such splits of the data; it is no promise for each single speaker. Where groups are too few for that, ``cv`` measures
    all of them out of fold.

    Parameters
    ----------
    estimator : classifier with predict_proba, optional
        Default: `RandomForestClassifier`. A `CalibratedClassifierCV` is fitted inside the training part, with its own grouped folds.
    confidence_level : float, default=0.9
        In (0, 1). K held-out groups can promise at most K / (K + 1).
    conformity_score : {"lac", "aps", "randomized_aps"}, default="lac"
        ``"lac"`` gives the smallest sets on average, ``"aps"`` sets whose size follows the difficulty of a row. Its scores pile up at 1, where the
        true class comes last: with few classes and a weak classifier sets are then far larger than promised, up to all classes.
        ``"randomized_aps"`` has no such steps; its random number is a function of ``random_state`` and the row's probabilities, so that a row gets
        the same set wherever it stands.
    class_conditional : bool, default=False
        One threshold a class, so that the promise holds for rows of each class; larger sets, and more rows needed.
    allow_empty_sets : bool, default=False
        Whether a set may hold no class. Otherwise it holds the most probable class at least, which only adds to the coverage.
    calibration_size : float or int, default=0.3
        Share, or number, of the groups that are held out.
    cv : None, int, splitter or iterable
        None: hold groups out once. Else, as in `cross_validate`: every group is measured by a classifier that was fitted without it, the threshold
        comes from all groups, and the classifier is fitted again on all rows. K is then the number of all groups, which few speakers need; the
        promise is no theorem any more, but kept in simulations (Notes). ``calibration_size`` and ``random_state`` are not used.
    random_state : None, int, RandomState or Generator
        Draws the groups.
    allow_ungrouped : bool, default=False
        Accept `fit` without groups: each row is then its own group, and the promise holds for new rows of known speakers only.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    estimator_ : classifier
        Fitted on the groups that were not held out; with ``cv`` on all.
    quantiles_ : ndarray of shape (n_classes,)
        Largest score of a class that enters the set; infinite where the groups cannot promise so much.
    n_calibration_groups_ : int
    attainable_level_ : float
        K / (K + 1), the most that the held-out groups can promise; with ``class_conditional`` those that have rows of the class with fewest.
    ungrouped_ : bool
    n_features_in_ : int

    Notes
    -----
    With ``cv`` the scores are of classifiers fitted on fewer groups than the final one, whose scores for a new group are as a rule a little lower:
    sets come out a little too large rather than too small. Proofs exist for a relative that keeps every fold's classifier (twice the error in
    the worst case: Barber, Candès, Ramdas & Tibshirani, "Predictive inference with the jackknife+", 2021).

    References
    ----------
    Sadinle, Lei & Wasserman, JASA 2019 (LAC); Romano, Sesia & Candès, NeurIPS 2020 (APS); Lee, Barber & Willett, 2023 (groups).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from emotion_native.calibration import ConformalClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> model = ConformalClassifier(GaussianNB(), confidence_level=0.8, random_state=0).fit(X, y, groups=np.arange(150) % 30)
    >>> model.predict_set(X[:2]).tolist()
    [[True, False, False], [True, False, False]]
    """

    def __init__(
        self,
        estimator: Any = None,
        *,
        confidence_level: float = 0.9,
        conformity_score: str = "lac",
        class_conditional: bool = False,
        allow_empty_sets: bool = False,
        calibration_size: float = 0.3,
        cv: Any = None,
        random_state: Any = None,
        allow_ungrouped: bool = False,
    ) -> None:
        self.estimator = estimator
        self.confidence_level = confidence_level
        self.conformity_score = conformity_score
        self.class_conditional = class_conditional
        self.allow_empty_sets = allow_empty_sets
        self.calibration_size = calibration_size
        self.cv = cv
        self.random_state = random_state
        self.allow_ungrouped = allow_ungrouped

    def fit(self, X: Any, y: Any, sample_weight: Any = None, *, groups: Any = None, **params: Any) -> ConformalClassifier:
        """Fit the classifier on some groups and the thresholds on the others.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        sample_weight : array-like of shape (n_samples,), optional
            For the classifier; the promise counts rows.
        groups : array-like of shape (n_samples,)
        **params
            Handed to the classifier's ``fit``; values with one entry a row are cut down to the training rows.

        Raises
        ------
        LeakageError
            Without groups (unless allowed), or with fewer than two.
        InvalidInputError
            If an argument breaks its rule.

        Warns
        -----
        EmotionNativeWarning
            Where the held-out groups are too few for the promise: sets then hold every class that is concerned.
        """
        caller = "ConformalClassifier.fit"
        self._check_parameters()
        self._seed = check_seed(self.random_state, caller="ConformalClassifier")
        measure = self._split if self.cv is None else self._cross_fit
        proba, codes, units = measure(X, y, groups, {**params, "sample_weight": sample_weight}, caller)
        scores = conformity_scores(proba, self.conformity_score, self._seed)[np.arange(len(codes)), codes]
        self.quantiles_ = self._thresholds(scores, codes, units, len(self.classes_))
        self.n_calibration_groups_ = len(np.unique(units))
        # Where each class has a threshold of its own, the groups that have rows of it are what can promise.
        own = [units[codes == k] for k in range(len(self.classes_))] if self.class_conditional else [units]
        fewest = min(len(np.unique(some)) for some in own)
        self.attainable_level_ = fewest / (fewest + 1)
        if not np.isfinite(self.quantiles_).all():
            without = [str(label) for label in self.classes_[~np.isfinite(self.quantiles_)]]
            warnings.warn(
                f"confidence_level of {caller} cannot be promised; got {self.confidence_level} with {fewest} held-out groups"
                f"{' of the rarest class' if self.class_conditional else ''}, which can promise {self.attainable_level_:.3f} at most: "
                f"every set holds {', '.join(without)}",
                EmotionNativeWarning,
                stacklevel=2,
            )
        return self

    def _split(self, X: Any, y: Any, groups: Any, params: dict[str, Any], caller: str) -> _Measured:
        """Fit on some groups, and return the probabilities, codes and groups of the rows of the others."""
        X, y, groups = check_lengths(X, y, groups, caller=caller)
        n = _num_samples(X)
        labels = check_labels(y, n, caller=caller)
        check_sample_weight(params["sample_weight"], n, caller=caller)
        train, held_out, ungrouped = self._parts(X, labels.values, groups, caller, self._seed)
        model = clone(default_estimator() if self.estimator is None else self.estimator)
        arguments = fit_params_of(model, {**params, "groups": groups}, train, n, caller=caller)
        model.fit(_safe_indexing(X, train), labels.values[train], **arguments)
        self._remember_metadata(params)
        asked = for_rows(model, params, held_out, n)
        proba = aligned(asked.predict_proba(_safe_indexing(X, held_out)), model.classes_, labels.classes)
        self.estimator_, self.classes_, self.ungrouped_ = model, labels.classes, ungrouped
        take_columns(self, model)
        units = np.asarray(held_out if groups is None else np.asarray(groups)[held_out])
        return proba, labels.codes[held_out].astype(np.int64), units

    def _cross_fit(self, X: Any, y: Any, groups: Any, params: dict[str, Any], caller: str) -> _Measured:
        """Fit on all rows, and return every row's probabilities out of fold, its code and its group."""
        estimator = default_estimator() if self.estimator is None else self.estimator
        rows = out_of_fold(estimator, X, y, groups, params, cv=self.cv, n_jobs=None, allow_ungrouped=self.allow_ungrouped, caller=caller)
        self._refit(estimator, X, rows.labels, groups, params, caller)
        self.ungrouped_ = rows.folds.ungrouped
        units = np.arange(len(rows.proba)) if groups is None else np.asarray(groups)
        return rows.proba, rows.labels.codes.astype(np.int64), units

    def _check_parameters(self) -> None:
        name = "ConformalClassifier"
        check_number(self.confidence_level, "confidence_level", name, low=0, open_low=True)
        if not self.confidence_level < 1:
            raise InvalidInputError(f"confidence_level of {name} must be a number above 0 and below 1; got {self.confidence_level!r}")
        check_choice(self.conformity_score, "conformity_score", name, SCORES)
        check_flag(self.class_conditional, "class_conditional", name)
        check_flag(self.allow_empty_sets, "allow_empty_sets", name)

    def _parts(self, X: Any, y: Any, groups: Any, caller: str, seed: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], bool]:
        """Return the rows to train on, the rows held out, and whether groups were left out of account."""
        if groups is not None and np.ndim(groups) == 1 and len(set(np.asarray(groups).tolist())) < 2:
            raise LeakageError(f"groups of {caller} must have at least two different values to split; got one: add clips of other speakers")
        arguments = {"n_splits": 1, "test_size": self.calibration_size, "random_state": seed % 2**32}
        splitter = ShuffleSplit(**arguments) if groups is None else GroupShuffleSplit(**arguments)
        folds = resolve_folds(splitter, X, y, groups, caller=caller, allow_ungrouped=self.allow_ungrouped)
        return folds.train[0], folds.test[0], folds.ungrouped

    def _thresholds(self, scores: Floats, codes: npt.NDArray[np.int64], units: npt.NDArray[Any], n_classes: int) -> Floats:
        if not self.class_conditional:
            return np.full(n_classes, hierarchical_quantile(scores, units, self.confidence_level))
        each = [hierarchical_quantile(scores[codes == k], units[codes == k], self.confidence_level) for k in range(n_classes)]
        return np.array(each)

    def predict_proba(self, X: Any, **metadata: Any) -> Floats:
        """Return the classifier's probabilities of shape (n_samples, n_classes), columns as in ``classes_``."""
        check_is_fitted(self, "quantiles_")
        proba = ask(self.estimator_, "predict_proba", X, self._handed_on(metadata, "predict_proba"))
        return aligned(proba, self.estimator_.classes_, self.classes_)

    def predict_set(self, X: Any, **metadata: Any) -> npt.NDArray[np.bool_]:
        """Return which classes belong to each row's set.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        **metadata
            As in `predict`.

        Returns
        -------
        ndarray of bool of shape (n_samples, n_classes)
            Columns as in ``classes_``.
        """
        proba = self.predict_proba(X, **metadata)
        return sets_of(proba, self.quantiles_, self.conformity_score, allow_empty=bool(self.allow_empty_sets), seed=self._seed)

    def _native_sets(self) -> tuple[dict[str, Any], Floats]:
        """Return the rule of the sets, for the model file, and the quantiles.

        Raises
        ------
        InvalidInputError
            If the sets rest on random numbers, which a model file does not hold.
        """
        if self.conformity_score == "randomized_aps":
            rule = "have prediction sets of the conformity score 'lac' or 'aps'"
            found = "'randomized_aps', whose sets rest on random numbers that no model file holds (save_pickle stores any object)"
            raise InvalidInputError(f"fitted of save_model must {rule}; got {found}")
        empty, level = bool(self.allow_empty_sets), float(self.confidence_level)
        return {"score": self.conformity_score, "allow_empty_sets": empty, "confidence_level": level}, self.quantiles_
