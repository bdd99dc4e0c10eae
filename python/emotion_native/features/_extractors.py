"""The feature sets that tables are made of: names, units, settings, and the keys under which their values are cached."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ..exceptions import InvalidInputError

CACHE_LAYOUT = 1
_UNITS = (("centroid", "Hz"), ("bandwidth", "Hz"), ("rolloff", "Hz"), ("contrast", "dB"), ("logmel", "dB"), ("log_mel", "dB"), ("mel", "dB"))


def canonical_json(value: Any) -> str:
    """Return JSON with one spelling for one value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


@dataclass(frozen=True)
class Extractor:
    """One feature set with its settings."""

    name: str
    sample_rate_hz: int
    version: int
    columns: tuple[str, ...]

    @property
    def parameters(self) -> dict[str, Any]:
        """The settings that decide the values."""
        return {"sample_rate_hz": self.sample_rate_hz, "channels": "mean"}

    @property
    def hash(self) -> str:
        """SHA-256 of name, version and parameters: equal hashes, equal meaning of a column."""
        return hashlib.sha256(canonical_json([self.name, self.version, self.parameters]).encode()).hexdigest()

    def key(self, sha256: str, start: float, end: float) -> str:
        """Return the cache key of a clip: content, segment, decode settings, extractor, version, parameters."""
        segment = [None if math.isnan(t) else float(t).hex() for t in (start, end)]
        return hashlib.sha256(canonical_json([CACHE_LAYOUT, sha256, segment, self.name, self.version, self.parameters]).encode()).hexdigest()


def make_extractors(features: str | Sequence[str], sample_rate_hz: int) -> list[Extractor]:
    """Return the extractors for the names that a user gave, checked."""
    from .. import _core

    names: list[Any] = [features] if isinstance(features, str) else list(features) if isinstance(features, Iterable) else []
    if not names or not all(isinstance(name, str) for name in names) or len(set(names)) != len(names):
        raise InvalidInputError(f"features of extract must be different names of feature sets, such as ['classic']; got {features!r}")
    if isinstance(sample_rate_hz, bool) or not isinstance(sample_rate_hz, int) or not 100 <= sample_rate_hz <= 768_000:
        raise InvalidInputError(f"sample_rate_hz of extract must be an integer from 100 to 768000; got {sample_rate_hz!r}")
    found = []
    for name in names:
        try:
            columns = _core.feature_names(name)
        except InvalidInputError:
            raise InvalidInputError(f"features of extract must be names of feature sets ('classic'); got {name!r}") from None
        prefix = f"{name}:" if len(names) > 1 else ""
        found.append(Extractor(name, sample_rate_hz, int(_core.AUDIO_ALGORITHM_VERSION), tuple(f"{prefix}{column}" for column in columns)))
    return found


def _unit(column: str) -> str:
    name = column.rsplit(":", 1)[-1]
    if name.startswith("mfcc"):
        return "1"
    return next((unit for part, unit in _UNITS if part in name), "1")


def make_schema(extractors: Sequence[Extractor]) -> pd.DataFrame:
    """Return one row a column: name, unit, extractor, parameters (JSON), hash."""
    rows = []
    for e in extractors:
        parameters = canonical_json({"version": e.version, **e.parameters})
        rows += [(column, _unit(column), e.name, parameters, e.hash) for column in e.columns]
    return pd.DataFrame(rows, columns=pd.Index(["name", "unit", "extractor", "parameters", "hash"]))
