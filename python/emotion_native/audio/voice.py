"""Where somebody speaks in a recording, and how usable it is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .. import _core
from .._display import counted
from ..exceptions import InvalidInputError
from ._arrays import number, samples, sampling_rate

__all__ = ["QualityRule", "VoiceActivity", "signal_quality", "voice_activity"]

QUALITY_NAMES: tuple[str, ...] = tuple(_core.QUALITY_NAMES)
LIMIT_NAMES: tuple[str, ...] = tuple(_core.default_quality_limits())


@dataclass(frozen=True, kw_only=True)
class QualityRule:
    """When a recording is too poor, and what then becomes of it.

    The first limit that a clip breaks, in this order, is its reason: ``too_short``, ``silent``, ``no_speech``, ``little_speech``, ``clipped``,
    ``noisy``. The defaults are what a listener would call unusable; they were chosen on no corpus.

    Parameters
    ----------
    action : {"flag", "drop", "off"}
        ``flag``: the clip is kept and answered; tables, reports and predictions name the reason. ``drop``: the reason is the clip's status, it is not
        learned from, counts as abstained and wrong, and gets no answer. ``off``: nothing is judged.
    least_duration_s : float
        Seconds. Features need 2048 samples at their rate whatever this says.
    least_peak_dbfs : float
        Decibels of full scale. Clips below -80 fail whatever this says.
    least_speech_s, least_speech_ratio : float
        Seconds of speech that `voice_activity` finds, and their share of the clip.
    most_clipped_ratio : float
        Share of the samples.
    least_snr_db : float
        Decibels, by the pauses.

    Raises
    ------
    InvalidInputError
        For another action, limits that are not finite numbers, seconds below 0, and shares outside 0 to 1.

    Examples
    --------
    >>> from emotion_native import audio
    >>> audio.QualityRule(action="drop", least_snr_db=5.0).limits["least_snr_db"]
    5.0
    """

    action: str = "flag"
    least_duration_s: float = 0.25
    least_peak_dbfs: float = -80.0
    least_speech_s: float = 0.2
    least_speech_ratio: float = 0.1
    most_clipped_ratio: float = 0.02
    least_snr_db: float = 0.0

    def __post_init__(self) -> None:
        if self.action not in ("flag", "drop", "off"):
            raise InvalidInputError(f"action of QualityRule must be 'flag', 'drop' or 'off'; got {self.action!r}")
        for name in LIMIT_NAMES:
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float, np.number)) or not math.isfinite(value):
                raise InvalidInputError(f"{name} of QualityRule must be a finite number; got {value!r}")
            if name.endswith("_ratio") and not 0.0 <= value <= 1.0:
                raise InvalidInputError(f"{name} of QualityRule must be a share, from 0 to 1; got {value!r}")
            if name.endswith("_s") and value < 0.0:
                raise InvalidInputError(f"{name} of QualityRule must be seconds, from 0 up; got {value!r}")

    @property
    def limits(self) -> dict[str, float]:
        """The limits by name."""
        return {name: float(getattr(self, name)) for name in LIMIT_NAMES}

    def messages(self, values: NDArray[Any]) -> list[str]:
        """Return ``reason: text`` of each row of measures, in the order of `signal_quality`; "" where no limit is broken or nothing was measured."""
        rows = np.ascontiguousarray(values, dtype=np.float64).reshape(-1, len(QUALITY_NAMES))
        return [""] * len(rows) if self.action == "off" else list(_core.quality_messages(rows, self.limits))


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

    def __repr__(self) -> str:
        speech = f"{counted(len(self.segments), 'segment')} of speech"
        return f"VoiceActivity({counted(len(self.frames), 'frame')}, {int(self.frames.sum()):,} of them speech; {speech}; snr_db={self.snr_db:.1f})"


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
    rate = sampling_rate(sr, "sr", caller, low=_core.LOWEST_QUALITY_RATE_HZ)
    frames, segments, hop, snr = _core.voice_activity(samples(y, caller), rate, *options)
    return VoiceActivity(frames.astype(bool), np.asarray(segments, dtype=np.int64).reshape(-1, 2), int(hop), float(snr))


def signal_quality(y: NDArray[Any], *, sr: int, rule: QualityRule | None = None) -> dict[str, Any]:
    """Measure how usable a recording of speech is.

    Parameters
    ----------
    y : ndarray of floats, shape (n,)
        Finite mono samples; full scale is 1.
    sr : int
        Sampling rate in Hz, 1000 to 768000.
    rule : QualityRule, optional
        Other limits than the default ones.

    Returns
    -------
    dict
        ``duration_s``, ``speech_s``, ``speech_ratio``, ``segments`` (of speech), ``snr_db`` (from pauses and speech), ``snr_wada_db`` (from the
        distribution of the samples: Kim & Stern, 2008), ``clipped_ratio``, ``peak_dbfs``, ``level_dbfs``, ``offset``; and ``reason``: why it
        should not be used, or "": ``too_short`` (under 0.25 s), ``silent`` (peak under -80 dB), ``no_speech`` (under 0.2 s), ``little_speech``
        (under 10 %), ``clipped`` (over 2 % of the samples), ``noisy`` (``snr_db`` under 0).
        `emotion_native.calibration.ABSTENTION_REASONS` explains them.

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
    rate = sampling_rate(sr, "sr", caller, low=_core.LOWEST_QUALITY_RATE_HZ)
    result: dict[str, Any] = _core.measure_quality(samples(y, caller), rate)
    if rule is not None:
        if not isinstance(rule, QualityRule):
            raise InvalidInputError(f"rule of {caller} must be a QualityRule or None; got {type(rule).__name__}")
        result["reason"] = rule.messages(np.array([[result[name] for name in QUALITY_NAMES]]))[0].partition(":")[0]
    return result
