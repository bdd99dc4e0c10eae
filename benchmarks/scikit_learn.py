"""scikit-learn: its forest and histogram boosting, and a row of its own for logistic regression."""

from __future__ import annotations

from typing import Any

import numpy as np
import sklearn.ensemble
import sklearn.linear_model
import sklearn.pipeline
import sklearn.preprocessing
from protocol import Contender, Row, speech_table
from threadpoolctl import threadpool_limits

import emotion_native as en

NAME = "scikit-learn"
WORKLOAD = "1,440 rows x 180 columns, 8 classes"

X, Y, GROUPS = speech_table()
TRAIN = GROUPS < 16


def forest(n_estimators: int, n_jobs: int, seed: int = 0) -> Any:
    """Return an unfitted forest."""
    return sklearn.ensemble.RandomForestClassifier(n_estimators=n_estimators, random_state=seed, n_jobs=n_jobs)


class HistGradientBoosting:
    """Its histogram boosting with the settings that all sides share; it has no n_jobs: OpenMP's threads are set around the fit."""

    def __init__(self, rounds: int, leaves: int, n_jobs: int) -> None:
        self.n_jobs = n_jobs
        self.model = sklearn.ensemble.HistGradientBoostingClassifier(
            max_iter=rounds, max_leaf_nodes=leaves, max_bins=255, learning_rate=0.1, l2_regularization=1.0, min_samples_leaf=20, early_stopping=False
        )

    def fit(self, X: np.ndarray, y: np.ndarray) -> HistGradientBoosting:
        """Fit with that many threads."""
        with threadpool_limits(self.n_jobs, user_api="openmp"):
            self.model.fit(X, y)
        return self

    def predict_proba(self, X: np.ndarray) -> Any:
        """Return the probabilities."""
        return self.model.predict_proba(X)


def logistic_fit() -> Row:
    """Fit a scaler and a logistic regression."""
    def ours() -> np.ndarray:
        model = en.pipeline.make_pipeline(en.preprocessing.StandardScaler(), en.linear_model.LogisticRegression(max_iter=1000))
        return model.fit(X[TRAIN], Y[TRAIN]).predict_proba(X[~TRAIN])

    def theirs() -> np.ndarray:
        model = sklearn.pipeline.make_pipeline(sklearn.preprocessing.StandardScaler(), sklearn.linear_model.LogisticRegression(max_iter=1000))
        with threadpool_limits(1):  # its BLAS is many times slower with more threads on matrices of this size
            return model.fit(X[TRAIN], Y[TRAIN]).predict_proba(X[~TRAIN])

    def check(a: np.ndarray, b: np.ndarray) -> dict[str, float]:
        worst = float(np.abs(a - b).max())
        assert worst < 5e-3, worst  # both stop at their own tolerance of the same convex problem
        return {"largest_difference_of_a_probability": worst}

    return Row(
        "logistic_fit",
        "Scaler and logistic regression: fit",
        f"{WORKLOAD} (960 rows to train on)",
        [Contender("emotion-native", ours, 1), Contender("scikit-learn", theirs, 1)],
        check,
        repeats=9,
    )


ROWS = {"logistic_fit": logistic_fit}
