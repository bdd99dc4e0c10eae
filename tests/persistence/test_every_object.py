"""Every public class with a `fit` is in the model file, or named here with the reason why not; what is loaded answers with the same bits.

The walk is over what the public modules list, so a new class fails here until it has a place.
"""

from __future__ import annotations

import importlib
import inspect
import itertools
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

import emotion_native as en
from emotion_native.calibration import (
    AbstainingClassifier,
    CalibratedClassifierCV,
    ConformalClassifier,
    OutOfDistributionDetector,
    PriorCorrectedClassifier,
)
from emotion_native.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    RandomForestClassifier,
    SearchVotingClassifier,
    StackingClassifier,
    VotingClassifier,
)
from emotion_native.exceptions import InvalidInputError
from emotion_native.feature_selection import SelectKBest
from emotion_native.impute import SimpleImputer
from emotion_native.linear_model import LogisticRegression
from emotion_native.model_selection import GridSearchCV, RandomizedSearchCV
from emotion_native.multilabel import OneVsRestClassifier, TunedThresholdsClassifier
from emotion_native.over_sampling import SMOTE, RandomOverSampler
from emotion_native.persistence import model_bytes, save_model
from emotion_native.pipeline import Pipeline, make_pipeline
from emotion_native.preprocessing import StandardScaler


def forest(**options: Any) -> RandomForestClassifier:
    return RandomForestClassifier(**{"n_estimators": 8, "max_depth": 4, "random_state": 0, **options})


def boosting() -> GradientBoostingClassifier:
    return GradientBoostingClassifier(n_estimators=4, max_depth=2, random_state=0)


def linear() -> Any:
    return make_pipeline(StandardScaler(), LogisticRegression())


def soft(**options: Any) -> VotingClassifier:
    models = [("trees", forest()), ("linear", CalibratedClassifierCV(linear(), method="isotonic", cv=3)), ("boosting", boosting())]
    return VotingClassifier(models, **{"voting": "soft", **options})


def sets(**options: Any) -> ConformalClassifier:
    return ConformalClassifier(forest(), **{"confidence_level": 0.6, "random_state": 0, **options})


def corrected(**options: Any) -> PriorCorrectedClassifier:
    """A forest on rows that a sampler balanced."""
    return PriorCorrectedClassifier(make_pipeline(RandomOverSampler(random_state=1), forest()), **options)


def stack(**options: Any) -> StackingClassifier:
    models = [("trees", forest()), ("linear", CalibratedClassifierCV(linear(), method="isotonic", cv=3)), ("boosting", boosting())]
    return StackingClassifier(models, **{"cv": 3, **options})


# What a model file holds, and how: by the name of the class that answers.
SAVED: dict[str, dict[str, Callable[[], Any]]] = {
    "RandomForestClassifier": {"alone": forest},
    "ExtraTreesClassifier": {"alone": lambda: ExtraTreesClassifier(n_estimators=6, random_state=0)},
    "GradientBoostingClassifier": {"alone": boosting},
    "LogisticRegression": {"alone": LogisticRegression},
    "OneVsRestClassifier": {
        "alone": lambda: OneVsRestClassifier(LogisticRegression()),
        "calibrated, in a pipeline": lambda: make_pipeline(
            StandardScaler(), CalibratedClassifierCV(OneVsRestClassifier(LogisticRegression()), method="isotonic", cv=3)
        ),
        "in a vote": lambda: VotingClassifier([("one", OneVsRestClassifier(LogisticRegression())), ("two", forest())], voting="soft"),
        "of forests": lambda: OneVsRestClassifier(forest()),
        "of boosting": lambda: OneVsRestClassifier(boosting()),
        "of pipelines, calibrated": lambda: CalibratedClassifierCV(OneVsRestClassifier(linear()), cv=3),
        "of calibrated ones": lambda: OneVsRestClassifier(CalibratedClassifierCV(linear(), method="sigmoid", cv=3)),
    },
    "StackingClassifier": {
        "alone": stack,
        "with columns": lambda: stack(passthrough=True),
        "behind steps, with columns": lambda: make_pipeline(SimpleImputer(), SelectKBest(k=3), stack(passthrough=True)),
        "of margins": lambda: StackingClassifier([("a", linear()), ("b", boosting())], stack_method="decision_function", cv=3),
        "under a forest": lambda: stack(final_estimator=forest(), passthrough=True),
        "under a pipeline": lambda: stack(
            final_estimator=make_pipeline(SimpleImputer(), StandardScaler(), SelectKBest(k=5), LogisticRegression()), passthrough=True
        ),
        "under a vote": lambda: stack(final_estimator=VotingClassifier([("a", linear()), ("b", forest())], voting="soft")),
        "under boosting, calibrated": lambda: CalibratedClassifierCV(stack(final_estimator=boosting()), cv=3),
        "of stacks": lambda: StackingClassifier([("a", stack()), ("b", linear())], cv=3),
        "in a vote": lambda: VotingClassifier([("a", stack()), ("b", forest())], voting="soft"),
        "of one class against each other": lambda: StackingClassifier([("a", OneVsRestClassifier(forest())), ("b", linear())], cv=3),
    },
    "PriorCorrectedClassifier": {
        "alone": corrected,
        "of a pipeline": lambda: make_pipeline(StandardScaler(), corrected(target_priors=[5, 2, 1])),
        "without a class": lambda: corrected(target_priors=[1, 0, 2], trained_priors=[1, 2, 0]),
        "of a vote": lambda: PriorCorrectedClassifier(soft(), trained_priors="balanced"),
        "in a vote": lambda: VotingClassifier([("one", corrected()), ("two", linear())], voting="soft"),
        "twice": lambda: PriorCorrectedClassifier(corrected(), trained_priors="balanced", target_priors=[1, 2, 3]),
        "around a calibrated one": lambda: PriorCorrectedClassifier(
            CalibratedClassifierCV(forest(), method="sigmoid", cv=3), trained_priors="balanced", target_priors=[3, 2, 1]
        ),
        **{f"calibrated by {m}": partial(CalibratedClassifierCV, corrected(), method=m, cv=3) for m in ("temperature", "sigmoid", "isotonic")},
        "calibrated twice": lambda: CalibratedClassifierCV(CalibratedClassifierCV(corrected(), method="sigmoid", cv=3), cv=3),
    },
    "Pipeline": {
        "of all steps": lambda: make_pipeline(SimpleImputer(), SMOTE(random_state=0), SelectKBest(k=3), StandardScaler(), forest()),
        "with a pipeline as a step": lambda: Pipeline([("prepare", make_pipeline(SimpleImputer(), StandardScaler())), ("forest", forest())]),
        "with a place left empty": lambda: Pipeline([("none", "passthrough"), ("sampler", RandomOverSampler(random_state=1)), ("forest", forest())]),
        "ends calibrated": lambda: make_pipeline(StandardScaler(), CalibratedClassifierCV(forest(), method="sigmoid", cv=3)),
        "ends abstaining": lambda: make_pipeline(
            SelectKBest(k=3), AbstainingClassifier(linear(), target_coverage=0.6, out_of_distribution=OutOfDistributionDetector(), cv=3)
        ),
        "ends in a vote": lambda: make_pipeline(StandardScaler(), soft()),
        "ends in sets": lambda: make_pipeline(StandardScaler(), ConformalClassifier(forest(), confidence_level=0.7, random_state=0)),
        "ends in a search": lambda: make_pipeline(StandardScaler(), GridSearchCV(forest(), {"max_depth": [1, 3]}, cv=3)),
    },
    "CalibratedClassifierCV": {
        **{method: partial(CalibratedClassifierCV, forest(), method=method, cv=3) for method in ("temperature", "sigmoid", "isotonic")},
        "twice": lambda: CalibratedClassifierCV(CalibratedClassifierCV(forest(), method="isotonic", cv=3), method="sigmoid", cv=3),
        "three times, in a pipeline": lambda: CalibratedClassifierCV(
            make_pipeline(StandardScaler(), CalibratedClassifierCV(CalibratedClassifierCV(boosting(), cv=3), method="sigmoid", cv=3)), cv=3
        ),
        "around a vote": lambda: CalibratedClassifierCV(soft(), method="sigmoid", cv=3),
        **{
            f"a map a fold, {method}, priors corrected: {priors}": partial(
                CalibratedClassifierCV,
                make_pipeline(RandomOverSampler(random_state=1), forest()),
                method=method,
                cv=3,
                ensemble=True,
                prior_correction=priors,
            )
            for method, priors in itertools.product(("temperature", "isotonic"), (False, True))
        },
        "priors corrected": lambda: CalibratedClassifierCV(forest(class_weight="balanced"), method="sigmoid", cv=3, prior_correction=True),
        "around a map a fold": lambda: CalibratedClassifierCV(CalibratedClassifierCV(linear(), cv=3, ensemble=True), method="sigmoid", cv=3),
        "around an abstaining classifier": lambda: CalibratedClassifierCV(AbstainingClassifier(forest(), target_coverage=0.5, cv=3), cv=3),
    },
    "AbstainingClassifier": {
        "by coverage": lambda: AbstainingClassifier(CalibratedClassifierCV(forest(), cv=3), target_coverage=0.7),
        "by cost": lambda: AbstainingClassifier(linear(), abstention_cost=0.3, cv=3),
        "never answers": lambda: AbstainingClassifier(forest(max_depth=1), target_accuracy=1.0, cv=3),
        "with a detector": lambda: AbstainingClassifier(soft(), target_coverage=0.7, out_of_distribution=OutOfDistributionDetector(), cv=3),
        "inside another": lambda: AbstainingClassifier(AbstainingClassifier(forest(), target_coverage=0.3, cv=3), target_coverage=0.8, cv=3),
        "around sets": lambda: AbstainingClassifier(ConformalClassifier(forest(), confidence_level=0.7, random_state=0), target_coverage=0.8, cv=3),
    },
    "ConformalClassifier": {
        f"{score}, by class: {by_class}, empty: {empty}": partial(sets, conformity_score=score, class_conditional=by_class, allow_empty_sets=empty)
        for score, by_class, empty in itertools.product(("lac", "aps"), (False, True), (False, True))
    }
    | {"of everything": partial(sets, confidence_level=0.99), "measured out of fold": partial(sets, cv=3)},
    "VotingClassifier": {
        "soft": soft,
        "weighted": lambda: soft(weights=[0.3, 1, 0.1]),
        "hard": lambda: soft(voting="hard", weights=[1, 0, 2.5]),
        "of one, another dropped": lambda: VotingClassifier([("one", forest()), ("two", "drop")], voting="soft", weights=[3, 1]),
        "of forests": lambda: VotingClassifier([("a", forest()), ("b", make_pipeline(SelectKBest(k=2), forest()))], voting="soft"),
        "of votes": lambda: VotingClassifier([("a", soft()), ("b", soft(voting="hard")), ("c", linear())], voting="hard"),
    },
    "SearchVotingClassifier": {
        "alone": lambda: SearchVotingClassifier(GridSearchCV(linear(), {"logisticregression__C": [0.1, 1, 10]}, cv=3), n_best=2, weights="score"),
        "behind a step": lambda: make_pipeline(StandardScaler(), SearchVotingClassifier(GridSearchCV(forest(), {"max_depth": [1, 3]}, cv=3))),
    },
    "GridSearchCV": {"of a pipeline": lambda: GridSearchCV(linear(), {"logisticregression__C": [0.1, 1]}, cv=3)},
    "RandomizedSearchCV": {
        "of an abstaining classifier": lambda: RandomizedSearchCV(
            AbstainingClassifier(forest(), cv=3), {"target_coverage": [0.5, 0.7]}, n_iter=2, cv=3, random_state=0
        )
    },
}
_IS_A_STEP = "gives columns, not classes: it is in the files of the pipelines that it is a step of"
_ACTS_IN_FIT = "acts in fit only: no prediction needs it"
_IS_PART = "is in the file of the classifier that it calibrates or guards, or given to save_model by name"
LEFT_OUT: dict[str, str] = {
    "StandardScaler": _IS_A_STEP,
    "SpeakerNormalizer": _IS_A_STEP,
    "SimpleImputer": _IS_A_STEP,
    "SelectKBest": _IS_A_STEP,
    "SMOTE": _ACTS_IN_FIT,
    "BorderlineSMOTE": _ACTS_IN_FIT,
    "RandomOverSampler": _ACTS_IN_FIT,
    "RandomUnderSampler": _ACTS_IN_FIT,
    "AugmentedCopies": _ACTS_IN_FIT,
    "TemperatureCalibrator": _IS_PART,
    "SigmoidCalibrator": _IS_PART,
    "IsotonicCalibrator": _IS_PART,
    "OutOfDistributionDetector": _IS_PART,
    "IsotonicRegression": "gives numbers, not classes",
}


def public_fittables() -> dict[str, type]:
    """Return every class that a public module lists and that can be fitted."""
    found: dict[str, type] = {}
    for name in en.__all__:
        module = getattr(en, name)
        for attribute in getattr(module, "__all__", ()) if inspect.ismodule(module) else ():
            value = getattr(importlib.import_module(module.__name__), attribute)
            if inspect.isclass(value) and callable(getattr(value, "fit", None)) and not attribute.startswith("Base"):
                found[attribute] = value
    return found


def several_labels() -> OneVsRestClassifier:
    return OneVsRestClassifier(LogisticRegression())


# Classifiers of several labels a row.
LABEL_SETS: dict[str, dict[str, Callable[[], Any]]] = {
    "OneVsRestClassifier": {
        "linear": several_labels,
        "behind steps": lambda: make_pipeline(SimpleImputer(), StandardScaler(), several_labels()),
        "forests": lambda: OneVsRestClassifier(forest()),
        "boosting": lambda: OneVsRestClassifier(boosting()),
        "pipelines": lambda: OneVsRestClassifier(make_pipeline(StandardScaler(), SelectKBest(k=3), LogisticRegression())),
        "calibrated": lambda: OneVsRestClassifier(CalibratedClassifierCV(forest(), method="isotonic", cv=3)),
        "votes": lambda: OneVsRestClassifier(soft()),
        "stacks": lambda: OneVsRestClassifier(stack()),
    },
    "TunedThresholdsClassifier": {
        "alone": lambda: TunedThresholdsClassifier(cv=3),
        "in a pipeline": lambda: make_pipeline(StandardScaler(), TunedThresholdsClassifier(cv=3)),
        "around a pipeline": lambda: TunedThresholdsClassifier(make_pipeline(StandardScaler(), several_labels()), cv=3),
        "of forests": lambda: TunedThresholdsClassifier(OneVsRestClassifier(forest()), cv=3),
        "of boosting": lambda: TunedThresholdsClassifier(OneVsRestClassifier(boosting()), cv=3),
    },
    "GridSearchCV": {
        "of tuned ones": lambda: GridSearchCV(
            TunedThresholdsClassifier(several_labels(), cv=3), {"estimator__estimator__C": [0.1, 1]}, cv=3, scoring="f1_macro"
        )
    },
}
CASES = [(name, case) for name, cases in SAVED.items() for case in cases]


def data() -> tuple[Any, Any, Any]:
    generator = np.random.default_rng(3)
    X = generator.normal(size=(160, 5)).astype(np.float32)
    y = np.array(["angry", "calm", "happy"])[np.digitize(X[:, 0] + X[:, 1] + 0.6 * generator.normal(size=160), [-0.7, 0.6])]
    return X, y, np.arange(160) % 16


def fitted(name: str, case: str) -> Any:
    X, y, groups = data()
    model = SAVED[name][case]()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", en.exceptions.EmotionNativeWarning)  # a target that cannot be reached, on purpose
        takes_groups = {"groups", "params", "metadata"} & set(inspect.signature(model.fit).parameters)
        return model.fit(X, y, groups=groups) if takes_groups else model.fit(X, y)


def rows() -> Any:
    """Rows like the training rows, and rows far from them."""
    generator = np.random.default_rng(4)
    return np.concatenate([data()[0], generator.normal(size=(60, 5)) * [1, 3, 10, 100, 1e6]]).astype(np.float32)


def test_every_class_has_its_place() -> None:
    public = public_fittables()
    assert set(public) == set(SAVED) | set(LABEL_SETS) | set(LEFT_OUT), "a new class is saved, or left out with a reason"
    assert not set(SAVED) & set(LEFT_OUT)
    assert set(dir(en.pipeline.Pipeline)) >= {"predict_abstain", "predict_set"}


@pytest.mark.parametrize(("name", "case"), CASES, ids=[f"{name}-{case}" for name, case in CASES])
def test_what_is_loaded_answers_with_the_same_bits(name: str, case: str) -> None:
    model = fitted(name, case)
    X = rows()
    loaded = en.load_model(model_bytes(model))
    result = loaded.predict_features(X)
    assert result.labels.tolist() == model.predict(X).tolist()
    if hasattr(model, "predict_proba"):
        assert np.array_equal(result.probabilities, model.predict_proba(X))
    answering = model.best_estimator_ if hasattr(model, "best_estimator_") else model
    if hasattr(answering, "predict_abstain"):
        labels, abstained, reasons = answering.predict_abstain(X)
        assert np.array_equal(result.labels, labels) and np.array_equal(result.abstained, abstained)
        assert np.array_equal(result.out_of_distribution, reasons == "out_of_distribution")
    else:
        assert loaded.threshold is None or not hasattr(model, "calibrator_")
    if hasattr(answering, "predict_set"):
        assert np.array_equal(loaded.predict_set(X), answering.predict_set(X))
    for jobs in (1, 2, 7):
        assert np.array_equal(loaded.predict_proba(X, n_jobs=jobs), result.probabilities)
    assert np.array_equal(np.concatenate([loaded.predict_proba(row[np.newaxis]) for row in X[:20]]), result.probabilities[:20])
    assert model_bytes(model) == model_bytes(model)
    assert loaded.feature_names == ("x0", "x1", "x2", "x3", "x4")


@pytest.mark.parametrize("name", sorted(LEFT_OUT))
def test_what_is_left_out_is_refused_by_name(name: str, tmp_path: Any) -> None:
    X, y, groups = data()
    cls = public_fittables()[name]
    thing = cls()
    if name.endswith("Calibrator"):
        thing.fit(np.abs(X[:, :3]) / np.abs(X[:, :3]).sum(axis=1, keepdims=True), np.searchsorted(["angry", "calm", "happy"], y))
    elif name == "IsotonicRegression":
        thing.fit(X[:, 0], X[:, 1])
    elif name == "AugmentedCopies":
        pass  # needs the copies of a manifest's clips, and learns nothing
    elif hasattr(thing, "fit_resample"):
        thing.fit_resample(X, y)
    else:
        takes_groups = "groups" in inspect.signature(thing.fit).parameters
        thing.fit(X, y, **({"groups": groups} if takes_groups else {}))
    remedies = {_IS_A_STEP: "save the pipeline that it is a step of", _ACTS_IN_FIT: "save the classifier", _IS_PART: "beside its classifier"}
    remedy = remedies.get(LEFT_OUT[name], "")
    with pytest.raises(InvalidInputError, match=rf"^fitted of save_model must .*; got {name}.*{remedy}"):
        save_model(thing, tmp_path / "m.emotion")
    assert not list(tmp_path.iterdir())


def label_sets_data() -> tuple[Any, Any, Any]:
    X, _, groups = data()
    noise = np.random.default_rng(8).normal(size=(160, 4))
    return X, (X[:, [0, 1, 2, 0]] + 0.5 * noise > [0.2, 0.5, -0.3, 1.0]).astype(np.int64), groups


def fitted_sets(name: str, case: str, Y: Any = None) -> Any:
    X, given, groups = label_sets_data()
    model = LABEL_SETS[name][case]()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", en.exceptions.EmotionNativeWarning)  # a label that all rows have, on purpose
        return model.fit(X, given if Y is None else Y, groups=groups)


@pytest.mark.parametrize(("name", "case"), [(name, case) for name, cases in LABEL_SETS.items() for case in cases])
def test_sets_of_labels_have_the_same_bits(name: str, case: str) -> None:
    model = fitted_sets(name, case)
    X = rows()
    loaded = en.load_model(model_bytes(model))
    result = loaded.predict_features(X)
    assert result.indicators is not None and result.indicators.dtype == model.predict(X).dtype
    assert np.array_equal(result.indicators, model.predict(X))
    assert set(result.indicators.sum(axis=1)) >= {0, 1, 2}  # rows without a label, and with several
    assert np.array_equal(result.probabilities, model.predict_proba(X))
    assert np.array_equal(result.labels, result.probabilities.argmax(axis=1))
    assert not result.abstained.any()
    for jobs in (1, 2, 7):
        again = loaded.predict_features(X, n_jobs=jobs)
        assert np.array_equal(again.probabilities, result.probabilities) and np.array_equal(again.indicators, result.indicators)
    one = [loaded.predict_features(row[np.newaxis]) for row in X[:20]]
    assert np.array_equal(np.concatenate([r.probabilities for r in one]), result.probabilities[:20])
    assert np.array_equal(np.concatenate([r.indicators for r in one]), result.indicators[:20])
    assert model_bytes(model) == model_bytes(model)
    assert loaded.metadata["requires"][0] == "label_sets"
    assert list(loaded.label_thresholds or {}) == [0, 1, 2, 3]


@pytest.mark.parametrize("case", ["linear", "forests", "boosting", "pipelines"])
def test_labels_that_all_rows_have_or_none(case: str) -> None:
    _, Y, _ = label_sets_data()
    Y = np.column_stack([Y[:, 0], np.ones_like(Y[:, 0]), np.zeros_like(Y[:, 0])])
    model = fitted_sets("OneVsRestClassifier", case, Y)
    result = en.load_model(model_bytes(model)).predict_features(rows())
    assert np.array_equal(result.indicators, model.predict(rows())) and np.array_equal(result.probabilities, model.predict_proba(rows()))
    assert result.indicators is not None and result.indicators[:, 1].all() and not result.indicators[:, 2].any()


def test_two_labels_and_sparse_indicators() -> None:
    from scipy.sparse import csr_matrix

    _, Y, _ = label_sets_data()
    for case in ("linear", "forests", "pipelines"):
        model = fitted_sets("OneVsRestClassifier", case, csr_matrix(Y[:, :2]))
        result = en.load_model(model_bytes(model)).predict_features(rows())
        assert np.array_equal(result.indicators, model.predict(rows()).toarray())
        assert np.array_equal(result.probabilities, model.predict_proba(rows()))


def test_names_of_labels_come_from_a_list_or_a_binarizer() -> None:
    from sklearn.preprocessing import MultiLabelBinarizer

    _, Y, _ = label_sets_data()
    names = np.array(["calm", "glad", "sad", "tense"])
    binarizer = MultiLabelBinarizer()
    indicators = binarizer.fit_transform([set(names[row == 1]) for row in Y])
    model = fitted_sets("TunedThresholdsClassifier", "alone", indicators)
    for labels in (names, names.tolist(), binarizer):
        loaded = en.load_model(model_bytes(model, labels=labels))
        assert loaded.classes == tuple(names) and loaded.label_thresholds == dict(zip(names, model.thresholds_, strict=True))
    found = binarizer.inverse_transform(loaded.predict_features(rows()).indicators)
    assert found == binarizer.inverse_transform(model.predict(rows()))


def test_several_labels_beside_what_is_of_one_class_a_row_are_refused() -> None:
    model = fitted_sets("OneVsRestClassifier", "linear")
    for option in ({"threshold": 0.5}, {"calibrator": en.calibration.TemperatureCalibrator()}):
        rule = "must be None for a classifier of several labels a row"
        with pytest.raises(InvalidInputError, match=rf"^{next(iter(option))} of save_model {rule}.*each label"):
            model_bytes(model, **option)


def test_two_classes_against_each_other() -> None:
    X, y, groups = data()
    two = np.where(y == "calm", "calm", "other")
    models: list[Any] = [OneVsRestClassifier(forest()), OneVsRestClassifier(boosting()), stack(), stack(passthrough=True, final_estimator=boosting())]
    models.append(StackingClassifier([("a", linear()), ("b", boosting())], stack_method="decision_function", cv=3))
    for model in models:
        model.fit(X, two, groups=groups)
        result = en.load_model(model_bytes(model)).predict_features(rows())
        assert np.array_equal(result.probabilities, model.predict_proba(rows())) and result.labels.tolist() == model.predict(rows()).tolist()


def test_stacks_of_class_names_are_refused_with_the_remedy() -> None:
    X, y, groups = data()
    model = stack(stack_method="predict").fit(X, np.searchsorted(np.unique(y), y), groups=groups)
    with pytest.raises(InvalidInputError, match=r"^stack_method of StackingClassifier must be predict_proba or decision_function.*got 'predict'"):
        model_bytes(model)


def test_an_ungrouped_member_is_remembered() -> None:
    X, y, _ = data()
    model = VotingClassifier([("one", CalibratedClassifierCV(forest(), cv=3, allow_ungrouped=True)), ("two", forest())], voting="soft").fit(X, y)
    assert en.load_model(model_bytes(model)).ungrouped


def test_texts_that_a_file_cannot_hold_are_refused_by_name() -> None:
    X, y, _ = data()
    for bad in ("", "a\nb", "x" * 300):
        model = forest().fit(X, np.where(y == "calm", bad, y))
        with pytest.raises(InvalidInputError, match=r"^labels of save_model must be different texts of 1 to 256 bytes.*labels=\[…\] names"):
            model_bytes(model)
        assert en.load_model(model_bytes(model, labels=["a", "b", "c"])).classes == ("a", "b", "c")
        with pytest.raises(InvalidInputError, match=r"^feature_names of save_model must be different texts"):
            model_bytes(model, labels=["a", "b", "c"], feature_names=[bad, "b", "c", "d", "e"])
    with pytest.raises(InvalidInputError, match=r"^labels of save_model must be different texts.*got 'a' twice"):
        model_bytes(model, labels=["a", "a", "b"])


def test_the_calibration_of_members_is_named() -> None:
    named = {"a map a fold, isotonic, priors corrected: True": "prior+isotonic of each member", "around a map a fold": "sigmoid", "twice": "sigmoid"}
    for case, kind in named.items():
        assert en.load_model(model_bytes(fitted("CalibratedClassifierCV", case))).calibration == kind
    assert en.load_model(model_bytes(fitted("VotingClassifier", "soft"))).calibration == "isotonic of some members"
    assert en.load_model(model_bytes(fitted("VotingClassifier", "of forests"))).calibration is None


def test_random_sets_are_refused_with_the_remedy() -> None:
    X, y, groups = data()
    model = sets(conformity_score="randomized_aps").fit(X, y, groups=groups)
    for part in (model, make_pipeline(StandardScaler(), sets(conformity_score="randomized_aps")).fit(X, y, groups=groups)):
        with pytest.raises(InvalidInputError, match=r"'lac' or 'aps'; got 'randomized_aps'.*\(save_pickle stores"):
            model_bytes(part)


def test_a_prior_correction_and_the_map_around_it_are_one_calibrator() -> None:
    for name, kind in (("calibrated by sigmoid", "prior+sigmoid"), ("calibrated twice", "temperature"), ("twice", "prior"), ("alone", "prior")):
        assert en.load_model(model_bytes(fitted("PriorCorrectedClassifier", name))).calibration == kind


def test_folds_without_a_class_are_refused() -> None:
    X, y, _ = data()
    rare = np.where(np.arange(160) < 12, "calm", np.where(y == "calm", "happy", y))
    groups = np.where(rare == "calm", 0, 1 + np.arange(160) % 5)
    model = CalibratedClassifierCV(forest(), cv=3, ensemble=True).fit(X, rare, groups=groups)
    with pytest.raises(InvalidInputError, match="know the same 3 classes; got RandomForestClassifier that knows 2"):
        model_bytes(model)


def test_wrappers_of_other_packages_are_not_taken_for_what_they_wrap() -> None:
    """Each has an estimator_, and answers otherwise than it."""
    from sklearn.ensemble import BaggingClassifier
    from sklearn.feature_selection import RFE
    from sklearn.model_selection import TunedThresholdClassifierCV

    X, y, _ = data()
    two = np.where(y == "calm", "calm", "other")
    for model in (RFE(forest(), n_features_to_select=3), TunedThresholdClassifierCV(forest(), cv=2), BaggingClassifier(forest(), n_estimators=2)):
        with pytest.raises(InvalidInputError, match=rf"must be made of steps of emotion_native; got sklearn\..*{type(model).__name__} as step 0"):
            model_bytes(model.fit(X, two))


def test_a_vote_of_forests_is_explained_and_other_votes_say_how() -> None:
    X = rows()[:50]
    model = fitted("VotingClassifier", "of forests")
    loaded = en.load_model(model_bytes(model))
    values, base = loaded.explain_features(X)
    assert loaded.explained_output == "probability"
    # Sums of some hundred contributions.
    np.testing.assert_allclose(values.sum(axis=1) + base, model.predict_proba(X), rtol=0, atol=1e-12)
    whole = en.explain.TreeExplainer(model.estimators_[0])(X)
    assert np.abs(values - whole.values / 2).max() > 0  # the other member has a share too
    np.testing.assert_allclose(values[:, 4], whole.values[:, 4] / 2 + _of_selected(model.estimators_[1], X, 4), rtol=0, atol=1e-12)

    mixed = en.load_model(model_bytes(fitted("VotingClassifier", "soft")))
    assert mixed.explained_output == "none"
    with pytest.raises(InvalidInputError, match="only their output is a sum of contributions of single columns; got another vote"):
        mixed.explain_features(X)


def _of_selected(pipeline: Any, X: Any, column: int) -> Any:
    """Half of what a column contributes to a forest behind a selection."""
    selector, trees = (step for _, step in pipeline.steps)
    kept = np.flatnonzero(selector.get_support())
    if column not in kept:
        return 0.0
    return en.explain.TreeExplainer(trees)(selector.transform(X)).values[:, int(np.searchsorted(kept, column))] / 2


def test_what_a_training_run_hangs_on_a_pipeline_is_saved() -> None:
    """A pickled pipeline of `train` carries calibrator, threshold and detector as attributes; the command line predicts with it."""
    X, y, groups = data()
    model = make_pipeline(StandardScaler(), forest()).fit(X, y)
    model.calibrator_ = fitted("CalibratedClassifierCV", "isotonic").calibrator_
    model.threshold_, model.detector_ = 0.6, OutOfDistributionDetector().fit(X, groups=groups)
    loaded = en.load_model(model_bytes(model))
    result = loaded.predict_features(rows())
    assert np.array_equal(result.probabilities, model.calibrator_.predict_proba(model.predict_proba(rows())))
    assert np.array_equal(result.out_of_distribution, model.detector_.is_strange(rows()))
    assert np.array_equal(result.abstained, result.out_of_distribution | (result.confidence < 0.6))


def test_sets_are_refused_where_there_are_none() -> None:
    with pytest.raises(InvalidInputError, match=r"model of predict_set must be saved from a ConformalClassifier; got one without"):
        en.load_model(model_bytes(fitted("RandomForestClassifier", "alone"))).predict_set(rows())


def test_members_that_know_other_classes_are_refused() -> None:
    X, y, _ = data()
    model = fitted("VotingClassifier", "of forests")
    model.estimators_[1] = forest().fit(X[y != "calm"], y[y != "calm"])
    with pytest.raises(InvalidInputError, match="know the same 3 classes; got RandomForestClassifier that knows 2"):
        model_bytes(model)


def test_votes_nested_too_deep_are_refused() -> None:
    X, y, _ = data()
    model: Any = forest(n_estimators=1)
    for level in range(4):
        model = VotingClassifier([(f"level{level}", model)], voting="soft")
        model.fit(X, y)
        if level < 3:
            assert np.array_equal(en.load_model(model_bytes(model)).predict_proba(X), model.predict_proba(X))
    with pytest.raises(en.exceptions.ModelFormatError, match="nested deeper than"):
        en.load_model(model_bytes(model))


def test_old_readers_are_told_what_they_lack() -> None:
    """A reader of format 1.0 would take a detector behind steps for one before them, and knows no votes: `requires` makes it refuse."""
    plain = en.load_model(model_bytes(fitted("AbstainingClassifier", "by coverage"))).metadata["requires"]
    behind = en.load_model(model_bytes(fitted("Pipeline", "ends abstaining"))).metadata["requires"]
    vote = en.load_model(model_bytes(fitted("VotingClassifier", "soft"))).metadata["requires"]
    joined = en.load_model(model_bytes(fitted("StackingClassifier", "in a vote"))).metadata["requires"]
    assert (plain, behind, vote, joined) == ([], ["out_of_distribution_steps"], ["vote"], ["stack", "vote"])
