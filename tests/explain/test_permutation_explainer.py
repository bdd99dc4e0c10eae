"""PermutationExplainer against all coalitions, shap's own explainers and TreeExplainer; additivity, seeds, batches and threads."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd
import pytest

import emotion_native as en
from emotion_native.ensemble import GradientBoostingClassifier, RandomForestClassifier
from emotion_native.exceptions import InvalidInputError
from emotion_native.explain import PermutationExplainer, TreeExplainer


def make(d: int, seed: int = 0, n: int = 150) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d)).astype(np.float32)
    return X, np.where(X[:, 0] * X[:, 1 % d] > 0.2, "happy", np.where(X[:, -1] > 0, "calm", "sad"))


@pytest.mark.parametrize("d", [1, 2, 5, 9])
def test_few_columns_are_explained_exactly(d: int, shapley: Any, against_background: Any) -> None:
    """1e-12: float64 sums over at most 2^9 coalitions."""
    X, y = make(d)
    model = RandomForestClassifier(5, random_state=0).fit(X, y)
    found = PermutationExplainer(model, X[:6])(X[100:102], max_evals=600)
    for row in range(2):
        worth = against_background(model.predict_proba, X[100 + row], X[:6])
        np.testing.assert_allclose(found.values[row], shapley(worth, d), atol=1e-12)
        np.testing.assert_allclose(found.base_values[row], worth([]), atol=1e-12)


def test_walks_are_the_mean_over_antithetic_orders_of_the_definition(against_background: Any) -> None:
    """What pairs give is recomputed here from the rows that the model was asked for: every order that was walked, forwards and backwards."""
    X, _ = make(6)
    x, background = X[0].astype(np.float64), X[100:103].astype(np.float64)

    def f(rows: np.ndarray) -> np.ndarray:
        return rows[:, 0] * rows[:, 1] + np.tanh(rows[:, 2] * rows[:, 3] * rows[:, 4]) + rows[:, 5]

    found = PermutationExplainer(f, background, seed=3)(x[None], max_evals=3 * 13).values[0, :, 0]
    worth = against_background(f, x, background)
    plan = en._core.PermutationShap(6, 3, 3)
    known = plan.fill(np.ones((1, 6)), np.zeros((1, 6)), 0, plan.n_coalitions, 1).astype(bool)
    values = np.zeros(6)
    orders = []
    for walk in known.reshape(6, 5, 6):
        steps = np.vstack([np.zeros((1, 6), bool), walk, np.ones((1, 6), bool)])
        order = [int(np.flatnonzero(after & ~before)[0]) for before, after in itertools.pairwise(steps)]
        orders.append(order)
        for i, j in enumerate(order):
            values[j] += (worth(sorted(order[: i + 1])) - worth(sorted(order[:i]))) / 6
    np.testing.assert_allclose(found, values, atol=1e-12)
    for forwards, backwards in zip(orders[::2], orders[1::2], strict=True):
        assert forwards == backwards[::-1] and sorted(forwards) == list(range(6))
    assert len({tuple(order) for order in orders}) == 6


@pytest.mark.parametrize("max_evals", ["auto", 81, 1000])
def test_values_add_up_however_few_walks_there_are(max_evals: Any) -> None:
    X, y = make(40, n=200)
    model = GradientBoostingClassifier(n_estimators=5, random_state=0).fit(X, y)
    found = PermutationExplainer(model, X[:10], seed=1)(X[150:153], max_evals=max_evals)
    np.testing.assert_allclose(found.base_values + found.values.sum(axis=1), model.predict_proba(X[150:153]), atol=1e-12)


def test_many_walks_come_near_the_exact_values_of_trees() -> None:
    """12 columns, 100 pairs: the error of a mean over walks is far below 0.02, a fiftieth of the range of shares."""
    X, y = make(12, n=300)
    model = RandomForestClassifier(10, random_state=0).fit(X, y)
    exact = TreeExplainer(model, X[:20])(X[200:204]).values
    found = PermutationExplainer(model, X[:20], seed=0)(X[200:204], max_evals=2500).values
    assert np.abs(found - exact).max() < 0.02
    all_of_them = PermutationExplainer(model, X[:20])(X[200:201], max_evals=2**12).values
    np.testing.assert_allclose(all_of_them, exact[:1], atol=1e-10)


def test_values_equal_those_of_the_shap_package() -> None:
    """A function with interactions of two columns at most: one antithetic pair is exact for it, ours and shap's."""
    shap = pytest.importorskip("shap")
    X, _ = make(8)
    background, asked = X[:15].astype(np.float64), X[100:104].astype(np.float64)

    def f(rows: np.ndarray) -> np.ndarray:
        return rows[:, 0] * rows[:, 1] - 2 * rows[:, 2] * rows[:, 7] + rows[:, 3] ** 2

    theirs = shap.PermutationExplainer(f, shap.maskers.Independent(background, max_samples=15), seed=0)(asked, max_evals=170, silent=True)
    found = PermutationExplainer(f, background, seed=0)(asked, max_evals=17)
    np.testing.assert_allclose(found.values[:, :, 0], theirs.values, atol=1e-10)
    np.testing.assert_allclose(found.base_values[:, 0], theirs.base_values, atol=1e-10)
    exact = shap.ExactExplainer(f, shap.maskers.Independent(background, max_samples=15))(asked)
    np.testing.assert_allclose(found.values[:, :, 0], exact.values, atol=1e-10)


def test_a_seed_gives_equal_bits_for_any_threads_batches_and_company() -> None:
    X, y = make(15)
    model = RandomForestClassifier(5, random_state=0).fit(X, y)
    whole = PermutationExplainer(model, X[:7], seed=5, n_jobs=1)(X[100:110], max_evals=100).values
    for n_jobs, batch_size in ((2, 1), (7, 50), (1, 100_000)):
        again = PermutationExplainer(model, X[:7], seed=5, n_jobs=n_jobs)(X[100:110], max_evals=100, batch_size=batch_size).values
        assert np.array_equal(again, whole)
    alone = PermutationExplainer(model, X[:7], seed=5).shap_values(X[103:104], max_evals=100)
    assert np.array_equal(alone[0], whole[3])
    assert not np.array_equal(PermutationExplainer(model, X[:7], seed=6)(X[100:110], max_evals=100).values, whole)


def test_the_model_is_asked_in_batches() -> None:
    X, _ = make(10)
    sizes: list[int] = []

    def f(rows: np.ndarray) -> np.ndarray:
        sizes.append(len(rows))
        return rows[:, 0]

    explainer = PermutationExplainer(f, X[:4], seed=0)
    sizes.clear()
    done: list[tuple[int, int]] = []
    explainer(X[50:53], max_evals=42, batch_size=30, progress=lambda *now: done.append(now))
    assert max(sizes) <= 30 and sum(sizes) == 3 * 36 * 4 + 3 and len(sizes) == 17
    assert done[-1] == (108, 108)


def test_frames_missing_values_and_loaded_models() -> None:
    X, y = make(4)
    X[::5, 2] = np.nan
    frame = pd.DataFrame(X, columns=["a", "b", "c", "d"])
    model = RandomForestClassifier(5, random_state=0).fit(frame, y)
    found = PermutationExplainer(model, frame[:10])(frame[100:105])
    np.testing.assert_allclose(found.base_values + found.values.sum(axis=1), model.predict_proba(frame[100:105]), atol=1e-12)
    assert list(found.feature_names) == ["a", "b", "c", "d"]
    asked_by_arrays = PermutationExplainer(model, X[:10])(X[100:105])
    assert np.array_equal(asked_by_arrays.values, found.values) and list(asked_by_arrays.feature_names) == ["a", "b", "c", "d"]

    loaded = en.load_model()
    rows = loaded.background[:2]
    why = PermutationExplainer(loaded, loaded.background[2:5], seed=0)(rows)
    np.testing.assert_allclose(why.base_values + why.values.sum(axis=1), loaded.predict_proba(rows), atol=1e-9)
    assert list(why.feature_names) == list(loaded.feature_names) and why.classes.tolist() == list(loaded.classes)


def first(rows: np.ndarray) -> np.ndarray:
    return np.asarray(rows[:, 0])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda X: PermutationExplainer(3, X), "^model of PermutationExplainer must have predict_proba, or be a function of rows; got int"),
        (lambda X: PermutationExplainer(len, X), "^model of PermutationExplainer must give finite numbers"),
        (lambda X: PermutationExplainer(lambda rows: ["a"] * len(rows), X), "^model of PermutationExplainer must give numbers"),
        (
            lambda X: PermutationExplainer(lambda rows: rows[:, 0] * np.nan, X),
            "^model of PermutationExplainer must give finite numbers.*not all finite",
        ),
        (lambda X: PermutationExplainer(np.sum, X[:0]), "^X of PermutationExplainer's masker must"),
        (lambda X: PermutationExplainer(first, X, feature_names=["a"]), "^feature_names of PermutationExplainer must be one"),
        (lambda X: PermutationExplainer(first, X, seed="x"), "^random_state of PermutationExplainer must"),
        (lambda X: PermutationExplainer(first, X)(X[:, :4]), "^X of PermutationExplainer must have the masker's 12 columns; got 4"),
        (lambda X: PermutationExplainer(first, X)(X, max_evals=24), "^max_evals of PermutationExplainer must be an integer of at least 25"),
        (lambda X: PermutationExplainer(first, X)(X, batch_size=0), "^batch_size of PermutationExplainer must"),
        (lambda X: PermutationExplainer(first, X, n_jobs=0)(X), "^n_jobs of PermutationExplainer must"),
        (lambda X: PermutationExplainer(first, X)(X, progress=3), "^progress of PermutationExplainer must"),
    ],
)
def test_wrong_arguments_are_named(call: Any, message: str) -> None:
    X, _ = make(12)
    with pytest.raises(InvalidInputError, match=message):
        call(X)


def test_tables_with_other_columns_are_refused() -> None:
    """Values belong to columns by place: a table in another order, or with other names, would have been explained under wrong names."""
    X, y = make(3)
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    named = RandomForestClassifier(3, random_state=0).fit(frame, y)
    unnamed = RandomForestClassifier(3, random_state=0).fit(X, y)
    others = [frame[["b", "a", "c"]], frame.rename(columns={"a": "z"})]
    for explainer in (
        PermutationExplainer(named, frame[:5]),
        PermutationExplainer(named, X[:5]),
        PermutationExplainer(unnamed, frame[:5]),
        PermutationExplainer(lambda rows: np.asarray(rows)[:, 0], frame[:5]),
    ):
        expected = explainer(X[:2]).values
        np.testing.assert_array_equal(explainer(frame[:2]).values, expected)
        for other in others:
            with pytest.raises(InvalidInputError, match=r"^X of PermutationExplainer must be .*[Ff]eature names"):
                explainer(other[:2])
    for other in others:
        with pytest.raises(InvalidInputError, match=r"^X of PermutationExplainer's masker must be .*[Ff]eature names"):
            PermutationExplainer(named, other[:5])
    assert PermutationExplainer(unnamed, X[:5])(frame[:2]).values.shape == (2, 3, 3)
