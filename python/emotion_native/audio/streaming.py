"""Features of a signal that is still coming: a microphone, a call, a file too long for memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray

from .. import _core
from .._display import counted
from .._samples import stream_chunk, window_samples
from ._arrays import Float32, Window, integer, make_window, number, refuse, sampling_rate
from .spectrum import filterbank_of

__all__ = ["FeatureStream", "StreamedFeatures"]

_MEL = ("melspectrogram", "log_mel", "mfcc")
_NO_TIMES, _NO_RANGES = np.empty(0), np.empty((0, 2))


class StreamedFeatures(NamedTuple):
    """What a call of a `FeatureStream` brought, in order.

    Attributes
    ----------
    frames : ndarray of float32 of shape (n_rows, n_frames)
        The frames that became final, rows as in `FeatureStream.frame_names`.
    frame_times_s : ndarray of float64 of shape (n_frames,)
        The centre of each frame, in seconds from the beginning of the stream.
    windows : ndarray of float32 of shape (n_windows, n_features)
        The feature vectors of the windows that were completed, columns as in `FeatureStream.feature_names`.
    window_times_s : ndarray of float64 of shape (n_windows, 2)
        Begin and end of each window, in seconds from the beginning of the stream.
    """

    frames: Float32
    frame_times_s: NDArray[np.float64]
    windows: Float32
    window_times_s: NDArray[np.float64]

    def __repr__(self) -> str:
        return f"StreamedFeatures({counted(self.frames.shape[1], 'frame')}, {counted(len(self.windows), 'window')})"


class FeatureStream:
    """Features of samples that come in chunks of any sizes, with the bits of the functions for whole signals.

    Two things may be asked for, alone or together. ``set``: the vector of `functionals` of a sliding window, which is what a model trained on clips
    takes. ``descriptors``: each frame of functions of the librosa family, as soon as its last sample is there.

    Parameters
    ----------
    sample_rate_hz : int
        Rate of the samples, 100 to 768000.
    set : str or None
        Feature set of the windows; None: "classic" if there are no ``descriptors``, else no windows.
    window_s, hop_s : float
        Length of a window, at most 600 s, and the distance of their begins, both rounded to samples.
    feature_rate_hz : int or None
        Each window is resampled to this rate first, by itself: what a model trained at 16000 needs of a microphone at 48000. None: it is not.
    descriptors : sequence of str
        Names among ``melspectrogram``, ``log_mel``, ``mfcc``, ``chroma_stft``, ``tonnetz``, ``spectral_centroid``, ``spectral_bandwidth``,
        ``spectral_rolloff``, ``spectral_flatness``, ``spectral_contrast``, ``zero_crossing_rate``, ``rms``: the rows of the frames, in this order.
    n_fft, hop_length, win_length, window, center
        Frames, as in `stft`; the waveform's descriptors have frames of ``n_fft`` samples.
    n_mels, fmin, fmax, htk, norm
        Mel bands, as in `melspectrogram`.
    n_mfcc : int, default=20
        Number of coefficients.
    tuning : float, default=0.0
        Of ``chroma_stft`` and ``tonnetz``, in fractions of a bin: a stream cannot estimate it from the whole signal.

    Attributes
    ----------
    frame_names : tuple of str
        The rows of the frames: ``mfcc_01``, …, ``rms``.
    feature_names : tuple of str
        The columns of the windows.
    latency_s : float
        How long after its centre a frame is final: half a frame. A window comes with the push that brings its last sample.
    samples_seen : int
        Samples pushed since the beginning.
    ended : bool
        Whether `flush` was called.

    Notes
    -----
    Equal bits, whatever the chunks: frames to those of the functions of the same names for all samples pushed, windows to
    ``functionals(samples[begin:end], sample_rate_hz, set)``. What refers to the loudest frame of a clip knows no such frame here: ``log_mel`` is
    ``power_to_db(melspectrogram, top_db=None)``, ``mfcc`` is made from it, ``spectral_contrast`` is the one with ``linear=True``. Pitch, voice
    quality and formants come from paths through a whole clip: the set "egemaps" has them for each window.

    A call that raises, Ctrl-C included, leaves the stream as it was. Memory: about twice what windows and frames look back, and the largest push. A
    stream serves one thread at a time and refuses a second; different streams run in parallel. Streams are not pickled: make one in each process.

    Raises
    ------
    InvalidInputError
        For arguments that break the rules above.

    Examples
    --------
    >>> import numpy as np
    >>> from emotion_native import audio
    >>> stream = audio.FeatureStream(16000, set="egemaps", window_s=1.0, hop_s=0.5, descriptors=["rms"])
    >>> sound = np.sin(2 * np.pi * 220 * np.arange(20000) / 16000).astype(np.float32)
    >>> for chunk in np.split(sound, 20):
    ...     for begin, end in stream.push(chunk).window_times_s:
    ...         print(f"{begin:.1f} to {end:.1f} s")
    0.0 to 1.0 s
    >>> stream.flush().window_times_s
    array([[0.5 , 1.25]])
    """

    def __init__(
        self,
        sample_rate_hz: int,
        *,
        set: str | None = None,
        window_s: float = 2.0,
        hop_s: float = 0.5,
        feature_rate_hz: int | None = None,
        descriptors: Sequence[str] = (),
        n_fft: int = 2048,
        hop_length: int = 512,
        win_length: int | None = None,
        window: Window = "hann",
        center: bool = True,
        n_mels: int = 128,
        fmin: float = 0.0,
        fmax: float | None = None,
        htk: bool = False,
        norm: str | float | None = "slaney",
        n_mfcc: int = 20,
        tuning: float = 0.0,
    ) -> None:
        caller = "FeatureStream"
        self._rate = sampling_rate(sample_rate_hz, "sample_rate_hz", caller, low=_core.LOWEST_FEATURE_RATE_HZ)
        names = _descriptor_names(descriptors)
        if set is None and not names:
            set = "classic"
        if set is not None and not isinstance(set, str):
            raise refuse("set", caller, "the name of a feature set, such as 'classic', or None", repr(set))
        plan = None
        self._hop, self._frame_offset = 0, 0
        if names:
            points = integer(n_fft, "n_fft", caller)
            self._hop = integer(hop_length, "hop_length", caller)
            self._frame_offset = 0 if center else points // 2
            mel = filterbank_of(self._rate, points, n_mels, fmin, fmax, htk, norm, caller) if any(name in _MEL for name in names) else None
            shape = make_window(window, win_length, points, caller)
            cepstra = integer(n_mfcc, "n_mfcc", caller, high=4096)
            plan = _core.FramePlan(names, self._rate, shape, self._hop, bool(center), mel, cepstra, number(tuning, "tuning", caller))
        self._window = window_samples(window_s, "window_s", caller, self._rate)
        self._window_hop = window_samples(hop_s, "hop_s", caller, self._rate)
        feature_rate = 0
        if feature_rate_hz is not None:
            feature_rate = sampling_rate(feature_rate_hz, "feature_rate_hz", caller, low=_core.LOWEST_FEATURE_RATE_HZ)
        self._native = _core.FeatureStream(self._rate, plan, set, self._window, self._window_hop, feature_rate)
        self.frame_names: tuple[str, ...] = tuple(self._native.frame_names)
        self.feature_names: tuple[str, ...] = () if set is None else tuple(_core.feature_names(set))
        self.latency_s: float = (points - points // 2) / self._rate if names else 0.0

    @property
    def samples_seen(self) -> int:
        """Samples pushed since the beginning."""
        return int(self._native.samples)

    @property
    def ended(self) -> bool:
        """Whether `flush` was called."""
        return bool(self._native.ended)

    def push(self, samples: NDArray[Any]) -> StreamedFeatures:
        """Take the next samples and return what they complete.

        Parameters
        ----------
        samples : ndarray of floats, shape (n,)
            The next mono samples, finite and within -1e9 to 1e9; any number, none included.

        Returns
        -------
        StreamedFeatures

        Raises
        ------
        InvalidInputError
            For samples that break the rules above, after `flush`, and while another thread uses the stream. The stream is as before.
        """
        return self._record(self._native.push(stream_chunk(samples)))

    def flush(self) -> StreamedFeatures:
        """End the stream and return the rest: the frames that reach beyond the end, with zeros there, and the last window, cut at the end.

        The last window begins a hop after the one before and comes only if it has samples that no window had; before a first whole window it is
        all that there was. A second call returns nothing.

        Returns
        -------
        StreamedFeatures

        Raises
        ------
        InvalidInputError
            While another thread uses the stream.
        """
        return self._record(self._native.flush())

    def reset(self) -> None:
        """Go back to the beginning, ready for another signal."""
        self._native.reset()

    def _record(self, result: tuple[Float32, int, Float32, int]) -> StreamedFeatures:
        frames, first_frame, windows, first_window = result
        if not frames.shape[1] and not len(windows):  # what most pushes of small chunks bring
            return StreamedFeatures(frames, _NO_TIMES, windows, _NO_RANGES)
        centres = (self._frame_offset + self._hop * np.arange(first_frame, first_frame + frames.shape[1])) / self._rate
        begins = self._window_hop * np.arange(first_window, first_window + len(windows))
        ends = np.minimum(begins + self._window, self._native.samples)
        return StreamedFeatures(frames, centres, windows, np.stack([begins, ends], axis=1) / self._rate)

    def __repr__(self) -> str:
        parts = [f"{len(self.frame_names)} rows every {self._hop} samples"] if self.frame_names else []
        if self.feature_names:
            parts.append(f"{len(self.feature_names)} features of {self._window / self._rate:g} s every {self._window_hop / self._rate:g} s")
        return f"FeatureStream({self._rate} Hz, {', '.join(parts)}, {self.samples_seen} samples seen{', ended' if self.ended else ''})"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a FeatureStream is not pickled or copied: it belongs to the signal of one process; make one in each")


def _descriptor_names(descriptors: Any) -> list[str]:
    rule = f"a sequence of names among {', '.join(_core.frame_descriptors())}"
    if isinstance(descriptors, str) or not isinstance(descriptors, Sequence):
        raise refuse("descriptors", "FeatureStream", rule, repr(descriptors))
    names = list(descriptors)
    for name in names:
        if not isinstance(name, str):
            raise refuse("descriptors", "FeatureStream", rule, repr(name))
    return names
