"""Explanations say the columns' names and show their values as they were given."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.decomposition import PCA

import emotion_native as en
from emotion_native.exceptions import InvalidInputError
from emotion_native.explain import Explanation, TreeExplainer
from emotion_native.feature_selection import SelectKBest
from emotion_native.impute import SimpleImputer
from emotion_native.pipeline import make_pipeline
from emotion_native.preprocessing import StandardScaler

NAMES = ["f0", "rms", "zcr", "centroid"]


@pytest.fixture
def rows(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    X = (rng.normal(size=(80, 4)) * [1, 10, 100, 1000] + 5).astype(np.float32)
    return X, np.where(X[:, 1] > 5, "happy", "sad")


def forest(*steps: Any) -> Any:
    return make_pipeline(*steps, en.ensemble.RandomForestClassifier(5, random_state=0))


def test_names_for_a_model_of_a_matrix(rows: Any) -> None:
    X, y = rows
    for model in (forest()[-1].fit(X, y), forest(StandardScaler()).fit(X, y)):
        named, plain = TreeExplainer(model, feature_names=NAMES)(X[:3]), TreeExplainer(model)(X[:3])
        assert list(named.feature_names) == NAMES
        assert list(plain.feature_names) == ["x0", "x1", "x2", "x3"]
        np.testing.assert_array_equal(named.values, plain.values)
    selected = forest(StandardScaler(), SelectKBest(k=2)).fit(X, y)
    kept = [name for name, support in zip(NAMES, selected[1].get_support(), strict=True) if support]
    assert list(TreeExplainer(selected, feature_names=np.array(NAMES))(X[:3]).feature_names) == kept


@pytest.mark.parametrize(
    ("names", "found"),
    [(NAMES[:3], "3 of them"), ("f0", "0 of them"), ([*NAMES[:3], 4], "4 of them"), ([*NAMES[:3], "f0"], "got 'f0' more than once")],
)
def test_names_that_do_not_fit(rows: Any, names: Any, found: str) -> None:
    with pytest.raises(InvalidInputError, match=f"^feature_names of TreeExplainer must be different texts, one for each of the 4 columns .*{found}$"):
        TreeExplainer(forest(StandardScaler()).fit(*rows), feature_names=names)


def test_names_that_contradict_the_fit(rows: Any) -> None:
    import pandas as pd

    X, y = rows
    model = forest(StandardScaler()).fit(pd.DataFrame(X, columns=NAMES), y)
    frame = pd.DataFrame(X[:2], columns=NAMES)
    assert list(TreeExplainer(model, feature_names=NAMES)(frame).feature_names) == NAMES
    with pytest.raises(InvalidInputError, match="must be those that the model was fitted with; got 'rms' for 'f0'"):
        TreeExplainer(model, feature_names=["rms", "f0", "zcr", "centroid"])


def test_values_are_shown_as_they_were_given(rows: Any) -> None:
    X, y = rows
    plain = TreeExplainer(forest().fit(X, y))(X[:3])
    assert plain.display_data is None
    np.testing.assert_array_equal(plain.shown, X[:3])
    model = forest(SimpleImputer(), StandardScaler(), SelectKBest(k=2)).fit(X, y)
    found = TreeExplainer(model, feature_names=NAMES)(X[:3])
    kept = [NAMES.index(name) for name in found.feature_names]
    assert found.display_data is not None
    np.testing.assert_array_equal(found.display_data, X[:3][:, kept])
    np.testing.assert_array_equal(found.data, model[:-1].transform(X[:3]).astype(np.float32))
    for name, value, _ in found.top(1, "sad", 2):
        assert value == X[1, NAMES.index(name)]
    part = found[1:, :, "sad"]
    np.testing.assert_array_equal(part.shown, X[1:3][:, kept])
    texts = [text.get_text() for text in en.reports.waterfall_figure(found, 1, "sad").axes[0].get_yticklabels()]
    assert any(f"{found.feature_names[0]} = {X[1, kept[0]]:.3g}" in text for text in texts)


def test_new_columns_have_no_given_value(rows: Any) -> None:
    X, y = rows
    found = TreeExplainer(forest(PCA(2, random_state=0)).fit(X, y))(X[:3])
    assert found.display_data is None and list(found.feature_names) == ["pca0", "pca1"]


def test_for_shap(rows: Any) -> None:
    pytest.importorskip("shap")
    X, y = rows
    found = TreeExplainer(forest(StandardScaler()).fit(X, y))(X[:3])
    np.testing.assert_array_equal(found.to_shap().display_data, X[:3])
    np.testing.assert_array_equal(found[0, :, "sad"].to_shap().display_data, X[0])
    assert TreeExplainer(forest().fit(X, y))(X[:3]).to_shap().display_data is None


def test_the_representation_is_one_line(rows: Any) -> None:
    X, y = rows
    found = TreeExplainer(forest(StandardScaler()).fit(X, y), feature_names=NAMES)(X)
    assert repr(found) == "Explanation(80 rows, 4 features (f0, rms, zcr, …), 2 outputs: 'happy', 'sad')"


def test_display_data_has_the_shape_of_data() -> None:
    with pytest.raises(InvalidInputError, match=r"^display_data of Explanation must be of shape \(1, 2\); got \(2,\)"):
        Explanation(np.zeros((1, 2, 1)), np.zeros((1, 1)), np.zeros((1, 2), np.float32), ["a", "b"], np.array(["x"]), np.zeros(2, np.float32))
