"""Repeated seeds: every run equals the call with that seed set by hand, natively and by clones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier as ScikitForest
from sklearn.naive_bayes import GaussianNB

import emotion_native as en
from emotion_native.exceptions import InvalidInputError

ms = en.model_selection
SEEDS = [3, 0, 11]


@pytest.fixture
def rows() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    y = np.array(["angry", "happy", "sad"])[rng.choice(3, 120, p=[0.5, 0.3, 0.2])]
    X = rng.normal(size=(120, 6)).astype(np.float32) + (y == "sad")[:, None]
    return X, y, np.arange(120) % 10


def own_pipeline() -> Any:
    return en.pipeline.make_pipeline(
        en.preprocessing.StandardScaler(), en.over_sampling.RandomOverSampler(), en.ensemble.RandomForestClassifier(n_estimators=8)
    )


def with_seed(model: Any, seed: int) -> Any:
    names = [name for name in model.get_params() if name.rpartition("__")[2] == "random_state"]
    return clone(model).set_params(**dict.fromkeys(names, seed))


@pytest.mark.parametrize("build", [own_pipeline, lambda: ScikitForest(n_estimators=5)])
def test_scores_are_those_of_each_seed_alone(rows: Any, build: Any) -> None:
    X, y, groups = rows
    options: dict[str, Any] = {"groups": groups, "cv": 4, "scoring": ["uar", "neg_log_loss"], "return_train_score": True}
    together = ms.cross_validate(build(), X, y, seeds=SEEDS, **options)
    assert together["seed"].tolist() == np.repeat(SEEDS, 4).tolist()
    assert together["fold"].tolist() == [0, 1, 2, 3] * 3
    for k, seed in enumerate(SEEDS):
        alone = ms.cross_validate(with_seed(build(), seed), X, y, **options)
        for name in ("test_uar", "test_neg_log_loss", "train_uar"):
            np.testing.assert_array_equal(together[name][4 * k : 4 * k + 4], alone[name])
    assert len(np.unique(together["test_neg_log_loss"])) > 4  # seeds do differ


@pytest.mark.parametrize("method", ["predict", "predict_proba", "predict_log_proba"])
@pytest.mark.parametrize("build", [own_pipeline, lambda: ScikitForest(n_estimators=5)])
def test_predictions_are_those_of_each_seed_alone(rows: Any, build: Any, method: str) -> None:
    X, y, groups = rows
    together = ms.cross_val_predict(build(), X, y, groups=groups, cv=4, seeds=SEEDS, method=method)
    assert together.shape == (3, 120) if method == "predict" else (3, 120, 3)
    for k, seed in enumerate(SEEDS):
        alone = ms.cross_val_predict(with_seed(build(), seed), X, y, groups=groups, cv=4, method=method)
        np.testing.assert_array_equal(together[k], alone)


def test_the_splitter_is_reseeded_only_when_asked(rows: Any) -> None:
    X, y, groups = rows
    cv = ms.StratifiedGroupKFold(4, shuffle=True, random_state=5)
    shared = ms.cross_validate(own_pipeline(), X, y, groups=groups, cv=cv, seeds=SEEDS, return_indices=True)["indices"]["test"]
    own = ms.cross_validate(own_pipeline(), X, y, groups=groups, cv=cv, seeds=SEEDS, reseed_cv=True, return_indices=True)["indices"]["test"]
    assert cv.random_state == 5
    expected = ms.resolve_folds(cv, X, y, groups).test
    for k, seed in enumerate(SEEDS):
        reseeded = ms.resolve_folds(ms.StratifiedGroupKFold(4, shuffle=True, random_state=seed), X, y, groups).test
        for f in range(4):
            np.testing.assert_array_equal(shared[4 * k + f], expected[f])
            np.testing.assert_array_equal(own[4 * k + f], reseeded[f])
    only_folds = ms.cross_validate(GaussianNB(), X, y, groups=groups, cv=cv, seeds=SEEDS, reseed_cv=True)
    assert len(only_folds["test_score"]) == 12


def test_without_seeds_the_shapes_are_scikit_learns(rows: Any) -> None:
    X, y, groups = rows
    result = ms.cross_validate(own_pipeline(), X, y, groups=groups, cv=4)
    assert set(result) == {"fit_time", "score_time", "test_score", "ungrouped"}
    assert ms.cross_val_predict(own_pipeline(), X, y, groups=groups, cv=4).shape == (120,)
    assert ms.cross_val_predict(own_pipeline(), X, y, groups=groups, cv=4, seeds=[1]).shape == (1, 120)


def test_equal_bits_for_any_n_jobs(rows: Any) -> None:
    X, y, groups = rows
    options: dict[str, Any] = {"groups": groups, "cv": 4, "seeds": range(6), "method": "predict_proba"}
    first, *others = (ms.cross_val_predict(own_pipeline(), X, y, n_jobs=n, **options) for n in (1, 2, 7))
    for other in others:
        np.testing.assert_array_equal(first, other)


def test_the_estimator_is_left_alone_and_kept_estimators_have_their_seed(rows: Any) -> None:
    X, y, groups = rows
    model = own_pipeline()
    kept = ms.cross_validate(model, X, y, groups=groups, cv=4, seeds=SEEDS, return_estimator=True)["estimator"]
    assert [fitted.steps[-1][1].random_state for fitted in kept] == np.repeat(SEEDS, 4).tolist()
    assert [fitted.steps[1][1].random_state for fitted in kept] == np.repeat(SEEDS, 4).tolist()
    assert model.steps[-1][1].random_state is None and not hasattr(model.steps[-1][1], "classes_")


def test_progress_counts_all_runs_and_can_stop_them(rows: Any) -> None:
    X, y, groups = rows
    seen: list[tuple[int, int]] = []
    ms.cross_validate(own_pipeline(), X, y, groups=groups, cv=4, seeds=SEEDS, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (96, 96)

    def stop(done: int, total: int) -> None:
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        ms.cross_validate(own_pipeline(), X, y, groups=groups, cv=4, seeds=range(500), progress=stop)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seeds": 3}, "seeds of cross_validate must be different integers"),
        ({"seeds": "12"}, "seeds of cross_validate must be different integers"),
        ({"seeds": []}, "seeds of cross_validate must be different integers"),
        ({"seeds": [1, 1]}, "seeds of cross_validate must be different integers"),
        ({"seeds": [-1]}, "seeds of cross_validate must be different integers"),
        ({"seeds": [2**32]}, "seeds of cross_validate must be different integers"),
        ({"seeds": [True]}, "seeds of cross_validate must be different integers"),
        ({"seeds": [1.0]}, "seeds of cross_validate must be different integers"),
        ({"seeds": [np.nan]}, "seeds of cross_validate must be different integers"),
        ({"reseed_cv": True}, "reseed_cv of cross_validate must be given together with seeds"),
        ({"seeds": [1], "reseed_cv": 1}, "reseed_cv of cross_validate must be True or False"),
        ({"seeds": [1], "reseed_cv": True}, "reseed_cv of cross_validate must be False for a splitter that draws nothing"),
        ({"seeds": [1], "estimator": GaussianNB()}, "seeds of cross_validate must be for an estimator with a random_state"),
    ],
)
def test_bad_seeds(rows: Any, change: dict[str, Any], message: str) -> None:
    X, y, groups = rows
    with pytest.raises(InvalidInputError, match=message):
        ms.cross_validate(**{"estimator": own_pipeline(), "X": X, "y": y, "groups": groups, "cv": 3, **change})
