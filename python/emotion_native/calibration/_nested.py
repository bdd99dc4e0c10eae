"""Nested evaluation: candidate, calibration and threshold are chosen inside the training part of each outer fold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import clone
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import _num_samples

from .._progress import Advance, Progress, progress_reporter
from .._validation import check_flag
from ..exceptions import InvalidInputError, LeakageError
from ..metrics import _rates
from ..metrics._names import check_measure
from ..metrics._probabilistic import row_log_loss
from ..metrics._statistics import speaker_counts
from ..model_selection._fit import Labels, Probabilities, check_labels, check_lengths, class_seen, fold_probabilities
from ..model_selection._folds import Folds, resolve_folds
from ..model_selection._notices import warn_of_odd_splits
from ..model_selection._runs import single_run
from ._abstention import Threshold, check_detector, check_targets, choose_among
from ._fold_models import corrected_folds, final_correction
from ._maps import Calibrator, Floats, check_method, fit_calibrator
from ._nested_results import FinalChoice, NestedEvaluation
from ._out_of_distribution import OutOfDistributionDetector
from ._priors import PriorCorrection, chained
from ._soft_ensembles import SoftEnsemble, best_members, check_ensemble, soft_vote

SELECTION_METRICS = ("balanced_accuracy", "uar", "accuracy", "macro_f1", "weighted_f1", "cohen_kappa", "matthews_corrcoef", "log_loss")


@dataclass(frozen=True)
class _Strangers:
    """Which rows are unlike the training rows: test rows of the outer folds, and training rows measured without their own group."""

    test: npt.NDArray[np.bool_]  # (n_samples,)
    familiar: list[npt.NDArray[np.bool_]]  # of each outer fold's training rows
    all_familiar: npt.NDArray[np.bool_]  # (n_samples,), for the final model
    final: OutOfDistributionDetector | None
    ungrouped: bool


@dataclass(frozen=True)
class _Plan:
    """Outer and inner folds, all in row numbers of the whole data, in the order in which they are fitted."""

    outer: Folds
    inner: list[Folds]  # one a outer fold; row numbers count within the outer training rows
    train: list[npt.NDArray[np.int64]]
    test: list[npt.NDArray[np.int64]]


@dataclass(frozen=True)
class _OutOfFold:
    """What each candidate said: of all rows by the outer folds, as it came and corrected, and of each outer fold's training rows, corrected."""

    raw: dict[str, Floats]
    outer: dict[str, Floats]
    inner: dict[str, list[Floats]]
    corrections: dict[str, list[PriorCorrection]]  # one an outer fold; empty without correction
    members: list[list[str]] = field(default_factory=list)  # of the ensemble of each outer fold
    final_members: list[str] = field(default_factory=list)
    final: dict[str, Floats] = field(default_factory=dict)  # what the final ensemble says of all rows, by the outer folds

    def correction(self, name: str, fold: int) -> PriorCorrection | None:
        return self.corrections[name][fold] if self.corrections else None


@dataclass(frozen=True)
class _Rule:
    """How a candidate, a calibrator and a threshold are chosen from out-of-fold predictions."""

    method: str | None
    target_coverage: float | None
    target_accuracy: float | None
    abstention_cost: float | None
    metric: str

    def score(self, proba: Probabilities, codes: npt.NDArray[np.int64]) -> float:
        if self.metric == "log_loss":
            return -float(np.mean(row_log_loss(codes, proba)))
        k = proba.shape[1]
        counts = speaker_counts(codes, np.argmax(proba, axis=1).astype(np.int64), np.zeros(len(codes), dtype=np.int64), 1, k)
        return float(np.nan_to_num(_rates.BY_NAME[self.metric](counts[0], k)))

    def choose(self, proba: dict[str, Probabilities], codes: npt.NDArray[np.int64]) -> tuple[str, dict[str, float]]:
        scores = {name: self.score(p, codes) for name, p in proba.items()}
        return max(scores, key=lambda name: scores[name]), scores  # the first candidate wins ties

    def calibrate(
        self, proba: Probabilities, codes: npt.NDArray[np.int64], seen: npt.NDArray[np.bool_], familiar: npt.NDArray[np.bool_]
    ) -> tuple[Calibrator | None, Threshold | None]:
        calibrator = None if self.method is None else fit_calibrator(self.method, proba, codes, seen=seen)
        if self.target_coverage is None and self.target_accuracy is None and self.abstention_cost is None:
            return calibrator, None
        calibrated = proba if calibrator is None else calibrator.predict_proba(proba)
        correct = np.argmax(calibrated, axis=1) == codes
        targets = {"target_coverage": self.target_coverage, "target_accuracy": self.target_accuracy, "abstention_cost": self.abstention_cost}
        return calibrator, choose_among(familiar, calibrated.max(axis=1), correct, targets)


def _plan(cv: Any, inner_cv: Any, X: Any, labels: Labels, groups: Any, allow_ungrouped: bool) -> _Plan:
    caller = "nested_evaluation"
    outer = resolve_folds(cv, X, labels.values, groups, caller=caller, allow_ungrouped=allow_ungrouped)
    if (outer.fold_of_rows() < 0).any():
        raise InvalidInputError(f"cv of {caller} must test each row exactly once; got rows that no fold tests")
    if not (inner_cv is None or isinstance(inner_cv, (int, np.integer)) or hasattr(inner_cv, "split")):
        rule = "None, an integer or a splitter, for it splits the training part of each fold"
        raise InvalidInputError(f"inner_cv of {caller} must be {rule}; got {inner_cv!r:.80}")
    inner: list[Folds] = []
    train, test = [], []
    for k, (rows, test_rows) in enumerate(outer):
        own_groups = None if groups is None else _safe_indexing(groups, rows)
        if own_groups is not None and not outer.ungrouped and len(set(np.asarray(own_groups).tolist())) < 2:
            raise LeakageError(
                f"groups of {caller} must leave at least two groups for training in every outer fold, so that calibration can be fitted out of fold; "
                f"fold {k} has one: use at least three groups and a cv that holds out one of them"
            )
        folds = resolve_folds(
            inner_cv, _safe_indexing(X, rows), labels.values[rows], own_groups, caller=f"{caller} (inner)", allow_ungrouped=allow_ungrouped
        )
        if (folds.fold_of_rows() < 0).any():
            raise InvalidInputError(f"inner_cv of {caller} must test each training row exactly once; got rows that no inner fold tests")
        inner.append(folds)
        train += [rows, *(rows[part] for part in folds.train)]
        test += [test_rows, *(rows[part] for part in folds.test)]
    return _Plan(outer, inner, train, test)


def _split_results(plan: _Plan, pieces: list[Probabilities], n: int, k: int) -> tuple[Floats, list[Floats]]:
    """Return outer out-of-fold probabilities of all rows, and inner ones of each outer fold's training rows."""
    outer = np.empty((n, k))
    inner: list[Floats] = []
    at = 0
    for test_rows, folds in zip(plan.outer.test, plan.inner, strict=True):
        outer[test_rows] = pieces[at]
        own = np.empty((folds.n_samples, k))
        for j, test in enumerate(folds.test):
            own[test] = pieces[at + 1 + j]
        inner.append(own)
        at += 1 + len(folds)
    return outer, inner


def nested_evaluation(
    candidates: Mapping[str, Any],
    X: Any,
    y: Any,
    *,
    groups: Any = None,
    cv: Any = None,
    inner_cv: Any = None,
    method: str | None = "temperature",
    prior_correction: bool = False,
    target_coverage: float | None = None,
    target_accuracy: float | None = None,
    abstention_cost: float | None = None,
    out_of_distribution: OutOfDistributionDetector | None = None,
    ensemble: SoftEnsemble | None = None,
    selection_metric: str = "balanced_accuracy",
    params: Mapping[str, Any] | None = None,
    n_jobs: int | None = None,
    progress: Progress = None,
    allow_ungrouped: bool = False,
) -> NestedEvaluation:
    """Evaluate candidates with selection, calibration and abstention fitted inside the training part of each outer fold.

    For each outer fold every candidate is fitted on inner folds of the training rows (whole groups held out) and on all training rows. The
    inner out-of-fold predictions choose the candidate, fit its calibration and its threshold; these are applied to the outer test rows, which
    played no part in any of it. A pipeline made of our own steps runs all its outer and inner fits in one native call.

    Parameters
    ----------
    candidates : mapping of str to classifier
        Never fitted themselves. With one candidate nothing is selected.
    X : array-like of shape (n_samples, n_features)
    y : array-like of shape (n_samples,)
    groups : array-like of shape (n_samples,)
    cv : None, int, splitter or iterable
        Outer folds, each row tested exactly once.
    inner_cv : None, int or splitter
        Folds of each training part; it is given the groups of those rows.
    method : {"temperature", "sigmoid", "isotonic"} or None
        Calibration; None leaves probabilities as they are.
    prior_correction : bool
        Take back what samplers and class weights did to the priors, with the shares of each fold's own training rows, before candidates are
        compared and calibrated; see `PriorCorrectedClassifier`.
    target_coverage, target_accuracy, abstention_cost : float, optional
        At most one; see `choose_threshold`.
    out_of_distribution : OutOfDistributionDetector, optional
        Fitted on the training part of each outer fold; see `AbstainingClassifier`.
    ensemble : SoftEnsemble, optional
        A soft vote of candidates as a further candidate, the last one. It needs no fits of its own.
    selection_metric : str
        One of balanced_accuracy (uar), accuracy, macro_f1 (f1_macro), weighted_f1, cohen_kappa, matthews_corrcoef, log_loss; pooled over inner rows.
    params : mapping, optional
        Arguments of the candidates' ``fit``; values with one entry a row are cut down to the training rows.
    n_jobs : int or None
    progress : callable, bool or None
        A callable gets ``(done, total)`` in fits and may raise to stop; True shows a bar, None does where someone watches, False shows nothing.
    allow_ungrouped : bool

    Returns
    -------
    NestedEvaluation

    Raises
    ------
    LeakageError
        Without groups (unless allowed), if a group is on both sides of a fold, or with too few groups to nest.
    InvalidInputError
        If an argument breaks its rule.

    Warns
    -----
    LeakageWarning, MissingClassWarning, EmotionNativeWarning
        As `emotion_native.model_selection.cross_val_predict`, about the outer folds.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from emotion_native.calibration import nested_evaluation
    >>> X, y = load_iris(return_X_y=True)
    >>> result = nested_evaluation({"bayes": GaussianNB()}, X, y, groups=np.arange(150) % 10, target_coverage=0.8)
    >>> result.proba.shape, result.chosen
    ((150, 3), ['bayes', 'bayes', 'bayes', 'bayes', 'bayes'])
    """
    caller = "nested_evaluation"
    if not isinstance(candidates, Mapping) or not candidates:
        raise InvalidInputError(f"candidates of {caller} must be a mapping of at least one name to a classifier; got {candidates!r:.80}")
    if method is not None:
        check_method(method, caller)
    check_flag(prior_correction, "prior_correction", caller)
    check_targets(target_coverage, target_accuracy, caller, abstention_cost)
    check_detector(out_of_distribution, caller)
    check_ensemble(ensemble, candidates, prior_correction, caller)
    selection_metric = check_measure(selection_metric, SELECTION_METRICS, "selection_metric", caller)
    X, y, groups = check_lengths(X, y, groups, caller=caller)
    n = _num_samples(X)
    labels = check_labels(y, n, caller=caller)
    plan = _plan(cv, inner_cv, X, labels, groups, allow_ungrouped)
    first = next(iter(candidates.values()))
    warn_of_odd_splits(first, labels.values, groups, single_run(first, plan.outer), n, caller=caller, each_fold=False)
    rule = _Rule(method, target_coverage, target_accuracy, abstention_cost, selection_metric)
    arguments = {**(params or {}), "groups": groups}
    with progress_reporter(progress, "Cross-validating", len(plan.train) * len(candidates), caller=caller) as advance:
        found = _fit_candidates(candidates, X, labels, plan, arguments, prior_correction, n_jobs, advance)
    if ensemble is not None:
        found = _with_ensemble(found, ensemble, plan, labels.codes.astype(np.int64), rule)
    strangers = _find_strangers(out_of_distribution, plan, X, groups, allow_ungrouped)
    final = _final_choice(plan, labels, found, rule, strangers)
    if prior_correction:
        chosen = {str(name): candidate for name, candidate in candidates.items()}[final.candidate]
        final = replace(final, calibrator=chained(final_correction(chosen, X, labels, arguments, caller), final.calibrator))
    return _assemble(plan, labels, found, rule, strangers, final, _inner_splits(plan, groups))


def _fit_candidates(
    candidates: Mapping[str, Any],
    X: Any,
    labels: Labels,
    plan: _Plan,
    arguments: dict[str, Any],
    prior_correction: bool,
    n_jobs: int | None,
    advance: Advance,
) -> _OutOfFold:
    """Fit each candidate on all outer and inner training parts, and return what it said of the rows held out."""
    found = _OutOfFold({}, {}, {}, {})
    fits, n, k = len(plan.train), len(labels.codes), len(labels.classes)
    for i, (name, candidate) in enumerate(candidates.items()):
        options: dict[str, Any] = {"caller": "nested_evaluation", "n_jobs": n_jobs, "progress": _fits_done(advance, i * fits, fits)}
        if prior_correction:
            raw, corrections = corrected_folds(candidate, X, labels, plan.train, plan.test, arguments, **options)
            pieces = [own.predict_proba(piece) for own, piece in zip(corrections, raw, strict=True)]
            starts = np.cumsum([0, *(1 + len(folds) for folds in plan.inner)])[:-1]
            found.corrections[str(name)] = [corrections[at] for at in starts]
        else:
            raw = pieces = fold_probabilities(candidate, X, labels, plan.train, plan.test, arguments, **options)
        found.raw[str(name)], _ = _split_results(plan, raw, n, k)
        found.outer[str(name)], found.inner[str(name)] = _split_results(plan, pieces, n, k)
    return found


def _with_ensemble(found: _OutOfFold, ensemble: SoftEnsemble, plan: _Plan, codes: npt.NDArray[np.int64], rule: _Rule) -> _OutOfFold:
    """Add the ensemble: in each outer fold the vote of the members that its inner folds choose."""
    name = ensemble.name
    outer = np.empty_like(found.outer[ensemble.members[0]])
    inner, members = [], []
    for k, (rows, test_rows) in enumerate(plan.outer):
        own = best_members(ensemble, lambda one, k=k, rows=rows: rule.score(found.inner[one][k], codes[rows]))  # type: ignore[misc]  # mypy infers no defaults of a lambda
        members.append(own)
        inner.append(soft_vote({one: found.inner[one][k] for one in own}, own))
        outer[test_rows] = soft_vote({one: found.outer[one][test_rows] for one in own}, own)
    final = best_members(ensemble, lambda one: rule.score(found.outer[one], codes))
    shown = [one for one in found.outer if one not in set(ensemble.hidden)]
    every = {**{one: found.outer[one] for one in shown}, name: outer}
    return _OutOfFold(
        {**{one: found.raw[one] for one in shown}, name: outer},
        every,
        {**{one: found.inner[one] for one in shown}, name: inner},
        {},
        members,
        final,
        {**every, name: soft_vote(found.outer, final)},
    )


def _inner_splits(plan: _Plan, groups: Any) -> list[dict[str, Any]]:
    """Return what each outer fold's choices were made on."""
    values = None if groups is None else np.asarray(groups)
    counts = [None if values is None or values.ndim != 1 else len(set(values[rows].tolist())) for rows in plan.outer.train]
    return [
        {"n_splits": len(folds), "n_rows": folds.n_samples, "n_groups": count, "hash": folds.hash}
        for folds, count in zip(plan.inner, counts, strict=True)
    ]


def _find_strangers(detector: OutOfDistributionDetector | None, plan: _Plan, X: Any, groups: Any, allow_ungrouped: bool) -> _Strangers:
    n = plan.outer.n_samples
    if detector is None:
        return _Strangers(np.zeros(n, dtype=bool), [np.ones(len(rows), dtype=bool) for rows in plan.outer.train], np.ones(n, dtype=bool), None, False)
    blank = clone(detector)
    if allow_ungrouped:
        blank.set_params(allow_ungrouped=True)
    test = np.zeros(n, dtype=bool)
    familiar, ungrouped = [], False
    for rows, test_rows in plan.outer:
        own = clone(blank).fit(_safe_indexing(X, rows), groups=None if groups is None else _safe_indexing(groups, rows))
        test[test_rows] = own.is_strange(_safe_indexing(X, test_rows))
        familiar.append(~own._training_strange)
        ungrouped = ungrouped or own.ungrouped_
    final = blank.fit(X, groups=groups)
    return _Strangers(test, familiar, ~final._training_strange, final, ungrouped or final.ungrouped_)


def _fits_done(advance: Advance, before: int, fits: int) -> Callable[[int, int], object]:
    """Return a report that turns a candidate's own units (trees or folds) into fits of all candidates."""
    return lambda done, total: advance(before + done * fits // total)


def _final_choice(plan: _Plan, labels: Labels, found: _OutOfFold, rule: _Rule, strangers: _Strangers) -> FinalChoice:
    """Return what the outer out-of-fold predictions of all rows choose; the calibrator is that of corrected probabilities, where they are."""
    codes = labels.codes.astype(np.int64)
    said = found.final or found.outer
    name, scores = rule.choose(said, codes)
    seen = class_seen(labels, plan.outer.train)[plan.outer.fold_of_rows(), codes]
    calibrator, threshold = rule.calibrate(said[name], codes, seen, strangers.all_familiar)
    value, reached = (None, True) if threshold is None else (threshold.value, threshold.reached)
    return FinalChoice(name, calibrator, value, reached, scores, strangers.final, found.final_members)


def _assemble(
    plan: _Plan, labels: Labels, found: _OutOfFold, rule: _Rule, strangers: _Strangers, final: FinalChoice, selection: list[dict[str, Any]]
) -> NestedEvaluation:
    codes = labels.codes.astype(np.int64)
    raw = np.empty((len(codes), len(labels.classes)))
    proba = np.empty_like(raw)
    abstained = np.zeros(len(codes), dtype=bool)
    chosen, thresholds, reached, calibrators, scores = [], [], [], [], []
    for k, (rows, test_rows) in enumerate(plan.outer):
        own = plan.inner[k]
        name, fold_scores = rule.choose({name: p[k] for name, p in found.inner.items()}, codes[rows])
        own_labels = Labels(labels.values[rows], labels.classes, labels.codes[rows])
        seen = class_seen(own_labels, own.train)[own.fold_of_rows(), codes[rows]]
        calibrator, threshold = rule.calibrate(found.inner[name][k], codes[rows], seen, strangers.familiar[k])
        calibrator = chained(found.correction(name, k), calibrator)
        raw[test_rows] = found.raw[name][test_rows]
        proba[test_rows] = raw[test_rows] if calibrator is None else calibrator.predict_proba(raw[test_rows])
        if threshold is not None:
            abstained[test_rows] = threshold.abstains(proba[test_rows].max(axis=1))
        chosen.append(name)
        thresholds.append(None if threshold is None else threshold.value)
        reached.append(threshold is None or threshold.reached)
        calibrators.append(calibrator)
        scores.append(fold_scores)
    return NestedEvaluation(
        classes=labels.classes,
        fold=plan.outer.fold_of_rows(),
        proba_raw=raw,
        proba=proba,
        predicted=labels.classes[np.argmax(proba, axis=1)],
        confidence=proba.max(axis=1),
        abstained=abstained | strangers.test,
        chosen=chosen,
        thresholds=thresholds,
        reached=reached,
        calibrators=calibrators,
        inner_scores=scores,
        candidate_proba=found.outer,
        final=final,
        folds=plan.outer,
        ungrouped=plan.outer.ungrouped or any(folds.ungrouped for folds in plan.inner) or strangers.ungrouped,
        strange=strangers.test,
        selection=selection,
        members=found.members,
    )
