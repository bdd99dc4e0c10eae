"""A split inside another one: groups reach it through every owner, step and tool around it, and without them it refuses there too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sklearn
from sklearn import model_selection as sk
from sklearn import pipeline as sk_pipeline
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import FunctionTransformer

import emotion_native as en
from emotion_native.exceptions import InvalidInputError, LeakageError

from .conftest import N_SPEAKERS, OWNERS, WITHOUT_MODEL, Notes, Watch, Witness, abstaining, assert_apart, boosting, conformal, grid

c = en.calibration
ms = en.model_selection
pytestmark = [
    pytest.mark.unsanitized,  # who is given which groups, decided by Python
    pytest.mark.filterwarnings(
        "ignore:confidence_level of ConformalClassifier", "ignore::emotion_native.exceptions.EmotionNativeWarning",
    ),
]


def calibrated(estimator: Any, cv: Any) -> Any:
    return c.CalibratedClassifierCV(estimator, cv=cv)


def voting(estimator: Any, cv: Any) -> Any:
    return en.ensemble.VotingClassifier([("one", calibrated(estimator, cv)), ("two", grid(estimator, cv))], voting="soft")


def behind_copies(estimator: Any, cv: Any) -> Any:
    return en.pipeline.make_pipeline(en.over_sampling.RandomOverSampler(random_state=1), calibrated(estimator, cv))


def behind_synthetic_rows(estimator: Any, cv: Any) -> Any:
    return en.pipeline.make_pipeline(en.over_sampling.SMOTE(within="groups", k_neighbors=2, random_state=1), grid(calibrated(estimator, cv), cv))


def one_vs_rest(estimator: Any, cv: Any) -> Any:
    return en.multilabel.OneVsRestClassifier(calibrated(estimator, cv))


def twice_nested(estimator: Any, cv: Any) -> Any:
    return grid(en.pipeline.make_pipeline(en.over_sampling.RandomOverSampler(random_state=0), conformal(calibrated(estimator, cv))), cv)


INNER: dict[str, Callable[[Any, Any], Any]] = {
    "calibrated": calibrated,
    "abstaining": lambda e, cv: abstaining(calibrated(e, cv), cv),
    "conformal": lambda e, cv: conformal(calibrated(e, cv)),
    "search": grid,
    "voting": voting,
    "one_vs_rest": one_vs_rest,
    "prior_corrected": lambda e, cv: c.PriorCorrectedClassifier(calibrated(e, cv), trained_priors="balanced"),
    "behind_copies": behind_copies,
    "behind_synthetic_rows": behind_synthetic_rows,
    "twice_nested": twice_nested,
}
ALIKE = {"model_selection.BaseSearchCV", "model_selection.RandomizedSearchCV", "model_selection.train_test_split"}
OUTER = sorted(set(OWNERS) - ALIKE - WITHOUT_MODEL)
every_pair = pytest.mark.parametrize(("outer", "inner"), [(outer, inner) for outer in OUTER for inner in INNER])


@every_pair
def test_groups_arrive_in_the_split_inside_a_split(outer: str, inner: str, rows: Any) -> None:
    """The watch stands in every inner split, the witness in the classifier: both demand the groups of just the rows they get."""
    X, y, speaker = rows
    watch, notes = Watch(ms.GroupKFold(2)), Notes()
    model = INNER[inner](Witness(notes), watch)
    if outer == "multilabel.TunedThresholdsClassifier":
        model = en.multilabel.OneVsRestClassifier(model)
    OWNERS[outer](model, ms.GroupKFold(3), X, y, groups=speaker)
    assert_apart(watch.notes)
    assert_apart(notes)
    # The outer split leaves speakers out of the inner ones (abstention and calibration share one split, as documented).
    shared = (outer, inner) == ("calibration.AbstainingClassifier", "calibrated")
    assert shared or any(len(seen | asked) < N_SPEAKERS for seen, asked in watch.notes)


@every_pair
def test_without_groups_the_split_inside_refuses_too(outer: str, inner: str, rows: Any) -> None:
    """The outer split may do without groups on purpose; that is no leave for the inner one."""
    if outer in ("calibration.AbstainingClassifier",) and inner == "calibrated":
        return  # one split for both, as documented
    X, y, _ = rows
    model = INNER[inner](KNeighborsClassifier(2), 2)
    if outer == "multilabel.TunedThresholdsClassifier":
        model = en.multilabel.OneVsRestClassifier(model)
    with pytest.raises((LeakageError, InvalidInputError), match=r"groups of|within='groups'"):
        OWNERS[outer](model, 3, X, y, allow_ungrouped=True)


@pytest.mark.parametrize("outer", OUTER)
@pytest.mark.parametrize("sampler", [None, "copies", "synthetic"])
def test_early_stopping_inside_holds_out_whole_speakers(outer: str, sampler: str | None, rows: Any, holdouts: Notes, monkeypatch: Any) -> None:
    """Fitted one by one the spy sees every holdout; the native loop must give the same bits."""
    X, y, speaker = rows
    steps = {
        None: [],
        "copies": [en.over_sampling.RandomOverSampler(random_state=1)],
        "synthetic": [en.over_sampling.SMOTE(within="groups", k_neighbors=2, random_state=1)],
    }[sampler]
    model = en.pipeline.make_pipeline(*steps, boosting())
    if outer == "multilabel.TunedThresholdsClassifier":
        model = en.multilabel.OneVsRestClassifier(model)
    native = OWNERS[outer](model, ms.GroupKFold(3), X, y, groups=speaker)
    holdouts.clear()
    monkeypatch.setattr(ms._fit, "native_step_plan", lambda *a: None)
    slow = OWNERS[outer](model, ms.GroupKFold(3), X, y, groups=speaker)
    assert len(holdouts) >= (1 if outer == "calibration.ConformalClassifier" else 3)
    for groups, held_out in holdouts:
        assert not set(groups[held_out]) & set(groups[~held_out])
        assert 1 < len(set(groups.tolist())) <= N_SPEAKERS
    if hasattr(native, "predict_proba"):
        np.testing.assert_array_equal(native.predict_proba(X), slow.predict_proba(X))
    elif outer in ("model_selection.cross_val_predict", "model_selection.cross_val_score"):
        np.testing.assert_array_equal(native, slow)
    elif outer == "calibration.nested_evaluation":
        np.testing.assert_array_equal(native.proba, slow.proba)


def test_synthetic_rows_of_two_speakers_never_reach_a_split(rows: Any) -> None:
    """A row between two speakers has no group: whoever splits behind that sampler refuses, in the native loop as outside of it."""
    X, y, speaker = rows
    smote = en.over_sampling.SMOTE(k_neighbors=5, random_state=0)
    inner: list[Any] = [boosting(), calibrated(KNeighborsClassifier(2), 2), grid(KNeighborsClassifier(2), 2), conformal(KNeighborsClassifier(2))]
    inner += [en.ensemble.VotingClassifier([("a", boosting())]), en.multilabel.OneVsRestClassifier(boosting())]
    for step in inner:
        model = en.pipeline.make_pipeline(smote, step)
        with pytest.raises(LeakageError, match=r"synthetic rows|one group|made of two"):
            model.fit(X, y, groups=speaker)
        with pytest.raises(LeakageError, match=r"synthetic rows|one group|made of two"):
            ms.cross_validate(model, X, y, groups=speaker, cv=3, error_score="raise")
    plain = en.ensemble.GradientBoostingClassifier(n_estimators=2)
    for step in (plain, en.ensemble.VotingClassifier([("a", plain)]), en.multilabel.OneVsRestClassifier(plain)):
        en.pipeline.make_pipeline(smote, step).fit(X, y, groups=speaker)  # nobody splits: no groups needed


# scikit-learn's own tools around ours, and its metadata routing.


def asking(model: Any) -> Any:
    return model.set_fit_request(groups=True)


ROUTED: dict[str, Callable[[Any, Any], Any]] = {
    "calibrated": lambda e, cv: asking(calibrated(asking(e), cv)),
    "search": lambda e, cv: grid(asking(e), cv),
    "abstaining": lambda e, cv: asking(abstaining(asking(e), cv)),
    "conformal": lambda e, cv: asking(conformal(asking(e))),
    "voting": lambda e, cv: asking(voting(asking(e), cv)),
    "pipeline": lambda e, cv: asking(behind_synthetic_rows(asking(e), cv)),
    "foreign pipeline": lambda e, cv: sk_pipeline.make_pipeline(FunctionTransformer(), asking(calibrated(asking(e), cv))),
    "foreign search": lambda e, cv: sk.GridSearchCV(asking(calibrated(asking(e), cv)), {"estimator__level": [0.6, 0.7]}, cv=sk.GroupKFold(2)),
}


@pytest.mark.parametrize("inner", list(ROUTED))
@pytest.mark.parametrize("tool", ["cross_validate", "cross_val_predict", "GridSearchCV", "Pipeline"])
def test_scikit_learns_tools_hand_groups_to_our_inner_splits(inner: str, tool: str, rows: Any) -> None:
    X, y, speaker = rows
    notes = Notes()
    with sklearn.config_context(enable_metadata_routing=True):
        model = ROUTED[inner](Witness(notes), 2)
        if tool == "cross_validate":
            sk.cross_validate(model, X, y, cv=sk.GroupKFold(3), params={"groups": speaker}, error_score="raise")
        elif tool == "cross_val_predict":
            sk.cross_val_predict(model, X, y, cv=sk.GroupKFold(3), params={"groups": speaker})
        elif tool == "GridSearchCV":
            sk.GridSearchCV(model, {}, cv=sk.GroupKFold(3), error_score="raise").fit(X, y, groups=speaker)
        else:
            sk_pipeline.Pipeline([("same", FunctionTransformer()), ("model", model)]).fit(X, y, groups=speaker)
    assert_apart(notes)


@pytest.mark.parametrize("inner", list(ROUTED))
@pytest.mark.parametrize("n_jobs", [None, 3])
@pytest.mark.parametrize("outer", OUTER)
def test_our_tools_follow_the_routing_also_on_threads(outer: str, n_jobs: int | None, inner: str, rows: Any) -> None:
    X, y, speaker = rows
    if outer == "multilabel.TunedThresholdsClassifier":
        pytest.skip("has one thread, and labels of its own")
    options = {} if n_jobs is None or outer == "calibration.ConformalClassifier" else {"n_jobs": n_jobs}
    notes = Notes()
    with sklearn.config_context(enable_metadata_routing=True):
        OWNERS[outer](ROUTED[inner](Witness(notes), 2), ms.GroupKFold(3), X, y, groups=speaker, **options)
    assert_apart(notes)


@pytest.mark.parametrize("tool", ["cross_validate", "GridSearchCV", "Pipeline"])
def test_without_routing_scikit_learns_tools_meet_a_refusal(tool: str, rows: Any) -> None:
    """Nobody hands the groups on there: an error, never a split of single rows."""
    X, y, speaker = rows
    model = calibrated(KNeighborsClassifier(2), 2)
    with pytest.raises(LeakageError, match=r"groups of CalibratedClassifierCV\.fit"):
        if tool == "cross_validate":
            sk.cross_validate(model, X, y, cv=sk.GroupKFold(3), groups=speaker, error_score="raise")
        elif tool == "GridSearchCV":
            sk.GridSearchCV(model, {}, cv=sk.GroupKFold(3), error_score="raise").fit(X, y, groups=speaker)
        else:
            sk_pipeline.make_pipeline(FunctionTransformer(), model).fit(X, y)


@pytest.mark.parametrize("outer", OUTER)
@pytest.mark.parametrize("error_score", ["default", np.nan])
def test_a_refusal_inside_is_no_failed_fit(outer: str, error_score: Any, rows: Any) -> None:
    """A split without groups inside is an error whatever ``error_score`` makes of failed fits; the groups can stay away where a foreign pipeline
    without metadata routing stands between."""
    X, y, speaker = rows
    model = sk_pipeline.make_pipeline(FunctionTransformer(), calibrated(KNeighborsClassifier(2), 2))
    if outer == "multilabel.TunedThresholdsClassifier":
        model = en.multilabel.OneVsRestClassifier(model)
    options: dict[str, Any] = {}
    if error_score != "default" and outer.startswith("model_selection.") and outer.endswith("SearchCV"):
        options = {"error_score": error_score}
    with pytest.raises(LeakageError, match=r"groups of CalibratedClassifierCV\.fit"):
        OWNERS[outer](model, 3, X, y, groups=speaker, **options)
    if outer == "model_selection.cross_validate":
        with pytest.raises(LeakageError):
            ms.cross_validate(model, X, y, groups=speaker, cv=3)
