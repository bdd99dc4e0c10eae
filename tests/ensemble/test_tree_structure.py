"""Every node of random small models against the definition: sums, limits, and that no allowed split is better than the one taken."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from scipy.special import expit, logsumexp, softmax
from sklearn.utils.class_weight import compute_sample_weight

from emotion_native.ensemble import ExtraTreesClassifier, GradientBoostingClassifier, RandomForestClassifier

Rows = np.ndarray


def pick(r: np.random.Generator, *choices: Any) -> Any:
    return choices[r.integers(len(choices))]


def random_rows(r: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    n, d, k = int(r.integers(20, 120)), int(r.integers(1, 5)), int(r.integers(2, 5))
    y = r.integers(0, k, n)
    y[:k] = np.arange(k)
    X = r.normal(size=(n, d))
    X[:, 0] += 0.7 * y
    X[:, 1:2] = np.round(X[:, 1:2])
    X[:, 2:3] = r.choice([1e30, -1e30, 3.4e38, 0], size=X[:, 2:3].shape)
    X = X.astype(np.float32)
    if r.integers(2):
        X[r.random(X.shape) < 0.15] = np.nan
    weight = pick(r, None, 3 * r.random(n), r.exponential(size=n) ** 2, np.where(np.arange(n) < k, 1.0, r.integers(0, 4, n)))
    return X, y, weight


def random_limits(r: np.random.Generator, k: int) -> dict[str, Any]:
    return {
        "min_samples_leaf": pick(r, 1, 5, 0.06),
        "min_samples_split": pick(r, 2, 11, 0.1),
        "min_weight_fraction_leaf": pick(r, 0.0, 0.05),
        "min_impurity_decrease": pick(r, 0.0, 0.004),
        "max_depth": pick(r, None, 1, 4),
        "max_leaf_nodes": pick(r, None, 2, 7),
        "class_weight": pick(r, None, "balanced", {c: float(r.random() + 0.2) for c in range(k)}),
        "random_state": 0,
        "n_jobs": 1,
    }


def counts(limits: dict[str, Any], n: int) -> tuple[int, int]:
    """Least rows of a leaf, and of a node that is split; shares are of all rows and rounded up."""
    leaf, split = (int(np.ceil(v * n)) if isinstance(v, float) else v for v in (limits["min_samples_leaf"], limits["min_samples_split"]))
    return leaf, max(2, split, 2 * leaf)


def sides(x: np.ndarray) -> Iterator[np.ndarray]:
    """Who goes left, for every split of a column."""
    missing = np.isnan(x)
    known = np.unique(x[~missing]).astype(np.float64)
    cuts = [*((known[:-1] + known[1:]) / 2)] + ([np.inf] if missing.any() and known.size else [])
    for cut in cuts:
        for missing_left in (False, True) if missing.any() else (False,):
            yield np.where(missing, missing_left, x <= cut)


def nodes(tree: dict[str, np.ndarray], X: np.ndarray, rows: Rows) -> Iterator[tuple[int, Rows, int, Rows, Rows]]:
    """Node, its rows, its depth, and the rows of its children (empty in leaves)."""
    stack = [(0, rows, 0)]
    while stack:
        i, own, depth = stack.pop()
        if tree["feature"][i] < 0:
            yield i, own, depth, own[:0], own[:0]
            continue
        x = X[own, tree["feature"][i]]
        left = np.where(np.isnan(x), tree["missing_left"][i] != 0, x <= tree["threshold"][i])
        if not np.isnan(x).any():
            assert (tree["missing_left"][i] != 0) == (2 * left.sum() > len(own))
        yield i, own, depth, own[left], own[~left]
        stack += [(int(tree["left"][i]), own[left], depth + 1), (int(tree["right"][i]), own[~left], depth + 1)]


def trees_of(model: Any) -> Iterator[dict[str, np.ndarray]]:
    arrays = (model._forest if hasattr(model, "_forest") else model._boosting).arrays()
    names = [name for name, value in arrays.items() if isinstance(value, np.ndarray) and name not in ("tree_offsets", "baseline")]
    for begin, end in zip(arrays["tree_offsets"][:-1], arrays["tree_offsets"][1:], strict=True):
        yield {name: arrays[name][begin:end] for name in names}


def best_gain(X: np.ndarray, own: Rows, allowed: Callable[[Rows, Rows], bool], gain: Callable[[Rows, Rows], float]) -> float:
    found = 0.0
    for j in range(X.shape[1]):
        for left in sides(X[own, j]):
            if left.any() and not left.all() and allowed(own[left], own[~left]):
                found = max(found, gain(own[left], own[~left]))
    return found


def impurity(classes: np.ndarray, criterion: str) -> float:
    share = classes / max(classes.sum(), 1e-300)
    return 1 - float(share @ share) if criterion == "gini" else -float((share[share > 0] * np.log2(share[share > 0])).sum())


@pytest.mark.parametrize("seed", range(40))
def test_forests(seed: int) -> None:
    """1e-9: float64 sums. Rows of weight 0 are left out, as scikit-learn's splitter does."""
    r = np.random.default_rng(seed)
    X, y, given = random_rows(r)
    limits = random_limits(r, len(np.unique(y)))
    criterion = pick(r, "gini", "entropy")
    kind = pick(r, RandomForestClassifier, RandomForestClassifier, ExtraTreesClassifier)
    model = kind(2, criterion=criterion, bootstrap=False, max_features=None, **limits).fit(X, y, sample_weight=given)
    weight = (np.ones(len(y)) if given is None else given) * (
        1 if limits["class_weight"] is None else compute_sample_weight(limits["class_weight"], y)
    )
    mass = np.eye(y.max() + 1)[y] * weight[:, None]
    least, to_split = counts(limits, len(y))
    light = limits["min_weight_fraction_leaf"] * weight.sum()

    def part(rows: Rows) -> float:
        return float(mass[rows].sum()) * impurity(mass[rows].sum(axis=0), criterion) / weight.sum()

    def allowed(left: Rows, right: Rows) -> bool:
        return min(len(left), len(right)) >= least and min(weight[left].sum(), weight[right].sum()) >= light * (1 + 1e-9)

    importances = np.zeros(X.shape[1])
    for tree in trees_of(model):
        of_tree = np.zeros(X.shape[1])
        for i, own, depth, left, right in nodes(tree, X, np.flatnonzero(weight > 0)):
            classes = mass[own].sum(axis=0)
            assert tree["cover"][i] == pytest.approx(classes.sum(), rel=1e-12)
            assert tree["impurity"][i] == pytest.approx(impurity(classes, criterion), abs=1e-9)
            np.testing.assert_allclose(tree["value"][i], classes / classes.sum(), atol=1e-12)
            may = len(own) >= to_split and (limits["max_depth"] is None or depth < limits["max_depth"]) and impurity(classes, criterion) > 1e-9
            best = 0.0
            if may and kind is RandomForestClassifier:
                best = best_gain(X, own, allowed, lambda a, b, own=own: part(own) - part(a) - part(b))
            if tree["feature"][i] < 0:
                assert limits["max_leaf_nodes"] is not None or best <= limits["min_impurity_decrease"] + 1e-9
                continue
            taken = part(own) - part(left) - part(right)
            assert may and min(len(left), len(right)) >= max(1, least)
            assert min(weight[left].sum(), weight[right].sum()) >= light * (1 - 1e-9)
            assert taken >= max(best, limits["min_impurity_decrease"]) - 1e-9
            of_tree[tree["feature"][i]] += taken
        assert limits["max_leaf_nodes"] is None or (tree["feature"] < 0).sum() <= limits["max_leaf_nodes"]
        importances += of_tree / max(of_tree.sum(), 1e-300)
    np.testing.assert_allclose(model.feature_importances_, importances / max(importances.sum(), 1e-300), atol=1e-9)


@pytest.mark.parametrize("seed", range(40))
def test_boosting(seed: int) -> None:
    """Sums, gains, leaves and losses to 1e-7 (float64; leaves of tiny second derivatives cancel); splits are chosen on gradients of 13 bits,
    so the best one may be missed by 2 % of its gain and 1e-4 of the node's score."""
    r = np.random.default_rng(seed)
    X, y, given = random_rows(r)
    k = len(np.unique(y))
    limits = random_limits(r, k)
    l2, rate, init = pick(r, 0.0, 1.7), float(r.random() + 0.05), pick(r, None, "zero")
    model = GradientBoostingClassifier(n_estimators=2, learning_rate=rate, l2_regularization=l2, init=init, **limits).fit(X, y, sample_weight=given)
    weight = (np.ones(len(y)) if given is None else given) * (
        1 if limits["class_weight"] is None else compute_sample_weight(limits["class_weight"], y)
    )
    least, to_split = counts(limits, len(y))
    X, y, weight = X[weight > 0], y[weight > 0], weight[weight > 0]
    outputs = 1 if k == 2 else k
    prior = np.log(np.bincount(y, weights=weight) / weight.sum())
    start = np.zeros(outputs) if init == "zero" else np.array([prior[1] - prior[0]]) if k == 2 else prior - prior.mean()
    np.testing.assert_allclose(model._boosting.baseline, start, atol=1e-12)
    margins = np.tile(start, (len(y), 1))
    trees = trees_of(model)
    for loss in model.train_score_:
        shares = expit(margins) if k == 2 else softmax(margins, axis=1)
        margins = margins.copy()
        for output in range(outputs):
            tree = next(trees)
            p = shares[:, output]
            g, h = weight * (p - (y == (1 if k == 2 else output))), weight * p * (1 - p)
            light = limits["min_weight_fraction_leaf"] * weight.sum()
            rounding = len(y) * h.max() / 8191

            def score(rows: Rows, g: np.ndarray = g, h: np.ndarray = h) -> float:
                return 0.5 * float(g[rows].sum()) ** 2 / max(float(h[rows].sum()) + l2, 1e-300)

            def allowed(left: Rows, right: Rows, h: np.ndarray = h, light: float = light, rounding: float = rounding) -> bool:
                steep = min(h[left].sum(), h[right].sum()) >= 1e-3 + rounding  # the least sum of second derivatives of a child
                return bool(steep and min(len(left), len(right)) >= least and min(weight[left].sum(), weight[right].sum()) >= light * (1 + 1e-5))

            for i, own, depth, left, right in nodes(tree, X, np.arange(len(y))):
                steps = float(h[own].sum()) + l2
                assert tree["cover"][i] == pytest.approx(weight[own].sum(), rel=1e-12)
                assert np.ravel(tree["value"])[i] == pytest.approx(-rate * g[own].sum() / steps if steps > 0 else 0.0, rel=1e-7, abs=1e-9)
                may = len(own) >= to_split and (limits["max_depth"] is None or depth < limits["max_depth"])
                best = best_gain(X, own, allowed, lambda a, b, own=own, score=score: score(a) + score(b) - score(own)) if may else 0.0
                slack = 0.02 * best + 1e-4 * (score(own) + best) + 1e-9
                floor = limits["min_impurity_decrease"] * weight.sum()
                if tree["feature"][i] < 0:
                    assert limits["max_leaf_nodes"] is not None or best <= floor * 1.01 + 3 * slack + 1e-6
                    margins[own, output] += np.ravel(tree["value"])[i]
                    continue
                taken = score(left) + score(right) - score(own)
                assert may and min(len(left), len(right)) >= max(1, least)
                assert min(weight[left].sum(), weight[right].sum()) >= light * (1 - 1e-5)
                assert tree["gain"][i] == pytest.approx(max(0.0, taken), rel=1e-6, abs=1e-9)
                assert taken >= max(best - slack - abs(g[own].sum()) * rounding, 0.97 * floor - 1e-9)
            assert limits["max_leaf_nodes"] is None or (tree["feature"] < 0).sum() <= limits["max_leaf_nodes"]
        rows = np.arange(len(y))
        losses = np.logaddexp(0, -margins[:, 0] * (2 * y - 1)) * 2 if k == 2 else logsumexp(margins, axis=1) - margins[rows, y]
        assert loss == pytest.approx(np.average(losses, weights=weight), rel=1e-9)
    np.testing.assert_allclose(np.reshape(model.decision_function(X), margins.shape), margins, atol=1e-9)


def test_out_of_bag_rows_are_those_that_a_tree_has_not_drawn() -> None:
    """Each row is a class of its own, so the leaves of a tree say which rows it drew."""
    n, trees = 40, 12
    X = np.random.default_rng(0).normal(size=(n, 3)).astype(np.float32)
    for options in ({}, {"max_samples": 0.4}, {"class_weight": "balanced"}):
        for weight in (None, np.random.default_rng(1).random(n) + 0.1):
            model = RandomForestClassifier(trees, oob_score=True, random_state=3, **options).fit(X, np.arange(n), sample_weight=weight)
            sums, votes = np.zeros((n, n)), np.zeros(n)
            for tree in trees_of(model):
                drawn = tree["value"][0] > 0
                for row in np.flatnonzero(~drawn):
                    i = 0
                    while tree["feature"][i] >= 0:
                        i = int(tree["left"][i] if X[row, tree["feature"][i]] <= tree["threshold"][i] else tree["right"][i])
                    sums[row] += tree["value"][i]
                    votes[row] += 1
            with np.errstate(invalid="ignore"):
                np.testing.assert_allclose(model.oob_decision_function_, sums / votes[:, None], atol=1e-12)
