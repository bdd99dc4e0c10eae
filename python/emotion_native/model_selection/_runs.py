"""Every fit of one call: the folds, once or for each of several seeds."""

from __future__ import annotations

import copy
import numbers
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import clone

from .._validation import check_flag
from ..exceptions import InvalidInputError
from ._folds import Folds
from ._parts import joined
from ._splitters import Indices


@dataclass(frozen=True)
class Runs:
    """What is fitted: run ``r`` is ``estimators[estimator_of[r]]`` on ``train[r]``, tested on ``test[r]``.

    Attributes
    ----------
    estimators : list
        Unfitted; one a seed, or the one that was given.
    estimator_of : list of int
    fold : list of int
        The fold's number within its seed.
    train, test : sequence of ndarray of int64
    seeds : list of int or None
        One an estimator; None where no seeds were asked for.
    ungrouped : bool
    n_dropped : ndarray of shape (n_runs,), int64
        Rows that a run leaves on neither side.
    """

    estimators: list[Any]
    estimator_of: list[int]
    fold: list[int]
    train: Sequence[Indices]
    test: list[Indices]
    seeds: list[int] | None
    ungrouped: bool
    n_dropped: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.train)

    def of_seed(self, k: int) -> list[int]:
        """Return the runs of estimator ``k``."""
        return [r for r, own in enumerate(self.estimator_of) if own == k]

    def row_of_seed(self) -> npt.NDArray[np.uint64]:
        """Return the seed of every run."""
        assert self.seeds is not None
        return np.array([self.seeds[k] for k in self.estimator_of], dtype=np.uint64)


def single_run(estimator: Any, folds: Folds) -> Runs:
    """Return the runs of one estimator as it is."""
    return Runs([estimator], [0] * len(folds), list(range(len(folds))), folds.train, folds.test, None, folds.ungrouped, folds.n_dropped)


def repeated_runs(estimator: Any, cv: Any, seeds: Any, reseed_cv: bool, resolve: Callable[[Any], Folds], *, caller: str) -> Runs:
    """Return one run a fold, or one a seed and fold.

    Parameters
    ----------
    estimator : estimator
    cv : anything that ``resolve`` takes
    seeds : None or sequence of int
        Each becomes the ``random_state`` of every part of the estimator that has one.
    reseed_cv : bool
        Also of the splitter.
    resolve : callable
        Returns the checked folds of a splitter.

    Raises
    ------
    InvalidInputError
        If the seeds break their rule or there is nothing that they could set.
    """
    check_flag(reseed_cv, "reseed_cv", caller)
    if seeds is None:
        if reseed_cv:
            raise InvalidInputError(f"reseed_cv of {caller} must be given together with seeds; got seeds=None")
        return single_run(estimator, resolve(cv))
    values = check_seeds(seeds, caller=caller)
    names = random_parameters(estimator)
    if not names and not reseed_cv:
        raise InvalidInputError(f"seeds of {caller} must be for an estimator with a random_state; got {type(estimator).__name__}, which has none")
    if reseed_cv and not _is_shuffled(cv):
        raise InvalidInputError(f"reseed_cv of {caller} must be False for a splitter that draws nothing; got cv={cv!r:.80}")
    estimators = [clone(estimator).set_params(**dict.fromkeys(names, seed)) for seed in values]
    plans: list[Folds] = [] if reseed_cv else [resolve(cv)] * len(values)
    for seed in values if reseed_cv else ():
        splitter = copy.deepcopy(cv)
        splitter.random_state = seed
        plans.append(resolve(splitter))
    test = [rows for folds in plans for rows in folds.test]
    return Runs(
        estimators,
        [k for k, folds in enumerate(plans) for _ in range(len(folds))],
        [f for folds in plans for f in range(len(folds))],
        joined([folds.train for folds in plans], test, plans[0].n_samples),
        test,
        values,
        any(folds.ungrouped for folds in plans),
        np.concatenate([folds.n_dropped for folds in plans]),
    )


def check_seeds(seeds: Any, *, caller: str) -> list[int]:
    """Return the seeds as a list of different integers from 0 to 2**32 - 1, scikit-learn's range."""
    rule = f"seeds of {caller} must be different integers from 0 to 2**32 - 1, at least one"
    if isinstance(seeds, (str, bytes, numbers.Number)) or not hasattr(seeds, "__iter__"):
        raise InvalidInputError(f"{rule}; got {seeds!r}")
    values = []
    for seed in seeds:
        whole = isinstance(seed, (int, np.integer)) and not isinstance(seed, (bool, np.bool_))
        if not whole or not 0 <= int(seed) < 2**32:
            raise InvalidInputError(f"{rule}; got {seed!r}")
        values.append(int(seed))
    if not values or len(set(values)) != len(values):
        raise InvalidInputError(f"{rule}; got {values!r:.80}")
    return values


def random_parameters(estimator: Any) -> list[str]:
    """Return the names of the parameters ``random_state`` of an estimator and of all its parts."""
    return sorted(name for name in estimator.get_params(deep=True) if name == "random_state" or name.endswith("__random_state"))


def _is_shuffled(cv: Any) -> bool:
    return hasattr(cv, "split") and hasattr(cv, "random_state") and bool(getattr(cv, "shuffle", True))


def by_seed(runs: Runs, pieces: Sequence[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """Return the runs' rows in the order of the data; with seeds, one such array a seed, stacked."""
    arrays = []
    for k in range(len(runs.estimators)):
        own = runs.of_seed(k)
        joined = np.concatenate([pieces[r] for r in own])
        out = np.empty_like(joined)
        out[np.concatenate([runs.test[r] for r in own])] = joined
        arrays.append(out)
    return arrays[0] if runs.seeds is None else np.stack(arrays)
