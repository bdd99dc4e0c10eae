"""Two models on the same clips, compared over speakers."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .._threads import effective_n_jobs
from .._validation import check_seed
from ..exceptions import InvalidInputError
from . import _rates
from ._inputs import Array, Codes, Floats, check_column, check_probabilities, classes_of_columns, codes_of, has_mixed_kinds, union_of, warn_rows
from ._intervals import Interval, check_level, check_resamples, check_speakers, jackknife_interval, spread
from ._names import check_measure
from ._paired_calibration import CALIBRATION, TopLabels, influence
from ._probabilistic import row_brier, row_log_loss, row_top_k
from ._significance import detectable_difference, least_p_value
from ._statistics import Statistic, of_counts, of_row_means, speaker_counts

ROW_SCORES = ("log_loss", "brier", "top_2_accuracy", "top_3_accuracy")
_KNOWN = (*_rates.BY_NAME, *ROW_SCORES, CALIBRATION)
LOWER_IS_BETTER = ("log_loss", "brier", CALIBRATION)
EXACT_SPEAKERS = 20
_MARGIN = 1e-12


@dataclass(frozen=True)
class PairedComparison:
    """The difference between two models over speakers.

    Attributes
    ----------
    metric : str
    a, b : float
        Score of each model.
    difference : Interval
        a - b, with its interval over speakers; of calibration errors before they are cut at 0.
    p_value : float
        Two-sided, of the permutation test that exchanges the models' answers speaker by speaker; of calibration errors, of the test that turns the
        signs of what each speaker brought to the difference.
    method : str
        How many exchanges were looked at.
    n_speakers : int
    a_better, b_better : int
        Speakers for whom the one or the other scores better; the rest are equal, or lack the score.
    detectable : float
        The difference that a comparison with this many speakers and this spread would find with 80 % probability.
    """

    metric: str
    a: float
    b: float
    difference: Interval
    p_value: float
    method: str
    n_speakers: int
    a_better: int
    b_better: int
    detectable: float

    def to_dict(self) -> dict[str, Any]:
        """Return a dict for JSON; NaN and infinity become None."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "difference"}
        plain = {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in values.items()}
        return {**plain, "difference": self.difference.to_dict(), "hint": self.hint()}

    def hint(self) -> str:
        """Return what a comparison over these speakers could see at all."""
        return power_hint(self.n_speakers, self.detectable, self.difference.level)

    def __repr__(self) -> str:
        return f"PairedComparison({self})"

    def __str__(self) -> str:
        return f"{self.metric}: {self.a:.3f} - {self.b:.3f} = {self.difference}; p = {self.p_value:.3g} ({self.method})"


def power_hint(n_speakers: int, detectable: float, level: float = 0.95) -> str:
    """Return a sentence on what so many speakers can show."""
    alpha = f"{round(100 * (1 - level), 6):g} %"
    speakers = f"{n_speakers} speaker{'' if n_speakers == 1 else 's'}"
    if not math.isfinite(detectable):
        least = least_p_value(n_speakers)
        return f"With {speakers} no difference can be shown at the {alpha} level: p cannot be below {least:.3g}."
    if detectable == 0:
        return f"With {speakers} no spread between speakers was seen, so nothing can be said about what a comparison would find."
    return f"With {speakers} a difference under {detectable:.3f} cannot be expected to be seen (80 % power at the {alpha} level)."


def difference_of(a: Statistic, b: Statistic) -> Statistic:
    """Return the difference of two statistics over the same speakers."""
    return Statistic(lambda weights: a.values(weights) - b.values(weights), a.n_speakers, low=a.low - b.high, high=a.high - b.low, sizes=a.sizes)


@dataclass(frozen=True)
class _Side:
    """One model: its statistic, and what the permutation test exchanges (counts, or sums over rows; neither: what the jackknife says)."""

    statistic: Statistic
    per_speaker: Floats
    counts: Floats | None = None
    sums: Floats | None = None


def _side_of_labels(metric: str, truth: Codes, predicted: Any, classes: Array, speaker: Codes, n: int, parameter: str, caller: str) -> _Side:
    k = len(classes)
    given = np.asarray(predicted)
    if given.ndim == 2 and given.shape[1] > 1:
        codes = np.argmax(check_probabilities(given, parameter, caller, n=len(truth), k=k), axis=1).astype(np.int64)
    else:
        labels = check_column(predicted if has_mixed_kinds(predicted, given) else given, parameter, caller)
        if len(labels) != len(truth):
            raise InvalidInputError(f"{parameter} of {caller} must be as long as y_true, {len(truth)}; got {len(labels)}")
        union_of(classes, labels, caller=caller)
        codes = codes_of(labels, classes)
    counts = speaker_counts(truth, np.where(codes < 0, k, codes), speaker, n, k + 1)
    per_speaker = np.asarray(_rates.BY_NAME[metric](counts, k), dtype=np.float64)
    return _Side(of_counts(counts, metric, k), per_speaker, counts=counts)


def _side_of_probabilities(metric: str, truth: Codes, proba: Any, classes: Array, speaker: Codes, n: int, parameter: str, caller: str) -> _Side:
    values = check_probabilities(proba, parameter, caller, n=len(truth), k=len(classes))
    warn_rows(values, caller, rounded=1e-3)
    if metric == CALIBRATION:
        top = TopLabels.of(truth, values, speaker, n)
        return _Side(top.statistic(), top.per_speaker())
    if metric == "log_loss":
        rows, high = row_log_loss(truth, values), math.inf
    elif metric == "brier":
        rows, high = row_brier(truth, values), 2.0
    else:
        rows, high = row_top_k(truth, values, int(metric[4])), 1.0
    sums: Floats = np.bincount(speaker, weights=rows, minlength=n).astype(np.float64)
    return _Side(of_row_means(rows, speaker, n, high=high), sums / np.bincount(speaker, minlength=n), sums=sums)


@dataclass(frozen=True)
class _Rows:
    """What both models share: codes of the true classes and of the speakers."""

    truth: Codes
    classes: Array
    speaker: Codes
    n_speakers: int

    @classmethod
    def checked(cls, y_true: Any, speakers: Any, labels: Any, caller: str) -> _Rows:
        truth = check_column(y_true, "y_true", caller)
        codes, n_speakers, _ = check_speakers(speakers, len(truth), caller)
        classes = classes_of_columns(truth, labels, caller)
        known_truth = codes_of(truth, classes)
        if (known_truth < 0).any():
            raise InvalidInputError(f"labels of {caller} must hold every label of y_true; {truth[np.argmax(known_truth < 0)]!r} is missing")
        return cls(known_truth, classes, codes, n_speakers)

    def side(self, metric: str, given: Any, parameter: str, caller: str) -> _Side:
        of = _side_of_labels if metric in _rates.BY_NAME else _side_of_probabilities
        return of(metric, self.truth, given, self.classes, self.speaker, self.n_speakers, parameter, caller)


def _p_value(a: _Side, b: _Side, metric: str, k: int, n_resamples: int, seed: int, n_jobs: int) -> tuple[float, str]:
    from .. import _core

    limits = (EXACT_SPEAKERS, n_resamples, seed, n_jobs)
    kind, moves, units = "permutation test", "exchanges", "speaker"
    if a.counts is not None and b.counts is not None:
        first, second = (np.ascontiguousarray(counts.reshape(len(counts), -1)) for counts in (a.counts, b.counts))
        _, p, n, exact = _core.swap_test(first, second, k + 1, k, metric, *limits)
    elif a.sums is None or b.sums is None:
        values = influence(difference_of(a.statistic, b.statistic))
        kind, moves = "sign-flip test of the jackknife's values", "signs"
        units = "speaker" if len(values) == a.statistic.n_speakers else f"group of speakers ({len(values)} groups)"
        _, p, n, exact = _core.sign_flip_test(values, *limits)
    else:
        _, p, n, exact = _core.sign_flip_test(a.sums - b.sums, *limits)
    every = f"all {2 * n:,} {moves} by {units}" if n > 1 else "no speakers that differ"
    return float(p), f"{kind}, {every if exact else f'{n:,} random {moves} by {units}'}"


def _interval(statistic: Statistic, level: float, widest: float) -> Interval:
    """Return the interval of a difference, within the widest; where no speaker differs, the exact bound on how many others may."""
    interval = jackknife_interval(statistic, level)
    n = statistic.n_speakers
    if n < 2 or math.isnan(interval.estimate):
        return interval
    if interval.high - interval.low <= _MARGIN:
        reach = min(1.0, 1.0 - ((1.0 - level) / 2.0) ** (1.0 / n)) * widest
        name = "Clopper-Pearson over speakers (no spread between them)"
        interval = replace(interval, low=interval.estimate - reach, high=interval.estimate + reach, method=name)
    low, high = max(interval.low, -widest), min(interval.high, widest)
    return replace(interval, low=min(low, interval.estimate), high=max(high, interval.estimate))


def paired_speaker_test(
    metric: str,
    y_true: Any,
    y_pred_a: Any,
    y_pred_b: Any,
    speakers: Any,
    *,
    level: float = 0.95,
    labels: Any = None,
    n_permutations: int = 9999,
    random_state: Any = 0,
    n_jobs: int | None = None,
) -> PairedComparison:
    """Compare two models that predicted the same clips, with speakers as the independent units.

    The p-value is of the permutation test that exchanges the two models' answers for whole speakers and computes the pooled score anew each
    time: every exchange up to 20 speakers that differ, random ones above. If the models are equally good for a speaker drawn at random, with
    differences as likely in one direction as in the other, its false alarms are at most at their level for any number of speakers, unequal
    numbers of clips included. The interval of the difference is the one of `speaker_interval`.

    The calibration error is the debiased one, and the difference is of the values before they are cut at 0. Models whose answers differ can have
    equal errors, so its test does not exchange answers but turns the signs of what each speaker brought to the difference, as leaving the speaker out
    shows it. That is no exact test: its measured false alarms stand in ``docs/explanation/statistics.md``.

    Parameters
    ----------
    metric : str
        ``"accuracy"``, ``"balanced_accuracy"`` (``"uar"``), ``"macro_f1"``, ``"weighted_f1"``, ``"cohen_kappa"``, ``"matthews_corrcoef"``; with
        probabilities also ``"log_loss"``, ``"brier"``, ``"top_2_accuracy"``, ``"top_3_accuracy"``, ``"expected_calibration_error"``.
    y_true : array-like of shape (n_samples,)
    y_pred_a, y_pred_b : array-like of shape (n_samples,) or (n_samples, n_classes)
        Labels, or probabilities with columns in sorted order of the classes. A label that is no class (a failed clip) is a wrong answer.
    speakers : array-like of shape (n_samples,)
    level : float
    labels : array-like, optional
        All classes. Default: those of ``y_true``.
    n_permutations : int
        Random exchanges, above 20 speakers.
    random_state : int, RandomState, Generator or None
    n_jobs : int or None
        Threads; results do not depend on it.

    Returns
    -------
    PairedComparison

    Raises
    ------
    InvalidInputError
        If an argument breaks its rule.

    Notes
    -----
    Fisher, "The design of experiments", 1935, section 21; Phipson & Smyth, "Permutation p-values should never be zero", 2010. Compared by
    speaker: Bengio & Mariéthoz, "A statistical significance test for person authentication", 2004, argue the same for verification.

    Examples
    --------
    >>> import numpy as np
    >>> from emotion_native.metrics import paired_speaker_test
    >>> truth, speaker = np.tile([0, 1, 0, 1], 8), np.repeat(np.arange(8), 4)
    >>> worse = np.where(np.arange(32) % 4 == 0, 1 - truth, truth)
    >>> result = paired_speaker_test("accuracy", truth, truth, worse, speaker)
    >>> round(result.difference.estimate, 3), result.p_value, result.a_better
    (0.25, 0.0078125, 8)
    """
    caller = "paired_speaker_test"
    level = check_level(level, caller)
    seed = check_seed(random_state, caller=caller)
    metric = check_measure(metric, _KNOWN, "metric", caller)
    rows = _Rows.checked(y_true, speakers, labels, caller)
    a, b = (rows.side(metric, given, name, caller) for given, name in ((y_pred_a, "y_pred_a"), (y_pred_b, "y_pred_b")))
    jobs = effective_n_jobs(n_jobs, caller=caller)
    p, method = _p_value(a, b, metric, len(rows.classes), check_resamples(n_permutations, caller, "n_permutations"), seed, jobs)
    gap_statistic = difference_of(a.statistic, b.statistic)
    difference = _interval(gap_statistic, level, 1.0 if metric == CALIBRATION else gap_statistic.high)
    everybody = np.ones((1, rows.n_speakers))
    least = 0.0 if metric == CALIBRATION else -math.inf  # as `expected_calibration_error` gives it
    gap = (a.per_speaker - b.per_speaker) * (-1.0 if metric in LOWER_IS_BETTER else 1.0)
    return PairedComparison(
        metric,
        max(float(a.statistic.values(everybody)[0]), least),
        max(float(b.statistic.values(everybody)[0]), least),
        difference,
        p,
        method,
        rows.n_speakers,
        int((gap > _MARGIN).sum()),
        int((gap < -_MARGIN).sum()),
        _detectable(gap_statistic, level),
    )


def model_interval(metric: str, y_true: Any, y_pred: Any, speakers: Any, *, level: float, labels: Any) -> Interval:
    """Return one model's score as `paired_speaker_test` computes it, with its interval."""
    caller = "compare"
    metric = check_measure(metric, _KNOWN, "metric", caller)
    side = _Rows.checked(y_true, speakers, labels, caller).side(metric, y_pred, "y_pred", caller)
    return jackknife_interval(side.statistic, check_level(level, caller))


def _detectable(statistic: Statistic, level: float) -> float:
    """Return the detectable difference for the spread that deleting one speaker at a time shows."""
    error, degrees = spread(statistic)
    return math.inf if degrees == 0 else detectable_difference(error * math.sqrt(statistic.n_speakers), statistic.n_speakers, level=level)
