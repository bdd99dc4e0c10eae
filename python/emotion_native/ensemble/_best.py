"""The best settings of a search and the best estimators of a comparison, as members of a vote."""

from __future__ import annotations

import numbers
from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.base import clone

from ..exceptions import InvalidInputError
from ..model_selection._settings import with_setting

Chosen = tuple[list[tuple[str, Any]], list[float]]


def _ranked(means: Any, n_best: Any, caller: str) -> list[int]:
    """Return the places of the best, the first of equal ones first; NaN is never among them."""
    if not isinstance(n_best, numbers.Integral) or isinstance(n_best, bool) or n_best < 1:
        raise InvalidInputError(f"n_best of {caller} must be an integer of at least 1; got {n_best!r}")
    means = np.asarray(means, dtype=np.float64)
    order = [int(k) for k in np.argsort(-means, kind="stable") if np.isfinite(means[k])]
    if not order:
        raise InvalidInputError(f"scores of {caller} must be a finite number for at least one; got none")
    return order[: int(n_best)]


def best_of_search(search: Any, n_best: Any, *, caller: str) -> Chosen:
    """Return unfitted estimators of the best settings, named after their rows in ``cv_results_``, and their mean scores."""
    table = getattr(search, "cv_results_", None)
    if table is None or not hasattr(search, "estimator"):
        raise InvalidInputError(f"search of {caller} must be a fitted search; got {search!r:.80}")
    name = search.refit if search.multimetric_ else "score"
    if not isinstance(name, str):
        raise InvalidInputError(f"search of {caller} must name, in refit, which of its scores decides; got refit={search.refit!r:.80}")
    means = table[f"mean_test_{name}"]
    places = _ranked(means, n_best, caller)
    return [(f"setting_{k}", with_setting(search.estimator, table["params"][k])) for k in places], [float(means[k]) for k in places]


def best_of_comparison(estimators: Any, scores: Any, n_best: Any, score: str, *, caller: str) -> Chosen:
    """Return copies of the best estimators by name, and their mean scores."""
    if not isinstance(estimators, Mapping) or not isinstance(scores, Mapping) or set(estimators) != set(scores) or not estimators:
        raise InvalidInputError(f"scores of {caller} must be what compare_estimators returned for these estimators; got other names")
    key = f"test_{score}"
    if any(key not in table for table in scores.values()):
        known = sorted({name.removeprefix("test_") for table in scores.values() for name in table if name.startswith("test_")})
        raise InvalidInputError(f"score of {caller} must be one of {', '.join(map(repr, known))}; got {score!r}")
    names = list(estimators)
    means = [float(np.mean(scores[name][key])) for name in names]
    places = _ranked(means, n_best, caller)
    return [(names[k], clone(estimators[names[k]])) for k in places], [means[k] for k in places]
