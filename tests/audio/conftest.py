"""Clips for the tests of audio: real ones where the shared corpora are, synthetic ones everywhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile


@pytest.fixture(scope="session")
def real_clips(shared_data: Path) -> list[tuple[str, np.ndarray]]:
    """A dozen clips of three corpora at 16 kHz: (path, samples)."""
    paths = sorted((shared_data / "emodb" / "clips").rglob("*.flac"))[::60]
    paths += sorted((shared_data / "ravdess").glob("Actor_*/*.flac"))[::180]
    paths += sorted((shared_data / "emovo").glob("*/*.flac"))[::98]
    return [(str(path), soundfile.read(path, dtype="float32")[0]) for path in paths]


@pytest.fixture(scope="session")
def voice() -> np.ndarray:
    """Two seconds at 16 kHz that resemble a voice: a gliding harmonic sound with pauses over a quiet noise floor."""
    rng = np.random.default_rng(0)
    t = np.arange(32000) / 16000
    phase = 2 * np.pi * np.cumsum(150 + 40 * np.sin(2 * np.pi * 1.5 * t)) / 16000
    harmonics = sum(np.sin(k * phase) / k for k in range(1, 20))
    envelope = np.clip(np.sin(2 * np.pi * 2 * t), 0, None)
    return (0.1 * harmonics * envelope + 1e-3 * rng.standard_normal(32000)).astype(np.float32)
