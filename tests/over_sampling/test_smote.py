"""SMOTE and BorderlineSMOTE: neighbours against scikit-learn, distributions against imbalanced-learn, fallbacks, provenance, bad input."""

from __future__ import annotations

from typing import Any

import imblearn.over_sampling as reference
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.stats import ks_2samp
from sklearn.neighbors import NearestNeighbors

from emotion_native.exceptions import InvalidInputError
from emotion_native.over_sampling import SMOTE, BorderlineSMOTE

SAMPLERS = [SMOTE, BorderlineSMOTE, lambda **given: BorderlineSMOTE(kind="borderline-2", **given)]


@pytest.fixture
def table(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    y = rng.choice(["calm", "angry", "sad"], size=300, p=[0.6, 0.3, 0.1])
    return rng.normal(size=(300, 12)) + 0.8 * (y == "sad")[:, None], y


def neighbours(X: np.ndarray, k: int) -> list[set[int]]:
    return [set(row) for row in NearestNeighbors(n_neighbors=k).fit(X).kneighbors(return_distance=False)]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_synthetic_rows_lie_between_nearest_neighbours_of_the_class(table: Any, dtype: Any) -> None:
    X, y = table[0].astype(dtype), table[1]
    sampler = SMOTE(random_state=3, k_neighbors=4)
    X_new, y_new = sampler.fit_resample(X, y)
    assert X_new.dtype == dtype
    np.testing.assert_array_equal(X_new[: len(X)], X)
    np.testing.assert_array_equal(y_new, y[sampler.sample_indices_])
    assert len(set(pd.Series(y_new).value_counts())) == 1
    made = sampler.provenance_[len(X) :]
    assert (sampler.provenance_["weight"][: len(X)] == 0).all()
    A, B = X[made["base"]].astype(np.float64), X[made["neighbour"]].astype(np.float64)
    np.testing.assert_array_equal(X_new[len(X) :], (A + made["weight"][:, None] * (B - A)).astype(dtype))
    for label in ("angry", "sad"):
        members = np.flatnonzero(y == label)
        near = neighbours(X[members].astype(np.float64), 4)
        used = {members[i]: {members[j] for j in row} for i, row in enumerate(near)}
        drawn = made[y[made["base"]] == label]
        assert all(neighbour in used[base] for base, neighbour in zip(drawn["base"], drawn["neighbour"], strict=True))
    assert sampler.fallbacks_ == {}


@pytest.mark.parametrize("kind", ["smote", "borderline-1", "borderline-2"])
def test_the_distribution_is_imbalanced_learns(table: Any, kind: str) -> None:
    X, y = table
    strategy = {"sad": 6000}
    if kind == "smote":
        ours, theirs = SMOTE(random_state=0, sampling_strategy=strategy), reference.SMOTE(random_state=1, sampling_strategy=strategy)
    else:
        ours = BorderlineSMOTE(random_state=0, sampling_strategy=strategy, kind=kind)
        theirs = reference.BorderlineSMOTE(random_state=1, sampling_strategy=strategy, kind=kind)
    A, B = ours.fit_resample(X, y)[0][len(X) :], theirs.fit_resample(X, y)[0][len(X) :]
    assert A.shape == B.shape
    if kind == "borderline-1":
        expected = theirs.in_danger_indices["sad"]
        assert set(ours.provenance_["base"][len(X) :]) == set(expected)
    if kind == "borderline-2":  # imbalanced-learn multiplies two weights towards other classes; the paper, and we, draw one below one half
        made = ours.provenance_[len(X) :]
        other = y[made["neighbour"]] != "sad"
        assert made["weight"][other].max() < 0.5 < made["weight"][~other].max()
        assert set(made["base"]) == set(theirs.in_danger_indices["sad"])
        return
    for column in range(X.shape[1]):  # Kolmogorov-Smirnov, 12 columns: a level of 1e-4 each keeps a false alarm below 0.2 %
        assert ks_2samp(A[:, column], B[:, column]).pvalue > 1e-4


@pytest.mark.parametrize("make", SAMPLERS)
def test_equal_bits_for_any_number_of_threads(make: Any, rng: np.random.Generator) -> None:
    X = rng.normal(size=(2400, 60)).astype(np.float32)
    y = rng.choice(3, size=2400, p=[0.6, 0.3, 0.1])
    speaker = rng.integers(0, 9, size=2400)
    for within in (None, "speaker"):
        results = [make(random_state=5, n_jobs=n, within=within).fit_resample(X, y, speaker=speaker)[0] for n in (1, 2, 7)]
        for other in results[1:]:
            np.testing.assert_array_equal(other, results[0])


@pytest.mark.parametrize("make", SAMPLERS)
@pytest.mark.parametrize("within", ["speaker", "groups"])
def test_neighbours_stay_within_a_speaker(make: Any, within: str, table: Any, rng: np.random.Generator) -> None:
    X, y = table
    who = rng.choice(["ann", "bob", "cy", "di"], size=len(y), p=[0.4, 0.3, 0.2, 0.1])
    sampler = make(random_state=0, within=within, m_neighbors=6) if make is not SMOTE else make(random_state=0, within=within)
    sampler.fit_resample(X, y, **{within: who})
    made = sampler.provenance_[len(X) :]
    assert len(made) > 0
    np.testing.assert_array_equal(who[made["base"]], who[made["neighbour"]])
    with pytest.raises(InvalidInputError, match=f"{within} of .*SMOTE.fit_resample must be given, one a row"):
        sampler.fit_resample(X, y)


def test_few_rows_fall_back_and_say_so() -> None:
    X = np.arange(10.0)[:, None] ** 2
    y = np.array(["calm"] * 6 + ["sad"] * 3 + ["happy"])
    sampler = SMOTE(random_state=0)
    X_new, y_new = sampler.fit_resample(X, y)
    assert sampler.fallbacks_ == {
        "sad": "3 of 3 rows have fewer than 5 neighbours: those there are",
        "happy": "1 of 1 rows have no neighbour: copied",
    }
    assert (X_new[y_new == "happy"] == 81).all()
    assert (y_new == "sad").sum() == (y_new == "happy").sum() == 6
    sampler.set_params(within="speaker").fit_resample(X, y, speaker=[0] * 7 + [1] * 3)
    assert "1 of 3 rows have no neighbour with the same speaker: copied" in sampler.fallbacks_["sad"]
    far = BorderlineSMOTE(random_state=0, m_neighbors=2, k_neighbors=1)
    assert len(far.fit_resample(np.r_[np.zeros(5), np.full(3, 99.0)][:, None], [0] * 5 + [1] * 3)[1]) == 8
    assert far.fallbacks_ == {1: "no row in danger: no synthetic row"}


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=3, max_size=50).filter(lambda y: len(set(y)) > 1), st.integers(0, 2**64 - 1), st.integers(1, 9))
def test_properties(labels: list[int], seed: int, k: int) -> None:
    y = np.array(labels)
    X = np.round(np.random.default_rng(seed % 1000).normal(size=(len(y), 3)), 1)
    sampler = SMOTE(random_state=seed, k_neighbors=k)
    X_new, y_new = sampler.fit_resample(X, y)
    assert set(np.bincount(y_new)[np.unique(y)]) == {np.bincount(y).max()}
    made = sampler.provenance_
    np.testing.assert_array_equal(y[made["base"]], y[made["neighbour"]])
    low, high = np.minimum(X[made["base"]], X[made["neighbour"]]), np.maximum(X[made["base"]], X[made["neighbour"]])
    assert ((low - 1e-12 <= X_new) & (X_new <= high + 1e-12)).all()
    moved, _ = SMOTE(random_state=seed, k_neighbors=k).fit_resample(np.c_[X, np.ones(len(X))], y)  # a constant column changes nothing
    np.testing.assert_array_equal(moved[:, :3], X_new)


def test_frames_sparse_and_lists_keep_their_kind(table: Any) -> None:
    X, y = table
    expected, _ = SMOTE(random_state=0).fit_resample(X, y)
    frame, labels = SMOTE(random_state=0).fit_resample(pd.DataFrame(X).add_prefix("c"), pd.Series(y, name="label"))
    np.testing.assert_array_equal(frame.to_numpy(), expected)
    assert (frame.columns[0], labels.name) == ("c0", "label")
    matrix, _ = SMOTE(random_state=0).fit_resample(sparse.csc_matrix(X), y)
    assert matrix.format == "csc"
    np.testing.assert_array_equal(matrix.toarray(), expected)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"k_neighbors": 0}, "k_neighbors of SMOTE must be an integer of at least 1"),
        ({"k_neighbors": 2.5}, "k_neighbors of SMOTE must be an integer"),
        ({"within": "text"}, "within of SMOTE must be one of"),
        ({"n_jobs": 0}, "n_jobs"),
        ({"random_state": "x"}, "random_state of SMOTE must be"),
        ({"sampling_strategy": "majority"}, "sampling_strategy of SMOTE must be one of"),
        ({"sampling_strategy": {"calm": 1}}, "at least the number of rows a class has"),
        ({"sampling_strategy": {"bored": 1}}, "sampling_strategy of SMOTE must be about classes present"),
    ],
)
def test_bad_parameters_are_refused(arguments: dict[str, Any], message: str, table: Any) -> None:
    with pytest.raises(InvalidInputError, match=message):
        SMOTE(**arguments).fit_resample(*table)


def test_bad_rows_are_refused(table: Any) -> None:
    X, y = table
    for value in (np.nan, np.inf):
        bad = X.copy()
        bad[3, 4] = value
        with pytest.raises(InvalidInputError, match=r"X of SMOTE\.fit_resample must be a finite"):
            SMOTE().fit_resample(bad, y)
    for speaker in ([1, 2], np.full(len(y), np.nan)):
        with pytest.raises(InvalidInputError, match=r"speaker of SMOTE\.fit_resample must be"):
            SMOTE(within="speaker").fit_resample(X, y, speaker=speaker)
    for kind, m in (("borderline-3", 5), ("borderline-1", 0)):
        with pytest.raises(InvalidInputError, match="of BorderlineSMOTE must be"):
            BorderlineSMOTE(kind=kind, m_neighbors=m).fit_resample(X, y)
    with pytest.raises(InvalidInputError, match="more than one class"):
        SMOTE().fit_resample(X, np.zeros(len(X)))


@pytest.mark.parametrize("missing", [None, "", float("nan")])
def test_a_missing_speaker_is_refused_as_in_the_fold_loop(missing: Any) -> None:
    X, y = np.arange(12.0).reshape(-1, 1), np.repeat([0, 1], [8, 4])
    speaker = np.array(["a", "b"] * 6, dtype=object)
    speaker[3] = missing
    with pytest.raises(InvalidInputError, match=r"speaker of SMOTE.fit_resample must be known for every row; got 1 missing"):
        SMOTE(within="speaker", random_state=0).fit_resample(X, y, speaker=speaker)
