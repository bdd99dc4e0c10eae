"""Gradient boosting on the native core, with scikit-learn's interface.

Trees work in float32, accept NaN, and give equal bits for any ``n_jobs``.
"""

from __future__ import annotations

import numbers
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from sklearn.utils.validation import check_is_fitted

from .. import _core
from .._config import ungrouped_allowed
from .._threads import effective_n_jobs
from .._validation import check_choice, check_flag, check_number, check_seed, is_true
from ..exceptions import InvalidInputError
from ..model_selection._groups import check_groups, encode, require_groups
from ._trees import TreeClassifier, check_optional_count, check_tree_parameters, count_missing, counter, warn_nothing_new

__all__ = ["GradientBoostingClassifier"]

_NAME = "GradientBoostingClassifier"
_NOT_NATIVE = ("loss", "criterion", "ccp_alpha", "allow_ungrouped", "n_jobs", "random_state", "verbose", "warm_start")


class GradientBoostingClassifier(TreeClassifier):
    """Gradient boosting of trees under the log loss: in each round one tree a class (one in all for two classes), with Newton leaves.

    Source: Friedman, "Greedy function approximation", Annals of Statistics 29 (2001); leaves as in Chen & Guestrin, "XGBoost", KDD 2016. Names and
    defaults are those of scikit-learn's GradientBoostingClassifier, and of its HistGradientBoostingClassifier where the older has none.

    Parameters
    ----------
    loss : {"log_loss"}, default "log_loss"
        Only the log loss is supported.
    learning_rate : float, default 0.1
        Factor of every leaf.
    n_estimators : int, default 100
        Number of rounds.
    subsample : float, default 1.0
        Share of the rows that a round draws, without replacement.
    criterion : {"friedman_mse", "squared_error"}, default "friedman_mse"
        Accepted; splits always take the largest decrease of the second-order loss.
    min_samples_split, min_samples_leaf : int or float, default 2 and 1
        Least number of rows in a node that is split and in a child; a float is a share of the training rows, rounded up.
    min_weight_fraction_leaf : float, default 0.0
        Least share of the tree's weight in a leaf, from 0 to 0.5.
    max_depth : int or None, default 3
        Levels below the root; None: no limit.
    min_impurity_decrease : float, default 0.0
        A node is split only if that lowers the loss by at least so much a unit of weight.
    init : {None, "zero"}, default None
        Where margins begin: None at the logarithms of the class shares.
    random_state : None, int, RandomState or Generator
        Becomes one 64-bit seed.
    max_features : {"sqrt", "log2"}, int, float or None, default None
        Columns drawn at a node; None: all.
    verbose : int, default 0
        Above 0: counts finished rounds on standard error.
    max_leaf_nodes : int or None, default None
        Grows best first up to so many leaves.
    warm_start : bool, default False
        A further `fit` adds the missing rounds; the result equals one fit. Early stopping counts its rounds anew.
    validation_fraction : float, default 0.1
        Share of the rows that early stopping holds out, in whole groups.
    n_iter_no_change : int or None, default None
        Stop when the holdout's loss has not fallen by ``tol`` in so many rounds; None: no early stopping.
    tol : float, default 1e-4
        See ``n_iter_no_change``.
    ccp_alpha : float, default 0.0
        Only 0 is supported.
    l2_regularization : float, default 0.0
        Added to the sum of second derivatives of a leaf.
    max_bins : int, default 255
        Most codes a column, NaN apart, from 2 to 255: splits are exact in columns with no more distinct values. Of more than 200,000 rows
        every k-th one is looked at for them.
    class_weight : {"balanced"}, dict or None, default None
        Weights by class; ``rows / (classes * rows of the class)`` where balanced.
    n_jobs : int or None, default None
        Threads; None: the cores that this process may use. The result does not depend on it.
    allow_ungrouped : bool, default False
        Let early stopping hold out single rows where `fit` gets no groups.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Sorted labels.
    n_estimators_, n_iter_ : int
        Rounds that were fitted.
    feature_importances_ : ndarray of shape (n_features,), float64
        Total decrease of the loss by column, summing to 1 (all 0 where nothing was split).
    train_score_ : ndarray of shape (n_estimators_,), float64
        Mean loss of the rows drawn, after each round (for two classes twice the log loss, as in scikit-learn).
    oob_improvement_, oob_scores_ : ndarray of shape (n_estimators_,), float64
        With ``subsample`` below 1: how much the round lowered the mean loss of the rows it left out, and that loss (0 and NaN for a round
        that left none out, before a warm start with another ``subsample``).
    oob_score_ : float
        The last of ``oob_scores_``.
    ungrouped_ : bool
        Whether early stopping held out rows without groups.
    n_features_in_, n_classes_, max_features_ : int
    feature_names_in_ : ndarray of str
        Where `fit` saw a DataFrame with text as column names.

    Notes
    -----
    NaN goes to the better side where a node saw some, elsewhere to the child with more rows. Splits are chosen on gradients rounded to 13 bits
    and a sign; leaves are float64 sums. A child needs second derivatives (weight times p (1 - p)) that sum to 1e-3, and a
    leaf of less than 1e-4 adds nothing: give weights of mean 1. Forking after a first use of threads is not supported.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.arange(20, dtype=np.float32).reshape(-1, 1)
    >>> y = np.repeat(["calm", "angry"], 10)
    >>> GradientBoostingClassifier(n_estimators=10, random_state=0).fit(X, y).predict([[1.0], [18.0]]).tolist()
    ['calm', 'angry']
    """

    _kind: ClassVar[str] = "gradient_boosting_classifier"
    _held: ClassVar[tuple[str, ...]] = ("_boosting", "_seed", "_trace")

    def __init__(
        self,
        *,
        loss: str = "log_loss",
        learning_rate: float = 0.1,
        n_estimators: int = 100,
        subsample: float = 1.0,
        criterion: str = "friedman_mse",
        min_samples_split: int | float = 2,
        min_samples_leaf: int | float = 1,
        min_weight_fraction_leaf: float = 0.0,
        max_depth: int | None = 3,
        min_impurity_decrease: float = 0.0,
        init: str | None = None,
        random_state: Any = None,
        max_features: str | int | float | None = None,
        verbose: int = 0,
        max_leaf_nodes: int | None = None,
        warm_start: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int | None = None,
        tol: float = 1e-4,
        ccp_alpha: float = 0.0,
        l2_regularization: float = 0.0,
        max_bins: int = 255,
        class_weight: str | Mapping[Any, float] | None = None,
        n_jobs: int | None = None,
        allow_ungrouped: bool = False,
    ) -> None:
        self.loss = loss
        self.learning_rate = learning_rate
        self.n_estimators = n_estimators
        self.subsample = subsample
        self.criterion = criterion
        self.min_samples_split = min_samples_split
        self.min_samples_leaf = min_samples_leaf
        self.min_weight_fraction_leaf = min_weight_fraction_leaf
        self.max_depth = max_depth
        self.min_impurity_decrease = min_impurity_decrease
        self.init = init
        self.random_state = random_state
        self.max_features = max_features
        self.verbose = verbose
        self.max_leaf_nodes = max_leaf_nodes
        self.warm_start = warm_start
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.ccp_alpha = ccp_alpha
        self.l2_regularization = l2_regularization
        self.max_bins = max_bins
        self.class_weight = class_weight
        self.n_jobs = n_jobs
        self.allow_ungrouped = allow_ungrouped

    def fit(
        self, X: npt.ArrayLike, y: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None, *, groups: npt.ArrayLike | None = None
    ) -> GradientBoostingClassifier:
        """Fit the rounds.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Numbers that float32 can hold; NaN allowed, infinity not. An exact float32 C-contiguous array is not copied.
        y : array-like of shape (n_samples,)
            Sortable labels of at least two classes.
        sample_weight : array-like of shape (n_samples,), optional
            Not negative; rows of weight 0 are left out.
        groups : array-like of shape (n_samples,), optional
            One speaker, or other unit that must stay whole, a row. Early stopping holds out whole groups.

        Returns
        -------
        self

        Raises
        ------
        InvalidInputError
            If a parameter or an array breaks its rule.
        LeakageError
            If early stopping is on and there are no groups, or too few.
        KeyboardInterrupt
            Within a second of Ctrl-C; the object is left unfitted.
        """
        continued = ("_boosting", "_trace", "_seed", "classes_") if is_true(self.warm_start) else ()
        kept: dict[str, Any] = {name: vars(self).get(name) for name in continued}
        self._forget()
        try:
            self._check_parameters()
            rows, _, classes, codes, weights = self._training(X, y, sample_weight)
            present = len(classes) if weights is None else len(np.unique(codes[weights > 0]))
            if present < 2:
                raise InvalidInputError(f"y of {_NAME}.fit must hold at least 2 classes of rows with weight; got {present} class")
            options = self._options(classes, kept.get("_seed"))
            holdout, ungrouped = self._holdout(groups, codes, options["seed"])
            model, trace = self._boost(rows, codes, weights, holdout, options, kept, classes)
        except BaseException:
            self._forget()
            raise
        self.classes_ = classes
        self.n_classes_ = len(classes)
        self.ungrouped_ = ungrouped
        self.n_estimators_ = self.n_iter_ = model.n_rounds
        self._seed, self._boosting, self._trace = options["seed"], model, trace
        self._set_scores(trace)
        return self

    def _set_scores(self, trace: dict[str, list[float]]) -> None:
        self.train_score_ = np.asarray(trace["train"], dtype=np.float64)
        if self.subsample < 1 and trace["out_of_bag"]:
            self.oob_scores_ = np.asarray(trace["out_of_bag"], dtype=np.float64)
            self.oob_improvement_ = np.nan_to_num(np.asarray(trace["out_of_bag_before"], dtype=np.float64) - self.oob_scores_)
            self.oob_score_ = float(self.oob_scores_[-1])

    def _check_parameters(self) -> None:
        check_choice(self.loss, "loss", _NAME, ("log_loss",))
        check_choice(self.criterion, "criterion", _NAME, ("friedman_mse", "squared_error"))
        check_choice(self.init, "init", _NAME, (None, "zero"))
        check_tree_parameters(self, (None, "balanced"))
        check_number(self.learning_rate, "learning_rate", _NAME, low=0, high=float(np.finfo(np.float64).max))
        check_number(self.subsample, "subsample", _NAME, low=0, high=1, open_low=True)
        check_number(self.max_bins, "max_bins", _NAME, low=2, high=255, integer=True)
        check_number(self.l2_regularization, "l2_regularization", _NAME, low=0, high=float(np.finfo(np.float64).max))
        check_number(self.validation_fraction, "validation_fraction", _NAME, low=0, high=1, open_low=True)
        check_number(self.tol, "tol", _NAME, low=0)
        if self.validation_fraction >= 1:
            raise InvalidInputError(f"validation_fraction of {_NAME} must be below 1; got {self.validation_fraction!r}")
        check_optional_count(self.n_iter_no_change, "n_iter_no_change", _NAME, low=1)
        check_flag(self.allow_ungrouped, "allow_ungrouped", _NAME)

    def _holdout(self, groups: Any, codes: npt.NDArray[np.int32], seed: int) -> tuple[npt.NDArray[np.uint8] | None, bool]:
        """Return the flags of the rows held out and whether they are single rows; None without early stopping."""
        caller = f"{_NAME}.fit"
        if groups is not None:
            groups = check_groups(groups, len(codes), caller=caller)
        if self.n_iter_no_change is None:
            return None, False
        ungrouped = require_groups(groups, caller=caller, allow_ungrouped=self.allow_ungrouped)
        numbers_ = np.arange(len(codes), dtype=np.int64) if ungrouped else encode(groups)[0]
        return _core.group_holdout(numbers_, codes, float(self.validation_fraction), seed), ungrouped

    def _boost(
        self,
        X: npt.NDArray[np.float32],
        codes: npt.NDArray[np.int32],
        weights: npt.NDArray[np.float64] | None,
        holdout: npt.NDArray[np.uint8] | None,
        options: dict[str, Any],
        kept: dict[str, Any],
        classes: npt.NDArray[Any],
    ) -> tuple[Any, dict[str, list[float]]]:
        previous = kept.get("_boosting")
        done = 0
        if previous is not None:
            done = previous.n_rounds
            if count_missing(self, previous, done, X.shape[1], classes, kept["classes_"]) == 0:
                warn_nothing_new()
                return previous, kept["_trace"]
        progress = counter(self.n_estimators, "rounds", done) if self.verbose else None
        jobs = effective_n_jobs(self.n_jobs, caller=_NAME)
        model = _core.boosting_fit(X, codes, len(classes), options, weights, holdout, previous, jobs, progress)
        trace = {name: values or [np.nan] * len(model.trace["train"]) for name, values in model.trace.items()}
        if previous is not None:
            trace = {name: kept["_trace"][name] + values for name, values in trace.items()}
        return model, trace

    def decision_function(self, X: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return margins of shape (n_samples, n_classes), or (n_samples,) for two classes: the log-odds of the second."""
        model, rows, jobs = self._rows(X, "decision_function")
        return _flat(model.decision_function(rows, jobs))

    def _staged(self, X: Any, method: str) -> Iterator[tuple[Any, npt.NDArray[np.float64]]]:
        model, rows, jobs = self._rows(X, method)
        margins = np.repeat(model.baseline[np.newaxis], rows.shape[0], axis=0)
        for number in range(model.n_rounds):
            margins = model.add_round(rows, margins, number, jobs)
            yield model, margins

    def staged_decision_function(self, X: npt.ArrayLike) -> Iterator[npt.NDArray[np.float64]]:
        """Yield `decision_function` after each round."""
        for _, margins in self._staged(X, "staged_decision_function"):
            yield _flat(margins).copy()

    def staged_predict_proba(self, X: npt.ArrayLike) -> Iterator[npt.NDArray[np.float64]]:
        """Yield `predict_proba` after each round."""
        for model, margins in self._staged(X, "staged_predict_proba"):
            yield model.probabilities(margins)

    def staged_predict(self, X: npt.ArrayLike) -> Iterator[npt.NDArray[Any]]:
        """Yield `predict` after each round."""
        classes: Any = None  # of the model that the rounds are of, whatever is fitted meanwhile
        for model, margins in self._staged(X, "staged_predict"):
            classes = self.classes_ if classes is None else classes
            yield classes[model.probabilities(margins).argmax(axis=1)]

    def apply(self, X: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Return the node where each row ends in each tree, of shape (n_samples, n_estimators_, trees of a round), counted in the tree."""
        model, rows, jobs = self._rows(X, "apply")
        leaves: npt.NDArray[np.int64] = model.apply(rows, jobs).astype(np.int64).reshape(rows.shape[0], model.n_rounds, -1)
        return leaves

    @property
    def max_features_(self) -> int:
        """Columns drawn at a node."""
        check_is_fitted(self)
        n, asked = int(self.n_features_in_), self.max_features
        if asked is None:
            return n
        if isinstance(asked, str):
            return max(1, int(np.sqrt(n) if asked == "sqrt" else np.log2(n)))
        return max(1, min(n, int(asked) if isinstance(asked, numbers.Integral) else int(asked * n)))

    def _native_step(self) -> dict[str, Any]:
        """Return the unfitted step for the fold loop; sizes stay as given, because they depend on the fold."""
        self._check_parameters()
        step = {"kind": self._kind, **self._step(), "seed": check_seed(self.random_state, caller=_NAME)}
        if self.n_iter_no_change is not None:
            step |= {"needs": ("groups",), "ungrouped": self.allow_ungrouped or ungrouped_allowed()}
        return step

    def _step(self) -> dict[str, Any]:
        """Return what the core's boosting takes, as given."""
        return {name: value for name, value in self.get_params(deep=False).items() if name not in _NOT_NATIVE}


def _flat(margins: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return margins.ravel() if margins.shape[1] == 1 else margins
