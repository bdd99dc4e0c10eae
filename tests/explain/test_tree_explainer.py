"""TreeExplainer against the definition (all coalitions), the shap package on the same trees, and additivity."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from emotion_native.ensemble import RandomForestClassifier
from emotion_native.exceptions import InvalidInputError
from emotion_native.explain import Explanation, TreeExplainer


def make(n: int, d: int, seed: int, classes: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes, n)
    return (rng.normal(size=(n, d)) + 0.8 * (y[:, None] == np.arange(d) % classes)).astype(np.float32), y


def coalition_value(tree: dict[str, np.ndarray], node: int, x: np.ndarray, known: frozenset[int]) -> np.ndarray:
    """The class shares of one tree where only some columns are known."""
    column = int(tree["feature"][node])
    if column < 0:
        shares: np.ndarray = tree["value"][node]
        return shares
    left, right = int(tree["left"][node]), int(tree["right"][node])
    if column in known:
        goes_left = bool(tree["missing_left"][node]) if np.isnan(x[column]) else x[column] <= tree["threshold"][node]
        return coalition_value(tree, left if goes_left else right, x, known)
    share = tree["cover"][left] / tree["cover"][node]
    return share * coalition_value(tree, left, x, known) + (1 - share) * coalition_value(tree, right, x, known)


def trees_of(forest: Any) -> list[dict[str, np.ndarray]]:
    arrays = forest.arrays()
    names = ("feature", "threshold", "left", "right", "missing_left", "cover", "value")
    bounds = itertools.pairwise(arrays["tree_offsets"])
    return [{name: arrays[name][begin:end] for name in names} for begin, end in bounds]


@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_values_equal_the_definition(missing: float) -> None:
    """1e-10: float64 sums over 2^5 coalitions."""
    X, y = make(80, 5, 0)
    X[np.random.default_rng(1).random(X.shape) < missing] = np.nan
    model = RandomForestClassifier(4, random_state=0).fit(X, y)
    found = TreeExplainer(model)(X[:4])
    trees = trees_of(model._forest)
    d = X.shape[1]
    for r, j in itertools.product(range(4), range(d)):
        expected = np.zeros(3)
        others = [c for c in range(d) if c != j]
        for size in range(d):
            weight = math.factorial(size) * math.factorial(d - 1 - size) / math.factorial(d)
            for chosen in itertools.combinations(others, size):
                known = frozenset(chosen)
                for tree in trees:
                    expected += weight * (coalition_value(tree, 0, X[r], known | {j}) - coalition_value(tree, 0, X[r], known))
        np.testing.assert_allclose(found.values[r, j], expected / len(trees), atol=1e-10)


def test_values_equal_the_shap_package_on_the_same_trees() -> None:
    """1e-5: shap reads the rows in float64 but sums its path weights with cancellation."""
    shap = pytest.importorskip("shap")
    X, y = make(300, 12, 2)
    model = RandomForestClassifier(10, random_state=0).fit(X, y)
    described = [
        {
            "children_left": tree["left"].astype(np.int64),
            "children_right": tree["right"].astype(np.int64),
            "children_default": np.where(tree["missing_left"] != 0, tree["left"], tree["right"]).astype(np.int64),
            "features": np.where(tree["feature"] < 0, -2, tree["feature"]).astype(np.int64),
            "thresholds": tree["threshold"].astype(np.float64),
            "values": tree["value"] / 10,
            "node_sample_weight": tree["cover"],
        }
        for tree in trees_of(model._forest)
    ]
    theirs = shap.TreeExplainer({"trees": described})
    ours = TreeExplainer(model)(X[:20])
    expected = np.asarray(theirs.shap_values(X[:20].astype(np.float64), check_additivity=False))
    expected = expected if expected.shape == ours.shape else np.moveaxis(expected, 0, -1)
    np.testing.assert_allclose(ours.values, expected, atol=1e-5)


def test_additivity_and_equal_bits_for_any_n_jobs() -> None:
    X, y = make(500, 30, 3, classes=5)
    X[::7, 2] = np.nan
    model = RandomForestClassifier(40, random_state=0, class_weight="balanced").fit(X, y)
    found = TreeExplainer(model, n_jobs=1)(X[:25])
    np.testing.assert_allclose(found.base_values + found.values.sum(axis=1), model.predict_proba(X[:25]), atol=1e-9)
    for n_jobs in (2, 7):
        np.testing.assert_array_equal(TreeExplainer(model, n_jobs=n_jobs)(X[:25]).values, found.values)


def test_pipelines_are_explained_in_the_forests_columns() -> None:
    pandas = pytest.importorskip("pandas")
    X, y = make(100, 4, 4)
    frame = pandas.DataFrame(X, columns=["pitch", "energy", "rate", "tilt"])
    pipeline = make_pipeline(StandardScaler().set_output(transform="default"), RandomForestClassifier(10, random_state=0)).fit(frame, y)
    found = TreeExplainer(pipeline)(frame.iloc[:6])
    assert list(found.feature_names) == ["pitch", "energy", "rate", "tilt"]
    np.testing.assert_allclose(found.base_values + found.values.sum(axis=1), pipeline.predict_proba(frame.iloc[:6]), atol=1e-9)
    plain = TreeExplainer(RandomForestClassifier(5, random_state=0).fit(X, y))(X[:2])
    assert list(plain.feature_names) == ["x0", "x1", "x2", "x3"]


def test_top_and_slices() -> None:
    X, y = make(100, 6, 5)
    labels = np.array(["angry", "calm", "sad"])[y]
    found = TreeExplainer(RandomForestClassifier(20, random_state=0).fit(X, labels))(X[:8])
    top = found.top(2, "calm", 3)
    assert len(top) == 3
    sizes = np.abs(found.values[2, :, 1])
    assert [abs(contribution) for _, _, contribution in top] == sorted(sizes, reverse=True)[:3]
    name, value, contribution = top[0]
    j = list(found.feature_names).index(name)
    assert (value, contribution) == (float(X[2, j]), float(found.values[2, j, 1]))
    part = found[2:5, [0, 3], 1]
    assert part.shape == (3, 2, 1)
    np.testing.assert_array_equal(part.values[:, :, 0], found.values[2:5, [0, 3], 1])
    assert part.classes.tolist() == ["calm"]
    assert found[3].shape == (1, 6, 3)
    assert len(found) == 8
    assert found.top(0, "sad", 100) == found.top(0, "sad", 6)
    for bad in (lambda: found.top(0, "bored"), lambda: found.top(8, "calm"), lambda: found[99], lambda: found[0, 0, 0, 0], lambda: found["x"]):
        with pytest.raises(InvalidInputError):
            bad()


def test_shap_plots_take_the_explanation() -> None:
    pytest.importorskip("shap")
    X, y = make(60, 4, 6)
    found = TreeExplainer(RandomForestClassifier(5, random_state=0).fit(X, y))(X[:5]).to_shap()
    assert found.values.shape == (5, 4, 3)
    assert found[:, :, 1].values.shape == (5, 4)
    assert found.feature_names == ["x0", "x1", "x2", "x3"]


def test_what_is_no_forest_is_refused() -> None:
    X, y = make(30, 3, 7)
    for model in (RandomForestClassifier(), make_pipeline(StandardScaler()), StandardScaler(), None):
        with pytest.raises(InvalidInputError, match="model of TreeExplainer"):
            TreeExplainer(model)
    explainer = TreeExplainer(RandomForestClassifier(2, random_state=0).fit(X, y))
    for bad in (X[:, :2], np.where(X > 0, np.inf, X), X[:0]):
        with pytest.raises(ValueError):
            explainer(bad)
    with pytest.raises(TypeError):
        explainer._plan.explain(X.astype(np.float64), 1)


def test_empty_explanations_keep_their_axes() -> None:
    empty = Explanation(np.zeros((0, 2, 1)), np.zeros((0, 1)), np.zeros((0, 2), np.float32), ["a", "b"], np.array(["calm"]))
    assert len(empty) == 0
    with pytest.raises(InvalidInputError):
        empty.top(0, "calm")
