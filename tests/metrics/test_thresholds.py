"""Curves and areas over thresholds: scikit-learn is the oracle, to 1e-12 (sums in another order); areas also by counting pairs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

import emotion_native as en
from emotion_native.exceptions import InvalidInputError

from .conftest import same

m = en.metrics
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@st.composite
def binary(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    n = draw(st.integers(2, 40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    y = rng.integers(0, 2, n)
    y[:2] = [0, 1]
    score = rng.integers(0, 5, n) / 4 if draw(st.booleans()) else rng.normal(size=n)
    weight = None if draw(st.booleans()) else rng.integers(0, 3, n) + np.where(np.arange(n) < 2, 1, 0)
    return y, score, weight


@settings(max_examples=100, deadline=None)
@given(binary(), st.booleans())
def test_curves_equal_scikit_learn(rows: Any, drop: bool) -> None:
    y, score, w = rows
    for name in ("roc_curve", "precision_recall_curve", "det_curve"):
        for ours, theirs in zip(*(getattr(lib, name)(y, score, sample_weight=w, drop_intermediate=drop) for lib in (m, sk)), strict=True):
            same(ours, theirs)
            assert ours.flags.c_contiguous or name == "det_curve"
    for ours, theirs in zip(*(lib.confusion_matrix_at_thresholds(y, score, sample_weight=w) for lib in (m, sk)), strict=True):
        same(ours, theirs)
    names = np.array(["calm", "sad"])[y]
    for ours, theirs in zip(*(lib.roc_curve(names, score, pos_label="calm") for lib in (m, sk)), strict=True):
        same(ours, theirs)


@settings(max_examples=100, deadline=None)
@given(binary(), st.sampled_from([None, 0.05, 0.3, 1.0]))
def test_areas_equal_scikit_learn(rows: Any, max_fpr: float | None) -> None:
    y, score, w = rows
    same(m.roc_auc_score(y, score, sample_weight=w, max_fpr=max_fpr), sk.roc_auc_score(y, score, sample_weight=w, max_fpr=max_fpr))
    same(m.average_precision_score(y, score, sample_weight=w), sk.average_precision_score(y, score, sample_weight=w))


def test_the_area_is_the_share_of_pairs_in_order(rng: np.random.Generator) -> None:
    """Wilcoxon: the area is the probability that a positive row scores above a negative one, a tie counting half."""
    y, score = rng.integers(0, 2, 300), rng.integers(0, 40, 300)
    gap = score[y == 1][:, None] - score[y == 0][None, :]
    assert m.roc_auc_score(y, score) == pytest.approx(((gap > 0) + 0.5 * (gap == 0)).mean(), abs=1e-13)


@pytest.mark.parametrize("average", [None, "micro", "macro", "weighted"])
@pytest.mark.parametrize("weighted", [False, True])
def test_several_classes(rng: np.random.Generator, average: str | None, weighted: bool) -> None:
    y = np.array(["a", "b", "c", "d"])[rng.integers(0, 4, 200)]
    proba = rng.dirichlet(np.ones(4), 200)
    w = rng.random(200) if weighted else None
    options: Any = {"average": average, "sample_weight": w}
    same(m.roc_auc_score(y, proba, multi_class="ovr", **options), sk.roc_auc_score(y, proba, multi_class="ovr", **options))
    same(m.average_precision_score(y, proba, **options), sk.average_precision_score(y, proba, **options))
    if average in ("macro", "weighted") and not weighted:
        same(m.roc_auc_score(y, proba, multi_class="ovo", average=average), sk.roc_auc_score(y, proba, multi_class="ovo", average=average))
    some = y != "c"
    options["sample_weight"] = None if w is None else w[some]
    ours, theirs = (lib.roc_auc_score(y[some], proba[some], multi_class="ovr", labels=list("abcd"), **options) for lib in (m, sk))
    same(ours, theirs)


@pytest.mark.parametrize("average", [None, "micro", "macro", "weighted", "samples"])
@pytest.mark.parametrize("weighted", [False, True])
def test_several_labels_a_row(rng: np.random.Generator, average: str | None, weighted: bool) -> None:
    y, score = (rng.random((60, 5)) < 0.4).astype(int), rng.random((60, 5))
    y[:, :2] = [0, 1]
    y[:3, :] = [[0, 1, 0, 1, 1], [1, 0, 1, 0, 0], [1, 0, 1, 1, 1]]
    options: Any = {"average": average, "sample_weight": rng.random(60) if weighted else None}
    for name in ("roc_auc_score", "average_precision_score"):
        same(getattr(m, name)(y, score, **options), getattr(sk, name)(y, score, **options))


def test_area_under_any_curve() -> None:
    assert m.auc([1, 0.5, 0], [1, 1, 0]) == 0.75
    with pytest.raises(InvalidInputError, match="x of auc"):
        m.auc([0, 1, 0.5], [0, 1, 1])


def test_one_class_only_is_undefined() -> None:
    from sklearn.exceptions import UndefinedMetricWarning

    with pytest.warns(UndefinedMetricWarning, match="ROC"):
        assert np.isnan(m.roc_auc_score([1, 1], [0.1, 0.2]))
    with pytest.warns(UserWarning, match="No positive"):
        assert m.average_precision_score([0, 0], [0.1, 0.2]) == 0.0


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: m.roc_curve(["a", "b"], [0, 1]), "pos_label of roc_curve"),
        (lambda: m.roc_curve([0, 1], [0, np.nan]), "y_score of roc_curve"),
        (lambda: m.roc_curve([0, 1], [0, 1, 2]), "y_score of roc_curve"),
        (lambda: m.det_curve([1, 1], [0, 1]), "y_true of det_curve"),
        (lambda: m.roc_auc_score([0, 1, 2], np.eye(3)), "multi_class of roc_auc_score"),
        (lambda: m.roc_auc_score([0, 1, 2], np.eye(3), multi_class="ovo", average=None), "average of roc_auc_score"),
        (lambda: m.roc_auc_score([0, 1, 2], np.eye(3) * 2, multi_class="ovo"), "y_score of roc_auc_score"),
        (lambda: m.roc_auc_score([0, 1, 2], np.eye(3), multi_class="ovo", sample_weight=[1, 1, 1]), "sample_weight of roc_auc_score"),
        (lambda: m.roc_auc_score([0, 1, 2], np.eye(3), multi_class="ovr", labels=[2, 1, 0]), "labels of roc_auc_score"),
        (lambda: m.roc_auc_score([0, 1, 2], np.eye(3), multi_class="ovr", labels=[0, 1, 3]), "labels of roc_auc_score"),
        (lambda: m.roc_auc_score([0, 1, 2], np.eye(3), multi_class="ovr", max_fpr=0.5), "max_fpr of roc_auc_score"),
        (lambda: m.roc_auc_score([0, 1], [0, 1], max_fpr=0), "max_fpr of roc_auc_score"),
        (lambda: m.average_precision_score(["a", "b"], [0, 1]), "pos_label of average_precision_score"),
        (lambda: m.average_precision_score([[0, 1], [1, 0]], np.eye(2), pos_label=0), "pos_label of average_precision_score"),
    ],
)
def test_messages(call: Any, words: str) -> None:
    with pytest.raises(InvalidInputError, match=words):
        call()
