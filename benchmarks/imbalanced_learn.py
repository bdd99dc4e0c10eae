"""Rows against scikit-learn and imbalanced-learn: speaker-grouped cross-validation of a whole pipeline on table A."""

from __future__ import annotations

import imblearn.over_sampling
import imblearn.pipeline
import numpy as np
import sklearn.ensemble
import sklearn.feature_selection
import sklearn.model_selection
import sklearn.preprocessing
from protocol import Contender, Row, speech_table, unweighted_average_recall

import emotion_native as en

X, Y, GROUPS = speech_table()
UAR_MARGIN = 0.03  # the same five folds of the same rows; the random numbers differ


def _ours(n_jobs: int) -> np.ndarray:
    model = en.pipeline.make_pipeline(
        en.preprocessing.StandardScaler(),
        en.over_sampling.RandomOverSampler(random_state=0),
        en.feature_selection.SelectKBest(k=90),
        en.ensemble.RandomForestClassifier(n_estimators=300, random_state=0),
    )
    cv = en.model_selection.GroupKFold(5)
    return en.model_selection.cross_val_predict(model, X, Y, groups=GROUPS, cv=cv, n_jobs=n_jobs, method="predict_proba")


def _theirs(n_jobs: int) -> np.ndarray:
    model = imblearn.pipeline.make_pipeline(
        sklearn.preprocessing.StandardScaler(),
        imblearn.over_sampling.RandomOverSampler(random_state=0),
        sklearn.feature_selection.SelectKBest(k=90),
        sklearn.ensemble.RandomForestClassifier(n_estimators=300, random_state=0, n_jobs=1),
    )
    cv = sklearn.model_selection.GroupKFold(5)
    return sklearn.model_selection.cross_val_predict(model, X, Y, groups=GROUPS, cv=cv, n_jobs=n_jobs, method="predict_proba")


def _check(a: np.ndarray, b: np.ndarray) -> dict[str, float]:
    assert a.shape == b.shape
    scores = [unweighted_average_recall(Y, proba.argmax(axis=1)) for proba in (a, b)]
    assert abs(scores[0] - scores[1]) <= UAR_MARGIN, scores
    return {"uar_ours": scores[0], "uar_theirs": scores[1]}


def grouped_cv(n_jobs: int) -> Row:
    """Five folds of scaler, random over-sampling, the best 90 of 180 columns, 300 trees."""
    return Row(
        f"grouped_cv_{n_jobs}",
        "Grouped 5-fold cross-validation: scaler, over-sampling, selection, 300 trees",
        "1,440 rows x 180 columns, 24 speakers, 8 classes",
        [
            Contender("emotion-native", lambda: _ours(n_jobs), n_jobs),
            Contender("scikit-learn + imbalanced-learn", lambda: _theirs(n_jobs), n_jobs, package="scikit-learn"),
        ],
        _check,
    )


ROWS = {"grouped_cv_1": lambda: grouped_cv(1), "grouped_cv_2": lambda: grouped_cv(2)}
