"""Predictions of a stream: those of the windows as clips, whatever the chunks."""

from __future__ import annotations

import pickle
import threading
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import emotion_native as en
from emotion_native.exceptions import InvalidInputError
from emotion_native.runtime import Prediction, PredictionStream, StreamedPrediction

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


@pytest.mark.parametrize("sizes", [[700], [16_000], [1, 4799, 9601, 20_000]], ids=str)
def test_both_kinds_of_stream_have_the_same_windows(model: en.EmotionModel, signal: npt.NDArray[np.float32], sizes: list[int]) -> None:
    for window_s, hop_s in ((0.6, 0.45), (0.3, 1.0), (0.5001, 0.12345), (2.0, 0.5), (60.0, 0.5)):
        features = en.audio.FeatureStream(RATE, window_s=window_s, hop_s=hop_s)
        predictions = model.stream(RATE, window_s=window_s, hop_s=hop_s)
        at, k = 0, 0
        while at < len(signal):
            chunk = signal[at : at + sizes[k % len(sizes)]]
            times = [tuple(pair) for pair in features.push(chunk).window_times_s.tolist()]
            assert [(begin, end) for begin, end, _ in predictions.push(chunk)] == times
            at, k = at + len(chunk), k + 1
        assert [(begin, end) for begin, end, _ in predictions.flush()] == [tuple(pair) for pair in features.flush().window_times_s.tolist()]
        assert features.samples_seen == predictions.samples_seen == len(signal)


@pytest.mark.parametrize("value", [0, 0.0, -1.0, 601, 1e-6, "1", None, True, float("nan"), float("inf"), 10**400], ids=str)
def test_both_kinds_of_stream_have_one_rule_for_lengths(model: en.EmotionModel, value: Any) -> None:
    for name in ("window_s", "hop_s"):
        rule = f"{name} of %s must be at least one sample and at most 600 s long; got {value!r} at {RATE} Hz"
        with pytest.raises(InvalidInputError) as caught:
            model.stream(RATE, **{name: value})
        assert str(caught.value) == rule % "stream"
        with pytest.raises(InvalidInputError) as caught:
            en.audio.FeatureStream(RATE, **{name: value})
        assert str(caught.value) == rule % "FeatureStream"


def test_both_kinds_of_stream_have_one_rule_for_samples(model: en.EmotionModel) -> None:
    wrong: list[Any] = [np.full(9, 1.1e9), np.full(9, np.nan), np.zeros((2, 9)), np.zeros(9, dtype=np.int16), [0.0], "x.wav", np.ma.zeros(9)]
    for samples in wrong:
        messages = []
        for stream in (model.stream(RATE), en.audio.FeatureStream(RATE)):
            with pytest.raises(InvalidInputError, match="samples of push must be ") as caught:
                stream.push(samples)
            messages.append(str(caught.value))
        assert messages[0] == messages[1]
    assert model.stream(RATE).push(np.full(9, 1e9)) == []


def test_a_second_thread_is_refused_and_leaves_the_stream_unchanged() -> None:
    entered, leave = threading.Event(), threading.Event()

    def predict(samples: npt.NDArray[np.float32]) -> Prediction:
        entered.set()
        assert leave.wait(60)
        return Prediction(str(len(samples)), {}, confidence=1.0, abstained=False)

    stream = PredictionStream(predict, 8000, window=800, hop=800)
    found: list[StreamedPrediction] = []
    thread = threading.Thread(target=lambda: found.extend(stream.push(np.zeros(800))))
    thread.start()
    assert entered.wait(60)
    for name, call in (("push", lambda: stream.push(np.zeros(1))), ("flush", stream.flush), ("reset", stream.reset)):
        with pytest.raises(InvalidInputError) as caught:
            call()
        # The words of a native stream: tests/audio/test_streaming.py.
        assert str(caught.value) == f"stream of {name} must be used by one thread at a time; got a call while another one runs"
    leave.set()
    thread.join()
    assert [one.prediction.label for one in found] == ["800"] and stream.samples_seen == 800
    stream.push(np.zeros(100))
    assert [one.prediction.label for one in stream.flush()] == ["100"]


def test_the_rate_of_a_stream_is_its_own_parameter(model: en.EmotionModel) -> None:
    with pytest.raises(InvalidInputError, match=r"^sample_rate_hz of stream must be a whole number from 1 to 768000; got 'x'$"):
        model.stream("x")  # type: ignore[arg-type]  # wrong on purpose
    with pytest.raises(InvalidInputError, match=r"^sample_rate_hz of predict must be a whole number from 1 to 768000 when source is an array; got"):
        model.predict(np.zeros(9000, dtype=np.float32))
