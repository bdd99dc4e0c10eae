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

CACHE_LAYOUT = 2
_CLASSIC_UNITS = (
    ("mfcc_delta2", "dB/frame2"), ("mfcc_delta", "dB/frame"), ("mfcc", "dB"), ("log_mel", "dB"), ("spectral_contrast", "dB"),
    ("spectral_centroid", "Hz"), ("spectral_bandwidth", "Hz"), ("spectral_rolloff", "Hz"),
)  # fmt: skip
_QUALITY_UNITS = (("_s", "s"), ("_dbfs", "dB"), ("_db", "dB"))
_WITHOUT_UNIT = ("_skewness", "_kurtosis", "_position", "_above25", "_above50", "_above75", "_above90", "_rise_share")
_BY_TIME = ("Slope", "_slope", "_slope_mean", "_slope_std")
_VOICE_UNITS = (
    ("F0", "semitone"), ("shimmer", "dB"), ("HNR", "dB"), ("logRelF0", "dB"), ("F1a", "dB"), ("F2a", "dB"), ("F3a", "dB"), ("F1", "Hz"), ("F2", "Hz"),
    ("F3", "Hz"), ("alphaRatio", "dB"), ("hammarbergIndex", "dB"), ("slope", "dB/Hz"), ("loudnessPeaksPerSec", "1/s"),
    ("VoicedSegmentsPerSec", "1/s"),
    ("Mean", "s"), ("Stddev", "s"), ("equivalentSoundLevel", "dB"), ("energy", "dB"),
    ("spectral_centroid", "Hz"), ("spectral_spread", "Hz"),
    ("spectral_rolloff", "Hz"), ("spectral_flatness", "dB"), ("band250", "dB"), ("sharpness", "Bark"),
)  # fmt: skip


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

    given: list[Any] = [features] if isinstance(features, str) else list(features) if isinstance(features, Iterable) else []
    names = [part for name in given for part in (name.split("+") if isinstance(name, str) else [name])]
    if not names or not all(isinstance(name, str) for name in names) or len(set(names)) != len(names):
        raise InvalidInputError(f"features of extract must be different names of feature sets, such as ['classic']; got {features!r}")
    if isinstance(sample_rate_hz, bool) or not isinstance(sample_rate_hz, int) or not 100 <= sample_rate_hz <= 768_000:
        raise InvalidInputError(f"sample_rate_hz of extract must be an integer from 100 to 768000; got {sample_rate_hz!r}")
    found = []
    for name in names:
        try:
            columns = _core.feature_names(name)
        except InvalidInputError:
            rule = "names of feature sets ('classic', 'egemaps', 'full', 'quality'), or several joined by '+'"
            raise InvalidInputError(f"features of extract must be {rule}; got {name!r}") from None
        prefix = f"{name}:" if len(names) > 1 else ""
        found.append(Extractor(name, sample_rate_hz, int(_core.AUDIO_ALGORITHM_VERSION), tuple(f"{prefix}{column}" for column in columns)))
    return found


def _unit(column: str, extractor: str) -> str:
    name = column.rsplit(":", 1)[-1]
    if extractor == "quality":
        return next((unit for ending, unit in _QUALITY_UNITS if name.endswith(ending)), "1")
    if extractor != "classic":
        return _voice_unit(name)
    return next((unit for start, unit in _CLASSIC_UNITS if name.startswith(start)), "1")


def _voice_unit(name: str) -> str:
    """Return the unit of a column of "egemaps" or "full": that of its descriptor, changed by its functional (docs/reference/egemaps.md)."""
    if name.endswith(_WITHOUT_UNIT):
        return "1"
    unit = next((unit for part, unit in _VOICE_UNITS if name.startswith(part)), "1")
    if name.endswith("_stddevNorm"):
        return unit if unit in ("dB", "dB/Hz") and not name.startswith("shimmer") else "1"
    if name.endswith(_BY_TIME):
        return unit if unit.endswith("/s") else f"{unit}/s"
    if name.endswith(("peak_distance_mean", "peak_distance_std")):
        return "s"
    if name.endswith("_curvature"):
        return f"{unit}/s2"
    return "1/s" if name.endswith("peaks_per_sec") else unit


def make_schema(extractors: Sequence[Extractor]) -> pd.DataFrame:
    """Return one row a column: name, unit, extractor, parameters (JSON), hash."""
    rows = []
    for e in extractors:
        parameters = canonical_json({"version": e.version, **e.parameters})
        rows += [(column, _unit(column, e.name), e.name, parameters, e.hash) for column in e.columns]
    return pd.DataFrame(rows, columns=pd.Index(["name", "unit", "extractor", "parameters", "hash"]))
