"""Several labels a row, and scores label by label: scikit-learn is the oracle, to 1e-12 (sums in another order)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn import metrics as sk

import emotion_native as en
from emotion_native.exceptions import InvalidInputError

m = en.metrics
AVERAGES = [None, "micro", "macro", "weighted", "samples"]
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@st.composite
def indicators(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    n, k = draw(st.integers(1, 30)), draw(st.integers(2, 6))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    share = draw(st.sampled_from([0.1, 0.5, 0.9]))
    kind = draw(st.sampled_from(["none", "counts", "weights"]))
    weight = None if kind == "none" else rng.integers(1, 4, n) if kind == "counts" else rng.random(n) + 0.1
    return (rng.random((n, k)) < share).astype(int), (rng.random((n, k)) < 0.4).astype(int), weight


def same(ours: Any, theirs: Any) -> None:
    np.testing.assert_allclose(np.asarray(ours, dtype=float), np.asarray(theirs, dtype=float), rtol=1e-12, atol=1e-13)


@settings(max_examples=60, deadline=None)
@given(indicators(), st.sampled_from(AVERAGES), st.sampled_from([0, 1]), st.booleans())
def test_scores_of_indicators_equal_scikit_learn(rows: Any, average: Any, zero_division: int, choose: bool) -> None:
    y, p, w = rows
    labels = [1, 0] if choose else None
    options = {"average": average, "zero_division": zero_division, "labels": labels, "sample_weight": w}
    for name in ("jaccard_score", "precision_score", "recall_score", "f1_score"):
        same(getattr(m, name)(y, p, **options), getattr(sk, name)(y, p, **options))
    same(m.fbeta_score(y, p, beta=0.5, **options), sk.fbeta_score(y, p, beta=0.5, **options))
    for name in ("accuracy_score", "hamming_loss", "zero_one_loss"):
        same(getattr(m, name)(y, p, sample_weight=w), getattr(sk, name)(y, p, sample_weight=w))
        same(getattr(m, name)(sparse.csr_matrix(y), p, sample_weight=w), getattr(sk, name)(y, p, sample_weight=w))
    for samplewise in (False, True):
        ours, theirs = (lib.multilabel_confusion_matrix(y, p, labels=labels, sample_weight=w, samplewise=samplewise) for lib in (m, sk))
        same(ours, theirs)
        assert w is not None or ours.dtype == theirs.dtype  # weighted ones are counts or not by the number of labels there


@settings(max_examples=40, deadline=None)
@given(indicators(), st.booleans())
def test_reports_equal_scikit_learn(rows: Any, weighted: bool) -> None:
    y, p, w = rows
    options = {"sample_weight": w if weighted else None, "zero_division": 0}
    if options["sample_weight"] is None or w.dtype.kind == "i":  # sums of fractional weights are printed with all digits, which depend on their order
        assert m.classification_report(y, p, **options) == sk.classification_report(y, p, **options)
    ours, theirs = (lib.classification_report(y, p, output_dict=True, **options) for lib in (m, sk))
    assert ours.keys() == theirs.keys()
    for name, row in theirs.items():
        same(list(ours[name].values()), list(row.values()))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 5), st.sampled_from([None, "micro", "macro", "weighted"]), st.booleans())
def test_scores_of_one_label_a_row_equal_scikit_learn(seed: int, k: int, average: Any, weighted: bool) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 40))
    y, p, w = rng.integers(0, k, n), rng.integers(0, k, n), rng.random(n) + 0.1 if weighted else None
    same(
        m.jaccard_score(y, p, average=average, zero_division=0, sample_weight=w),
        sk.jaccard_score(y, p, average=average, zero_division=0, sample_weight=w),
    )
    same(
        m.multilabel_confusion_matrix(y, p, labels=[1, 0, 7], sample_weight=w),
        sk.multilabel_confusion_matrix(y, p, labels=[1, 0, 7], sample_weight=w),
    )
    for name in ("hamming_loss", "zero_one_loss"):
        same(getattr(m, name)(y, p, sample_weight=w), getattr(sk, name)(y, p, sample_weight=w))
    same(m.zero_one_loss(y, p, normalize=False, sample_weight=w), sk.zero_one_loss(y, p, normalize=False, sample_weight=w))
    if average is None:
        return
    same(m.fbeta_score(y, p, beta=2, average=average, zero_division=0), sk.fbeta_score(y, p, beta=2, average=average, zero_division=0))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_likelihood_ratios_equal_scikit_learn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 30))
    y, p = rng.integers(0, 2, n), rng.integers(0, 2, n)
    y[:2], p[-2:] = [0, 1], [1, 0]
    for fill in (np.nan, 1.0, {"LR+": np.inf, "LR-": 0.5}):
        same(m.class_likelihood_ratios(y, p, replace_undefined_by=fill), sk.class_likelihood_ratios(y, p, replace_undefined_by=fill))
    same(m.class_likelihood_ratios(y, p, labels=[1, 0]), sk.class_likelihood_ratios(y, p, labels=[1, 0]))


@settings(max_examples=60, deadline=None)
@given(indicators(), st.integers(1, 6))
def test_label_ranking_equals_scikit_learn(rows: Any, levels: int) -> None:
    y, _, w = rows
    score = np.random.default_rng(int(y.sum())).integers(0, levels, y.shape) / 4
    if len(np.unique(y)) < 2:
        y[0, :2] = [0, 1]
    for name in ("coverage_error", "label_ranking_loss", "label_ranking_average_precision_score"):
        same(getattr(m, name)(y, score, sample_weight=w), getattr(sk, name)(y, score, sample_weight=w))


def test_bits_of_label_ranking_do_not_depend_on_threads(rng: np.random.Generator) -> None:
    from emotion_native import _core

    y, score = (rng.random((3000, 28)) < 0.1).astype(np.uint8), rng.normal(size=(3000, 28))
    one = _core.label_ranking(y, score, 1)
    for n_jobs in (2, 7):
        assert np.array_equal(_core.label_ranking(y, score, n_jobs), one)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: m.jaccard_score([[0, 1]], [[1, 1]]), "average of jaccard_score"),
        (lambda: m.jaccard_score([0, 1], [1, 1], average="samples"), "average of jaccard_score"),
        (lambda: m.jaccard_score([0, 1], [1, 1], average="mean"), "average of jaccard_score"),
        (lambda: m.jaccard_score([0, 1], [1, 1], zero_division="no"), "zero_division of jaccard_score"),
        (lambda: m.f1_score([[0, 1]], [[1, 1]], average="macro", labels=[2]), "labels of precision_recall_fscore_support"),
        (lambda: m.hamming_loss([[0, 1]], [[1, 1, 0]]), "y_pred of hamming_loss"),
        (lambda: m.hamming_loss([[0, 1]], [1]), "y_pred of hamming_loss"),
        (lambda: m.zero_one_loss([[0, 3]], [[1, 1]]), "y_true of zero_one_loss"),
        (lambda: m.multilabel_confusion_matrix([0, 1], [1, 1], samplewise=True), "samplewise of multilabel_confusion_matrix"),
        (lambda: m.class_likelihood_ratios([0, 1, 2], [0, 1, 1]), "y_true of class_likelihood_ratios"),
        (lambda: m.class_likelihood_ratios([0, 1], [0, 1], replace_undefined_by={"LR+": 0.5, "LR-": 0}), "replace_undefined_by of"),
        (lambda: m.coverage_error([[0, 1]], [[1, np.nan]]), "y_score of coverage_error"),
        (lambda: m.label_ranking_loss([[0, 1]], [[1, 2, 3]]), "y_score of label_ranking_loss"),
        (lambda: m.label_ranking_loss([0, 1], [1, 2]), "y_true of label_ranking_loss"),
        (lambda: m.cohen_kappa_score([0], [0], replace_undefined_by=2), "replace_undefined_by of cohen_kappa_score"),
    ],
)
def test_messages(call: Any, words: str) -> None:
    with pytest.raises(InvalidInputError, match=words.replace("+", r"\+")):
        call()
