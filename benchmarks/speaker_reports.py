"""A report with intervals over speakers: ours by the jackknife, which leaves out each of 100 speakers once, against a bootstrap of whole speakers as
people write it with scikit-learn's metrics, in which each of 2,000 resamples computes every score anew. Both answer the same question."""

from __future__ import annotations

import warnings

import numpy as np
import sklearn.metrics as sk
from protocol import Contender, Row

import emotion_native as en
from emotion_native._threads import effective_n_jobs

SPEAKERS, CLASSES, CLIPS, RESAMPLES = 100, 8, 60, 2000
SCALE = 100.0  # the loop draws so many times fewer resamples
LIMIT = 1.0


def rows() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return truth, probabilities and speakers; speakers differ in how hard they are."""
    rng = np.random.default_rng(8)
    speaker = np.repeat(np.arange(SPEAKERS), CLIPS)
    truth = rng.integers(0, CLASSES, len(speaker))
    skill = np.exp(rng.normal(0.0, 0.5, SPEAKERS))[speaker, None]
    proba = rng.dirichlet(np.ones(CLASSES), len(speaker)) + skill * 0.4 * np.eye(CLASSES)[truth]
    return truth, proba / proba.sum(axis=1, keepdims=True), speaker


def scores(truth: np.ndarray, proba: np.ndarray) -> np.ndarray:
    """Return the scores of the report that scikit-learn has: ten, and the recall of each class."""
    predicted = proba.argmax(axis=1)
    known = np.arange(CLASSES)
    return np.array([
        sk.accuracy_score(truth, predicted),
        sk.balanced_accuracy_score(truth, predicted),
        sk.f1_score(truth, predicted, average="macro"),
        sk.f1_score(truth, predicted, average="weighted"),
        sk.cohen_kappa_score(truth, predicted),
        sk.matthews_corrcoef(truth, predicted),
        sk.top_k_accuracy_score(truth, proba, k=2, labels=known),
        sk.top_k_accuracy_score(truth, proba, k=3, labels=known),
        sk.log_loss(truth, proba, labels=known),
        sk.brier_score_loss(truth, proba, labels=known, scale_by_half=False),
        *sk.recall_score(truth, predicted, average=None, labels=known),
    ])


NAMES = ("accuracy", "balanced_accuracy", "macro_f1", "weighted_f1", "cohen_kappa", "matthews_corrcoef", "top_2_accuracy", "top_3_accuracy")


def row() -> Row:
    """Return the comparison; ours has coverage, selective accuracy and calibration error with intervals, and all tables, besides."""
    truth, proba, speaker = rows()

    def ours() -> np.ndarray:
        summary = en.metrics.classification_summary(truth, proba, classes=np.arange(CLASSES), speakers=speaker)
        overall = [summary["overall"][name] for name in (*NAMES, "log_loss", "brier")]
        table = [(each["value"], each["low"], each["high"]) for each in overall]
        return np.array(table + [(each["recall"], each["recall_low"], each["recall_high"]) for each in summary["per_class"]])

    def theirs() -> np.ndarray:
        rng = np.random.default_rng(0)
        places = [np.flatnonzero(speaker == s) for s in range(SPEAKERS)]
        draws = []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for _ in range(int(RESAMPLES / SCALE)):
                drawn = np.concatenate([places[s] for s in rng.integers(0, SPEAKERS, SPEAKERS)])
                draws.append(scores(truth[drawn], proba[drawn]))
            estimate = scores(truth, proba)
        low, high = np.quantile(draws, [0.025, 0.975], axis=0)
        return np.column_stack([estimate, low, high])

    def check(a: np.ndarray, b: np.ndarray) -> dict[str, float]:
        np.testing.assert_allclose(a[:, 0], b[:, 0], rtol=1e-9)  # the scores; the ends of the intervals rest on another method
        ratio = float(np.median((a[:, 2] - a[:, 1]) / (b[:, 2] - b[:, 1])))
        assert 0.8 < ratio < 1.8, ratio  # 20 draws give an interval that is somewhat too narrow
        return {"largest difference of a score": float(np.abs(a[:, 0] - b[:, 0]).max()), "width of our intervals / theirs": ratio}

    loop = f"bootstrap with scikit-learn's metrics ({int(RESAMPLES / SCALE)} of {RESAMPLES:,} resamples, times {SCALE:g})"
    return Row(
        "speaker_report",
        "A report: every score with its interval over speakers",
        f"{SPEAKERS} speakers x {CLIPS} clips, {CLASSES} classes; ours: 21 scores with intervals by a jackknife of {SPEAKERS} replicates and all "
        f"tables; theirs: 18 of these scores by a bootstrap of {RESAMPLES:,} resamples of whole speakers",
        [Contender("emotion-native", ours, effective_n_jobs(None)), Contender(loop, theirs, 1, package="scikit-learn", scale=SCALE)],
        check,
        limit=LIMIT,
    )
