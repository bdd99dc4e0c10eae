"""Arguments in the wrong place or of the wrong kind: what the messages say."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import make_scorer
from sklearn.naive_bayes import GaussianNB

import emotion_native as en
from emotion_native.ensemble import RandomForestClassifier
from emotion_native.exceptions import InvalidInputError, InvalidTypeError, LeakageError
from emotion_native.pipeline import Pipeline, make_pipeline
from emotion_native.preprocessing import StandardScaler

ms = en.model_selection
X = np.random.default_rng(0).normal(size=(60, 3))
Y = np.array(["calm", "sad"])[np.arange(60) % 2]
GROUPS = np.repeat(np.arange(6), 10)
FOREST = RandomForestClassifier(3, random_state=0)
BOTH = pytest.mark.parametrize("call", [ms.cross_validate, ms.cross_val_predict])


@BOTH
def test_estimators_in_the_wrong_place(call: Any) -> None:
    name = call.__name__
    order = rf": the order is {name}\(estimator, X, y\)$"
    cases: list[tuple[tuple[Any, ...], str]] = [
        ((X, Y, FOREST), rf"an estimator, with fit; got an array of shape \(60, 3\){order}"),
        ((pd.DataFrame(X), Y, FOREST), rf"an estimator, with fit; got DataFrame{order}"),
        (("forest", X, Y), "an estimator, with fit; got 'forest'$"),
        ((None, X, Y), "an estimator, with fit; got None$"),
        ((RandomForestClassifier, X, Y), r"an estimator; got the class RandomForestClassifier: write RandomForestClassifier\(\)$"),
    ]
    for arguments, text in cases:
        with pytest.raises(InvalidTypeError, match=f"^estimator of {name} must be {text}"):
            call(*arguments, groups=GROUPS)


def test_classes_where_instances_are_wanted() -> None:
    text = r"^cv of cross_validate must be a splitter; got the class LeaveOneGroupOut: write LeaveOneGroupOut\(\)$"
    with pytest.raises(InvalidTypeError, match=text):
        ms.cross_validate(FOREST, X, Y, groups=GROUPS, cv=ms.LeaveOneGroupOut)
    text = r"must be estimators; got the class StandardScaler: write StandardScaler\(\)$"
    with pytest.raises(InvalidTypeError, match=f"^steps of make_pipeline {text}"):
        make_pipeline(StandardScaler, FOREST)
    with pytest.raises(InvalidTypeError, match=f"^steps of Pipeline {text}"):
        Pipeline([("scale", StandardScaler), ("forest", FOREST)]).fit(X, Y)
    text = r"^estimator of CalibratedClassifierCV\.fit must be an estimator; got the class RandomForestClassifier"
    with pytest.raises(InvalidTypeError, match=text):
        en.calibration.CalibratedClassifierCV(RandomForestClassifier, cv=2).fit(X, Y, groups=GROUPS)
    with pytest.raises(InvalidTypeError, match=r"^model of TreeExplainer must be a fitted model; got the class RandomForestClassifier"):
        en.explain.TreeExplainer(RandomForestClassifier)


def test_tables_and_names_of_columns() -> None:
    table = SimpleNamespace(X=X, names=["a", "b", "c"])
    text = r"must be a matrix; got a SimpleNamespace: pass its matrix, table\.X$"
    with pytest.raises(InvalidTypeError, match=f"^X of cross_validate {text}"):
        ms.cross_validate(FOREST, table, Y, groups=GROUPS)
    with pytest.raises(InvalidTypeError, match=rf"^X of RandomForestClassifier\.fit {text}"):
        RandomForestClassifier(3).fit(table, Y)  # type: ignore[arg-type]  # on purpose
    for arguments, parameter in (({"groups": "speaker"}, "groups"), ({"groups": GROUPS, "y": "label"}, "y")):
        given: dict[str, Any] = {"y": Y, **arguments}
        text = rf"^{parameter} of cross_validate must be one value a row; got the text .*: pass the column itself"
        with pytest.raises(InvalidTypeError, match=text):
            ms.cross_validate(FOREST, X, **given)
    with pytest.raises(InvalidTypeError, match=r"^groups of GroupKFold\.split must be one value a row; got the text 'speaker'.*rows\['speaker'\]$"):
        list(ms.GroupKFold(2).split(X, Y, "speaker"))


@BOTH
@pytest.mark.parametrize("rest", [["calm", "sad"] * 28, [1, 2] * 28])
def test_unknown_labels_are_counted(call: Any, rest: list[Any]) -> None:
    text = r"^y of .* must be labels of one sortable kind, all known; got 2 missing among 60, the first in row 56: fill them in, or drop those rows$"
    refusals: list[Any] = [lambda y: FOREST.fit(X, y), lambda y: call(FOREST, X, y, groups=GROUPS, cv=2)]
    for missing in (None, np.nan):
        y = [*rest, missing, *rest[:2], missing]
        for form in (y, np.array(y, dtype=object), pd.Series(y, dtype=object)):
            for refused in refusals:
                with pytest.raises(InvalidInputError, match=text):
                    refused(form)
    with pytest.raises(InvalidInputError, match="got 60 missing among 60, the first in row 0"):
        FOREST.fit(X, [None] * 60)
    with pytest.raises(InvalidInputError, match="got NaN or infinity in 1 of 60 rows, the first is row 3"):
        FOREST.fit(X, np.where(np.arange(60) == 3, np.nan, 1.0))


def test_a_metric_is_no_scorer() -> None:
    metric = en.metrics.unweighted_average_recall
    for scoring in (metric, {"mine": metric}):
        text = r"got the metric unweighted_average_recall: pass the name 'uar' or sklearn\.metrics\.make_scorer\(unw"
        with pytest.raises(InvalidTypeError, match=text):
            ms.cross_validate(FOREST, X, Y, groups=GROUPS, scoring=scoring)
    expected = ms.cross_validate(FOREST, X, Y, groups=GROUPS, scoring="uar")["test_score"]
    np.testing.assert_allclose(ms.cross_validate(FOREST, X, Y, groups=GROUPS, scoring=make_scorer(metric))["test_score"], expected)
    own = ms.cross_validate(FOREST, X, Y, groups=GROUPS, scoring=lambda model, X, y: 0.5)["test_score"]
    assert own.tolist() == [0.5] * 5


def test_the_ways_out_fit_the_caller() -> None:
    function = r"with the argument allow_ungrouped=True or with emotion_native\.config_context"
    with pytest.raises(LeakageError, match=function):
        ms.cross_validate(FOREST, X, Y)
    for make in (en.calibration.CalibratedClassifierCV, en.calibration.AbstainingClassifier):
        with pytest.raises(LeakageError, match=rf"with {make.__name__}\(…, allow_ungrouped=True\) or with emotion_native\.config_context"):
            make(FOREST, cv=2).fit(X, Y)
    boosting = en.ensemble.GradientBoostingClassifier(n_estimators=3, n_iter_no_change=2)
    with pytest.raises(LeakageError, match=r"with GradientBoostingClassifier\(…, allow_ungrouped=True\)"):
        boosting.fit(X, Y)
    with pytest.raises(LeakageError, match=r"with the argument allow_ungrouped=True"):
        ms.cross_validate(FOREST, X, Y, groups=GROUPS, cv=ms.KFold(3))
    for splitter in (ms.GroupKFold(2), ms.LeaveOneGroupOut(), ms.GroupShuffleSplit(2), ms.CrossedGroupKFold(2, 2)):
        with pytest.raises(LeakageError, match=r"pass groups=.*such as KFold$") as caught:
            list(splitter.split(X, Y))
        assert "allow_ungrouped" not in str(caught.value)


@pytest.mark.parametrize(
    "weight",
    [np.ones(59), np.ones((60, 2)), np.full(60, np.nan), -np.ones(60), ["heavy"] * 60],
    ids=["short", "2-D", "NaN", "negative", "text"],
)
@pytest.mark.parametrize("estimator", [FOREST, GaussianNB()], ids=["own", "foreign"])
def test_weights_are_checked_before_anything_is_fitted(weight: Any, estimator: Any) -> None:
    options: dict[str, Any] = {"groups": GROUPS, "cv": 3}
    calls: dict[str, Any] = {
        "cross_validate": lambda: ms.cross_validate(estimator, X, Y, params={"sample_weight": weight}, **options),
        "cross_val_predict": lambda: ms.cross_val_predict(estimator, X, Y, params={"sample_weight": weight}, **options),
        "GridSearchCV.fit": lambda: ms.GridSearchCV(estimator, {}, cv=3).fit(X, Y, sample_weight=weight, groups=GROUPS),
        "PriorCorrectedClassifier.fit": lambda: en.calibration.PriorCorrectedClassifier(estimator).fit(X, Y, sample_weight=weight),
    }
    for caller, call in calls.items():
        with pytest.raises(InvalidInputError, match=rf"^sample_weight of {caller} must "):
            call()
