"""From probabilities to prediction sets: shared by the classifier that learns their thresholds and by loaded models. NumPy alone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
_ROUNDING = 1e-12  # scores that differ by the rounding of their sums count as equal


def _uniform_of_rows(proba: Floats, seed: int) -> Floats:
    """Return a number in [0, 1) for each row, from the seed and nine digits of its probabilities alone: SplitMix64 (Steele, Lea & Flood, 2014)."""
    state = np.full(len(proba), seed % 2**64, dtype=np.uint64)
    for column in np.round(proba * 1e9).astype(np.uint64).T:
        state = (state ^ column) + np.uint64(0x9E3779B97F4A7C15)
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        state ^= state >> np.uint64(31)
    return np.asarray((state >> np.uint64(11)) * 2.0**-53)


def conformity_scores(proba: Floats, method: str, seed: int = 0) -> Floats:
    """Return how strange each class would be as the answer: (n_samples, n_classes), larger is stranger.

    ``"lac"``: one minus the probability. ``"aps"``: the probability of all classes at least as probable, the class itself included.
    ``"randomized_aps"``: the same with a random share of the class's own probability taken off.

    Examples
    --------
    >>> import numpy as np
    >>> conformity_scores(np.array([[0.7, 0.2, 0.1]]), "aps").round(6).tolist()
    [[0.7, 0.9, 1.0]]
    """
    if method == "lac":
        return 1.0 - proba
    order = np.argsort(-proba, axis=1, kind="stable")
    sums = np.cumsum(np.take_along_axis(proba, order, axis=1), axis=1)
    scores = np.empty_like(sums)
    np.put_along_axis(scores, order, sums, axis=1)
    return scores - _uniform_of_rows(proba, seed)[:, None] * proba if method == "randomized_aps" else scores


def sets_of(proba: Floats, quantiles: Floats, method: str, *, allow_empty: bool, seed: int = 0) -> npt.NDArray[np.bool_]:
    """Return which classes belong to each row's set (n_samples, n_classes): those whose score is at most their quantile.

    Unless ``allow_empty``, the most probable class always does.

    Examples
    --------
    >>> import numpy as np
    >>> sets_of(np.array([[0.6, 0.3, 0.1]]), np.array([0.5, 0.75, 0.75]), "lac", allow_empty=False).tolist()
    [[True, True, False]]
    """
    sets = conformity_scores(proba, method, seed) <= quantiles + _ROUNDING
    if not allow_empty:
        sets[np.arange(len(sets)), np.argmax(proba, axis=1)] = True
    return np.asarray(sets)
