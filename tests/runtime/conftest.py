"""A small model of synthetic voices: two classes that differ in pitch and loudness, four clips each."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

RATE = 16_000


def voice(pitch_hz: float, level: float, *, seconds: float = 0.6, rate: int = RATE, seed: int = 0) -> npt.NDArray[np.float32]:
    """Return a buzz of ten harmonics with some noise, as float32."""
    t = np.arange(int(seconds * rate)) / rate
    harmonics = sum(np.sin(2 * np.pi * pitch_hz * k * t + k) / k for k in range(1, 11))
    noise = np.random.default_rng(seed).normal(size=t.size)
    return (level * (harmonics / 2 + 0.02 * noise)).astype(np.float32)


def wav_bytes(samples: npt.NDArray[np.float32], rate: int = RATE) -> bytes:
    """Return a WAV file of 32-bit floats."""
    data = samples.astype("<f4").tobytes()
    return (
        b"RIFF" + struct.pack("<I", 36 + len(data)) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 3, 1, rate, rate * 4, 4, 32) + b"data"
        + struct.pack("<I", len(data)) + data
    )  # fmt: skip


@pytest.fixture(scope="session")
def clips() -> dict[str, npt.NDArray[np.float32]]:
    """Return samples by name, calm ones low and soft, angry ones high and loud."""
    calm = {f"calm_{i}": voice(100 + 6 * i, 0.1, seed=i) for i in range(4)}
    angry = {f"angry_{i}": voice(240 + 15 * i, 0.5, seed=10 + i) for i in range(4)}
    return {**calm, **angry}


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory, clips: dict[str, npt.NDArray[np.float32]]) -> Path:
    """Return a folder with the clips, two models of them (forest.emotion, logistic.emotion) and files that are no clips."""
    from emotion_native import _core
    from emotion_native.ensemble import RandomForestClassifier
    from emotion_native.linear_model import LogisticRegression
    from emotion_native.persistence import save_model
    from emotion_native.pipeline import Pipeline
    from emotion_native.preprocessing import StandardScaler

    path = tmp_path_factory.mktemp("runtime")
    for name, samples in clips.items():
        (path / f"{name}.wav").write_bytes(wav_bytes(samples))
    (path / "broken.wav").write_bytes(b"RIFF, but no more than that")
    (path / "silent.wav").write_bytes(wav_bytes(np.zeros(RATE, np.float32)))
    X = np.stack([_core.extract_functionals(str(path / f"{name}.wav"), "classic", RATE, None, None)[0] for name in clips])
    y = np.array([name.split("_")[0] for name in clips])
    common: dict[str, Any] = {"extractor": {"feature_set": "classic", "sample_rate_hz": RATE}, "training_clips": {"duration_s": [0.6, 0.6]}}
    forest = Pipeline([("scaler", StandardScaler()), ("forest", RandomForestClassifier(n_estimators=25, random_state=0))]).fit(X, y)
    logistic = Pipeline([("scaler", StandardScaler()), ("logistic", LogisticRegression())]).fit(X, y)
    save_model(forest, path / "forest.emotion", threshold=0.7, provenance={"data": "synthetic"}, **common)
    save_model(logistic, path / "logistic.emotion", background=X, **common)
    np.savez(path / "table.npz", X=X, forest=forest.predict_proba(X), logistic=logistic.predict_proba(X))
    return path
