"""LinearExplainer against all coalitions, the shap package, and additivity; with pipelines, and with columns that go together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.linear_model import LogisticRegression as SklearnLogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.preprocessing import PolynomialFeatures

from emotion_native.calibration import CalibratedClassifierCV
from emotion_native.exceptions import InvalidInputError
from emotion_native.explain import LinearExplainer, PermutationExplainer
from emotion_native.feature_selection import SelectKBest
from emotion_native.impute import SimpleImputer
from emotion_native.linear_model import LogisticRegression
from emotion_native.multilabel import OneVsRestClassifier as OwnOneVsRest
from emotion_native.pipeline import make_pipeline
from emotion_native.preprocessing import StandardScaler


def make(seed: int = 0, classes: int = 3, n: int = 120, d: int = 5) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes, n)
    mixed = rng.normal(size=(n, d)) @ rng.normal(size=(d, d))
    return mixed + 0.8 * (y[:, None] == np.arange(d) % classes) + 2, np.array(["angry", "calm", "happy", "sad"])[y]


def margins(model: Any, rows: np.ndarray) -> np.ndarray:
    found = np.asarray(model.decision_function(rows))
    return found if found.ndim == 2 else found[:, None]


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_values_are_shapley_values_of_the_margin_in_input_columns(classes: int, dtype: type, shapley: Any, against_background: Any) -> None:
    """1e-9: float64 sums over 2^5 coalitions and 20 rows; float32 columns are rounded once, by the scaler, in mixed rows as in whole ones."""
    X, y = make(classes=classes)
    X = X.astype(dtype)
    model = make_pipeline(StandardScaler(), SelectKBest(k=3), LogisticRegression()).fit(X, y)
    background, asked = X[:20], X[100:104]
    explainer = LinearExplainer(model, background)
    found = explainer(asked)
    for row, x in enumerate(asked):
        values = shapley(against_background(lambda rows: margins(model, rows), x, background), 5)
        np.testing.assert_allclose(found.values[row], values, atol=1e-9)
    np.testing.assert_allclose(found.base_values[0], margins(model, background).mean(axis=0), atol=1e-9)
    np.testing.assert_allclose(found.base_values + found.values.sum(axis=1), margins(model, asked), atol=1e-6)
    np.testing.assert_allclose(explainer.expected_value, found.base_values[0], atol=1e-12)
    assert found.classes.tolist() == sorted(set(y))[1 if classes == 2 else 0 :]
    assert (found.values == 0).all(axis=(0, 2)).sum() == 2, "columns that were not selected have no share"


def test_filled_gaps_are_explained_as_what_they_were_filled_with(shapley: Any, against_background: Any) -> None:
    X, y = make(1)
    X[np.random.default_rng(2).random(X.shape) < 0.2] = np.nan
    X[:, 4] = np.nan
    model = make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression()).fit(X, y)
    found = LinearExplainer(model, X[:40])(X[100:])
    np.testing.assert_allclose(found.base_values + found.values.sum(axis=1), margins(model, X[100:]), atol=1e-9)
    assert not found.values[:, 4].any() and np.isnan(found.data[:, 4]).all()
    values = shapley(against_background(lambda rows: margins(model, rows), X[100], X[:40]), 5)
    np.testing.assert_allclose(found.values[0], values, atol=1e-9)


def test_one_margin_a_class_of_a_one_vs_rest_model() -> None:
    X, y = make()
    model = OneVsRestClassifier(LogisticRegression()).fit(X, y)
    found = LinearExplainer(model, X[:40])(X[100:])
    np.testing.assert_allclose(found.base_values + found.values.sum(axis=1), model.decision_function(X[100:]), atol=1e-9)
    assert found.classes.tolist() == model.classes_.tolist()


@pytest.mark.parametrize("classes", [2, 4])
def test_values_equal_the_shap_package(classes: int) -> None:
    shap = pytest.importorskip("shap")
    X, y = make(classes=classes, d=12)
    model = SklearnLogisticRegression(max_iter=1000).fit(X, y)
    theirs = shap.LinearExplainer(model, shap.maskers.Independent(X[:50], max_samples=50))
    mine = LinearExplainer(model, X[:50])
    found = mine(X[50:])
    expected = np.asarray(theirs.shap_values(X[50:])).reshape(found.shape)
    np.testing.assert_allclose(found.values, expected, atol=1e-9)
    np.testing.assert_allclose(mine.shap_values(X[50:]), expected, atol=1e-9)
    np.testing.assert_allclose(mine.expected_value, np.ravel(theirs.expected_value), atol=1e-9)
    pair = LinearExplainer((model.coef_, model.intercept_), (X[:50].mean(axis=0), None))(X[50:])
    np.testing.assert_allclose(pair.values, found.values, atol=1e-9)


def test_correlated_columns_share_as_all_coalitions_of_the_conditional_means_say(shapley: Any) -> None:
    """The oracle conditions a normal distribution by the textbook formula, for each coalition and row by itself."""
    X, y = make(3, d=6)
    model = LogisticRegression().fit(X, y)
    mean, covariance = X.mean(axis=0), np.cov(X.T)
    found = LinearExplainer(model, (mean, covariance), feature_perturbation="correlation_dependent")(X[:3])
    for row in range(3):
        x = X[row]

        def worth(known: list[int], x: np.ndarray = x) -> np.ndarray:
            filled = mean.copy()
            if known:
                filled += covariance[:, known] @ np.linalg.solve(covariance[np.ix_(known, known)], (x - mean)[known])
            filled[known] = x[known]
            return margins(model, filled[None])[0]

        np.testing.assert_allclose(found.values[row], shapley(worth, 6), atol=1e-8)
    np.testing.assert_allclose(found.base_values + found.values.sum(axis=1), margins(model, X[:3]), atol=1e-8)


def test_correlated_columns_in_a_pipeline_lend_weight_to_columns_that_were_not_selected() -> None:
    X, y = make(4, n=400)
    model = make_pipeline(StandardScaler(), SelectKBest(k=2), LogisticRegression()).fit(X, y)
    explainer = LinearExplainer(model, X, feature_perturbation="correlation_dependent")
    found = explainer(X[:10])
    np.testing.assert_allclose(found.base_values + found.values.sum(axis=1), margins(model, X[:10]), atol=1e-8)
    np.testing.assert_allclose(explainer.expected_value, margins(model, X.mean(axis=0)[None])[0], atol=1e-8)
    assert (np.abs(found.values).max(axis=(0, 2)) > 1e-3).all()


def test_columns_without_covariance_make_both_kinds_equal_and_still_columns_are_no_trouble() -> None:
    X, y = make(5)
    model = LogisticRegression().fit(X, y)
    variances = X.var(axis=0)
    variances[2] = 0
    mean = X.mean(axis=0)
    correlated = LinearExplainer(model, (mean, np.diag(variances)), feature_perturbation="correlation_dependent")(X)
    np.testing.assert_allclose(correlated.values, LinearExplainer(model, (mean, None))(X).values, atol=1e-9)


def test_bits_do_not_depend_on_threads_or_batches() -> None:
    X, y = make(6, n=3000, d=40)
    model = LogisticRegression(max_iter=1000).fit(X, y)
    whole = LinearExplainer(model, X[:100], n_jobs=1)(X).values
    for n_jobs in (2, 7):
        assert np.array_equal(LinearExplainer(model, X[:100], n_jobs=n_jobs)(X).values, whole)
    assert np.array_equal(LinearExplainer(model, X[:100])(X[500:501]).values[0], whole[500])


def test_names_come_from_the_frame_that_the_model_was_fitted_on_and_shap_draws_the_result() -> None:
    X, y = make(7)
    frame = pd.DataFrame(X, columns=["a", "b", "c", "d", "e"])
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(frame, y)
    found = LinearExplainer(model, frame[:50])(frame[50:])
    assert list(found.feature_names) == ["a", "b", "c", "d", "e"]
    assert np.array_equal(found.data, X[50:])
    pytest.importorskip("shap")
    import matplotlib

    matplotlib.use("Agg")
    import shap
    from matplotlib import pyplot

    shap.plots.beeswarm(found[:, :, "sad" if "sad" in found.classes else "happy"].to_shap(), show=False)
    shap.plots.waterfall(found[0, :, "happy"].to_shap(), show=False)
    pyplot.close("all")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda X, y: LinearExplainer(LogisticRegression(), X), r"^model of LinearExplainer must be a fitted linear model.*; call fit first"),
        (lambda X, y: LinearExplainer(3, X), "^model of LinearExplainer must be .*; got int; PermutationExplainer"),
        (lambda X, y: LinearExplainer(("a", 1), X), "^model of LinearExplainer must hold numbers"),
        (lambda X, y: LinearExplainer((np.ones((2, 5)), np.ones(3)), X), "^model of LinearExplainer must hold finite coefficients"),
        (lambda X, y: LinearExplainer((np.full(5, np.nan), 1), X), "^model of LinearExplainer must hold finite coefficients"),
        (lambda X, y: LinearExplainer(LogisticRegression().fit(X, y), X[:, :3]), "^X of LinearExplainer's masker must be"),
        (lambda X, y: LinearExplainer(LogisticRegression().fit(X, y), X[:0]), "^X of LinearExplainer's masker must be"),
        (lambda X, y: LinearExplainer(LogisticRegression().fit(X, y), None), "^X of LinearExplainer's masker must be"),
        (lambda X, y: LinearExplainer((np.ones(5), 0), X, feature_perturbation="tree"), "^feature_perturbation of LinearExplainer must be"),
        (lambda X, y: LinearExplainer(LogisticRegression().fit(X, y), X)(X[:, :4]), "^X of LinearExplainer must"),
        (lambda X, y: LinearExplainer(LogisticRegression().fit(X, y), X)([[np.nan] * 5]), "^X of LinearExplainer must"),
        (lambda X, y: LinearExplainer(LogisticRegression().fit(X, y), X, n_jobs=0)(X), "^n_jobs of LinearExplainer must"),
        (lambda X, y: LinearExplainer((np.ones(5), 0), X)(X[:, :4]), "^X of LinearExplainer must have 5 columns; got 4"),
        (lambda X, y: LinearExplainer((np.ones(4), 0), X), "^masker of LinearExplainer must have the model's 4 columns; got 5"),
        (
            lambda X, y: LinearExplainer(make_pipeline(PolynomialFeatures(), LogisticRegression()).fit(X, y), X),
            "^model of LinearExplainer must be a pipeline whose steps scale, fill or select single columns; got PolynomialFeatures",
        ),
        (
            lambda X, y: LinearExplainer(make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y), (X.mean(axis=0), None)),
            "^masker of LinearExplainer must be background rows where the model is a pipeline",
        ),
        (
            lambda X, y: LinearExplainer((np.ones(5), 0), (X.mean(axis=0), None), feature_perturbation="correlation_dependent"),
            "^masker of LinearExplainer must hold a covariance",
        ),
        (
            lambda X, y: LinearExplainer((np.ones(5), 0), (X.mean(axis=0), np.ones((4, 4))), feature_perturbation="correlation_dependent"),
            r"^masker of LinearExplainer must hold a symmetric covariance of shape \(5, 5\)",
        ),
        (
            lambda X, y: LinearExplainer((np.ones(5), 0), (X.mean(axis=0), np.ones((5, 5))), feature_perturbation="correlation_dependent"),
            "^masker of LinearExplainer must hold a covariance that can be inverted",
        ),
        (
            lambda X, y: LinearExplainer(
                (np.ones(17), 0), np.random.default_rng(0).normal(size=(30, 17)), feature_perturbation="correlation_dependent"
            ),
            "^masker of LinearExplainer must have at most 16 columns",
        ),
        (
            lambda X, y: LinearExplainer(
                make_pipeline(SimpleImputer(), LogisticRegression()).fit(X, y), X, feature_perturbation="correlation_dependent"
            ),
            "^model of LinearExplainer must be linear, or a pipeline of StandardScaler",
        ),
    ],
)
def test_wrong_arguments_are_named(call: Any, message: str) -> None:
    X, y = make()
    with pytest.raises(InvalidInputError, match=message):
        call(X, y)


@pytest.mark.parametrize("package", ["ours", "scikit-learn"])
def test_labels_of_a_multi_label_model_are_explained_one_by_one_and_constant_ones_too(package: str, shapley: Any, against_background: Any) -> None:
    """A label that no training row had, or every row, has a margin that no column moves."""
    X, _ = make(8)
    labels = np.column_stack([X[:, 0] > 2, np.zeros(len(X)), X[:, 1] + X[:, 2] > 4, np.ones(len(X))]).astype(int)
    wrap, base = (OwnOneVsRest, LogisticRegression) if package == "ours" else (OneVsRestClassifier, SklearnLogisticRegression)
    with pytest.warns(UserWarning, match="is present in"):
        model = wrap(base()).fit(X, labels)
    found = LinearExplainer(model, X[:30])(X[100:103])
    np.testing.assert_allclose(found.base_values + found.values.sum(axis=1), model.decision_function(X[100:103]), atol=1e-9)
    assert not found.values[:, :, [1, 3]].any() and found.classes.tolist() == [0, 1, 2, 3]
    values = shapley(against_background(lambda rows: margins(model, rows), X[100], X[:30]), 5)
    np.testing.assert_allclose(found.values[0], values, atol=1e-9)


def test_sparse_rows_and_background_are_explained_as_their_dense_twins() -> None:
    X, y = make(9, d=12)
    X[np.random.default_rng(0).random(X.shape) < 0.7] = 0
    model = LogisticRegression().fit(sparse.csr_matrix(X), y)
    dense = LinearExplainer(model, X[:50])(X[50:])
    for kind in (sparse.csr_matrix, sparse.csc_array, sparse.coo_matrix):
        explainer = LinearExplainer(model, kind(X[:50]))
        np.testing.assert_allclose(explainer(kind(X[50:])).values, dense.values, atol=1e-12)
        np.testing.assert_allclose(explainer.expected_value, dense.base_values[0], atol=1e-12)
    few = LogisticRegression().fit(X[:, :5], y)
    correlated = LinearExplainer(few, sparse.csr_matrix(X[:50, :5]), feature_perturbation="correlation_dependent")(X[50:, :5])
    expected = LinearExplainer(few, X[:50, :5], feature_perturbation="correlation_dependent")(X[50:, :5])
    assert np.array_equal(correlated.values, expected.values)
    with pytest.raises(InvalidInputError, match=r"^X of LinearExplainer's masker must"):
        LinearExplainer(model, sparse.csr_matrix(X[:0]))
    with pytest.raises(InvalidInputError, match=r"^masker of LinearExplainer must have 12 columns; got 5"):
        LinearExplainer(model, sparse.csr_matrix(X[:9, :5]))


def test_a_calibrated_model_is_for_the_explainer_of_any_model() -> None:
    X, y = make(10)
    model = CalibratedClassifierCV(LogisticRegression()).fit(X, y, groups=np.arange(len(X)) % 6)
    with pytest.raises(InvalidInputError, match="got CalibratedClassifierCV; PermutationExplainer explains any model"):
        LinearExplainer(model, X)
    why = PermutationExplainer(model, X[:10])(X[100:105])
    np.testing.assert_allclose(why.base_values + why.values.sum(axis=1), model.predict_proba(X[100:105]), atol=1e-12)
    inner = LinearExplainer(model.estimator_, X)(X[100:105])
    np.testing.assert_allclose(inner.base_values + inner.values.sum(axis=1), margins(model.estimator_, X[100:105]), atol=1e-9)


def test_names_of_columns_may_be_given() -> None:
    X, y = make()
    names = ["pitch", "energy", "rate", "tilt", "jitter"]
    for model in (LogisticRegression().fit(X, y), make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y), (np.ones((2, 5)), np.zeros(2))):
        plain, named = LinearExplainer(model, X)(X[:3]), LinearExplainer(model, X, feature_names=names)(X[:3])
        assert list(plain.feature_names) == [f"x{j}" for j in range(5)]
        assert list(named.feature_names) == names
        assert np.array_equal(named.values, plain.values)
    own = LogisticRegression().fit(pd.DataFrame(X, columns=names), y)
    table = pd.DataFrame(X, columns=names)
    assert list(LinearExplainer(own, table, feature_names=np.array(names))(table).feature_names) == names
    for wrong, words in (
        (names[:4], "one for each of 5 columns; got .*, 4 of them"),
        ("pitch", "different texts"),
        (names[:4] + ["pitch"], "'pitch' more than once"),
        ([1, 2, 3, 4, 5], "different texts"),
    ):
        with pytest.raises(InvalidInputError, match=f"^feature_names of LinearExplainer must be .*{words}"):
            LinearExplainer(LogisticRegression().fit(X, y), X, feature_names=wrong)
    with pytest.raises(InvalidInputError, match="must be those that the columns have already; got 'energy' for 'pitch'"):
        LinearExplainer(own, pd.DataFrame(X, columns=names), feature_names=[names[1], names[0], *names[2:]])
