"""Prediction sets: quantiles by hand, coverage on simulated speakers, and what is refused."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.naive_bayes import GaussianNB

import emotion_native as en
from emotion_native.calibration import ConformalClassifier, prediction_set_report
from emotion_native.calibration._conformal import conformity_scores, hierarchical_quantile
from emotion_native.exceptions import EmotionNativeWarning, InvalidInputError, LeakageError


def speakers(seed: int, n_speakers: int, effect: float = 1.5) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return rows of speakers who differ in how, how often and how clearly they speak: rows of one speaker depend on each other."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 30, n_speakers)
    groups = np.repeat(np.arange(n_speakers), sizes)
    y = rng.integers(0, 3, len(groups))
    centres = np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0]])
    shift = rng.normal(scale=effect, size=(n_speakers, 2))
    noise = rng.gamma(2.0, 0.5, n_speakers)
    X = centres[y] + shift[groups] + rng.normal(size=(len(y), 2)) * noise[groups, None]
    return X, y, groups


def test_the_quantile_by_hand() -> None:
    # Groups of 1, 2 and 4 rows have the masses 1/4, 2/8 and 4/16, the fourth quarter lies at infinity.
    scores, groups = [0.9, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6], ["a", "b", "b", "c", "c", "c", "c"]
    assert hierarchical_quantile(scores, groups, 0.25) == 0.2
    assert hierarchical_quantile(scores, groups, 0.26) == 0.3
    assert hierarchical_quantile(scores, groups, 0.5) == 0.6
    assert hierarchical_quantile(scores, groups, 0.75) == 0.9
    assert hierarchical_quantile(scores, groups, 0.76) == np.inf
    assert hierarchical_quantile([], [], 0.1) == np.inf


def test_single_rows_give_the_usual_split_conformal_quantile(rng: np.random.Generator) -> None:
    for n in (1, 5, 19, 100, 999):
        scores = rng.normal(size=n)
        for level in (0.5, 0.9, 0.95):
            rank = int(np.ceil((n + 1) * level - 1e-9))
            expected = np.sort(scores)[rank - 1] if rank <= n else np.inf
            assert hierarchical_quantile(scores, np.arange(n), level) == expected


def test_scores_by_hand() -> None:
    proba = np.array([[0.5, 0.2, 0.3], [0.25, 0.5, 0.25]])
    np.testing.assert_allclose(conformity_scores(proba, "lac"), [[0.5, 0.8, 0.7], [0.75, 0.5, 0.75]])
    np.testing.assert_allclose(conformity_scores(proba, "aps"), [[0.5, 1.0, 0.8], [0.75, 0.5, 1.0]])


@pytest.mark.unsanitized  # statistics over many samples
@pytest.mark.parametrize("score", ["lac", "aps", "randomized_aps"])
@pytest.mark.parametrize("conditional", [False, True])
def test_coverage_of_new_speakers_over_many_data_sets(score: str, conditional: bool) -> None:
    """The promise is about a row of a new speaker: each data set gives the mean over new speakers of their shares of covered rows."""
    level, runs, covered, sizes = 0.8, 300, [], []
    for seed in range(runs):
        X, y, groups = speakers(seed, 60)
        train = groups < 40
        model = ConformalClassifier(
            GaussianNB(), confidence_level=level, conformity_score=score, class_conditional=conditional, random_state=seed, calibration_size=20
        ).fit(X[train], y[train], groups=groups[train])
        sets = model.predict_set(X[~train])
        hit = sets[np.arange(len(sets)), y[~train]]
        covered.append(np.mean([hit[groups[~train] == speaker].mean() for speaker in np.unique(groups[~train])]))
        sizes.append(sets.mean())
    error = np.std(covered, ddof=1) / np.sqrt(runs)
    assert np.mean(covered) > level - 3 * error  # the promise
    # And not by answering everything: 1 / (K + 1) of 20 speakers, one class at least in a set, and the steps of APS are the price.
    assert np.mean(covered) < level + 0.1 + 3 * error
    assert np.mean(sizes) < 0.95


@pytest.mark.unsanitized  # statistics over many samples
@pytest.mark.parametrize("score", ["lac", "aps"])
@pytest.mark.parametrize("conditional", [False, True])
def test_coverage_of_new_speakers_where_all_groups_are_measured(score: str, conditional: bool) -> None:
    """Twelve speakers, of which a single split would leave three for the threshold: too few for the level, which all of them can promise."""
    level, runs, covered, sizes = 0.8, 200, [], []
    for seed in range(runs):
        X, y, groups = speakers(seed, 32)
        train = groups < 12
        model = ConformalClassifier(GaussianNB(), confidence_level=level, conformity_score=score, class_conditional=conditional, cv=4)
        model.fit(X[train], y[train], groups=groups[train])
        assert model.n_calibration_groups_ == 12
        sets = model.predict_set(X[~train])
        hit = sets[np.arange(len(sets)), y[~train]]
        covered.append(np.mean([hit[groups[~train] == speaker].mean() for speaker in np.unique(groups[~train])]))
        sizes.append(sets.mean())
    error = np.std(covered, ddof=1) / np.sqrt(runs)
    # Not a theorem as of the single split, but the same bounds: the excess is 1 / 13 of 12 speakers, and that fewer speakers taught the folds.
    assert np.mean(covered) > level - 3 * error
    assert np.mean(covered) < level + 0.13 + 3 * error
    assert np.mean(sizes) < 0.95


def test_groups_reach_the_folds_of_the_thresholds() -> None:
    X, y, groups = speakers(1, 9)
    trained: list[set[int]] = []

    class Spy(GaussianNB):
        def fit(self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None) -> Any:
            trained.append(set(np.asarray(groups).tolist()))
            return super().fit(X, y, sample_weight)

    model = ConformalClassifier(Spy(), confidence_level=0.8, cv=en.model_selection.LeaveOneGroupOut()).fit(X, y, groups=groups)
    everybody = set(groups.tolist())
    assert sorted(map(len, trained)) == [8] * 9 + [9]
    assert {frozenset(everybody - own) for own in trained if len(own) == 8} == {frozenset([one]) for one in everybody}
    assert not model.ungrouped_ and model.attainable_level_ == 9 / 10
    # By hand: every row by a classifier without its speaker, the quantile over speakers of the scores of true classes.
    scores = np.empty(len(y))
    for one in everybody:
        own = groups == one
        scores[own] = 1 - GaussianNB().fit(X[~own], y[~own]).predict_proba(X[own])[np.arange(own.sum()), y[own]]
    np.testing.assert_allclose(model.quantiles_, hierarchical_quantile(scores, groups, 0.8), rtol=1e-12)
    np.testing.assert_array_equal(model.predict_proba(X), GaussianNB().fit(X, y).predict_proba(X))
    with pytest.raises(LeakageError):
        ConformalClassifier(GaussianNB(), cv=4).fit(X, y)


def test_held_out_groups_are_whole_and_reach_the_inner_split() -> None:
    seen: list[Any] = []

    class Spy(GaussianNB):
        def fit(self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None) -> Any:
            seen.append(np.asarray(groups))
            return super().fit(X, y, sample_weight)

    X, y, groups = speakers(1, 20)
    model = ConformalClassifier(Spy(), random_state=0, confidence_level=0.8).fit(X, y, groups=groups)
    trained = np.unique(seen[0])
    assert len(trained) + model.n_calibration_groups_ == 20
    assert model.n_calibration_groups_ == 6 and model.attainable_level_ == 6 / 7
    # Rows of the held-out speakers do not move the classifier.
    changed = X.copy()
    changed[~np.isin(groups, trained)] += 100
    other = ConformalClassifier(Spy(), random_state=0, confidence_level=0.8).fit(changed, y, groups=groups)
    assert np.array_equal(model.estimator_.theta_, other.estimator_.theta_)
    inner = en.calibration.CalibratedClassifierCV(GaussianNB())
    assert ConformalClassifier(inner, random_state=0, confidence_level=0.8).fit(X, y, groups=groups).estimator_.ungrouped_ is False


def test_too_few_groups_promise_nothing_and_say_so() -> None:
    X, y, groups = speakers(2, 10)
    with pytest.warns(EmotionNativeWarning, match=r"0\.9 with 3 held-out groups, which can promise 0\.750 at most"):
        model = ConformalClassifier(GaussianNB(), random_state=0).fit(X, y, groups=groups)
    assert model.predict_set(X).all()


def test_empty_sets_only_on_request() -> None:
    X, y, groups = speakers(3, 60, effect=0.1)
    options: dict[str, Any] = {"confidence_level": 0.3, "random_state": 0}
    strict = ConformalClassifier(GaussianNB(), allow_empty_sets=True, **options).fit(X, y, groups=groups).predict_set(X)
    kind = ConformalClassifier(GaussianNB(), **options).fit(X, y, groups=groups)
    assert not strict.any(axis=1).all()
    assert kind.predict_set(X).any(axis=1).all()
    assert np.array_equal(kind.classes_[np.argmax(kind.predict_proba(X), axis=1)], kind.predict(X))


def test_groups_are_asked_for() -> None:
    X, y, _ = speakers(4, 30)
    with pytest.raises(LeakageError):
        ConformalClassifier(GaussianNB()).fit(X, y)
    with pytest.raises(LeakageError, match=r"^groups of ConformalClassifier\.fit must have at least two different values"):
        ConformalClassifier(GaussianNB()).fit(X, y, groups=np.zeros(len(y)))
    for weight in ([1.0, 2.0], -np.ones(len(y))):
        with pytest.raises(InvalidInputError, match=r"^sample_weight of ConformalClassifier\.fit must be"):
            ConformalClassifier(GaussianNB(), allow_ungrouped=True).fit(X, y, weight)
    model = ConformalClassifier(GaussianNB(), allow_ungrouped=True, random_state=0).fit(X, y)
    assert model.ungrouped_ and model.n_calibration_groups_ == np.ceil(0.3 * len(X))


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"confidence_level": 1.0}, "confidence_level"),
        ({"confidence_level": 0}, "confidence_level"),
        ({"confidence_level": "high"}, "confidence_level"),
        ({"conformity_score": "raps"}, "conformity_score"),
        ({"class_conditional": "yes"}, "class_conditional"),
        ({"calibration_size": 1.5}, "test_size"),
        ({"random_state": -1}, "random_state"),
    ],
)
def test_bad_parameters(options: dict[str, Any], name: str) -> None:
    X, y, groups = speakers(5, 10)
    with pytest.raises(InvalidInputError, match=name):
        ConformalClassifier(GaussianNB(), **options).fit(X, y, groups=groups)


def test_the_report_of_sets_by_hand_and_its_intervals() -> None:
    X, y, groups = speakers(8, 60)
    train = groups < 45
    model = ConformalClassifier(GaussianNB(), confidence_level=0.8, random_state=0).fit(X[train], y[train], groups=groups[train])
    sets, truth, who = model.predict_set(X[~train]), y[~train], groups[~train]
    report = prediction_set_report(truth, sets, classes=model.classes_, speakers=who)
    covered = sets[np.arange(len(truth)), truth]
    each = np.array([covered[who == speaker].mean() for speaker in np.unique(who)])
    assert report["coverage_of_speakers"]["estimate"] == pytest.approx(each.mean())
    assert report["coverage"]["estimate"] == pytest.approx(covered.mean())
    assert report["coverage"] == {**en.metrics.speaker_interval("accuracy", np.ones(len(truth)), covered.astype(float), who).to_dict()}
    assert report["set_size"]["estimate"] == pytest.approx(sets.sum(axis=1).mean())
    single = sets.sum(axis=1) == 1
    assert report["single"]["estimate"] == pytest.approx(single.mean())
    assert report["single_accuracy"]["estimate"] == pytest.approx(covered[single].mean())
    assert report["empty"] == 0 and report["n_speakers"] == 15 and report["n_rows"] == len(truth)
    assert [row["coverage"] for row in report["per_class"]] == pytest.approx([covered[truth == k].mean() for k in range(3)])
    assert [row["coverage"] for row in report["per_speaker"]] == pytest.approx(list(each))
    assert all(entry["low"] < entry["estimate"] < entry["high"] for entry in report.values() if isinstance(entry, dict))


def test_the_interval_of_the_coverage_holds_the_promise_where_it_is_exact() -> None:
    """Sets that cover each speaker's rows with a share of its own, 0.8 on average: 95 % intervals over 600 data sets of 15 speakers."""
    rng, hits = np.random.default_rng(0), 0
    for _ in range(600):
        who = np.repeat(np.arange(15), rng.integers(5, 30, 15))
        covered = rng.random(len(who)) < rng.beta(16, 4, 15)[who]
        sets = np.column_stack([covered, np.ones(len(who), dtype=bool)])
        found = prediction_set_report(np.zeros(len(who), dtype=int), sets, classes=[0, 1], speakers=who)["coverage_of_speakers"]
        hits += found["low"] <= 0.8 <= found["high"]
    assert 0.92 < hits / 600 < 0.98


def test_bad_input_of_the_report() -> None:
    good: dict[str, Any] = {"y_true": [0, 1], "sets": [[True, False], [True, True]], "classes": [0, 1], "speakers": [0, 1]}
    for name, value in (("sets", [[1, 0], [1, 1]]), ("sets", [[True], [True]]), ("classes", [1, 0]), ("y_true", [0, 2]), ("speakers", [0])):
        with pytest.raises(InvalidInputError, match=f"{'classes' if name == 'y_true' else name} of prediction_set_report"):
            prediction_set_report(**{**good, name: value})


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(st.integers(0, 6), min_size=1, max_size=6), min_size=1, max_size=8), st.integers(1, 39))
def test_the_quantile_is_that_of_the_papers_mixture_in_exact_fractions(scores: list[list[int]], fortieths: int) -> None:
    """The least score at which the mixture over K groups and infinity, each of mass 1 / (K + 1), reaches the level; with ties."""
    level, k = Fraction(fortieths, 40), len(scores)
    values = sorted({value for group in scores for value in group})
    reached = [value for value in values if sum(Fraction(sum(s <= value for s in group), (k + 1) * len(group)) for group in scores) >= level]
    rows = [float(value) for group in scores for value in group]
    groups = [g for g, group in enumerate(scores) for _ in group]
    assert hierarchical_quantile(rows, groups, fortieths / 40) == (float(reached[0]) if reached else np.inf)


def test_with_one_threshold_a_class_the_groups_that_have_the_class_are_what_can_promise() -> None:
    """20 speakers are held out, of whom three ever say class 2: .75 is the most that can be promised for its rows, not 20/21."""
    X, y, groups = speakers(9, 40)
    random_state = 0
    held_out = ConformalClassifier(GaussianNB(), calibration_size=20, random_state=random_state)._parts(X, y, groups, "test", random_state)[1]
    few = np.unique(groups[held_out])[:3]
    y[np.isin(groups, np.unique(groups[held_out])[3:]) & (y == 2)] = 1
    y[np.flatnonzero(np.isin(groups, few) & (np.arange(len(y)) % 3 == 0))] = 2
    for g in few:
        y[np.flatnonzero(groups == g)[0]] = 2
    model = ConformalClassifier(GaussianNB(), calibration_size=20, random_state=random_state, class_conditional=True)
    message = r"0\.9 with 3 held-out groups of the rarest class, which can promise 0\.750 at most: every set holds 2$"
    with pytest.warns(EmotionNativeWarning, match=message):
        model.fit(X, y, groups=groups)
    assert model.attainable_level_ == 0.75 and model.n_calibration_groups_ == 20
    assert model.predict_set(X)[:, 2].all()


def test_rows_with_tied_scores_are_covered_together() -> None:
    """A classifier that gives every row the same probabilities: the sets are those of the most probable classes that reach the level."""

    class Prior(GaussianNB):
        def predict_proba(self, X: Any) -> Any:
            return np.tile([0.5, 0.3, 0.2], (len(X), 1))

    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(80), 5)
    y = rng.choice(3, 400, p=[0.5, 0.3, 0.2])
    X = rng.normal(size=(400, 2))
    for score in ("lac", "aps"):
        model = ConformalClassifier(Prior(), confidence_level=0.7, conformity_score=score, random_state=0, calibration_size=60)
        model.fit(X, y, groups=groups)
        assert (model.predict_set(X) == [True, True, False]).all()


def test_two_keys_of_groups_are_refused() -> None:
    X, y, groups = speakers(10, 30)
    both = np.column_stack([groups, np.arange(len(groups)) % 7])
    with pytest.raises(InvalidInputError, match=r"groups of GroupShuffleSplit\.split must be one value a row.*give one key"):
        ConformalClassifier(GaussianNB(), random_state=0).fit(X, y, groups=both)


def test_random_shares_are_uniform_and_depend_on_the_row_and_the_seed_alone(rng: np.random.Generator) -> None:
    proba = rng.dirichlet(np.ones(4), 20_000)
    plain, drawn = conformity_scores(proba, "aps"), conformity_scores(proba, "randomized_aps", 3)
    share = (plain - drawn) / proba
    np.testing.assert_allclose(share, share[:, :1] * np.ones(4), atol=1e-6)
    assert stats.kstest(share[:, 0], "uniform").pvalue > 1e-3
    assert abs(np.corrcoef(share[:, 0], proba[:, 0])[0, 1]) < 0.03
    assert np.array_equal(conformity_scores(proba[::-7], "randomized_aps", 3), drawn[::-7])
    other = (plain - conformity_scores(proba, "randomized_aps", 4)) / proba
    assert abs(np.corrcoef(share[:, 0], other[:, 0])[0, 1]) < 0.03


def test_randomized_sets_keep_the_promise_without_the_steps_of_plain_ones() -> None:
    """A weak classifier of three classes: the true class comes last in a tenth of the rows, so plain sets hold nearly all classes."""
    covered: dict[str, list[float]] = {"aps": [], "randomized_aps": []}
    for seed in range(200):
        X, y, groups = speakers(seed, 90)
        train = groups < 70
        for score, found in covered.items():
            options: dict[str, Any] = {"conformity_score": score, "calibration_size": 60, "allow_empty_sets": True, "random_state": seed}
            model = ConformalClassifier(GaussianNB(), confidence_level=0.9, **options).fit(X[train], y[train], groups=groups[train])
            sets = model.predict_set(X[~train])
            assert np.array_equal(sets[:5], model.predict_set(X[~train][:5]))
            hit = sets[np.arange(len(sets)), y[~train]]
            found.append(float(np.mean([hit[groups[~train] == speaker].mean() for speaker in np.unique(groups[~train])])))
    error = np.std(covered["randomized_aps"], ddof=1) / np.sqrt(200)
    # 61 / 60 of .9 is the level of the quantile among the held-out groups.
    assert 0.9 - 3 * error < np.mean(covered["randomized_aps"]) < 0.9 * 61 / 60 + 3 * error
    assert np.mean(covered["aps"]) > 0.9 - 3 * error
