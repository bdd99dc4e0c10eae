"""Scores of labels and probabilities: scikit-learn is the oracle, to 1e-12 (sums in another order)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

import emotion_native as en
from emotion_native.exceptions import InvalidInputError

m = en.metrics
NAMES = np.array(["angry", "bored", "calm", "disgust", "fearful"])
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@st.composite
def predictions(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    n, k = draw(st.integers(1, 60)), draw(st.integers(2, 5))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    labels: Any = NAMES if draw(st.booleans()) else np.arange(5)
    kind = draw(st.sampled_from(["none", "counts", "weights"]))
    weight = None if kind == "none" else rng.integers(1, 4, n) if kind == "counts" else rng.random(n) + 0.1
    return labels[rng.integers(0, k, n)], labels[rng.integers(0, draw(st.integers(1, 5)), n)], weight


def same(ours: Any, theirs: Any) -> None:
    np.testing.assert_allclose(np.asarray(ours, dtype=float), np.asarray(theirs, dtype=float), rtol=1e-12, atol=1e-14)


@settings(max_examples=80, deadline=None)
@given(predictions())
def test_label_scores_equal_scikit_learn(rows: Any) -> None:
    y, p, w = rows
    for name in ("accuracy_score", "balanced_accuracy_score"):
        same(getattr(m, name)(y, p, sample_weight=w), getattr(sk, name)(y, p, sample_weight=w))
    # scikit-learn may take rounding of fractional weights for variance where a side is constant.
    np.testing.assert_allclose(m.matthews_corrcoef(y, p, sample_weight=w), sk.matthews_corrcoef(y, p, sample_weight=w), rtol=1e-10, atol=1e-6)
    same(m.accuracy_score(y, p, normalize=False, sample_weight=w), sk.accuracy_score(y, p, normalize=False, sample_weight=w))
    for weights in (None, "linear", "quadratic"):
        same(m.cohen_kappa_score(y, p, weights=weights, sample_weight=w), sk.cohen_kappa_score(y, p, weights=weights, sample_weight=w))
    for normalize in (None, "true", "pred", "all"):
        ours = m.confusion_matrix(y, p, sample_weight=w, normalize=normalize)
        theirs = sk.confusion_matrix(y, p, sample_weight=w, normalize=normalize)
        same(ours, theirs)
        assert ours.dtype == theirs.dtype


@settings(max_examples=80, deadline=None)
@given(
    predictions(),
    st.sampled_from([None, "micro", "macro", "weighted"]),
    st.sampled_from([0, 1, np.nan]),
    st.sampled_from([1.0, 0.5, 2.0]),
    st.booleans(),
)
def test_precision_recall_f_equal_scikit_learn(rows: Any, average: Any, zero_division: Any, beta: float, choose: bool) -> None:
    y, p, w = rows
    labels = (NAMES if y.dtype.kind == "U" else np.arange(5))[[3, 0, 1]] if choose else None
    options = {"average": average, "zero_division": zero_division, "labels": labels, "sample_weight": w}
    found, expected = (lib.precision_recall_fscore_support(y, p, beta=beta, **options) for lib in (m, sk))
    for ours, theirs in zip(found, expected, strict=True):
        if theirs is None:
            assert ours is None
        else:
            same(ours, theirs)
    for name in ("precision_score", "recall_score", "f1_score"):
        same(getattr(m, name)(y, p, **options), getattr(sk, name)(y, p, **options))


@settings(max_examples=60, deadline=None)
@given(predictions(), st.booleans(), st.sampled_from([0, 1]))
def test_report_equals_scikit_learn(rows: Any, choose: bool, zero_division: int) -> None:
    y, p, w = rows
    labels = (NAMES if y.dtype.kind == "U" else np.arange(5))[[2, 0]] if choose else None
    options: dict[str, Any] = {"labels": labels, "sample_weight": w, "zero_division": zero_division, "digits": 3}
    ours, theirs = m.classification_report(y, p, output_dict=True, **options), sk.classification_report(y, p, output_dict=True, **options)
    assert list(ours) == list(theirs)
    for key, value in theirs.items():
        same([*ours[key].values()], [*value.values()]) if isinstance(value, dict) else same(ours[key], value)
    if w is None and (y == p).any():  # without a right row scikit-learn writes the support as 1.0 instead of 1
        assert m.classification_report(y, p, **options) == sk.classification_report(y, p, **options)


def test_binary_average_and_its_errors() -> None:
    y, p = [0, 1, 1, 0], [0, 1, 0, 0]
    assert m.f1_score(y, p) == pytest.approx(sk.f1_score(y, p), rel=1e-12)
    assert m.precision_score(["a", "b"], ["b", "b"], pos_label="b") == 0.5
    with pytest.raises(InvalidInputError, match="pos_label"):
        m.f1_score(["a", "b"], ["b", "b"])
    with pytest.raises(InvalidInputError, match="more than two classes"):
        m.f1_score([0, 1, 2], [0, 1, 2])


def test_undefined_scores_warn() -> None:
    from sklearn.exceptions import UndefinedMetricWarning

    with pytest.warns(UndefinedMetricWarning, match="Precision"):
        assert m.precision_score([0, 1], [0, 0]) == 0.0
    with pytest.warns(UndefinedMetricWarning, match="kappa"):
        assert np.isnan(m.cohen_kappa_score([1, 1], [1, 1]))


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 60), st.integers(2, 6), st.integers(0, 2**32 - 1), st.booleans())
def test_probability_scores_equal_scikit_learn(n: int, k: int, seed: int, weighted: bool) -> None:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, k, n)
    proba = rng.dirichlet(np.full(k, 0.3), n)
    proba[: n // 3] = np.eye(k)[rng.integers(0, k, n // 3)]  # exact zeros, ones and ties
    w = rng.random(n) + 0.1 if weighted else None
    labels = np.arange(k)
    same(m.log_loss(y, proba, labels=labels, sample_weight=w), sk.log_loss(y, proba, labels=labels, sample_weight=w))
    same(m.log_loss(y, proba, labels=labels, normalize=False), sk.log_loss(y, proba, labels=labels, normalize=False))
    for half in ("auto", True, False):
        options: dict[str, Any] = {"labels": labels, "sample_weight": w, "scale_by_half": half}
        same(m.brier_score_loss(y, proba, **options), sk.brier_score_loss(y, proba, **options))
    if k > 2:
        for top in (1, 2, 3):
            same(*(lib.top_k_accuracy_score(y, proba, k=top, labels=labels, sample_weight=w) for lib in (m, sk)))


def test_vectors_of_probabilities() -> None:
    y, p = [0, 1, 1, 0, 1], [0.1, 0.8, 0.4, 0.3, 1.0]
    same(m.log_loss(y, p), sk.log_loss(y, p))
    same(m.brier_score_loss(y, p), sk.brier_score_loss(y, p))
    same(m.brier_score_loss(y, p, pos_label=0), sk.brier_score_loss(y, p, pos_label=0))
    same(m.top_k_accuracy_score(y, p, k=1), sk.top_k_accuracy_score(y, p, k=1))


def test_unweighted_average_recall_is_pooled_and_keeps_its_classes() -> None:
    y, p = ["a", "a", "b", "c"], ["a", "x", "b", "b"]
    assert m.unweighted_average_recall(y, p) == pytest.approx((0.5 + 1 + 0) / 3)
    assert m.unweighted_average_recall(y, p, labels=["a", "b"]) == pytest.approx(0.75)
    assert m.unweighted_average_recall(y, p) == m.balanced_accuracy_score(y, p)
    with pytest.raises(InvalidInputError):
        m.unweighted_average_recall(y, p, labels=["z"])


LABEL_SCORES = [
    m.accuracy_score,
    m.balanced_accuracy_score,
    m.unweighted_average_recall,
    m.matthews_corrcoef,
    m.cohen_kappa_score,
    m.confusion_matrix,
    m.f1_score,
    m.precision_score,
    m.recall_score,
    m.precision_recall_fscore_support,
    m.classification_report,
]


@pytest.mark.parametrize("score", LABEL_SCORES, ids=lambda f: f.__name__)
@pytest.mark.parametrize(
    ("y", "p"),
    [
        ([], []),
        ([0, 1], [0]),
        ([0.0, np.nan], [0, 1]),
        ([0, 1], [0, np.inf]),
        ([0.5, 1.2], [0, 1]),
        ([[0, 2], [1, 0]], [[0, 1], [1, 0]]),
        ([[0, 1], [1, 0]], [0, 1]),
        (["a", "b"], [0, 1]),
        (3, 3),
    ],
)
def test_bad_labels(score: Any, y: Any, p: Any) -> None:
    with pytest.raises(InvalidInputError):
        score(y, p)


@pytest.mark.parametrize("score", [m.accuracy_score, m.balanced_accuracy_score, m.matthews_corrcoef], ids=lambda f: f.__name__)
@pytest.mark.parametrize("weight", [[1.0], [1.0, np.nan], [[1.0, 1.0]]])
def test_bad_weights(score: Any, weight: Any) -> None:
    with pytest.raises(InvalidInputError, match="sample_weight"):
        score([0, 1], [0, 1], sample_weight=weight)


@pytest.mark.parametrize("score", [m.log_loss, m.brier_score_loss, m.expected_calibration_error, m.reliability_curve], ids=lambda f: f.__name__)
@pytest.mark.parametrize(
    ("y", "p"),
    [
        ([], np.empty((0, 2))),
        ([0, 1], [[0.5, 0.5]]),
        ([0, 1], [[1.5, -0.5], [0.5, 0.5]]),
        ([0, 1], [[np.nan, 0.5], [0.5, 0.5]]),
        ([0, 1, 2], np.full((3, 2), 0.5)),
        ([0, 0], np.full((2, 2), 0.5)),
    ],
)
def test_bad_probabilities(score: Any, y: Any, p: Any) -> None:
    with pytest.raises(InvalidInputError):
        score(y, p)


def test_hostile_weights() -> None:
    """Weights that are all zero, or complex, are refused by name; rows without weight are as if they were not there."""
    y, p, proba = [0, 1, 1, 0], [0, 1, 0, 0], np.array([[0.8, 0.2], [0.3, 0.7], [0.6, 0.4], [0.9, 0.1]])
    scores: list[Any] = [m.accuracy_score, m.balanced_accuracy_score, m.hamming_loss, m.zero_one_loss]
    for score, answer in [*((s, p) for s in scores), (m.log_loss, proba), (m.brier_score_loss, proba), (m.hinge_loss, proba[:, 1])]:
        with pytest.raises(InvalidInputError, match="sample_weight"):
            score(y, answer, sample_weight=np.zeros(4))
        with pytest.raises(InvalidInputError, match="sample_weight"):
            score(y, answer, sample_weight=np.array([1.0, 1.0, 1.0, 1j]))
        some = score(y, answer, sample_weight=[1.0, 2.0, 0.5, 0.0])
        assert some == pytest.approx(score(y[:3], answer[:3], sample_weight=[1.0, 2.0, 0.5]), rel=1e-12)


def test_sequences_of_labels_are_refused() -> None:
    rows = np.array([[], [1, 2]], dtype=object)
    for score in (m.accuracy_score, m.hamming_loss, m.multilabel_confusion_matrix):
        with pytest.raises(InvalidInputError, match="a sequence in a row"):
            score(rows, rows)


def test_one_class_has_no_score_above_chance() -> None:
    assert np.isnan(m.balanced_accuracy_score([1, 1], [1, 1], adjusted=True))


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 40), st.integers(2, 5), st.booleans())
def test_probability_scores_of_indicator_columns_equal_scikit_learn(seed: int, n: int, k: int, several: bool) -> None:
    """One column a class; of several true classes a row each adds its part."""
    rng = np.random.default_rng(seed)
    y = (rng.random((n, k)) < 0.4).astype(int) if several else np.eye(k, dtype=int)[rng.integers(0, k, n)]
    y[0], y[1] = np.eye(k, dtype=int)[0], np.eye(k, dtype=int)[1]
    proba, weight = rng.dirichlet(np.ones(k), n), rng.random(n) + 0.1
    for name in ("log_loss", "brier_score_loss", "d2_log_loss_score", "d2_brier_score"):
        same(getattr(m, name)(y, proba, sample_weight=weight), getattr(sk, name)(y, proba, sample_weight=weight))


def test_bad_options() -> None:
    proba = [[0.5, 0.5], [0.5, 0.5]]
    for call in (
        lambda: m.confusion_matrix([0, 1], [0, 1], normalize="rows"),
        lambda: m.confusion_matrix([0, 1], [0, 1], labels=[7]),
        lambda: m.cohen_kappa_score([0, 1], [0, 1], weights="cubic"),
        lambda: m.precision_recall_fscore_support([0, 1], [0, 1], average="samples"),
        lambda: m.precision_recall_fscore_support([0, 1], [0, 1], zero_division=3),
        lambda: m.precision_recall_fscore_support([0, 1], [0, 1], beta=-1),
        lambda: m.classification_report([0, 1], [0, 1], target_names=["one"]),
        lambda: m.top_k_accuracy_score([0, 1], proba, k=0),
        lambda: m.brier_score_loss([0, 1], proba, scale_by_half="always"),
        lambda: m.log_loss([0, 1], proba, labels=[0, 2]),
        lambda: m.expected_calibration_error([0, 1], proba, n_bins=0),
        lambda: m.expected_calibration_error([0, 1], proba, strategy="kmeans"),
    ):
        with pytest.raises(InvalidInputError):
            call()
