"""Augmented copies of a run's training clips: made of them alone, added inside training folds, recorded copy by copy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..exceptions import InvalidInputError
from .preparing import Prepared, Stage
from .settings import Settings

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["COPIES_FILE", "augmentation_record", "augmentation_statement", "row_metadata", "with_copies", "write_copies"]

COPIES_FILE = "augmentation.csv"
_CHANGES = {
    "snr_db": "noise at {:g} to {:g} dB",
    "gain_db": "gain of {:g} to {:g} dB",
    "speed": "speed of {:g} to {:g}",
    "semitones": "pitch by {:g} to {:g} semitones",
    "rt60_s": "rooms of {:g} to {:g} s",
}


def with_copies(prepared: Prepared, settings: Settings, progress: Stage = None) -> Prepared:
    """Return the rows with augmented copies of those that may train; as they are where the settings ask for none.

    Raises
    ------
    InvalidInputError
        If the columns are not those of one known feature set, or of several joined by ``+``, or more than ``fail_threshold`` of the clips cannot be
        read again.
    """
    wanted = settings.augmentation
    if wanted.copies == 0:
        return prepared
    from .. import audio
    from ..augmentation import augmented_features

    extractor = prepared.extractor or {}
    if not extractor or prepared.clips is None or prepared.names != audio.feature_names(str(extractor["feature_set"])):
        rule = "0 unless the columns are those of one feature set, or of several joined by '+'"
        raise InvalidInputError(f"augmentation.copies of train must be {rule}; got columns of another make")
    advance: Any = False
    if progress is not None:
        report = progress

        def advance(done: int, total: int) -> None:
            report("Augmenting training clips", done, total)

    rows = np.flatnonzero(~prepared.test & prepared.ok)
    made = augmented_features(
        prepared.clips.iloc[rows],
        n_copies=wanted.copies,
        recipe=wanted.recipe(),
        per="clip" if "speaker" not in prepared.clips else wanted.per or ("speaker" if settings.speaker_normalization else "clip"),
        features=str(extractor["feature_set"]),
        sample_rate_hz=int(extractor["sample_rate_hz"]),
        random_state=settings.seed if wanted.seed is None else wanted.seed,
        n_jobs=settings.n_jobs,
        progress=advance,
    )
    if len(made.failed) > settings.fail_threshold * len(rows):
        first = next(iter(made.failed.values()))
        rule = f"0 unless all but {settings.fail_threshold:.0%} of the training clips (fail_threshold) can be read again"
        raise InvalidInputError(f"augmentation.copies of train must be {rule}; got {len(made.failed)} of {len(rows)} that cannot ({first})")
    copies = replace(made, source=rows[made.source], failed={int(rows[row]): why for row, why in made.failed.items()})
    return replace(prepared, copies=copies)


def row_metadata(prepared: Prepared, rows: NDArray[np.int64]) -> dict[str, Any]:
    """Return what a candidate's ``fit`` is told about rows, beside their groups."""
    told: dict[str, Any] = {"speaker": prepared.speaker[rows]}
    if prepared.take is not None:
        told["recording"] = prepared.take[rows]
    return told if prepared.copies is None else {**told, "clip": rows}


def augmentation_record(prepared: Prepared) -> dict[str, Any]:
    """Return what ``run.json`` and the model file say about the copies: nothing where there are none."""
    copies = prepared.copies
    if copies is None:
        return {}
    recipe = {name: getattr(copies.recipe, name) for name in copies.recipe.__dataclass_fields__}
    a_clip = int(copies.copy.max()) + 1 if len(copies.copy) else 0
    counts = {"copies": a_clip, "made": len(copies.source), "failed": len(copies.failed)}
    return {"augmentation": {**counts, "seed": copies.seed, "per": copies.per, "recipe": recipe}}


def write_copies(prepared: Prepared, folder: Path) -> None:
    """Write one row a copy: the clip that it was made of, and the size of each change."""
    if prepared.copies is None:
        return
    table = prepared.copies.provenance()
    table.insert(0, "filepath", prepared.filepath[table.pop("source").to_numpy()])
    table.to_csv(folder / COPIES_FILE, index=False)


def augmentation_statement(record: Mapping[str, Any]) -> str:
    """Return what reports and model cards say about the copies; empty where there are none."""
    about = record.get("augmentation")
    if not isinstance(about, Mapping):
        return ""
    try:
        recipe = about["recipe"]
        changes = [text.format(*recipe[name]) for name, text in _CHANGES.items() if recipe[name] is not None]
        bands = ", ".join(f"{low:g} to {high:g} Hz" for low, high in recipe["bands_hz"])
        changes += [f"bands {bands}"] if bands else []
        failed = f"; none of {about['failed']:d} clips, which could not be read again" if about["failed"] else ""
        alike = "alike for all clips of a speaker, " if about.get("per") == "speaker" else ""
        made = f"{about['copies']:d} copies a clip, {about['made']:d} in all (seed {about['seed']:d})"
        size = f"{alike}each change with probability {recipe['probability']:g}: {', '.join(changes) or 'none'}{failed}"
        return f"Augmentation inside the training folds: {made}, {size}. Copies are in the folds of their clips; none was scored."
    except (LookupError, TypeError, ValueError):  # a model file says what its maker wrote
        return "Augmented copies took part in the training; how they were made is not recorded in full."
