"""Trees and samplers refuse what they cannot use: by name, before memory is taken, and never with a wrong number."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from emotion_native.ensemble import ExtraTreesClassifier, GradientBoostingClassifier, RandomForestClassifier
from emotion_native.exceptions import InvalidInputError, InvalidTypeError
from emotion_native.model_selection import cross_val_predict, cross_validate
from emotion_native.over_sampling import SMOTE, BorderlineSMOTE, RandomOverSampler
from emotion_native.under_sampling import RandomUnderSampler

FORESTS = (RandomForestClassifier, ExtraTreesClassifier)
CLASSIFIERS = (*FORESTS, GradientBoostingClassifier)
SAMPLERS = (SMOTE, BorderlineSMOTE, RandomOverSampler, RandomUnderSampler)
HUGE = 10**400


def _data(n: int = 60) -> tuple[Any, Any, Any]:
    random = np.random.default_rng(0)
    return random.normal(size=(n, 4)).astype(np.float32), np.array(["a", "b", "c"])[random.integers(0, 3, n)], np.arange(n) % 10


X, Y, GROUPS = _data()
WRONG = ["x", b"x", 1j, [], {}, HUGE, -HUGE, -1, float("nan"), Decimal(3), Fraction(1, 2), np.array([1, 2]), np.array(3), object(), Ellipsis]


@pytest.mark.parametrize("cls", CLASSIFIERS)
@pytest.mark.parametrize(
    "parameter",
    ["n_estimators", "max_depth", "min_samples_split", "min_samples_leaf", "max_features", "max_leaf_nodes", "min_impurity_decrease",
     "min_weight_fraction_leaf", "ccp_alpha", "verbose", "warm_start", "random_state", "class_weight"],
)  # fmt: skip
def test_wrong_values_are_refused_by_name(cls: Any, parameter: str) -> None:
    for value in WRONG:
        if parameter == "class_weight" and isinstance(value, dict):
            continue  # no weights
        with pytest.raises(InvalidInputError, match=f"^{parameter} of {cls.__name__} must .*; got ") as caught:
            cls(**{"n_estimators": 1, parameter: value}).fit(X, Y)
        assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    "parameter", ["learning_rate", "subsample", "l2_regularization", "tol", "validation_fraction", "max_bins", "n_iter_no_change"]
)
def test_wrong_values_of_boosting_are_refused_by_name(parameter: str) -> None:
    for value in WRONG:
        with pytest.raises(InvalidInputError, match=f"^{parameter} of GradientBoostingClassifier must .*; got "):
            GradientBoostingClassifier(**{"n_estimators": 1, parameter: value}).fit(X, Y, groups=GROUPS)


@pytest.mark.parametrize("value", [2**31, 2**63, 2**64 - 1, 2**64, 2**80, 10**300])
def test_more_draws_than_can_be_made_are_refused_whatever_their_number(value: int) -> None:
    with pytest.raises(InvalidInputError, match="max_samples of RandomForestClassifier must be at most 2\\*\\*31 - 1 draws") as caught:
        RandomForestClassifier(1, max_samples=value).fit(X, Y)
    assert len(str(caught.value)) < 150


def test_numpy_booleans_are_booleans() -> None:
    assert not hasattr(RandomForestClassifier(5, oob_score=np.False_, bootstrap=np.False_, random_state=0).fit(X, Y), "oob_score_")
    assert hasattr(RandomForestClassifier(50, oob_score=np.True_, random_state=0).fit(X, Y), "oob_score_")


def test_a_failing_score_leaves_the_forest_unfitted() -> None:
    def fails(y_true: Any, y_pred: Any) -> float:
        raise RuntimeError("planned")

    forest = RandomForestClassifier(30, random_state=0).fit(X, Y)
    with pytest.raises(RuntimeError, match="planned"):
        forest.set_params(oob_score=fails).fit(X, Y)
    assert [name for name in vars(forest) if name.endswith("_")] == []
    assert not forest.__sklearn_is_fitted__()


@pytest.mark.parametrize("rate", [2.0**70, 1e100])
@pytest.mark.parametrize("classes", [2, 3])
def test_steps_of_any_size_leave_finite_margins(rate: float, classes: int) -> None:
    y = Y if classes == 3 else Y == "a"
    model = GradientBoostingClassifier(learning_rate=rate, n_estimators=30).fit(X, y)
    assert np.isfinite(model.decision_function(X)).all()
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1.0)


@pytest.mark.parametrize("rate", [1e250, 1e308])
@pytest.mark.parametrize("classes", [2, 3])
def test_a_learning_rate_that_overflows_margins_is_refused(rate: float, classes: int) -> None:
    y = Y if classes == 3 else Y == "a"
    with pytest.raises(InvalidInputError, match="learning_rate of GradientBoostingClassifier must be small enough for finite margins; got") as caught:
        GradientBoostingClassifier(learning_rate=rate, n_estimators=30).fit(X, y).predict_proba(X)
    assert len(str(caught.value)) < 150


def test_endless_patience_takes_no_memory_and_never_stops() -> None:
    patient = GradientBoostingClassifier(n_estimators=7, n_iter_no_change=2**31 - 1, tol=1e9, random_state=0).fit(X, Y, groups=GROUPS)
    assert patient.n_estimators_ == 7
    as_long = GradientBoostingClassifier(n_estimators=7, n_iter_no_change=7, tol=1e9, random_state=0).fit(X, Y, groups=GROUPS)
    assert np.array_equal(patient.predict_proba(X), as_long.predict_proba(X))


@pytest.mark.parametrize("cls", CLASSIFIERS)
@pytest.mark.parametrize("kind", ["set", "generator", "matrix", "csr", "records", "dates", "times", "frame with dates", "mixed names"])
def test_matrices_of_a_wrong_kind(cls: Any, kind: str) -> None:
    wrong: Any = {
        "set": {1, 2},
        "generator": (row for row in X),
        "matrix": np.matrix(X),
        "csr": sp.csr_matrix(X),
        "records": np.zeros(60, dtype=[("a", "f4"), ("b", "f4")]),
        "dates": np.zeros((60, 4), "M8[s]"),
        "times": np.zeros((60, 4), "m8[s]"),
        "frame with dates": pd.DataFrame({"a": X[:, 0], "b": pd.date_range("2020", periods=60)}),
        "mixed names": pd.DataFrame(X, columns=["a", 1, 2, "b"]),
    }[kind]
    fitted = cls(n_estimators=2).fit(X, Y)
    with pytest.raises(InvalidTypeError, match=f"^X of {cls.__name__}.fit must "):
        cls(n_estimators=2).fit(wrong, Y)
    with pytest.raises(TypeError, match=f"^X of {cls.__name__}.predict_proba must "):
        fitted.predict_proba(wrong)


@pytest.mark.parametrize("fit", [lambda X, y: RandomForestClassifier(2).fit(X, y), lambda X, y: SMOTE(k_neighbors=1).fit_resample(X, y)])
def test_masked_values_are_not_known_values(fit: Any) -> None:
    with pytest.raises(InvalidInputError, match=r"X of .* must be free of masked values .*; got 7 of them"):
        fit(np.ma.array(X, mask=np.arange(240).reshape(60, 4) < 7), Y)
    with pytest.raises(InvalidInputError, match=r"y of .* must be free of masked values .*; got 5 of them"):
        fit(X, np.ma.array(np.arange(60) % 3, mask=np.arange(60) < 5))
    fit(np.ma.array(X), np.ma.array(np.arange(60) % 3))


def test_masked_weights_are_refused_in_folds_too() -> None:
    weights = np.ma.array(np.ones(60), mask=np.arange(60) < 5)
    with pytest.raises(InvalidInputError, match=r"sample_weight of .* must be free of masked values"):
        RandomForestClassifier(2).fit(X, Y, weights)
    with pytest.raises(InvalidInputError, match=r"sample_weight of .* must be free of masked values"):
        cross_val_predict(RandomForestClassifier(2), X, Y, groups=GROUPS, cv=2, params={"sample_weight": weights})


LABELS: dict[str, Any] = {
    "text and NaN": ["a", float("nan"), "b"],
    "text and None": ["a", None, "b"],
    "text and number": ["a", 1, "b"],
    "objects with None": np.array(["a", None, "b"], dtype=object),
    "NaT": np.array(["2020-01-01", "NaT", "2020-01-03"], "M8[D]"),
    "bytes": np.array([b"a", b"b", b"c"]),
    "infinity": np.array([0, np.inf, 1]),
    "missing text": pd.array(["a", None, "b"], dtype="string"),
}


@pytest.mark.parametrize("kind", LABELS)
@pytest.mark.parametrize("cls", [*CLASSIFIERS, *SAMPLERS])
def test_labels_that_are_none(cls: Any, kind: str) -> None:
    y = list(LABELS[kind]) * 20 if isinstance(LABELS[kind], list) else np.asarray(LABELS[kind])[np.arange(60) % 3]
    with pytest.raises(InvalidInputError, match=r"^y of "):
        (cls(n_estimators=2).fit if cls in CLASSIFIERS else cls().fit_resample)(X, y)
    with pytest.raises(InvalidInputError):
        cross_validate(RandomForestClassifier(2), X, y, groups=GROUPS, cv=2, error_score="raise")


def test_numpy_texts_of_variable_width_are_labels() -> None:
    y = Y.astype(np.dtypes.StringDType())
    ours, plain = (RandomForestClassifier(5, random_state=0).fit(X, labels).predict(X) for labels in (y, Y))
    assert np.array_equal(ours, plain)


WEIGHTS: dict[str, Any] = {
    "overflowing": np.full(60, 1e308),
    "overflowing squares": np.full(60, 1e200),
    "vanishing squares": np.full(60, 1e-200),
    "denormal": np.full(60, 1e-320),
    "complex": np.ones(60) + 1j,
    "text": ["1"] * 60,
    "times": np.ones(60, "m8[s]"),
    "one text": "3",
    "negative": -np.ones(60),
    "missing": [None] * 60,
}


@pytest.mark.parametrize("kind", WEIGHTS)
@pytest.mark.parametrize("cls", CLASSIFIERS)
def test_weights_that_cannot_be_summed(cls: Any, kind: str) -> None:
    with pytest.raises(InvalidInputError, match=f"sample_weight of {cls.__name__}.fit must "):
        cls(n_estimators=2).fit(X, Y, WEIGHTS[kind])


@pytest.mark.parametrize("cls", CLASSIFIERS)
@pytest.mark.parametrize("weights", [dict.fromkeys("abc", 0), dict.fromkeys("abc", 1e308), dict.fromkeys("abc", 1e-320)])
def test_class_weights_that_cannot_be_summed(cls: Any, weights: Any) -> None:
    with pytest.raises(InvalidInputError, match=r"sample_weight and class_weight of .* must be"):
        cls(n_estimators=2, class_weight=weights).fit(X, Y)


@pytest.mark.parametrize("cls", CLASSIFIERS)
@pytest.mark.parametrize("weighted", ["one row", "one class"])
def test_folds_whose_weights_vanish_fail_as_fit_does(cls: Any, weighted: str) -> None:
    weights = np.eye(1, 60)[0] if weighted == "one row" else (Y == "a").astype(float)

    def foreign(self: Any) -> None:
        return None

    slow = type("Foreign", (cls,), {"_native_step": foreign})
    answers = []
    for estimator in (cls, slow):
        try:
            model = estimator(n_estimators=2, random_state=0)
            answers.append(cross_val_predict(model, X, Y, groups=GROUPS, cv=3, method="predict_proba", params={"sample_weight": weights}))
        except InvalidInputError:
            answers.append(None)
    native, one_by_one = answers
    assert (native is None) == (one_by_one is None)
    assert native is None or np.array_equal(native, one_by_one)
    assert (native is None) == (weighted == "one row" or cls is GradientBoostingClassifier)


@pytest.mark.parametrize("sampler", [RandomOverSampler, SMOTE, BorderlineSMOTE])
@pytest.mark.parametrize("count", [2**31, 10**12, 2**63 - 1, 2**63, HUGE])
def test_more_synthetic_rows_than_memory_holds_are_refused_before_any_is_made(sampler: Any, count: int) -> None:
    with pytest.raises(InvalidInputError, match="sampling_strategy"):
        sampler(sampling_strategy={"a": count}).fit_resample(X, Y)
    from emotion_native.pipeline import make_pipeline

    with pytest.raises(InvalidInputError):
        cross_validate(
            make_pipeline(sampler(sampling_strategy={"a": count}), RandomForestClassifier(2)), X, Y, groups=GROUPS, cv=2, error_score="raise"
        )


def test_more_trees_than_memory_holds_are_refused_before_any_is_grown() -> None:
    with pytest.raises(InvalidInputError, match=r"n_estimators of ExtraTreesClassifier must be such that the trees fit in this machine's memory"):
        ExtraTreesClassifier(2**31 - 1).fit(X, Y)


def test_wide_copies_are_refused_before_they_are_made() -> None:
    narrow = np.broadcast_to(np.float64(1), (60, 2_000_000))  # 480 bytes of memory each, 16 MB a copied row
    with pytest.raises(InvalidInputError, match=r"sampling_strategy of RandomOverSampler.fit_resample must be such that the result fits"):
        RandomOverSampler(sampling_strategy={"a": 10_000_000}).fit_resample(narrow, Y)


@pytest.mark.parametrize("sampler", [SMOTE, BorderlineSMOTE])
def test_nullable_integers_become_floats(sampler: Any) -> None:
    frame = pd.DataFrame((X * 10).astype(int), columns=list("abcd")).assign(b=X[:, 1] > 0).astype({"a": "Int64", "b": "boolean"})
    result, labels = sampler(random_state=0).fit_resample(frame, Y)
    expected, _ = sampler(random_state=0).fit_resample(frame.to_numpy(dtype=np.float64), Y)
    assert np.array_equal(result["a"].to_numpy(dtype=np.float64), expected[:, 0])
    assert result.shape[0] == len(labels)


def test_staged_labels_are_those_of_the_model_that_was_asked() -> None:
    model = GradientBoostingClassifier(n_estimators=3, random_state=0).fit(X, Y)
    expected = list(model.staged_predict(X))
    stages = model.staged_predict(X)
    first = next(stages)
    model.fit(X, Y == "a")
    assert all(np.array_equal(a, b) for a, b in zip(expected, [first, *stages], strict=True))
