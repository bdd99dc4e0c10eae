"""scikit-learn-intelex: scikit-learn's forest on oneDAL (histograms of at most 256 bins, as it comes)."""

from __future__ import annotations

from typing import Any

from sklearnex.ensemble import RandomForestClassifier

NAME = "scikit-learn-intelex"


def forest(n_estimators: int, n_jobs: int, seed: int = 0) -> Any:
    """Return an unfitted forest."""
    return RandomForestClassifier(n_estimators=n_estimators, random_state=seed, n_jobs=n_jobs)
