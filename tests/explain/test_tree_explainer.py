"""TreeExplainer against the definition (all coalitions), the shap package on the same trees, and additivity."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier as SklearnForest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from emotion_native import _core
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


def described_trees(model: RandomForestClassifier) -> list[dict[str, Any]]:
    """Return the trees in the words of the shap package, their values as shares of the forest's."""
    return [
        {
            "children_left": tree["left"].astype(np.int64),
            "children_right": tree["right"].astype(np.int64),
            "children_default": np.where(tree["missing_left"] != 0, tree["left"], tree["right"]).astype(np.int64),
            "features": np.where(tree["feature"] < 0, -2, tree["feature"]).astype(np.int64),
            "thresholds": tree["threshold"].astype(np.float64),
            "values": tree["value"] / model.n_estimators,
            "node_sample_weight": tree["cover"].copy(),
        }
        for tree in trees_of(model._forest)
    ]


def test_values_equal_the_shap_package_on_the_same_trees() -> None:
    """1e-5: shap reads the rows in float64 but sums its path weights with cancellation."""
    shap = pytest.importorskip("shap")
    X, y = make(300, 12, 2)
    model = RandomForestClassifier(10, random_state=0).fit(X, y)
    theirs = shap.TreeExplainer({"trees": described_trees(model)})
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


def hand_made_boosting(n_classes: int, width: int) -> Any:
    """Return a boosting model of three rounds of stumps and two-level trees; with a width above 1 no fit makes one."""
    outputs = 1 if n_classes == 2 else n_classes
    n_trees = 3 * outputs // width
    rng = np.random.default_rng(n_classes + width)
    shape = {"feature": [0, 1, -1, -1, -1], "left": [1, 2, -1, -1, -1], "right": [4, 3, -1, -1, -1], "cover": [10, 6, 2, 4, 4]}
    feature = np.tile(np.array(shape["feature"], np.int32), n_trees)
    feature[feature == 1] = rng.integers(0, 3, n_trees)
    return _core.Boosting.from_arrays(
        {
            "n_classes": n_classes,
            "n_features": 3,
            "leaf_width": width,
            "baseline": rng.normal(size=outputs),
            "tree_offsets": np.arange(0, 5 * n_trees + 1, 5, dtype=np.int64),
            "feature": feature,
            "threshold": rng.normal(size=5 * n_trees).astype(np.float32),
            "left": np.tile(np.array(shape["left"], np.int32), n_trees),
            "right": np.tile(np.array(shape["right"], np.int32), n_trees),
            "missing_left": rng.integers(0, 2, 5 * n_trees).astype(np.uint8),
            "cover": np.tile(np.array(shape["cover"], np.float64), n_trees),
            "gain": np.zeros(5 * n_trees),
            "value": rng.normal(size=(5 * n_trees, width)),
        }
    )


class BoostingLike:
    """What TreeExplainer reads of a fitted boosting classifier."""

    def __init__(self, n_classes: int, width: int) -> None:
        self._boosting = hand_made_boosting(n_classes, width)
        self.classes_ = np.array(["angry", "calm", "sad"])[:n_classes]
        self.n_features_in_ = 3


def margins(model: Any, X: np.ndarray) -> np.ndarray:
    outputs = len(model.baseline)
    found = np.tile(model.baseline, (len(X), 1))
    for t, begin in enumerate(model.tree_offsets[:-1]):
        for r, x in enumerate(X):
            i = begin
            while model.feature[i] >= 0:
                value = x[model.feature[i]]
                left = bool(model.missing_left[i]) if np.isnan(value) else value <= model.threshold[i]
                i = begin + (model.left[i] if left else model.right[i])
            first = 0 if model.leaf_width == outputs else t % outputs
            found[r, first : first + model.leaf_width] += model.value[i]
    return found


@pytest.mark.parametrize(("n_classes", "width"), [(2, 1), (3, 1), (3, 3)])
def test_boosting_margins_add_up_both_ways(n_classes: int, width: int) -> None:
    """1e-12: a handful of float64 additions."""
    model = BoostingLike(n_classes, width)
    X = np.random.default_rng(0).normal(size=(19, 3)).astype(np.float32)
    X[::4, 1] = np.nan
    for explainer in (TreeExplainer(model), TreeExplainer(model, X[:7])):
        found = explainer(X)
        np.testing.assert_allclose(found.base_values + found.values.sum(axis=1), margins(model._boosting, X), atol=1e-12)
        assert found.classes.tolist() == (["calm"] if n_classes == 2 else ["angry", "calm", "sad"])
    np.testing.assert_allclose(explainer.expected_value, margins(model._boosting, X[:7]).mean(axis=0), atol=1e-12)
    with pytest.raises(InvalidInputError, match="model_output of TreeExplainer"):
        TreeExplainer(model, model_output="probability")


def test_interventional_values_equal_the_shap_package_on_the_same_trees() -> None:
    """1e-6: shap multiplies its weights in float32 in places."""
    shap = pytest.importorskip("shap")
    X, y = make(300, 12, 8)
    model = RandomForestClassifier(6, random_state=0).fit(X, y)
    theirs = shap.TreeExplainer({"trees": described_trees(model)}, X[:80].astype(np.float64), feature_perturbation="interventional")
    ours = TreeExplainer(model, X[:80])(X[100:110])
    np.testing.assert_allclose(ours.values, theirs.shap_values(X[100:110].astype(np.float64), check_additivity=False), atol=1e-6)
    np.testing.assert_allclose(ours.base_values[0], model.predict_proba(X[:80]).mean(axis=0), atol=1e-12)


def test_interventional_bits_are_equal_for_any_n_jobs_and_pipelines_transform_the_background() -> None:
    X, y = make(200, 8, 9)
    pipeline = make_pipeline(StandardScaler(), RandomForestClassifier(15, random_state=0)).fit(X, y)
    found = TreeExplainer(pipeline, X[:70], n_jobs=1)(X[:13])
    np.testing.assert_allclose(found.base_values + found.values.sum(axis=1), pipeline.predict_proba(X[:13]), atol=1e-12)
    for n_jobs in (2, 7):
        np.testing.assert_array_equal(TreeExplainer(pipeline, X[:70], n_jobs=n_jobs)(X[:13]).values, found.values)


def test_bad_backgrounds_and_choices_are_refused() -> None:
    X, y = make(40, 3, 10)
    model = RandomForestClassifier(3, random_state=0).fit(X, y)
    for bad in (X[:0], X[:, :2], np.full((2, 3), np.inf), "rows", X[0]):
        with pytest.raises(InvalidInputError):
            TreeExplainer(model, bad)
    with pytest.raises(InvalidInputError, match="data of TreeExplainer"):
        TreeExplainer(model, feature_perturbation="interventional")
    with pytest.raises(InvalidInputError, match="feature_perturbation of TreeExplainer"):
        TreeExplainer(model, feature_perturbation="observational")
    with pytest.raises(InvalidInputError, match="model_output of TreeExplainer"):
        TreeExplainer(model, model_output="log_loss")
    assert TreeExplainer(model, X, feature_perturbation="tree_path_dependent").feature_perturbation == "tree_path_dependent"
    assert np.isfinite(TreeExplainer(model, np.full((2, 3), np.nan))(X[:2]).values).all()
    with pytest.raises(InvalidInputError, match=r"emotion_native\.ensemble"):
        TreeExplainer(SklearnForest(3, random_state=0).fit(X, y))
    with pytest.raises(InvalidInputError, match="call fit first"):
        TreeExplainer(RandomForestClassifier())


def test_progress_may_stop_an_explanation() -> None:
    X, y = make(300, 20, 11)
    explainer = TreeExplainer(RandomForestClassifier(60, random_state=0).fit(X, y), X, n_jobs=1)

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        explainer(X, progress=stop)


def test_classes_by_name_and_all_of_shaps_plots() -> None:
    shap = pytest.importorskip("shap")
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    X, y = make(60, 4, 6)
    labels = np.array(["angry", "calm", "happy"])[y]
    found = TreeExplainer(RandomForestClassifier(5, random_state=0).fit(X, labels))(X[:30])
    np.testing.assert_array_equal(found[:, "x2", "happy"].values[:, 0, 0], found.values[:, 2, 2])
    with pytest.raises(InvalidInputError, match="known class"):
        found[:, :, "bored"]
    happy = found[:, :, "happy"].to_shap()
    assert happy.values.shape == (30, 4)
    one = found[0, :, "happy"].to_shap()
    assert one.values.shape == (4,)
    np.testing.assert_array_equal(found.to_shap()[:, :, "happy"].values, happy.values)
    for draw, argument in (
        (shap.plots.beeswarm, happy),
        (shap.plots.bar, happy),
        (shap.plots.violin, happy),
        (shap.plots.heatmap, happy),
        (shap.plots.scatter, happy[:, 0]),
        (shap.plots.waterfall, one),
    ):
        draw(argument, show=False)
        assert plt.gcf().axes
        plt.close("all")
