"""Pipeline: samplers act in fit only, row metadata goes along, foreign steps work, scikit-learn's manners hold."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from imblearn.over_sampling import SMOTE
from imblearn.over_sampling import RandomOverSampler as ForeignSampler
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin, clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression as ForeignClassifier
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import Pipeline as Reference
from sklearn.preprocessing import StandardScaler as ForeignScaler

from emotion_native.exceptions import InvalidInputError
from emotion_native.feature_selection import SelectKBest
from emotion_native.impute import SimpleImputer
from emotion_native.linear_model import LogisticRegression
from emotion_native.over_sampling import RandomOverSampler
from emotion_native.pipeline import Pipeline, make_pipeline
from emotion_native.preprocessing import StandardScaler


@pytest.fixture
def rows(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    y = np.array(["calm"] * 40 + ["angry"] * 15 + ["sad"] * 5)
    return rng.normal(size=(60, 4)) + (y == "sad")[:, None], y


class Recorder(ClassifierMixin, BaseEstimator):
    """Remembers what fit was given."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None, speaker: Any = None, scale: float = 1) -> Recorder:
        self.seen_ = {"n": len(y), "sample_weight": sample_weight, "groups": groups, "speaker": speaker, "scale": scale}
        self.classes_ = np.unique(y)
        return self

    def predict(self, X: Any) -> Any:
        return np.repeat(self.classes_[0], len(X))


class Quiet(TransformerMixin, BaseEstimator):
    """Asks for nothing."""

    def fit(self, X: Any, y: Any = None) -> Quiet:
        return self

    def transform(self, X: Any) -> Any:
        return X


def test_samplers_act_in_fit_only(rows: Any) -> None:
    X, y = rows
    model = make_pipeline(StandardScaler(), RandomOverSampler(random_state=0), LogisticRegression()).fit(X, y)
    Z = StandardScaler().fit_transform(X)
    expected = LogisticRegression().fit(*RandomOverSampler(random_state=0).fit_resample(Z, y))
    np.testing.assert_array_equal(model[-1].coef_, expected.coef_)
    assert model.predict_proba(X).shape == (60, 3)
    np.testing.assert_array_equal(model.predict_proba(X), expected.predict_proba(Z))
    assert 0 <= model.score(X, y) <= 1


def test_equals_scikit_learns_pipeline_without_samplers(rows: Any) -> None:
    X, y = rows
    steps = [("scale", ForeignScaler()), ("classify", ForeignClassifier())]
    np.testing.assert_array_equal(Pipeline(clone_steps(steps)).fit(X, y).predict_proba(X), Reference(clone_steps(steps)).fit(X, y).predict_proba(X))


def clone_steps(steps: Any) -> Any:
    return [(name, clone(step)) for name, step in steps]


def test_metadata_is_resampled_along_and_handed_to_those_who_ask(rows: Any) -> None:
    X, y = rows
    weights, groups = np.arange(60.0) + 1, np.arange(60) // 5
    model = Pipeline([("quiet", Quiet()), ("sample", RandomOverSampler(random_state=0)), ("classify", Recorder())])
    model.fit(X, y, sample_weight=weights, groups=groups, speaker=[f"s{g}" for g in groups], classify__scale=3)
    indices = model["sample"].sample_indices_
    seen = model["classify"].seen_
    np.testing.assert_array_equal(seen["sample_weight"], weights[indices])
    np.testing.assert_array_equal(seen["groups"], groups[indices])
    assert list(seen["speaker"]) == [f"s{groups[i]}" for i in indices]
    assert seen["scale"] == 3
    weighted = Pipeline([("scale", StandardScaler()), ("classify", LogisticRegression())]).fit(X, y, sample_weight=weights)
    np.testing.assert_array_equal(weighted["scale"].mean_, StandardScaler().fit(X, sample_weight=weights).mean_)
    only = Pipeline([("scale", StandardScaler()), ("classify", LogisticRegression())]).fit(X, y, classify__sample_weight=weights)
    np.testing.assert_array_equal(only["scale"].mean_, StandardScaler().fit(X).mean_)


def test_foreign_samplers_work_and_lose_metadata_loudly(rows: Any) -> None:
    X, y = rows
    model = make_pipeline(ForeignSampler(random_state=0), Recorder()).fit(X, y, groups=np.arange(60))
    assert len(model[-1].seen_["groups"]) == 120
    smote = make_pipeline(SMOTE(random_state=0, k_neighbors=2), LogisticRegression())
    smote.fit(X, y, groups=np.arange(60))  # nobody asks for groups
    with pytest.raises(InvalidInputError, match=r"sample_weight of Pipeline\.fit must reach step 'logisticregression'"):
        smote.fit(X, y, sample_weight=np.ones(60))


def test_parameters_names_and_numbers(rows: Any) -> None:
    X, y = rows
    model = Pipeline([("scale", StandardScaler()), ("select", SelectKBest(k=2)), ("classify", LogisticRegression())])
    model.set_params(select__k=3, classify__C=0.5)
    assert model.named_steps["select"].k == model.named_steps.select.k == 3
    assert model.get_params()["classify__C"] == 0.5
    assert isinstance(model[0], StandardScaler)
    assert isinstance(model["classify"], LogisticRegression)
    assert len(model) == 3
    assert isinstance(model[:-1], Pipeline)
    model.fit(X, y)
    np.testing.assert_array_equal(model[:-1].transform(X), model["select"].transform(model["scale"].transform(X)))
    model.set_params(select="passthrough", scale=None)
    np.testing.assert_array_equal(model.fit(X, y)["classify"].coef_, LogisticRegression(C=0.5).fit(X, y).coef_)
    assert clone(model).get_params()["classify__C"] == 0.5


def test_pickles_frames_and_names(rows: Any) -> None:
    X, y = rows
    frame = pd.DataFrame(X, columns=list("abcd"))
    model = make_pipeline(SimpleImputer(), StandardScaler(), SelectKBest(k=2), LogisticRegression()).set_output(transform="pandas").fit(frame, y)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict_proba(frame), model.predict_proba(frame))
    names = list(model[:-1].get_feature_names_out())
    assert names == list(model[:-1].transform(frame).columns)
    assert list(model.feature_names_in_) == list("abcd")
    assert model.n_features_in_ == 4
    assert list(model.classes_) == ["angry", "calm", "sad"]


def test_transformers_alone(rows: Any) -> None:
    X, y = rows
    model = make_pipeline(SimpleImputer(), StandardScaler())
    np.testing.assert_allclose(model.fit_transform(X, y), StandardScaler().fit_transform(X))
    assert not hasattr(model, "predict")
    assert not hasattr(model, "inverse_transform")
    scale = make_pipeline(StandardScaler(), "passthrough").fit(X)
    np.testing.assert_allclose(scale.inverse_transform(scale.transform(X)), X, atol=1e-12)
    X_new, y_new = make_pipeline(StandardScaler(), RandomOverSampler(random_state=0)).fit_resample(X, y)
    assert len(X_new) == len(y_new) == 120


def test_scikit_learns_search_takes_it(rows: Any) -> None:
    X, y = rows
    model = make_pipeline(StandardScaler(), RandomOverSampler(random_state=0), LogisticRegression())
    search = GridSearchCV(model, {"logisticregression__C": [0.01, 1.0]}, cv=KFold(3, shuffle=True, random_state=0)).fit(X, y)
    assert search.best_params_["logisticregression__C"] in (0.01, 1.0)


def test_the_plan() -> None:
    model = make_pipeline(StandardScaler(), None, RandomOverSampler(random_state=3), LogisticRegression())
    assert [step["kind"] for step in model._native_plan()] == ["standard_scaler", "random_over_sampler", "logistic_regression"]
    assert model._native_plan()[1]["seed"] == 3
    assert make_pipeline(ForeignScaler(), LogisticRegression())._native_plan() is None
    assert make_pipeline(StandardScaler(), ForeignClassifier())._native_plan() is None
    assert make_pipeline(StandardScaler(), RandomOverSampler())._native_plan() is None
    labelled = make_pipeline(RandomOverSampler(sampling_strategy={"sad": 9}), LogisticRegression(class_weight={"calm": 2.0, "sad": 1.0}))
    assert labelled._native_plan() is None
    plan = labelled._native_plan(["calm", "sad"])
    assert plan[0]["sampling_strategy"] == [-1, 9]
    assert plan[1]["class_weight"] == [2.0, 1.0]


def test_bad_pipelines_are_refused(rows: Any) -> None:
    X, y = rows
    for steps in ([], "steps", [("a__b", StandardScaler()), ("c", LogisticRegression())], [("a", StandardScaler()), ("a", LogisticRegression())]):
        with pytest.raises(InvalidInputError, match="steps of Pipeline must be"):
            Pipeline(steps).fit(X, y)
    with pytest.raises(TypeError, match="steps of Pipeline must have transform"):
        make_pipeline(LogisticRegression(), LogisticRegression()).fit(X, y)
    with pytest.raises(InvalidInputError, match="memory of Pipeline must be None"):
        make_pipeline(StandardScaler(), LogisticRegression(), memory="cache").fit(X, y)  # type: ignore[arg-type]  # on purpose
    with pytest.raises(InvalidInputError, match=r"groups of Pipeline\.fit must have one value a row"):
        make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y, groups=[1, 2])
    with pytest.raises(InvalidInputError, match="must start with the name of a step"):
        make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y, nobody__sample_weight=np.ones(60))
    with pytest.raises(NotFittedError):
        make_pipeline(StandardScaler(), LogisticRegression()).predict(X)


def test_verbose_says_where_the_time_goes(rows: Any, capsys: pytest.CaptureFixture[str]) -> None:
    make_pipeline(StandardScaler(), LogisticRegression(), verbose=True).fit(*rows)
    lines = capsys.readouterr().out.splitlines()
    assert [line[:12] for line in lines] == ["[Pipeline] ."] * 2
    assert ["(step 1 of 2) Processing standardscaler, total=" in lines[0], "(step 2 of 2) Processing logisticregression" in lines[1]] == [True, True]


def test_a_pipeline_with_a_sampler_is_no_step(rows: Any) -> None:
    X, y = rows
    deeper = make_pipeline(make_pipeline(StandardScaler(), RandomOverSampler()), "passthrough")
    for inner in (make_pipeline(RandomOverSampler(), StandardScaler()), deeper):
        with pytest.raises(TypeError, match="its labels would be lost"):
            make_pipeline(inner, LogisticRegression()).fit(X, y)
    nested = make_pipeline(make_pipeline(StandardScaler(), "passthrough"), RandomOverSampler(random_state=0), LogisticRegression()).fit(X, y)
    flat = make_pipeline(StandardScaler(), RandomOverSampler(random_state=0), LogisticRegression()).fit(X, y)
    np.testing.assert_array_equal(nested.predict_proba(X), flat.predict_proba(X))


def test_a_sampler_or_nothing_as_the_last_step_resamples(rows: Any) -> None:
    X, y = rows
    scaled = StandardScaler().fit_transform(X)
    expected = RandomOverSampler(random_state=0).fit_resample(scaled, y)
    for pipeline in (
        make_pipeline(StandardScaler(), RandomOverSampler(random_state=0)),
        make_pipeline(StandardScaler(), RandomOverSampler(random_state=0), "passthrough"),
        make_pipeline(StandardScaler(), RandomOverSampler(random_state=0), None),
    ):
        for found, wanted in zip(pipeline.fit_resample(X, y), expected, strict=True):
            np.testing.assert_array_equal(found, wanted)
    assert not hasattr(make_pipeline(StandardScaler(), LogisticRegression()), "fit_resample")


class Switch(ClassifierMixin, BaseEstimator):
    """Takes arguments that are no arrays."""

    def fit(self, X: Any, y: Any = None, *, loud: bool = False) -> Switch:
        self.loud_ = loud
        self.classes_ = np.array([0, 1])
        return self

    def predict(self, X: Any, *, constant: int = 0) -> Any:
        return constant

    def fit_predict(self, X: Any, y: Any = None, *, loud: bool = False) -> Any:
        return self.fit(X, y, loud=loud).predict(X)

    def score_samples(self, X: Any) -> Any:
        return np.asarray(X)[:, 0]


class Nothing(TransformerMixin, BaseEstimator):
    def fit(self, X: Any, y: Any = None) -> Nothing:
        return self

    def transform(self, X: Any) -> Any:
        return X


def test_arguments_that_are_no_arrays_reach_their_step(rows: Any) -> None:
    X, y = rows
    pipeline = Pipeline([("scale", StandardScaler()), ("classify", Switch())]).fit(X, y, classify__loud=True)
    assert pipeline["classify"].loud_ is True
    assert pipeline.predict(X, constant=3) == 3
    assert pipeline.fit_predict(X, y, classify__loud=True) == 0
    np.testing.assert_array_equal(pipeline.score_samples(X), StandardScaler().fit_transform(X)[:, 0])
    without = Pipeline([("nothing", Nothing()), ("classify", Switch())]).fit(None, None, classify__loud=True)
    assert without["classify"].loud_ is True
