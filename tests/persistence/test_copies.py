"""Every public estimator can be cloned, copied and pickled, before and after fitting, and its copies answer with the same bits."""

from __future__ import annotations

import copy
import importlib
import inspect
import io
import pickle
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.base import BaseEstimator, clone

import emotion_native as en
from emotion_native.calibration import IsotonicCalibrator, SigmoidCalibrator, TemperatureCalibrator

OTHERS = {
    "Pipeline": lambda: en.pipeline.make_pipeline(en.impute.SimpleImputer(), en.over_sampling.RandomOverSampler(random_state=1), _forest()),
    "VotingClassifier": lambda: en.ensemble.VotingClassifier([("few", _forest()), ("linear", en.linear_model.LogisticRegression())], voting="soft"),
    "GridSearchCV": lambda: en.model_selection.GridSearchCV(_forest(), {"max_depth": [1, 3]}, cv=3),
    "StackingClassifier": lambda: en.ensemble.StackingClassifier([("few", _forest()), ("linear", en.linear_model.LogisticRegression())], cv=3),
    "SearchVotingClassifier": lambda: en.ensemble.SearchVotingClassifier(OTHERS["GridSearchCV"](), n_best=2),
    "RandomizedSearchCV": lambda: en.model_selection.RandomizedSearchCV(_forest(), {"max_depth": [1, 2, 3]}, n_iter=2, cv=3, random_state=0),
    "TunedThresholdsClassifier": lambda: en.multilabel.TunedThresholdsClassifier(cv=3),
    "AugmentedCopies": lambda: en.augmentation.AugmentedCopies(_copies()),
}
SMALL: dict[str, dict[str, Any]] = {
    "RandomForestClassifier": {"n_estimators": 6, "random_state": 0},
    "ExtraTreesClassifier": {"n_estimators": 6, "random_state": 0},
    "GradientBoostingClassifier": {"n_estimators": 4, "random_state": 0},
    "SelectKBest": {"k": 3},
    "ConformalClassifier": {"confidence_level": 0.7, "random_state": 0},
}
METHODS = ("predict_proba", "predict", "predict_set", "decision_function", "transform", "predict_abstain", "apply")


def _forest() -> Any:
    return en.ensemble.RandomForestClassifier(n_estimators=5, random_state=0)


def _copies() -> Any:
    """Return one copy of each row of `data`."""
    X = np.random.default_rng(1).normal(size=(120, 5)).astype(np.float32)
    recipe = en.audio.augment.Recipe()
    return en.augmentation.AugmentedFeatures(X, list("abcde"), np.arange(120), np.zeros(120, dtype=np.int64), [{}] * 120, recipe, 0, {})


def public_estimators() -> dict[str, type]:
    """Return every estimator class that a public module lists."""
    found: dict[str, type] = {}
    for name in en.__all__:
        module = getattr(en, name)
        for attribute in getattr(module, "__all__", ()) if inspect.ismodule(module) else ():
            value = getattr(importlib.import_module(module.__name__), attribute)
            if inspect.isclass(value) and issubclass(value, BaseEstimator) and not attribute.startswith("Base"):
                found[attribute] = value
    return found


ESTIMATORS = public_estimators()


def make(name: str) -> Any:
    """Return an unfitted estimator with as few arguments as it takes."""
    if name in OTHERS:
        return OTHERS[name]()
    cls = ESTIMATORS[name]
    arguments = dict(SMALL.get(name, {}))
    parameters = inspect.signature(cls).parameters
    if "estimator" in parameters:
        arguments["estimator"] = _forest()
    elif "random_state" in parameters:
        arguments["random_state"] = 0
    return cls(**arguments)


def data(name: str = "") -> tuple[Any, Any, Any]:
    generator = np.random.default_rng(0)
    X = generator.normal(size=(120, 5)).astype(np.float32)
    y = np.array(["a", "b", "c"])[np.digitize(X[:, 0] + 0.3 * generator.normal(size=120), [-0.6, 0.4])]
    if name == "IsotonicRegression":
        return X[:, 0], X[:, 1], np.arange(120) % 10
    if name.endswith("Calibrator"):  # maps of probabilities, fitted with the columns of the true classes
        proba = generator.dirichlet(np.ones(3), 120)
        return proba, (proba.cumsum(axis=1) < generator.random(120)[:, None]).sum(axis=1), np.arange(120) % 10
    if name == "TunedThresholdsClassifier":
        return X, (X[:, :3] > 0.5).astype(np.int64), np.arange(120) % 10
    return X, y, np.arange(120) % 10


def fit(estimator: Any) -> Any:
    X, y, groups = data(type(estimator).__name__)
    return estimator.fit(X, y, **metadata_of(estimator.fit, groups))


def metadata_of(method: Any, groups: Any) -> dict[str, Any]:
    """Return what a method takes beside rows and labels: groups, or the number of each row's clip."""
    known = {"groups": groups, "clip": np.arange(len(groups))}
    return {name: known[name] for name in inspect.signature(method).parameters if name in known}


def answers(estimator: Any) -> dict[str, Any]:
    X, y, groups = data(type(estimator).__name__)
    found = {name: getattr(estimator, name)(X) for name in METHODS if hasattr(estimator, name)}
    if hasattr(estimator, "fit_resample"):
        found["fit_resample"] = estimator.fit_resample(X, y, **metadata_of(estimator.fit_resample, groups))
    return found


def assert_same(first: Any, second: Any) -> None:
    assert type(first) is type(second)
    if isinstance(first, dict):
        assert first.keys() == second.keys()
        for key in first:
            assert_same(first[key], second[key])
    elif isinstance(first, tuple):
        for one, other in zip(first, second, strict=True):
            assert_same(one, other)
    else:
        np.testing.assert_array_equal(first, second)


def _through_joblib(thing: Any) -> Any:
    """As `joblib.dump` and `load` do it: arrays apart from the rest."""
    file = io.BytesIO()
    joblib.dump(thing, file)
    file.seek(0)
    return joblib.load(file)


def test_the_list_is_not_empty() -> None:
    assert len(ESTIMATORS) >= 12 and set(OTHERS) <= set(ESTIMATORS)


@pytest.mark.parametrize("name", sorted(ESTIMATORS))
def test_unfitted_estimators_are_cloned_and_copied(name: str) -> None:
    estimator = make(name)
    shown = repr(estimator.get_params())
    for same in (clone(estimator), copy.copy(estimator), copy.deepcopy(estimator), pickle.loads(pickle.dumps(estimator))):
        assert same is not estimator and repr(same.get_params()) == shown


@pytest.mark.parametrize("name", sorted(ESTIMATORS))
def test_copies_of_fitted_estimators_answer_with_the_same_bits(name: str) -> None:
    estimator = fit(make(name))
    expected = answers(estimator)
    assert expected
    joined = _through_joblib(estimator)
    for same in (copy.deepcopy(estimator), copy.copy(estimator), joined, *(pickle.loads(pickle.dumps(estimator, protocol=p)) for p in (2, 4, 5))):
        assert_same(answers(same), expected)
        again = pickle.loads(pickle.dumps(same))
        assert_same(answers(again), expected)
    assert_same(answers(fit(clone(estimator))), expected)  # a clone is unfitted, and learns the same
    assert not [attribute for attribute in vars(clone(estimator)) if attribute.endswith("_") and not attribute.startswith("_")]


@pytest.mark.parametrize("name", sorted(ESTIMATORS))
def test_a_deep_copy_shares_nothing_that_a_new_fit_changes(name: str) -> None:
    estimator = fit(make(name))
    kept = copy.deepcopy(estimator)
    expected = answers(kept)
    X, y, groups = data(name)
    changed = X[60:] if name.endswith("Calibrator") else -X[:60] * 3
    estimator.fit(changed, y[:60], **metadata_of(estimator.fit, groups[:60]))
    assert_same(answers(kept), expected)


def test_calibrators_and_loaded_models() -> None:
    generator = np.random.default_rng(0)
    proba = generator.dirichlet(np.ones(3), size=60)
    for calibrator in (SigmoidCalibrator(), TemperatureCalibrator(), IsotonicCalibrator()):
        calibrator.fit(proba, generator.integers(3, size=60))
        for same in (copy.deepcopy(calibrator), copy.copy(calibrator), pickle.loads(pickle.dumps(calibrator)), _through_joblib(calibrator)):
            assert np.array_equal(same.predict_proba(proba), calibrator.predict_proba(proba))
    X = data()[0]
    model = en.load_model(en.persistence.model_bytes(fit(make("RandomForestClassifier"))))
    for same in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert np.array_equal(same.predict_proba(X), model.predict_proba(X)) and same.model_hash == model.model_hash
