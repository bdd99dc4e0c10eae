"""Scoring a model file on clips of speakers that it has never heard."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .._enrolment import enrolment_places
from .._model_format import training_key
from .._threads import effective_n_jobs
from ..exceptions import InvalidInputError, LeakageError
from ..reports.statements import enrolment_clips
from .preparing import Stage, TableOptions, check_failures, choose_labels, load_table, speaker_key, table_extractor, takes_of, text_column
from .provenance import data_hash, environment, utc_now
from .scored import Scored
from .summary import count_reasons, summarise

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..runtime import EmotionModel

__all__ = ["Evaluation", "evaluate", "score_with_model"]

NOT_ENROLLED = "not_enrolled: the model normalises by speaker, and each clip was scored as an unknown speaker's; enrol (--enrol) uses the others."


@dataclass(frozen=True)
class Evaluation:
    """The result of `evaluate`.

    Attributes
    ----------
    scored : Scored
        Predictions and scores.
    seen : dict
        How many ``speakers`` and ``clips`` the model was trained on; zero unless ``allow_seen``, None where the model file does not tell.
    folder : Path or None
        Where figures, tables and the report lie.
    record : dict
        What ``run.json`` holds.
    """

    scored: Scored
    seen: dict[str, int | None]
    folder: Path | None
    record: dict[str, Any] = field(repr=False)


def score_with_model(
    model: EmotionModel,
    *,
    title: str,
    X: NDArray[np.float32],
    label: NDArray[np.str_],
    speaker: NDArray[np.str_],
    filepath: NDArray[np.str_],
    status: Sequence[str],
    ungrouped: bool = False,
    n_jobs: int | None = None,
    enrolled: bool = False,
    take: NDArray[np.int64] | None = None,
) -> Scored:
    """Predict rows of features by the runtime and score them; failed rows count as abstained and wrong.

    With ``enrolled`` each row is normalised by the other usable rows of its speaker, those of its own ``take`` left out.
    """
    classes = [str(name) for name in model.classes]
    ok = np.asarray([code == "ok" for code in status], dtype=bool)
    n = len(label)
    proba = np.full((n, len(classes)), np.nan)
    predicted = np.full(n, "", dtype=np.asarray([*classes, *label.tolist()]).dtype)
    abstained, strange = np.ones(n, dtype=bool), np.zeros(n, dtype=bool)
    if ok.any():
        rows = np.ascontiguousarray(X[ok], dtype=np.float32)
        who = {"speaker": speaker[ok], "recording": None if take is None else take[ok]} if enrolled else {}
        answers = model.predict_features(rows, n_jobs=n_jobs, **who)
        proba[ok], predicted[ok], abstained[ok] = answers.probabilities, np.asarray(answers.labels).astype(str), answers.abstained
        strange[ok] = answers.out_of_distribution
    why = np.where(strange, "out_of_distribution", np.where(abstained, "low_confidence", "")).tolist()
    reason = [code if code != "ok" else text for code, text in zip(status, why, strict=True)]
    confidence = np.where(ok, np.max(np.where(ok[:, None], proba, 0.0), axis=1), np.nan)
    summary = summarise(classes, label, proba, abstained, speaker, ok, model.provenance.get("class_prior"), ungrouped=ungrouped)
    summary["reasons"] = count_reasons(reason)
    if enrolled:
        summary["enrolment"] = True
    return Scored(title, classes, filepath, label, speaker, np.full(n, -1, dtype=np.int64), proba, predicted, confidence, abstained, reason, summary)


def evaluate(
    model: EmotionModel | str | Path,
    data: Any,
    *,
    output: str | Path | None = None,
    force: bool = False,
    allow_seen: bool = False,
    enrol: bool = False,
    cache: str | bool = False,
    fail_threshold: float = 0.1,
    n_jobs: int | None = None,
    progress: Stage = None,
) -> Evaluation:
    """Score a model on a manifest or feature table of new speakers.

    Parameters
    ----------
    model : EmotionModel or path
        The model.
    data : FeatureTable, DataFrame or path
        Clips with labels that the model knows; rows with other labels are left out and counted.
    output : path or None
        Folder to make, with figures, tables and a report.
    force : bool
        Replace that folder if it exists.
    allow_seen : bool
        Score speakers and clips of the model's training too; the report then says so in its first line.
    enrol : bool
        Normalise each clip by the other clips of its speaker, where the model takes enrolment; the report then says so in its first line.
    cache, fail_threshold, n_jobs : optional
        As the settings of these names.
    progress : callable or None
        Called with (stage, done, total).

    Raises
    ------
    LeakageError
        If speakers or clips took part in the training and ``allow_seen`` is false.
    InvalidInputError, MediaDecodeError
        For bad data, or a table of other features than the model's.

    Examples
    --------
    >>> import emotion_native as en
    >>> sample = en.datasets.load_sample()
    >>> result = en.experiment.evaluate(en.load_model(), sample[sample["split"] == "demo"], cache=False)
    >>> result.scored.n_speakers, result.seen
    (1, {'speakers': 0, 'clips': 0})
    """
    from ..runtime import EmotionModel, load_model
    from .run_folder import check_target, new_folder

    effective_n_jobs(n_jobs, caller="evaluate")  # a wrong number is told before any work
    if output is not None:
        check_target(Path(output), force=force, caller="evaluate")
    loaded = load_model(model) if isinstance(model, (str, Path)) else model
    if not isinstance(loaded, EmotionModel):
        raise InvalidInputError(f"model of evaluate must be a model file or an EmotionModel; got {type(model).__name__}")
    if loaded.label_thresholds is not None:
        remedy = "score predict_features(X).indicators with f1_score of emotion_native.metrics"
        raise InvalidInputError(f"model of evaluate must answer with one class a clip; got one of several labels a clip ({remedy})")
    table = load_table(data, _options_of(loaded, cache, n_jobs), progress, caller="evaluate")
    rows = _choose_rows(loaded, table, fail_threshold)
    seen = _seen(loaded, rows.speaker.tolist(), rows.content.tolist())
    if any(seen.values()) and not allow_seen:
        raise LeakageError(
            f"clips of evaluate must come from speakers outside the model's training; got {seen['speakers'] or 0} speakers and "
            f"{seen['clips'] or 0} clips of its training. Leave them out, or pass allow_seen=True (--allow-seen) and read the scores as inflated"
        )
    scored = score_with_model(
        loaded,
        title="Evaluation",
        X=rows.X,
        label=rows.label,
        speaker=rows.speaker,
        filepath=rows.filepath,
        status=rows.status,
        ungrouped=any(seen.values()),
        n_jobs=n_jobs,
        enrolled=enrol,
        take=rows.take,
    )
    record = _record(loaded, rows, scored, seen)
    if loaded.takes_enrolment and not enrol:
        record["notes"] = [*rows.notes, NOT_ENROLLED]
    if enrol:
        record["enrolment"] = enrolment_clips(*{said.get("clips") for _, said in enrolment_places(loaded.metadata)})
    with nullcontext(None) if output is None else new_folder(output, force=force, caller="evaluate") as folder:
        if folder is not None:
            from .writing import write_evaluation

            write_evaluation(folder, record, scored)
    return Evaluation(scored, seen, None if output is None else Path(output), record)


def _options_of(model: EmotionModel, cache: str | bool, n_jobs: int | None) -> TableOptions:
    """Return how the model's clips become columns, and which of them it refuses: as its file says, whatever a training run may set."""
    from ..audio import QualityRule

    extractor = model.extractor or {"feature_set": "classic", "sample_rate_hz": 16_000}
    known = {name: value for name, value in model.quality.items() if name in QualityRule.__dataclass_fields__}
    return TableOptions([extractor["feature_set"]], int(extractor["sample_rate_hz"]), QualityRule(**known), cache, n_jobs)


@dataclass(frozen=True)
class _Rows:
    """The rows whose labels the model knows."""

    X: NDArray[np.float32]
    label: NDArray[np.str_]
    speaker: NDArray[np.str_]
    filepath: NDArray[np.str_]
    content: NDArray[np.str_]
    status: list[str]
    flag: list[str]
    modality: list[str]
    left_out: dict[str, int]
    notes: list[str]
    take: NDArray[np.int64] | None


def _choose_rows(model: EmotionModel, table: Any, fail_threshold: float) -> _Rows:
    from ..features._quality import notes_of

    classes = [str(name) for name in model.classes]
    same_columns = [str(name) for name in table.names] == [str(name) for name in model.feature_names]
    if not same_columns or (model.extractor and table_extractor(table) != model.extractor):
        raise InvalidInputError(
            "data of evaluate must have the model's feature columns, extracted in the same way; got others. Extract them from the manifest again"
        )
    rows = table.rows.reset_index(drop=True)
    status = np.asarray([str(value) for value in table.status])
    check_failures(status, fail_threshold, caller="evaluate")
    label = choose_labels(rows, "auto", known=set(classes), caller="evaluate")
    known = np.isin(label, classes)
    if not known.any():
        raise InvalidInputError(f"labels of evaluate must be among the model's ({', '.join(classes)}); got {sorted(set(label.tolist()))[:8]}")
    return _Rows(
        X=np.asarray(table.X, dtype=np.float32)[known],
        label=label[known],
        speaker=text_column(rows, "speaker")[known],
        filepath=text_column(rows, "filepath")[known],
        content=np.asarray([str(key) for key in table.content_keys])[known],
        status=status[known].tolist(),
        flag=table.flags[known].tolist(),
        modality=sorted(set(text_column(rows, "modality")[known].tolist()) - {""}),
        left_out=_left_out(label, known),
        notes=notes_of(table, model.quality["action"], known),
        take=takes_of(text_column(rows, "recording")[known], np.asarray([str(key) for key in table.content_keys])[known]),
    )


def _record(model: EmotionModel, rows: _Rows, scored: Scored, seen: dict[str, int | None]) -> dict[str, Any]:
    return {
        "kind": "evaluation",
        "made": utc_now(),
        "data_hash": data_hash(rows.X, model.feature_names, rows.label, rows.content),
        "model_hash": model.model_hash,
        "model_provenance": model.provenance,
        "environment": environment(),
        "ungrouped": any(seen.values()) or bool(model.provenance.get("ungrouped", False)),
        "seen": seen,
        "classes": scored.classes,
        "modality": rows.modality,
        "rows": {
            "test": len(rows.label),
            "failed": sum(code != "ok" for code in rows.status),
            "left_out": rows.left_out,
            "flagged": count_reasons(rows.flag),
        },
        "speakers": {"test": scored.n_speakers},
        "notes": rows.notes,
    }


def _left_out(label: NDArray[np.str_], known: NDArray[np.bool_]) -> dict[str, int]:
    return {f"label {name!r} is unknown to the model": int((label == name).sum()) for name in sorted(set(label[~known].tolist()))}


def _seen(model: EmotionModel, speakers: Sequence[str], content: Sequence[str]) -> dict[str, int | None]:
    """Count speakers and clips that took part in the model's training; None where the model file does not tell."""

    def count(what: str, keys: list[str]) -> int | None:
        trained = model.provenance.get(what)
        if trained is None:
            return None
        known = set(trained)
        return sum(key in known for key in keys)

    return {
        "speakers": count("training_speakers", [speaker_key(name) for name in set(speakers)]),
        "clips": count("training_content", [training_key(key) for key in content]),
    }
