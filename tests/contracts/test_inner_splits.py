"""Every object that owns an inner split: groups reach it, no group is on both sides of it, and without groups it refuses.

The objects are found by their parameters, so that a new one without a test here fails. Column 0 of the rows is the speaker: whoever sees rows
can tell whose they are, and whether the groups that came with them are theirs.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import sklearn
from sklearn import model_selection as sk
from sklearn import pipeline as sk_pipeline
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import FunctionTransformer

import emotion_native as en
from emotion_native import _core
from emotion_native.exceptions import InvalidInputError, LeakageError

c = en.calibration
ms = en.model_selection
N_SPEAKERS, ROWS = 18, 6
pytestmark = pytest.mark.filterwarnings("ignore:confidence_level of ConformalClassifier", "ignore::emotion_native.exceptions.EmotionNativeWarning")


# The spies.


class Notes(list[Any]):
    """A list that clones share."""

    def __deepcopy__(self, memo: Any) -> Notes:
        return self


def check_aligned(X: Any, groups: Any) -> None:
    assert groups is not None, "no groups arrived"
    np.testing.assert_array_equal(np.asarray(X, dtype=float)[:, 0], np.asarray(groups, dtype=float), "groups of other rows arrived")


class Watch:
    """A grouped splitter that checks what it is given and notes the speakers of each part."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.notes = Notes()

    def __deepcopy__(self, memo: Any) -> Watch:
        return self

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        return int(self.inner.get_n_splits(X, y, groups))

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[Any]:
        check_aligned(X, groups)
        for train, test in self.inner.split(X, y, groups):
            self.notes.append((set(groups[train]), set(groups[test])))
            yield train, test


class Witness(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn is untyped
    """A classifier that demands the groups of its rows, and notes whom it was fitted on when it predicts whom."""

    def __init__(self, notes: Any = None, level: float = 0.6) -> None:
        self.notes = notes
        self.level = level

    def fit(self, X: Any, y: Any, sample_weight: Any = None, *, groups: Any = None) -> Witness:
        X = np.asarray(X)
        check_aligned(X, groups)
        self.classes_ = np.unique(y)
        self.speakers_ = set(X[:, 0].tolist())
        self.n_features_in_ = X.shape[1]
        return self

    def predict_proba(self, X: Any) -> Any:
        X = np.asarray(X)
        self.notes.append((self.speakers_, set(X[:, 0].tolist())))
        k = len(self.classes_)
        proba = np.full((len(X), k), (1 - self.level) / max(k - 1, 1))
        proba[np.arange(len(X)), (X[:, 2] * 7).astype(int) % k] = self.level
        return proba / proba.sum(axis=1, keepdims=True)

    def predict(self, X: Any) -> Any:
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


class MultiLabelWitness(Witness):
    """The same for two labels."""

    def predict_proba(self, X: Any) -> Any:
        X = np.asarray(X)
        self.notes.append((self.speakers_, set(X[:, 0].tolist())))
        return np.column_stack([X[:, 2], 1 - X[:, 2]])


@pytest.fixture
def rows() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return rows whose column 0 is the speaker, labels and speakers; rows of a speaker are not together, classes are uneven."""
    rng = np.random.default_rng(3)
    speaker = rng.permutation(np.repeat(np.arange(N_SPEAKERS), ROWS)).astype(np.float64)
    y = np.full(len(speaker), "angry")
    for s in range(N_SPEAKERS):  # everybody has both, and SMOTE something to do
        y[np.flatnonzero(speaker == s)] = ["angry", "happy", "angry"] * (ROWS // 3)
    X = np.column_stack([speaker, np.arange(len(speaker)), rng.random((len(speaker), 3))])
    return X, y, speaker


@pytest.fixture
def holdouts(monkeypatch: Any) -> Notes:
    """Note what early stopping holds out: groups and flags."""
    notes = Notes()
    real = _core.group_holdout

    def spied(groups: Any, *rest: Any) -> Any:
        flags = real(groups, *rest)
        notes.append((np.asarray(groups).copy(), np.asarray(flags).astype(bool)))
        return flags

    monkeypatch.setattr(_core, "group_holdout", spied)
    return notes


def assert_apart(notes: Notes, everyone: set[float] | None = None) -> None:
    assert notes, "nothing was noted"
    for seen, asked in notes:
        assert seen and asked and not seen & asked
    if everyone is not None:
        assert set.union(*(asked for _, asked in notes)) == everyone


# The objects.

Run = Callable[..., Any]


def fitted(make: Callable[..., Any]) -> Run:
    def run(estimator: Any, cv: Any, X: Any, y: Any, groups: Any = None, **options: Any) -> Any:
        return make(estimator, cv, **options).fit(X, y, groups=groups)

    return run


def grid(estimator: Any, cv: Any, **options: Any) -> Any:
    name = next((name for name in estimator.get_params(deep=True) if name.rpartition("__")[2] == "level"), None)
    return ms.GridSearchCV(estimator, {name: [0.6, 0.8]} if name else {}, cv=cv, **options)


def random_search(estimator: Any, cv: Any, **options: Any) -> Any:
    return ms.RandomizedSearchCV(estimator, {"level": [0.6, 0.7, 0.8]}, n_iter=2, random_state=0, cv=cv, **options)


def boosting(estimator: Any = None, cv: Any = None, **options: Any) -> Any:
    return en.ensemble.GradientBoostingClassifier(n_estimators=4, n_iter_no_change=2, validation_fraction=0.3, random_state=0, **options)


def detector(estimator: Any = None, cv: Any = None, **options: Any) -> Any:
    return c.OutOfDistributionDetector(cv=cv, **options)


def tuned(estimator: Any, cv: Any, X: Any, y: Any, groups: Any = None, **options: Any) -> Any:
    label = (np.asarray(y) == "happy").astype(int)
    two = np.column_stack([label, 1 - label])
    own = MultiLabelWitness(estimator.notes) if isinstance(estimator, Witness) else estimator
    return en.multilabel.TunedThresholdsClassifier(own, cv=cv, **options).fit(X, two, groups=groups)


def nested(estimator: Any, cv: Any, X: Any, y: Any, groups: Any = None, **options: Any) -> Any:
    outer = ms.GroupKFold(3) if groups is not None else 3
    return c.nested_evaluation({"one": estimator, "two": estimator}, X, y, groups=groups, cv=outer, inner_cv=cv, **options)


def abstaining(estimator: Any, cv: Any, **options: Any) -> Any:
    strange = c.OutOfDistributionDetector(cv=cv)
    return c.AbstainingClassifier(estimator, cv=cv, target_coverage=0.8, out_of_distribution=strange, **options)


def stacking(estimator: Any, cv: Any, **options: Any) -> Any:
    members = [("one", estimator), ("two", estimator)]
    return en.ensemble.StackingClassifier(members, KNeighborsClassifier(3), cv=cv, stack_method="predict_proba", **options)


def conformal(estimator: Any, cv: Any = None, **options: Any) -> Any:
    return c.ConformalClassifier(estimator, confidence_level=0.7, random_state=0, **options)


def divided(estimator: Any, cv: Any, X: Any, y: Any, groups: Any = None, **options: Any) -> Any:
    train, test, *_ = ms.train_test_split(X, y, groups=groups, test_size=0.4, random_state=0, **options)
    if groups is not None:
        Witness(estimator.notes).fit(train, [0, 1] * (len(train) // 2) + [0] * (len(train) % 2), groups=train[:, 0]).predict(test)
    return train, test


def importance(estimator: Any, cv: Any, X: Any, y: Any, groups: Any = None, **options: Any) -> Any:
    return en.explain.permutation_importance(
        estimator, X, y, groups=groups, cv=cv, n_repeats=1, feature_groups={"other": [3, 4]}, random_state=0, **options
    )


def folds_of(estimator: Any, cv: Any, X: Any, y: Any, groups: Any = None, **options: Any) -> Any:
    return ms.resolve_folds(cv, X, y, groups, **options)


OWNERS: dict[str, Run] = {
    "calibration.AbstainingClassifier": fitted(abstaining),
    "calibration.CalibratedClassifierCV": fitted(lambda e, cv, **o: c.CalibratedClassifierCV(e, cv=cv, **o)),
    "calibration.ConformalClassifier": fitted(conformal),
    "calibration.OutOfDistributionDetector": fitted(detector),
    "calibration.nested_evaluation": nested,
    "ensemble.GradientBoostingClassifier": fitted(boosting),
    "ensemble.StackingClassifier": fitted(stacking),
    "explain.permutation_importance": importance,
    "model_selection.BaseSearchCV": fitted(grid),  # the fit of all searches
    "model_selection.GridSearchCV": fitted(grid),
    "model_selection.RandomizedSearchCV": fitted(random_search),
    "model_selection.compare_estimators": lambda e, cv, X, y, **o: ms.compare_estimators({"a": e, "b": e}, X, y, cv=cv, error_score="raise", **o),
    "model_selection.cross_val_predict": lambda e, cv, X, y, **o: ms.cross_val_predict(e, X, y, cv=cv, **o),
    "model_selection.cross_val_score": lambda e, cv, X, y, **o: ms.cross_val_score(e, X, y, cv=cv, error_score="raise", **o),
    "model_selection.cross_validate": lambda e, cv, X, y, **o: ms.cross_validate(e, X, y, cv=cv, error_score="raise", **o),
    "model_selection.resolve_folds": folds_of,
    "model_selection.train_test_split": divided,
    "multilabel.TunedThresholdsClassifier": tuned,
}
# Split nothing, and must hand groups on.
HANDS_ON = {"pipeline.Pipeline", "ensemble.VotingClassifier", "multilabel.OneVsRestClassifier", "calibration.PriorCorrectedClassifier"}
# Their splits are those of `nested_evaluation` and `resolve_folds`, and tests/experiment tests that they are given groups; the others are
# splitters themselves, files of folds, samplers, which keep what `within` names together, or fit the search they are given.
OTHERS = {
    "ensemble.SearchVotingClassifier",
    "experiment.GradientBoostingSettings",
    "experiment.Settings",
    "model_selection.load_split",
    "model_selection.save_split",
    "over_sampling.BorderlineSMOTE",
    "over_sampling.SMOTE",
}
WITHOUT_CV = {"calibration.ConformalClassifier", "ensemble.GradientBoostingClassifier", "model_selection.train_test_split"}
WITHOUT_MODEL = {"calibration.OutOfDistributionDetector", "ensemble.GradientBoostingClassifier", "model_selection.resolve_folds"}
SPLITS = {"cv", "groups", "allow_ungrouped", "validation_fraction", "calibration_size", "validation_size", "n_iter_no_change"}
every_owner = pytest.mark.parametrize("name", sorted(OWNERS))


def parameters(value: Any) -> set[str]:
    found: set[str] = set()
    for method in (value, getattr(value, "fit", None), getattr(value, "fit_resample", None)):
        try:
            found |= set(inspect.signature(method).parameters) if method is not None else set()
        except (TypeError, ValueError):
            continue
    return found


def owners_by_introspection() -> set[str]:
    """Return public functions and classes that may split rows, by the parameters of their constructor and their ``fit``."""
    found = set()
    for info in pkgutil.iter_modules(en.__path__):
        module = None if info.name.startswith("_") else importlib.import_module(f"emotion_native.{info.name}")
        for attribute in getattr(module, "__all__", ()):
            value = getattr(module, attribute)
            if not (inspect.isclass(value) or inspect.isfunction(value)) or (inspect.isclass(value) and hasattr(value, "split")):
                continue
            if any(name in SPLITS or name.startswith("inner_") for name in parameters(value)):
                found.add(f"{info.name}.{attribute}")
    return found - {"calibration.NestedEvaluation"}  # a result


def test_every_object_that_may_split_rows_is_tested_here() -> None:
    assert owners_by_introspection() == set(OWNERS) | HANDS_ON | OTHERS


# Each alone.


@every_owner
def test_groups_arrive_and_no_group_is_on_both_sides(name: str, rows: Any, holdouts: Notes) -> None:
    X, y, speaker = rows
    watch, notes = Watch(ms.GroupKFold(3)), Notes()
    OWNERS[name](Witness(notes), watch, X, y, groups=speaker)
    everyone = set(speaker.tolist())
    if name not in WITHOUT_CV:
        # Inner splits of `nested_evaluation` leave an outer part out each; they all together ask for everybody.
        assert_apart(watch.notes, everyone)
    if name not in WITHOUT_MODEL:
        assert_apart(notes, None if name in WITHOUT_CV else everyone)
    if name == "ensemble.GradientBoostingClassifier":
        ((groups, held_out),) = holdouts
        np.testing.assert_array_equal(groups, speaker)
        assert held_out.any() and not held_out.all()
        assert not set(speaker[held_out]) & set(speaker[~held_out])


@every_owner
def test_a_default_number_of_folds_keeps_groups_whole(name: str, rows: Any) -> None:
    if name in WITHOUT_CV | WITHOUT_MODEL:
        pytest.skip("has no folds of a classifier")
    X, y, speaker = rows
    for cv in (None, 4):
        notes = Notes()
        OWNERS[name](Witness(notes), cv, X, y, groups=speaker)
        assert_apart(notes, set(speaker.tolist()))


@every_owner
def test_without_groups_it_refuses_and_says_how(name: str, rows: Any) -> None:
    X, y, _ = rows
    for estimator in (Witness(Notes()), KNeighborsClassifier(3)):
        if name == "model_selection.RandomizedSearchCV" and not isinstance(estimator, Witness):
            continue
        with pytest.raises(LeakageError, match=r"groups of .* must be given"):
            OWNERS[name](estimator, 3, X, y)


@every_owner
def test_groups_that_cannot_be_are_refused(name: str, rows: Any) -> None:
    X, y, speaker = rows
    unknown = speaker.copy()
    unknown[5] = np.nan
    nameless = speaker.astype(object)
    nameless[7] = None
    for groups in (speaker[:-1], unknown, nameless, np.tile(speaker[:, None], 3)):
        with pytest.raises(InvalidInputError):
            OWNERS[name](Witness(Notes()), 3, X, y, groups=groups)
    with pytest.raises(LeakageError):
        OWNERS[name](Witness(Notes()), 2, X, y, groups=np.zeros(len(y)))


@every_owner
@pytest.mark.parametrize("splitter", [ms.KFold(3), sk.StratifiedKFold(3), sk.ShuffleSplit(3, random_state=0), "rows"], ids=str)
def test_splitters_that_ignore_groups_are_refused(name: str, splitter: Any, rows: Any) -> None:
    if name in WITHOUT_CV:
        pytest.skip("takes no splitter")
    X, y, speaker = rows
    if splitter == "rows":
        if name == "calibration.nested_evaluation":
            pytest.skip("takes no lists of rows for its inner folds")
        splitter = list(sk.KFold(3).split(X))
    with pytest.raises(LeakageError):
        OWNERS[name](Witness(Notes()), splitter, X, y, groups=speaker)


# One inside another.


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


# What a leak would look like: labels that only the speaker's own voice gives away.

SPEAKER = np.random.default_rng(0).permutation(np.repeat(np.arange(24), 10))


def memorable(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return rows of 24 speakers, each with a voice of its own and one label, drawn at random: known speakers are easy, new ones are chance."""
    rng = np.random.default_rng(seed)
    label = rng.permutation(np.repeat([0, 1], 12))
    X = rng.normal(size=(24, 6))[SPEAKER] + 0.05 * rng.normal(size=(240, 6))
    return X, label[SPEAKER]


def knn() -> Any:
    return KNeighborsClassifier(1)


def smoothed() -> Any:
    return KNeighborsClassifier(5)


def two_labels(y: np.ndarray) -> np.ndarray:
    return np.column_stack([y, 1 - y])


class TwoLabels(Witness):
    """The nearest neighbour's labels."""

    def fit(self, X: Any, y: Any) -> TwoLabels:  # type: ignore[override]
        self.model_ = KNeighborsClassifier(1).fit(X, y[:, 0])
        self.classes_ = self.model_.classes_
        return self

    def predict_proba(self, X: Any) -> Any:
        return self.model_.predict_proba(X)[:, ::-1]


def calibrated_confidence(X: Any, y: Any, **o: Any) -> float:
    return float(c.CalibratedClassifierCV(smoothed(), method="sigmoid", **o).fit(X, y, **groups_of(o)).predict_proba(X).max(axis=1).mean())


def groups_of(options: dict[str, Any]) -> dict[str, Any]:
    return {"groups": None if options.get("allow_ungrouped") else SPEAKER}


def early_stopped(X: Any, y: Any, **o: Any) -> float:
    """Return the rounds as a share of those allowed: nothing that helps new speakers is learned, so that it stops at once."""
    options = {"n_estimators": 20, "n_iter_no_change": 5, "validation_fraction": 0.3, "learning_rate": 0.2, "random_state": 0}
    model = en.ensemble.GradientBoostingClassifier(**options, **o)
    return model.fit(X, y, **groups_of(o)).n_estimators_ / 20


def set_sizes(X: Any, y: Any, **o: Any) -> float:
    """Return 2 minus the mean number of classes in a set."""
    model = c.ConformalClassifier(smoothed(), confidence_level=0.75, random_state=0, **o).fit(X, y, **groups_of(o))
    return 2.0 - float(model.predict_set(X).sum(axis=1).mean())


GIVEN_AWAY: dict[str, tuple[Callable[..., float], float, float]] = {  # what is looked at, at most without a leak, at least with one
    "GridSearchCV": (lambda X, y, **o: float(ms.GridSearchCV(knn(), {"p": [1, 2]}, **o).fit(X, y, **groups_of(o)).best_score_), 0.75, 0.95),
    "RandomizedSearchCV": (
        lambda X, y, **o: float(ms.RandomizedSearchCV(knn(), {"p": [1, 2]}, n_iter=2, **o).fit(X, y, **groups_of(o)).best_score_),
        0.75,
        0.95,
    ),
    "compare_estimators": (
        lambda X, y, **o: float(np.mean(ms.compare_estimators({"a": knn()}, X, y, **groups_of(o), **o)["a"]["test_score"])),
        0.75,
        0.95,
    ),
    "cross_validate": (lambda X, y, **o: float(np.mean(ms.cross_validate(knn(), X, y, **groups_of(o), **o)["test_score"])), 0.75, 0.95),
    "AbstainingClassifier": (
        lambda X, y, **o: float(c.AbstainingClassifier(knn(), target_coverage=1.0, **o).fit(X, y, **groups_of(o)).inner_accuracy_),
        0.75,
        0.95,
    ),
    "CalibratedClassifierCV": (calibrated_confidence, 0.75, 0.9),
    "ConformalClassifier": (set_sizes, 0.6, 0.95),
    "TunedThresholdsClassifier": (
        lambda X, y, **o: float(
            en.multilabel.TunedThresholdsClassifier(TwoLabels(), **o).fit(X, two_labels(y), **groups_of(o)).out_of_fold_f1_.mean()
        ),
        0.8,
        0.95,
    ),
    "GradientBoostingClassifier": (early_stopped, 0.5, 0.9),
    "nested_evaluation": (
        lambda X, y, **o: float(np.mean([s["one"] for s in c.nested_evaluation({"one": knn()}, X, y, **groups_of(o), **o).inner_scores])),
        0.75,
        0.95,
    ),
    "permutation_importance": (
        lambda X, y, **o: float(en.explain.permutation_importance(knn(), X, y, n_repeats=1, random_state=0, **groups_of(o), **o).baseline),
        0.75,
        0.95,
    ),
}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", list(GIVEN_AWAY))
def test_speakers_learned_by_heart_give_no_good_score_inside(name: str, seed: int) -> None:
    """With 12 speakers of each label that are guessed as wholes, accuracy has a standard deviation near 0.1: 0.75 is 2.5 of them away from 0.5,
    a leak makes it 1. The same call without groups shows that the leak would be seen."""
    X, y = memorable(seed)
    measure, at_most, at_least = GIVEN_AWAY[name]
    assert measure(X, y) <= at_most
    assert measure(X, y, allow_ungrouped=True) >= at_least
