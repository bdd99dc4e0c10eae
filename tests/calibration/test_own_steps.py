"""Our own pipelines in the native fold loop: weights, label-keyed parameters and defaults give what fold-by-fold fits give, bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import emotion_native as en

ms = en.model_selection
c = en.calibration


@pytest.fixture
def rows() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    y = np.array(["angry", "happy", "sad"])[rng.integers(0, 3, 120)]
    return (rng.normal(size=(120, 6)) + (y == "sad")[:, None]).astype(np.float32), y, np.arange(120) % 6


def forest(**options: Any) -> Any:
    return en.ensemble.RandomForestClassifier(n_estimators=15, random_state=1, **options)


@pytest.mark.parametrize(
    "model",
    [
        forest(),
        forest(class_weight={"angry": 2.0, "happy": 1.0, "sad": 0.5}),
        en.pipeline.make_pipeline(en.preprocessing.StandardScaler(), forest(class_weight="balanced")),
        en.pipeline.make_pipeline(en.preprocessing.StandardScaler(), en.linear_model.LogisticRegression()),
    ],
    ids=["forest", "class_weight", "pipeline", "logistic"],
)
@pytest.mark.parametrize("weighted", [False, True])
def test_native_folds_equal_fitted_folds(rows: Any, model: Any, weighted: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    X, y, groups = rows
    options: dict[str, Any] = {"groups": groups, "cv": 3, "method": "predict_proba"}
    if weighted:
        options["params"] = {"sample_weight": np.random.default_rng(2).random(120)}
    native = ms.cross_val_predict(model, X, y, **options)
    monkeypatch.setattr(ms._fit, "native_step_plan", lambda *arguments: None)
    assert np.array_equal(native, ms.cross_val_predict(model, X, y, **options))


def test_training_scores_of_the_native_loop(rows: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    X, y, groups = rows
    options: dict[str, Any] = {"groups": groups, "cv": 3, "scoring": ["accuracy", "uar", "neg_log_loss"], "return_train_score": True}
    native = ms.cross_validate(forest(max_depth=3), X, y, **options)
    monkeypatch.setattr(ms._fit, "native_step_plan", lambda *arguments: None)
    fitted = ms.cross_validate(forest(max_depth=3), X, y, **options)
    assert set(native) == set(fitted)
    for name in native:
        if name.startswith(("test_", "train_")):
            assert np.array_equal(native[name], fitted[name]), name


def test_bad_rows_in_the_native_loop_follow_error_score(rows: Any) -> None:
    X, y, groups = rows
    X = X.copy()
    X[np.flatnonzero(groups == 0)[0], 0] = np.nan
    model = en.pipeline.make_pipeline(en.feature_selection.SelectKBest(k=2), forest())
    with pytest.raises(en.exceptions.InvalidInputError):
        ms.cross_validate(model, X, y, groups=groups, cv=ms.LeaveOneGroupOut(), error_score="raise")


def test_the_default_is_a_calibrated_forest(rows: Any) -> None:
    X, y, groups = rows
    model = c.AbstainingClassifier(target_coverage=0.7).fit(X, y, groups=groups)
    assert isinstance(model.estimator_, c.CalibratedClassifierCV)
    assert isinstance(model.estimator_.estimator_, en.ensemble.RandomForestClassifier)
    assert 0 < model.threshold_ < 1
    assert c.CalibratedClassifierCV().fit(X, y, groups=groups).predict(X).shape == (120,)
