"""A cache of its own for every test, and synthetic clips."""

from __future__ import annotations

import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the default cache uses in this test."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("EMOTION_NATIVE_CACHE", str(folder))
    return folder


def write_clip(path: Path, seed: int, seconds: float = 0.3, sample_rate_hz: int = 16_000) -> Path:
    """Write a tone with noise as 16-bit WAV; equal seeds give equal bytes."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(seconds * sample_rate_hz)) / sample_rate_hz
    samples = 0.4 * np.sin(2 * np.pi * rng.uniform(100, 1000) * t) + 0.05 * rng.standard_normal(len(t))
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(sample_rate_hz)
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return path


MakeManifest = Callable[[int], pd.DataFrame]


@pytest.fixture
def make_manifest(tmp_path: Path) -> MakeManifest:
    """A function that writes n clips and returns their manifest."""

    def make(n: int) -> pd.DataFrame:
        paths = [str(write_clip(tmp_path / "clips" / f"{row:03d}.wav", row)) for row in range(n)]
        labels = ["sad" if row % 2 else "joy" for row in range(n)]
        return pd.DataFrame({"filepath": paths, "label": labels, "modality": "audio_only", "speaker": [str(row % 4) for row in range(n)]})

    return make


class Counter:
    """Counts the clips that the core is asked for."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from emotion_native import _core

        self.sources: list[str] = []
        inner = _core.extract_functionals_batch

        def counted(sources: list[str], *rest: object) -> object:
            self.sources += sources
            return inner(sources, *rest)

        monkeypatch.setattr(_core, "extract_functionals_batch", counted)


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> Counter:
    """The clips that were computed, not found in a cache."""
    return Counter(monkeypatch)
