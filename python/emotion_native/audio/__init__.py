"""Audio: decoding, resampling, spectral features and fixed-length vectors of a clip.

Names, arguments, defaults and array layout (features x frames) follow librosa where librosa has them; results are float32. Needs NumPy only.

Examples
--------
>>> import numpy as np
>>> import emotion_native as en
>>> tone = np.sin(2 * np.pi * 440 * np.arange(16000) / 16000).astype(np.float32)
>>> en.audio.mfcc(y=tone, sr=16000, n_mfcc=13).shape
(13, 32)
>>> en.audio.functionals(tone, 16000).shape
(1116,)
"""

from __future__ import annotations

from . import augment, effects
from .cepstrum import delta, mfcc
from .chroma import chroma_stft, estimate_tuning, tonnetz
from .decibels import amplitude_to_db, power_to_db
from .decoding import levels, load, probe, resample
from .functionals import descriptor_names, descriptors, feature_names, functionals
from .pitch_tracking import PitchTrack, VoiceQuality, pitch, pyin, voice_quality, yin
from .spectral import spectral_bandwidth, spectral_centroid, spectral_contrast, spectral_flatness, spectral_rolloff
from .spectrum import fft_frequencies, mel_filterbank, melspectrogram, stft
from .streaming import FeatureStream, StreamedFeatures
from .temporal import rms, zero_crossing_rate
from .voice import QualityRule, VoiceActivity, signal_quality, voice_activity

__all__ = [
    "FeatureStream",
    "PitchTrack",
    "QualityRule",
    "StreamedFeatures",
    "VoiceActivity",
    "VoiceQuality",
    "amplitude_to_db",
    "augment",
    "chroma_stft",
    "delta",
    "descriptor_names",
    "descriptors",
    "effects",
    "estimate_tuning",
    "feature_names",
    "fft_frequencies",
    "functionals",
    "levels",
    "load",
    "mel_filterbank",
    "melspectrogram",
    "mfcc",
    "pitch",
    "power_to_db",
    "probe",
    "pyin",
    "resample",
    "rms",
    "signal_quality",
    "spectral_bandwidth",
    "spectral_centroid",
    "spectral_contrast",
    "spectral_flatness",
    "spectral_rolloff",
    "stft",
    "tonnetz",
    "voice_activity",
    "voice_quality",
    "yin",
    "zero_crossing_rate",
]
