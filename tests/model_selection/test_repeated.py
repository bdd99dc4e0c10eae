"""Repeated splitters: each repeat is one shuffled splitter whose seed depends on the seed and the number of the repeat alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn import model_selection as sk

import emotion_native as en
from emotion_native.exceptions import InvalidInputError, LeakageError

ms = en.model_selection
REPEATED = [(ms.RepeatedGroupKFold, sk.GroupKFold), (ms.RepeatedStratifiedGroupKFold, sk.StratifiedGroupKFold)]


@pytest.fixture
def rows() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return np.zeros((300, 1)), rng.integers(0, 3, 300), rng.permutation(np.arange(300) % 15)


@pytest.mark.parametrize(("repeated", "once"), REPEATED)
def test_each_repeat_is_scikit_learns_splitter_with_a_derived_seed(repeated: Any, once: Any, rows: Any) -> None:
    X, y, groups = rows
    found = [test.tolist() for _, test in repeated(n_splits=4, n_repeats=3, random_state=7).split(X, y, groups)]
    expected = []
    for repeat in range(3):
        state = int(np.random.SeedSequence(7, spawn_key=(repeat,)).generate_state(1)[0])
        expected += [np.asarray(test).tolist() for _, test in once(4, shuffle=True, random_state=state).split(X, y, groups)]
    assert found == expected


@pytest.mark.parametrize("repeated", [pair[0] for pair in REPEATED])
def test_more_repeats_change_no_earlier_fold_and_repeats_differ(repeated: Any, rows: Any) -> None:
    few, many = ([(a.tolist(), b.tolist()) for a, b in repeated(n_splits=3, n_repeats=r, random_state=1).split(*rows)] for r in (2, 5))
    assert many[: len(few)] == few
    assert few[:3] != few[3:]
    other = [(a.tolist(), b.tolist()) for a, b in repeated(n_splits=3, n_repeats=2, random_state=2).split(*rows)]
    assert other != few
    assert repeated(n_splits=3, n_repeats=5).get_n_splits(*rows) == 15 == len(many)


@pytest.mark.parametrize("repeated", [pair[0] for pair in REPEATED])
def test_random_states_of_every_kind(repeated: Any, rows: Any) -> None:
    for make in (np.random.RandomState, np.random.default_rng):
        a, b = ([test.tolist() for _, test in repeated(n_repeats=2, random_state=make(3)).split(*rows)] for _ in range(2))
        assert a == b
    cv = repeated(n_repeats=1)
    assert [t.tolist() for _, t in cv.split(*rows)] != [t.tolist() for _, t in cv.split(*rows)]


@pytest.mark.parametrize("repeated", [pair[0] for pair in REPEATED])
def test_bad_arguments(repeated: Any, rows: Any) -> None:
    X, y, groups = rows
    for options in ({"n_splits": 1}, {"n_splits": 2.5}, {"n_splits": True}, {"n_repeats": 0}, {"n_repeats": "2"}, {"n_repeats": None}):
        with pytest.raises(InvalidInputError, match=f"{next(iter(options))} of Repeated"):
            repeated(**options)
    with pytest.raises(InvalidInputError, match="random_state of Repeated"):
        list(repeated(random_state="a").split(X, y, groups))
    with pytest.raises(LeakageError, match="groups of Repeated"):
        list(repeated().split(X, y))
    with pytest.raises(InvalidInputError, match="at most the number of groups, 15"):
        list(repeated(n_splits=16).split(X, y, groups))


@pytest.mark.parametrize("cv", [ms.RepeatedKFold(n_splits=3, n_repeats=2), ms.RepeatedStratifiedKFold(n_splits=3, n_repeats=2)])
def test_the_ungrouped_ones_count_as_ungrouped(cv: Any, rows: Any) -> None:
    X, y, groups = rows
    with pytest.raises(LeakageError):
        ms.resolve_folds(cv, X, y, groups)
    with pytest.raises(LeakageError):
        ms.resolve_folds(cv, X, y)
    assert ms.resolve_folds(cv, X, y, groups, allow_ungrouped=True).ungrouped
    assert len(ms.resolve_folds(cv, X, y, allow_ungrouped=True)) == 6


def test_metadata_routing_hands_groups_over(rows: Any) -> None:
    import sklearn
    from sklearn.linear_model import LogisticRegression

    X, y, groups = rows
    X = np.random.default_rng(1).normal(size=(300, 2))
    saved = ms.PredefinedGroupSplit([range(8), range(8, 15)])
    with sklearn.config_context(enable_metadata_routing=True):
        for cv in (ms.RepeatedGroupKFold(n_splits=3, n_repeats=2, random_state=0), ms.CrossedGroupKFold(2, texts=np.arange(300) % 4), saved):
            result = sk.cross_validate(LogisticRegression(), X, y, cv=cv, params={"groups": groups})
            assert len(result["test_score"]) == cv.get_n_splits()
