"""Random forests and extremely randomized trees on the native core, with scikit-learn's interface.

Trees work in float32, accept NaN, and give equal bits for any ``n_jobs``.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar

import numpy as np
import numpy.typing as npt

from .. import _core
from .._threads import effective_n_jobs
from .._validation import check_absent, check_choice, check_flag, check_seed, is_true
from ..exceptions import EmotionNativeWarning, InvalidInputError
from ._trees import TreeClassifier, check_count_or_share, check_tree_parameters, count_missing, counter, warn_nothing_new

__all__ = ["ExtraTreesClassifier", "RandomForestClassifier"]

_KEPT = ("_forest", "_seed", "_draws", "classes_", "oob_score_", "oob_decision_function_")  # what warm_start goes on from

_Fitted = TypeVar("_Fitted", bound="BaseForest")


class BaseForest(TreeClassifier):
    """What forests of both kinds of splits share."""

    _held: ClassVar[tuple[str, ...]] = ("_forest", "_seed", "_draws")

    def __init__(
        self,
        n_estimators: int = 100,
        *,
        criterion: str = "gini",
        max_depth: int | None = None,
        min_samples_split: int | float = 2,
        min_samples_leaf: int | float = 1,
        min_weight_fraction_leaf: float = 0.0,
        max_features: str | int | float | None = "sqrt",
        max_leaf_nodes: int | None = None,
        min_impurity_decrease: float = 0.0,
        bootstrap: bool = True,
        oob_score: bool | Callable[[Any, Any], float] = False,
        n_jobs: int | None = None,
        random_state: Any = None,
        verbose: int = 0,
        warm_start: bool = False,
        class_weight: str | Mapping[Any, float] | None = None,
        ccp_alpha: float = 0.0,
        max_samples: int | float | None = None,
        monotonic_cst: None = None,
    ) -> None:
        self.n_estimators = n_estimators
        self.criterion = criterion
        self.max_depth = max_depth
        self.min_samples_split = min_samples_split
        self.min_samples_leaf = min_samples_leaf
        self.min_weight_fraction_leaf = min_weight_fraction_leaf
        self.max_features = max_features
        self.max_leaf_nodes = max_leaf_nodes
        self.min_impurity_decrease = min_impurity_decrease
        self.bootstrap = bootstrap
        self.oob_score = oob_score
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose
        self.warm_start = warm_start
        self.class_weight = class_weight
        self.ccp_alpha = ccp_alpha
        self.max_samples = max_samples
        self.monotonic_cst = monotonic_cst

    def fit(self: _Fitted, X: npt.ArrayLike, y: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None) -> _Fitted:
        """Grow the forest.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Numbers that float32 can hold; NaN allowed, infinity not. An exact float32 C-contiguous array is not copied.
        y : array-like of shape (n_samples,)
            Sortable labels.
        sample_weight : array-like of shape (n_samples,), optional
            Not negative.

        Returns
        -------
        self

        Raises
        ------
        InvalidInputError
            If a parameter or an array breaks its rule.
        KeyboardInterrupt
            Within a second of Ctrl-C; the object is left unfitted.
        """
        kept: dict[str, Any] = {name: vars(self).get(name) for name in _KEPT} if is_true(self.warm_start) and "_forest" in self.__dict__ else {}
        self._forget()
        try:
            self._check_parameters()
            rows, labels, classes, codes, weights = self._training(X, y, sample_weight)
            options = self._options(classes, kept.get("_seed"))
            forest, shares = self._grow(rows, codes, weights, options, kept, classes)
            self.classes_ = classes
            self.n_classes_ = len(classes)
            if kept.get("oob_score_") is not None and forest is kept["_forest"] and self._wants_oob():
                self.oob_score_, self.oob_decision_function_ = kept["oob_score_"], kept["oob_decision_function_"]
            elif shares is not None:
                self._score_out_of_bag(shares, labels, codes)
        except BaseException:
            self._forget()
            raise
        self._seed = options["seed"]
        self._forest = forest
        self._draws = (rows.shape[0], self.bootstrap, self.max_samples)
        return self

    def _wants_oob(self) -> bool:
        return callable(self.oob_score) or bool(self.oob_score)

    def _check_parameters(self) -> None:
        name = type(self).__name__
        check_tree_parameters(self, (None, "balanced", "balanced_subsample"))
        check_choice(self.criterion, "criterion", name, ("gini", "entropy", "log_loss"))
        if self.max_samples is not None:
            check_count_or_share(self.max_samples, "max_samples", name, low=1, most=2**31 - 1)
        check_flag(self.bootstrap, "bootstrap", name)
        if not callable(self.oob_score):
            check_flag(self.oob_score, "oob_score", name)
        if self._wants_oob() and not self.bootstrap:
            raise InvalidInputError(f"oob_score of {name} must be False where bootstrap is False; got {self.oob_score!r:.80}")
        if self.max_samples is not None and not self.bootstrap:
            raise InvalidInputError(f"max_samples of {name} must be None where bootstrap is False; got {self.max_samples!r}")
        check_absent(self.monotonic_cst, "monotonic_cst", name, None, "constraints are not supported")

    def _grow(
        self,
        X: npt.NDArray[np.float32],
        codes: npt.NDArray[np.int32],
        weights: npt.NDArray[np.float64] | None,
        options: dict[str, Any],
        kept: dict[str, Any],
        classes: npt.NDArray[Any],
    ) -> tuple[Any, npt.NDArray[np.float64] | None]:
        """Return the forest, grown on what warm_start keeps, and its out-of-bag shares where they are asked for and new."""
        jobs = effective_n_jobs(self.n_jobs, caller=type(self).__name__)
        wanted = self._wants_oob()
        previous = kept.get("_forest")
        everything = options
        if previous is not None:
            missing = count_missing(self, previous, previous.n_trees, X.shape[1], classes, kept["classes_"])
            if wanted and kept["_draws"] != (X.shape[0], self.bootstrap, self.max_samples):
                rule = "be False, or the rows, bootstrap and max_samples those of the fit that warm_start continues"
                raise InvalidInputError(f"oob_score of {type(self).__name__} must {rule}; got {self.oob_score!r}")
            if missing == 0:
                warn_nothing_new()
                new = wanted and kept["oob_score_"] is None
                return previous, _core.forest_out_of_bag(previous, X, options, jobs) if new else None
            options = {**options, "n_estimators": missing, "first_tree": previous.n_trees}
        progress = counter(options["n_estimators"], "trees") if self.verbose else None
        now = wanted and previous is None
        forest = _core.forest_fit(X, codes, len(classes), options, weights, now, jobs, progress)
        if previous is None:
            return forest, forest.out_of_bag
        forest = _joined(previous, forest)
        return forest, _core.forest_out_of_bag(forest, X, everything, jobs) if wanted else None

    def _score_out_of_bag(self, shares: npt.NDArray[np.float64], y: npt.NDArray[Any], codes: npt.NDArray[np.int32]) -> None:
        voted = ~np.isnan(shares[:, 0])
        if not voted.all():
            text = f"{int((~voted).sum())} rows were drawn by every tree and have no out-of-bag prediction; more trees would give them one"
            warnings.warn(text, EmotionNativeWarning, stacklevel=3)
        self.oob_decision_function_ = shares
        predicted = shares[voted].argmax(axis=1) if voted.any() else np.zeros(0, dtype=np.intp)
        if callable(self.oob_score):
            self.oob_score_ = self.oob_score(y[voted], self.classes_[predicted])
        else:
            self.oob_score_ = float((predicted == codes[voted]).mean()) if voted.any() else math.nan

    def apply(self, X: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Return the leaf where each row ends in each tree, of shape (n_samples, n_estimators).

        Nodes are counted from 0 in each tree: the root first, a child after its parent.
        """
        forest, rows, jobs = self._rows(X, "apply")
        leaves: npt.NDArray[np.int64] = _core.forest_apply(forest, rows, jobs)
        return leaves

    def decision_path(self, X: npt.ArrayLike) -> tuple[Any, npt.NDArray[np.int64]]:
        """Return the nodes that each row passes.

        Returns
        -------
        indicator : scipy.sparse.csr_matrix of shape (n_samples, n_nodes), int64
            1 where the row passes the node; the nodes of all trees side by side.
        n_nodes_ptr : ndarray of shape (n_estimators + 1,), int64
            The columns of tree ``t`` are ``n_nodes_ptr[t]`` to ``n_nodes_ptr[t + 1]``.
        """
        from scipy.sparse import csr_matrix

        forest, rows, jobs = self._rows(X, "decision_path")
        starts, nodes = _core.forest_decision_paths(forest, rows, jobs)
        ones = np.ones(len(nodes), dtype=np.int64)
        return csr_matrix((ones, nodes, starts), shape=(rows.shape[0], forest.n_nodes)), np.array(forest.tree_offsets)

    def _native_step(self) -> dict[str, Any]:
        """Return the unfitted step for the fold loop; sizes stay as given, because they depend on the fold."""
        self._check_parameters()
        return {**self._step(), "seed": check_seed(self.random_state, caller=type(self).__name__)}

    def _step(self) -> dict[str, Any]:
        """Return what the core's forest takes, as given."""
        other = ("oob_score", "n_jobs", "random_state", "verbose", "warm_start", "ccp_alpha", "monotonic_cst")
        return {"kind": self._kind, **{name: value for name, value in self.get_params(deep=False).items() if name not in other}}


class RandomForestClassifier(BaseForest):
    """A random forest: trees on bootstrap samples with random candidate columns, whose class shares are averaged.

    Source: Breiman, "Random forests", Machine Learning 45 (2001); parameters and rules as in scikit-learn.

    Parameters
    ----------
    n_estimators : int, default 100
        Number of trees.
    criterion : {"gini", "entropy", "log_loss"}, default "gini"
        Impurity that splits decrease; "log_loss" is another name of "entropy".
    max_depth : int or None, default None
        Levels below the root; None: until leaves are pure.
    min_samples_split, min_samples_leaf : int or float, default 2 and 1
        Least number of drawn rows in a node that is split and in a child; a float is a share of the rows, rounded up. A row drawn
        three times counts three times (scikit-learn counts it once).
    min_weight_fraction_leaf : float, default 0.0
        Least share of the tree's weight in a leaf, from 0 to 0.5.
    max_features : {"sqrt", "log2"}, int, float or None, default "sqrt"
        Columns drawn at a node; None: all. Drawing goes on until one of them is not constant.
    max_leaf_nodes : int or None, default None
        Grows best first up to so many leaves.
    min_impurity_decrease : float, default 0.0
        A node is split only if that lowers the weighted impurity by at least so much.
    bootstrap : bool, default True
        Each tree sees rows drawn with replacement; else all rows.
    oob_score : bool or callable, default False
        Estimate accuracy, or ``callable(y_true, y_pred)``, on the rows that a tree has not drawn.
    n_jobs : int or None, default None
        Threads; None: the cores that this process may use. The result does not depend on it.
    random_state : None, int, RandomState or Generator
        Becomes one 64-bit seed.
    verbose : int, default 0
        Above 0: counts finished trees on standard error.
    warm_start : bool, default False
        A further `fit` adds the missing trees to the forest; an out-of-bag score then counts the votes of all of them.
    class_weight : {"balanced", "balanced_subsample"}, dict or None, default None
        Weights by class; ``rows / (classes * rows of the class)`` where balanced, per tree where balanced_subsample.
    ccp_alpha : float, default 0.0
        Only 0 is supported.
    max_samples : None, int or float, default None
        Rows drawn for a tree; None: as many as there are; a float: that many times the rows, also above 1, whatever their weights.
    monotonic_cst : None
        Only None is supported.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Sorted labels.
    feature_importances_ : ndarray of shape (n_features,), float64
        Mean decrease in impurity, summing to 1 (all 0 where nothing was split).
    oob_score_ : float
        With ``oob_score``: the score over the rows that some tree did not draw.
    oob_decision_function_ : ndarray of shape (n_samples, n_classes), float64
        With ``oob_score``: mean class shares of the trees that did not draw the row; NaN where every tree drew it.
    n_features_in_, n_classes_ : int
    feature_names_in_ : ndarray of str
        Where `fit` saw a DataFrame with text as column names.

    Notes
    -----
    Splits are exact up to 20,000 training rows. On more, each column is parted into at most 255 bins of nearly equal counts of its training
    values, and splits lie between bins, halfway between their nearest training values; columns of at most 255 values are split exactly at
    any size.
    Where a node saw NaN in its column, NaN goes to the better side; elsewhere to the child with more training rows. Sample weights scale
    what drawn rows count, as in scikit-learn before 1.9. Forking after a first use of threads is not supported.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.arange(20, dtype=np.float32).reshape(-1, 1)
    >>> y = np.repeat(["calm", "angry"], 10)
    >>> RandomForestClassifier(n_estimators=10, random_state=0).fit(X, y).predict([[1.0], [18.0]]).tolist()
    ['calm', 'angry']
    """

    _kind = "random_forest_classifier"


class ExtraTreesClassifier(BaseForest):
    """Extremely randomized trees: at a node each candidate column is cut at one random place, and the best of these cuts splits.

    Source: Geurts, Ernst & Wehenkel, "Extremely randomized trees", Machine Learning 63 (2006); parameters and rules as in scikit-learn.

    Parameters
    ----------
    n_estimators, criterion, max_depth, min_samples_split, min_samples_leaf, min_weight_fraction_leaf, max_features, max_leaf_nodes
        As of `RandomForestClassifier`.
    min_impurity_decrease, oob_score, n_jobs, random_state, verbose, warm_start, class_weight, ccp_alpha, max_samples, monotonic_cst
        As of `RandomForestClassifier`; ``oob_score`` and ``max_samples`` only with ``bootstrap``.
    bootstrap : bool, default False
        Each tree sees rows drawn with replacement; else all rows.

    Attributes
    ----------
    classes_, feature_importances_, oob_score_, oob_decision_function_, n_features_in_, n_classes_, feature_names_in_
        As of `RandomForestClassifier`.

    Notes
    -----
    A cut is uniform between the column's least and largest value in the node, and rounded down to float32. Where a node saw NaN in its
    column, NaN goes to a side drawn at random, or right where all values are equal; elsewhere to the child with
    more training rows. Without ``bootstrap`` an integer weight is the same as so many copies of the row, but for the last bits of sums.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.arange(20, dtype=np.float32).reshape(-1, 1)
    >>> y = np.repeat(["calm", "angry"], 10)
    >>> ExtraTreesClassifier(n_estimators=10, random_state=0).fit(X, y).predict([[1.0], [18.0]]).tolist()
    ['calm', 'angry']
    """

    _kind = "extra_trees_classifier"

    def __init__(
        self,
        n_estimators: int = 100,
        *,
        criterion: str = "gini",
        max_depth: int | None = None,
        min_samples_split: int | float = 2,
        min_samples_leaf: int | float = 1,
        min_weight_fraction_leaf: float = 0.0,
        max_features: str | int | float | None = "sqrt",
        max_leaf_nodes: int | None = None,
        min_impurity_decrease: float = 0.0,
        bootstrap: bool = False,
        oob_score: bool | Callable[[Any, Any], float] = False,
        n_jobs: int | None = None,
        random_state: Any = None,
        verbose: int = 0,
        warm_start: bool = False,
        class_weight: str | Mapping[Any, float] | None = None,
        ccp_alpha: float = 0.0,
        max_samples: int | float | None = None,
        monotonic_cst: None = None,
    ) -> None:
        super().__init__(
            n_estimators,
            criterion=criterion,
            max_depth=max_depth,
            min_samples_split=min_samples_split,
            min_samples_leaf=min_samples_leaf,
            min_weight_fraction_leaf=min_weight_fraction_leaf,
            max_features=max_features,
            max_leaf_nodes=max_leaf_nodes,
            min_impurity_decrease=min_impurity_decrease,
            bootstrap=bootstrap,
            oob_score=oob_score,
            n_jobs=n_jobs,
            random_state=random_state,
            verbose=verbose,
            warm_start=warm_start,
            class_weight=class_weight,
            ccp_alpha=ccp_alpha,
            max_samples=max_samples,
            monotonic_cst=monotonic_cst,
        )


def _joined(first: Any, second: Any) -> Any:
    """Return one forest of the trees of two."""
    a, b = first.arrays(), second.arrays()
    offsets = np.concatenate([a["tree_offsets"], b["tree_offsets"][1:] + a["tree_offsets"][-1]])
    merged = {name: np.concatenate([part, b[name]]) if isinstance(part, np.ndarray) else part for name, part in a.items()}
    return _core.Forest.from_arrays({**merged, "tree_offsets": offsets})
