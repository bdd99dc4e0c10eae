"""The calibration error of two models on the same clips, compared over speakers.

Exchanging the answers of two models does not test whether their errors are equal: one that is too sure and one that is too little so have equal
errors, and a mixture of both has none. What the jackknife says of each speaker is tested instead: the value z_i = θ + (n - 1) (mean θ_j - θ_i), with
θ the difference and θ_i the one without speaker i, whose mean is θ. For a score that is a sum over rows this is nearly the exchange of answers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ._inputs import Codes, Floats
from ._intervals import deleted_scores
from ._statistics import Statistic, of_calibration

CALIBRATION = "expected_calibration_error"


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
            errors[s] = of_calibration(*one, 1).values(everything)[0]
        return np.maximum(errors, 0.0)


def influence(difference: Statistic) -> Floats:
    """Return what each speaker who counts brought to a difference: the values z_i, which sum to it; none with fewer than two."""
    deleted, share = deleted_scores(difference)
    estimate = float(difference.values(np.ones((1, difference.n_speakers)))[0])
    own: Floats = share * estimate + (1.0 - share) * (estimate - deleted)
    own += share * (estimate - own.sum())
    return own
