"""What a model says: the records of a clip and of rows of features."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ._display import MOST_ROWS, counted, html_table, listed
from .exceptions import InvalidInputError

__all__ = [
    "FeaturePredictions",
    "Label",
    "Prediction",
    "TopFeature",
    "calibration_of",
    "notes_of",
    "records_of",
    "rows_of",
    "thresholds_of",
    "unexplained",
]

Label = str | int


class TopFeature(NamedTuple):
    """A feature that drove a prediction.

    Attributes
    ----------
    name : str
        The column's name.
    value : float
        Its value in this clip, in the column's unit.
    contribution : float
        What it added to (or took from) the predicted class's output before calibration.
    """

    name: str
    value: float
    contribution: float


@dataclass(frozen=True)
class Prediction:
    """What a model says about one clip; the same record in Python, JSON, tables and logs.

    Attributes
    ----------
    label : str, int or None
        The most probable class, also when the model abstains or the label is below its threshold; None where there are no features to predict from
        (see `reason`).
    probabilities : dict
        Calibrated probability of each class, in the model's order; NaN where there are no features.
    confidence : float
        The label's calibrated probability; NaN where there are no features.
    abstained : bool
        True when the answer should not be used: the confidence is below the model's threshold, the clip is too poor for a model that drops
        such clips, or there are no features.
    reason : str or None
        Why the model abstained: ``low_confidence``, ``out_of_distribution``, a quality that the model refuses (``noisy``, ``clipped``, …), or
        the reason code of a clip that could not be used (``corrupt``, ``silent``, …).
    segments : list of dict
        Predictions of parts of the clip; empty when the clip was taken as a whole.
    top_features : list of TopFeature
        The columns that drove the label most, largest contribution first.
    model_hash : str
        SHA-256 of the model file.
    warnings : list of str
        What weakens the prediction, each ``code: text`` (clipping, very low level, a length unlike the training clips').
    labels : list or None
        Of a model that gives several labels a clip: those given, in the model's order, perhaps none; None for models of one class a clip, and where
        there are no features. Each probability is then of its label alone: they do not add up to 1.
    thresholds : dict or None
        Of such a model: the probability that each label must exceed.

    Examples
    --------
    >>> Prediction(label="happy", probabilities={"happy": 0.75, "sad": 0.25}, confidence=0.75, abstained=False).to_dict()["label"]
    'happy'
    """

    label: Label | None
    probabilities: dict[Label, float]
    confidence: float
    abstained: bool
    reason: str | None = None
    segments: list[dict[str, Any]] = field(default_factory=list)
    top_features: list[TopFeature] = field(default_factory=list)
    model_hash: str = ""
    warnings: list[str] = field(default_factory=list)
    labels: list[Label] | None = None
    thresholds: dict[Label, float] | None = None

    def __repr__(self) -> str:
        best = sorted(self.probabilities.items(), key=lambda item: -item[1] if item[1] == item[1] else 0.0)
        shown = ", ".join([*(f"{name!r}: {value:.3g}" for name, value in best[:3]), *(["…"] if len(best) > 3 else [])])
        reason = f", reason={self.reason!r}" if self.reason else ""
        warned = f", {counted(len(self.warnings), 'warning')}" if self.warnings else ""
        answer = f"label={self.label!r}, confidence={self.confidence:.3g}, abstained={self.abstained}"
        return f"Prediction({answer}{reason}, probabilities={{{shown}}}{warned})"

    def to_dict(self) -> dict[str, Any]:
        """Return the record as JSON types: class names become strings, NaN becomes None.

        ``labels`` and ``thresholds`` are there for models that give several labels a clip.
        """
        several = {}
        if self.thresholds is not None:
            several = {"labels": self.labels, "thresholds": {str(label): value for label, value in self.thresholds.items()}}
        return {
            "label": self.label,
            "probabilities": {str(label): _json_number(value) for label, value in self.probabilities.items()},
            "confidence": _json_number(self.confidence),
            "abstained": self.abstained,
            "reason": self.reason,
            "segments": list(self.segments),
            "top_features": [
                {"name": f.name, "value": _json_number(f.value), "contribution": _json_number(f.contribution)} for f in self.top_features
            ],
            "model_hash": self.model_hash,
            "warnings": list(self.warnings),
            **several,
        }


@dataclass(frozen=True)
class FeaturePredictions:
    """Predictions for rows of features, as arrays.

    Attributes
    ----------
    classes : ndarray of shape (n_classes,)
        The columns of `probabilities`.
    labels : ndarray of shape (n_rows,)
        The most probable class of each row.
    probabilities : ndarray of shape (n_rows, n_classes), float64
        Calibrated probabilities.
    confidence : ndarray of shape (n_rows,), float64
        The label's probability.
    abstained : ndarray of shape (n_rows,), bool
        True where the confidence is below the model's threshold, or the row is unlike the training rows.
    out_of_distribution : ndarray of shape (n_rows,), bool
        Where it is unlike them; nowhere if the model has no detector.
    indicators : ndarray of shape (n_rows, n_classes), int64, or None
        Of a model that gives several labels a row: 1 where the row has the label, 0 elsewhere.
    """

    classes: npt.NDArray[Any]
    labels: npt.NDArray[Any]
    probabilities: npt.NDArray[np.float64]
    confidence: npt.NDArray[np.float64]
    abstained: npt.NDArray[np.bool_]
    out_of_distribution: npt.NDArray[np.bool_]
    indicators: npt.NDArray[np.int64] | None = None

    def __repr__(self) -> str:
        classes = f"{len(self.classes)} classes: {listed(self.classes)}"
        strange = f", {int(self.out_of_distribution.sum()):,} out of distribution" if self.out_of_distribution.any() else ""
        return f"FeaturePredictions({counted(len(self.labels), 'row')}, {classes}; {int(self.abstained.sum()):,} abstained{strange})"

    def _repr_html_(self) -> str:
        header = ["", "label", "confidence", "abstained", "out_of_distribution", *map(str, self.classes[:MOST_ROWS])]
        columns = (self.labels, self.confidence, self.abstained, self.out_of_distribution)
        rows = [[i, *(column[i] for column in columns), *self.probabilities[i, :MOST_ROWS]] for i in range(min(len(self.labels), MOST_ROWS))]
        return html_table(repr(self), header, rows, len(self.labels))


def _json_number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def records_of(result: dict[str, Any], model: Any, notes: Sequence[str]) -> list[Prediction]:
    """Return what the native core found about clips as records of a loaded model; ``notes`` are warnings of each."""
    records = []
    for i, status in enumerate(result["status"]):
        usable = status == "ok"
        columns = zip(result["top_column"][i], result["top_value"][i], result["top_contribution"][i], strict=True) if usable else ()
        top = [column for column in columns if column[0] >= 0]  # -1 where a model has no explanations
        several = usable and model.label_thresholds is not None
        records.append(
            Prediction(
                label=model.classes[result["label"][i]] if usable else None,
                probabilities=dict(zip(model.classes, result["probability"][i].tolist(), strict=True)),
                confidence=float(result["confidence"][i]),
                abstained=bool(result["abstained"][i]),
                reason=_reason(result, i, model.quality["action"] == "drop") if usable else status,
                top_features=[TopFeature(model.feature_names[c], float(v), float(w)) for c, v, w in top],
                model_hash=model.model_hash,
                warnings=[*notes, *result["warnings"][i]] + ([] if usable else [f"{status}: {result['message'][i]}"]),
                labels=[label for label, given in zip(model.classes, result["has_label"][i], strict=True) if given] if several else None,
                thresholds=model.label_thresholds,
            )
        )
    return records


def _reason(result: dict[str, Any], row: int, drops: bool) -> str | None:
    """Return why a clip with features gets no answer, or None."""
    if drops and result["quality"][row]:
        return str(result["quality"][row])
    if result["out_of_distribution"][row]:
        return "out_of_distribution"
    return "low_confidence" if result["abstained"][row] else None


def calibration_of(description: dict[str, Any]) -> str | None:
    """Return the kind of a model's calibration, or where only what it joins is calibrated, the members' kinds."""
    own = (description["calibration"] or {}).get("kind")
    members = description["steps"][-1].get("members") or []
    if own is not None or not members:
        return own
    kinds = [None if "constant" in member else calibration_of(member) for member in members]
    known = sorted({kind for kind in kinds if kind is not None})
    if not known:
        return None
    return f"{known[0]} of each member" if len(known) == 1 and None not in kinds else f"{', '.join(known)} of some members"


def rows_of(result: dict[str, Any], model: Any, abstained: npt.NDArray[np.bool_], strange: npt.NDArray[np.bool_]) -> FeaturePredictions:
    """Return what the native core found about rows of features as the record of a loaded model."""
    classes = np.asarray(model.classes)
    indicators = None if model.label_thresholds is None else result["has_label"].astype(np.int64)
    return FeaturePredictions(classes, classes[result["label"]], result["probability"], result["confidence"], abstained, strange, indicators)


def unexplained(description: dict[str, Any], several_labels: bool) -> InvalidInputError:
    """Return why a model's output is no sum of contributions, as an error with the remedy."""
    rule = "a pipeline, or a soft vote of forests: only their output is a sum of contributions of single columns"
    remedy = "emotion_native.explain.PermutationExplainer(model, rows) explains the probabilities of rows of features"
    kinds = {"voting_classifier": "another vote", "stacking_classifier": "a stack"}
    found = "several labels a row" if several_labels else kinds.get(description["steps"][-1]["kind"], "one classifier a class")
    return InvalidInputError(f"model of explain must be {rule}; got {found} ({remedy})")


def notes_of(model: Any) -> list[str]:
    """Return the warnings that each prediction of a clip by a loaded model must have."""
    notes = []
    if model.ungrouped:
        notes.append("ungrouped: speakers were not kept apart in training, so confidences are too high for new speakers")
    if model.enrolled:
        notes.append(f"enrolled: normalised by {model.enrolled} clip{'s' if model.enrolled > 1 else ''} of the speaker")
    elif model.takes_enrolment and model.provenance.get("enrolment"):
        notes.append("not_enrolled: calibrated with other clips of the speaker, which are missing here: the confidence may be off")
    return notes


def thresholds_of(thresholds: Any, description: dict[str, Any], classes: Sequence[Label]) -> dict[Label, float] | None:
    """Return the probability that each label must exceed, where a model gives several labels a row."""
    if thresholds is None:
        return None
    by_margin = description["label_sets"]["rule"] == "margin"  # above 0, where the probability is above a half
    return dict(zip(classes, [0.5] * len(classes) if by_margin else thresholds.tolist(), strict=True))
