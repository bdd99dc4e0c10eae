"""What a fitted classifier consists of, for the model file: its steps, what it joins, its calibration, and the rules by which it answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .exceptions import InvalidInputError

__all__ = ["NEVER_ANSWERS", "FittedParts", "take_apart"]

NEVER_ANSWERS = 2.0  # a threshold above every confidence
_MOST_WRAPPERS = 32
_WRAPPER_RULES = ("calibrator_", "threshold_", "_native_sets", "_native_thresholds")  # of calibrated, abstaining, conformal, tuned classifiers
Arrays = dict[str, np.ndarray[Any, Any]]
Description = dict[str, Any]


@dataclass
class FittedParts:
    """A classifier taken apart, from its outside in.

    Attributes
    ----------
    steps : list
        Fitted transformers in the order in which rows pass them.
    classifier : object
        What ends them: a classifier with arrays of its own, or one that joins others: a vote, a stack, or one classifier a label.
    calibrators : list
        The outermost first.
    threshold : float or None
        Confidence below which there is no answer.
    detector, sets : object or None
        A detector of rows out of distribution; the conformal classifier whose prediction sets the model gives.
    detector_steps : int
        How many of ``steps`` a row passes before the detector sees it.
    label_thresholds : ndarray or None
        Of a classifier that gives sets of labels: the probability that each must exceed, where they were tuned.
    ungrouped : bool
        Whether anything was fitted on an ungrouped split.
    """

    steps: list[Any] = field(default_factory=list)
    classifier: Any = None
    calibrators: list[Any] = field(default_factory=list)
    threshold: float | None = None
    detector: Any = None
    detector_steps: int = 0
    sets: Any = None
    label_thresholds: Any = None
    ungrouped: bool = False

    @property
    def gives_label_sets(self) -> bool:
        """Whether a row may get several labels, or none."""
        return bool(getattr(self.classifier, "multilabel_", False))

    def describe(self, prefix: str, tensors: Arrays, requires: set[str]) -> Description:
        """Return ``steps`` and ``calibration`` of the file's description, and add the arrays to ``tensors``, their names after ``prefix``.

        Each calibrator but the innermost is that of a vote with one member, whose probabilities a vote leaves as they are.
        """
        if self.gives_label_sets and (prefix or self.calibrators):
            rule = "a classifier whose members answer with one class a row"
            found = f"{type(self.classifier).__name__} of several labels"
            raise InvalidInputError(f"fitted of save_model must be {rule}; got {found} (save_pickle stores it)")
        headers = self._describe_steps(prefix, tensors)
        place = f"{prefix}steps.{len(headers)}."
        if len(self.calibrators) > 1:
            inner = FittedParts(classifier=self.classifier, calibrators=self.calibrators[1:])
            headers.append(self._describe_vote("soft", [1.0], [inner], place, tensors, requires))
        else:
            headers.append(self._describe_classifier(len(headers), place, tensors, requires))
        calibration = None
        if self.calibrators:
            calibration = native_state(self.calibrators[0], "the calibrator", f"{prefix}calibration.", tensors)
        return {"steps": headers, "calibration": calibration}

    def _describe_classifier(self, number: int, place: str, tensors: Arrays, requires: set[str]) -> Description:
        classifier = self.classifier
        if hasattr(classifier, "_native_vote"):
            voting, weights, members = classifier._native_vote()
            return self._describe_vote(voting, weights, [take_apart(member, classifier.classes_) for member in members], place, tensors, requires)
        if hasattr(classifier, "_native_stack"):
            return self._describe_stack(place, tensors, requires)
        members = classifier._native_members() if hasattr(classifier, "_native_members") else None
        if members is not None:
            described: list[Description] = []
            for m, member in enumerate(members):
                constant = isinstance(member, bool)
                own = {"constant": member} if constant else self._describe_member(take_apart(member), f"{place}members.{m}.", tensors, requires)
                described.append(own)
            return {"kind": "one_vs_rest_members", "rule": classifier._native_rule()[0], "members": described}
        return native_state(classifier, f"step {number}", place, tensors)

    def _describe_stack(self, place: str, tensors: Arrays, requires: set[str]) -> Description:
        requires.add("stack")
        methods, members, final, passthrough = self.classifier._native_stack()
        classes = self.classifier.classes_
        described = [
            {"method": method, **self._describe_member(take_apart(member, classes), f"{place}members.{m}.", tensors, requires)}
            for m, (method, member) in enumerate(zip(methods, members, strict=True))
        ]
        last = self._describe_member(take_apart(final, classes), f"{place}final.", tensors, requires)
        return {"kind": "stacking_classifier", "passthrough": passthrough, "members": described, "final": last}

    def _describe_vote(
        self, voting: str, weights: Any, members: list[FittedParts], place: str, tensors: Arrays, requires: set[str]
    ) -> Description:
        requires.add("vote")
        tensors[f"{place}weights"] = np.asarray(weights, dtype=np.float64)
        described = [self._describe_member(member, f"{place}members.{m}.", tensors, requires) for m, member in enumerate(members)]
        return {"kind": "voting_classifier", "voting": voting, "members": described}

    def _describe_member(self, member: FittedParts, prefix: str, tensors: Arrays, requires: set[str]) -> Description:
        described = member.describe(prefix, tensors, requires)
        self.ungrouped = self.ungrouped or member.ungrouped
        return described

    def _describe_steps(self, prefix: str, tensors: Arrays) -> list[Description]:
        return [native_state(step, f"step {i}", f"{prefix}steps.{i}.", tensors) for i, step in enumerate(self.steps)]


def native_state(part: Any, where: str, place: str, tensors: Arrays) -> Description:
    """Return the header of a step, calibrator or detector, and add its arrays to ``tensors``.

    Raises
    ------
    InvalidInputError
        If it is not one of ours, or one that a model file does not hold.
    """
    if not hasattr(part, "_native_state"):
        kind = f"{type(part).__module__}.{type(part).__name__}"
        rule = f"fitted of save_model must be made of steps of emotion_native; got {kind} as {where}"
        if type(part).__module__.startswith("emotion_native."):
            rule = f"fitted of save_model must be a classifier, made of steps that a model file holds; got {type(part).__name__} as {where}"
        raise InvalidInputError(f"{rule} (save_pickle stores any object, for those who trust the file)")
    header, arrays = part._native_state()
    tensors.update({f"{place}{name}": np.asarray(array) for name, array in arrays.items()})
    return {key: value.item() if isinstance(value, np.generic) else value for key, value in header.items()}


def _kept_steps(pipeline: Any) -> Iterator[Any]:
    """Yield a pipeline's steps, those of pipelines inside it too, without samplers, which act in ``fit`` only, and places left empty."""
    for _, step in pipeline.steps:
        if step is None or isinstance(step, str) or hasattr(step, "fit_resample"):
            continue
        # A pipeline that ends in a transformer is a step like its own steps; one that ends in a classifier is taken apart with what wraps it.
        if hasattr(step, "steps") and not hasattr(step, "predict"):
            yield from _kept_steps(step)
        else:
            yield step


def take_apart(fitted: Any, classes: Any = None) -> FittedParts:
    """Return what a fitted classifier consists of: pipelines, searches, calibrated, abstaining and conformal classifiers are unwrapped.

    Parameters
    ----------
    fitted : estimator
    classes : ndarray or None
        The classes that it must know, if it is a member of a vote.

    Raises
    ------
    InvalidInputError
        If a classifier inside knows other classes, or a pipeline has no steps.
    """
    parts = FittedParts()
    part = fitted
    classes = getattr(fitted, "classes_", None) if classes is None else classes
    for _ in range(_MOST_WRAPPERS):
        parts.ungrouped = parts.ungrouped or bool(getattr(part, "ungrouped_", False))
        _check_classes(part, classes)
        _take_rules(parts, part)
        if hasattr(part, "best_estimator_"):
            part = part.best_estimator_
        elif hasattr(part, "steps"):
            kept = list(_kept_steps(part))
            if not kept:
                raise InvalidInputError("fitted of save_model must have a classifier; got a pipeline without steps")
            parts.steps += kept[:-1]
            part = kept[-1]
        elif any(hasattr(part, rule) for rule in _WRAPPER_RULES) and hasattr(part, "estimator_"):
            part = part.estimator_
        else:
            # Others keep an estimator_ too, with rules that nothing here knows: a template, a selection of columns, a threshold by another name.
            break
    parts.classifier = part
    return parts


def _take_rules(parts: FittedParts, part: Any) -> None:
    """Take a wrapper's, or a trained pipeline's, calibrator, and its rules of answering, unless a calibration outside changed what they speak of."""
    if not parts.calibrators:
        if parts.threshold is None and hasattr(part, "threshold_"):
            # Where the target was not reached nothing is answered, not even at a confidence of 1.
            parts.threshold = part.threshold_ if getattr(part, "reached_", True) else NEVER_ANSWERS
        if parts.detector is None and getattr(part, "detector_", None) is not None:
            parts.detector, parts.detector_steps = part.detector_, len(parts.steps)
        if parts.sets is None and hasattr(part, "_native_sets"):
            parts.sets = part
        if parts.label_thresholds is None and hasattr(part, "_native_thresholds"):
            parts.label_thresholds = part._native_thresholds()
    calibrator = getattr(part, "calibrator_", None)
    if calibrator is None:
        return
    # A prior correction and the map around it are one calibrator.
    joined = calibrator._joined_with(parts.calibrators[-1]) if parts.calibrators and hasattr(calibrator, "_joined_with") else None
    if joined is None:
        parts.calibrators.append(calibrator)
    else:
        parts.calibrators[-1] = joined


def _check_classes(part: Any, classes: Any) -> None:
    own = getattr(part, "classes_", None)
    if own is not None and classes is not None and not (len(own) == len(classes) and bool(np.all(np.asarray(own) == np.asarray(classes)))):
        rule = f"fitted of save_model must be made of classifiers that know the same {len(classes)} classes"
        raise InvalidInputError(f"{rule}; got {type(part).__name__} that knows {len(own)}")
