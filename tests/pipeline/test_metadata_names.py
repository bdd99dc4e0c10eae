"""Names of row metadata that no step takes are refused, with the name that was probably meant."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.neighbors import KNeighborsClassifier

import emotion_native as en
from emotion_native.exceptions import InvalidInputError
from emotion_native.over_sampling import SMOTE
from emotion_native.pipeline import Pipeline, make_pipeline
from emotion_native.preprocessing import StandardScaler

ms = en.model_selection
GROUPS = np.repeat(np.arange(6), 10)


@pytest.fixture
def rows(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    y = np.array(["calm", "sad"])[np.arange(60) % 2]
    return rng.normal(size=(60, 4)) + (y == "sad")[:, None], y


def forest(*steps: Any) -> Pipeline:
    return make_pipeline(*steps, en.ensemble.RandomForestClassifier(5, random_state=0))


class Asking(TransformerMixin, BaseEstimator):
    """Remembers the speakers that it was given."""

    def fit(self, X: Any, y: Any = None, speaker: Any = None) -> Asking:
        self.speaker_ = speaker
        return self

    def transform(self, X: Any) -> Any:
        return X


def test_a_mistyped_name_is_refused_by_fit(rows: Any) -> None:
    X, y = rows
    for name, meant in (("sample_weights", "sample_weight"), ("sampleweight", "sample_weight"), ("group", "groups"), ("speakers", "speaker")):
        with pytest.raises(InvalidInputError, match=rf"^metadata of Pipeline\.fit must be .*; got '{name}': did you mean '{meant}'\?$"):
            forest(StandardScaler()).fit(X, y, **{name: GROUPS})
    with pytest.raises(InvalidInputError, match=r"got 'bogus'$"):
        forest(StandardScaler()).fit(X, y, bogus=GROUPS)
    with pytest.raises(InvalidInputError, match=r"got 'bogus'$"):
        forest(StandardScaler()).fit(X, y, bogus=3)
    with pytest.raises(InvalidInputError, match=r"got 'bogus'$"):
        make_pipeline(StandardScaler(), SMOTE()).fit_resample(X, y, bogus=GROUPS)
    with pytest.raises(InvalidInputError, match=r"got 'sample_weight'$"):
        make_pipeline(StandardScaler().set_params(with_mean=False), "passthrough", KNeighborsClassifier())[1:].fit(X, y, sample_weight=np.ones(60))


def test_an_argument_that_its_step_lacks_is_refused(rows: Any) -> None:
    X, y = rows
    rule = r"^metadata of Pipeline\.fit must be arguments that step 'randomforestclassifier' takes; got 'randomforestclassifier__sample_weights'"
    with pytest.raises(InvalidInputError, match=rule + r": did you mean 'sample_weight'\?$"):
        forest().fit(X, y, randomforestclassifier__sample_weights=np.ones(60))


def test_usual_names_and_absent_values_pass_whoever_asks(rows: Any) -> None:
    X, y = rows
    plain = forest(StandardScaler()).fit(X, y).predict_proba(X)
    given = forest(StandardScaler()).fit(X, y, groups=GROUPS, speaker=GROUPS, recording=GROUPS, modality=["audio_only"] * 60, bogus=None)
    np.testing.assert_array_equal(given.predict_proba(X), plain)


@pytest.mark.parametrize("call", [ms.cross_validate, ms.cross_val_predict])
@pytest.mark.parametrize("foreign", [False, True])
def test_cross_validation_refuses_them_at_once(rows: Any, call: Any, foreign: bool) -> None:
    X, y = rows
    model = make_pipeline(StandardScaler(), KNeighborsClassifier()) if foreign else forest(StandardScaler())
    for name, end in (("sample_weights", ": did you mean 'sample_weight'"), ("bogus", ""), ("speakers", ": did you mean 'speaker'")):
        with pytest.raises(InvalidInputError, match=rf"^params of {call.__name__} must be arguments that a step takes .*; got '{name}'{end}"):
            call(model, X, y, groups=GROUPS, params={name: GROUPS})
    with pytest.raises(InvalidInputError, match=r"^params of .* RandomForestClassifier\.fit; got 'sample_weights': did you mean 'sample_weight'\?$"):
        call(en.ensemble.RandomForestClassifier(2), X, y, groups=GROUPS, params={"sample_weights": GROUPS})


def test_params_are_a_dict(rows: Any) -> None:
    X, y = rows
    for wrong in (GROUPS, [1], "speaker"):
        with pytest.raises(InvalidInputError, match=r"^params of cross_validate must be a dict of arguments of fit"):
            ms.cross_validate(forest(), X, y, groups=GROUPS, params=wrong)


def test_inner_pipelines_take_what_their_steps_ask_for(rows: Any) -> None:
    X, y = rows
    model = make_pipeline(make_pipeline(Asking()), en.ensemble.RandomForestClassifier(5, random_state=0))
    model.fit(X, y, speaker=GROUPS, sample_weight=np.ones(60))  # the weights are for the forest alone
    np.testing.assert_array_equal(model[0][0].speaker_, GROUPS)
    with pytest.raises(InvalidInputError, match=r"got 'speakers': did you mean 'speaker'\?$"):
        model.fit(X, y, speakers=GROUPS)


def test_calibration_refuses_them_too(rows: Any) -> None:
    X, y = rows
    with pytest.raises(InvalidInputError, match=r"got 'speakers': did you mean 'speaker'"):
        en.calibration.CalibratedClassifierCV(make_pipeline(StandardScaler(), KNeighborsClassifier()), cv=3).fit(X, y, groups=GROUPS, speakers=GROUPS)
