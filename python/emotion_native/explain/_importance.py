"""Which groups of columns a model's score rests on: permutation importance on held-out rows, with intervals over speakers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .. import _core
from .._display import MOST_ROWS, counted, html_table
from .._validation import check_choice, check_class_labels, check_matrix, check_number, check_seed
from ..exceptions import InvalidInputError
from ._columns import checked_names, feature_names_of, known_names

if TYPE_CHECKING:
    from ..metrics import Interval
    from ..metrics._statistics import Statistic

__all__ = ["PermutationImportance", "permutation_importance"]

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.intp]

_CALLER = "permutation_importance"
_BATCH_VALUES = 1 << 22
# scikit-learn's names of scorers, as ours and the sign that makes more better.
_SCORERS: dict[str, tuple[str, float]] = {
    "accuracy": ("accuracy", 1.0),
    "balanced_accuracy": ("balanced_accuracy", 1.0),
    "uar": ("uar", 1.0),
    "f1_macro": ("macro_f1", 1.0),
    "f1_weighted": ("weighted_f1", 1.0),
    "matthews_corrcoef": ("matthews_corrcoef", 1.0),
    "cohen_kappa": ("cohen_kappa", 1.0),
    "neg_log_loss": ("log_loss", -1.0),
    "neg_brier_score": ("brier", -1.0),
}


@dataclass(frozen=True)
class PermutationImportance:
    """How much a score falls when a group of columns is shuffled; the first three as in scikit-learn.

    Attributes
    ----------
    importances_mean, importances_std : ndarray of shape (n_feature_groups,), float64
        Over the repeats. The standard deviation is of the shuffles alone: what other speakers would change is in ``intervals``.
    importances : ndarray of shape (n_feature_groups, n_repeats), float64
    feature_groups : dict of str to ndarray
        Columns of each group, in the order of the arrays.
    intervals : list of Interval or None
        Of each mean, over speakers; None without groups.
    baseline : float
        The score before any shuffle, of all held-out rows together.
    scoring, shuffle : str
    n_rows, n_speakers : int
        Held-out rows, and the speakers among them (0 without groups).
    ungrouped : bool
        Whether speakers may have been on both sides of a fold.
    """

    importances_mean: Floats
    importances_std: Floats
    importances: Floats
    feature_groups: dict[str, Rows]
    intervals: list[Interval] | None
    baseline: float
    scoring: str
    shuffle: str
    n_rows: int
    n_speakers: int
    ungrouped: bool

    def __getitem__(self, name: str) -> Any:
        """Return an attribute by name, as scikit-learn's result does."""
        if name not in self.__dataclass_fields__:
            raise KeyError(name)
        return getattr(self, name)

    def __repr__(self) -> str:
        named = ", ".join(f"{name!r} {value:.3g}" for name, value in self.top(3)) + (", …" if len(self.feature_groups) > 3 else "")
        over = counted(self.n_speakers, "speaker") if self.n_speakers else "no groups"
        size = f"{counted(len(self.feature_groups), 'group')} of columns, {counted(self.n_rows, 'row')}, {over}"
        return f"PermutationImportance({size}; {self.scoring} {self.baseline:.3g} falls by {named})"

    def _repr_html_(self) -> str:
        header = ["columns", "mean fall", "standard deviation", *(["low", "high"] if self.intervals else [])]
        rows = []
        for g in np.argsort(-self.importances_mean, kind="stable")[:MOST_ROWS]:
            ends = [self.intervals[g].low, self.intervals[g].high] if self.intervals else []
            rows.append([list(self.feature_groups)[g], self.importances_mean[g], self.importances_std[g], *ends])
        return html_table(repr(self), header, rows, len(self.feature_groups))

    def top(self, k: int = 5) -> list[tuple[str, float]]:
        """Return the names and means of the ``k`` most important groups, largest first; equal ones in their order."""
        check_number(k, "k", "PermutationImportance.top", low=0, integer=True)
        names = list(self.feature_groups)
        return [(names[g], float(self.importances_mean[g])) for g in np.argsort(-self.importances_mean, kind="stable")[: int(k)]]


@dataclass(frozen=True)
class _HeldOut:
    """One fitted model and the rows that it may be asked for."""

    model: Any
    rows: Rows


def _speakers(groups: Any, n_rows: int) -> tuple[npt.NDArray[np.int64] | None, int]:
    """Return the code of each row's speaker, if they are given, and their number."""
    from ..metrics._intervals import check_speakers

    if groups is None:
        return None, 0
    if np.ndim(groups) != 1 or len(groups) != n_rows:
        raise InvalidInputError(f"groups of {_CALLER} must be one value a row ({n_rows} rows); got shape {np.shape(groups)}")
    codes, n_speakers, _ = check_speakers(groups, n_rows, _CALLER)
    return codes, n_speakers


def permutation_importance(
    estimator: Any,
    X: Any,
    y: Any,
    *,
    groups: Any = None,
    feature_groups: Mapping[str, Any] | Callable[[str], str] | None = None,
    feature_names: Sequence[str] | None = None,
    shuffle: str = "between",
    scoring: str | None = None,
    n_repeats: int = 5,
    cv: Any = None,
    n_jobs: int | None = None,
    random_state: Any = None,
    level: float = 0.95,
    params: Mapping[str, Any] | None = None,
    allow_ungrouped: bool = False,
) -> PermutationImportance:
    """Measure how much the score of held-out rows falls when columns are shuffled, one group of columns at a time.

    The columns of a group move together, so a group that says the same thing in many columns (all MFCC, say) is not hidden by its own copies. The
    estimator is fitted on the training part of each grouped fold, and only the rows that the fold held out are shuffled and scored: importance on
    rows that a model was fitted on shows what it learned by heart. Scores are of all held-out rows together.

    Source: Breiman, "Random forests", Machine Learning 45 (2001), section 10. Names as in ``sklearn.inspection.permutation_importance``, which takes
    a fitted estimator: see ``cv="prefit"``.

    Parameters
    ----------
    estimator : classifier or Pipeline
        With ``predict`` (and ``predict_proba`` for the scores of probabilities). Cloned and fitted in each fold.
    X : array-like of shape (n_samples, n_features)
        Numbers; NaN where the estimator allows it.
    y : array-like of shape (n_samples,)
    groups : array-like of shape (n_samples,)
        Speakers, or the result of `joined_groups`: the folds keep them whole, and intervals are over them.
    feature_groups : mapping of str to columns, callable or None, default None
        Positions or names of columns of each group; columns may be in several or in none. A function gives each column's name its group, as in
        ``lambda name: name.split("_")[0]``. None: each column by itself.
    feature_names : sequence of str or None, default None
        Different names of the columns, such as ``table.names``. None: those of a table, or that the estimator was fitted with, else ``x0``, ….
    shuffle : {"between", "within"}, default "between"
        What a held-out row's columns are exchanged with: those of any row that the same fold held out, or those of the same speaker. "within" leaves
        every speaker's own level in place, so it shows what columns tell beyond who speaks; it needs ``groups``.
    scoring : str or None, default None
        "accuracy" (also None), "balanced_accuracy" or "uar", "f1_macro" or "macro_f1", "f1_weighted", "matthews_corrcoef", "cohen_kappa",
        "neg_log_loss", "neg_brier_score".
    n_repeats : int, default 5
        Shuffles of each group of columns.
    cv : None, int, splitter, iterable or "prefit"
        As in `cross_validate`. "prefit": ``estimator`` is fitted, and on your word none of the rows was in its training part, nor any of their
        speakers.
    n_jobs : int or None
        Folds that are fitted at the same time; models use their own threads.
    random_state : int, RandomState, Generator or None
        A shuffle depends on the seed, its repeat, fold and group of columns alone: not on other groups, ``n_jobs`` or batches.
    level : float, default 0.95
        Of the intervals.
    params : dict, optional
        Arguments of ``fit``, as in `cross_validate`.
    allow_ungrouped : bool, default False
        Split without groups on purpose; the result says so.

    Returns
    -------
    PermutationImportance

    Raises
    ------
    LeakageError
        Without groups, unless allowed or ``cv="prefit"``.
    InvalidInputError
        If an argument breaks its rule.

    Examples
    --------
    >>> import numpy as np
    >>> from emotion_native.linear_model import LogisticRegression
    >>> rng = np.random.default_rng(0)
    >>> X, speaker = rng.normal(size=(200, 4)), np.arange(200) % 10
    >>> y = np.where(X[:, 1] + X[:, 2] > 0, "happy", "sad")
    >>> found = permutation_importance(LogisticRegression(), X, y, groups=speaker, feature_groups={"pitch": [0, 3], "energy": [1, 2]}, random_state=0)
    >>> [name for name, _ in found.top(1)], found.n_speakers
    (['energy'], 10)
    >>> found.intervals[1].low > 0
    True
    """
    from ..metrics._intervals import check_level, jackknife_interval
    from ..metrics._names import check_measure

    check_choice(shuffle, "shuffle", _CALLER, ("between", "within"))
    scorer = "accuracy" if scoring is None else check_measure(scoring, tuple(_SCORERS), "scoring", _CALLER, "None or one of")
    check_number(n_repeats, "n_repeats", _CALLER, low=1, high=1e6, integer=True)
    level, seed = check_level(level, _CALLER), check_seed(random_state, caller=_CALLER)
    rows = check_matrix(X, caller=_CALLER, allow_nan=True)
    truth = check_class_labels(y, caller=_CALLER)
    if len(truth) != len(rows):
        raise InvalidInputError(f"y of {_CALLER} must be one label a row ({len(rows)} rows); got {len(truth)}")
    columns = _check_feature_groups(feature_groups, X, estimator, rows.shape[1], feature_names)
    if groups is None and shuffle == "within":
        raise InvalidInputError(f"groups of {_CALLER} must be the speakers where shuffle is 'within'; got None")
    speaker, n_speakers = _speakers(groups, len(rows))
    parts, ungrouped = _held_out(estimator, X, truth, groups, cv, n_jobs, params, allow_ungrouped)
    classes = np.unique(np.concatenate([truth, *(part.model.classes_ for part in parts)]))
    score = _Scorer(parts, X, rows, truth, speaker, n_speakers, scorer, classes)
    sources = _Shuffles(parts, speaker if shuffle == "within" else None, seed, int(n_repeats))
    whole = score.answers(None, None)[0]
    baseline = score.of(whole)
    importances = np.empty((len(columns), int(n_repeats)))
    intervals: list[Interval] = []
    for g, chosen in enumerate(columns.values()):
        rows_from = sources.of_group(g)
        shuffled = score.answers(chosen, rows_from)
        importances[g] = [baseline - score.of(one) for one in shuffled]
        if speaker is not None:
            intervals.append(jackknife_interval(score.fall(whole, shuffled, rows_from), level))
    return PermutationImportance(
        importances.mean(axis=1),
        importances.std(axis=1),
        importances,
        columns,
        intervals if speaker is not None else None,
        baseline,
        scorer,
        shuffle,
        sum(len(part.rows) for part in parts),
        0 if speaker is None else score.n_speakers,
        ungrouped,
    )


def _check_feature_groups(feature_groups: Any, X: Any, estimator: Any, width: int, feature_names: Any) -> dict[str, Rows]:
    if feature_names is not None:
        names = checked_names(feature_names, width, X.columns if hasattr(X, "columns") else known_names(estimator), _CALLER)
    else:
        names = [str(name) for name in X.columns] if hasattr(X, "columns") else feature_names_of(estimator, width)
    if feature_groups is None:
        return {name: np.array([j], dtype=np.intp) for j, name in enumerate(names)}
    if callable(feature_groups):
        gathered: dict[str, list[int]] = {}
        for j, name in enumerate(names):
            gathered.setdefault(str(feature_groups(name)), []).append(j)
        feature_groups = gathered
    if not isinstance(feature_groups, Mapping) or len(feature_groups) == 0:
        raise InvalidInputError(f"feature_groups of {_CALLER} must be a mapping from names to columns; got {feature_groups!r:.200}")
    place = {name: j for j, name in enumerate(names)}
    found: dict[str, Rows] = {}
    for name, given in feature_groups.items():
        listed: list[Any] = [given] if isinstance(given, (str, int, np.integer)) else list(np.asarray(given, dtype=object).ravel())
        if listed and all(isinstance(one, (bool, np.bool_)) for one in listed):
            listed = np.flatnonzero(listed).tolist() if len(listed) == width else [True]
        positions = [place.get(one, -1) if isinstance(one, str) else one for one in listed]
        if not positions or any(isinstance(j, bool) or not isinstance(j, (int, np.integer)) or not 0 <= j < width for j in positions):
            rule = f"positions below {width} or names of columns"
            raise InvalidInputError(f"feature_groups of {_CALLER} must hold {rule}; got {given!r:.200} for {str(name)!r}")
        found[str(name)] = np.unique(np.array(positions, dtype=np.intp))
    return found


def _held_out(
    estimator: Any, X: Any, y: npt.NDArray[Any], groups: Any, cv: Any, n_jobs: int | None, params: Any, allow_ungrouped: bool
) -> tuple[list[_HeldOut], bool]:
    """Return models with the rows that each has not seen."""
    from ..model_selection import cross_validate

    if isinstance(cv, str) and cv == "prefit":
        if not hasattr(estimator, "classes_"):
            raise InvalidInputError(f"estimator of {_CALLER} must be fitted where cv is 'prefit'; got {type(estimator).__name__}; call fit first")
        return [_HeldOut(estimator, np.arange(len(y)))], False
    found = cross_validate(
        estimator,
        X,
        y,
        groups=groups,
        cv=cv,
        n_jobs=n_jobs,
        params=params,
        scoring=lambda model, X, y: 0.0,
        return_estimator=True,
        return_indices=True,
        error_score="raise",
        allow_ungrouped=allow_ungrouped,
    )
    models = zip(found["estimator"], found["indices"]["test"], strict=True)
    return [_HeldOut(model, np.asarray(test, dtype=np.intp)) for model, test in models], bool(found["ungrouped"])


@dataclass(frozen=True)
class _Shuffles:
    """The source row of every held-out row, for each group of columns, repeat and fold."""

    parts: Sequence[_HeldOut]
    speaker: npt.NDArray[np.int64] | None
    seed: int
    n_repeats: int

    def of_group(self, g: int) -> list[list[Rows]]:
        """Return sources (folds, repeats) as rows of the whole table."""
        found = []
        for f, part in enumerate(self.parts):
            strata = None
            if self.speaker is not None:
                strata = np.unique(self.speaker[part.rows], return_inverse=True)[1].astype(np.int64)
            repeats = [_core.shuffled_rows(len(part.rows), strata, self.seed, f * 2**32 + repeat, g) for repeat in range(self.n_repeats)]
            found.append([part.rows[source] for source in repeats])
        return found


class _Scorer:
    """Asks each model for its held-out rows, and scores all of them together."""

    def __init__(
        self,
        parts: Sequence[_HeldOut],
        X: Any,
        rows: npt.NDArray[Any],
        truth: npt.NDArray[Any],
        speaker: npt.NDArray[np.int64] | None,
        n_speakers: int,
        scorer: str,
        classes: npt.NDArray[Any],
    ) -> None:
        self._parts, self._rows, self._classes = parts, rows, classes
        self._table: Any = X if hasattr(X, "columns") else None
        self._metric, self.sign = _SCORERS[scorer]
        self._proba = self.sign < 0
        held = np.concatenate([part.rows for part in parts])
        self._truth = np.searchsorted(classes, truth[held])
        self._codes = np.zeros(len(truth), dtype=np.int64)
        if speaker is not None:
            self._codes[held] = np.unique(speaker[held], return_inverse=True)[1]
        self._speaker = np.ascontiguousarray(self._codes[held])
        self.n_speakers = int(self._speaker.max()) + 1

    def answers(self, columns: Rows | None, sources: list[list[Rows]] | None) -> list[npt.NDArray[Any]]:
        """Return labels or probabilities of all held-out rows, once each repeat, with some columns taken from other rows."""
        n_repeats = 1 if sources is None else len(sources[0])
        found: list[list[npt.NDArray[Any]]] = [[] for _ in range(n_repeats)]
        for f, part in enumerate(self._parts):
            step = max(1, _BATCH_VALUES // max(1, len(part.rows) * self._rows.shape[1]))
            for begin in range(0, n_repeats, step):
                repeats = range(begin, min(begin + step, n_repeats))
                mixed = np.tile(self._rows[part.rows], (len(repeats), 1))
                if columns is not None and sources is not None:
                    mixed[:, columns] = self._rows[np.concatenate([sources[f][r] for r in repeats])][:, columns]
                for r, one in zip(repeats, np.split(self._ask(part.model, mixed), len(repeats)), strict=True):
                    found[r].append(one)
        return [np.concatenate(one) for one in found]

    def _ask(self, model: Any, rows: Any) -> npt.NDArray[Any]:
        asked = rows if self._table is None else type(self._table)(rows, columns=self._table.columns)
        if not self._proba:
            from ..metrics._inputs import codes_of

            codes = codes_of(np.asarray(model.predict(asked)), self._classes)
            if (codes < 0).any():
                raise InvalidInputError(f"estimator of {_CALLER} must predict labels of its classes_; got others")
            return codes
        from ..model_selection._fit import aligned

        return aligned(model.predict_proba(asked), model.classes_, self._classes)

    def of(self, answers: npt.NDArray[Any]) -> float:
        """Return the score of answers, more being better."""
        return self.sign * float(self._statistic(answers, self._truth, self._speaker, self.n_speakers).values(np.ones((1, self.n_speakers)))[0])

    def _statistic(self, answers: npt.NDArray[Any], truth: npt.NDArray[Any], units: npt.NDArray[np.int64], n_units: int) -> Statistic:
        from ..metrics._statistics import of_metric

        return of_metric(self._metric, truth, answers, units, n_units, np.arange(len(self._classes)), _CALLER)

    def fall(self, whole: npt.NDArray[Any], shuffled: list[npt.NDArray[Any]], sources: list[list[Rows]]) -> Statistic:
        """Return the mean fall of the score, as a function of the weights of speakers.

        A shuffled row belongs to two speakers, its own and the one whose columns it was lent, so leaving a speaker out leaves out the rows of both
        kinds, before and after the shuffle alike. With A_s the sum over rows of speaker s and B_s that over rows of others that s lent columns to,
        the sums without s are those of all less A_s + B_s; weights w near 1 give sum w_s A_s + sum (w_s - 1) B_s. Where nothing is lent between
        speakers, the few who have most rows decide, and the degrees of freedom follow their sizes.
        """
        from ..metrics._statistics import Statistic

        n = self.n_speakers
        sizes = np.bincount(self._speaker).astype(np.float64)
        lends = False
        pairs: list[tuple[Statistic, Statistic]] = []
        for repeat, answers in enumerate(shuffled):
            lender = self._codes[np.concatenate([fold[repeat] for fold in sources])]
            lent = np.flatnonzero(lender != self._speaker)
            lends = lends or lent.size > 0
            units = np.concatenate([self._speaker, n + lender[lent]])
            truth = np.concatenate([self._truth, self._truth[lent]])
            before, after = (self._statistic(np.concatenate([one, one[lent]]), truth, units, 2 * n) for one in (whole, answers))
            pairs.append((before, after))

        def values(weights: Floats) -> Floats:
            both = np.hstack([weights, weights - 1.0])
            return np.asarray(self.sign * np.mean([before.values(both) - after.values(both) for before, after in pairs], axis=0))

        return Statistic(values, n, low=-np.inf, high=np.inf, sizes=None if lends else sizes)
