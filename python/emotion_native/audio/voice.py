"""Where somebody speaks in a recording, and how usable it is."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ._arrays import integer, number, samples

__all__ = ["VoiceActivity", "signal_quality", "voice_activity"]


class VoiceActivity(NamedTuple):
    """The result of `voice_activity`.

    Attributes
    ----------
    frames : ndarray of bool of shape (n_frames,)
        Whether somebody speaks; frame t is centred on sample ``t * hop_length``.
    segments : ndarray of int64 of shape (n_segments, 2)
        First sample, and the one after the last, of each stretch of speech.
    hop_length : int
        Samples between frames.
    snr_db : float
        Level of the speech over that of the noise between 100 Hz and 4 kHz, -20 to 60.
    """

    frames: NDArray[np.bool_]
    segments: NDArray[np.int64]
    hop_length: int
    snr_db: float


def voice_activity(
    y: NDArray[Any],
    *,
    sr: int,
    least_ratio: float = 0.6,
    level_range_db: float = 40.0,
    bridge_s: float = 0.2,
    shortest_s: float = 0.06,
) -> VoiceActivity:
    """Find speech by energy and spectrum.

    A frame (about 32 ms) is speech where its spectrum between 100 Hz and 4 kHz stands out of the noise by the likelihood ratio of Sohn, Kim &
    Sung (1999), and where it is loud enough; the noise of each bin is estimated from its 15th percentile over the frames.

    Parameters
    ----------
    y : ndarray of floats, shape (n,)
        Finite mono samples.
    sr : int
        Sampling rate in Hz, 1000 to 768000.
    least_ratio : float, default=0.6
        Mean log-likelihood ratio of speech; Gaussian noise has 0.15.
    level_range_db : float, default=40
        How far below the loudest frames (their 95th percentile) speech may be.
    bridge_s, shortest_s : float
        Gaps that are filled, and stretches that are dropped, in seconds.

    Returns
    -------
    VoiceActivity

    Raises
    ------
    InvalidInputError
        For samples that are not finite floats, and for arguments out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from emotion_native import audio
    >>> rng = np.random.default_rng(0)
    >>> y = 0.01 * rng.normal(size=32000)
    >>> t = np.arange(8000) / 16000
    >>> y[12000:20000] += sum(0.05 * np.cos(2 * np.pi * 120 * h * t + h * h) for h in range(1, 20))
    >>> found = audio.voice_activity(y, sr=16000)
    >>> len(found.segments), bool(abs(found.segments[0] - [12000, 20000]).max() < 500)
    (1, True)
    """
    caller = "voice_activity"
    options = [number(value, name, caller, minimum=0.0) for name, value in
               (("least_ratio", least_ratio), ("level_range_db", level_range_db), ("bridge_s", bridge_s), ("shortest_s", shortest_s))]
    rate = integer(sr, "sr", caller, low=1000, high=768_000)
    frames, segments, hop, snr = _core.voice_activity(samples(y, caller), rate, *options)
    return VoiceActivity(frames.astype(bool), np.asarray(segments, dtype=np.int64).reshape(-1, 2), int(hop), float(snr))


def signal_quality(y: NDArray[Any], *, sr: int) -> dict[str, Any]:
    """Measure how usable a recording of speech is.

    Parameters
    ----------
    y : ndarray of floats, shape (n,)
        Finite mono samples; full scale is 1.
    sr : int
        Sampling rate in Hz, 1000 to 768000.

    Returns
    -------
    dict
        ``duration_s``, ``speech_s``, ``speech_ratio``, ``segments`` (of speech), ``snr_db`` (from pauses and speech), ``snr_wada_db`` (from the
        distribution of the samples: Kim & Stern, 2008), ``clipped_ratio``, ``peak_dbfs``, ``level_dbfs``, ``offset``; and ``reason``: why it
        should not be used, or "": ``too_short`` (under 0.25 s), ``silent`` (peak under -80 dB), ``no_speech`` (under 0.2 s), ``clipped`` (over 2 %
        of the samples), ``noisy`` (``snr_db`` under 0). `emotion_native.calibration.ABSTENTION_REASONS` explains them.

    Raises
    ------
    InvalidInputError
        For samples that are not finite floats, and for rates out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from emotion_native import audio
    >>> audio.signal_quality(np.zeros(16000, dtype=np.float32), sr=16000)["reason"]
    'silent'
    """
    caller = "signal_quality"
    result: dict[str, Any] = _core.measure_quality(samples(y, caller), integer(sr, "sr", caller, low=1000, high=768_000))
    return result
