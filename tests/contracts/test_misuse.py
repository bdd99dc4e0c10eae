"""Arguments of a wrong type are answered by one sentence of our own, never by a traceback of the internals."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import emotion_native as en
from emotion_native.exceptions import EmotionNativeError

BLOCK = np.zeros((2, 2, 2))
SAMPLES = np.zeros(4096, dtype=np.float32)
FRAME = pd.DataFrame({"filepath": ["a.wav"], "label": ["x"], "modality": ["audio_only"], "speaker": ["1"]})

CALLS: dict[str, tuple[Callable[[Any], Any], list[Any]]] = {
    "n_jobs of predict_batch": (lambda value: en.load_model().predict_batch([], n_jobs=value), [BLOCK, 1.5, "2"]),
    "sources of predict_batch": (lambda value: en.load_model().predict_batch(value), [None, 3]),
    "progress of predict_batch": (lambda value: en.load_model().predict_batch([], progress=value), [3]),
    "features of extract": (lambda value: en.features.extract(FRAME, features=value, cache=False, progress=False), [None, 3]),
    "root of extract": (lambda value: en.features.extract(FRAME, root=value, cache=False, progress=False), [3, "a\0b"]),
    "output of extract": (lambda value: en.features.extract(FRAME, output=value, cache=False, progress=False), [3, "a\0b"]),
    "cache of extract": (lambda value: en.features.extract(FRAME, cache=value, progress=False), [3, "a\0b"]),
    "path of read_table": (en.features.read_table, [None, 3, "a\0b"]),
    "folder of clear_cache": (en.features.clear_cache, [3, "a\0b"]),
    "path of read_manifest": (en.datasets.read_manifest, [None, 3, b"x", "a\0b"]),
    "encoding of read_manifest": (lambda value: en.datasets.read_manifest("x.csv", encoding=value), [3, "\0"]),
    "root of read_manifest": (lambda value: en.datasets.read_manifest("x.csv", value), [3]),
    "path of write_manifest": (lambda value: en.datasets.write_manifest(FRAME, value), [None, "a\0b.csv"]),
    "manifest of write_manifest": (lambda value: en.datasets.write_manifest(value, "x.csv"), [None, "x"]),
    "root of emodb": (en.datasets.emodb, [None, 3, "a\0b"]),
    "root of crema_d": (en.datasets.crema_d, [None, 3, "a\0b"]),
    "settings of train": (lambda value: en.experiment.train(FRAME, value), [3, "abc", [1]]),
    "output of train": (lambda value: en.experiment.train(FRAME, output=value), [3, "a\0b"]),
    "model of evaluate": (lambda value: en.experiment.evaluate(value, FRAME), [None, 3]),
    "file of load_settings": (en.experiment.load_settings, [3, "a\0b"]),
    "flags of load_settings": (lambda value: en.experiment.load_settings(flags=value), [3, "abc"]),
    "n_fft of stft": (lambda value: en.audio.stft(SAMPLES, n_fft=value), [BLOCK, "3"]),
    "set of functionals": (lambda value: en.audio.functionals(SAMPLES, 16_000, value), [None, 3]),
    "set of feature_names": (en.audio.feature_names, [None, 3]),
}


@pytest.mark.parametrize(("place", "value"), [(place, value) for place, (_, values) in CALLS.items() for value in values])
def test_the_message_names_parameter_caller_and_rule(place: str, value: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(EmotionNativeError, match=rf"^{place} must "):
        CALLS[place][0](value)


def test_any_number_of_top_features_means_all() -> None:
    model = en.load_model()
    clip = en.datasets.load_sample()["filepath"].iloc[0]
    assert len(model.predict(clip, top_features=2**70).top_features) == len(model.feature_names)


def test_a_table_of_thousands_of_columns_gives_a_short_message(tmp_path: Path) -> None:
    path = tmp_path / "features.csv"
    path.write_text(",".join(f"c{n}" for n in range(5_000)) + "\n", encoding="utf-8")
    with pytest.raises(EmotionNativeError, match=r"c19 and 4980 more") as caught:
        en.datasets.read_manifest(path)
    assert len(str(caught.value)) < 1_000
