"""Every object that owns an inner split: groups reach it, no group is on both sides of it, and without groups it refuses.

The objects are found by their parameters, so that a new one without a test here fails.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from typing import Any

import numpy as np
import pytest
from sklearn import model_selection as sk
from sklearn.neighbors import KNeighborsClassifier

import emotion_native as en
from emotion_native.exceptions import InvalidInputError, LeakageError

from .conftest import OWNERS, WITHOUT_MODEL, Notes, Watch, Witness, assert_apart

ms = en.model_selection
pytestmark = pytest.mark.filterwarnings("ignore:confidence_level of ConformalClassifier", "ignore::emotion_native.exceptions.EmotionNativeWarning")

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
