"""Random pipelines, data and parts: every native fold equals a fit on the copied rows, and nothing outside the training part reaches it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.base import clone

from emotion_native.ensemble import ExtraTreesClassifier, GradientBoostingClassifier, RandomForestClassifier
from emotion_native.exceptions import InvalidInputError
from emotion_native.feature_selection import SelectKBest
from emotion_native.impute import SimpleImputer
from emotion_native.linear_model import LogisticRegression
from emotion_native.model_selection import cross_val_predict
from emotion_native.model_selection._fit import check_labels, fold_probabilities
from emotion_native.over_sampling import SMOTE, BorderlineSMOTE, RandomOverSampler
from emotion_native.pipeline import Pipeline, make_pipeline
from emotion_native.preprocessing import StandardScaler
from emotion_native.under_sampling import RandomUnderSampler

pytestmark = pytest.mark.filterwarnings("ignore")  # convergence and small classes are part of the game
METADATA = ("sample_weight", "groups", "speaker")


def pick(r: np.random.Generator, *choices: Any) -> Any:
    return choices[r.integers(len(choices))]


def random_step(r: np.random.Generator) -> Any:
    seed = int(r.integers(99))
    within = pick(r, None, "speaker", "groups")
    return pick(
        r,
        StandardScaler(with_mean=bool(r.integers(2)), with_std=bool(r.integers(2))),
        SimpleImputer(strategy=pick(r, "mean", "median", "most_frequent"), keep_empty_features=bool(r.integers(2))),
        SimpleImputer(strategy="constant", fill_value=float(r.normal())),
        SelectKBest(k=pick(r, "all", 1, 3, 5)),
        RandomOverSampler(random_state=seed, sampling_strategy=pick(r, "auto", "minority", "not minority")),
        RandomUnderSampler(random_state=seed, replacement=bool(r.integers(2)), sampling_strategy=pick(r, "auto", "majority", "not majority")),
        SMOTE(random_state=seed, k_neighbors=int(r.integers(1, 7)), within=within, n_jobs=1),
        BorderlineSMOTE(random_state=seed, m_neighbors=int(r.integers(1, 12)), kind=pick(r, "borderline-1", "borderline-2"), within=within, n_jobs=1),
    )


def random_classifier(r: np.random.Generator, classes: list[Any]) -> Any:
    class_weight = pick(r, None, "balanced", {label: float(3 * r.random()) for label in classes})
    kind = r.integers(4)
    if kind == 0:
        return LogisticRegression(max_iter=8, class_weight=class_weight, C=float(r.random() + 0.01), fit_intercept=bool(r.integers(2)), n_jobs=1)
    sizes: dict[str, Any] = {
        "min_samples_leaf": pick(r, 1, 4, 0.03),
        "min_samples_split": pick(r, 2, 9, 0.1),
        "max_features": pick(r, None, "sqrt", "log2", 0.4, 2),
        "max_depth": pick(r, None, 2, 6),
        "max_leaf_nodes": pick(r, None, 4, 11),
        "min_weight_fraction_leaf": pick(r, 0.0, 0.03),
        "min_impurity_decrease": pick(r, 0.0, 0.002),
        "class_weight": class_weight,
        "random_state": int(r.integers(1000)),
        "n_jobs": 1,
    }
    if kind == 1:
        return GradientBoostingClassifier(
            n_estimators=6,
            learning_rate=0.5,
            subsample=pick(r, 1.0, 0.6),
            max_bins=pick(r, 255, 8, 2),
            n_iter_no_change=pick(r, None, 1, 2),
            tol=0.01,
            validation_fraction=pick(r, 0.1, 0.3),
            l2_regularization=pick(r, 0.0, 1.0),
            init=pick(r, None, "zero"),
            allow_ungrouped=bool(r.integers(2)),
            **sizes,
        )
    bootstrap = bool(r.integers(2))
    draws = pick(r, None, 0.5, 20) if bootstrap else None
    forest = pick(r, RandomForestClassifier, ExtraTreesClassifier)
    return forest(n_estimators=3, bootstrap=bootstrap, max_samples=draws, criterion=pick(r, "gini", "entropy"), **sizes)


def random_table(r: np.random.Generator) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
    n, d, k = int(r.integers(40, 140)), int(r.integers(3, 9)), int(r.integers(2, 5))
    names = pick(r, np.arange(k), np.array(["angry", "calm", "happy", "sad"][:k]), np.array(["z", "y", "x", "w"][:k]), 10 * np.arange(k) - 7)
    share = r.random(k) + 0.1
    code = r.choice(k, size=n, p=share / share.sum())
    X = r.normal(size=(n, d))
    X[:, 0] += code
    X[:, 1] = np.round(X[:, 1])
    X[:, 2] = 1e-5 * X[:, 2] + 100  # neighbours that float32 merges
    X[:, 3:4] = 3.0  # constant
    X[:, 4:5] = r.random((n, 1)) < 0.05  # constant in some parts
    if r.integers(3) == 0:
        X[r.random(X.shape) < 0.07] = np.nan
    if r.integers(4) == 0:
        X = X[r.integers(0, n // 3, size=n)]  # copies
    groups = r.integers(0, int(r.integers(3, 15)), size=n)
    speaker = groups if r.integers(2) else r.integers(0, 5, size=n)
    metadata = {
        "sample_weight": pick(r, None, r.random(n) + 0.1, r.integers(0, 3, size=n).astype(float)),
        "groups": pick(r, groups, np.array([f"speaker {g}" for g in groups])) if r.integers(6) else None,
        "speaker": np.array([f"q{s}" for s in speaker]) if r.integers(5) else None,
    }
    return X.astype(pick(r, np.float32, np.float64)), names[code], metadata


def random_case(seed: int) -> tuple[Any, np.ndarray, np.ndarray, dict[str, Any], np.ndarray, np.ndarray]:
    r = np.random.default_rng(seed)
    X, y, metadata = random_table(r)
    classes = np.unique(y).tolist()
    steps = [(f"step{i}", random_step(r)) for i in range(r.integers(0, 5))]
    model = Pipeline([*steps, ("classify", random_classifier(r, classes))])
    part = r.random(len(y)) < 0.7
    train, test = np.flatnonzero(part), np.flatnonzero(~part)
    if r.integers(4) == 0:
        train = train[y[train] != classes[-1]]
    return model, X, y, metadata, r.permutation(train) if r.integers(3) == 0 else train, test


def in_the_loop(model: Any, X: np.ndarray, y: np.ndarray, metadata: dict[str, Any], train: np.ndarray, test: np.ndarray) -> np.ndarray:
    return fold_probabilities(model, X, check_labels(y, len(y), caller="test"), [train], [test], metadata, caller="test", n_jobs=1)[0]


def by_hand(model: Any, X: np.ndarray, y: np.ndarray, metadata: dict[str, Any], train: np.ndarray, test: np.ndarray) -> np.ndarray:
    given = {name: values[train] for name, values in metadata.items() if values is not None}
    fitted = clone(model).fit(X[train], y[train], **given)
    proba = np.zeros((len(test), len(np.unique(y))))
    proba[:, np.searchsorted(np.unique(y), fitted.classes_)] = fitted.predict_proba(X[test])
    return proba


def outcome(call: Any, *arguments: Any) -> Any:
    """Return the probabilities, or the kind of error."""
    try:
        return call(*arguments)
    except ValueError as error:
        return ValueError, type(error)


@pytest.mark.parametrize("block", range(8))
def test_every_fold_equals_a_fit_on_copied_rows_or_raises_as_it_does(block: int) -> None:
    fitted = 0
    for seed in range(40 * block, 40 * block + 40):
        case = random_case(seed)
        native, expected = outcome(in_the_loop, *case), outcome(by_hand, *case)
        if isinstance(expected, tuple) or isinstance(native, tuple):
            assert isinstance(native, tuple) and isinstance(expected, tuple), (seed, native, expected)
        else:
            fitted += 1
            np.testing.assert_array_equal(native, expected, err_msg=str(seed))
    assert fitted > 10


@pytest.mark.parametrize("block", range(4))
def test_rows_outside_the_training_part_change_nothing(block: int) -> None:
    """Values, labels, groups, speakers and weights of test rows are replaced; three of them, unchanged in their values, are predicted."""
    compared = 0
    for seed in range(1000 + 40 * block, 1040 + 40 * block):
        model, X, y, metadata, train, test = random_case(seed)
        r = np.random.default_rng(seed)
        before = outcome(in_the_loop, model, X, y, metadata, train, test[:3])
        others = np.setdiff1d(np.arange(len(y)), np.concatenate([train, test[:3]]))
        X, y = X.copy(), y.copy()
        X[others] = np.nan if r.integers(3) == 0 else 10.0 ** r.integers(-3, 5) * r.normal(size=(len(others), X.shape[1]))
        classes = np.unique(y)
        outside = np.setdiff1d(np.arange(len(y)), train)
        y[outside] = r.choice(classes, size=len(outside))
        metadata = {name: None if values is None else values.copy() for name, values in metadata.items()}
        for values in metadata.values():
            if values is not None:
                values[outside] = r.permutation(values)[: len(outside)]
        if isinstance(before, tuple) or not np.array_equal(np.unique(y), classes):
            continue
        compared += 1
        np.testing.assert_array_equal(in_the_loop(model, X, y, metadata, train, test[:3]), before, err_msg=str(seed))
    assert compared > 10


@pytest.mark.parametrize("sampler", [RandomOverSampler(), RandomUnderSampler(), SMOTE(), BorderlineSMOTE()], ids=lambda s: type(s).__name__)
def test_samplers_refuse_a_part_with_one_class(sampler: Any) -> None:
    X, y = np.arange(12.0).reshape(-1, 1), np.repeat([0, 1], 6)
    model = make_pipeline(sampler, RandomForestClassifier(2))
    arguments = (model, X, y, dict.fromkeys(METADATA), np.arange(6), np.arange(6, 12))
    for call in (by_hand, in_the_loop):
        with pytest.raises(InvalidInputError, match=rf"y of {type(sampler).__name__}.fit_resample must be labels of more than one class"):
            call(*arguments)


@pytest.mark.parametrize("classifier", [RandomForestClassifier(2), GradientBoostingClassifier(n_estimators=2), LogisticRegression()])
def test_weights_of_the_training_part_may_not_all_be_zero(classifier: Any) -> None:
    X, y = np.arange(12.0).reshape(-1, 1), np.tile([0, 1], 6)
    metadata = {"sample_weight": np.repeat([0.0, 1.0], 6)}
    for call in (by_hand, in_the_loop):
        with pytest.raises(InvalidInputError, match=r"sample_weight of \w+.fit must be finite, not negative and not all zero"):
            call(classifier, X, y, metadata, np.arange(6), np.arange(6, 12))


def test_boosting_wants_two_classes_with_weight() -> None:
    X, y = np.arange(12.0).reshape(-1, 1), np.tile([0, 1], 6)
    metadata = {"sample_weight": np.where(y == 0, 0.0, 1.0)}
    for call in (by_hand, in_the_loop):
        with pytest.raises(InvalidInputError, match=r"y of GradientBoostingClassifier.fit must .* (2|two) classes of rows with weight"):
            call(GradientBoostingClassifier(n_estimators=2), X, y, metadata, np.arange(8), np.arange(8, 12))


def test_a_random_state_object_acts_as_in_a_clone_and_is_not_advanced() -> None:
    """One object for two steps: each clone has its own copy, so both start from the same state."""
    X, y, _ = random_table(np.random.default_rng(3))
    X = np.nan_to_num(X)
    state = np.random.RandomState(5)
    model = make_pipeline(RandomOverSampler(random_state=state), RandomForestClassifier(5, random_state=state))
    folds = [(np.arange(0, len(y), 2), np.arange(1, len(y), 2)), (np.arange(1, len(y), 2), np.arange(0, len(y), 2))]
    first = cross_val_predict(model, X, y, cv=folds, method="predict_proba", allow_ungrouped=True)
    np.testing.assert_array_equal(cross_val_predict(model, X, y, cv=folds, method="predict_proba", allow_ungrouped=True), first)
    for train, test in folds:
        np.testing.assert_array_equal(first[test], by_hand(model, X, y, dict.fromkeys(METADATA), train, test))
