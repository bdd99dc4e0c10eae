"""Training rows that are made when their fold runs: the same rows and results as arrays held all at once, in a fraction of the memory."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest

import emotion_native as en
from emotion_native.exceptions import InvalidInputError, LeakageError
from emotion_native.model_selection import LeaveOneGroupOut, StratifiedGroupKFold, cross_validate, resolve_folds, split_hash
from emotion_native.model_selection._parts import stored


def table(n: int = 240, seed: int = 0) -> tuple[Any, Any, Any]:
    rng = np.random.default_rng(seed)
    groups = rng.integers(0, 12, n)
    y = rng.integers(0, 3, n)
    return (rng.normal(size=(n, 5)) + y[:, None]).astype(np.float32), y, groups


def test_what_splitters_of_all_rows_yield_is_not_kept() -> None:
    X, y, groups = table()
    folds = resolve_folds(LeaveOneGroupOut(), X, y, groups)
    assert stored(folds.train) == [None] * 12
    pairs = list(LeaveOneGroupOut().split(X, y, groups))
    for k, (train, test) in enumerate(folds):
        np.testing.assert_array_equal(train, pairs[k][0])
        np.testing.assert_array_equal(test, pairs[k][1])
        assert train.dtype == np.int64
    assert folds.hash == split_hash(pairs) and folds.n_dropped.tolist() == [0] * 12
    np.testing.assert_array_equal(folds.train[-1], pairs[-1][0])
    assert len(folds.train[2:5]) == 3 and np.array_equal(folds.train[2:5][0], pairs[2][0])


def test_other_training_parts_are_kept_as_they_are() -> None:
    """Dropped rows, another order and repeated rows are no complement."""
    given = [([0, 1], [2, 3]), ([3, 2], [0, 1]), ([2, 3, 3], [0, 1]), ([2, 3], [1, 0]), ([2, 3], [0, 1])]
    folds = resolve_folds(given, [[0]] * 4, None, classifier=False, allow_ungrouped=True)
    assert [rows is None for rows in stored(folds.train)] == [True, False, False, False, True]
    assert [(train.tolist(), test.tolist()) for train, test in folds] == given
    short = resolve_folds([([0], [2, 3])], [[0]] * 4, None, classifier=False, allow_ungrouped=True)
    assert stored(short.train)[0] is not None and short.n_dropped.tolist() == [1]


def test_a_group_on_both_sides_is_found_in_parts_that_are_not_kept() -> None:
    with pytest.raises(LeakageError, match="group 'b' is on both sides of fold 1"):
        resolve_folds([([1, 2, 3], [0]), ([0, 2, 3], [1]), ([0, 1], [2, 3])], [[0]] * 4, None, ["a", "b", "b", "c"], classifier=False)


@pytest.mark.parametrize("kind", ["forest", "boosting", "logistic", "foreign"])
def test_results_are_those_of_arrays_held_all_at_once(kind: str) -> None:
    """The same folds, once made when they run, once given as arrays that cannot be left out (the test rows in reverse order)."""
    X, y, groups = table()
    pairs = list(StratifiedGroupKFold(4).split(X, y, groups))
    model: Any = {
        "forest": en.ensemble.RandomForestClassifier(6, random_state=0),
        "boosting": en.ensemble.GradientBoostingClassifier(n_estimators=4, n_iter_no_change=2, random_state=0),
        "logistic": en.pipeline.make_pipeline(en.preprocessing.StandardScaler(), en.linear_model.LogisticRegression()),
        "foreign": __import__("sklearn.naive_bayes").naive_bayes.GaussianNB(),
    }[kind]
    held = [(train, test[::-1]) for train, test in pairs]
    folds = resolve_folds(held, X, y, groups)
    assert all(rows is not None for rows in stored(folds.train))
    options: dict[str, Any] = {"groups": groups, "scoring": ["neg_log_loss", "accuracy"], "return_train_score": True}
    lazy, eager = cross_validate(model, X, y, cv=pairs, **options), cross_validate(model, X, y, cv=held, **options)
    for name in ("train_neg_log_loss", "train_accuracy", "test_accuracy"):
        np.testing.assert_array_equal(lazy[name], eager[name])
    proba = [en.model_selection.cross_val_predict(model, X, y, groups=groups, cv=cv, method="predict_proba") for cv in (pairs, held)]
    np.testing.assert_array_equal(proba[0], proba[1])


def test_the_native_loop_takes_no_rows_for_all_others() -> None:
    X, y, groups = table()
    codes = y.astype(np.int32)
    plan = [en.ensemble.RandomForestClassifier(3, random_state=1)._native_step()]
    pairs = [(np.asarray(a), np.asarray(b)) for a, b in LeaveOneGroupOut().split(X, y, groups)]
    train, test = [a for a, _ in pairs], [b for _, b in pairs]
    given = en._core.run_folds(X, codes, 3, plan, train, test)
    made = en._core.run_folds(X, codes, 3, plan, [None, *train[1:6], *[None] * 6], test)
    for one, other in zip(given, made, strict=True):
        np.testing.assert_array_equal(one, other)
    with pytest.raises(InvalidInputError, match="strictly increasing"):
        en._core.run_folds(X, codes, 3, plan, [None], [np.array([3, 2])])
    with pytest.raises(InvalidInputError, match="at least one row"):
        en._core.run_folds(X, codes, 3, plan, [None], [np.arange(len(X))])


def test_a_thousand_folds_take_the_memory_of_a_few() -> None:
    """60,000 rows in 1,000 groups: held at once the training rows are 480 MB; 12 MB (25 arrays of all rows) are enough for everything that is
    made on the way, with three seeds too."""
    n = 60_000
    groups = np.arange(n) // 60
    X, y = np.zeros((n, 1), dtype=np.float32), np.arange(n) % 2
    tracemalloc.start()
    folds = resolve_folds(LeaveOneGroupOut(), X, y, groups)
    from emotion_native.model_selection._runs import repeated_runs

    runs = repeated_runs(en.ensemble.ExtraTreesClassifier(2), None, [1, 2, 3], False, lambda _: folds, caller="cross_validate")
    assert len(runs) == 3_000 and all(len(rows) == n - 60 for rows in runs.train[2_990:])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 12e6
