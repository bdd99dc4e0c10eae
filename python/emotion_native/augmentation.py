"""Augmented copies of clips for training: made once, added inside training folds alone, each with its source's label, group and speaker.

Examples
--------
>>> import emotion_native as en
>>> sample = en.datasets.load_sample().head(2)
>>> copies = en.augmentation.augmented_features(sample, n_copies=2, progress=False)
>>> copies.X.shape, copies.source.tolist()
((4, 1116), [0, 0, 1, 1])
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator

from . import audio
from ._progress import Progress, progress_reporter
from ._threads import effective_n_jobs
from ._unknown_speakers import is_unknown
from ._validation import check_seed
from .audio._arrays import sampling_rate
from .audio.augment import LOWEST_BAND_RATE_HZ, Recipe
from .datasets._manifest import SOUNDLESS, as_text, read_clips
from .exceptions import EmotionNativeError, InvalidInputError

__all__ = ["AugmentedCopies", "AugmentedFeatures", "augmented_features"]


@dataclass(frozen=True, eq=False)
class AugmentedFeatures:
    """Features of augmented copies, and where each comes from. Immutable: copies of estimators share it.

    Attributes
    ----------
    X : ndarray of shape (n_copies_made, n_columns), float32
    names : list of str
        Columns.
    source : ndarray of int64 of shape (n_copies_made,)
        The row of the manifest that a copy was made of, in order.
    copy : ndarray of int64 of shape (n_copies_made,)
        Its number among the copies of this row.
    parameters : list of dict
        What was done to it, with sizes.
    recipe : Recipe
    seed : int
    failed : dict of int to str
        Rows of which no copy could be made, and why.
    per : {"clip", "speaker"}
        Whether clips of a speaker were changed each in its own way, or alike.
    """

    X: npt.NDArray[np.float32]
    names: list[str]
    source: npt.NDArray[np.int64]
    copy: npt.NDArray[np.int64]
    parameters: list[dict[str, Any]]
    recipe: Recipe
    seed: int
    failed: dict[int, str]
    per: str = "clip"

    def __deepcopy__(self, memo: Any) -> AugmentedFeatures:
        return self

    def provenance(self) -> pd.DataFrame:
        """Return one row a copy: ``source``, ``copy``, and the size of each change, NaN where it was not made."""
        table = pd.DataFrame({"source": self.source, "copy": self.copy})
        return pd.concat([table, pd.DataFrame(self.parameters, index=table.index)], axis=1)


def augmented_features(
    manifest: pd.DataFrame | str | os.PathLike[str],
    *,
    n_copies: int = 1,
    recipe: Recipe | None = None,
    per: str = "clip",
    features: str | Sequence[str] = "classic",
    sample_rate_hz: int = 16_000,
    root: str | os.PathLike[str] | None = None,
    random_state: Any = 0,
    n_jobs: int | None = None,
    progress: Progress = None,
) -> AugmentedFeatures:
    """Make augmented copies of every clip of a manifest, and extract their features.

    A copy's random numbers are keyed by the seed, the content of the clip (or the name of the speaker) and the number of the copy: the same clip
    gives the same copies in any manifest and for any ``n_jobs``.

    Parameters
    ----------
    manifest : DataFrame or path
        As for `emotion_native.features.extract`: only ``filepath`` is needed, ``start``, ``end`` and ``modality`` are honoured.
    n_copies : int, default=1
    recipe : Recipe, optional
        What may be done; by default `emotion_native.audio.augment.Recipe`'s own bounds.
    per : {"clip", "speaker"}, default="clip"
        ``"speaker"``: the copies of one number of all clips of a speaker (the column ``speaker``) are changed alike, so that they are the clips of
        another, virtual speaker, whom `SpeakerNormalizer` takes for one. Clips of an unknown speaker are changed each in its own way.
    features : str or sequence of str, default="classic"
        The feature set, or several: their names, or one text that joins them by ``+``, as `emotion_native.features.extract` takes them. Columns of
        ``quality`` are those of the clip that a copy is of: they are measured in the file, at its own rate, and copies are made of what was decoded
        for the model.
    sample_rate_hz : int, default=16000
    root : path, optional
        The folder that relative paths start from; by default the folder of the manifest's file, or the working folder for a DataFrame.
    random_state : None, int, RandomState or Generator, default=0
    n_jobs : int or None
    progress : callable, bool or None

    Returns
    -------
    AugmentedFeatures

    Raises
    ------
    InvalidInputError
        If an argument or the manifest breaks a rule. Clips that cannot be read, and rows without sound, are left out and told in ``failed``.

    Examples
    --------
    >>> import emotion_native as en
    >>> recipe = en.audio.augment.Recipe(speed=None, semitones=None)
    >>> copies = augmented_features(en.datasets.load_sample().head(1), n_copies=3, recipe=recipe, progress=False)
    >>> copies.X.shape, "speed" in copies.provenance()
    ((3, 1116), False)
    """
    caller = "augmented_features"
    if isinstance(n_copies, bool) or not isinstance(n_copies, (int, np.integer)) or n_copies < 1:
        raise InvalidInputError(f"n_copies of {caller} must be a whole number from 1 up; got {n_copies!r}")
    if recipe is not None and not isinstance(recipe, Recipe):
        raise InvalidInputError(f"recipe of {caller} must be a Recipe or None; got {type(recipe).__name__}")
    rate = sampling_rate(sample_rate_hz, "sample_rate_hz", caller, low=LOWEST_BAND_RATE_HZ)
    rows, clips = read_clips(manifest, root, caller=caller)
    if per not in ("clip", "speaker") or (per == "speaker" and "speaker" not in rows):
        raise InvalidInputError(f"per of {caller} must be 'clip', or 'speaker' for a manifest with the column speaker; got {per!r}")
    voices = _voices(rows) if per == "speaker" else [None] * len(rows)
    seed, own = check_seed(random_state, caller=caller), recipe or Recipe()
    sets, names = _feature_sets(features, caller)
    measured = np.array([sets == "quality" or name.startswith("quality:") for name in names], dtype=bool)
    paths, modality = clips["path"].tolist(), clips["modality"].tolist()
    starts, ends = (clips[name].to_numpy(dtype=np.float64) for name in ("start", "end"))

    def work(row: int) -> list[tuple[npt.NDArray[np.float32], dict[str, Any]]] | str:
        if modality[row] in SOUNDLESS:
            return SOUNDLESS[modality[row]]
        try:
            offset = 0.0 if np.isnan(starts[row]) else float(starts[row])
            duration = None if np.isnan(ends[row]) else float(ends[row]) - offset
            y, _ = audio.load(paths[row], sr=rate, offset=offset, duration=duration)
            clip = int.from_bytes(hashlib.sha256(np.ascontiguousarray(y).tobytes()).digest()[:8], "little")
            quality = _quality(paths[row], rate, starts[row], ends[row]) if measured.any() else None
            made = []
            for number in range(int(n_copies)):
                changed, done = audio.augment.apply(y, sr=rate, recipe=own, seed=seed, clip=clip, copy=number, voice=voices[row])
                vector = audio.functionals(changed, rate, sets)
                if quality is not None:
                    vector[measured] = quality
                made.append((vector, dict(done)))
            return made
        except EmotionNativeError as error:
            return str(error)

    found: list[Any] = []
    with (
        ThreadPoolExecutor(effective_n_jobs(n_jobs, caller=caller)) as pool,
        progress_reporter(progress, "Augmenting", len(paths), caller=caller) as advance,
    ):
        for done, one in enumerate(pool.map(work, range(len(paths)))):
            found.append(one)
            advance(done + 1)
    kept = [(row, number, *copy) for row, one in enumerate(found) if not isinstance(one, str) for number, copy in enumerate(one)]
    return AugmentedFeatures(
        X=np.stack([copy[2] for copy in kept]) if kept else np.zeros((0, len(names)), dtype=np.float32),
        names=names,
        source=np.array([copy[0] for copy in kept], dtype=np.int64),
        copy=np.array([copy[1] for copy in kept], dtype=np.int64),
        parameters=[copy[3] for copy in kept],
        recipe=own,
        seed=seed,
        failed={row: one for row, one in enumerate(found) if isinstance(one, str)},
        per=per,
    )


def _quality(path: str, rate: int, start: float, end: float) -> npt.NDArray[np.float32]:
    """Return the columns of the set ``quality`` of a clip, measured as extraction measures them: at the file's own rate, before mixing down."""
    from . import _core

    times = [None if np.isnan(time) else float(time) for time in (start, end)]
    vector: npt.NDArray[np.float32] = _core.extract_functionals(path, "quality", rate, *times)[0]
    return vector


def _feature_sets(features: Any, caller: str) -> tuple[str, list[str]]:
    """Return feature sets as one name, and their columns."""
    names = [features] if isinstance(features, str) else list(features) if isinstance(features, Iterable) else [features]
    sets = "+".join(name if isinstance(name, str) else repr(name) for name in names)
    try:
        return sets, audio.feature_names(sets)
    except InvalidInputError:
        rule = "different names of feature sets ('classic', 'egemaps', 'full', 'quality')"
        raise InvalidInputError(f"features of {caller} must be {rule}; got {features!r:.80}") from None


def _voices(manifest: pd.DataFrame) -> list[int | None]:
    """Return a number for each row's speaker; None where it is unknown."""
    names = [None if is_unknown(name) else as_text(name) for name in manifest["speaker"].tolist()]
    return [None if name is None else int.from_bytes(hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()[:8], "little") for name in names]


class AugmentedCopies(BaseEstimator):  # type: ignore[misc]  # scikit-learn is untyped
    """A sampler that adds the augmented copies of its training rows, and of no others.

    In a pipeline it acts in ``fit`` only, so that test rows are never copies, and copies of test rows never train. A copy has its source's
    label, weight, group, speaker and recording.

    Parameters
    ----------
    copies : AugmentedFeatures
        Of the manifest whose rows `fit_resample` is given.
    n_copies : int or None
        At most so many a row; None: all.

    Attributes
    ----------
    sample_indices_ : ndarray of int64 of shape (n_samples_new,)
        For each row of the result, the given row that it is, or is a copy of; given rows come first.
    copy_indices_ : ndarray of int64 of shape (n_samples_new,)
        The row of ``copies.X`` that it is; -1 for given rows.
    row_metadata_ : dict
        ``voice`` where copies were made ``per="speaker"``: 0 for given rows, else 1 + the number of the copy. The pipeline hands it to the steps that
        ask for it.

    Examples
    --------
    >>> import numpy as np
    >>> import emotion_native as en
    >>> sample = en.datasets.load_sample().head(3)
    >>> table = en.features.extract(sample, progress=False, cache=False)
    >>> copies = en.augmentation.augmented_features(sample, progress=False)
    >>> sampler = en.augmentation.AugmentedCopies(copies)
    >>> X, y = sampler.fit_resample(table.X[[0, 2]], ["calm", "happy"], clip=[0, 2])
    >>> X.shape, sampler.sample_indices_.tolist(), sampler.copy_indices_.tolist()
    ((4, 1116), [0, 1, 0, 1], [-1, -1, 0, 2])
    """

    def __init__(self, copies: AugmentedFeatures | None = None, *, n_copies: int | None = None) -> None:
        self.copies = copies
        self.n_copies = n_copies

    def fit(self, X: Any, y: Any = None, clip: Any = None) -> AugmentedCopies:
        """Do what `fit_resample` does, without the rows."""
        self.fit_resample(X, y, clip)
        return self

    def fit_resample(self, X: Any, y: Any, clip: Any = None) -> tuple[Any, Any]:
        """Return the rows followed by their copies.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        clip : array-like of int of shape (n_samples,)
            The row of the manifest that each row is of: the row metadata ``clip`` of cross-validation.

        Raises
        ------
        InvalidInputError
            If ``clip`` is missing, not one row number a row, or not of the manifest of the copies, or columns differ from those of the copies.
        """
        caller = "AugmentedCopies.fit_resample"
        if not isinstance(self.copies, AugmentedFeatures):
            raise InvalidInputError(f"copies of AugmentedCopies must be what augmented_features returned; got {type(self.copies).__name__}")
        if self.n_copies is not None and (isinstance(self.n_copies, bool) or not isinstance(self.n_copies, (int, np.integer)) or self.n_copies < 0):
            raise InvalidInputError(f"n_copies of AugmentedCopies must be a whole number from 0 up or None; got {self.n_copies!r}")
        rows, labels = np.asarray(X), np.asarray(y)
        number = np.asarray([] if clip is None else clip)
        if number.shape != (len(rows),) or (len(rows) and number.dtype.kind not in "iu"):
            rule = "the row of the manifest of each row (params={'clip': numpy.arange(n)} in cross-validation)"
            raise InvalidInputError(f"clip of {caller} must be {rule}; got shape {number.shape}, {number.dtype if clip is not None else None}")
        if rows.ndim != 2 or rows.shape[1] != self.copies.X.shape[1]:
            raise InvalidInputError(f"X of {caller} must have the {self.copies.X.shape[1]} columns of the copies; got shape {rows.shape}")
        if hasattr(X, "columns") and list(X.columns) != self.copies.names:
            raise InvalidInputError(f"X of {caller} must have the columns of the copies in their order; got {list(X.columns)!r:.80}")
        if labels.shape != (len(rows),):
            raise InvalidInputError(f"y of {caller} must be one label a row ({len(rows)}); got shape {labels.shape}")
        if len(unknown := np.setdiff1d(number, [*self.copies.source.tolist(), *self.copies.failed])):
            raise InvalidInputError(f"clip of {caller} must be rows of the manifest that the copies were made of; got {int(unknown[0])}")
        usable = np.ones(len(self.copies.source), dtype=bool) if self.n_copies is None else self.copies.copy < self.n_copies
        of_clip: dict[int, list[int]] = {}
        for place in np.flatnonzero(usable).tolist():
            of_clip.setdefault(int(self.copies.source[place]), []).append(place)
        pairs = [(i, place) for i, one in enumerate(number.tolist()) for place in of_clip.get(int(one), ())]
        sources = np.array([pair[0] for pair in pairs], dtype=np.int64)
        places = np.array([pair[1] for pair in pairs], dtype=np.int64)
        self.sample_indices_ = np.concatenate([np.arange(len(rows)), sources])
        self.copy_indices_ = np.concatenate([np.full(len(rows), -1), places])
        voice = np.concatenate([np.zeros(len(rows), dtype=np.int64), 1 + self.copies.copy[places]])
        self.row_metadata_ = {"voice": voice} if self.copies.per == "speaker" else {}
        return np.concatenate([rows, self.copies.X[places].astype(rows.dtype)]), labels[self.sample_indices_]
