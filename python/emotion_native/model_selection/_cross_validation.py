"""Cross-validation with scikit-learn's signatures that wants groups, checks every fold, and runs our own pipelines in one native call."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.base import clone
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import _num_samples

from .._progress import Progress
from .._remedies import check_estimator
from .._validation import check_sample_weight, is_sparse
from ..exceptions import InvalidInputError
from ._fit import (
    Labels,
    aligned,
    check_labels,
    check_lengths,
    class_seen,
    each_fold,
    fit_rows,
    for_rows,
    native_probabilities,
    one_label_a_row,
    run_probabilities,
)
from ._folds import Folds
from ._notices import warn_of_odd_splits
from ._routing import route
from ._runs import Runs, by_seed, repeated_runs
from ._scored_runs import (
    Result,
    Scoring,
    classes_of,
    fitted_results,
    native_results_if_possible,
    report_failed_fits,
    resolver,
    scorers_of,
)
from ._warnings import MissingClassWarning


def cross_validate(
    estimator: Any,
    X: Any,
    y: Any = None,
    *,
    groups: Any = None,
    scoring: Any = None,
    cv: Any = None,
    n_jobs: int | None = None,
    verbose: int = 0,
    params: Mapping[str, Any] | None = None,
    pre_dispatch: Any = None,
    return_train_score: bool = False,
    return_estimator: bool = False,
    return_indices: bool = False,
    error_score: Any = np.nan,
    allow_ungrouped: bool = False,
    progress: Progress = None,
    seeds: Sequence[int] | None = None,
    reseed_cv: bool = False,
) -> dict[str, Any]:
    """Fit on the training part of each fold and score on its test part.

    Pipelines made of our own steps run all folds inside one native call, without copying the matrix for each fold; others are cloned and
    fitted fold by fold. Both give the same numbers.

    Parameters
    ----------
    estimator : estimator
        Never fitted itself.
    X : array-like of shape (n_samples, n_features)
    y : array-like of shape (n_samples,), or indicator matrix of shape (n_samples, n_labels)
        Sets of labels are not stratified; their folds are fitted one by one.
    groups : array-like of shape (n_samples,)
        What must stay whole: speakers, or the result of `joined_groups`.
    scoring : None, str, callable, list or dict
        As in scikit-learn; also ``"uar"`` and other names of the same measures (``"macro_f1"``). ``"neg_log_loss"`` knows all classes of ``y``: one
        that a training part lacked has probability 0, clipped.
        Callables that ask for more than predictions of the test rows get fitted models, which takes the slower way.
    cv : None, int, splitter or iterable
        None and integers: stratified folds of whole groups.
    n_jobs : int or None
        Threads. None: all cores that the process may use in the native loop, one fold at a time otherwise.
    params : dict, optional
        Arguments of ``fit``; values with one entry a row (``sample_weight``, ``speaker``, ``recording``) are cut down to the training rows. With
        scikit-learn's metadata routing switched on they go where the estimator, the splitter and the scorers requested them.
    return_train_score, return_estimator, return_indices, error_score
        As in scikit-learn. Fitted estimators are only there when each fold is fitted by itself, so ``return_estimator`` takes the slower way.
    allow_ungrouped : bool
        Split without groups on purpose; the result says so.
    seeds : sequence of int, optional
        Run all folds once for each of these different seeds (0 to 2**32 - 1), which becomes the ``random_state`` of every part of the
        estimator that has one. Own pipelines run all seeds and folds inside one native call.
    reseed_cv : bool
        Also give each seed to the splitter, which must draw something (``shuffle=True`` or a shuffle split). Otherwise all seeds share
        the same folds.
    progress : callable, bool or None
        A callable gets ``(done, total)`` in units of work (trees or folds) and may raise to stop; True shows a bar, None does where someone
        watches, False shows nothing.
    verbose, pre_dispatch
        Accepted for compatibility; no effect.

    Returns
    -------
    dict
        ``test_score`` (or ``test_<name>``), ``fit_time`` and ``score_time`` per fold as in scikit-learn, and ``ungrouped`` (bool); where a
        split leaves rows on neither side (crossed and shuffled ones), ``n_dropped`` counts them per fold. In the native loop the
        folds overlap in time; each is given an equal share of the whole. With ``seeds`` there is one entry a seed and fold, all folds of
        the first seed first, and ``seed`` and ``fold`` say which.

    Raises
    ------
    LeakageError
        Without groups, or if a group is on both sides of a fold.
    InvalidInputError
        If an argument breaks its rule, or every fit fails.

    Warns
    -----
    FitFailedWarning
        If some fits or scorers fail, once for all of them.
    LeakageWarning
        If every group has one row: then nothing is kept together.
    MissingClassWarning
        If a fold tests only classes that its training rows lack, as with groups that are the labels.
    EmotionNativeWarning
        If a classifier's ``y`` has one class.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> import numpy as np
    >>> from emotion_native.model_selection import cross_validate
    >>> X, y = load_iris(return_X_y=True)
    >>> scores = cross_validate(LogisticRegression(max_iter=1000), X, y, groups=np.arange(150) % 10, cv=5)
    >>> len(scores["test_score"]), scores["ungrouped"]
    (5, False)
    """
    caller = "cross_validate"
    call = _Call.checked(caller, estimator, X, y, groups, scoring, cv, params, error_score, allow_ungrouped, seeds, reseed_cv)
    runs, scored = call.runs, call.scored
    warn_of_odd_splits(estimator, call.y, call.groups, runs, _num_samples(call.X), caller=caller, each_fold=True)
    results, one_by_one = call.results(estimator, n_jobs, progress, return_train_score=return_train_score, return_estimator=return_estimator)
    if one_by_one:
        report_failed_fits(results, scored)
    scored.warn()
    table: dict[str, Any] = {"fit_time": np.array([r["fit_time"] for r in results]), "score_time": np.array([r["score_time"] for r in results])}
    if return_estimator:
        table["estimator"] = [r["estimator"] for r in results]
    if return_indices:
        table["indices"] = {"train": tuple(runs.train), "test": tuple(runs.test)}
    if runs.seeds is not None:
        table["seed"] = runs.row_of_seed()
        table["fold"] = np.array(runs.fold)
    for part in ("test", "train") if return_train_score else ("test",):
        for name in results[0][part]:
            table[f"{part}_{name}"] = np.array([r[part].get(name, np.nan) for r in results])
    table["ungrouped"] = runs.ungrouped
    if runs.n_dropped.any():
        table["n_dropped"] = runs.n_dropped
    return table


class _Call(NamedTuple):
    """The checked arguments of a cross-validation. Warnings are left to the public functions, whose callers they name."""

    X: Any
    y: Any
    groups: Any
    runs: Runs
    scored: Scoring
    arguments: dict[str, Any]  # of fit

    @classmethod
    def checked(
        cls,
        caller: str,
        estimator: Any,
        X: Any,
        y: Any,
        groups: Any,
        scoring: Any,
        cv: Any,
        params: Mapping[str, Any] | None,
        error_score: Any,
        allow_ungrouped: bool,
        seeds: Sequence[int] | None = None,
        reseed_cv: bool = False,
    ) -> _Call:
        check_estimator(estimator, caller, (X, y))
        classes = classes_of(estimator, y, caller=caller)
        scorers, single = scorers_of(estimator, scoring, classes, caller=caller)
        routed = route(estimator, cv, scorers, params, groups, caller=caller)
        X, y, groups = check_lengths(X, y, routed.groups, caller=caller)
        check_sample_weight((params or {}).get("sample_weight"), _num_samples(X), caller=caller)
        resolve = resolver(estimator, X, y, groups, routed, allow_ungrouped, caller=caller)
        runs = repeated_runs(estimator, cv, seeds, reseed_cv, resolve, caller=caller)
        scored = Scoring(scorers, single, routed.score, error_score, [], classes, caller)
        return cls(X, y, groups, runs, scored, {**routed.fit, "groups": groups})

    def results(
        self, estimator: Any, n_jobs: int | None, progress: Progress, *, return_train_score: bool = False, return_estimator: bool = False
    ) -> tuple[list[Result], bool]:
        """Return what each fold gave, and whether folds were fitted one by one, so that some may have failed."""
        X, y, _, runs, scored, arguments = self
        if not return_estimator and one_label_a_row(estimator, y):
            native = native_results_if_possible(runs, X, y, scored, arguments, return_train_score, n_jobs, progress)
            if native is not None:
                return native, False
        return fitted_results(runs, X, y, scored, arguments, return_train_score, return_estimator, n_jobs, progress), True


def cross_val_score(
    estimator: Any,
    X: Any,
    y: Any = None,
    *,
    groups: Any = None,
    scoring: Any = None,
    cv: Any = None,
    n_jobs: int | None = None,
    verbose: int = 0,
    params: Mapping[str, Any] | None = None,
    pre_dispatch: Any = None,
    error_score: Any = np.nan,
    allow_ungrouped: bool = False,
    progress: Progress = None,
) -> npt.NDArray[np.float64]:
    """Return the score of each fold's test part.

    These are scores of folds, as in scikit-learn. They are not what to report: their mean weighs folds alike that hold other numbers of clips, a fold
    may lack a class, and their spread over a few folds that share training rows is no interval. Reports score all out-of-fold rows together, with an
    interval over speakers: `cross_val_predict`, then `emotion_native.metrics.speaker_interval` or `classification_summary`.

    Parameters
    ----------
    estimator, X, y, groups, cv, n_jobs, verbose, params, pre_dispatch, error_score, allow_ungrouped, progress
        As in `cross_validate`, whose result also says whether the split was ungrouped.
    scoring : None, str or callable
        One score; None is the estimator's ``score``.

    Returns
    -------
    ndarray of shape (n_folds,), float64
        As ``test_score`` of `cross_validate`.

    Raises
    ------
    LeakageError
        Without groups, or if a group is on both sides of a fold.
    InvalidInputError
        If an argument breaks its rule, ``scoring`` names several scores, or every fit fails.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from emotion_native.linear_model import LogisticRegression
    >>> from emotion_native.model_selection import cross_val_score
    >>> X, y = load_iris(return_X_y=True)
    >>> cross_val_score(LogisticRegression(max_iter=1000), X, y, groups=np.arange(150) % 10, scoring="uar", cv=5).shape
    (5,)
    """
    caller = "cross_val_score"
    if not (scoring is None or isinstance(scoring, str) or callable(scoring)):
        raise InvalidInputError(f"scoring of {caller} must be None, a name or a callable (cross_validate takes several); got {scoring!r:.80}")
    call = _Call.checked(caller, estimator, X, y, groups, scoring, cv, params, error_score, allow_ungrouped)
    warn_of_odd_splits(estimator, call.y, call.groups, call.runs, _num_samples(call.X), caller=caller, each_fold=True)
    results, one_by_one = call.results(estimator, n_jobs, progress)
    if one_by_one:
        report_failed_fits(results, call.scored)
    call.scored.warn()
    names = {name for result in results for name in result["test"]}
    if names - {"score"}:
        raise InvalidInputError(f"scoring of {caller} must give one number; got {', '.join(sorted(names))} (cross_validate takes several)")
    return np.array([result["test"].get("score", np.nan) for result in results])


def cross_val_predict(
    estimator: Any,
    X: Any,
    y: Any = None,
    *,
    groups: Any = None,
    cv: Any = None,
    n_jobs: int | None = None,
    verbose: int = 0,
    params: Mapping[str, Any] | None = None,
    pre_dispatch: Any = None,
    method: str = "predict",
    allow_ungrouped: bool = False,
    progress: Progress = None,
    seeds: Sequence[int] | None = None,
    reseed_cv: bool = False,
) -> Any:
    """Return for each row the prediction of a model that never saw its group.

    Parameters
    ----------
    estimator, X, y, groups, cv, n_jobs, params, allow_ungrouped, progress, seeds, reseed_cv, verbose, pre_dispatch
        As in `cross_validate`.
    method : {"predict", "predict_proba", "predict_log_proba", "decision_function"}
        Columns follow the sorted classes of all of ``y``; a class that a training part lacked gets probability 0 there
        (a margin: the least float64).

    Returns
    -------
    ndarray of shape (n_samples,) or (n_samples, n_classes)
        Of sets of labels (n_samples, n_labels).
        With ``seeds`` one such array a seed, stacked: (n_seeds, n_samples) or (n_seeds, n_samples, n_classes).

    Raises
    ------
    LeakageError
        Without groups, or if a group is on both sides of a fold.
    InvalidInputError
        If ``cv`` does not test each row exactly once, or an argument breaks its rule.

    Warns
    -----
    MissingClassWarning
        If a training part lacks a class, for all methods but ``predict``; if every fold tests only classes that its training rows lack.
    LeakageWarning, EmotionNativeWarning
        As in `cross_validate`.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> import numpy as np
    >>> from emotion_native.model_selection import cross_val_predict
    >>> X, y = load_iris(return_X_y=True)
    >>> cross_val_predict(LogisticRegression(max_iter=1000), X, y, groups=np.arange(150) % 10, method="predict_proba").shape
    (150, 3)
    """
    methods = ("predict", "predict_proba", "predict_log_proba", "decision_function")
    if method not in methods:
        raise InvalidInputError(f"method of cross_val_predict must be one of {', '.join(methods)}; got {method!r}")
    check_estimator(estimator, "cross_val_predict", (X, y))
    routed = route(estimator, cv, {}, params, groups, caller="cross_val_predict")
    X, y, groups = check_lengths(X, y, routed.groups, caller="cross_val_predict")
    check_sample_weight((params or {}).get("sample_weight"), _num_samples(X), caller="cross_val_predict")
    make_folds = resolver(estimator, X, y, groups, routed, allow_ungrouped, caller="cross_val_predict")

    def resolve(splitter: Any) -> Folds:
        folds = make_folds(splitter)
        if (folds.fold_of_rows() < 0).any():
            raise InvalidInputError("cv of cross_val_predict must test each row exactly once; got rows that no fold tests")
        return folds

    runs = repeated_runs(estimator, cv, seeds, reseed_cv, resolve, caller="cross_val_predict")
    warn_of_odd_splits(estimator, y, groups, runs, _num_samples(X), caller="cross_val_predict", each_fold=False)
    arguments = {**routed.fit, "groups": groups}
    labels = check_labels(y, _num_samples(X), caller="cross_val_predict") if one_label_a_row(estimator, y) else None
    if labels is not None and method != "predict":
        _warn_of_missing_classes(labels, runs)
    pieces: list[Any] | None = None
    options: dict[str, Any] = {"caller": "cross_val_predict", "n_jobs": n_jobs, "progress": progress}
    if labels is not None and method in ("predict_proba", "predict_log_proba"):
        pieces = list(run_probabilities(runs, X, labels, arguments, **options))
    elif labels is not None and method == "predict":
        proba = native_probabilities(runs, X, labels, arguments, **options)
        pieces = None if proba is None else [labels.classes[np.argmax(p, axis=1)] for p in proba]
    if pieces is None:
        pieces = _fitted_predictions(runs, X, y, labels, method, arguments, n_jobs, progress)
    sparse = runs.seeds is None and is_sparse(pieces[0])  # sets of labels, in the form of y
    out = by_seed(runs, [piece.toarray() if is_sparse(piece) else piece for piece in pieces])
    if sparse:
        from scipy.sparse import csr_matrix

        return csr_matrix(out)
    if method == "predict_log_proba" and labels is not None:
        with np.errstate(divide="ignore"):
            return np.log(out)
    return out


def _fitted_predictions(
    runs: Runs,
    X: Any,
    y: Any,
    labels: Labels | None,
    method: str,
    params: Mapping[str, Any],
    n_jobs: int | None,
    progress: Progress,
) -> list[Any]:
    def one(k: int) -> Any:
        model = clone(runs.estimators[runs.estimator_of[k]])
        fit_rows(model, X, y, runs.train[k], params, caller="cross_val_predict")
        asked = for_rows(model, params, runs.test[k], _num_samples(X))
        found = getattr(asked, method)(_safe_indexing(X, runs.test[k]))
        values = found if is_sparse(found) else np.asarray(found)
        saw_all = labels is not None and len(model.classes_) == len(labels.classes)
        if labels is None or method == "predict" or (saw_all and method == "decision_function"):
            return values  # a margin a class, one for two classes, or one for each pair of classes
        return aligned(values, model.classes_, labels.classes, fill=float(np.finfo(np.float64).min))

    return each_fold(len(runs), one, caller="cross_val_predict", n_jobs=n_jobs, progress=progress)


def _warn_of_missing_classes(labels: Labels, runs: Runs) -> None:
    seen = class_seen(labels, runs.train)
    lacking = np.flatnonzero(~seen.all(axis=1))
    if lacking.size:
        missing = labels.classes[~seen.all(axis=0)].tolist()
        text = f"{lacking.size} of {len(seen)} training parts lack a class that other rows have ({missing!r:.200}); its probability there is 0"
        warnings.warn(f"{text}: more groups a fold, or stratified folds, would train on it", MissingClassWarning, stacklevel=3)
