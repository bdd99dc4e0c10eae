"""Manifests: one row a clip, with its label, speaker and recording; parsers of known corpora; a bundled sample; validation.

Examples
--------
>>> from emotion_native import datasets
>>> sample = datasets.load_sample()
>>> sorted(sample["emotion"].unique())
['angry', 'happy', 'neutral', 'sad']
"""

from __future__ import annotations

from ._corpora import crema_d, emodb, emovo, ravdess
from ._labels import EMOTIONS, canonical_label
from ._licences import CORPUS_LICENCES, licence_terms, training_sources
from ._manifest import MODALITIES, read_manifest, write_manifest
from ._sample import load_sample
from ._validate import Issue, ValidationReport, validate

__all__ = [
    "CORPUS_LICENCES",
    "EMOTIONS",
    "MODALITIES",
    "Issue",
    "ValidationReport",
    "canonical_label",
    "crema_d",
    "emodb",
    "emovo",
    "licence_terms",
    "load_sample",
    "ravdess",
    "read_manifest",
    "training_sources",
    "validate",
    "write_manifest",
]
