"""One fixed-length vector for a whole clip."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from .. import _core
from ._arrays import Float32, refuse, sampling_rate
from ._arrays import samples as mono_samples


def functionals(samples: NDArray[Any], sample_rate_hz: int, set: str = "classic") -> Float32:
    """Summarise a clip in one vector.

    "classic": 40 MFCC, their first and second deltas, 128 log-mel bands, 12 chroma, 7 spectral contrasts, centroid, bandwidth, rolloff,
    flatness, zero crossings, RMS and 6 tonal centroids, from one transform (2048 points, hop 512, Hann, centred), each by mean, standard deviation
    (ddof 0), minimum and maximum over the frames. Definitions, units and sources: docs/reference/audio.md.

    "egemaps": the 88 functionals of the extended Geneva minimalistic acoustic parameter set, of pitch, voice quality, loudness, formants and spectral
    balance every 10 ms at 16 kHz. "full": those and 34 functionals of 75 descriptors and of their deltas, 5188 columns, for when accuracy matters
    more than size. Definitions, units and sources: docs/reference/egemaps.md.

    "quality": the ten measures of `signal_quality`, of how usable the recording is. Sets joined by "+", such as "egemaps+quality", give the
    columns of one after the other, each named ``set:column``.

    Parameters
    ----------
    samples : ndarray of floats, shape (n,)
        Finite mono samples within -1e9 to 1e9, n >= 1. Silence and constant signals give finite values.
    sample_rate_hz : int
        100 to 768000. Models expect the rate that they were trained with, 16000 by default: use `resample` first.
        With "quality" from 1000.
    set : {"classic", "egemaps", "full", "quality"}
        The feature set, or several joined by "+", each once.

    Returns
    -------
    ndarray of float32, shape (1116,), (88,), (5188,) or (10,), or their sum, in the order of `feature_names`

    Raises
    ------
    InvalidInputError
        For samples that break the rules above, another rate or an unknown set.

    Examples
    --------
    >>> import numpy as np
    >>> from emotion_native import audio
    >>> vector = audio.functionals(np.zeros(16000, dtype=np.float32), 16000)
    >>> dict(zip(audio.feature_names(), vector))["rms_max"]
    np.float32(0.0)
    """
    checked = mono_samples(samples, "functionals", parameter="samples")
    rate = sampling_rate(sample_rate_hz, "sample_rate_hz", "functionals", low=_core.LOWEST_FEATURE_RATE_HZ)
    return _core.functionals(checked, rate, _set_name(set, "functionals"))


def feature_names(set: str = "classic") -> list[str]:
    """Return the names of the columns of a feature set.

    Parameters
    ----------
    set : str, default="classic"
        As in `functionals`.

    Returns
    -------
    list of str, in the order of the vector

    Raises
    ------
    InvalidInputError
        For an unknown set.

    Examples
    --------
    >>> from emotion_native import audio
    >>> audio.feature_names()[:2]
    ['mfcc_01_mean', 'mfcc_01_std']
    """
    return list(_core.feature_names(_set_name(set, "feature_names")))


def descriptors(samples: NDArray[Any], sample_rate_hz: int) -> Float32:
    """Follow a voice: the 25 descriptors that "egemaps" summarises, every 10 ms.

    Parameters
    ----------
    samples : ndarray of floats, shape (n,)
        Finite mono samples within -1e9 to 1e9, n >= 1.
    sample_rate_hz : int
        100 to 768000; the work is done at 16000.

    Returns
    -------
    ndarray of float32, shape (25, 1 + ceil(n * 16000 / sample_rate_hz) // 160)
        Rows in the order of `descriptor_names`; frame t is centred on t * 10 ms. The rows of pitch, voice quality, harmonics and formants are 0
        where there is no voice. Units and sources: docs/reference/egemaps.md.

    Raises
    ------
    InvalidInputError
        For samples that break the rules above or another rate.

    Examples
    --------
    >>> import numpy as np
    >>> from emotion_native import audio
    >>> audio.descriptors(np.zeros(16000, dtype=np.float32), 16000).shape
    (25, 101)
    """
    checked = mono_samples(samples, "descriptors", parameter="samples")
    return _core.descriptors(checked, sampling_rate(sample_rate_hz, "sample_rate_hz", "descriptors", low=_core.LOWEST_FEATURE_RATE_HZ))


def descriptor_names() -> list[str]:
    """Return the names of the rows of `descriptors`, in order.

    Returns
    -------
    list of str

    Examples
    --------
    >>> from emotion_native import audio
    >>> audio.descriptor_names()[:2]
    ['F0semitoneFrom27.5Hz', 'loudness']
    """
    return list(_core.descriptor_names())


def _set_name(name: object, caller: str) -> str:
    if not isinstance(name, str):
        raise refuse("set", caller, "the name of a feature set, such as 'classic'", repr(name))
    return name
