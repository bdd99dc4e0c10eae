"""SHAP values of a forest of 300 trees, of a logistic regression, and of any function by permutation, beside shap."""

from __future__ import annotations

from typing import Any

import forests
import numpy as np
import scikit_learn
import shap
import sklearn.linear_model
from datasets import Table
from protocol import Contender, Row

import emotion_native as en

ROWS_EXPLAINED = {"A": 20, "B": 5}


def row(table: Table, key: str) -> Row:
    """Explain a few rows for all classes, one thread; the explainers are made beforehand."""
    mine = forests.ours(300, 2).fit(table.X_train, table.y_train)
    theirs = scikit_learn.forest(300, 2).fit(table.X_train, table.y_train)
    theirs.n_jobs = 1
    some = np.ascontiguousarray(table.X_held_out[: ROWS_EXPLAINED[key]])
    explainer, rival = en.explain.TreeExplainer(mine, n_jobs=1), shap.TreeExplainer(theirs)
    # Each explains its own forest: the numbers of nodes say how much either has to do.
    nodes = {"nodes_ours": len(mine._native_state()[1]["feature"]), "nodes_theirs": sum(tree.tree_.node_count for tree in theirs.estimators_)}

    def check(ours: Any, shap_values: Any) -> dict[str, Any]:
        gap = np.abs(ours.values.sum(axis=1) + ours.base_values - mine.predict_proba(some)).max()
        gap_shap = np.abs(np.asarray(shap_values).sum(axis=1) + rival.expected_value - theirs.predict_proba(some)).max()
        assert gap < 1e-6, gap
        return {"additivity_ours": float(gap), "additivity_shap": float(gap_shap), **nodes}

    contenders = [
        Contender("emotion-native", lambda: explainer(some), 1),
        Contender("shap", lambda: rival.shap_values(some, check_additivity=False), 1, target=15.0),
    ]
    title = f"SHAP values of {len(some)} rows, forest of 300 trees: {key}"
    return Row(f"shap_{key}", title, f"{table.workload}; all classes", contenders, check)


def linear(table: Table, key: str) -> Row:
    """Explain all held-out rows of one fitted model for all classes, against the same 100 background rows, one thread."""
    model = sklearn.linear_model.LogisticRegression(max_iter=50, tol=1e-2).fit(table.X_train.astype(np.float64), table.y_train)
    background, some = (np.ascontiguousarray(part, dtype=np.float64) for part in (table.X_train[:100], table.X_held_out))
    explainer, rival = en.explain.LinearExplainer(model, background, n_jobs=1), shap.LinearExplainer(model, shap.maskers.Independent(background, 100))

    def check(ours: Any, shap_values: Any) -> dict[str, Any]:
        gap = np.abs(ours.values - np.asarray(shap_values)).max()
        assert gap < 1e-6, gap
        return {"largest_difference": float(gap)}

    contenders = [
        Contender("emotion-native", lambda: explainer(some), 1),
        Contender("shap", lambda: rival.shap_values(some), 1, target=1.0),
    ]
    return Row(
        f"linear_shap_{key}", f"SHAP values of {len(some)} rows, logistic regression: {key}", f"{table.workload}; all classes", contenders, check
    )


def permutation(table: Table, key: str) -> Row:
    """Explain five rows of a cheap function by one antithetic pair of orders against 20 background rows, so that the explainers' own work shows."""
    background, some = (np.ascontiguousarray(part, dtype=np.float64) for part in (table.X_train[:20], table.X_held_out[:5]))
    evaluations = 2 * some.shape[1] + 1

    def function(rows: Any) -> Any:
        return np.tanh(rows[:, 0] * rows[:, 1]) + rows[:, 2]

    explainer = en.explain.PermutationExplainer(function, background, seed=0, n_jobs=1)
    rival = shap.PermutationExplainer(function, shap.maskers.Independent(background, 20), seed=0)

    def check(ours: Any, theirs: Any) -> dict[str, Any]:
        gaps = [np.abs(one.values.reshape(len(some), -1).sum(axis=1) + np.ravel(one.base_values) - function(some)).max() for one in (ours, theirs)]
        assert gaps[0] < 1e-6, gaps
        return {"additivity_ours": float(gaps[0]), "additivity_shap": float(gaps[1])}

    contenders = [
        Contender("emotion-native", lambda: explainer(some, max_evals=evaluations), 1),
        Contender("shap", lambda: rival(some, max_evals=evaluations, silent=True), 1, target=1.0),
    ]
    title = f"SHAP values of {len(some)} rows by permutation, {evaluations} coalitions: {key}"
    return Row(f"permutation_shap_{key}", title, f"{table.workload}; 20 background rows, a function of three columns", contenders, check)
