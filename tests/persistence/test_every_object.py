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
    VotingClassifier,
)
from emotion_native.exceptions import InvalidInputError
from emotion_native.feature_selection import SelectKBest
from emotion_native.impute import SimpleImputer
from emotion_native.linear_model import LogisticRegression
from emotion_native.model_selection import GridSearchCV, RandomizedSearchCV
from emotion_native.multilabel import OneVsRestClassifier
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
_SEVERAL_LABELS = "is one classifier a label, and answers with several labels a row where a prediction names one: save_pickle stores it"
LEFT_OUT: dict[str, str] = {
    "StandardScaler": _IS_A_STEP,
    "SimpleImputer": _IS_A_STEP,
    "SelectKBest": _IS_A_STEP,
    "SMOTE": _ACTS_IN_FIT,
    "BorderlineSMOTE": _ACTS_IN_FIT,
    "RandomOverSampler": _ACTS_IN_FIT,
    "RandomUnderSampler": _ACTS_IN_FIT,
    "TemperatureCalibrator": _IS_PART,
    "SigmoidCalibrator": _IS_PART,
    "IsotonicCalibrator": _IS_PART,
    "OutOfDistributionDetector": _IS_PART,
    "IsotonicRegression": "gives numbers, not classes",
    "StackingClassifier": "its last classifier reads what the others say, a step that the format does not have: save_pickle stores it",
    "TunedThresholdsClassifier": _SEVERAL_LABELS,
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
    assert set(public) == set(SAVED) | set(LEFT_OUT), "a new class is saved, or left out with a reason"
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
    several = (X[:, :3] > 0.3).astype(np.int64)
    arguments: dict[str, Any] = {}
    if "estimator" in inspect.signature(cls).parameters:
        arguments["estimator"] = en.multilabel.OneVsRestClassifier(forest()) if name.startswith("Tuned") else forest()
    if "estimators" in inspect.signature(cls).parameters:
        arguments["estimators"] = [("one", forest()), ("two", linear())]
    thing = cls(**arguments)
    if name.endswith("Calibrator"):
        thing.fit(np.abs(X[:, :3]) / np.abs(X[:, :3]).sum(axis=1, keepdims=True), np.searchsorted(["angry", "calm", "happy"], y))
    elif name == "IsotonicRegression":
        thing.fit(X[:, 0], X[:, 1])
    elif hasattr(thing, "fit_resample"):
        thing.fit_resample(X, y)
    else:
        takes_groups = "groups" in inspect.signature(thing.fit).parameters
        thing.fit(X, several if LEFT_OUT[name] == _SEVERAL_LABELS else y, **({"groups": groups} if takes_groups else {}))
    with pytest.raises(InvalidInputError, match=rf"^fitted of save_model must .*; got {name}"):
        save_model(thing, tmp_path / "m.emotion")
    assert not list(tmp_path.iterdir())


def test_several_labels_a_row_are_refused_inside_and_alone() -> None:
    X, _, _ = data()
    several = OneVsRestClassifier(LogisticRegression())
    for model in (several, make_pipeline(StandardScaler(), several)):
        with pytest.raises(InvalidInputError, match=r"must answer with one class a row; got OneVsRestClassifier, which gives several labels"):
            model_bytes(model.fit(X, (X[:, :3] > 0).astype(np.int64)))


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
    assert (plain, behind, vote) == ([], ["out_of_distribution_steps"], ["vote"])
