"""Logistic regression on A to C (L2, elastic net, one-vs-rest), one row, thresholds of labels; scikit-learn has its BLAS on one thread."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import sklearn.linear_model
import sklearn.metrics
import sklearn.multiclass
from datasets import Table
from protocol import Contender, Row, beside, log_loss
from threadpoolctl import threadpool_limits

import emotion_native as en

NAME = "scikit-learn"
LIMIT = 1000  # iterations: both sides end by their default tolerance before
# Both stop near the optimum of one convex problem: held-out log loss may differ by what their tolerances leave.
MARGIN = 0.01
LABELS, ROWS = 28, 5_426  # as many as GoEmotions has in its test part
GRID = np.linspace(0.01, 0.99, 99)  # cuts that scikit-learn's loop tries; ours looks at all


@cache
def scaled(table: Table) -> tuple[np.ndarray, np.ndarray]:
    """Return the training rows and the held-out rows, float32, scaled by the training rows."""
    scaler = en.preprocessing.StandardScaler().fit(table.X_train)
    return scaler.transform(table.X_train), scaler.transform(table.X_held_out)


def sides(kind: str) -> dict[str, Any]:
    """Return an unfitted model of each side. scikit-learn's solver of absolute values is saga, its default is lbfgs."""
    if kind == "one_vs_rest":
        return {
            "emotion-native": en.multilabel.OneVsRestClassifier(en.linear_model.LogisticRegression(max_iter=LIMIT), n_jobs=1),
            NAME: sklearn.multiclass.OneVsRestClassifier(sklearn.linear_model.LogisticRegression(max_iter=LIMIT)),
        }
    parameters: dict[str, Any] = {"max_iter": LIMIT, "C": 0.1, "l1_ratio": 0.5, "solver": "saga"} if kind == "elastic_net" else {"max_iter": LIMIT}
    theirs = {"random_state": 0} if kind == "elastic_net" else {}
    return {
        "emotion-native": en.linear_model.LogisticRegression(n_jobs=1, **parameters),
        NAME: sklearn.linear_model.LogisticRegression(**parameters, **theirs),
    }


def fit(table: Table, key: str, kind: str) -> Row:
    """Fit ``kind``: l2, elastic_net or one_vs_rest; one thread on both sides."""
    models = sides(kind)

    def call(name: str) -> Any:
        with threadpool_limits(1):
            return models[name].fit(scaled(table)[0], table.y_train)

    def check(*fitted: Any) -> dict[str, Any]:
        loss = [log_loss(table.y_held_out, model.predict_proba(scaled(table)[1])) for model in fitted]
        return beside("log_loss", loss[0], {NAME: loss[1]}, MARGIN, False)

    scaled(table)
    contenders = [Contender(name, lambda name=name: call(name), 1, target=0.0 if name == "emotion-native" else 1.0) for name in models]
    title = f"Logistic regression, {kind.replace('_', ' ')}: fit on {key}"
    long = key == "C" and kind == "elastic_net"
    work = f"{table.workload}; {table.train.size:,} rows to train on"
    return Row(f"logistic_{kind}_{key}", title, work, contenders, check, 3 if long else 5, long=long)


def one(table: Table, key: str) -> Row:
    """Label one float32 row."""
    fitted = {name: model.fit(scaled(table)[0], table.y_train) for name, model in sides("l2").items()}
    row = np.ascontiguousarray(scaled(table)[1][:1])
    contenders = [
        Contender("emotion-native", lambda: fitted["emotion-native"].predict(row), 1),
        Contender(NAME, lambda: fitted[NAME].predict(row), 1, target=10.0),
    ]

    def check(ours: np.ndarray, theirs: np.ndarray) -> dict[str, float]:
        return {"same_label": float(ours[0] == theirs[0])}

    return Row(f"logistic_one_{key}", f"Logistic regression of {key}: one row", table.workload, contenders, check, 9, limit=5e-6)


def thresholds() -> Row:
    """Tune the thresholds of 28 labels: all cuts against scikit-learn's loop over a grid of 99."""
    rng = np.random.default_rng(0)
    truth = (rng.random((ROWS, LABELS)) < np.geomspace(0.3, 0.01, LABELS)).astype(np.int64)
    scores = 1 / (1 + np.exp(-(1.5 * truth - 1 + rng.normal(size=truth.shape))))

    def theirs() -> np.ndarray:
        found = np.empty(LABELS)
        for k in range(LABELS):
            f1 = [sklearn.metrics.f1_score(truth[:, k], scores[:, k] > cut, zero_division=0) for cut in GRID]
            found[k] = max(f1)
        return found

    def check(ours: tuple[np.ndarray, np.ndarray], grid: np.ndarray) -> dict[str, float]:
        reached = [sklearn.metrics.f1_score(truth[:, k], scores[:, k] > ours[0][k]) for k in range(LABELS)]
        assert np.allclose(reached, ours[1])
        assert (ours[1] >= grid - 1e-12).all()  # no cut of the grid is better than the best of all cuts
        return {"mean_f1_ours": float(ours[1].mean()), "mean_f1_grid": float(grid.mean())}

    contenders = [
        Contender("emotion-native", lambda: en.multilabel.tune_thresholds(truth, scores, n_jobs=1), 1),
        Contender(NAME, theirs, 1, target=100.0),
    ]
    work = f"{LABELS} labels x {ROWS:,} rows; scikit-learn tries {GRID.size} cuts a label, ours all"
    return Row("thresholds_28", "Thresholds of labels by F1", work, contenders, check)
