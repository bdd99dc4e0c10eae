"""Nothing that is learned may depend on test rows: pipeline, fold loop, calibrator and threshold, for our own estimators and for foreign ones.

Each test changes, permutes or deletes test rows and demands that what was fitted on the training rows stays the same, bit for bit.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn import pipeline as sk_pipeline
from sklearn.naive_bayes import GaussianNB
from sklearn.preprocessing import StandardScaler as SkStandardScaler

import emotion_native as en
from emotion_native.exceptions import LeakageError

ms = en.model_selection
c = en.calibration


def own_pipeline() -> Any:
    return en.pipeline.make_pipeline(
        en.preprocessing.StandardScaler(),
        en.over_sampling.RandomOverSampler(random_state=3),
        en.feature_selection.SelectKBest(k=4),
        en.ensemble.RandomForestClassifier(n_estimators=15, random_state=7),
    )


def own_logistic() -> Any:
    return en.pipeline.make_pipeline(en.preprocessing.StandardScaler(), en.linear_model.LogisticRegression())


def foreign_pipeline() -> Any:
    return sk_pipeline.make_pipeline(SkStandardScaler(), GaussianNB())


ESTIMATORS = [own_pipeline, own_logistic, foreign_pipeline]
every_estimator = pytest.mark.parametrize("make", ESTIMATORS, ids=lambda f: f.__name__)
N_SPEAKERS, ROWS = 6, 30


@pytest.fixture
def rows() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return features, labels and speakers; classes are unbalanced, so that over-sampling acts."""
    rng = np.random.default_rng(11)
    n = N_SPEAKERS * ROWS
    y = np.array(["angry", "happy", "sad"])[rng.choice(3, n, p=[0.5, 0.3, 0.2])]
    X = rng.normal(size=(n, 8))
    X[:, 0] += 1.2 * (y == "sad")
    X[:, 1] += 1.2 * (y == "angry")
    return X.astype(np.float32), y, np.repeat(np.arange(N_SPEAKERS), ROWS)


def changed(X: np.ndarray, y: np.ndarray, test: np.ndarray, how: str) -> tuple[np.ndarray, np.ndarray]:
    """Return data whose test rows are overwritten with wild values and other labels, or are permuted."""
    X, y = X.copy(), y.copy()
    rng = np.random.default_rng(5)
    if how == "changed":
        X[test] = rng.normal(1e4, 1e3, size=X[test].shape)
        y[test] = "happy"
    else:
        order = rng.permutation(test)
        X[test], y[test] = X[order], y[order]
    return X, y


@every_estimator
def test_the_fold_loop_never_looks_at_the_labels_of_test_rows(make: Any, rows: Any) -> None:
    X, y, speaker = rows
    folds = [(np.flatnonzero(speaker != s), np.flatnonzero(speaker == s)) for s in range(N_SPEAKERS)]
    base = ms.cross_val_predict(make(), X, y, groups=speaker, cv=folds, method="predict_proba")
    train, test = folds[2]
    # The labels of fold 2's test rows change; fold 2's model must not.
    other = np.where(y == "angry", "sad", np.where(y == "sad", "happy", "angry"))
    labels = y.copy()
    labels[test] = other[test]
    found = ms.cross_val_predict(make(), X, labels, groups=speaker, cv=folds, method="predict_proba")
    assert np.array_equal(found[test], base[test])
    assert not np.array_equal(found[train], base[train])  # the other folds train on those rows and must notice


@every_estimator
def test_a_fold_equals_a_fit_on_the_training_rows_alone(make: Any, rows: Any) -> None:
    """Deleting all test rows leaves the fitted model as it is: the fold loop equals a fit on a copy of the training rows, bit for bit."""
    X, y, speaker = rows
    folds = [(np.flatnonzero(speaker != s), np.flatnonzero(speaker == s)) for s in range(N_SPEAKERS)]
    proba = ms.cross_val_predict(make(), X, y, groups=speaker, cv=folds, method="predict_proba")
    for train, test in folds:
        assert np.array_equal(make().fit(X[train], y[train]).predict_proba(X[test]), proba[test])


@every_estimator
@pytest.mark.parametrize("how", ["changed", "permuted"])
def test_what_was_fitted_does_not_depend_on_test_rows(make: Any, rows: Any, how: str) -> None:
    """The same probe rows get the same probabilities from the fold's model, whatever the other test rows are."""
    X, y, speaker = rows
    test = np.flatnonzero(speaker == 4)
    train = np.flatnonzero(speaker != 4)
    half, rest = test[:10], test[10:]
    base = ms.cross_val_predict(make(), X, y, groups=speaker, cv=ms.LeaveOneGroupOut(), method="predict_proba")
    X2, y2 = changed(X, y, rest, how)
    found = ms.cross_val_predict(make(), X2, y2, groups=speaker, cv=ms.LeaveOneGroupOut(), method="predict_proba")
    assert np.array_equal(found[half], base[half])
    short = np.concatenate([train, half])
    fewer = ms.cross_val_predict(make(), X[short], y[short], groups=speaker[short], cv=ms.LeaveOneGroupOut(), method="predict_proba")
    assert np.array_equal(fewer[len(train) :], base[half])


@every_estimator
@pytest.mark.parametrize(("method", "how"), [("temperature", "changed"), ("sigmoid", "changed"), ("temperature", "permuted")])
def test_calibrator_threshold_and_choice_of_a_fold_do_not_depend_on_its_test_rows(make: Any, rows: Any, method: str, how: str) -> None:
    X, y, speaker = rows
    candidates = {"a": make(), "b": foreign_pipeline()}
    options: dict[str, Any] = {"groups": speaker, "cv": ms.LeaveOneGroupOut(), "inner_cv": ms.GroupKFold(2), "method": method}
    base = c.nested_evaluation(candidates, X, y, target_accuracy=0.7, **options)
    for k in (0, 3):
        X2, y2 = changed(X, y, np.flatnonzero(speaker == k), how)
        found = c.nested_evaluation(candidates, X2, y2, target_accuracy=0.7, **options)
        assert found.chosen[k] == base.chosen[k]
        assert found.thresholds[k] == base.thresholds[k]
        assert found.inner_scores[k] == base.inner_scores[k]
        states = [e.calibrators[k]._native_state()[1] for e in (base, found)]
        assert all(np.array_equal(states[0][name], states[1][name]) for name in states[0])
        if how == "changed":
            assert any(not np.array_equal(base.proba[speaker == s], found.proba[speaker == s]) for s in range(N_SPEAKERS) if s != k)


@every_estimator
def test_deleting_a_folds_test_rows_leaves_its_calibrator_and_threshold(make: Any, rows: Any) -> None:
    X, y, speaker = rows
    options: dict[str, Any] = {"inner_cv": ms.GroupKFold(2), "target_coverage": 0.8}
    base = c.nested_evaluation({"a": make()}, X, y, groups=speaker, cv=ms.LeaveOneGroupOut(), **options)
    keep = np.flatnonzero((speaker != 5) | (np.arange(len(y)) % ROWS < 5))
    found = c.nested_evaluation({"a": make()}, X[keep], y[keep], groups=speaker[keep], cv=ms.LeaveOneGroupOut(), **options)
    assert found.thresholds[5] == base.thresholds[5]
    states = [e.calibrators[5]._native_state()[1]["temperature"] for e in (base, found)]
    assert np.array_equal(*states)
    assert np.array_equal(found.proba[speaker[keep] == 5], base.proba[keep][speaker[keep] == 5])


@every_estimator
def test_the_calibrated_and_the_abstaining_classifier_see_only_what_they_are_given(make: Any, rows: Any) -> None:
    """Inside cross-validation: the model of a fold equals one fitted on the training rows with the training groups."""
    X, y, speaker = rows
    model = c.AbstainingClassifier(c.CalibratedClassifierCV(make(), cv=ms.GroupKFold(2)), target_coverage=0.7)
    proba = ms.cross_val_predict(model, X, y, groups=speaker, cv=ms.GroupKFold(3), method="predict_proba")
    for train, test in ms.GroupKFold(3).split(X, y, speaker):
        alone = c.AbstainingClassifier(c.CalibratedClassifierCV(make(), cv=ms.GroupKFold(2)), target_coverage=0.7)
        alone.fit(X[train], y[train], groups=speaker[train])
        assert np.array_equal(alone.predict_proba(X[test]), proba[test])


@every_estimator
@pytest.mark.parametrize("seed", range(3))
def test_shuffled_labels_are_predicted_at_chance(make: Any, rows: Any, seed: int) -> None:
    """Labels permuted at random carry no information, so pooled balanced accuracy must be 1/3.

    With m_c rows of class c, the recall of a blind prediction has variance of at most 0.25 / m_c; under independent rows the mean of three
    has standard deviation of at most sqrt(sum 0.25 / m_c) / 3. Four of them allow 1 false alarm in 15,000 runs.
    """
    X, y, speaker = rows
    labels = np.random.default_rng(100 + seed).permutation(y)
    result = c.nested_evaluation({"a": make()}, X, labels, groups=speaker, cv=3, inner_cv=2)
    uar = en.metrics.unweighted_average_recall(labels, result.predicted)
    sizes = np.unique(labels, return_counts=True)[1]
    assert abs(uar - 1 / 3) < 4 * np.sqrt(np.sum(0.25 / sizes)) / 3


def test_a_leak_would_be_seen(rows: Any) -> None:
    """The check above has teeth: with each clip twice and rows split without groups, shuffled labels are learned by heart."""
    X, y, speaker = rows
    labels = np.random.default_rng(1).permutation(y)
    twice = np.tile(np.arange(len(y)), 2)
    with en.config_context(ungrouped="allow"):
        proba = ms.cross_val_predict(
            en.ensemble.RandomForestClassifier(n_estimators=30, random_state=0),
            X[twice],
            labels[twice],
            cv=ms.KFold(5, shuffle=True, random_state=0),
            method="predict_proba",
        )
    predicted = np.unique(labels)[proba.argmax(axis=1)]
    assert en.metrics.unweighted_average_recall(labels[twice], predicted) > 0.7
    groups = ms.joined_groups({"speaker": speaker[twice], "content": twice})
    honest = ms.cross_val_predict(
        en.ensemble.RandomForestClassifier(n_estimators=30, random_state=0), X[twice], labels[twice], groups=groups, cv=5, method="predict_proba"
    )
    assert en.metrics.unweighted_average_recall(labels[twice], np.unique(labels)[honest.argmax(axis=1)]) < 0.5


@every_estimator
def test_no_group_is_on_both_sides_of_any_fit(make: Any, rows: Any) -> None:
    X, y, speaker = rows
    result = c.nested_evaluation({"a": make()}, X, y, groups=speaker, cv=3, inner_cv=2)
    for train, test in result.folds:
        assert not set(speaker[train]) & set(speaker[test])
    assert len(np.unique(np.column_stack([speaker, result.fold]), axis=0)) == N_SPEAKERS


@every_estimator
def test_ungrouped_splits_need_leave_and_leave_a_trace(make: Any, rows: Any) -> None:
    X, y, speaker = rows
    calls: list[Any] = [
        lambda **o: ms.cross_validate(make(), X, y, **o),
        lambda **o: ms.cross_val_predict(make(), X, y, **o),
        lambda **o: ms.train_test_split(X, y, **o),
        lambda **o: c.nested_evaluation({"a": make()}, X, y, cv=2, inner_cv=2, **o),
        lambda **o: c.CalibratedClassifierCV(make(), cv=2, **o).fit(X, y),
        lambda **o: c.AbstainingClassifier(make(), cv=2, **o).fit(X, y),
    ]
    for call in calls:
        with pytest.raises(LeakageError, match=r"allow_ungrouped=True.*config_context\(ungrouped=\"allow\"\)"):
            call()
        with en.config_context(ungrouped="allow"):
            inside = call()
        for result in (call(allow_ungrouped=True), inside):
            if isinstance(result, dict):
                assert result["ungrouped"] is True
            elif hasattr(result, "ungrouped"):
                assert result.ungrouped is True
            elif hasattr(result, "classes_"):
                assert result.ungrouped_ is True
    with pytest.raises(LeakageError):
        ms.cross_validate(make(), X, y, groups=speaker, cv=ms.KFold(3, shuffle=True, random_state=0))


def grouped_splitters(speaker: np.ndarray) -> dict[str, Any]:
    text = np.arange(len(speaker)) % 4
    names = np.unique(speaker).tolist()
    return {
        "group": ms.GroupKFold(3),
        "stratified": ms.StratifiedGroupKFold(3),
        "one_out": ms.LeaveOneGroupOut(),
        "shuffle": ms.GroupShuffleSplit(2, random_state=0),
        "repeated": ms.RepeatedGroupKFold(n_splits=3, n_repeats=2, random_state=0),
        "repeated_stratified": ms.RepeatedStratifiedGroupKFold(n_splits=3, n_repeats=2, random_state=0),
        "crossed": ms.CrossedGroupKFold(3, 2, texts=text),
        "crossed_stratified": ms.CrossedGroupKFold(3, 2, texts=text, stratify=True),
        "predefined": ms.PredefinedGroupSplit([names[:2], names[2:]]),
    }


@pytest.mark.parametrize("name", list(grouped_splitters(np.arange(6))))
def test_every_grouped_splitter_keeps_speakers_apart_and_each_fold_equals_a_fit_on_its_training_rows(name: str, rows: Any, tmp_path: Any) -> None:
    X, y, speaker = rows
    cv = grouped_splitters(speaker)[name]
    with pytest.raises(LeakageError):
        list(cv.split(X, y))
    with pytest.raises(LeakageError):
        ms.cross_validate(own_logistic(), X, y, cv=cv)
    result = ms.cross_validate(own_logistic(), X, y, groups=speaker, cv=cv, scoring="neg_log_loss", return_indices=True)
    assert result["ungrouped"] is False
    saved = ms.save_split(cv, tmp_path / "split.json", X=X, y=y, groups=speaker)
    again = ms.cross_validate(own_logistic(), X, y, groups=speaker, cv=ms.load_split(tmp_path / "split.json"), scoring="neg_log_loss")
    assert np.array_equal(result["test_score"], again["test_score"])
    assert saved.get_n_splits() == len(result["test_score"])
    text = np.arange(len(y)) % 4
    for train, test in zip(result["indices"]["train"], result["indices"]["test"], strict=True):
        assert not set(speaker[train]) & set(speaker[test])
        assert not name.startswith("crossed") or not set(text[train]) & set(text[test])
    train, test = result["indices"]["train"][0], result["indices"]["test"][0]
    proba = own_logistic().fit(X[train], y[train]).predict_proba(X[test])
    picked = np.maximum(proba[np.arange(len(test)), np.searchsorted(np.unique(y), y[test])], 1e-15)
    assert result["test_score"][0] == pytest.approx(np.log(picked).mean(), rel=1e-12)  # the mean is summed in another order


@pytest.mark.parametrize("n_jobs", [1, 2, 7])
@pytest.mark.parametrize("make", [own_pipeline, own_logistic], ids=lambda f: f.__name__)
def test_the_native_loop_is_used_and_has_equal_bits_for_any_number_of_threads(make: Any, rows: Any, n_jobs: int, monkeypatch: Any) -> None:
    from emotion_native import _core

    X, y, speaker = rows
    used = []
    run_folds = _core.run_folds
    monkeypatch.setattr(_core, "run_folds", lambda *a, **k: used.append(1) or run_folds(*a, **k))
    found = c.nested_evaluation({"a": make()}, X, y, groups=speaker, cv=3, inner_cv=2, n_jobs=n_jobs)
    assert used == [1]  # one call for all outer and inner fits
    base = c.nested_evaluation({"a": make()}, X, y, groups=speaker, cv=3, inner_cv=2, n_jobs=1)
    assert np.array_equal(found.proba, base.proba)
    monkeypatch.setattr(en.model_selection._fit, "native_step_plan", lambda *a: None)
    slow = c.nested_evaluation({"a": make()}, X, y, groups=speaker, cv=3, inner_cv=2)
    assert np.array_equal(slow.proba, base.proba)
    scores = [ms.cross_validate(make(), X, y, groups=speaker, cv=3, scoring="uar")["test_score"]]
    monkeypatch.undo()
    scores.append(ms.cross_validate(make(), X, y, groups=speaker, cv=3, scoring="uar", n_jobs=n_jobs)["test_score"])
    assert np.array_equal(*scores)
