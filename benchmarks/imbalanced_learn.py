"""imbalanced-learn with scikit-learn: the whole pipeline, and the samplers."""

from __future__ import annotations

from typing import Any

import imblearn.over_sampling
import imblearn.pipeline
import numpy as np
import sklearn.ensemble
import sklearn.feature_selection
import sklearn.model_selection
import sklearn.neighbors
import sklearn.preprocessing
from threadpoolctl import threadpool_limits

NAME = "scikit-learn + imbalanced-learn"


def pipeline(trees: int, columns: int, n_jobs: int = 1) -> Any:
    """Return scaler, random over-sampling, the best columns, a forest."""
    return imblearn.pipeline.make_pipeline(
        sklearn.preprocessing.StandardScaler(),
        imblearn.over_sampling.RandomOverSampler(random_state=0),
        sklearn.feature_selection.SelectKBest(k=columns),
        sklearn.ensemble.RandomForestClassifier(n_estimators=trees, random_state=0, n_jobs=n_jobs),
    )


def cross_validate(X: np.ndarray, y: np.ndarray, groups: np.ndarray, cv: Any, trees: int, columns: int, n_jobs: int) -> list[np.ndarray]:
    """Return the probabilities of each fold's test rows; the folds run in processes, which is faster here than threads in the forest."""

    def one(train: np.ndarray, test: np.ndarray) -> np.ndarray:
        return np.asarray(pipeline(trees, columns).fit(X[train], y[train]).predict_proba(X[test]))

    from joblib import Parallel, delayed

    return list(Parallel(n_jobs=n_jobs)(delayed(one)(train, test) for train, test in cv.split(X, y, groups)))


def smote(X: np.ndarray, y: np.ndarray, n_jobs: int) -> Any:
    """Return the resampled rows and labels; its neighbours are scikit-learn's, on that many threads of OpenMP over a BLAS of one."""
    neighbours = sklearn.neighbors.NearestNeighbors(n_neighbors=6, n_jobs=n_jobs)  # as it makes them itself, the row itself counted
    with threadpool_limits(n_jobs, user_api="openmp"):
        return imblearn.over_sampling.SMOTE(random_state=0, k_neighbors=neighbours).fit_resample(X, y)


def random_over_sampling(X: np.ndarray, y: np.ndarray) -> Any:
    """Return the resampled rows and labels."""
    return imblearn.over_sampling.RandomOverSampler(random_state=0).fit_resample(X, y)
