"""Gradient boosting: fit at equal log loss and one row; beside LightGBM, XGBoost and HistGradientBoosting with the same settings."""

from __future__ import annotations

from typing import Any

import light_gbm
import numpy as np
import scikit_learn
import xg_boost
from datasets import Table
from protocol import Contender, Row, beside, log_loss, unweighted_average_recall

import emotion_native as en

ROUNDS = {"A": 100, "B": 50, "C": 20, "D": 5}
TARGETS = {"A": 4.0, "B": 2.0, "C": 1.3, "D": 1.0}
MARGIN = {"A": 0.03, "B": 0.01, "C": 0.005, "D": 0.005}  # nats; nothing here is drawn at random, A has 480 held-out rows
LEAVES = 31


def ours(rounds: int, leaves: int, n_jobs: int) -> Any:
    """Return an unfitted model of ours."""
    return en.ensemble.GradientBoostingClassifier(
        n_estimators=rounds,
        max_leaf_nodes=leaves,
        max_depth=None,
        max_bins=255,
        learning_rate=0.1,
        l2_regularization=1.0,
        min_samples_leaf=20,
        random_state=0,
        n_jobs=n_jobs,
    )


SIDES = {
    "emotion-native": ours,
    light_gbm.NAME: light_gbm.boosting,
    xg_boost.NAME: xg_boost.boosting,
    "HistGradientBoosting": scikit_learn.HistGradientBoosting,
}
PACKAGES = {"HistGradientBoosting": scikit_learn.NAME}


def quality(table: Table, key: str, models: dict[str, Any]) -> dict[str, Any]:
    """Return log loss and recall on the held-out speakers."""
    probability = {name: np.asarray(model.predict_proba(table.X_held_out), dtype=np.float64) for name, model in models.items()}
    loss = {name: log_loss(table.y_held_out, one) for name, one in probability.items()}
    recall = {name: unweighted_average_recall(table.y_held_out, one.argmax(axis=1)) for name, one in probability.items()}
    loss_ours, recall_ours = loss.pop("emotion-native"), recall.pop("emotion-native")
    return {**beside("log_loss", loss_ours, loss, MARGIN.get(key, 0.03), False), **beside("uar", recall_ours, recall, 0.03)}


def fit(table: Table, key: str, n_jobs: int) -> Row:
    """Fit; the target is against the fastest of the others, so it stands at each."""
    rounds = ROUNDS.get(key, 100)
    contenders = [
        Contender(
            name,
            lambda side=side: side(rounds, LEAVES, n_jobs).fit(table.X_train, table.y_train),
            n_jobs,
            PACKAGES.get(name, ""),
            0.0 if name == "emotion-native" else TARGETS.get(key, 0.0),
        )
        for name, side in SIDES.items()
    ]

    def check(*models: Any) -> dict[str, Any]:
        return quality(table, key, dict(zip(SIDES, models, strict=True)))

    long = key in "BCD"
    title = f"Gradient boosting, {rounds} rounds of {LEAVES} leaves: fit on {key}"
    work = f"{table.workload}; {table.train.size:,} rows to train on"
    return Row(f"boosting_fit_{key}_{n_jobs}", title, work, contenders, check, 3 if long else 5, long=long)


def one(table: Table, key: str) -> Row:
    """Probabilities of one float32 row, one thread."""
    models = {name: side(ROUNDS[key], LEAVES, 1).fit(table.X_train, table.y_train) for name, side in SIDES.items()}
    row = np.ascontiguousarray(table.X_held_out[:1])
    agreement = quality(table, key, models)
    contenders = [
        Contender("emotion-native", lambda: models["emotion-native"].predict_proba(row), 1),
        Contender(light_gbm.NAME, light_gbm.one_row(models[light_gbm.NAME], row), 1),
        Contender(xg_boost.NAME, xg_boost.one_row(models[xg_boost.NAME], row), 1),
        Contender("HistGradientBoosting", lambda: models["HistGradientBoosting"].predict_proba(row), 1, scikit_learn.NAME),
    ]
    title = f"Gradient boosting, {ROUNDS[key]} rounds of {key}: one row"
    return Row(f"boosting_one_{key}", title, table.workload, contenders, lambda *results: agreement, 9, limit=20e-6)
