"""The calibration error of two models on the same clips, compared by exchanging their answers for whole speakers.

An exchange changes which rows a model has, and with them the bins of equal mass. Here both models are counted in common bins, of equal mass over the
confidences of both: they are the same for every exchange, so a statistic is a sum over bins of what each speaker and model brought, and
the exchanges are as likely as each other where neither model is better (Fisher, "The design of experiments", 1935, section 21).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ._calibration_error import SpeakerBins, default_bins, replicate_errors
from ._inputs import Codes, Floats
from ._statistics import Statistic, of_calibration

CALIBRATION = "expected_calibration_error"
_MARGIN = 1e-12
_WEIGHTS_AT_ONCE = 1 << 20


@dataclass(frozen=True)
class TopLabels:
    """One model's confidence in its top label and whether that is right, a row each, with the rows' speakers."""

    confidence: Floats
    correct: npt.NDArray[np.uint8]
    speaker: Codes
    n_speakers: int

    @classmethod
    def of(cls, truth: Codes, proba: Floats, speaker: Codes, n_speakers: int) -> TopLabels:
        """Return those of probabilities."""
        correct = (np.argmax(proba, axis=1) == truth).astype(np.uint8)
        return cls(np.ascontiguousarray(proba.max(axis=1)), correct, speaker, n_speakers)

    def statistic(self) -> Statistic:
        """Return the debiased error as a function of speaker weights."""
        return of_calibration(self.confidence, self.correct, self.speaker, self.n_speakers)

    def per_speaker(self) -> Floats:
        """Return the error of each speaker's rows alone, in as many bins as these allow, cut at 0."""
        errors = np.empty(self.n_speakers)
        everything = np.ones((1, 1))
        order = np.argsort(self.speaker, kind="stable")
        for s, own in enumerate(np.split(order, np.cumsum(np.bincount(self.speaker, minlength=self.n_speakers))[:-1])):
            one = (np.ascontiguousarray(self.confidence[own]), np.ascontiguousarray(self.correct[own]), np.zeros(len(own), dtype=np.int64))
            errors[s] = replicate_errors(*one, everything, n_bins=default_bins(len(own)))[0]
        return np.maximum(errors, 0.0)


def exchange_test(a: TopLabels, b: TopLabels, n_permutations: int, seed: int) -> tuple[float, int, bool]:
    """Return the two-sided p-value of the difference, how many exchanges were looked at (of all: one of each pair of opposite ones), and whether all.

    O(rows log rows + exchanges (speakers + bins)); the same for any number of threads.
    """
    n = a.n_speakers
    differs = np.zeros(n, dtype=bool)
    differs[a.speaker[(a.confidence != b.confidence) | (a.correct != b.correct)]] = True
    movable = np.flatnonzero(differs)
    rows = (np.concatenate([a.confidence, b.confidence]), np.concatenate([a.correct, b.correct]), np.concatenate([a.speaker, b.speaker + n]))
    table = SpeakerBins(*rows, 2 * n, default_bins(len(a.confidence)))
    exact = len(movable) <= 62 and 2 ** max(len(movable) - 1, 0) <= n_permutations
    rng = np.random.default_rng(seed)
    total = 2 ** max(len(movable) - 1, 0) if exact else n_permutations
    observed = abs(_difference(table, np.zeros((1, n)))[0])
    step = max(1, _WEIGHTS_AT_ONCE // (2 * n))
    found = 0
    for start in range(0, total, step):
        size = min(step, total - start)
        moved = np.zeros((size, n))
        if exact:  # the first speaker that differs stays: exchanging all of them only turns the sign
            moved[:, movable[1:]] = (np.arange(start, start + size)[:, None] >> np.arange(max(len(movable) - 1, 0))) & 1
        else:
            moved[:, movable] = rng.integers(0, 2, (size, len(movable)))
        found += int((np.abs(_difference(table, moved)) >= observed - _MARGIN).sum())
    return (found / total if exact else (found + 1) / (total + 1)), total, exact


def _difference(table: SpeakerBins, moved: Floats) -> Floats:
    """Return the difference of errors after exchanges: ``moved`` is 1 where a speaker's answers change sides."""
    sides = np.concatenate([1.0 - moved, moved], axis=1)
    return table.errors(sides) - table.errors(1.0 - sides)
