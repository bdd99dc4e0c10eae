"""Predictions of a stream: those of the windows as clips, whatever the chunks."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import emotion_native as en
from emotion_native.exceptions import InvalidInputError

RATE = 16_000
Clips = dict[str, npt.NDArray[np.float32]]


@pytest.fixture(scope="module")
def model(folder: Path) -> en.EmotionModel:
    return en.load_model(folder / "forest.emotion")


@pytest.fixture(scope="module")
def signal(clips: Clips) -> npt.NDArray[np.float32]:
    """Return calm speech, silence and angry speech."""
    return np.concatenate([clips["calm_0"], clips["calm_1"], np.zeros(2 * RATE, dtype=np.float32), clips["angry_0"], clips["angry_1"]])


@pytest.mark.parametrize("size", [1000, 7777, 1 << 20])
def test_windows_are_predicted_as_clips(model: en.EmotionModel, signal: npt.NDArray[np.float32], size: int) -> None:
    stream = model.stream(RATE, window_s=0.6, hop_s=0.45, top_features=3)
    found = [one for at in range(0, len(signal), size) for one in stream.push(signal[at : at + size])] + stream.flush()
    assert stream.samples_seen == len(signal)
    assert [round(begin * RATE) for begin, _, _ in found] == [7200 * k for k in range(len(found))]
    assert found[-1].end_s == len(signal) / RATE
    reasons = set()
    for begin, end, prediction in found:
        window = signal[round(begin * RATE) : round(end * RATE)]
        reasons.add(prediction.reason)
        if prediction.label is None:
            with pytest.raises(en.exceptions.MediaDecodeError) as caught:
                model.predict(window, sample_rate_hz=RATE)
            assert prediction.abstained and prediction.reason == caught.value.reason
        else:
            assert repr(prediction.to_dict()) == repr(model.predict(window, sample_rate_hz=RATE, top_features=3).to_dict())
    assert "silent" in reasons and found[0].prediction.label == "calm" and found[-2].prediction.label == "angry"


def test_short_signals_and_the_end(model: en.EmotionModel, clips: Clips) -> None:
    stream = model.stream(RATE)
    assert stream.flush() == [] and stream.flush() == []
    with pytest.raises(InvalidInputError, match="stream of push must be reset after flush"):
        stream.push(clips["calm_0"])
    stream.reset()
    assert stream.push(clips["calm_0"]) == []
    ((begin, end, prediction),) = stream.flush()
    assert (begin, end) == (0.0, len(clips["calm_0"]) / RATE)
    assert prediction.probabilities == model.predict(clips["calm_0"], sample_rate_hz=RATE).probabilities
    with pytest.raises(TypeError, match="make one in each"):
        pickle.dumps(stream)


def test_windows_apart(model: en.EmotionModel, signal: npt.NDArray[np.float32]) -> None:
    stream = model.stream(RATE, window_s=0.3, hop_s=1.0)
    found = [one for at in range(0, len(signal), 999) for one in stream.push(signal[at : at + 999])]
    assert [begin for begin, _, _ in found] == [0.0, 1.0, 2.0, 3.0, 4.0][: len(found)]
    assert found[0].prediction.probabilities == model.predict(signal[:4800], sample_rate_hz=RATE).probabilities


@pytest.mark.parametrize(
    ("samples", "got"),
    [(np.full(99, np.nan), "a value that is not"), (np.zeros((2, 9)), "shape"), (np.zeros(9, dtype=np.int16), "int16"), ([0.0], "list")],
    ids=["nan", "two channels", "integers", "list"],
)
def test_a_refused_push_leaves_the_stream_unchanged(model: en.EmotionModel, clips: Clips, samples: Any, got: str) -> None:
    stream = model.stream(RATE, window_s=0.6)
    stream.push(clips["calm_0"][:5000])
    with pytest.raises(InvalidInputError, match=f"samples of push must be .*{got}"):
        stream.push(samples)
    (found,) = stream.push(clips["calm_0"][5000:9600])
    assert found.prediction.probabilities == model.predict(clips["calm_0"][:9600], sample_rate_hz=RATE).probabilities


@pytest.mark.parametrize(
    "arguments",
    [{"window_s": 0}, {"window_s": 601}, {"hop_s": "1"}, {"hop_s": 1e-9}, {"top_features": -1}, {"sample_rate_hz": 0}],
    ids=lambda arguments: next(iter(arguments)),
)
def test_wrong_arguments_are_refused(model: en.EmotionModel, arguments: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError, match=f"{next(iter(arguments))} of "):
        model.stream(**{"sample_rate_hz": RATE, **arguments})
