"""OneVsRestClassifier against one fit a label and scikit-learn; thresholds against scikit-learn's f1_score at every cut."""

from __future__ import annotations

import _thread
import pickle
import threading
import time
import warnings
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression
from sklearn.linear_model import LogisticRegression as ReferenceLogistic
from sklearn.metrics import f1_score
from sklearn.multiclass import OneVsRestClassifier as Reference
from sklearn.naive_bayes import GaussianNB

import emotion_native as en
from emotion_native import _core
from emotion_native.exceptions import EmotionNativeWarning, InvalidInputError, LeakageError
from emotion_native.linear_model import LogisticRegression
from emotion_native.multilabel import OneVsRestClassifier, TunedThresholdsClassifier, tune_thresholds
from emotion_native.pipeline import make_pipeline
from emotion_native.preprocessing import StandardScaler


def table(seed: int = 0, n: int = 400, d: int = 9, labels: int = 5) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    X[rng.random(X.shape) < 0.4] = 0
    return X, (X[:, :labels] + rng.normal(size=(n, labels)) > 0.7).astype(int)


@pytest.mark.parametrize("form", [np.asarray, sp.csr_matrix, lambda x: np.asarray(x, np.float32)], ids=["dense", "sparse", "float32"])
@pytest.mark.parametrize("parameters", [{}, {"l1_ratio": 1.0, "C": 0.3}, {"class_weight": "balanced"}, {"class_weight": {0: 1.0, 1: 3.0}}], ids=str)
def test_each_label_is_the_fit_of_that_label_alone_bit_for_bit(form: Any, parameters: dict[str, Any]) -> None:
    X, Y = table()
    X = form(X)
    weights = np.random.default_rng(1).random(len(Y)) + 0.5
    for n_jobs in (1, 2, 7):
        model = OneVsRestClassifier(LogisticRegression(**parameters), n_jobs=n_jobs).fit(X, Y, sample_weight=weights)
        scores, proba = model.decision_function(X), model.predict_proba(X)
        for k in range(Y.shape[1]):
            alone = LogisticRegression(**parameters).fit(X, Y[:, k], sample_weight=weights)
            np.testing.assert_array_equal(model.estimators_[k].coef_, alone.coef_)
            np.testing.assert_array_equal(model.estimators_[k].intercept_, alone.intercept_)
            np.testing.assert_array_equal(scores[:, k], alone.decision_function(X))
            np.testing.assert_array_equal(proba[:, k], alone.predict_proba(X)[:, 1])
            assert model.estimators_[k].n_iter_ == alone.n_iter_
        np.testing.assert_array_equal(model.predict(X), (scores > 0).astype(int))


@pytest.mark.parametrize("target", ["labels", "classes", "two classes"])
def test_it_is_scikit_learns(target: str) -> None:
    X, Y = table(2)
    texts = np.array(["angry", "bored", "calm", "happy", "sad"])
    y = Y if target == "labels" else texts[(X[:, :5] + np.random.default_rng(0).normal(size=(len(X), 5))).argmax(axis=1)]
    if target == "two classes":
        y = np.where(y == "angry", "angry", "other")
    exact: dict[str, Any] = {"tol": 1e-9, "max_iter": 2000}
    ours = OneVsRestClassifier(LogisticRegression(**exact)).fit(X, y)
    theirs = Reference(ReferenceLogistic(**exact)).fit(X, y)
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-6)
    np.testing.assert_allclose(ours.decision_function(X), theirs.decision_function(X), atol=1e-5)
    np.testing.assert_array_equal(ours.classes_, theirs.classes_)
    assert ours.multilabel_ == theirs.multilabel_
    assert ours.n_classes_ == theirs.n_classes_
    assert len(ours.estimators_) == len(theirs.estimators_)


def test_a_foreign_classifier_is_cloned_once_a_label() -> None:
    X, Y = table(3)
    ours = OneVsRestClassifier(GaussianNB()).fit(X, Y)
    theirs = Reference(GaussianNB()).fit(X, Y)
    np.testing.assert_array_equal(ours.predict_proba(X), theirs.predict_proba(X))
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
    assert not hasattr(ours, "decision_function")
    assert ours.n_features_in_ == X.shape[1]


def test_labels_of_all_rows_or_none_are_constant_with_a_warning() -> None:
    X, Y = table(4)
    Y[:, 1], Y[:, 3] = 0, 1
    with pytest.warns(EmotionNativeWarning) as said:
        model = OneVsRestClassifier(LogisticRegression()).fit(X, Y)
    expected = ["Label 1 is present in none of the training examples", "Label 3 is present in all of the training examples"]
    assert [str(warning.message) for warning in said] == expected
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = Reference(ReferenceLogistic()).fit(X, Y)
    np.testing.assert_array_equal(model.predict(X), theirs.predict(X))
    np.testing.assert_array_equal(model.predict_proba(X)[:, [1, 3]], theirs.predict_proba(X)[:, [1, 3]])
    np.testing.assert_array_equal(model.decision_function(X)[:, [1, 3]], theirs.decision_function(X)[:, [1, 3]])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict(X), model.predict(X))


def test_indicators_may_be_sparse_or_of_booleans() -> None:
    X, Y = table(5)
    expected = OneVsRestClassifier(LogisticRegression()).fit(X, Y).decision_function(X)
    for form in (sp.csr_matrix(Y), Y.astype(bool), Y.astype(float), Y.tolist()):
        np.testing.assert_array_equal(OneVsRestClassifier(LogisticRegression()).fit(X, form).decision_function(X), expected)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.full((400, 2), 2), "y of OneVsRestClassifier.fit must be a vector of labels or a matrix of 0 and 1"),
        (np.zeros(400), "at least two classes"),
        (None, "y of OneVsRestClassifier.fit must be"),
        (np.zeros((3, 2), int), "one label or set of labels a row"),
        (np.linspace(0, 1, 400), "y of OneVsRestClassifier.fit must be"),
    ],
    ids=str,
)
def test_bad_labels_are_refused(y: Any, message: str) -> None:
    X, _ = table()
    with pytest.raises(InvalidInputError, match=message):
        OneVsRestClassifier(LogisticRegression()).fit(X, y)


def test_the_core_checks_again() -> None:
    X, Y = table()
    options = LogisticRegression()._native_step()
    for labels in (np.ascontiguousarray(Y.T[:, :5], np.uint8), np.full((2, len(X)), 3, np.uint8)):
        with pytest.raises(InvalidInputError):
            _core.one_vs_rest_fit(X, labels, options, None, 1)
    with pytest.raises(InvalidInputError):
        _core.one_vs_rest_predict(X, np.zeros((2, 4)), np.zeros(2), True, False)
    with pytest.raises(InvalidInputError):
        _core.one_vs_rest_predict(X, np.zeros((2, 9)), np.zeros(3), True, False)


def test_ctrl_c_ends_a_fit_and_leaves_the_estimator_as_it_was() -> None:
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(4000, 400)) * np.logspace(0, 6, 400), rng.integers(0, 2, (4000, 12))
    model = OneVsRestClassifier(LogisticRegression(C=1e8, tol=1e-15, max_iter=10**6), n_jobs=2)
    timer = threading.Timer(0.3, _thread.interrupt_main)
    timer.start()
    start = time.perf_counter()
    try:
        with pytest.raises(KeyboardInterrupt):
            model.fit(X, Y)
    finally:
        timer.cancel()
    assert time.perf_counter() - start < 5
    assert not hasattr(model, "estimators_")


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 40), st.integers(1, 4), st.booleans())
def test_no_cut_has_a_larger_f1(seed: int, n: int, labels: int, ties: bool) -> None:
    rng = np.random.default_rng(seed)
    Y = rng.integers(0, 2, (n, labels))
    scores = rng.normal(size=(n, labels)).round(0 if ties else 12)
    thresholds, f1 = tune_thresholds(Y, scores)
    for k in range(labels):
        cuts = [np.inf, -np.inf, *scores[:, k]]
        best = max(f1_score(Y[:, k], scores[:, k] >= cut, zero_division=0) for cut in cuts)
        np.testing.assert_allclose(f1[k], best, rtol=1e-14)
        np.testing.assert_allclose(f1_score(Y[:, k], scores[:, k] > thresholds[k], zero_division=0), best, rtol=1e-14)
    for n_jobs in (1, 2, 7):
        np.testing.assert_array_equal(tune_thresholds(Y, scores, n_jobs=n_jobs)[0], thresholds)
    order = rng.permutation(n)
    np.testing.assert_array_equal(tune_thresholds(Y[order], scores[order])[0], thresholds)
    # An increasing map of the scores keeps the cuts.
    np.testing.assert_array_equal(scores * 4 > tune_thresholds(Y, scores * 4)[0], scores > thresholds)


@pytest.mark.parametrize(
    ("y", "scores"),
    [([0, 2], [0.1, 0.2]), ([0, 1], [0.1, np.nan]), ([0, 1], [[0.1], [0.2]]), ([[0, 1]], [[0.1, 0.2, 0.3]]), ([], []), (["a", "b"], [0.1, 0.2])],
    ids=str,
)
def test_bad_scores_are_refused(y: Any, scores: Any) -> None:
    with pytest.raises(InvalidInputError, match="tune_thresholds"):
        tune_thresholds(y, scores)


def test_thresholds_are_tuned_out_of_fold_with_whole_groups_left_out() -> None:
    X, Y = table(6)
    groups = np.arange(len(X)) % 8
    seen: list[set[int]] = []

    class Spy(OneVsRestClassifier):
        def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
            seen.append(set(X[:, -1].astype(int).tolist()))
            return super().fit(X, y, sample_weight)

    rows = np.column_stack([X, groups])
    model = TunedThresholdsClassifier(Spy(LogisticRegression()), cv=4).fit(rows, Y, groups=groups)
    assert [len(groups_seen) for groups_seen in seen] == [6] * 4 + [8]
    assert set.union(*[set(range(8)) - groups_seen for groups_seen in seen[:4]]) == set(range(8))
    assert not model.ungrouped_
    np.testing.assert_array_equal(model.predict(rows), model.predict_proba(rows) > model.thresholds_)
    whole = OneVsRestClassifier(LogisticRegression()).fit(rows, Y)
    np.testing.assert_array_equal(model.estimator_.decision_function(rows), whole.decision_function(rows))
    assert TunedThresholdsClassifier().fit(sp.csr_matrix(X), Y, groups=groups).thresholds_.shape == (5,)


def test_without_groups_nothing_is_tuned_unless_allowed() -> None:
    X, Y = table(7)
    with pytest.raises(LeakageError):
        TunedThresholdsClassifier().fit(X, Y)
    assert TunedThresholdsClassifier(allow_ungrouped=True).fit(X, Y).ungrouped_
    with pytest.raises(InvalidInputError, match="indicator matrix"):
        TunedThresholdsClassifier().fit(X, Y[:, 0], groups=np.arange(len(X)) % 4)


def classes_of(X: np.ndarray, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(size=(len(X), 4))
    return np.array(["angry", "calm", "happy", "sad"])[(X[:, :4] + noise).argmax(axis=1)]


@pytest.mark.parametrize("n_classes", [2, 4])
def test_a_model_file_gives_the_bits_of_the_classifier(n_classes: int) -> None:
    X = table(3)[0].astype(np.float32)
    y = classes_of(X)
    y = np.where(np.isin(y, ["happy", "sad"]), "calm", y) if n_classes == 2 else y
    pipeline = make_pipeline(StandardScaler(), OneVsRestClassifier(LogisticRegression(C=0.3))).fit(X, y)
    loaded = en.load_model(en.persistence.model_bytes(pipeline))
    np.testing.assert_array_equal(loaded.predict_proba(X), pipeline.predict_proba(X))
    np.testing.assert_array_equal(loaded.predict_features(X).labels, pipeline.predict(X))
    assert loaded.metadata["steps"][1]["kind"] == "one_vs_rest_classifier"


def test_what_has_no_model_file_is_refused() -> None:
    X, Y = table()
    for y in (Y, classes_of(X)):
        with pytest.raises(InvalidInputError, match=r"made of steps of emotion_native; got sklearn\.naive_bayes\.GaussianNB as step 0"):
            en.persistence.model_bytes(OneVsRestClassifier(GaussianNB()).fit(X, y))
    with pytest.raises(InvalidInputError, match=r"estimator of OneVsRestClassifier must be a classifier to be saved"):
        en.persistence.model_bytes(OneVsRestClassifier(LinearRegression()).fit(X, Y))


def test_fit_on_a_fold_that_lacks_classes_is_clone_and_fit() -> None:
    X = table(4)[0]
    y = classes_of(X)
    groups = np.unique(y, return_inverse=True)[1]  # one fold lacks each class
    model = OneVsRestClassifier(LogisticRegression(class_weight="balanced"))
    folds = [(np.flatnonzero(~np.isin(groups, [g, h])), np.flatnonzero(np.isin(groups, [g, h]))) for g, h in ((0, 1), (2, 3))]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = en.model_selection.cross_val_predict(model, X, y, groups=groups, cv=folds, method="predict_proba")
    for train, test in folds:
        own = OneVsRestClassifier(LogisticRegression(class_weight="balanced")).fit(X[train], y[train])
        columns = np.searchsorted(np.unique(y), own.classes_)
        np.testing.assert_array_equal(found[test][:, columns], own.predict_proba(X[test]))
        assert found[test].sum() == pytest.approx(len(test))


def test_liblinear_is_one_fit_a_label() -> None:
    X, Y = table()
    model = OneVsRestClassifier(LogisticRegression(solver="liblinear", C=0.2)).fit(X, Y)
    for k in range(Y.shape[1]):
        alone = LogisticRegression(solver="liblinear", C=0.2).fit(X, Y[:, k])
        np.testing.assert_array_equal(model.estimators_[k].coef_, alone.coef_)
        np.testing.assert_array_equal(model.estimators_[k].intercept_, alone.intercept_)


def test_sets_of_labels_are_cross_validated_with_whole_groups_left_out() -> None:
    X, Y = table()
    groups = np.arange(len(X)) % 10
    model = OneVsRestClassifier(LogisticRegression())
    found = en.model_selection.cross_val_predict(model, X, Y, groups=groups, cv=5, method="predict_proba")
    scores = en.model_selection.cross_validate(model, X, Y, groups=groups, cv=5, scoring="f1_macro", return_indices=True)
    for train, test, score in zip(*scores["indices"].values(), scores["test_score"], strict=True):
        assert not set(groups[train]) & set(groups[test])
        own = OneVsRestClassifier(LogisticRegression()).fit(X[train], Y[train])
        np.testing.assert_array_equal(found[test], own.predict_proba(X[test]))
        assert score == f1_score(Y[test], own.predict(X[test]), average="macro")
    labels = en.model_selection.cross_val_predict(model, X, Y, groups=groups, cv=5)
    np.testing.assert_array_equal(labels, (found > 0.5).astype(int))
    sparse = en.model_selection.cross_val_predict(model, X, sp.csr_matrix(Y), groups=groups, cv=5)
    np.testing.assert_array_equal(sparse.toarray(), labels)
    search = en.model_selection.GridSearchCV(model, {"estimator__C": [1e-4, 1.0]}, scoring="f1_macro", cv=5).fit(X, Y, groups=groups)
    assert search.best_params_ == {"estimator__C": 1.0}
    with pytest.raises(LeakageError):
        en.model_selection.cross_validate(model, X, Y)


def test_sparse_indicators_give_sparse_predictions_and_regressors_are_scores() -> None:
    X, Y = table()
    dense = OneVsRestClassifier(LogisticRegression()).fit(X, Y)
    model = OneVsRestClassifier(LogisticRegression()).fit(X, sp.csc_matrix(Y))
    assert sp.issparse(model.predict(X))
    np.testing.assert_array_equal(model.predict(X).toarray(), dense.predict(X))
    lines = OneVsRestClassifier(LinearRegression()).fit(X, Y)
    np.testing.assert_array_equal(lines.predict(X), Reference(LinearRegression()).fit(X, Y).predict(X))


SETS: list[Any] = [
    [["calm", "glad"], ["sad"], []],
    [{"calm"}, {"glad", "sad"}, set()],
    [("a", "b"), ("c", "d"), ("a", "c")],
    np.array([["a"], ["b", "c"], []], dtype=object),
]


@pytest.mark.parametrize("rows", SETS)
def test_sets_of_labels_without_a_binarizer_are_refused_with_the_remedy(rows: Any) -> None:
    remedy = r"MultiLabelBinarizer\(\)\.fit_transform\(y\).*; got (list|set|tuple)s of labels"
    with pytest.raises(InvalidInputError, match=rf"^y of OneVsRestClassifier\.fit must be .*{remedy}"):
        OneVsRestClassifier(LogisticRegression()).fit(np.eye(3), rows)
