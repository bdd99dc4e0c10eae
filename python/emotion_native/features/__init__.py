"""Feature tables: extracted in parallel, cached by content, resumable, stored as Parquet.

Examples
--------
>>> import emotion_native as en
>>> sample = en.datasets.load_sample().head(2)
>>> table = en.features.extract(sample, progress=False, cache=False)
>>> table.X.shape, table.status.tolist()
((2, 1116), ['ok', 'ok'])
"""

from __future__ import annotations

from ._cache import cache_folder, clear_cache
from ._extract import extract
from ._table import FeatureTable, read_table

__all__ = ["FeatureTable", "cache_folder", "clear_cache", "extract", "read_table"]
