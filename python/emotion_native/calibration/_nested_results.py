"""What nested evaluation returns: out-of-fold predictions of every row, and what the final model uses."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from .._display import MOST_ROWS, counted, html_table
from ..model_selection._folds import Folds
from ._maps import Calibrator, Floats
from ._out_of_distribution import OutOfDistributionDetector

__all__ = ["FinalChoice", "NestedEvaluation"]


@dataclass(frozen=True)
class FinalChoice:
    """What the final model uses, fitted on the outer out-of-fold predictions of all rows. Nothing may be reported from these.

    Attributes
    ----------
    candidate : str
    calibrator : object with predict_proba, or None
        A prior correction, where there is one, is its first part.
    threshold : float or None
        None without a target.
    reached : bool
        Whether the target was reached (or some answer pays); if not, ``threshold`` is 1 and nothing is answered.
    scores : dict
        Selection score of each candidate; higher is better.
    detector : OutOfDistributionDetector or None
    members : list of str
        Candidates that vote in the ensemble, if there is one: those of a final ensemble, chosen by the outer folds.
    """

    candidate: str
    calibrator: Calibrator | None
    threshold: float | None
    reached: bool
    scores: dict[str, float]
    detector: OutOfDistributionDetector | None = None
    members: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class NestedEvaluation:
    """Out-of-fold predictions of every row that no part of the model has seen.

    Attributes
    ----------
    classes : ndarray of shape (n_classes,)
    fold : ndarray of int64 of shape (n_samples,)
        The outer fold that tested the row.
    proba_raw, proba : ndarray of shape (n_samples, n_classes)
        Before and after prior correction and calibration, of the candidate chosen in the row's fold.
    predicted : ndarray of shape (n_samples,)
        Class of the highest calibrated probability.
    confidence : ndarray of shape (n_samples,)
    abstained : ndarray of bool of shape (n_samples,)
    chosen : list of str
        Candidate of each outer fold.
    thresholds : list of float or None
        Threshold of each outer fold; None without a target.
    reached : list of bool
    calibrators : list
        Calibrator of each outer fold, or None without calibration.
    inner_scores : list of dict
        Selection score of each candidate in each outer fold, from inner out-of-fold predictions.
    candidate_proba : dict of str to ndarray of shape (n_samples, n_classes)
        Outer out-of-fold probabilities of each candidate, before calibration (after the prior correction, if there is one).
    final : FinalChoice
    folds : Folds
        The outer folds; ``folds.hash`` names the split.
    ungrouped : bool
    strange : ndarray of bool of shape (n_samples,)
        Rows that the detector of their fold calls unlike its training rows; they are abstained too.
    selection : list of dict
        The inner folds of each outer fold, on which its candidate, calibration and threshold were chosen: ``n_splits``, ``n_rows``, ``n_groups``
        (None without groups) and ``hash`` (see `emotion_native.model_selection.split_hash`; rows count within the outer training part).
    members : list of list of str
        Candidates that vote in the ensemble of each outer fold, chosen by its inner folds; empty without an ensemble.
    """

    classes: npt.NDArray[Any]
    fold: npt.NDArray[np.int64]
    proba_raw: Floats
    proba: Floats
    predicted: npt.NDArray[Any]
    confidence: Floats
    abstained: npt.NDArray[np.bool_]
    chosen: list[str]
    thresholds: list[float | None]
    reached: list[bool]
    calibrators: list[Calibrator | None]
    inner_scores: list[dict[str, float]]
    candidate_proba: dict[str, Floats]
    final: FinalChoice
    folds: Folds
    ungrouped: bool = field(default=False)
    strange: npt.NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, dtype=bool))
    selection: list[dict[str, Any]] = field(default_factory=list)
    members: list[list[str]] = field(default_factory=list)

    def __repr__(self) -> str:
        folds = [f"{name!r} in {n}" for name, n in Counter(self.chosen).most_common()]
        size = f"{counted(len(self.fold), 'row')}, {len(self.classes)} classes, {len(self.chosen)} outer folds"
        ungrouped = "; not grouped" if self.ungrouped else ""
        return f"NestedEvaluation({size}; chosen {', '.join(folds)}; {int(self.abstained.sum()):,} abstained{ungrouped})"

    def _repr_html_(self) -> str:
        header = ["outer fold", "rows", "chosen", *(f"inner score of {name}" for name in self.candidate_proba), "threshold", "abstained"]
        rows = []
        for k, (name, scores, threshold) in enumerate(zip(self.chosen, self.inner_scores, self.thresholds, strict=True)):
            tested, inner = self.fold == k, [scores.get(one) for one in self.candidate_proba]
            rows.append([k, int(tested.sum()), name, *inner, threshold, int(self.abstained[tested].sum())])
        return html_table(repr(self), header, rows[:MOST_ROWS], len(rows))
