"""Exact path-dependent SHAP values of a forest of 300 trees, beside shap."""

from __future__ import annotations

from typing import Any

import forests
import numpy as np
import scikit_learn
import shap
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
