"""Predictions of one evaluated set of clips, with everything that scores and reports need. Failed clips are rows like the others."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .._display import MOST_ROWS, counted, listed

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["Scored"]


@dataclass(frozen=True)
class Scored:
    """Predictions for n clips and k classes.

    Attributes
    ----------
    title : str
        What was evaluated.
    classes : list of str
        Sorted labels.
    filepath, label, speaker : array of str, shape (n,)
        The clips.
    fold : int64 array, shape (n,)
        Outer fold that predicted the clip; -1 where there is none.
    proba : float64 array, shape (n, k)
        Calibrated probabilities; NaN for failed clips.
    predicted : array of str, shape (n,)
        Most probable class; empty for failed clips.
    confidence : float64 array, shape (n,)
        Its probability; NaN for failed clips.
    abstained : array of bool, shape (n,)
        No answer: below the threshold, or failed.
    reason : list of str
        Why there is no answer; empty where there is one.
    summary : dict
        `emotion_native.metrics.classification_summary` of all of this.
    raw_predicted, raw_confidence : arrays, shape (n,), or None
        Most probable class and its probability before calibration; empty and NaN for failed clips. None where they are not known.
    raw_proba : float64 array, shape (n, k), or None
        Probabilities before calibration.
    """

    title: str
    classes: list[str]
    filepath: NDArray[np.str_]
    label: NDArray[np.str_]
    speaker: NDArray[np.str_]
    fold: NDArray[np.int64]
    proba: NDArray[np.float64]
    predicted: NDArray[np.str_]
    confidence: NDArray[np.float64]
    abstained: NDArray[np.bool_]
    reason: list[str]
    summary: dict[str, Any]
    raw_predicted: NDArray[np.str_] | None = None
    raw_confidence: NDArray[np.float64] | None = None
    raw_proba: NDArray[np.float64] | None = None

    def __repr__(self) -> str:
        size = f"{counted(len(self.label), 'clip')} of {counted(self.n_speakers, 'speaker')}, {len(self.classes)} classes: {listed(self.classes)}"
        return f"Scored({self.title!r}: {size}; {int(self.abstained.sum()):,} without an answer)"

    def _repr_html_(self) -> str:
        table: str = self.frame().head(MOST_ROWS).to_html()
        return f"<div><p>{html.escape(repr(self))}</p>{table}</div>"

    @property
    def ok(self) -> NDArray[np.bool_]:
        """Clips that got a prediction."""
        return np.asarray(self.predicted != "", dtype=bool)

    @property
    def n_speakers(self) -> int:
        """Number of speakers among the clips."""
        return len(set(self.speaker.tolist()))

    def confusion(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the counts (true class by predicted class) and, for each true class, the clips without a prediction."""
        place = {label: number for number, label in enumerate(self.classes)}
        matrix = np.zeros((len(self.classes), len(self.classes)), dtype=np.int64)
        failed = np.zeros(len(self.classes), dtype=np.int64)
        for true, answer in zip(self.label.tolist(), self.predicted.tolist(), strict=True):
            if answer:
                matrix[place[true], place[answer]] += 1
            else:
                failed[place[true]] += 1
        return matrix, failed

    def frame(self) -> pd.DataFrame:
        """Return the predictions as a table, one row a clip."""
        import pandas as pd

        columns: dict[str, Any] = {
            "filepath": self.filepath,
            "label": self.label,
            "fold": ["" if fold < 0 else str(fold) for fold in self.fold.tolist()],
            "speaker": self.speaker,
            "predicted": self.predicted,
        }
        columns.update({f"probability_{name}": self.proba[:, column] for column, name in enumerate(self.classes)})
        columns.update({"confidence": self.confidence, "abstained": self.abstained, "reason": self.reason})
        if self.raw_predicted is not None:
            columns.update({"predicted_uncalibrated": self.raw_predicted, "confidence_uncalibrated": self.raw_confidence})
        if self.raw_proba is not None:
            columns.update({f"uncalibrated_probability_{name}": self.raw_proba[:, column] for column, name in enumerate(self.classes)})
        return pd.DataFrame(columns)
