"""The feature table: a float32 matrix, what its columns mean, the manifest rows and one status a row."""

from __future__ import annotations

import html
import json
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from .. import _core
from .._files import write_whole
from .._validation import check_path
from ..exceptions import InvalidInputError

RESERVED = ("status", "message", "content_key")
SCHEMA_COLUMNS = ("name", "unit", "extractor", "parameters", "hash")


def check_row_columns(rows: pd.DataFrame, names: Sequence[str], source: str) -> None:
    """Refuse manifest columns whose names the table needs for its own."""
    taken = {*RESERVED, *names}
    clash = [str(name) for name in rows.columns if str(name) in taken or str(name).startswith("info.")]
    if clash:
        raise InvalidInputError(f"columns of {source} must differ from those of the feature table; got {clash[0]!r}. Remedy: rename it")


@dataclass(eq=False)
class FeatureTable:
    """Features of the clips of a manifest, in manifest order.

    Attributes
    ----------
    X : float32 array of shape (n_rows, n_columns), C-contiguous
        The values. Rows that failed are NaN; rows with status ``ok`` are finite.
    names : list of str
        The column names.
    schema : DataFrame
        One row a column: ``name, unit, extractor, parameters`` (JSON), ``hash`` (of extractor, version and parameters).
    rows : DataFrame
        The manifest rows.
    status : array of str
        ``ok`` or a reason code: ``corrupt``, ``unsupported_format``, ``no_audio_track``, ``too_short``, ``silent``, ``not_found``, …
    messages : array of str
        What went wrong with a row; empty for ``ok``.
    content_keys : array of str
        SHA-256 of the content of each row's file: rows with equal keys are the same recording and belong to one group. Rows that failed have keys of
        their own.
    info : DataFrame
        What decoding told about each clip: ``duration_s, sample_rate_hz, channels, peak, rms_dbfs, clipped_ratio, warnings``; its quality, as
        ``quality_snr_db`` and the like (`audio.signal_quality`); ``flag``, why a clip that is kept is doubtful.

    Examples
    --------
    >>> import emotion_native as en
    >>> table = en.features.extract(en.datasets.load_sample().head(3), progress=False, cache=False)
    >>> table.ok.all(), len(table), table.select([0]).X.shape
    (np.True_, 3, (1, 1116))
    """

    X: npt.NDArray[np.float32]
    names: list[str]
    schema: pd.DataFrame
    rows: pd.DataFrame
    status: npt.NDArray[np.object_]
    messages: npt.NDArray[np.object_]
    content_keys: npt.NDArray[np.object_]
    info: pd.DataFrame = field(default_factory=pd.DataFrame)

    def __post_init__(self) -> None:
        n, width = self.X.shape if self.X.ndim == 2 else (-1, -1)
        if self.X.dtype != np.float32 or not self.X.flags.c_contiguous or n < 0:
            raise InvalidInputError(f"X of FeatureTable must be a C-contiguous float32 matrix; got {self.X.dtype} of shape {self.X.shape}")
        if len(self.names) != width or len(set(self.names)) != width or self.schema["name"].tolist() != self.names:
            raise InvalidInputError(f"names of FeatureTable must be {width} different names, as in schema; got {len(self.names)}")
        for name in ("rows", "status", "messages", "content_keys"):
            if len(getattr(self, name)) != n:
                raise InvalidInputError(f"{name} of FeatureTable must have {n} entries, one a row of X; got {len(getattr(self, name))}")
        check_row_columns(self.rows, self.names, "rows of FeatureTable")

    def __len__(self) -> int:
        return len(self.X)

    @property
    def ok(self) -> npt.NDArray[np.bool_]:
        """The mask of the rows whose features could be computed."""
        return np.asarray(self.status == "ok", dtype=bool)

    @property
    def flags(self) -> npt.NDArray[np.object_]:
        """Why each row that is kept is doubtful: ``clipped``, ``noisy``, …, or ""; its status is ``ok`` all the same."""
        texts = self.info["flag"].tolist() if "flag" in self.info.columns else [""] * len(self)
        return np.array([str(text).partition(":")[0] for text in texts], dtype=object)

    @property
    def extractor(self) -> dict[str, Any] | None:
        """How clips became the columns, as `save_model` takes it; None where these are not known feature sets of equal settings."""
        made = list(dict.fromkeys((str(name), str(text)) for name, text in zip(self.schema["extractor"], self.schema["parameters"], strict=True)))
        if len({text for _, text in made}) != 1:
            return None
        try:
            parameters = json.loads(made[0][1])
            name = "+".join(name for name, _ in made)
            _core.feature_names(name)  # raises where no such set is known
            return {"feature_set": name, "sample_rate_hz": int(parameters["sample_rate_hz"]), "algorithm_version": int(parameters["version"])}
        except (ValueError, KeyError, TypeError):
            return None

    def select(self, mask: npt.ArrayLike) -> FeatureTable:
        """Return the table of some rows.

        Parameters
        ----------
        mask : array of bool of length n_rows, or of row positions
            Which rows, in which order.
        """
        index = np.asarray(mask)
        if index.dtype == bool and index.shape != (len(self),):
            raise InvalidInputError(f"mask of select must have {len(self)} entries; got the shape {index.shape}")
        if index.dtype != bool:
            if index.size == 0:
                index = index.astype(np.int64)
            if index.ndim != 1 or index.dtype.kind not in "iu" or np.any((index < 0) | (index >= len(self))):
                raise InvalidInputError(f"mask of select must be bool or row positions from 0 to {len(self) - 1}; got {mask!r}")
        places = np.flatnonzero(index) if index.dtype == bool else index
        return FeatureTable(
            X=np.ascontiguousarray(self.X[places]),
            names=list(self.names),
            schema=self.schema,
            rows=self.rows.iloc[places].reset_index(drop=True),
            status=self.status[places],
            messages=self.messages[places],
            content_keys=self.content_keys[places],
            info=self.info.iloc[places].reset_index(drop=True),
        )

    def to_frame(self) -> pd.DataFrame:
        """Return manifest columns, status, message, content key and features side by side, texts among them.

        To train on a frame take the matrix and its names alone: ``pd.DataFrame(table.X, columns=table.names)``.
        """
        known = pd.DataFrame({"status": self.status, "message": self.messages, "content_key": self.content_keys})
        return pd.concat([self.rows.reset_index(drop=True), known, pd.DataFrame(self.X, columns=pd.Index(self.names))], axis=1)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the table: whole or not at all.

        Parameters
        ----------
        path : path
            Ends in ``.parquet`` (read again by `read_table`, bit for bit) or ``.csv`` (for other programs).

        Raises
        ------
        InvalidInputError
            If the ending is another.
        OSError
            If the disk is full or the folder cannot be written; an older file at that place stays as it was.
        """
        self._save(check_path(path, parameter="path", caller="save"), None)

    def _save(self, target: Path, scratch: Path | None) -> None:
        from ._parquet import write_parquet

        ending = target.suffix.lower()
        if ending == ".parquet":
            write_whole(target, lambda file: write_parquet(self, file), scratch=scratch)
        elif ending == ".csv":
            frame = self.to_frame()
            write_whole(target, lambda file: frame.to_csv(file, index=False, encoding="utf-8", lineterminator="\n"), scratch=scratch)
        else:
            raise InvalidInputError(f"path of save must end in .parquet or .csv; got {str(target)!r}")

    def summary(self) -> dict[str, int]:
        """Return the number of rows of each status, ``ok`` first."""
        counts = Counter(str(status) for status in self.status)
        return {"ok": counts.pop("ok", 0), **dict(sorted(counts.items()))}

    def flagged(self) -> dict[str, int]:
        """Return the number of rows that are kept and doubtful, by reason."""
        return dict(sorted(Counter(str(flag) for flag in self.flags if flag).items()))

    def __repr__(self) -> str:
        sets = ", ".join(self.schema["extractor"].drop_duplicates())
        counts = ", ".join(f"{n} {status}" for status, n in self.summary().items())
        doubtful = ", ".join(f"{n} {reason}" for reason, n in self.flagged().items())
        return f"FeatureTable({len(self)} rows: {counts}{f' (flagged: {doubtful})' if doubtful else ''}; {len(self.names)} columns: {sets})"

    def _repr_html_(self) -> str:
        shown = min(len(self.names), 6)
        left = [name for name in ("filepath", "label", "speaker") if name in self.rows.columns]
        frame: Any = self.rows[left].head(5).assign(status=self.status[:5])
        frame = frame.assign(**{name: self.X[:5, column] for column, name in enumerate(self.names[:shown])})
        return f"<div><p>{html.escape(repr(self))}</p>{frame.to_html(index=False)}</div>"


def read_table(path: str | os.PathLike[str]) -> FeatureTable:
    """Read a feature table that `FeatureTable.save` or `extract` wrote as Parquet.

    Parameters
    ----------
    path : path
        The file.

    Returns
    -------
    FeatureTable
        The same values, bit for bit.

    Raises
    ------
    InvalidInputError
        If the file is absent, truncated, altered, no feature table, or written by a newer version.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import emotion_native as en
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "features.parquet"
    >>> en.features.extract(en.datasets.load_sample().head(2), progress=False, cache=False).save(path)
    >>> read_table(path).status.tolist()
    ['ok', 'ok']
    """
    from ._parquet import read_parquet

    return read_parquet(check_path(path, parameter="path", caller="read_table"))
