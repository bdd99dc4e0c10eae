"""The native fold loop equals fitting a clone on the copied rows of every fold, bit for bit."""

from __future__ import annotations

import _thread
import gc
import threading
import time
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from emotion_native import _core
from emotion_native.ensemble import ExtraTreesClassifier, GradientBoostingClassifier, RandomForestClassifier
from emotion_native.exceptions import InvalidInputError, LeakageError
from emotion_native.feature_selection import SelectKBest
from emotion_native.impute import SimpleImputer
from emotion_native.linear_model import LogisticRegression
from emotion_native.model_selection import cross_val_predict
from emotion_native.multilabel import OneVsRestClassifier
from emotion_native.over_sampling import SMOTE, RandomOverSampler
from emotion_native.pipeline import Pipeline, make_pipeline
from emotion_native.preprocessing import StandardScaler

N_CLASSES = 4
STEPS = {
    "scale": StandardScaler(),
    "centre": StandardScaler(with_std=False),
    "mean": SimpleImputer(),
    "median": SimpleImputer(strategy="median"),
    "mode": SimpleImputer(strategy="most_frequent", keep_empty_features=True),
    "constant": SimpleImputer(strategy="constant", fill_value=-7.5),
    "select": SelectKBest(k=4),
    "sample": RandomOverSampler(random_state=1),
    "few": RandomOverSampler(sampling_strategy="minority", random_state=2),
}
ESTIMATORS = {
    "forest": RandomForestClassifier(n_estimators=6, random_state=3),
    "other forest": RandomForestClassifier(
        n_estimators=5,
        random_state=4,
        max_features=0.4,
        max_samples=0.6,
        class_weight="balanced",
        min_samples_leaf=0.02,
        criterion="entropy",
        max_depth=6,
    ),
    "whole forest": RandomForestClassifier(
        n_estimators=3, random_state=5, bootstrap=False, max_features=None, max_leaf_nodes=9, min_samples_split=0.1
    ),
    "extra trees": ExtraTreesClassifier(n_estimators=5, random_state=6),
    "weighted extra trees": ExtraTreesClassifier(n_estimators=4, random_state=7, class_weight="balanced", bootstrap=True, max_depth=7),
    "boosting": GradientBoostingClassifier(n_estimators=4, random_state=8),
    "other boosting": GradientBoostingClassifier(
        n_estimators=3, random_state=9, subsample=0.7, max_features="sqrt", max_leaf_nodes=7, max_depth=None, class_weight="balanced", max_bins=16
    ),
    "logistic": LogisticRegression(max_iter=20),
    "one against the rest": OneVsRestClassifier(LogisticRegression(max_iter=20)),
    "weighted one against the rest": OneVsRestClassifier(LogisticRegression(max_iter=20, l1_ratio=0.5, C=0.3, class_weight={0: 1.0, 1: 2.5})),
    "weighted logistic": LogisticRegression(max_iter=20, class_weight="balanced", fit_intercept=False, C=0.1),
}
PIPELINES = [
    ((), "forest"),
    ((), "boosting"),
    (("scale", "sample"), "other boosting"),
    (("mean", "scale", "select", "sample"), "boosting"),
    (("scale",), "forest"),
    (("scale",), "other forest"),
    (("centre", "sample"), "whole forest"),
    (("scale", "sample"), "extra trees"),
    (("median", "scale", "select"), "weighted extra trees"),
    (("mean", "scale", "select", "sample"), "forest"),
    (("median", "scale", "sample", "select"), "logistic"),
    (("scale", "mode", "sample"), "forest"),
    (("sample", "constant", "scale", "select"), "other forest"),
    (("few", "scale", "median", "select", "scale2"), "weighted logistic"),
    (("scale", "select"), "logistic"),
]


def table(rng: np.random.Generator, dtype: Any, *, missing: bool) -> tuple[np.ndarray, np.ndarray]:
    y = rng.choice(N_CLASSES, size=260, p=[0.5, 0.3, 0.15, 0.05]).astype(np.int32)
    X = rng.normal(size=(260, 9))
    X[:, 0] += y
    X[:, 1] -= 0.5 * y
    X[:, 2] = np.round(X[:, 2])  # ties
    X[:, 3] = 1e-4 * X[:, 3] + 100  # neighbours that float32 merges after scaling
    X[:, 4] = 1.25  # constant
    X = X.astype(dtype)
    if missing:
        X[rng.random(X.shape) < 0.06] = np.nan
        X[20:, 5] = np.nan  # without a value in most training parts
    return X, y


def folds(rng: np.random.Generator, y: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray]]:
    train = [np.flatnonzero(rng.random(len(y)) < 0.7) for _ in range(3)]
    train[1] = train[1][y[train[1]] != 3]  # a class is absent
    train[2] = rng.permutation(train[2])[:90]  # any order
    return train, [np.setdiff1d(np.arange(len(y)), rows)[::-1].copy() for rows in train]


def by_hand(model: Any, X: np.ndarray, y: np.ndarray, train: np.ndarray, test: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    fitted = clone(model).fit(X[train], y[train], sample_weight=None if weights is None else weights[train])
    proba = np.zeros((len(test), N_CLASSES))
    proba[:, fitted.classes_] = fitted.predict_proba(X[test])
    return proba


def build(steps: tuple[str, ...], estimator: str) -> Pipeline:
    return Pipeline([(name, clone(STEPS[name.rstrip("2")])) for name in steps] + [("classify", clone(ESTIMATORS[estimator]))])


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("steps", "estimator"), PIPELINES, ids=str)
def test_every_fold_equals_a_fit_on_copied_rows(
    rng: np.random.Generator, dtype: Any, missing: bool, weighted: bool, steps: tuple[str, ...], estimator: str
) -> None:
    if missing and not {"mean", "median", "mode", "constant"} & set(steps) and ("select" in steps or "logistic" in estimator):
        steps = ("mean", *steps)  # these refuse NaN
    X, y = table(rng, dtype, missing=missing)
    if missing and "select" in steps and "mode" not in steps:
        X[:, 5] = 0  # an imputer that drops the column leaves too few rows alike
    train, test = folds(rng, y)
    weights = rng.random(len(y)) + 0.1 if weighted else None
    model = build(steps, estimator)
    results = [_core.run_folds(X, y, N_CLASSES, model._native_plan(), train, test, weights, n_jobs) for n_jobs in (1, 2, 7)]
    for k in range(len(train)):
        expected = by_hand(model, X, y, train[k], test[k], weights)
        for result in results:
            np.testing.assert_array_equal(result[k], expected)


def test_label_keyed_parameters_follow_the_global_class_list(rng: np.random.Generator) -> None:
    X, y = table(rng, np.float32, missing=False)
    train, test = folds(rng, y)
    model = make_pipeline(RandomForestClassifier(n_estimators=4, random_state=0, class_weight={0: 1.0, 1: 2.0, 2: 3.0, 3: 4.0}))
    plan = model._native_plan(np.arange(N_CLASSES))
    result = _core.run_folds(X, y, N_CLASSES, plan, train, test)
    for k in (0, 1, 2):
        np.testing.assert_array_equal(result[k], by_hand(model, X, y, train[k], test[k], None))


def test_test_rows_and_their_labels_do_not_reach_the_fit(rng: np.random.Generator) -> None:
    X, y = table(rng, np.float32, missing=True)
    train, test = folds(rng, y)
    held = np.intersect1d(test[0], test[0])
    probe = held[:5]
    plan = build(("mean", "scale", "select", "sample"), "forest")._native_plan()
    X[:, 5] = 0
    before = _core.run_folds(X, y, N_CLASSES, plan, train[:1], [probe])[0]
    X[held[5:]] = rng.normal(size=(len(held) - 5, X.shape[1])) * 1e6
    y[held] = rng.permutation(y[held])
    np.testing.assert_array_equal(_core.run_folds(X, y, N_CLASSES, plan, train[:1], [probe])[0], before)


def test_large_values_in_test_rows_only_are_allowed(rng: np.random.Generator) -> None:
    X, y = table(rng, np.float64, missing=False)
    train, test = folds(rng, y)
    X[test[0][0]] = 1e300  # infinite in float32
    names = {"forest": "RandomForestClassifier", "extra trees": "ExtraTreesClassifier"}
    plans = {name: build((), kind)._native_plan() for kind, name in names.items()}
    for plan in plans.values():
        assert np.isfinite(_core.run_folds(X, y, N_CLASSES, plan, train[:1], [test[0][1:]])[0]).all()
    X[train[0][0]] = 1e300
    for name, plan in plans.items():
        with pytest.raises(InvalidInputError, match=rf"X of {name}.fit must be .* too large for float32"):
            _core.run_folds(X, y, N_CLASSES, plan, train[:1], [test[0][1:]])


def test_messages_about_labelled_parameters_name_the_class() -> None:
    with pytest.raises(InvalidInputError, match=r"^class_weight of ExtraTreesClassifier must"):
        make_pipeline(ExtraTreesClassifier(class_weight={"x": 1.0}))._native_plan(np.array(["a", "b"]))
    with pytest.raises(InvalidInputError, match=r"^sampling_strategy of RandomOverSampler must"):
        make_pipeline(RandomOverSampler(sampling_strategy={"x": 1}), LogisticRegression())._native_plan(np.array(["a", "b"]))


def test_the_matrix_is_read_in_place(rng: np.random.Generator) -> None:
    X, y = table(rng, np.float32, missing=False)
    train, test = folds(rng, y)
    plan = build(("scale",), "forest")._native_plan()
    with pytest.raises(TypeError):
        _core.run_folds(np.asfortranarray(X), y, N_CLASSES, plan, train, test)
    with pytest.raises(TypeError):
        _core.run_folds(X.astype(np.float16), y, N_CLASSES, plan, train, test)
    X.setflags(write=False)
    result = _core.run_folds(X, y, N_CLASSES, plan, train, test)
    del X
    gc.collect()
    assert all(np.allclose(proba.sum(axis=1), 1) for proba in result)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"train": [np.array([0, 1, 999])]}, "train of run_folds must be row numbers"),
        ({"train": [np.array([-1, 1, 2])]}, "train of run_folds must be row numbers"),
        ({"train": [np.array([], dtype=np.int64)]}, "at least one row"),
        ({"test": []}, "test of run_folds must be as long as train"),
        ({"y": np.full(260, 9, dtype=np.int32)}, "y of run_folds must be class numbers"),
        ({"y": np.zeros(3, dtype=np.int32)}, "y of run_folds must be one label a row"),
        ({"steps": []}, "steps of run_folds must be"),
        ({"steps": [{"kind": "magic"}]}, "steps of run_folds must be"),
        ({"steps": [{"kind": "logistic_regression"}]}, "steps of run_folds must be complete"),
        ({"sample_weight": np.ones(3)}, "sample_weight of run_folds must be one weight a row"),
    ],
)
def test_the_core_refuses_what_does_not_fit(rng: np.random.Generator, change: dict[str, Any], message: str) -> None:
    X, y = table(rng, np.float32, missing=False)
    arguments: dict[str, Any] = {
        "X": X,
        "y": y,
        "n_classes": N_CLASSES,
        "steps": build((), "forest")._native_plan(),
        "train": [np.arange(200)],
        "test": [np.arange(200, 260)],
    }
    with pytest.raises(InvalidInputError, match=message):
        _core.run_folds(**{**arguments, **change})


def test_steps_refuse_as_they_do_outside(rng: np.random.Generator) -> None:
    X, y = table(rng, np.float32, missing=True)
    train, test = folds(rng, y)
    for steps, message in ((("select",), "X of SelectKBest.fit must be"), ((), "X of LogisticRegression.fit must be")):
        with pytest.raises(InvalidInputError, match=message):
            _core.run_folds(X, y, N_CLASSES, build(steps, "logistic")._native_plan(), train, test)


@pytest.mark.parametrize(
    ("steps", "estimator", "value", "message"),
    [
        ((), "logistic", np.nan, "X of LogisticRegression.predict_proba must be free of NaN"),
        (("scale",), "logistic", np.nan, "X of LogisticRegression.predict_proba must be free of NaN"),
        (("select",), "forest", np.nan, "X of SelectKBest.transform must be free of NaN"),
        (("select", "mean"), "forest", np.nan, "X of SelectKBest.transform must be free of NaN"),
        ((), "forest", 1e300, "X of RandomForestClassifier.predict_proba must be .* too large for float32"),
        ((), "extra trees", 1e300, "X of ExtraTreesClassifier.predict_proba must be .* too large for float32"),
        (("scale",), "forest", -1e300, "X of RandomForestClassifier.predict_proba must be .* too large for float32"),
    ],
)
def test_test_rows_are_refused_as_the_steps_refuse_them(
    rng: np.random.Generator, steps: tuple[str, ...], estimator: str, value: float, message: str
) -> None:
    """With a single split, as a hold-out gives, no training part meets the row: without a check it would be scored on NaN probabilities."""
    X, y = table(rng, np.float64, missing=False)
    train, test = folds(rng, y)
    X[test[0][0], 4] = value
    model = build(steps, estimator)
    with pytest.raises(ValueError, match=r"NaN|infinity"):
        by_hand(model, X, y, train[0], test[0], None)
    with pytest.raises(InvalidInputError, match=message):
        _core.run_folds(X, y, N_CLASSES, model._native_plan(), train[:1], test[:1])


def test_unconverged_folds_are_counted(rng: np.random.Generator) -> None:
    X, y = table(rng, np.float32, missing=False)
    train, test = folds(rng, y)
    plan = make_pipeline(LogisticRegression(max_iter=1))._native_plan()
    with pytest.warns(ConvergenceWarning, match="in 3 of 3 folds"):
        _core.run_folds(X, y, N_CLASSES, plan, train, test)


def test_progress_and_ctrl_c(rng: np.random.Generator) -> None:
    X, y = table(rng, np.float32, missing=False)
    train, test = folds(rng, y)
    seen: list[int] = []
    _core.run_folds(X, y, N_CLASSES, build((), "forest")._native_plan(), train, test, None, 2, seen.append)
    assert seen[-1] == 18
    long = make_pipeline(RandomForestClassifier(n_estimators=1_000_000, random_state=0))._native_plan()
    timer = threading.Timer(0.3, _thread.interrupt_main)
    timer.start()
    start = time.perf_counter()
    try:
        with pytest.raises(KeyboardInterrupt):
            _core.run_folds(X, y, N_CLASSES, long, train, test, None, 2)
    finally:
        timer.cancel()
    assert time.perf_counter() - start < 5


def test_an_exception_of_progress_ends_the_call(rng: np.random.Generator) -> None:
    X, y = table(rng, np.float32, missing=False)
    train, test = folds(rng, y)

    def fail(done: int) -> None:
        raise RuntimeError("enough")

    long = make_pipeline(RandomForestClassifier(n_estimators=1_000_000, random_state=0))._native_plan()
    with pytest.raises(RuntimeError, match="enough"):
        _core.run_folds(X, y, N_CLASSES, long, train, test, None, 2, fail)


@pytest.mark.parametrize("sampler", [None, RandomOverSampler(random_state=1)])
def test_early_stopping_holds_out_the_same_groups(sampler: Any) -> None:
    rng = np.random.default_rng(0)
    X, y = table(rng, np.float32, missing=False)
    groups = rng.integers(0, 13, size=len(y))
    boosting = GradientBoostingClassifier(n_estimators=60, n_iter_no_change=2, validation_fraction=0.3, random_state=0)
    model = Pipeline([("sample", sampler), ("classify", boosting)]) if sampler is not None else boosting
    train = np.flatnonzero(groups > 3)
    test = np.flatnonzero(groups <= 3)
    native = cross_val_predict(model, X, y, groups=groups, cv=[(train, test), (test, train)], method="predict_proba", n_jobs=2)
    for part, rest in ((train, test), (test, train)):
        alone = clone(model).fit(X[part], y[part], groups=groups[part])
        fitted = alone[-1] if sampler is not None else alone
        assert fitted.n_estimators_ < 60
        assert np.array_equal(native[rest], alone.predict_proba(X[rest]))


def test_early_stopping_wants_groups_in_the_loop() -> None:
    X, y = table(np.random.default_rng(0), np.float32, missing=False)
    model = GradientBoostingClassifier(n_estimators=5, n_iter_no_change=2, random_state=0)
    with pytest.raises(LeakageError, match=r"groups of GradientBoostingClassifier.fit must be given"):
        cross_val_predict(model, X, y, cv=3, method="predict_proba", allow_ungrouped=True)
    open_model = clone(model).set_params(allow_ungrouped=True)
    assert cross_val_predict(open_model, X, y, cv=3, method="predict_proba", allow_ungrouped=True).shape == (len(y), N_CLASSES)


def test_early_stopping_refuses_rows_of_two_groups() -> None:
    rng = np.random.default_rng(0)
    X, y = table(rng, np.float32, missing=False)
    groups = rng.integers(0, 13, size=len(y))
    boosting = GradientBoostingClassifier(n_estimators=5, n_iter_no_change=2, random_state=0)
    mixed = make_pipeline(SMOTE(random_state=0), boosting)
    with pytest.raises(LeakageError, match="within"):
        cross_val_predict(mixed, X, y, groups=groups, cv=3, method="predict_proba")
    kept = make_pipeline(SMOTE(random_state=0, within="groups"), boosting)
    assert cross_val_predict(kept, X, y, groups=groups, cv=3, method="predict_proba").shape == (len(y), N_CLASSES)
