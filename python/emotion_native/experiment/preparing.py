"""From a manifest or a feature table to rows, labels, groups and parts, with every leak refused."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .._remedies import did_you_mean, suggestion
from .._speaker_statistics import clips_by_speaker, no_takes, speaker_codes
from ..exceptions import InvalidInputError, LeakageError, MediaDecodeError
from .settings import Settings

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from ..audio import QualityRule
    from ..augmentation import AugmentedFeatures

__all__ = [
    "Prepared",
    "Stage",
    "TableOptions",
    "check_failures",
    "check_inputs",
    "check_takes",
    "choose_labels",
    "load_table",
    "prepare",
    "read_source",
    "speaker_key",
    "table_extractor",
    "takes_of",
    "text_column",
]

Stage = Callable[[str, int, int], object] | None


@dataclass(frozen=True)
class Prepared:
    """Rows ready for the folds.

    Attributes
    ----------
    X : float32 array, shape (n, d)
        Features; rows that failed are NaN.
    y, speaker, filepath : array of str, shape (n,)
        Label, speaker and file of each row.
    ok : array of bool, shape (n,)
        Rows whose features exist.
    status : list of str
        ``ok`` or a reason code.
    group : int64 array, shape (n,)
        Component of rows that share a group key; row numbers where the split is ungrouped.
    test : array of bool, shape (n,)
        Rows held out.
    names : list of str
        Column names.
    extractor : dict or None
        ``feature_set``, ``sample_rate_hz`` and ``algorithm_version`` of the columns, sets joined by ``+``; None where they are not those of known
        sets of equal settings.
    content : list of str
        Content key of each row.
    grouped : bool
        Whether groups bind the split.
    left_out : dict of str to int
        Counts of rows left out, by reason.
    notes : list of str
        What reports must say about the data.
    left_out_keys : frozenset of str
        Content keys and files of the rows left out.
    sources : list of dict
        Corpora and licences of the rows that the model learns from; see `datasets.training_sources`.
    flag : list of str
        Why a row that is kept is doubtful (``clipped``, ``noisy``, …), or "".
    enrolled : bool
        Whether test rows are normalised by other clips of their speaker.
    clips : DataFrame or None
        File, start, end and speaker of each row's clip.
    copies : AugmentedFeatures or None
        Augmented copies of training clips; ``source`` counts these rows.
    take : int64 array, shape (n,), or None
        The take of each row: files and segments of one recording or one content; None where each row is one.
    """

    X: NDArray[np.float32]
    y: NDArray[np.str_]
    speaker: NDArray[np.str_]
    filepath: NDArray[np.str_]
    ok: NDArray[np.bool_]
    status: list[str]
    group: NDArray[np.int64]
    test: NDArray[np.bool_]
    names: list[str]
    extractor: dict[str, Any] | None
    content: list[str]
    grouped: bool
    modality: list[str]
    left_out: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    left_out_keys: frozenset[str] = frozenset()
    sources: list[dict[str, Any]] = field(default_factory=list)
    enrolled: bool = False
    flag: list[str] = field(default_factory=list)
    clips: pd.DataFrame | None = None
    copies: AugmentedFeatures | None = None
    take: NDArray[np.int64] | None = None

    @property
    def classes(self) -> list[str]:
        """The sorted labels of the rows that are not held out."""
        return sorted(set(self.y[~self.test].tolist()))


@dataclass(frozen=True)
class TableOptions:
    """How clips become a table and which of them are too poor, by the settings of a run or as a model file has it."""

    features: Sequence[str]
    sample_rate_hz: int
    quality: QualityRule
    cache: bool | str
    n_jobs: int | None

    @classmethod
    def of_settings(cls, settings: Settings) -> TableOptions:
        """Return what a training run asks for."""
        return cls(settings.features, settings.sample_rate_hz, settings.quality.rule(), settings.cache, settings.n_jobs)


def load_table(data: Any, options: TableOptions, progress: Stage = None, *, caller: str = "train") -> Any:
    """Return a feature table: as given, read from a file, or extracted from a manifest (frame, CSV or Parquet); its clips judged by ``quality``."""
    from .. import features

    if isinstance(data, (str, Path)):
        data = read_source(data)
    from ..features._quality import judged

    if isinstance(data, features.FeatureTable):
        return judged(data, options.quality, caller)
    advance: Any = False
    if progress is not None:
        report = progress

        def advance(done: int, total: int) -> None:
            report("Extracting features", done, total)

    from ..features._extract import extract_silently

    table = extract_silently(
        data,
        list(options.features),
        sample_rate_hz=options.sample_rate_hz,
        n_jobs=options.n_jobs,
        progress=advance,
        cache=options.cache,
        quality="off",
    )
    return judged(table, options.quality, caller)


def read_source(path: str | Path) -> Any:
    """Return what a file holds: a feature table, or the rows of a manifest."""
    from .. import datasets, features

    return features.read_table(Path(path)) if _is_feature_table(Path(path)) else datasets.read_manifest(Path(path))


def check_inputs(settings: Settings) -> None:
    """Raise unless the files that say which rows are where exist, before features are extracted.

    Raises
    ------
    InvalidInputError
        If ``split_file`` or ``folds_file`` is no regular file.
    """
    for name, path, kind in (("split_file", settings.split_file, "CSV"), ("folds_file", settings.folds_file, "split")):
        if path is not None and not Path(path).exists():
            raise InvalidInputError(f"{name} of train must be a readable {kind} file; got {path} (No such file or directory)")
        if path is not None and not Path(path).is_file():  # a folder; or a pipe or a device, whose end never comes
            raise InvalidInputError(f"{name} of train must be a regular file; got {path}")


def check_takes(data: Any, settings: Settings) -> None:
    """Raise before features are extracted where the manifest says that no speaker has a second take to be normalised by.

    Equal contents are known only afterwards; `prepare` looks again.

    Raises
    ------
    InvalidInputError
        As the normaliser would, in the first fold.
    """
    if not settings.speaker_normalization or not hasattr(data, "columns"):  # no manifest: a table has its features, and `prepare` its takes
        return
    rows: pd.DataFrame = data.reset_index(drop=True)
    speaker = text_column(rows, "speaker")
    if (speaker == "").any():  # `prepare` says so
        return
    _, part, _, keep = _chosen_rows(rows, settings)
    learned = keep & (part != "test")
    take = takes_of(text_column(rows, "recording"), text_column(rows, "filepath"))
    _refuse_lone_takes(speaker[learned], None if take is None else take[learned])


def _refuse_lone_takes(speaker: NDArray[np.str_], take: NDArray[np.int64] | None) -> None:
    if not clips_by_speaker(speaker_codes(speaker, len(speaker), caller="train"), take):
        raise no_takes("speaker")


def table_extractor(table: Any) -> dict[str, Any] | None:
    """Return how clips became the table's columns, where known feature sets of equal settings made them."""
    found: dict[str, Any] | None = table.extractor
    return found


def _is_feature_table(path: Path) -> bool:
    """Return whether the path holds a stored feature table: Parquet with the table's metadata."""
    if path.suffix.lower() not in (".parquet", ".pq") or not path.is_file():
        return False
    import pyarrow.parquet as pq

    try:
        metadata = pq.read_schema(path).metadata or {}
    except Exception as error:  # pyarrow raises many kinds for a damaged file
        raise InvalidInputError(f"manifest of train must be a whole Parquet file; got {path} ({type(error).__name__})") from None
    return b"emotion_native.feature_table" in metadata


def prepare(table: Any, settings: Settings) -> Prepared:
    """Choose rows and labels, join groups, and hold out what the settings name.

    Raises
    ------
    InvalidInputError
        For fewer than two labels, unknown speakers or labels, no usable rows.
    MediaDecodeError
        When more than ``fail_threshold`` of the clips failed.
    LeakageError
        When held-out rows share a speaker, a recording or content with the others.
    """
    from .. import datasets
    from ..features._quality import notes_of

    rows: pd.DataFrame = table.rows.reset_index(drop=True)
    status = np.asarray([str(value) for value in table.status])
    check_failures(status, settings.fail_threshold)
    content = np.asarray([str(key) for key in table.content_keys])
    label, part, left_out, keep = _chosen_rows(rows, settings)
    left_out_keys = frozenset(content[~keep].tolist()) | frozenset(text_column(rows, "filepath")[~keep].tolist())
    rows, status, content, label, part = rows[keep].reset_index(drop=True), status[keep], content[keep], label[keep], part[keep]
    group = _groups(rows, content, settings)
    prepared = Prepared(
        X=np.ascontiguousarray(np.asarray(table.X, dtype=np.float32)[keep]),
        y=label,
        speaker=text_column(rows, "speaker"),
        filepath=text_column(rows, "filepath"),
        ok=status == "ok",
        status=status.tolist(),
        group=group,
        test=part == "test",
        names=[str(name) for name in table.names],
        extractor=table_extractor(table),
        content=content.tolist(),
        grouped=not settings.allow_ungrouped,
        modality=sorted(set(text_column(rows, "modality").tolist()) - {""}),
        left_out=left_out,
        left_out_keys=left_out_keys,
        sources=datasets.training_sources(rows[(part != "test") & (status == "ok")]),
        enrolled=settings.speaker_normalization,
        flag=table.flags[keep].tolist(),
        clips=rows[[name for name in ("filepath", "start", "end", "speaker") if name in rows]],
        take=takes_of(text_column(rows, "recording"), content),
    )
    if settings.select_k_best is not None and settings.select_k_best > len(prepared.names):
        raise InvalidInputError(f"select_k_best of train must be at most the number of columns, {len(prepared.names)}; got {settings.select_k_best}")
    prepared.notes.extend(notes_of(table, settings.quality.action, keep))
    _check_parts(prepared, settings)
    _check_classes(prepared)
    if settings.speaker_normalization:
        learned = prepared.ok & ~prepared.test
        _refuse_lone_takes(prepared.speaker[learned], None if prepared.take is None else prepared.take[learned])
    return prepared


def _chosen_rows(rows: pd.DataFrame, settings: Settings) -> tuple[NDArray[np.str_], NDArray[np.str_], dict[str, int], NDArray[np.bool_]]:
    """Return label and part of each row, how many are left out for which reason, and which are kept."""
    label = choose_labels(rows, settings.label_column)
    part = _parts(rows, settings)
    left_out: dict[str, int] = {}
    keep = np.ones(len(rows), dtype=bool)
    for reason, mask in (
        ("split is unused", part == "unused"),
        ("label is not among `labels`", _other_labels(label, settings)),
        ("no label", label == ""),
    ):
        if (mask & keep).any():
            left_out[reason] = int((mask & keep).sum())
            keep &= ~mask
    if not keep.any():
        raise InvalidInputError(f"manifest of train must have rows to train on; got none ({', '.join(left_out) or 'no rows'})")
    return label, part, left_out, keep


def text_column(rows: pd.DataFrame, column: str) -> NDArray[np.str_]:
    """Return a column as text, as manifests are read: "anna " is anna, 7.0 is 7; missing values and missing columns are empty."""
    from ..datasets import _manifest

    if column not in rows:
        return np.full(len(rows), "", dtype=np.str_)
    values = rows[column].tolist()
    return np.asarray(_manifest.as_paths(values) if column == "filepath" else [_manifest.as_text(value) for value in values], dtype=np.str_)


def check_failures(status: NDArray[np.str_], threshold: float, *, caller: str = "train") -> None:
    """Raise when more than a share ``threshold`` of the clips failed."""
    failed = int((status != "ok").sum())
    if len(status) == 0:
        raise InvalidInputError(f"manifest of {caller} must have rows; got none")
    if failed == len(status) or failed / len(status) > threshold:
        codes, counts = np.unique(status[status != "ok"], return_counts=True)
        shown = ", ".join(f"{code}: {count}" for code, count in zip(codes, counts, strict=True))
        raise MediaDecodeError(
            f"clips of {caller} must be readable for all but {threshold:.0%} (fail_threshold); got {failed} of {len(status)} failed ({shown}). "
            "`emotion-native validate` names them",
            reason=str(codes[np.argmax(counts)]),
        )


def choose_labels(rows: pd.DataFrame, column: str, *, known: set[str] | None = None, caller: str = "train") -> NDArray[np.str_]:
    """Return the label of each row from the named column; ``auto`` prefers canonical names.

    With ``known`` labels (a model's), ``auto`` takes the column with more rows of these.
    """
    if column == "auto":
        if "label" not in rows and "emotion" not in rows:
            raise InvalidInputError(f"manifest of {caller} must have the column label, or emotion; got {', '.join(map(str, rows.columns[:20]))}")
        canonical, own = text_column(rows, "emotion"), text_column(rows, "label")
        if known is not None:
            column = "emotion" if np.isin(canonical, list(known)).sum() >= np.isin(own, list(known)).sum() else "label"
        else:
            column = "emotion" if len(canonical) and (canonical != "").all() else "label"
    if column not in rows:
        found = did_you_mean(column, map(str, rows.columns))
        raise InvalidInputError(f"label_column of {caller} must be a column of the manifest; got {column!r}{found}")
    return text_column(rows, column)


def _other_labels(label: NDArray[np.str_], settings: Settings) -> NDArray[np.bool_]:
    if not settings.labels:
        return np.zeros(len(label), dtype=bool)
    known = sorted(set(label.tolist()))
    for name in settings.labels:
        if name not in known:
            raise InvalidInputError(f"labels of train must be labels of the manifest; got {name!r}{_did_you_mean(name, known)}")
    return ~np.isin(label, settings.labels)


def _did_you_mean(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.4) or [other for other in known if other.endswith(f"/{name}")][:1]
    return suggestion(near) or f" (there are {', '.join(map(repr, known[:8]))}{', …' if len(known) > 8 else ''})"


def _parts(rows: pd.DataFrame, settings: Settings) -> NDArray[np.str_]:
    """Return ``train``, ``test`` or ``unused`` for each row."""
    part = np.full(len(rows), "train", dtype="<U6")
    speakers = text_column(rows, "speaker")
    if settings.test_speakers:
        known = sorted(set(speakers.tolist()))
        for name in settings.test_speakers:
            if name not in known:
                raise InvalidInputError(f"test_speakers of train must be speakers of the manifest; got {name!r}{_did_you_mean(name, known)}")
        part[np.isin(speakers, settings.test_speakers)] = "test"
    if settings.split_file is not None:
        part = _parts_from_file(rows, Path(settings.split_file))
    return part


def _parts_from_file(rows: pd.DataFrame, path: Path) -> NDArray[np.str_]:
    import pandas as pd

    if path.exists() and not path.is_file():  # a pipe or a device, whose end never comes
        raise InvalidInputError(f"split_file of train must be a regular file; got {path}")
    try:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise InvalidInputError(f"split_file of train must be a readable CSV file; got {path} ({reason})") from None
    key = next((column for column in ("filepath", "speaker") if column in frame.columns), None)
    if key is None or "split" not in frame.columns:
        raise InvalidInputError(f"split_file of train must have the columns `filepath` or `speaker`, and `split`; got {', '.join(frame.columns)}")
    wrong = sorted(set(frame["split"]) - {"train", "test", "unused"})
    if wrong:
        raise InvalidInputError(f"split of split_file must be train, test or unused; got {wrong[0]!r}")
    names = pd.Series(text_column(frame, key).tolist(), dtype=object)
    if names.duplicated().any():
        raise InvalidInputError(f"{key} of split_file must be named once; got {names[names.duplicated()].iloc[0]!r} twice")
    chosen = dict(zip(names, frame["split"], strict=True))
    base = path.resolve().parent
    absolute = {str((base / name).resolve()): value for name, value in chosen.items()} if key == "filepath" else {}
    values = text_column(rows, key).tolist()
    found = [chosen.get(value, absolute.get(str(Path(value).resolve()) if absolute else value)) for value in values]
    if None in found:
        raise InvalidInputError(f"split_file of train must name every {key} of the manifest; got none for {values[found.index(None)]!r}")
    return np.asarray(found, dtype="<U6")


def _groups(rows: pd.DataFrame, content: NDArray[np.str_], settings: Settings) -> NDArray[np.int64]:
    if settings.allow_ungrouped:
        return np.arange(len(rows), dtype=np.int64)
    from ..model_selection import joined_groups

    if "speaker" in settings.group_by and (text_column(rows, "speaker") == "").any():
        raise LeakageError("speaker of the manifest must be known for every row; got an empty cell. Fill it in, or pass --allow-ungrouped")
    columns = {key: content if key == "content" else text_column(rows, key) for key in settings.group_by}
    return np.asarray(joined_groups(columns, keys=settings.group_by), dtype=np.int64)


def takes_of(recording: NDArray[np.str_], content: NDArray[np.str_]) -> NDArray[np.int64] | None:
    """Return the take of each row, which normalisation by the speaker must not take for clips apart; None where each row is one."""
    from .. import _core
    from ..model_selection._groups import encode, recording_codes

    take: NDArray[np.int64] = _core.join_groups([recording_codes(recording), encode(content, missing=True)[0]])
    return take if len(np.unique(take)) < len(take) else None


def _check_parts(prepared: Prepared, settings: Settings) -> None:
    test = prepared.test
    if not test.any():
        if settings.split_file is not None:
            raise InvalidInputError("split_file of train must put rows into `test`; got none")
        return
    if test.all():
        raise InvalidInputError("test_speakers of train must leave speakers to train on; got all of them")
    # Without groups the folds may mix speakers, but held-out rows are still said to have taken part in nothing.
    bound = ("group", prepared.group) if prepared.grouped else ("content", np.asarray(prepared.content))
    for name, key in (("speaker", prepared.speaker), bound):
        shared = np.intersect1d(key[test], key[~test])
        if len(shared):
            row = int(np.flatnonzero(test & np.isin(key, shared))[0])
            raise LeakageError(
                f"held-out rows of train must share no speaker, recording or content with training rows; got a shared {name} at "
                f"{str(prepared.filepath[row])!r} (speaker {str(prepared.speaker[row])!r}). Hold out the other speaker too, or remove the duplicate"
            )


def _check_classes(prepared: Prepared) -> None:
    from ..datasets._labels import GREATEST_LABEL_BYTES, is_trainable_label

    usable = ~prepared.test & prepared.ok
    classes = prepared.classes
    if len(set(prepared.y[usable].tolist())) < 2:
        raise InvalidInputError(f"labels of train must be at least two; got {classes}")
    for label in classes:
        if not is_trainable_label(label):
            raise InvalidInputError(
                f"labels of train must be text of 1 to {GREATEST_LABEL_BYTES} bytes without control characters; got {label[:80]!r}"
            )
    lost = sorted(set(classes) - set(prepared.y[usable].tolist()))
    if lost:
        keep = ",".join(label for label in classes if label not in lost)
        raise InvalidInputError(
            f"labels of train must each have a clip that can be used; got none for {', '.join(map(repr, lost))}, whose clips all failed. "
            f"Repair them (`emotion-native validate` names them), or leave the label out with --labels {keep}"
        )
    unseen = sorted(set(prepared.y[prepared.test].tolist()) - set(classes))
    if unseen:
        raise InvalidInputError(f"labels of held-out rows must occur in training rows; got {', '.join(unseen)}. Leave them out with --labels")
    for label in classes:
        speakers = set(prepared.speaker[usable & (prepared.y == label)].tolist())
        if len(speakers) < 2:
            prepared.notes.append(f"The label “{label}” comes from {len(speakers)} speaker: its score tells nothing about new speakers.")
    if prepared.grouped and len(np.unique(prepared.group[usable])) == np.count_nonzero(usable):
        prepared.notes.append("Each group has one clip, so that the folds keep nothing together: right only where no speaker has two clips.")
    duplicates = len(prepared.content) - len(set(prepared.content))
    if duplicates:
        repeat = "1 clip repeats" if duplicates == 1 else f"{duplicates} clips repeat"
        prepared.notes.append(f"{repeat} the content of another clip; clips of equal content stay on one side of every split.")


def speaker_key(speaker: str) -> str:
    """Return a short hash of a speaker's name: enough to notice the speaker again, without the name in the model file."""
    return hashlib.sha256(f"speaker\x00{speaker}".encode("utf-8", "surrogatepass")).hexdigest()[:16]
