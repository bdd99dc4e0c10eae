"""Training: grouped cross-validation with nested calibration and abstention, the final model, and the run folder."""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .._config import config_context
from .._model_format import training_key
from .._validation import check_path
from ..exceptions import InvalidInputError, LeakageWarning
from ..reports.statements import enrolment_clips
from .augmenting import augmentation_record, row_metadata, with_copies, write_copies
from .calibrating import add_uncalibrated
from .candidates import build_candidates, build_chosen, build_detector, build_ensemble, sampler_options
from .explaining import explain_held_out
from .layers import settings_of_table
from .preparing import Prepared, Stage, TableOptions, check_inputs, check_takes, load_table, prepare, read_source, speaker_key
from .provenance import data_hash, environment, split_hash, utc_now
from .scored import Scored
from .settings import Settings
from .splitting import save_folds, split_rows
from .summary import count_reasons, summarise

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["TrainingRun", "train"]

MODEL_FILE = "model.emotion"
FOLDS_FILE = "folds.split.json"
MOST_CONTENT_KEYS = 200_000  # of the 262,144 values that the header of a model file may hold; beyond, clips of the training are not looked for
# Settings that decide nothing of what is learned: a model file does not depend on them.
NOT_LEARNING = frozenset(
    {"manifest", "output", "force", "format", "cache", "fail_threshold", "test_speakers", "split_file", "n_jobs", "explained_rows"}
)


@dataclass(frozen=True)
class TrainingRun:
    """The result of `train`.

    Attributes
    ----------
    folder : Path
        The run folder.
    model_path : Path
        The model file in it.
    settings : Settings
        The effective settings.
    cross_validated : Scored
        Out-of-fold predictions of all training rows, with nested calibration and thresholds, and their scores.
    held_out : Scored or None
        Predictions of the held-out speakers by the final model, and their scores.
    candidates : dict of str to dict
        For each candidate its own cross-validated summary, and how many outer folds chose it.
    record : dict
        What ``run.json`` holds.
    ungrouped_ : bool
        Whether rows were split without groups.
    repeats : list of dict
        With several seeds, for each the ``seed``, the ``summary`` of its cross-validation and its ``split``.
    """

    folder: Path
    model_path: Path
    settings: Settings
    cross_validated: Scored = field(repr=False)
    held_out: Scored | None = field(repr=False)
    candidates: dict[str, dict[str, Any]] = field(repr=False)
    record: dict[str, Any] = field(repr=False)
    ungrouped_: bool = False
    repeats: list[dict[str, Any]] = field(default_factory=list, repr=False)

    def __repr__(self) -> str:
        held_out = "" if self.held_out is None else f", held_out={self.held_out!r}"
        ungrouped = "; not grouped" if self.ungrouped_ else ""
        return f"TrainingRun({str(self.folder)!r}: {', '.join(self.candidates)}{ungrouped}; cross_validated={self.cross_validated!r}{held_out})"


def train(
    data: Any = None,
    settings: Settings | Mapping[str, Any] | None = None,
    *,
    output: str | Path | None = None,
    force: bool | None = None,
    progress: Stage = None,
    origins: Mapping[str, str] | None = None,
) -> TrainingRun:
    """Train a model and write a run folder.

    The outer folds keep groups (speaker, recording, content) whole. Inside each, calibration, the abstention threshold and the choice
    between candidates use grouped inner folds of the training speakers. The final model's calibrator and threshold are fitted on all
    out-of-fold predictions; nothing is reported from those.

    Parameters
    ----------
    data : FeatureTable, DataFrame, path or None
        A feature table, a manifest, or the path of one; None takes ``settings.manifest``.
    settings : Settings, mapping or None
        How to train; see ``docs/reference/settings.md``.
    output, force : optional
        Instead of the settings of these names.
    progress : callable or None
        Called with (stage, done, total).
    origins : mapping or None
        Where each setting came from, to be stored.

    Returns
    -------
    TrainingRun

    Raises
    ------
    InvalidInputError, MediaDecodeError, LeakageError
        For bad settings or data, too many failed clips, and splits that would leak. No folder is left then.

    Examples
    --------
    >>> import tempfile, emotion_native as en
    >>> sample = en.datasets.load_sample()
    >>> settings = {"forest": {"n_estimators": 10}, "output": tempfile.mkdtemp() + "/run", "cache": False}
    >>> run = en.experiment.train(sample[sample["split"] == "train"], settings)
    >>> run.cross_validated.n_speakers
    5
    """
    from .run_folder import new_folder
    from .writing import write_run

    chosen = _settings(settings, output, force)
    source = chosen.manifest if data is None else data
    if source is None:
        raise InvalidInputError("data of train must be a feature table or a manifest; got None, and the settings name none")
    check_inputs(chosen)
    with new_folder(chosen.output, force=chosen.force) as folder:
        started, times = time.monotonic(), {}
        source = read_source(source) if isinstance(source, (str, Path)) else source
        chosen = settings_of_table(source, chosen)
        check_takes(source, chosen)
        table = load_table(source, TableOptions.of_settings(chosen), progress)
        prepared = with_copies(prepare(table, chosen), chosen, progress)
        write_copies(prepared, folder)
        times["features"] = time.monotonic() - started
        first = _cross_validate(prepared, chosen, progress)
        cross_validated, candidates = first.scored, first.candidates
        repeats, split = _repeats(first, prepared, chosen, folder, progress)
        times["cross_validation"] = time.monotonic() - started - sum(times.values())
        record = _record(prepared, chosen, cross_validated, first.nested, origins)
        record["split"] = split
        record["repeats"] = [{name: repeat[name] for name in ("seed", "split")} for repeat in repeats]
        _final_model(prepared, chosen, first.nested, cross_validated, record, folder, progress)
        explain_held_out(prepared, chosen, first.nested, cross_validated, record, folder, progress)
        times["explanations"] = time.monotonic() - started - sum(times.values())
        held_out = _held_out(prepared, folder / MODEL_FILE, chosen, progress)
        times["final_model"] = time.monotonic() - started - sum(times.values())
        record["seconds"] = {name: round(value, 3) for name, value in times.items()}
        if progress is not None:
            progress("Writing the report", 0, 1)
        write_run(folder, record, cross_validated, held_out, candidates, repeats)
        if progress is not None:
            progress("Writing the report", 1, 1)
    final = Path(chosen.output)
    return TrainingRun(final, final / MODEL_FILE, chosen, cross_validated, held_out, candidates, record, not prepared.grouped, repeats)


def _settings(settings: Settings | Mapping[str, Any] | None, output: str | Path | None, force: bool | None) -> Settings:
    from .layers import settings_from

    if not isinstance(settings, Settings | Mapping | None):
        raise InvalidInputError(f"settings of train must be Settings, a mapping or None; got {type(settings).__name__}")
    if not isinstance(settings, Settings):
        settings = settings_from(settings or {}, "train")
    changes: dict[str, Any] = {}
    if output is not None:
        changes["output"] = str(check_path(output, parameter="output", caller="train"))
    if force is not None:
        changes["force"] = force
    return settings.model_copy(update=changes) if changes else settings


@dataclass(frozen=True)
class _Repeat:
    """One whole cross-validation: its seed, its scores, and what nested evaluation returned."""

    seed: int
    scored: Scored
    nested: Any
    candidates: dict[str, dict[str, Any]]
    splitter: Any


def _cross_validate(prepared: Prepared, settings: Settings, progress: Stage, stage: str = "Cross-validating") -> _Repeat:
    from ..calibration import nested_evaluation

    usable = np.flatnonzero(~prepared.test & prepared.ok)
    folds, inner, splitter = split_rows(prepared, settings)
    candidates = build_candidates(settings, prepared.copies)

    def advance(done: int, total: int) -> None:
        if progress is not None:
            progress(stage, done, total)

    with nullcontext() if prepared.grouped else config_context(ungrouped="allow"), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "each of the .* has one row", LeakageWarning)  # a note of the report says it of clips
        nested = nested_evaluation(
            candidates,
            prepared.X[usable],
            prepared.y[usable],
            groups=prepared.group[usable] if prepared.grouped else None,
            cv=list(folds),
            inner_cv=inner,
            method=None if settings.calibration == "none" else settings.calibration,
            prior_correction=settings.prior_correction,
            target_coverage=settings.target_coverage,
            target_accuracy=settings.target_accuracy,
            abstention_cost=settings.abstention_cost,
            out_of_distribution=build_detector(settings),
            ensemble=build_ensemble(settings),
            selection_metric=settings.selection_metric,
            params=row_metadata(prepared, usable),
            n_jobs=settings.n_jobs,
            progress=advance,
            allow_ungrouped=not prepared.grouped,
        )
    rows = np.flatnonzero(~prepared.test)
    place = np.full(len(prepared.y), -1, dtype=np.int64)
    place[usable] = np.arange(len(usable))
    scored = _scored("Cross-validated (out-of-fold)", prepared, rows, place[rows], nested, nested.proba, nested.abstained, usable)
    if steps := _calibration_steps(settings):
        prior = _fold_priors(prepared, usable, nested, scored.fold)
        scored = add_uncalibrated(scored, np.asarray(nested.proba_raw, dtype=np.float64)[place[rows][scored.ok]], prior, steps)
    return _Repeat(settings.seed, scored, nested, _compare(prepared, rows, place[rows], nested, usable, list(nested.candidate_proba)), splitter)


def _repeats(first: _Repeat, prepared: Prepared, settings: Settings, folder: Path, progress: Stage) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Cross-validate with the other seeds too, write every split, and return the scores of each and what was split how."""
    split = save_folds(first.splitter, prepared, folder / FOLDS_FILE)
    found = [{"seed": first.seed, "summary": first.scored.summary, "split": split}]
    seeds = settings.run_seeds
    for number, seed in enumerate(seeds[1:], start=2):
        again = settings.model_copy(update={"seed": seed})
        repeat = _cross_validate(prepared, again, progress, f"Cross-validating, repeat {number} of {len(seeds)}")
        own = split
        if repeat.nested.folds.hash != split["hash"]:
            own = save_folds(repeat.splitter, prepared, folder / f"folds-{seed}.split.json")
        found.append({"seed": seed, "summary": repeat.scored.summary, "split": own})
    return found if len(found) > 1 else [], split


def _scored(
    title: str,
    prepared: Prepared,
    rows: NDArray[np.int64],
    place: NDArray[np.int64],
    nested: Any,
    proba_ok: Any,
    abstained_ok: Any,
    usable: Any,
) -> Scored:
    """Put predictions of the usable rows among all rows; failed ones get none."""
    classes = [str(label) for label in nested.classes]
    ok = place >= 0
    proba = np.full((len(rows), len(classes)), np.nan)
    proba[ok] = np.asarray(proba_ok, dtype=np.float64)[place[ok]]
    predicted = np.full(len(rows), "", dtype=prepared.y.dtype)
    predicted[ok] = np.asarray(classes, dtype=prepared.y.dtype)[np.argmax(proba[ok], axis=1)]
    abstained = np.ones(len(rows), dtype=bool)
    abstained[ok] = np.asarray(abstained_ok, dtype=bool)[place[ok]]
    fold = np.full(len(rows), -1, dtype=np.int64)
    fold[ok] = np.asarray(nested.fold, dtype=np.int64)[place[ok]]
    fold_of_group = dict(zip(prepared.group[usable].tolist(), np.asarray(nested.fold).tolist(), strict=True)) if prepared.grouped else {}
    fold[~ok] = [fold_of_group.get(group, -1) for group in prepared.group[rows[~ok]].tolist()]
    strange = np.zeros(len(rows), dtype=bool)
    strange[ok] = np.asarray(nested.strange, dtype=bool)[place[ok]] & abstained[ok]
    why = np.where(strange, "out_of_distribution", np.where(abstained, "low_confidence", "")).tolist()
    reason = [text if is_ok else prepared.status[row] for row, is_ok, text in zip(rows.tolist(), ok, why, strict=True)]
    confidence = np.where(ok, np.max(np.where(ok[:, None], proba, 0.0), axis=1), np.nan)
    prior = _fold_priors(prepared, usable, nested, fold)
    label, speaker = prepared.y[rows], prepared.speaker[rows]
    summary = {**summarise(classes, label, proba, abstained, speaker, ok, prior, ungrouped=not prepared.grouped), "reasons": count_reasons(reason)}
    if prepared.enrolled:
        summary["enrolment"] = True
    return Scored(title, classes, prepared.filepath[rows], label, speaker, fold, proba, predicted, confidence, abstained, reason, summary)


def _calibration_steps(settings: Settings) -> list[str]:
    """Return what lies between a classifier's probabilities and those of the report."""
    return [*(["prior correction"] if settings.prior_correction else []), *([settings.calibration] if settings.calibration != "none" else [])]


def _fold_priors(prepared: Prepared, usable: NDArray[np.int64], nested: Any, fold: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return for each row the class shares of its fold's training rows, which its own group is no part of."""
    codes = np.searchsorted(np.asarray(nested.classes).astype(str), prepared.y[usable])
    of_fold = {
        k: np.bincount(codes[np.asarray(nested.fold) != k], minlength=len(nested.classes)) / np.count_nonzero(np.asarray(nested.fold) != k)
        for k in set(fold.tolist())
    }
    return np.stack([of_fold[k] for k in fold.tolist()])


def class_prior(prepared: Prepared) -> list[float]:
    """Return the share of each class among the rows that the final model learns from."""
    y = prepared.y[~prepared.test & prepared.ok]
    return [float((y == label).mean()) for label in prepared.classes]


def _compare(prepared: Prepared, rows: Any, place: Any, nested: Any, usable: Any, names: list[str]) -> dict[str, dict[str, Any]]:
    """Score each candidate by its own out-of-fold probabilities (uncalibrated, no abstention)."""
    if len(names) < 2:
        return {}
    chosen = [str(name) for name in nested.chosen]
    result = {}
    for name in names:
        scored = _scored(name, prepared, rows, place, nested, nested.candidate_proba[name], np.zeros(len(usable), dtype=bool), usable)
        result[name] = {"summary": scored.summary, "chosen_in_folds": chosen.count(name)}
    return result


def _hashes(prepared: Prepared, fold: NDArray[np.int64], rows: NDArray[np.bool_], prefix: str) -> dict[str, str]:
    """Return the hashes of the data and of the split, over some rows."""
    content = np.asarray(prepared.content)[rows].tolist()
    part = np.where(prepared.test, "test", "train")[rows].tolist()
    keys = zip(prepared.filepath[rows].tolist(), content, strict=True)
    return {
        f"{prefix}data_hash": data_hash(prepared.X[rows], prepared.names, prepared.y[rows], content),
        f"{prefix}split_hash": split_hash(keys, fold[rows].tolist(), part),
    }


def _record(prepared: Prepared, settings: Settings, scored: Scored, nested: Any, origins: Mapping[str, str] | None) -> dict[str, Any]:
    fold = np.full(len(prepared.y), -1, dtype=np.int64)
    fold[~prepared.test] = scored.fold
    usable = ~prepared.test & prepared.ok
    return {
        "kind": "training",
        "made": utc_now(),
        **_hashes(prepared, fold, np.ones(len(fold), dtype=bool), ""),
        **_hashes(prepared, fold, ~prepared.test, "training_"),
        "seeds": {"seed": settings.seed, **({"repeats": settings.run_seeds} if len(settings.run_seeds) > 1 else {})},
        "sampling": {"kind": settings.sampling, **sampler_options(settings)},
        **augmentation_record(prepared),
        "settings": settings.model_dump(),
        "origins": dict(origins or {}),
        "environment": environment(),
        "selection": _selection(settings, nested),
        "ungrouped": not prepared.grouped,
        **({"enrolment": enrolment_clips()} if settings.speaker_normalization else {}),
        "group_by": list(settings.group_by) if prepared.grouped else [],
        "classes": scored.classes,
        "class_prior": class_prior(prepared),
        "modality": prepared.modality,
        "rows": {
            "train": int((~prepared.test).sum()),
            "test": int(prepared.test.sum()),
            "failed": int((~prepared.ok).sum()),
            "left_out": dict(prepared.left_out),
            "flagged": count_reasons(prepared.flag),
        },
        "speakers": {"train": scored.n_speakers, "test": len(set(prepared.speaker[prepared.test].tolist()))},
        "groups": len(np.unique(prepared.group[~prepared.test])),
        "folds": len(set(scored.fold[scored.fold >= 0].tolist())),
        "features": {"columns": len(prepared.names), "extractor": prepared.extractor},
        "training_sources": prepared.sources,
        "label_counts": {label: int((prepared.y[usable] == label).sum()) for label in scored.classes},
        "thresholds_in_folds": [None if value is None else float(value) for value in nested.thresholds],
        "target_reached_in_folds": [bool(value) for value in nested.reached],
        "chosen_in_folds": [str(name) for name in nested.chosen],
        "notes": list(prepared.notes),
    }


def _selection(settings: Settings, nested: Any) -> dict[str, Any]:
    """Return what the candidates were chosen on: every score of every candidate, in each outer fold and for the final model."""
    folds = [
        {"fold": k, **split, "scores": scores, "chosen": chosen}
        for k, (split, scores, chosen) in enumerate(zip(nested.selection, nested.inner_scores, nested.chosen, strict=True))
    ]
    final = {"scores": nested.final.scores, "chosen": str(nested.final.candidate)}
    if nested.members:
        folds = [{**fold, "members": members} for fold, members in zip(folds, nested.members, strict=True)]
        final["members"] = list(nested.final.members)
    return {"metric": settings.selection_metric, "folds": folds, "final": final}


def _final_model(prepared: Prepared, settings: Settings, nested: Any, scored: Scored, record: dict[str, Any], folder: Path, progress: Stage) -> None:
    """Fit the chosen candidate on all training rows and save it with the calibrator and threshold of all out-of-fold predictions."""
    from .. import persistence

    if progress is not None:
        progress("Fitting the final model", 0, 1)
    final = nested.final
    usable = ~prepared.test & prepared.ok
    X, y = prepared.X[usable], prepared.y[usable]
    fitted = build_chosen(str(final.candidate), final.members, settings, prepared.copies)
    groups = prepared.group[usable] if prepared.grouped else None
    fitted.fit(X, y, groups=groups, **row_metadata(prepared, np.flatnonzero(usable)))
    # Where the target was not reached nothing is answered, not even at a confidence of 1.
    threshold = final.threshold if final.reached else persistence.NEVER_ANSWERS
    record["final"] = {"candidate": str(final.candidate), "threshold": None if threshold is None else float(threshold)}
    if final.members:
        record["final"]["members"] = list(final.members)
    rng = np.random.default_rng(settings.seed)
    background = X[np.sort(rng.choice(len(X), size=min(settings.background_rows, len(X)), replace=False))]
    content = sorted({training_key(key) for key, kept in zip(prepared.content, usable, strict=True) if kept})
    kept_keys = ("seeds", "sampling", "ungrouped", "group_by", "class_prior", "training_sources", "label_counts", "folds", "features", "final")
    provenance = {key: record[key] for key in (*kept_keys, "enrolment", "augmentation") if key in record}
    provenance["data_hash"], provenance["split_hash"] = record["training_data_hash"], record["training_split_hash"]
    provenance["folds_hash"] = record["split"]["hash"]
    provenance["n_speakers"] = scored.n_speakers
    provenance["settings"] = {key: value for key, value in record["settings"].items() if key not in NOT_LEARNING}
    provenance["training_speakers"] = sorted({speaker_key(name) for name in prepared.speaker[usable].tolist()})
    if len(content) <= MOST_CONTENT_KEYS:
        provenance["training_content"] = content
    provenance["cross_validated"] = headline(scored)
    provenance["intended_use"] = _intended_use()
    record["model_hash"] = persistence.save_model(
        fitted,
        folder / MODEL_FILE,
        extractor=prepared.extractor,
        threshold=threshold,
        calibrator=final.calibrator,
        out_of_distribution=final.detector,
        background=background,
        feature_names=prepared.names,
        provenance=provenance,
        quality=None if prepared.extractor is None else settings.quality.model_dump(),
    )
    if "pkl" in settings.format:
        # What the pipeline alone does not hold travels as attributes; `predict_proba` of the pickled pipeline stays uncalibrated.
        fitted.calibrator_, fitted.threshold_, fitted.extractor_ = final.calibrator, threshold, prepared.extractor
        fitted.detector_ = final.detector
        persistence.save_pickle(fitted, folder / "classifier.pkl")
    if progress is not None:
        progress("Fitting the final model", 1, 1)


def headline(scored: Scored) -> dict[str, Any]:
    """Return the numbers that travel with the model file."""
    from .summary import measures

    return {
        row.key: {"value": row.value, "interval": None if row.low is None else [row.low, row.high], "speakers": scored.n_speakers}
        for row in measures(scored.summary)
        if row.key in ("balanced_accuracy", "accuracy", "expected_calibration_error", "coverage", "selective_accuracy")
    }


def _intended_use() -> str:
    from ..reports import INTENDED_USE

    return INTENDED_USE


def _held_out(prepared: Prepared, model_path: Path, settings: Settings, progress: Stage) -> Scored | None:
    """Score the saved model on the held-out speakers, through the runtime that users run."""
    if not prepared.test.any():
        return None
    from ..runtime import load_model
    from .evaluation import score_with_model

    if progress is not None:
        progress("Scoring held-out speakers", 0, 1)
    rows = np.flatnonzero(prepared.test)
    scored = score_with_model(
        load_model(model_path),
        title="Held-out speakers",
        X=prepared.X[rows],
        label=prepared.y[rows],
        speaker=prepared.speaker[rows],
        filepath=prepared.filepath[rows],
        status=[prepared.status[row] for row in rows],
        n_jobs=settings.n_jobs,
        enrolled=settings.speaker_normalization,
        take=None if prepared.take is None else prepared.take[rows],
    )
    if progress is not None:
        progress("Scoring held-out speakers", 1, 1)
    return scored
