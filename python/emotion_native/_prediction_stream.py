"""Predictions of a signal that is still coming: each window as a clip. NumPy alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn

import numpy as np
import numpy.typing as npt

from ._predictions import Prediction
from ._samples import OneThread, stream_chunk
from .exceptions import InvalidInputError

__all__ = ["PredictionStream", "StreamedPrediction"]

Samples = npt.NDArray[np.float32]


class StreamedPrediction(NamedTuple):
    """The prediction of one window of a stream.

    Attributes
    ----------
    begin_s, end_s : float
        The window, in seconds from the beginning of the stream.
    prediction : Prediction
        The record that `EmotionModel.predict` gives for its samples; of a window that gives no features, as in `EmotionModel.predict_batch`.
    """

    begin_s: float
    end_s: float
    prediction: Prediction


class PredictionStream:
    """Predictions of a sliding window over samples that come in chunks of any sizes; `EmotionModel.stream` makes one.

    Windows are predicted each for itself: nothing is smoothed over time. A call that raises, Ctrl-C included, leaves the stream as it was. A stream
    serves one thread at a time and refuses a second; streams of one model run in parallel. Streams are not pickled: make one in each process.

    Parameters
    ----------
    predict : callable
        Gives the prediction of the samples of a window.
    sample_rate_hz : int
        Rate of the samples.
    window, hop : int
        Length of a window and the distance of their begins, in samples.

    Examples
    --------
    >>> import numpy as np
    >>> from emotion_native.runtime import Prediction, PredictionStream
    >>> level = lambda y: Prediction("loud" if abs(y).max() > 0.5 else "quiet", {}, confidence=1.0, abstained=False)
    >>> stream = PredictionStream(level, 8000, window=800, hop=800)
    >>> found = stream.push(np.zeros(1000, dtype=np.float32)) + stream.push(np.ones(500, dtype=np.float32)) + stream.flush()
    >>> [(begin, end, prediction.label) for begin, end, prediction in found]
    [(0.0, 0.1, 'quiet'), (0.1, 0.1875, 'loud')]
    """

    def __init__(self, predict: Callable[[Samples], Prediction], sample_rate_hz: int, *, window: int, hop: int) -> None:
        self._predict, self._rate, self._window, self._hop = predict, sample_rate_hz, window, hop
        self._one = OneThread()
        self.reset()

    def reset(self) -> None:
        """Go back to the beginning, ready for another signal."""
        with self._one.call("reset"):
            self._kept = np.empty(0, dtype=np.float32)  # from self._place on, without what came since
            self._came: list[Samples] = []
            self._place = self._total = self._next = 0  # _next: begin of the next window
            self._ended = False

    @property
    def samples_seen(self) -> int:
        """Samples pushed since the beginning."""
        return self._total

    def push(self, samples: npt.NDArray[Any]) -> list[StreamedPrediction]:
        """Take the next samples and return the predictions of the windows that they complete, in order.

        Parameters
        ----------
        samples : ndarray of floats, shape (n,)
            The next mono samples, finite and within -1e9 to 1e9 (full scale is 1); any number, none included.

        Returns
        -------
        list of StreamedPrediction

        Raises
        ------
        InvalidInputError
            For samples that break the rules above, after `flush`, and while another thread uses the stream.
        """
        with self._one.call("push"):
            return self._push(samples)

    def _push(self, samples: Any) -> list[StreamedPrediction]:
        if self._ended:
            raise InvalidInputError("stream of push must be reset after flush before it takes samples again; got a stream that has ended")
        chunk = stream_chunk(samples).copy()
        total = self._total + len(chunk)
        if total < self._next + self._window:
            self._came.append(chunk)
            self._total = total
            return []
        signal = np.concatenate([self._kept, *self._came, chunk])
        found, begin = [], self._next
        while begin + self._window <= total:
            found.append(self._streamed(signal, begin, begin + self._window))
            begin += self._hop
        self._kept, self._came = signal[min(begin, total) - self._place :].copy(), []
        self._place, self._total, self._next = min(begin, total), total, begin
        return found

    def flush(self) -> list[StreamedPrediction]:
        """End the stream and return the prediction of the next window, cut at the end, if it has samples that no window had.

        A signal shorter than a window is one window. A second call returns nothing.

        Raises
        ------
        InvalidInputError
            While another thread uses the stream.
        """
        with self._one.call("flush"):
            return self._flush()

    def _flush(self) -> list[StreamedPrediction]:
        covered = self._next - self._hop + self._window if self._next else 0
        found = []
        if not self._ended and self._next < self._total and covered < self._total:
            found.append(self._streamed(np.concatenate([self._kept, *self._came]), self._next, self._total))
        self._ended = True
        self._kept, self._came = self._kept[:0].copy(), []
        return found

    def _streamed(self, signal: Samples, begin: int, end: int) -> StreamedPrediction:
        window = np.ascontiguousarray(signal[begin - self._place : end - self._place])
        return StreamedPrediction(begin / self._rate, end / self._rate, self._predict(window))

    def __repr__(self) -> str:
        window, hop = self._window / self._rate, self._hop / self._rate
        return f"PredictionStream({self._rate} Hz, a prediction of {window:g} s every {hop:g} s, {self._total} samples seen)"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a PredictionStream is not pickled or copied: it belongs to the signal of one process; make one in each")
