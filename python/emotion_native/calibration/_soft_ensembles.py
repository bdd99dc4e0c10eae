"""Soft votes of candidates inside a nested evaluation: made of predictions that are there already, members chosen by the inner folds alone."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..exceptions import InvalidInputError

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class SoftEnsemble:
    """A further candidate of `nested_evaluation`: the mean of the probabilities of others, as `VotingClassifier` with ``voting="soft"`` gives it.

    Attributes
    ----------
    members : sequence of str
        Names of candidates, at least two.
    n_best : int or None
        How many of them vote: those with the best selection score on the inner folds of each outer training part, the first of equal ones
        first. None: all, so that nothing is chosen.
    name : str
        The candidate's own name.
    hidden : sequence of str
        Members that are fitted for the vote alone and are no candidates themselves.

    Examples
    --------
    >>> from emotion_native.calibration import SoftEnsemble
    >>> SoftEnsemble(["forest", "logistic"]).name
    'ensemble'
    """

    members: Sequence[str]
    n_best: int | None = None
    name: str = "ensemble"
    hidden: Sequence[str] = ()


def check_ensemble(ensemble: Any, candidates: Iterable[str], prior_correction: bool, caller: str) -> None:
    """Raise InvalidInputError unless an ensemble is None or one of these candidates."""
    if ensemble is None:
        return
    if not isinstance(ensemble, SoftEnsemble):
        raise InvalidInputError(f"ensemble of {caller} must be a SoftEnsemble or None; got {type(ensemble).__name__}")
    names, members = [str(name) for name in candidates], list(ensemble.members)
    if len(members) < 2 or len(set(members)) < len(members) or not set(members) <= set(names):
        raise InvalidInputError(f"ensemble.members of {caller} must be at least two of the candidates {names}, each once; got {members!r:.200}")
    whole = isinstance(ensemble.n_best, numbers.Integral) and not isinstance(ensemble.n_best, bool)
    if ensemble.n_best is not None and not (whole and 1 <= ensemble.n_best <= len(members)):
        raise InvalidInputError(f"ensemble.n_best of {caller} must be None or an integer from 1 to {len(members)}; got {ensemble.n_best!r}")
    if not isinstance(ensemble.name, str) or ensemble.name in names:
        raise InvalidInputError(f"ensemble.name of {caller} must be a name that no candidate has; got {ensemble.name!r}")
    if not set(ensemble.hidden) <= set(members):
        raise InvalidInputError(f"ensemble.hidden of {caller} must be members; got {list(ensemble.hidden)!r:.200}")
    if prior_correction:
        raise InvalidInputError(f"prior_correction of {caller} must be off with an ensemble, whose members would each have their own")


def best_members(ensemble: SoftEnsemble, score: Callable[[str], float]) -> list[str]:
    """Return the members that vote, in the order of the ensemble."""
    members = list(ensemble.members)
    if ensemble.n_best is None:
        return members
    best = sorted(range(len(members)), key=lambda k: (-score(members[k]), k))[: ensemble.n_best]
    return [members[k] for k in sorted(best)]


def soft_vote(proba: Mapping[str, Floats], members: Sequence[str]) -> Floats:
    """Return the mean, added up one after another as `VotingClassifier` does."""
    total = np.zeros(())
    for name in members:
        total = total + proba[name]
    return np.asarray(total / float(len(members)))
