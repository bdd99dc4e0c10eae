"""Many settings of an estimator on the same folds: fitted together, scored, and written into one table."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata
from sklearn import model_selection as _sklearn
from sklearn.base import clone, is_classifier
from sklearn.utils.validation import _num_samples

from .._progress import Progress, progress_reporter
from ..exceptions import EmotionNativeError
from ._fit import has_native_path
from ._folds import Folds
from ._parts import TrainingParts, stored
from ._runs import Runs
from ._scored_runs import Result, Scoring, fitted_results, native_results
from ._scorers import NeedsModel

Setting = dict[str, Any]
BATCH_BYTES = 64 << 20  # of probabilities that one native call returns


class ParameterGrid(_sklearn.ParameterGrid):  # type: ignore[misc]  # scikit-learn has no type information
    """Every combination of lists of values: scikit-learn's class, here so that code runs with the import line changed.

    Examples
    --------
    >>> from emotion_native.model_selection import ParameterGrid
    >>> list(ParameterGrid({"C": [0.1, 1.0], "tol": [1e-4]}))
    [{'C': 0.1, 'tol': 0.0001}, {'C': 1.0, 'tol': 0.0001}]
    """


class ParameterSampler(_sklearn.ParameterSampler):  # type: ignore[misc]  # scikit-learn has no type information
    """Random settings out of lists of values and distributions with ``rvs``: scikit-learn's class.

    Examples
    --------
    >>> from emotion_native.model_selection import ParameterSampler
    >>> from scipy.stats import loguniform
    >>> [sorted(setting) for setting in ParameterSampler({"C": loguniform(0.01, 100), "tol": [1e-4]}, n_iter=2, random_state=0)]
    [['C', 'tol'], ['C', 'tol']]
    """


@dataclass(frozen=True)
class SharedData:
    """What all settings have in common.

    Attributes
    ----------
    X, y : array-like
    params : mapping
        Arguments of ``fit``, groups among them.
    folds : Folds
    scored : Scoring
    train_score : bool
    n_jobs : int or None
    """

    X: Any
    y: Any
    params: Mapping[str, Any]
    folds: Folds
    scored: Scoring
    train_score: bool
    n_jobs: int | None


def run_settings(estimators: Sequence[Any], data: SharedData, progress: Progress) -> list[list[Result]]:
    """Return the scores of each estimator on each fold, as `cross_validate` finds them one estimator at a time.

    Estimators with a native plan go through the native loop together: rank codes of the matrix, the steps that several pipelines begin with, and
    forests that are the beginning of larger ones are computed once. The others, and those whose fits fail, are fitted fold by fold.
    """
    n_folds = len(data.folds)
    table: list[list[Result] | None] = [None] * len(estimators)
    with progress_reporter(progress, "Fitting settings", len(estimators) * n_folds, caller=data.scored.caller) as advance:
        native = [k for k, estimator in enumerate(estimators) if _has_plan(estimator, data)]
        done = 0
        for own, folds in _batches(native, data):
            report = _part_of(advance, done, len(own) * len(folds))
            for k, results in _native(estimators, own, folds, data, report).items():
                table[k] = (table[k] or []) + results
            done += len(own) * len(folds)
        lacking = [k for k, results in enumerate(table) if results is None or len(results) < n_folds]
        if lacking:
            runs = _runs(estimators, lacking, range(n_folds), data.folds)
            report = _part_of(advance, len(estimators) * n_folds - len(runs), len(runs))
            found = fitted_results(runs, data.X, data.y, data.scored, data.params, data.train_score, False, data.n_jobs, report)
            for i, k in enumerate(lacking):
                table[k] = [found[f * len(lacking) + i] for f in range(n_folds)]
    return [results for results in table if results is not None]


def _part_of(advance: Callable[[int], None], before: int, n_runs: int) -> Callable[[int, int], object]:
    def report(done: int, total: int) -> None:
        advance(before + done * n_runs // max(total, 1))

    return report


def _has_plan(estimator: Any, data: SharedData) -> bool:
    if data.y is None or data.scored.classes is None or not is_classifier(estimator):
        return False
    try:
        return has_native_path(estimator, data.scored.classes)
    except Exception:  # whatever it is, the fit of this setting will raise it again
        return False


def _batches(native: list[int], data: SharedData) -> Iterator[tuple[list[int], range]]:
    """Yield settings and folds that one native call may answer; all settings of a fold together where they fit, as they share its work."""
    if not native:
        return
    row_bytes = 8 * len(data.scored.classes)
    rows = [data.folds.n_samples if data.train_score else len(test) for test in data.folds.test]
    begin = 0
    while begin < len(rows):
        end = begin + 1
        while end < len(rows) and sum(rows[begin : end + 1]) * row_bytes * len(native) <= BATCH_BYTES:
            end += 1
        size = max(1, BATCH_BYTES // (sum(rows[begin:end]) * row_bytes))
        for first in range(0, len(native), size):
            yield native[first : first + size], range(begin, end)
        begin = end


def _runs(estimators: Sequence[Any], own: Sequence[int], folds: Sequence[int], plan: Folds) -> Runs:
    """Return the runs of some settings on some folds, all settings of a fold one after another."""
    parts = stored(plan.train)
    fold_of = [f for f in folds for _ in own]
    test = [plan.test[f] for f in fold_of]
    train = TrainingParts([parts[f] for f in fold_of], test, plan.n_samples)
    setting_of = [i for _ in folds for i in range(len(own))]
    return Runs([estimators[k] for k in own], setting_of, fold_of, train, test, None, plan.ungrouped, np.zeros(len(test), dtype=np.int64))


def _native(estimators: Sequence[Any], own: list[int], folds: Sequence[int], data: SharedData, progress: Progress) -> dict[int, list[Result]]:
    """Return the results of the settings that the native loop could fit and score, by setting."""
    noted = len(data.scored.failures)
    runs = _runs(estimators, own, folds, data.folds)
    try:
        results = native_results(runs, data.X, data.y, data.scored, data.params, data.train_score, data.n_jobs, progress)
    except NeedsModel:
        del data.scored.failures[noted:]
        return {}
    except EmotionNativeError:
        if data.scored.error_score == "raise":
            raise
        if len(own) == 1:
            return {}
        middle = len(own) // 2  # one of them is to blame: the others keep their company
        halves = [_native(estimators, half, folds, data, False) for half in (own[:middle], own[middle:])]
        return halves[0] | halves[1]
    if results is None:
        return {}
    return {k: [results[f * len(own) + i] for f in range(len(folds))] for i, k in enumerate(own)}


def results_table(settings: Sequence[Setting], results: Sequence[Sequence[Result]], error_score: Any, train_score: bool) -> dict[str, Any]:
    """Return ``cv_results_`` as scikit-learn lays it out."""
    table: dict[str, Any] = {}
    for name in ("fit_time", "score_time"):
        _add(table, name, np.array([[r[name] for r in row] for row in results], dtype=np.float64))
    table |= _parameter_columns(settings)
    table["params"] = list(settings)
    whole = [r for row in results for r in row if "failed" not in r]
    fill = np.nan if error_score == "raise" else float(error_score)
    for name in whole[0]["test"] if whole else ():
        for part in ("test", "train") if train_score else ("test",):
            scores = np.array([[fill if "failed" in r else r[part].get(name, np.nan) for r in row] for row in results], dtype=np.float64)
            _add(table, f"{part}_{name}", scores, split=True)
            mean = table[f"mean_{part}_{name}"]
            if not np.isfinite(mean).all():
                warnings.warn(f"One or more of the {part} scores are non-finite: {mean}", UserWarning, stacklevel=4)
            if part == "test":
                table[f"rank_test_{name}"] = _ranks(mean)
    return table


def fit_records(settings: Sequence[Setting], results: Sequence[Sequence[Result]], error_score: Any) -> list[dict[str, Any]]:
    """Return one record a fit: its setting and fold, times, scores, and why it or a scorer failed."""
    fill = np.nan if error_score == "raise" else float(error_score)
    records = []
    for k, (setting, row) in enumerate(zip(settings, results, strict=True)):
        for fold, result in enumerate(row):
            record: dict[str, Any] = {"setting": k, "fold": fold, "params": setting}
            record |= {name: result[name] for name in ("fit_time", "score_time")}
            for part in ("test", "train"):
                scores = result.get(part, {})
                record |= {f"{part}_{name}": fill if "failed" in result else value for name, value in scores.items()}
            error = result.get("failed")
            record["error"] = f"{type(error).__name__}: {error}" if error is not None else "; ".join(dict.fromkeys(result["unscored"])) or None
            records.append(record)
    return records


def _add(table: dict[str, Any], name: str, values: npt.NDArray[np.float64], *, split: bool = False) -> None:
    """Add a (settings, folds) array: each fold where asked for, mean and standard deviation."""
    if split:
        for f in range(values.shape[1]):
            table[f"split{f}_{name}"] = values[:, f].copy()
    with np.errstate(invalid="ignore"):
        table[f"mean_{name}"] = values.mean(axis=1)
        table[f"std_{name}"] = values.std(axis=1)


def _ranks(mean: npt.NDArray[np.float64]) -> npt.NDArray[np.int32]:
    """Return 1 for the best; equal scores share the better rank, NaN the last."""
    if np.isnan(mean).all():
        return np.ones(len(mean), dtype=np.int32)
    known = np.where(np.isnan(mean), np.nanmin(mean) - 1, mean)
    return np.asarray(rankdata(-known, method="min"), dtype=np.int32)


def _parameter_columns(settings: Sequence[Setting]) -> dict[str, Any]:
    """Return one masked array a parameter; masked where a setting does not name it."""
    columns: dict[str, Any] = {}
    for name in dict.fromkeys(name for setting in settings for name in setting):
        given = {k: setting[name] for k, setting in enumerate(settings) if name in setting}
        try:
            natural = np.array(list(given.values()))
            dtype = natural.dtype if natural.ndim == 1 and natural.dtype.kind != "U" else np.dtype(object)
        except ValueError:  # lists of different lengths
            dtype = np.dtype(object)
        column = np.ma.MaskedArray(np.zeros(len(settings), dtype=dtype), mask=True)
        for k, value in given.items():
            column[k] = value
        columns[f"param_{name}"] = column
    return columns


def with_setting(estimator: Any, setting: Setting) -> Any:
    """Return an unfitted copy with these parameters, copied too: a setting may hold estimators."""
    return clone(estimator).set_params(**clone(setting, safe=False))


def n_rows_and_groups(X: Any, groups: Any) -> tuple[int, int | None]:
    """Return the number of rows, and of different groups where there is one key."""
    values = None if groups is None else np.asarray(groups)
    return _num_samples(X), None if values is None or values.ndim != 1 else len(set(values.tolist()))
