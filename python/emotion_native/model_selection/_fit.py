"""Fitting an estimator on each fold: natively in one call where all steps are ours, else by clone and fit."""

from __future__ import annotations

import contextvars
import functools
import inspect
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from sklearn.base import clone, is_classifier
from sklearn.utils import _safe_indexing, indexable
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import _num_samples

from .._progress import Progress, progress_reporter
from .._remedies import did_you_mean, refuse_table, refuse_text
from .._threads import effective_n_jobs
from .._validation import check_class_labels, check_matrix, check_sample_weight, count_rows, encode_labels, is_sparse, label_steps, refuse_masked
from ..exceptions import InvalidInputError, InvalidTypeError
from ._asking import prediction_metadata
from ._groups import check_groups, encode
from ._heads import behind_heads, head_of
from ._parts import stored
from ._runs import Runs
from ._splitters import Indices

Probabilities = npt.NDArray[np.float64]
T = TypeVar("T")

ROW_METADATA = ("groups", "speaker", "recording", "modality")  # handed to the steps that ask, passed over by the others


@dataclass(frozen=True)
class Labels:
    """Labels with their global class list."""

    values: npt.NDArray[Any]
    classes: npt.NDArray[Any]
    codes: npt.NDArray[np.int32]


def check_lengths(X: Any, y: Any, groups: Any, *, caller: str) -> tuple[Any, Any, Any]:
    """Return the three as something that rows can be taken from.

    Raises
    ------
    InvalidInputError
        If they differ in length.
    """
    if X is None:
        raise InvalidTypeError(f"X of {caller} must be an array with rows; got None")
    refuse_table(X, "X", caller)
    for parameter, values in (("X", X), ("y", y), ("groups", groups)):
        if values is not None:
            refuse_text(values, parameter, caller)
            count_rows(values, parameter=parameter, caller=caller)
    try:
        X, y, groups = indexable(X, y, groups)
    except (TypeError, ValueError) as error:
        kind = InvalidTypeError if isinstance(error, TypeError) else InvalidInputError
        raise kind(f"X, y and groups of {caller} must be arrays of one length; got: {error!s:.600}") from error
    return X, y, groups


def check_labels(y: Any, n_samples: int, *, caller: str) -> Labels:
    """Return labels, their sorted classes and their codes.

    Raises
    ------
    InvalidInputError
        If there is not one known label a row.
    """
    values = check_class_labels(y, caller=caller)
    if len(values) != n_samples:
        raise InvalidInputError(f"y of {caller} must be one label a row ({n_samples} rows); got {len(values)}")
    return Labels(values, *encode_labels(values, caller=caller))


def one_label_a_row(estimator: Any, y: Any) -> bool:
    """Return whether a classifier's ``y`` is labels, which folds are stratified by and native loops learn; sets of labels are an indicator matrix."""
    if y is None or not is_classifier(estimator):
        return False
    if np.ndim(y) != 2 or np.shape(y)[1] < 2:
        return True
    try:
        return str(type_of_target(y)) != "multilabel-indicator"
    except (TypeError, ValueError):  # what is no label is refused elsewhere
        return True


def fit_params_of(estimator: Any, params: Mapping[str, Any], rows: Indices | None, n_samples: int, *, caller: str) -> dict[str, Any]:
    """Return the parameters that ``estimator.fit`` takes, those with one value a row cut down to ``rows``.

    A name is taken when it is an argument of ``fit``, when scikit-learn's metadata routing says so, or when ``fit`` has ``**params``; our own
    pipeline takes all and hands them to the steps that ask, our searches to the estimator inside. Row metadata (groups, speaker, recording,
    modality) that nobody asks for is passed over; any other unknown name is an error.
    """
    from sklearn import get_config

    arguments = inspect.signature(estimator.fit).parameters
    takes_any = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in arguments.values())
    own_pipeline = takes_any and (hasattr(estimator, "_native_plan") or getattr(estimator, "_takes_row_metadata", False))
    routed: set[str] = set()
    if get_config().get("enable_metadata_routing") and hasattr(estimator, "get_metadata_routing"):
        routed = set(estimator.get_metadata_routing().consumes("fit", params.keys()))
    taken: dict[str, Any] = {}
    for name, value in params.items():
        if value is None:
            continue
        advisory = name in ROW_METADATA
        wanted = name in arguments or name in routed or (takes_any and not advisory) or own_pipeline
        if not wanted:
            if advisory:
                continue
            close = did_you_mean(name, [*arguments, *ROW_METADATA])
            raise InvalidTypeError(f"params of {caller} must be arguments of {type(estimator).__name__}.fit; got {name!r}{close}")
        if name == "sample_weight":
            refuse_masked(value, "sample_weight", caller)
        taken[name] = np.asarray(value) if name == "sample_weight" else value
    if taken and hasattr(estimator, "_check_metadata_names"):
        estimator._check_metadata_names(taken, parameter="params", caller=caller)
    return taken if rows is None else rows_of(taken, rows, n_samples)


def rows_of(params: Mapping[str, Any], rows: Indices, n_samples: int) -> dict[str, Any]:
    """Return arguments with those that have one value a row cut down to ``rows``."""
    cut: dict[str, Any] = {}
    for name, value in params.items():
        cut[name] = _safe_indexing(value, rows) if _has_rows(value) and _num_samples(value) == n_samples else value
    return cut


def _has_rows(value: Any) -> bool:
    if not hasattr(value, "__len__") or isinstance(value, (str, bytes)):
        return False
    try:
        return bool(np.shape(value) != ())
    except ValueError:  # a tuple of arrays of different shapes, such as a validation set
        return False


class ForRows:
    """A fitted model with the row metadata of the rows that it is asked about, so that scorers and calibration need not know of any."""

    def __init__(self, model: Any, metadata: Mapping[str, Any]) -> None:
        self._model = model
        self._metadata = dict(metadata)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and not name.startswith("__sklearn"):
            raise AttributeError(name)
        found = getattr(self._model, name)
        if name not in ("predict", "predict_proba", "predict_log_proba", "decision_function"):
            return found

        @functools.wraps(found)  # scorers look at the name of what they call
        def asked(X: Any) -> Any:
            return found(X, **self._metadata)

        return asked


def for_rows(model: Any, params: Mapping[str, Any], rows: Indices, n_samples: int) -> Any:
    """Return the model as it answers about these rows: a pipeline with a step that asks for row metadata in ``transform`` is given it."""
    given = {name: params[name] for name in sorted(prediction_metadata(model)) if params.get(name) is not None}
    return ForRows(model, rows_of(given, rows, n_samples)) if given else model


def each_fold(n_folds: int, work: Callable[[int], T], *, caller: str, n_jobs: int | None, progress: Progress) -> list[T]:
    """Return ``[work(0), …]``, on threads if more than one job is asked for; each sees the switches of the caller, scikit-learn's too."""
    from sklearn import config_context, get_config

    results = []
    with progress_reporter(progress, "Fitting folds", n_folds, caller=caller) as advance:
        if n_jobs is None or n_jobs == 1 or n_folds == 1:
            for k in range(n_folds):
                results.append(work(k))
                advance(k + 1)
            return results
        switches = get_config()  # scikit-learn keeps its own a thread: metadata routing, and so the groups of inner splits, hangs on them

        def switched(k: int) -> T:
            with config_context(**switches):
                return work(k)

        with ThreadPoolExecutor(min(effective_n_jobs(n_jobs, caller=caller), n_folds)) as pool:
            futures = [pool.submit(contextvars.copy_context().run, switched, k) for k in range(n_folds)]
            try:
                for k, future in enumerate(futures):
                    results.append(future.result())
                    advance(k + 1)
                return results
            except BaseException:
                for future in futures:
                    future.cancel()
                raise


def aligned(proba: Any, own_classes: npt.NDArray[Any], classes: npt.NDArray[Any], *, fill: float = 0.0) -> Probabilities:
    """Return columns in the order of the global class list; a class that the estimator never saw gets ``fill``."""
    proba = np.asarray(proba, dtype=np.float64)
    if len(own_classes) == len(classes) and proba.shape[1:] == classes.shape and bool(np.all(own_classes == classes)):
        return np.ascontiguousarray(proba)
    if proba.ndim != 2 or proba.shape[1] != len(own_classes):
        raise InvalidInputError(
            f"predictions of an estimator that saw {len(own_classes)} of {len(classes)} classes must have one column a class; got shape {proba.shape}"
        )
    out = np.full((len(proba), len(classes)), fill, dtype=np.float64)
    out[:, np.searchsorted(classes, own_classes)] = proba
    return out


def take_columns(owner: Any, model: Any) -> None:
    """Give ``owner`` the number and the names of the columns that ``model`` was fitted on; what an earlier fit left goes."""
    for name in ("n_features_in_", "feature_names_in_"):
        owner.__dict__.pop(name, None)
        if hasattr(model, name):
            setattr(owner, name, getattr(model, name))


def native_step_plan(estimator: Any, classes: npt.NDArray[Any]) -> list[dict[str, Any]] | None:
    """Return the steps for the native fold loop, or None where a step is foreign to it.

    Seeds are drawn as a clone would draw them: a `RandomState` that steps share is not advanced, and each draws from it as it is.
    """
    if hasattr(estimator, "_native_plan"):
        plan: list[dict[str, Any]] | None = clone(estimator)._native_plan(classes)
        return plan
    if hasattr(estimator, "_native_step") and hasattr(estimator, "predict_proba"):
        step = clone(estimator)._native_step()
        return None if step is None else label_steps([step], classes)
    return None


def _row_codes(plans: list[list[dict[str, Any]]], params: Mapping[str, Any], n_samples: int, *, caller: str) -> dict[str, Any]:
    """Return codes of the row metadata that some step names in its ``needs``."""
    needed = {name for plan in plans for step in plan for name in step.get("needs", ())}
    codes: dict[str, Any] = {}
    for name in ("groups", "speaker"):
        if name in needed and params.get(name) is not None:
            codes[name] = encode(check_groups(params[name], n_samples, caller=caller, parameter=name))[0].astype(np.int32)
    return codes


def native_probabilities(
    runs: Runs,
    X: Any,
    labels: Labels,
    params: Mapping[str, Any],
    *,
    caller: str,
    n_jobs: int | None,
    progress: Progress,
) -> list[Probabilities] | None:
    """Return test probabilities of each run from one native call, or None where the estimator, its parameters or X do not allow it."""
    from .. import _core

    foreign = [name for name, value in params.items() if value is not None and name != "sample_weight" and name not in ROW_METADATA]
    if foreign:
        return None
    plans = [native_step_plan(estimator, labels.classes) for estimator in runs.estimators]
    if not plans or any(plan is None for plan in plans):
        return _headed_probabilities(runs, X, labels, params, caller=caller, n_jobs=n_jobs, progress=progress)
    own_plans = [plan for plan in plans if plan is not None]
    if is_sparse(X) and all(step["kind"] == "logistic_regression" for plan in own_plans for step in plan):
        return None  # the loop's tables are dense; the classifier alone takes sparse rows
    weight = check_sample_weight(params.get("sample_weight"), _num_samples(X), caller=caller)
    matrix = check_matrix(X, caller=caller, allow_nan=True)
    units = sum(int(own_plans[k][-1].get("n_estimators", 1)) for k in runs.estimator_of)  # the core counts trees where there are any
    with progress_reporter(progress, "Fitting folds", units, caller=caller) as advance:
        return list(
            _core.run_folds(
                matrix,
                labels.codes,
                len(labels.classes),
                own_plans,
                [None if rows is None else np.ascontiguousarray(rows, dtype=np.int64) for rows in stored(runs.train)],
                [np.ascontiguousarray(rows, dtype=np.int64) for rows in runs.test],
                weight,
                effective_n_jobs(n_jobs, caller=caller),
                advance,
                np.asarray(runs.estimator_of, dtype=np.int64),
                **_row_codes(own_plans, params, _num_samples(X), caller=caller),
            )
        )


def has_native_path(estimator: Any, classes: npt.NDArray[Any]) -> bool:
    """Return whether the native loop runs a classifier's folds, all of it or what stands behind its head."""
    if native_step_plan(estimator, classes) is not None:
        return True
    head = head_of(estimator)
    return head is not None and native_step_plan(head[1], classes) is not None


def _headed_probabilities(
    runs: Runs, X: Any, labels: Labels, params: Mapping[str, Any], *, caller: str, n_jobs: int | None, progress: Progress
) -> list[Probabilities] | None:
    """Return what `native_probabilities` does where each estimator has a head before steps of ours."""
    from .. import _core

    heads = [head for head in map(head_of, runs.estimators) if head is not None]
    found = [native_step_plan(rest, labels.classes) for _, rest in heads]
    plans = [plan for plan in found if plan is not None]
    if len(plans) < len(runs.estimators) or is_sparse(X):
        return None
    n = _num_samples(X)
    for estimator in runs.estimators:
        fit_params_of(estimator, params, None, n, caller=caller)  # refuses what nobody takes
    weight = check_sample_weight(params.get("sample_weight"), n, caller=caller)
    codes = _row_codes(plans, params, n, caller=caller)
    units = [int(plan[-1].get("n_estimators", 1)) for plan in plans]
    before = 0
    with progress_reporter(progress, "Fitting folds", sum(units[k] for k in runs.estimator_of), caller=caller) as advance:

        def run(matrix: Any, rows: npt.NDArray[np.int64], n_train: int, estimators: list[int]) -> list[Probabilities]:
            nonlocal before
            start, parts = before, np.arange(len(rows), dtype=np.int64)
            answers = _core.run_folds(
                check_matrix(matrix, caller=caller, allow_nan=True),
                np.ascontiguousarray(labels.codes[rows]),
                len(labels.classes),
                [plans[k] for k in estimators],
                [parts[:n_train]] * len(estimators),
                [parts[n_train:]] * len(estimators),
                None if weight is None else np.ascontiguousarray(weight[rows]),
                effective_n_jobs(n_jobs, caller=caller),
                lambda done: advance(start + int(done)),
                np.arange(len(estimators), dtype=np.int64),
                **{name: np.ascontiguousarray(values[rows]) for name, values in codes.items()},
            )
            before += sum(units[k] for k in estimators)
            return list(answers)

        return behind_heads(runs, X, labels.values, heads, {name: params.get(name) for name in (*ROW_METADATA, "sample_weight")}, run)


def fold_probabilities(
    estimator: Any,
    X: Any,
    labels: Labels,
    train: Sequence[Indices],
    test: Sequence[Indices],
    params: Mapping[str, Any],
    *,
    caller: str,
    n_jobs: int | None = None,
    progress: Progress = False,
) -> list[Probabilities]:
    """Return the probabilities of each fold's test rows in the global class list, each from a model of that fold's training rows alone.

    Parameters
    ----------
    estimator : classifier with predict_proba
        Cloned for each fold; never fitted itself.
    params : mapping
        Arguments of ``fit``; those with one value a row are cut down to the training rows. What an estimator asks for when it predicts, as a
        `SpeakerNormalizer` does for speakers, is cut down to the test rows.

    Returns
    -------
    list of ndarray of shape (n_test_rows, n_classes), float64
    """
    runs = Runs([estimator], [0] * len(train), list(range(len(train))), train, list(test), None, False, np.zeros(len(train), dtype=np.int64))
    return run_probabilities(runs, X, labels, params, caller=caller, n_jobs=n_jobs, progress=progress)


def run_probabilities(
    runs: Runs,
    X: Any,
    labels: Labels,
    params: Mapping[str, Any],
    *,
    caller: str,
    n_jobs: int | None = None,
    progress: Progress = False,
) -> list[Probabilities]:
    """Return what `fold_probabilities` does, for every run."""
    proba = native_probabilities(runs, X, labels, params, caller=caller, n_jobs=n_jobs, progress=progress)
    if proba is not None:
        return proba
    if not hasattr(runs.estimators[0], "predict_proba"):
        raise InvalidInputError(f"estimator of {caller} must have predict_proba; got {type(runs.estimators[0]).__name__}")

    def one(k: int) -> Probabilities:
        model = clone(runs.estimators[runs.estimator_of[k]])
        fit_rows(model, X, labels.values, runs.train[k], params, caller=caller)
        asked = for_rows(model, params, runs.test[k], _num_samples(X))
        return aligned(asked.predict_proba(_safe_indexing(X, runs.test[k])), model.classes_, labels.classes)

    return each_fold(len(runs), one, caller=caller, n_jobs=n_jobs, progress=progress)


def fit_rows(model: Any, X: Any, y: Any, rows: Indices, params: Mapping[str, Any], *, caller: str) -> float:
    """Fit ``model`` on a copy of ``rows`` and return the seconds it took."""
    start = time.perf_counter()
    arguments = fit_params_of(model, params, rows, _num_samples(X), caller=caller)
    if y is None:
        model.fit(_safe_indexing(X, rows), **arguments)
    else:
        model.fit(_safe_indexing(X, rows), _safe_indexing(y, rows), **arguments)
    return time.perf_counter() - start


def class_seen(labels: Labels, train: Sequence[Indices]) -> npt.NDArray[np.bool_]:
    """Return (folds, classes): whether a fold's training rows hold the class."""
    return np.stack([np.bincount(labels.codes[rows], minlength=len(labels.classes)) > 0 for rows in train])
