"""Prior correction: closed forms of a generative model, hand-made folds as the oracle, the model file, and what it is worth on balanced rows."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from imblearn.over_sampling import RandomOverSampler as PeerSampler
from imblearn.pipeline import make_pipeline as peer_pipeline
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.naive_bayes import GaussianNB
from sklearn.utils.estimator_checks import parametrize_with_checks

import emotion_native as en
from emotion_native.exceptions import InvalidInputError

c = en.calibration
SHARES = np.array([0.7, 0.2, 0.1])
NAMES = np.array(["angry", "calm", "sad"])


def logistic(**options: Any) -> Any:
    return en.linear_model.LogisticRegression(max_iter=500, **options)


def over() -> Any:
    return en.over_sampling.RandomOverSampler(random_state=3)


def rows(n: int, seed: int, shares: np.ndarray = SHARES) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return points of three unit normal distributions, their labels and speakers."""
    rng = np.random.default_rng(seed)
    codes = rng.choice(3, n, p=shares)
    return rng.normal(size=(n, 2)) + np.array([[0.0, 0.0], [1.5, 0.0], [0.0, 1.5]])[codes], NAMES[codes], np.arange(n) % 12


def posterior(X: np.ndarray, shares: np.ndarray) -> np.ndarray:
    means = np.array([[0.0, 0.0], [1.5, 0.0], [0.0, 1.5]])
    joint = shares * np.exp(-0.5 * ((X[:, None, :] - means) ** 2).sum(axis=2))
    return joint / joint.sum(axis=1, keepdims=True)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(0.01, 1), min_size=3, max_size=3), st.lists(st.floats(0.01, 1), min_size=3, max_size=3), st.integers(0, 1000))
def test_the_posterior_of_other_shares_is_the_corrected_posterior(one: list[float], other: list[float], seed: int) -> None:
    trained, target = np.array(one) / sum(one), np.array(other) / sum(other)
    X, _, _ = rows(50, seed)
    found = c.correct_priors(posterior(X, trained), one, target)
    np.testing.assert_allclose(found, posterior(X, target), rtol=1e-12)  # a few roundings
    assert np.array_equal(np.argmax(found, axis=1), np.argmax(posterior(X, target), axis=1))  # Bayes' decisions
    np.testing.assert_allclose(c.correct_priors(found, target, trained), posterior(X, trained), rtol=1e-11)


def test_shares_of_rows_without_labels_are_found() -> None:
    """The maximum-likelihood shares of 20,000 rows: their standard error is below 0.006."""
    X, y, _ = rows(20_000, 1, np.array([0.15, 0.25, 0.6]))
    found = c.estimate_priors(posterior(X, SHARES), SHARES)
    truth = np.array([(y == name).mean() for name in NAMES])
    np.testing.assert_allclose(found, truth, atol=0.02)
    assert found.sum() == pytest.approx(1, abs=1e-12)
    better = en.metrics.log_loss(y, c.correct_priors(posterior(X, SHARES), SHARES, found), labels=NAMES)
    assert better < en.metrics.log_loss(y, posterior(X, SHARES), labels=NAMES) - 0.1
    # A fixed point: the mean of the corrected probabilities are the priors.
    exact = c.estimate_priors(posterior(X, SHARES), SHARES, tol=0, max_iter=5000)
    np.testing.assert_allclose(c.correct_priors(posterior(X, SHARES), SHARES, exact).mean(axis=0), exact, atol=1e-9)
    with_gap = np.vstack([posterior(X, SHARES)[:100], np.full((3, 3), np.nan)])
    assert np.array_equal(c.estimate_priors(with_gap, SHARES), c.estimate_priors(with_gap[:100], SHARES))
    assert c.estimate_priors([[1.0, 0.0]], [1, 1]).tolist() == [1.0, 0.0]


BALANCED = {
    "random over": lambda: en.pipeline.make_pipeline(over(), logistic()),
    "smote": lambda: en.pipeline.make_pipeline(en.preprocessing.StandardScaler(), en.over_sampling.SMOTE(random_state=1), logistic()),
    "borderline": lambda: en.pipeline.make_pipeline(en.over_sampling.BorderlineSMOTE(random_state=1), logistic()),
    "random under": lambda: en.pipeline.make_pipeline(en.under_sampling.RandomUnderSampler(random_state=1), logistic()),
    "class weight": lambda: logistic(class_weight="balanced"),
    "weights by label": lambda: logistic(class_weight={"angry": 1.0, "calm": 3.5, "sad": 7.0}),
    "both": lambda: en.pipeline.make_pipeline(
        en.over_sampling.RandomOverSampler(sampling_strategy={"sad": 600}, random_state=1), logistic(class_weight="balanced")
    ),
    "forest": lambda: en.pipeline.make_pipeline(over(), en.ensemble.RandomForestClassifier(n_estimators=100, min_samples_leaf=20, random_state=0)),
    "boosting": lambda: en.ensemble.GradientBoostingClassifier(n_estimators=30, class_weight="balanced", random_state=0),
    "a sampler of others": lambda: en.pipeline.make_pipeline(PeerSampler(random_state=1), logistic()),
}


@pytest.mark.parametrize("kind", BALANCED)
def test_log_loss_is_better_on_new_rows_as_they_occur(kind: str) -> None:
    X, y, _ = rows(2_000, 2)
    new, truth, _ = rows(5_000, 3)
    model = c.PriorCorrectedClassifier(BALANCED[kind]()).fit(X, y)
    raw, corrected = model.estimator_.predict_proba(new), model.predict_proba(new)
    assert model.classes_.tolist() == NAMES.tolist()
    np.testing.assert_allclose(model.calibrator_.target_priors_, [(y == name).mean() for name in NAMES], rtol=1e-12)
    losses = [en.metrics.log_loss(truth, proba, labels=NAMES) for proba in (raw, corrected)]
    assert losses[1] < losses[0] - 0.05, losses
    best = en.metrics.log_loss(truth, posterior(new, SHARES), labels=NAMES)
    assert losses[1] < best + (0.1 if kind in ("forest", "boosting") else 0.05)  # the Bayes-optimal loss, and what 2,000 rows cost
    np.testing.assert_allclose(corrected.mean(axis=0), SHARES, atol=0.05)
    assert np.abs(raw.mean(axis=0) - SHARES).max() > 0.1


def test_counts_are_those_that_reach_the_classifier() -> None:
    X, y, _ = rows(600, 4)
    expected = {"random over": [1, 1, 1], "smote": [1, 1, 1], "random under": [1, 1, 1], "class weight": [1, 1, 1]}
    for kind, shares in expected.items():
        model = c.PriorCorrectedClassifier(BALANCED[kind]()).fit(X, y)
        np.testing.assert_allclose(model.calibrator_.trained_priors_, np.array(shares) / 3, rtol=1e-12)
    counts = np.array([(y == name).sum() for name in NAMES])
    sampler = en.over_sampling.RandomOverSampler(sampling_strategy={"sad": int(counts[2]) + 40}, random_state=0)
    for pipeline in (
        en.pipeline.make_pipeline(sampler, logistic()),
        en.pipeline.make_pipeline(sampler, en.pipeline.make_pipeline(en.preprocessing.StandardScaler(), logistic())),
    ):
        model = c.PriorCorrectedClassifier(pipeline).fit(X, y)
        np.testing.assert_allclose(model.calibrator_.trained_priors_, (counts + [0, 0, 40]) / (counts.sum() + 40), rtol=1e-12)
    weight = np.random.default_rng(0).random(600)
    plain = c.PriorCorrectedClassifier(logistic()).fit(X, y, weight)
    np.testing.assert_allclose(plain.predict_proba(X), plain.estimator_.predict_proba(X), rtol=1e-12)  # nothing to correct
    weighted = c.PriorCorrectedClassifier(en.pipeline.make_pipeline(over(), logistic())).fit(X, y, weight)
    totals = np.array([weight[y == name].sum() for name in NAMES])
    np.testing.assert_allclose(weighted.calibrator_.target_priors_, totals / totals.sum(), rtol=1e-12)
    trained = totals / counts  # each class has as many rows, of its own mean weight
    np.testing.assert_allclose(weighted.calibrator_.trained_priors_, trained / trained.sum(), rtol=1e-12)


@pytest.mark.parametrize("kind", ["random over", "smote", "random under", "weights by label", "borderline", "a sampler of others"])
def test_each_fold_is_corrected_by_its_own_training_rows(kind: str) -> None:
    X, y, groups = rows(600, 5)
    cv = en.model_selection.GroupKFold(3)
    model = c.CalibratedClassifierCV(BALANCED[kind](), prior_correction=True, cv=cv).fit(X, y, groups=groups)
    oof = np.empty((600, 3))
    for train, test in cv.split(X, y, groups):
        oof[test] = c.PriorCorrectedClassifier(BALANCED[kind]()).fit(X[train], y[train]).predict_proba(X[test])
    codes = np.searchsorted(NAMES, y)
    expected = c.fit_calibrator("temperature", oof, codes)
    final = c.PriorCorrectedClassifier(BALANCED[kind]()).fit(X, y)
    assert np.array_equal(model.predict_proba(X), expected.predict_proba(final.predict_proba(X)))
    nested = en.model_selection.cross_val_predict(c.PriorCorrectedClassifier(BALANCED[kind]()), X, y, groups=groups, cv=cv, method="predict_proba")
    assert np.array_equal(nested, oof)


def test_a_temperature_alone_cannot_and_other_maps_can(rng: np.random.Generator) -> None:
    X, y, groups = rows(4_000, 6)
    new, _, _ = rows(10_000, 7)
    gaps = {}
    for method in ("temperature", "sigmoid", "isotonic"):
        for correct in (False, True):
            model = c.CalibratedClassifierCV(BALANCED["random over"](), method=method, prior_correction=correct, cv=3).fit(X, y, groups=groups)
            gaps[method, correct] = float(np.abs(model.predict_proba(new).mean(axis=0) - SHARES).max())
    assert gaps.pop(("temperature", False)) > 0.08
    assert max(gaps.values()) < 0.03, gaps


def test_nested_evaluation_corrects_in_each_fold() -> None:
    X, y, groups = rows(600, 8)
    options: dict[str, Any] = {"groups": groups, "cv": en.model_selection.GroupKFold(3), "inner_cv": en.model_selection.GroupKFold(2)}
    pipeline = BALANCED["random over"]()
    result = c.nested_evaluation({"a": pipeline}, X, y, prior_correction=True, target_coverage=0.8, **options)
    plain = c.nested_evaluation({"a": pipeline}, X, y, target_coverage=0.8, **options)
    assert np.array_equal(result.proba_raw, plain.proba_raw)
    for k, (train, test) in enumerate(result.folds):
        own = c.CalibratedClassifierCV(pipeline, prior_correction=True, cv=options["inner_cv"]).fit(X[train], y[train], groups=groups[train])
        assert np.array_equal(result.proba[test], own.predict_proba(X[test]))
        assert np.array_equal(result.calibrators[k].predict_proba(result.proba_raw[test]), result.proba[test])
    whole = c.CalibratedClassifierCV(pipeline, prior_correction=True, cv=options["cv"]).fit(X, y, groups=groups)
    raw = whole.estimator_.predict_proba(X)
    assert np.array_equal(result.final.calibrator.predict_proba(raw), whole.predict_proba(X))
    assert en.metrics.log_loss(y, result.proba, labels=NAMES) < en.metrics.log_loss(y, plain.proba, labels=NAMES) - 0.05
    alone = c.nested_evaluation({"a": pipeline}, X, y, prior_correction=True, method=None, **options)
    assert isinstance(alone.final.calibrator, c.PriorCorrection)
    # Test rows decide nothing: other labels in one outer test part leave every other number of that fold as it was.
    train, test = next(iter(result.folds))
    changed = y.copy()
    changed[test] = np.roll(y[test], 7)
    again = c.nested_evaluation({"a": pipeline}, X, changed, prior_correction=True, target_coverage=0.8, **options)
    assert np.array_equal(again.proba[test], result.proba[test])
    assert again.thresholds[0] == result.thresholds[0]


def test_only_the_chosen_candidate_is_fitted_on_all_rows() -> None:
    """A sampler of others tells what it made of the classes after a fit only: one model a fold and candidate, and one of all rows."""
    sizes: dict[str, list[int]] = {}

    class Counting(GaussianNB):  # type: ignore[misc]  # scikit-learn has no type information
        def fit(self, X: Any, y: Any) -> Any:
            sizes.setdefault(str(self.var_smoothing), []).append(len(X))
            return super().fit(X, y)

    X, y, groups = rows(600, 8)
    over_all = 3 * int((y == NAMES[0]).sum())  # rows, once each class is as large as the largest
    models = [Counting(var_smoothing=smoothing) for smoothing in (1e-9, 1e-2, 1e2)]
    candidates = {str(model.var_smoothing): en.pipeline.make_pipeline(PeerSampler(random_state=0), model) for model in models}
    result = c.nested_evaluation(candidates, X, y, groups=groups, cv=3, inner_cv=2, prior_correction=True, method=None)
    assert {name: len(found) for name, found in sizes.items()} == {name: 9 + (name == result.final.candidate) for name in candidates}
    assert [name for name, found in sizes.items() if over_all in found] == [result.final.candidate]
    whole = c.PriorCorrectedClassifier(candidates[result.final.candidate]).fit(X, y)
    assert isinstance(result.final.calibrator, c.PriorCorrection)
    assert np.array_equal(result.final.calibrator.trained_priors_, whole.calibrator_.trained_priors_)


@pytest.mark.parametrize("method", [None, "temperature", "sigmoid", "isotonic"])
def test_the_model_file_and_copies_hold_it(method: str | None, tmp_path: Path) -> None:
    X, y, groups = rows(400, 9)
    X = X.astype(np.float32)
    inner = en.pipeline.make_pipeline(over(), en.ensemble.RandomForestClassifier(n_estimators=10, random_state=0))
    if method is None:
        models: list[Any] = [c.PriorCorrectedClassifier(inner).fit(X, y)]
    else:
        options: dict[str, Any] = {"method": method, "cv": 3}
        models = [
            c.CalibratedClassifierCV(inner, prior_correction=True, **options).fit(X, y, groups=groups),
            c.CalibratedClassifierCV(c.PriorCorrectedClassifier(inner), **options).fit(X, y, groups=groups),
            c.AbstainingClassifier(c.CalibratedClassifierCV(inner, prior_correction=True, **options), target_coverage=0.8).fit(X, y, groups=groups),
        ]
    for model in models:
        expected = model.predict_proba(X)
        en.save_model(model, tmp_path / "model.en")
        loaded = en.load_model(tmp_path / "model.en")
        assert loaded.calibration == ("prior" if method is None else f"prior+{method}")
        assert np.array_equal(loaded.predict_proba(X), expected)
        for copied in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model), clone(model).fit(X, y, groups=groups)):
            assert np.array_equal(copied.predict_proba(X), expected)
        runtime = pytest.importorskip("onnxruntime")
        session = runtime.InferenceSession(en.export.to_onnx(model).SerializeToString())
        answer = dict(zip([one.name for one in session.get_outputs()], session.run(None, {session.get_inputs()[0].name: X}), strict=True))
        np.testing.assert_allclose(answer["probabilities"], expected, atol=1e-6)  # the graph's output is float32


def test_a_broken_file_is_refused(tmp_path: Path) -> None:
    X, y, _ = rows(100, 10)
    model = c.PriorCorrectedClassifier(en.pipeline.make_pipeline(over(), logistic())).fit(X, y)
    model.calibrator_.trained_priors_ = np.array([0.5, -0.5, 1.0])
    with pytest.raises(en.exceptions.ModelFormatError, match="trained_priors"):  # what is written is read again
        en.save_model(model, tmp_path / "model.en")


def test_corrections_of_corrections_are_saved(tmp_path: Path) -> None:
    X, y, _ = rows(100, 10)
    inner = c.PriorCorrectedClassifier(logistic(), target_priors=[1, 2, 3])
    twice = c.PriorCorrectedClassifier(inner, trained_priors="balanced").fit(X, y)
    en.save_model(twice, tmp_path / "model.en")
    assert np.array_equal(en.load_model(tmp_path / "model.en").predict_proba(X.astype(np.float32)), twice.predict_proba(X.astype(np.float32)))


def test_given_priors() -> None:
    X, y, _ = rows(300, 11)
    shares = {"angry": 0.2, "calm": 0.3, "sad": 0.5}
    model = c.PriorCorrectedClassifier(GaussianNB(), target_priors=shares).fit(X, y)
    array = c.PriorCorrectedClassifier(GaussianNB(), target_priors=list(shares.values())).fit(X, y)
    assert np.array_equal(model.predict_proba(X), array.predict_proba(X))
    # Naive Bayes multiplies by its priors: given ones are the oracle.
    np.testing.assert_allclose(model.predict_proba(X), GaussianNB(priors=list(shares.values())).fit(X, y).predict_proba(X), rtol=1e-9)
    peers = peer_pipeline(PeerSampler(random_state=0), GaussianNB())
    ours = c.PriorCorrectedClassifier(en.pipeline.make_pipeline(PeerSampler(random_state=0), GaussianNB())).fit(X, y)
    assert np.array_equal(c.PriorCorrectedClassifier(peers, trained_priors="balanced").fit(X, y).predict_proba(X), ours.predict_proba(X))


def test_what_is_refused() -> None:
    X, y, groups = rows(200, 12)
    peers = peer_pipeline(PeerSampler(random_state=0), GaussianNB())
    voting = en.ensemble.VotingClassifier([("a", logistic(class_weight="balanced"))], voting="soft")
    for model, text in (
        (c.PriorCorrectedClassifier(peers), "give trained_priors"),
        (c.PriorCorrectedClassifier(voting), "give trained_priors"),
        (c.PriorCorrectedClassifier(GaussianNB(), target_priors=[1, 2]), "one number a class"),
        (c.PriorCorrectedClassifier(GaussianNB(), target_priors={"angry": 1}), "name each class once"),
        (c.PriorCorrectedClassifier(GaussianNB(), target_priors={"angry": 1, "calm": 1, "sad": 1, "x": 1}), "name each class once"),
        (c.PriorCorrectedClassifier(GaussianNB(), target_priors="test"), "target_priors"),
        (c.PriorCorrectedClassifier(GaussianNB(), trained_priors=[1, -1, 1]), "trained_priors"),
    ):
        with pytest.raises(InvalidInputError, match=text):
            model.fit(X, y)
    for calibrated, text in (
        (c.CalibratedClassifierCV(peers, prior_correction=True), "PriorCorrectedClassifier"),
        (c.CalibratedClassifierCV(FrozenEstimator(GaussianNB().fit(X, y)), prior_correction=True), "frozen"),
        (c.CalibratedClassifierCV(GaussianNB(), prior_correction="yes"), "prior_correction"),
    ):
        with pytest.raises(InvalidInputError, match=text):
            calibrated.fit(X, y, groups=groups)
    for bad in ([1, 2], [0, 0, 0], [1, np.nan, 1], ["a", "b", "c"], [[1, 1, 1]]):
        with pytest.raises(InvalidInputError):
            c.correct_priors(np.full((2, 3), 1 / 3), bad, [1, 1, 1])
        with pytest.raises(InvalidInputError):
            c.estimate_priors(np.full((2, 3), 1 / 3), bad)
    with pytest.raises(InvalidInputError, match="row with a probability"):
        c.estimate_priors([[np.nan, 0.5]], [1, 1])
    with pytest.raises(InvalidInputError, match="prior_correction"):
        c.nested_evaluation({"a": GaussianNB()}, X, y, groups=groups, prior_correction=1)  # type: ignore[arg-type]  # the mistake


@parametrize_with_checks([c.PriorCorrectedClassifier(GaussianNB())])
def test_scikit_learn_estimator_checks(estimator: Any, check: Any) -> None:
    check(estimator)
