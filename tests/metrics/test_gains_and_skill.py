"""Discounted gains, skill scores, hinge loss and scores at thresholds: scikit-learn is the oracle, to 1e-12 (sums in another order)."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk
from sklearn.exceptions import UndefinedMetricWarning

import emotion_native as en
from emotion_native.exceptions import InvalidInputError

from .conftest import same as same_to

m = en.metrics
same = partial(same_to, rtol=1e-11)
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@settings(max_examples=80, deadline=None)
@given(
    st.integers(0, 2**32 - 1), st.integers(1, 20), st.integers(2, 7), st.sampled_from([None, 1, 3, 9]), st.sampled_from(["none", "zeros", "weights"]),
    st.sampled_from(["labels", "gains", "zeros"]), st.booleans(),
)  # fmt: skip
def test_gains_equal_scikit_learn(seed: int, n: int, k: int, top: int | None, kind: str, gains: str, ties: bool) -> None:
    rng = np.random.default_rng(seed)
    truth = {"labels": rng.integers(0, 2, (n, k)), "gains": rng.exponential(size=(n, k)), "zeros": np.zeros((n, k), dtype=int)}[gains]
    truth = truth if gains != "labels" or truth.any() else truth + 1
    score = rng.integers(0, 3, (n, k)) / 2.0 if ties else rng.normal(size=(n, k))
    weight = {"none": None, "zeros": np.append(1.0, rng.integers(0, 2, n - 1)), "weights": rng.random(n) + 0.1}[kind]
    for base in (2, 10, 0.5):
        options: Any = {"k": top, "log_base": base, "sample_weight": weight}
        same(m.dcg_score(truth, score, **options), sk.dcg_score(truth, score, **options))
    for ignore in (False, True) if not ties else (False,):
        options = {"k": top, "sample_weight": weight, "ignore_ties": ignore}
        same(m.ndcg_score(truth, score, **options), sk.ndcg_score(truth, score, **options))


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 40), st.integers(2, 5), st.booleans(), st.booleans(), st.booleans())
def test_skill_scores_equal_scikit_learn(seed: int, n: int, k: int, weighted: bool, texts: bool, sure: bool) -> None:
    rng = np.random.default_rng(seed)
    classes: Any = np.array(list("abcde"))[:k] if texts else np.arange(k)
    codes = np.append([0, 1], rng.integers(0, k, n))
    proba = rng.dirichlet(np.full(k, 0.5), n + 2)
    proba[: n // 3] = np.eye(k)[rng.integers(0, k, n // 3)] if sure else proba[: n // 3]
    weight = rng.random(n + 2) + 0.1 if weighted else None
    for name in ("d2_log_loss_score", "d2_brier_score"):
        options: Any = {"labels": classes, "sample_weight": weight}
        same(getattr(m, name)(classes[codes], proba, **options), getattr(sk, name)(classes[codes], proba, **options))
    binary = codes[:] > 0
    truth: Any = np.where(binary, "yes", "no") if texts else np.where(binary, 1, -1)
    same(m.d2_log_loss_score(truth, proba[:, 0], sample_weight=weight), sk.d2_log_loss_score(truth, proba[:, 0], sample_weight=weight))
    for label in ("no", "yes") if texts else (-1, 1, None):
        options = {"pos_label": label, "sample_weight": weight}
        same(m.d2_brier_score(truth, proba[:, 0], **options), sk.d2_brier_score(truth, proba[:, 0], **options))
        same(m.brier_score_loss(truth, proba[:, 0], **options), sk.brier_score_loss(truth, proba[:, 0], **options))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(2, 5), st.booleans())
def test_hinge_loss_equals_scikit_learn(seed: int, n: int, k: int, weighted: bool) -> None:
    rng = np.random.default_rng(seed)
    codes, decision = np.append([0, 1], rng.integers(0, k, n)), rng.normal(0, 2, (n + 2, k))
    weight = rng.random(n + 2) + 0.1 if weighted else None
    truth, classes = np.array(list("edcba"))[::-1][codes], list("abcde")[:k]
    if k > 2:
        same(*(lib.hinge_loss(truth, decision, labels=classes, sample_weight=weight) for lib in (m, sk)))
    binary = np.where(codes > 0, 1, -1)
    same(*(lib.hinge_loss(binary, decision[:, 0], sample_weight=weight) for lib in (m, sk)))
    same(*(lib.hinge_loss(binary[:1], decision[:1, 0]) for lib in (m, sk)))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 30), st.booleans())
def test_scores_at_thresholds_equal_scikit_learn(seed: int, n: int, weighted: bool) -> None:
    rng = np.random.default_rng(seed)
    truth, score = np.append([0, 1], rng.integers(0, 2, n)), rng.integers(0, 5, n + 2) / 4.0
    weight = np.append([1.0, 2.0], rng.integers(0, 3, n)) if weighted else None
    for name, options in (("accuracy_score", None), ("fbeta_score", {"beta": 2, "zero_division": 0}), ("precision_recall_fscore_support", None)):
        func = getattr(sk, name)
        if name == "precision_recall_fscore_support":
            func = lambda t, p, sample_weight=None: sk.precision_recall_fscore_support(t, p, sample_weight=sample_weight, average="macro")[:3]  # noqa: E731
        ours, theirs = (lib.metric_at_thresholds(truth, score, func, sample_weight=weight, metric_params=options) for lib in (m, sk))
        same(ours[0], theirs[0])
        same(ours[1], theirs[1])


def test_one_row_has_no_skill() -> None:
    for score in (m.d2_log_loss_score, m.d2_brier_score):
        with pytest.warns(UndefinedMetricWarning, match="less than two rows"):
            assert np.isnan(score([1], [[0.5, 0.5]]))


def test_brier_score_of_one_class() -> None:
    """A vector of probabilities of rows that are all positive, or all negative, has a score where 0 and 1 leave no doubt which they are."""
    for truth in ([0, 0, 0], [1, 1, 1], [-1, -1, -1]):
        same(m.brier_score_loss(truth, [0.2, 0.5, 0.9]), sk.brier_score_loss(truth, [0.2, 0.5, 0.9]))
    with pytest.raises(InvalidInputError, match="pos_label of brier_score_loss"):
        m.brier_score_loss(["a", "a"], [0.2, 0.5])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: m.dcg_score([0, 1], [0, 1]), "y_true of dcg_score"),
        (lambda: m.dcg_score([[0, 1]], [[0, np.nan]]), "y_score of dcg_score"),
        (lambda: m.dcg_score([[0, 1]], [[0, 1, 2]]), "y_score of dcg_score"),
        (lambda: m.dcg_score([["a", "b"]], [[0, 1]]), "y_true of dcg_score"),
        (lambda: m.dcg_score([[0, 1]], [[0, 1]], k=0), "k of dcg_score"),
        (lambda: m.dcg_score([[0, 1]], [[0, 1]], log_base=1), "log_base of dcg_score"),
        (lambda: m.ndcg_score([[0, -1]], [[0, 1]]), "negative"),
        (lambda: m.ndcg_score([[1], [0]], [[1], [0]]), "at least 2 labels"),
        (lambda: m.d2_log_loss_score([0, 0], [[0.5, 0.5], [0.5, 0.5]]), "labels of d2_log_loss_score"),
        (lambda: m.d2_log_loss_score([0, 1]), "y_proba of d2_log_loss_score"),
        (lambda: m.d2_brier_score([0, 1], [0.5, 1.5]), "y_proba of d2_brier_score"),
        (lambda: m.d2_brier_score([0, 1], [0.5, 0.5], pos_label=7), "pos_label of d2_brier_score"),
        (lambda: m.hinge_loss([0, 1, 2], [0.1, 0.2, 0.3]), "pred_decision of hinge_loss"),
        (lambda: m.hinge_loss([0, 1, 2], np.zeros((3, 4))), "pass labels="),
        (lambda: m.hinge_loss([0, 1], [np.inf, 0]), "pred_decision of hinge_loss"),
        (lambda: m.hinge_loss([0, 1], ["x", "y"]), "pred_decision of hinge_loss"),
        (lambda: m.metric_at_thresholds([0, 1], [0, 1], "accuracy"), "metric_func of metric_at_thresholds"),
        (lambda: m.metric_at_thresholds([0, 1, 2], [0, 1, 2], m.accuracy_score), "y_true of metric_at_thresholds"),
    ],
)
def test_bad_arguments(call: Any, words: str) -> None:
    with pytest.raises(InvalidInputError, match=words):
        call()
