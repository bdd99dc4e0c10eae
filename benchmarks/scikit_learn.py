"""Rows against scikit-learn: forests and logistic regression on table A (1,440 rows, 180 columns, 24 speakers, 8 unbalanced classes)."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import sklearn.ensemble
import sklearn.linear_model
import sklearn.pipeline
import sklearn.preprocessing
from protocol import Contender, Row, speech_table, unweighted_average_recall

import emotion_native as en

WORKLOAD = "1,440 rows x 180 columns, 8 classes"
# Forests grown from different random numbers differ: one pair by up to 0.04 on the 480 held-out rows, the mean of five by less than this.
UAR_MARGIN = 0.03
SEEDS = 5

X, Y, GROUPS = speech_table()
TRAIN = GROUPS < 16


def _fit(package: Any, n_jobs: int, seed: int = 0) -> Any:
    return package.RandomForestClassifier(n_estimators=300, random_state=seed, n_jobs=n_jobs).fit(X[TRAIN], Y[TRAIN])


@cache
def _same_quality() -> dict[str, float]:
    def mean_recall(package: Any) -> float:
        return float(np.mean([unweighted_average_recall(Y[~TRAIN], _fit(package, 2, seed).predict(X[~TRAIN])) for seed in range(SEEDS)]))

    ours, theirs = mean_recall(en.ensemble), mean_recall(sklearn.ensemble)
    assert abs(ours - theirs) <= UAR_MARGIN, (ours, theirs)
    return {"uar_ours": ours, "uar_theirs": theirs, "seeds": SEEDS}


def forest_fit(n_jobs: int) -> Row:
    """Fit 300 trees."""
    return Row(
        f"forest_fit_{n_jobs}",
        "Random forest, 300 trees: fit",
        f"{WORKLOAD} (960 rows of 16 speakers to train on)",
        [
            Contender("emotion-native", lambda: _fit(en.ensemble, n_jobs), n_jobs),
            Contender("scikit-learn", lambda: _fit(sklearn.ensemble, n_jobs), n_jobs),
        ],
        lambda ours, theirs: _same_quality(),
    )


def forest_predict_one() -> Row:
    """Predict the probabilities of one row with 300 trees; both sides on one thread, which is their fastest."""
    ours, theirs = _fit(en.ensemble, 1), _fit(sklearn.ensemble, 1)
    one = np.ascontiguousarray(X[~TRAIN][:1])

    def check(a: np.ndarray, b: np.ndarray) -> dict[str, float]:
        assert a.shape == b.shape == (1, 8) and abs(a.sum() - 1) < 1e-9 and abs(b.sum() - 1) < 1e-9
        return _same_quality()

    return Row(
        "forest_predict_one",
        "Random forest, 300 trees: predict one row",
        WORKLOAD,
        [
            Contender("emotion-native", lambda: ours.predict_proba(one), 1),
            Contender("scikit-learn", lambda: theirs.predict_proba(one), 1),
        ],
        check,
        repeats=9,
    )


def logistic_fit() -> Row:
    """Fit a scaler and a logistic regression."""
    from threadpoolctl import threadpool_limits

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


ROWS = {
    "forest_fit_1": lambda: forest_fit(1),
    "forest_fit_2": lambda: forest_fit(2),
    "forest_predict_one": forest_predict_one,
    "logistic_fit": logistic_fit,
}
