"""The model card of a run folder or of a model file, from what they record."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import reports
from .._validation import check_path
from ..datasets import licence_terms
from ..exceptions import InvalidInputError
from ..runtime import EmotionModel, load_model
from .augmenting import augmentation_statement
from .calibrating import calibration_table
from .summary import class_table, speaker_table, summary_table

if TYPE_CHECKING:
    from .scored import Scored

__all__ = ["model_card"]

MODEL_FILE = "model.emotion"
_LIMITS = (
    "What it knows is how the speakers of its training data performed, mostly acted, in their languages and with their microphones. Other ages, "
    "languages, rooms and spontaneous speech were not measured unless a table below says so.",
    "A label is the most similar of the classes it was trained on; other expressions get one of them too.",
    "A probability is calibrated for clips like the training clips and loses its meaning as they become unlike them.",
)
_MEASURES = {
    "balanced_accuracy": "Balanced accuracy (UAR)",
    "accuracy": "Accuracy",
    "expected_calibration_error": "Expected calibration error (debiased)",
    "coverage": "Coverage (share answered)",
    "selective_accuracy": "Accuracy of answers",
}


def model_card(source: str | os.PathLike[str] | EmotionModel) -> reports.ModelCard:
    """Return the model card of a training run or of a model file.

    Parameters
    ----------
    source : path-like or EmotionModel
        A run folder that `train` made, a model file, or a loaded model. A run folder has every score; a model file the headline scores, if
        it was made by `train`, and else none.

    Returns
    -------
    reports.ModelCard
        With ``markdown()`` and ``html()``. Intended use and limits, training data with licences, scores with intervals over speakers,
        calibration, abstention rule, how the model was selected, versions and hashes. What is not recorded is said to be so.

    Raises
    ------
    InvalidInputError
        If a folder is no whole folder of a training run.
    ModelFormatError
        If a file is no model file.
    OSError
        If a file cannot be read.

    Examples
    --------
    >>> import emotion_native as en
    >>> card = en.experiment.model_card(en.load_model())
    >>> print(card.markdown().splitlines()[0])
    # Model card
    """
    if isinstance(source, EmotionModel):
        return build_card(source)
    path = Path(check_path(source, parameter="source", caller="model_card"))
    if not path.is_dir():
        return build_card(load_model(path))
    from .writing import read_run

    record, metrics, scored, held_out = read_run(path)
    if record["kind"] != "training":
        raise InvalidInputError(f"source of model_card must be the folder of a training run, or a model file; got an evaluation, {path}")
    return build_card(load_model(path / MODEL_FILE), record, metrics, scored, held_out)


def build_card(
    model: EmotionModel,
    record: Mapping[str, Any] | None = None,
    metrics: Mapping[str, Any] | None = None,
    scored: Scored | None = None,
    held_out: Scored | None = None,
) -> reports.ModelCard:
    """Return the card of a model, with the record and the scores of its run where there are any."""
    known: dict[str, Any] = {**model.provenance, **(record or {})}
    n_speakers = _whole(model.provenance.get("n_speakers"))
    line = _first_line(known, model, n_speakers)
    card = reports.ModelCard(
        "Model card",
        first_line=f"{reports.ENROLMENT_STATEMENT} {line}" if known.get("enrolment") else line,
        subtitle=f"{len(model.classes)} labels: {', '.join(map(str, model.classes))}. Model {model.model_hash[:12]}",
        warning=model.ungrouped,
    )
    card.section("Model", _facts(model), *_members(model))
    note = reports.evidence_note(n_speakers) if n_speakers else "The number of training speakers is not recorded."
    card.section("Intended use and limits", reports.INTENDED_USE, [*_LIMITS, *([note] if note else [])])
    card.section("Training data", *_data(known, model))
    card.section("Scores", *_scores(known, scored, held_out, n_speakers))
    card.section("Calibration", _calibration(model))
    card.section("Abstention", _abstention(known, model))
    card.section("Selection", *_selection(known, metrics))
    card.section("Versions and hashes", _origins(known, model))
    return card


_JOINED = {"voting_classifier": "vote", "stacking_classifier": "stack", "one_vs_rest_members": "one classifier a label"}


def _whole(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _mapping(value: Any) -> Mapping[str, Any]:
    """Return a recorded object, or an empty one: a model file's provenance is what its maker wrote."""
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else []


def _first_line(known: Mapping[str, Any], model: EmotionModel, n_speakers: int) -> str:
    folds = _whole(known.get("folds"))
    if not folds or not n_speakers:
        return "UNGROUPED SPLIT: its calibration and threshold are too optimistic." if model.ungrouped else "How its rows were split is not recorded."
    keys = [str(key) for key in _list(known.get("group_by"))]
    groups = _whole(known.get("groups")) or n_speakers
    return reports.split_statement(grouped=not model.ungrouped, group_by=keys, n_speakers=n_speakers, n_groups=groups, n_folds=folds)


def _facts(model: EmotionModel) -> reports.Table:
    steps = _steps(model.metadata, short=True)
    made = "rows of features" if model.extractor is None else f"{model.extractor['feature_set']} at {model.extractor['sample_rate_hz']} Hz"
    if model.takes_enrolment:
        steps += "; normalises by other clips of the speaker where they are given (enrolment)"
    rows = [["Steps", steps], ["Input", f"{len(model.feature_names)} columns: {made}"], ["Calibration", model.calibration or "none"]]
    if model.label_thresholds is not None:
        shown = ", ".join(f"{label} above {limit:.3g}" for label, limit in model.label_thresholds.items())
        rows.append(["Labels of a clip", f"several, or none: {shown}"])
    return reports.Table("What it is", ["Property", "Value"], rows)


def _members(model: EmotionModel) -> list[str | list[str]]:
    """Return what a model that ends in a vote, a stack or one classifier a label joins."""
    last = _mapping(_list(model.metadata["steps"])[-1])
    shown = [_steps(_mapping(member)) for member in _list(last.get("members"))]
    if last.get("kind") == "one_vs_rest_members":
        shown = [f"{label}: {steps}" for label, steps in zip(model.classes, shown, strict=True)] if len(shown) == len(model.classes) else shown
    if "final" in last:
        shown.append(f"the last one, which reads what they say: {_steps(_mapping(last['final']))}")
    return [f"The members of its {_JOINED.get(str(last.get('kind')), 'vote')}:", shown] if shown else []


def _joined(step: Mapping[str, Any], *, short: bool) -> str:
    """Return one step of a model; of joined classifiers the number or the steps of the members too."""
    members = [_steps(_mapping(member)) for member in _list(step.get("members"))]
    if not members:
        return str(step["kind"])
    told = f"{len(members)} members" if short else f"({'), ('.join(members)})"
    kind = f"{step['voting']} vote" if "voting" in step else _JOINED.get(str(step["kind"]), str(step["kind"]))
    return f"{kind} of {told}" + (f" under {_steps(_mapping(step['final']))}" if "final" in step else "")


def _steps(description: Mapping[str, Any], *, short: bool = False) -> str:
    """Return the steps of a model, of joined classifiers the number or the steps of the members too."""
    if "constant" in description:
        return f"always {'given' if description['constant'] else 'left out'}"
    names = [_joined(_mapping(step), short=short) for step in _list(description.get("steps"))]
    own = _mapping(description.get("calibration")).get("kind")
    return " → ".join([*names, *([f"{own} calibration"] if own else [])])


def _data(known: Mapping[str, Any], model: EmotionModel) -> list[str | reports.Table | list[str]]:
    sources = [_mapping(item) for item in _list(known.get("training_sources"))]
    parts: list[str | reports.Table | list[str]] = []
    if sources:
        names = ("corpus", "licence", "clips", "speakers")
        rows = [[str(item.get(name, "–")) for name in names] for item in sources]
        parts.append(reports.Table("Sources and their licences", ["Corpus", "Licence", "Clips", "Speakers"], rows))
        terms = licence_terms(str(item.get("licence")) for item in sources)
        parts += [
            "Together these licences ask for the following (no legal advice; whether a model is a derived work of its training data is disputed):",
            terms,
        ]
    else:
        parts.append("Its sources and their licences are not recorded: find out before you use or share it.")
    counts = _mapping(known.get("label_counts"))
    if counts:
        parts.append(reports.Table("Training clips of each label", ["Label", "Clips"], [[str(label), str(n)] for label, n in counts.items()]))
    if copies := augmentation_statement(known):
        parts.append(copies)
    left_out = _mapping(_mapping(known.get("rows")).get("left_out"))
    parts.append([f"{count} rows left out: {reason}." for reason, count in left_out.items()])
    return parts


def _scores(known: Mapping[str, Any], scored: Scored | None, held_out: Scored | None, n_speakers: int) -> list[str | reports.Table]:
    if scored is not None:
        nested = "Calibration, thresholds and the choice of a candidate were fitted inside each training fold: no scored row took part in them."
        calibrated = calibration_table(scored)
        parts: list[str | reports.Table] = [nested, summary_table(scored), *([] if calibrated is None else [calibrated])]
        parts += [class_table(scored), speaker_table(scored)]
        if held_out is not None:
            parts += ["These speakers took part in nothing else:", summary_table(held_out), class_table(held_out), speaker_table(held_out)]
        return parts
    found = _mapping(known.get("cross_validated"))
    rows = []
    for key, name in _MEASURES.items():
        measure = _mapping(found.get(key))
        value, ends = measure.get("value"), _list(measure.get("interval"))
        if isinstance(value, (int, float)):
            defined = len(ends) == 2 and all(isinstance(end, (int, float)) for end in ends)
            interval = reports.format_interval(ends[0], ends[1], _whole(measure.get("speakers")) or n_speakers) if defined else ""
            rows.append([name, f"{value:.3f}", interval])
    if not rows:
        return ["No scores are recorded in the model file."]
    return [reports.Table("Cross-validated (out-of-fold) scores", ["Measure", "Value", "95 % interval"], rows)]


def _calibration(model: EmotionModel) -> str:
    if model.calibration is None:
        return "None: its probabilities are those of the classifier."
    if model.metadata["calibration"] is None:
        return f"{model.calibration.capitalize()}, fitted on rows that it was not trained on; what the members say together is not calibrated again."
    return (
        f"{model.calibration.capitalize()}, fitted on out-of-fold probabilities of the training rows. "
        "The calibration error among the scores is that of maps fitted inside each fold, not of this one."
    )


def _abstention(known: Mapping[str, Any], model: EmotionModel) -> str:
    settings = _mapping(known.get("settings"))
    targets = [
        f"{name.replace('_', ' ')} {settings[name]:g}"
        for name in ("target_coverage", "target_accuracy", "abstention_cost")
        if isinstance(settings.get(name), (int, float))
    ]
    why = f" The threshold was chosen out of fold for a {' and a '.join(targets)}." if targets else ""
    check, sets = _mapping(model.metadata.get("out_of_distribution")), _mapping(model.metadata.get("prediction_sets"))
    if model.threshold is None:
        said = f"It answers at any confidence.{why}" if why else "" if check else "It always answers."
    elif model.threshold > 1:
        said = f"It never answers: its target was not reached in training.{why}"
    else:
        said = f"It gives no answer where the calibrated probability of the best label is below {model.threshold:.4g}.{why}"
    lines = [said] if said else []
    if check:
        distance = f"{check['threshold']:.3g} robust deviations"
        rate = settings.get("out_of_distribution_rate")
        alarms = f" (a false alarm rate of {rate:g} on new speakers)" if isinstance(rate, (int, float)) else ""
        lines.append(f"It gives no answer where the columns lie more than {distance}, on average, from those of the training rows{alarms}.")
    if sets:
        share, score = sets.get("confidence_level"), str(sets["score"]).upper()
        promise = f" for {share:.0%} of the rows of new speakers" if isinstance(share, float) else ""
        lines.append(f"Its prediction sets ({score}) are to hold the true label{promise}, on average over speakers, not for each one.")
    return " ".join(lines)


def _selection(known: Mapping[str, Any], metrics: Mapping[str, Any] | None) -> list[str | reports.Table]:
    final, settings = _mapping(known.get("final")), _mapping(known.get("settings"))
    if not final.get("candidate"):
        return ["How it was selected is not recorded."]
    metric = str(settings.get("selection_metric", "the selection metric")).replace("_", " ")
    candidates = _mapping(_mapping(metrics).get("candidates"))
    text = f"The final model is the candidate {final['candidate']}"
    if not candidates:
        return [f"{text}. No other candidate's score is recorded."]
    parts: list[str | reports.Table] = [
        f"{text}, chosen by {metric} on grouped inner folds of training speakers; the choice inside each outer fold was scored."
    ]
    rows = [[str(name), str(_mapping(result).get("chosen_in_folds", "–"))] for name, result in candidates.items()]
    return [*parts, reports.Table("Candidates", ["Candidate", "Chosen in folds"], rows)]


def _origins(known: Mapping[str, Any], model: EmotionModel) -> reports.Table:
    rows = [["Model hash (SHA-256)", model.model_hash], ["Format of the model file", ".".join(map(str, model.metadata["version"]))]]
    for key, name in (("data_hash", "Training data hash"), ("split_hash", "Split hash"), ("folds_hash", "Folds hash")):
        if model.provenance.get(key):
            rows.append([name, str(model.provenance[key])])
    rows += [[f"Seed: {name}", str(value)] for name, value in _mapping(known.get("seeds")).items()]
    rows += [[f"Version: {name}", str(value)] for name, value in _mapping(model.provenance.get("versions")).items()]
    if known.get("made"):
        rows.append(["Made", str(known["made"])])
    return reports.Table("Where it comes from", ["What", "Value"], rows)
