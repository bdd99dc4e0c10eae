"""Crossed splits: new speakers say new texts; mixed rows are dropped and counted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import emotion_native as en
from emotion_native.exceptions import InvalidInputError, LeakageError

ms = en.model_selection
c = en.calibration


@pytest.fixture
def rows() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    n = 240
    speakers = np.array([f"s{i:02d}" for i in range(8)])[np.arange(n) % 8]
    texts = np.array(["kids", "dogs", "rain"])[np.arange(n) // 8 % 3]
    y = rng.choice(["angry", "calm"], n)
    X = rng.normal(size=(n, 3)).astype(np.float32)
    X[:, 0] += 2 * (y == "calm")
    return X, y, speakers, texts


@pytest.mark.parametrize("options", [{}, {"stratify": True}, {"shuffle": True, "random_state": 0}, {"stratify": True, "shuffle": True}])
def test_no_key_is_on_both_sides_and_each_row_is_tested_once(rows: Any, options: Any) -> None:
    X, y, speakers, texts = rows
    cv = ms.CrossedGroupKFold(4, 3, texts=texts, **options)
    tested = np.zeros(len(y), dtype=int)
    dropped = []
    for train, test in cv.split(X, y, speakers):
        assert not set(speakers[train]) & set(speakers[test])
        assert not set(texts[train]) & set(texts[test])
        neither = np.setdiff1d(np.arange(len(y)), np.concatenate([train, test]))
        # every dropped row is mixed: it shares exactly one key with the test rows
        assert (np.isin(speakers[neither], speakers[test]) != np.isin(texts[neither], texts[test])).all()
        dropped.append(len(neither))
        tested[test] += 1
    assert (tested == 1).all()
    assert cv.n_dropped_.tolist() == dropped
    assert cv.get_n_splits() == len(dropped) == 12


def test_a_hand_worked_case() -> None:
    speakers, texts = ["a", "a", "b", "b", "a"], ["k", "d", "k", "d", "k"]
    found = [(train.tolist(), test.tolist()) for train, test in ms.CrossedGroupKFold(2, 2, texts=texts).split(texts, groups=speakers)]
    # speaker a (3 rows) is part 0, text k (3 rows) is part 0
    assert found == [([3], [0, 4]), ([2], [1]), ([1], [2]), ([0, 4], [3])]


@pytest.mark.parametrize("form", ["frame", "array", "structured", "list"])
def test_two_columns_of_groups_equal_texts_given_apart(rows: Any, form: str) -> None:
    X, y, speakers, texts = rows
    expected = [(a.tolist(), b.tolist()) for a, b in ms.CrossedGroupKFold(3, 3, texts=texts).split(X, y, speakers)]
    groups: Any = {
        "frame": pd.DataFrame({"speaker": speakers, "text": texts}, index=np.arange(len(y))[::-1]),
        "array": np.column_stack([speakers, texts]),
        "structured": np.array(list(zip(speakers, texts, strict=True)), dtype=[("speaker", "U3"), ("text", "U4")]),
        "list": [[a, b] for a, b in zip(speakers.tolist(), texts.tolist(), strict=True)],
    }[form]
    assert [(a.tolist(), b.tolist()) for a, b in ms.CrossedGroupKFold(3, 3).split(X, y, groups)] == expected
    folds = ms.resolve_folds(ms.CrossedGroupKFold(3, 3), X, y, groups)
    assert [(a.tolist(), b.tolist()) for a, b in folds] == expected


def test_through_cross_validation_with_the_dropped_rows_counted(rows: Any) -> None:
    X, y, speakers, texts = rows
    both = pd.DataFrame({"speaker": speakers, "text": texts})
    model = en.ensemble.RandomForestClassifier(n_estimators=5, random_state=0)
    for options in ({"groups": speakers, "cv": ms.CrossedGroupKFold(4, 3, texts=texts)}, {"groups": both, "cv": ms.CrossedGroupKFold(4, 3)}):
        result = ms.cross_validate(model, X, y, **options)
        assert len(result["test_score"]) == 12 and not result["ungrouped"]
        assert result["n_dropped"].tolist() == ms.resolve_folds(options["cv"], X, y, options["groups"]).n_dropped.tolist()
        proba = ms.cross_val_predict(model, X, y, method="predict_proba", **options)
        for train, test in ms.resolve_folds(options["cv"], X, y, options["groups"]):
            alone = en.ensemble.RandomForestClassifier(n_estimators=5, random_state=0).fit(X[train], y[train])
            assert np.array_equal(alone.predict_proba(X[test]), proba[test])
    assert "n_dropped" not in ms.cross_validate(model, X, y, groups=speakers, cv=3)


def test_two_keys_without_a_splitter_are_crossed(rows: Any) -> None:
    X, y, speakers, texts = rows
    both = np.column_stack([speakers, texts])
    folds = ms.resolve_folds(4, X, y, both)
    assert len(folds) == 8
    for train, test in folds:
        assert not set(speakers[train]) & set(speakers[test]) and not set(texts[train]) & set(texts[test])
    assert len(ms.resolve_folds(None, X, y, both)) == 10


def test_a_splitter_that_mixes_the_second_key_is_found(rows: Any) -> None:
    X, y, speakers, texts = rows
    pairs = list(ms.GroupKFold(4).split(X, y, speakers))
    with pytest.raises(LeakageError, match=r"group '\w+' of text is on both sides of fold 0"):
        ms.resolve_folds(pairs, X, y, pd.DataFrame({"speaker": speakers, "text": texts}))
    assert ms.resolve_folds(pairs, X, y, np.column_stack([speakers, texts]), allow_ungrouped=True).ungrouped


def test_bad_arguments(rows: Any) -> None:
    X, y, speakers, texts = rows
    for options in ({"n_splits": 1}, {"n_text_splits": 1}, {"n_splits": "3"}, {"stratify": 1}, {"shuffle": None}, {"random_state": 1}):
        with pytest.raises(InvalidInputError, match=f"{next(iter(options))} of CrossedGroupKFold"):
            ms.CrossedGroupKFold(**options)
    cases: list[tuple[Any, Any, type[Exception], str]] = [
        (ms.CrossedGroupKFold(2), None, LeakageError, "groups of CrossedGroupKFold.split must be given"),
        (ms.CrossedGroupKFold(2), speakers, InvalidInputError, "texts of CrossedGroupKFold.split must be given"),
        (ms.CrossedGroupKFold(2, texts=texts[:-1]), speakers, InvalidInputError, "texts of .* must be one value a row"),
        (ms.CrossedGroupKFold(2, texts=texts), np.column_stack([speakers, texts]), InvalidInputError, "given once"),
        (ms.CrossedGroupKFold(9, texts=texts), speakers, InvalidInputError, "n_splits of .* number of speakers, 8"),
        (ms.CrossedGroupKFold(2, 4, texts=texts), speakers, InvalidInputError, "n_text_splits of .* number of texts, 3; got 4"),
        (ms.CrossedGroupKFold(2, texts=[None, *texts[1:]]), speakers, InvalidInputError, "texts of .* must be known"),
    ]
    halves = np.where(speakers < "s04", "a", "b")  # each text is said by one speaker alone
    cases.append((ms.CrossedGroupKFold(2, 2, texts=halves), halves, InvalidInputError, r"part of fold \(\d, \d\) is empty"))
    for cv, groups, error, message in cases:
        with pytest.raises(error, match=message):
            list(cv.split(X, y, groups))
    with pytest.raises(InvalidInputError, match="y of CrossedGroupKFold"):
        list(ms.CrossedGroupKFold(2, texts=texts, stratify=True).split(X, None, speakers))
    with pytest.raises(InvalidInputError, match=r"groups of GroupKFold.split must be one value a row"):
        ms.resolve_folds(ms.GroupKFold(2), X, y, np.column_stack([speakers, texts]))
