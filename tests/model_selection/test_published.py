"""Folds given by lists of groups, and published ones by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import emotion_native as en
from emotion_native.exceptions import InvalidInputError, LeakageError

ms = en.model_selection
ACTORS = [{2, 5, 14, 15, 16}, {3, 6, 7, 13, 18}, {10, 11, 12, 19, 20}, {8, 17, 21, 23, 24}, {1, 4, 9, 22}]


def ravdess_speakers() -> np.ndarray:
    return np.array([f"ravdess/{actor:02d}" for actor in range(1, 25)] * 4)


def test_the_ravdess_folds_are_those_of_the_paper() -> None:
    speakers = ravdess_speakers()
    cv = ms.published_folds("ravdess/luna-jimenez")
    found = [{int(s[-2:]) for s in speakers[test]} for _, test in cv.split(speakers, groups=speakers)]
    assert found == ACTORS
    assert cv.get_n_splits() == 5
    assert set().union(*ACTORS) == set(range(1, 25)) and sum(map(len, ACTORS)) == 24
    assert "luna-jimenez" in repr(cv)


def test_they_fit_the_speakers_that_the_parser_names(tmp_path: Any) -> None:
    for actor in range(1, 25):
        (tmp_path / f"03-01-05-01-01-01-{actor:02d}.wav").touch()
    rows = en.datasets.ravdess(tmp_path)
    folds = ms.resolve_folds(ms.published_folds("ravdess/luna-jimenez"), rows, None, rows["speaker"])
    assert [len(test) for test in folds.test] == [5, 5, 5, 5, 4]


def test_speakers_under_other_names() -> None:
    numbers = np.arange(96) % 24 + 1
    expected = [test.tolist() for _, test in ms.published_folds("ravdess/luna-jimenez").split(numbers, groups=ravdess_speakers())]
    cv = ms.published_folds("ravdess/luna-jimenez", speaker_format=None)
    assert [test.tolist() for _, test in cv.split(numbers, groups=numbers)] == expected
    cv = ms.published_folds("ravdess/luna-jimenez", speaker_format="Actor_{:02d}")
    names = np.array([f"Actor_{i:02d}" for i in numbers], dtype=object)
    assert [test.tolist() for _, test in cv.split(numbers, groups=names)] == expected


def test_in_cross_validation() -> None:
    speakers = ravdess_speakers()
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, len(speakers))
    X = rng.normal(size=(len(y), 3))
    result = ms.cross_validate(
        en.ensemble.RandomForestClassifier(n_estimators=3, random_state=0), X, y, groups=speakers, cv=ms.published_folds("ravdess/luna-jimenez")
    )
    assert len(result["test_score"]) == 5 and not result["ungrouped"]


def test_unknown_speakers_and_empty_folds_are_errors() -> None:
    cv = ms.published_folds("ravdess/luna-jimenez")
    speakers = ravdess_speakers()
    speakers[3] = "emodb/03"
    with pytest.raises(InvalidInputError, match=r"named by its folds \(ravdess/luna-jimenez\), such as 'ravdess/02'; got 'emodb/03'"):
        list(cv.split(speakers, groups=speakers))
    with pytest.raises(InvalidInputError, match="got 1, 2, 3, 4, 5, …"):
        list(cv.split(np.zeros(24), groups=np.arange(1, 25)))
    few = np.array(["ravdess/02", "ravdess/03"])
    with pytest.raises(InvalidInputError, match=r"fold 2 \('ravdess/10'"):
        list(cv.split(few, groups=few))
    with pytest.raises(LeakageError):
        list(cv.split(few))


@pytest.mark.parametrize("name", ["ravdess", "", None, 3])
def test_unknown_names(name: Any) -> None:
    with pytest.raises(InvalidInputError, match="name of published_folds must be one of 'ravdess/luna-jimenez'"):
        ms.published_folds(name)


@pytest.mark.parametrize("speaker_format", ["{name}", "{0}{1}", "{:q}", 3, "actor"])
def test_bad_formats(speaker_format: Any) -> None:
    with pytest.raises(InvalidInputError, match="speaker_format of published_folds"):
        ms.published_folds("ravdess/luna-jimenez", speaker_format=speaker_format)


@pytest.mark.parametrize(
    "folds", [[], [["a"]], "ab", ["ab", "cd"], [["a"], []], [["a"], ["a"]], [["a", "a"], ["b"]], None, 3, [[["a"]], ["b"]], [1, 2]], ids=repr
)
def test_bad_folds(folds: Any) -> None:
    with pytest.raises(InvalidInputError, match="folds of PredefinedGroupSplit"):
        ms.PredefinedGroupSplit(folds)


def test_part_of_a_corpus() -> None:
    few = np.array(["ravdess/02", "ravdess/03", "ravdess/02", "ravdess/10"])
    text = r"2 of 5 folds empty: for part of a corpus use StratifiedGroupKFold, .*PredefinedGroupSplit, or drop_empty=True"
    with pytest.raises(InvalidInputError, match=text):
        list(ms.published_folds("ravdess/luna-jimenez").split(few, groups=few))
    cv = ms.published_folds("ravdess/luna-jimenez", drop_empty=True)
    assert [test.tolist() for _, test in cv.split(few, groups=few)] == [[0, 2], [1], [3]]
    assert cv.get_n_splits(few, None, few) == 3
    whole = ravdess_speakers()
    plain = ms.published_folds("ravdess/luna-jimenez")
    assert [test.tolist() for _, test in cv.split(whole, groups=whole)] == [test.tolist() for _, test in plain.split(whole, groups=whole)]
    with pytest.raises(InvalidInputError, match="4 of 5 folds empty"):
        list(cv.split(few[:1], groups=few[:1]))
    with pytest.raises(InvalidInputError, match="drop_empty of PredefinedGroupSplit must be True or False"):
        ms.PredefinedGroupSplit([["a"], ["b"]], drop_empty="yes")  # type: ignore[arg-type]  # on purpose


def test_speakers_that_the_parser_would_name_otherwise() -> None:
    speakers = [f"{actor:02d}" for actor in range(1, 25)]
    with pytest.raises(InvalidInputError, match="`emotion-native manifest ravdess` names speakers like 'ravdess/07'") as caught:
        list(ms.published_folds("ravdess/luna-jimenez").split(speakers, groups=speakers))
    assert "speaker_format='{:02d}'" in str(caught.value)
    assert len(list(ms.published_folds("ravdess/luna-jimenez", speaker_format="{:02d}").split(speakers, groups=speakers))) == 5
