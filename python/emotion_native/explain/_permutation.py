"""Which columns drove what any model gave: Shapley values by asking it for mixed rows."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _core
from .._progress import Progress, progress_reporter
from .._threads import effective_n_jobs
from .._validation import check_matrix, check_number, check_seed
from ..exceptions import InvalidInputError
from ._columns import KnownColumns, feature_names_of, known_names
from ._explanation import Explanation

__all__ = ["PermutationExplainer"]

Floats = npt.NDArray[np.float64]

_BATCH_VALUES = 1 << 20  # numbers a batch of mixed rows holds where batch_size is "auto": 8 MiB of float64
_LEAST_EVALS = 500
_MOST_ENUMERATED = 20


class PermutationExplainer:
    """Shapley values of any function of rows: of calibrated, stacked and foreign models too.

    A column that is not known is taken from background rows, whose answers are averaged. Where all coalitions of columns cost no more than
    ``max_evals``, they are all asked for, and the values are exact. Else columns are made known one by one along random orders, each walked forwards
    and backwards; the values are means over the walks, and add up exactly however few there are.

    Sources: Lundberg & Lee, "A unified approach to interpreting model predictions", NeurIPS 2017 (the interventional value function); Mitchell,
    Cooper, Frank & Holmes, "Sampling permutations for Shapley value estimation", JMLR 23 (2022) (antithetic orders). Parameters are named as in
    ``shap.PermutationExplainer``.

    Parameters
    ----------
    model : estimator or callable
        Fitted, with ``predict_proba``, which is then what is explained; a loaded model; or a function from rows (n_rows, n_features) to numbers of
        shape (n_rows,) or (n_rows, n_outputs).
    masker : array-like of shape (n_background, n_features)
        Background rows, best of the training part; every coalition asks for as many rows. NaN is allowed where the model allows it.
    feature_names : sequence of str, optional
        One a column; None: the model's or the DataFrame's, or x0, x1, ….
    seed : int, RandomState, Generator or None, default None
        Of the orders. They are the same for all rows, so a row's values do not depend on the rows beside it, on batches or on ``n_jobs``.
    n_jobs : int or None, default None
        Threads that write the mixed rows; the model uses its own.

    Attributes
    ----------
    expected_value : ndarray of shape (n_outputs,), float64
        The mean answer over the background.

    Raises
    ------
    InvalidInputError
        If an argument breaks its rule.

    Notes
    -----
    A DataFrame as ``masker`` makes the model be asked with DataFrames of its columns. The columns of DataFrames must be those that the model was
    fitted on, or else the masker's, in the same order.

    Examples
    --------
    >>> import numpy as np
    >>> from emotion_native.ensemble import RandomForestClassifier
    >>> X = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
    >>> forest = RandomForestClassifier(20, random_state=0).fit(X, np.where(X[:, 1] > 0, "happy", "sad"))
    >>> explanation = PermutationExplainer(forest, X[:20], seed=0)(X[50:])
    >>> explanation.shape
    (10, 4, 2)
    >>> bool(np.allclose(explanation.base_values + explanation.values.sum(axis=1), forest.predict_proba(X[50:])))
    True
    >>> explanation.top(0, "happy", 1)[0][0]
    'x1'
    """

    def __init__(
        self,
        model: Any,
        masker: npt.ArrayLike,
        *,
        feature_names: Sequence[str] | None = None,
        seed: Any = None,
        n_jobs: int | None = None,
    ) -> None:
        caller = "PermutationExplainer"
        ask: Any = getattr(model, "predict_proba", None) or (model if callable(model) else None)
        if ask is None:
            raise InvalidInputError(f"model of {caller} must have predict_proba, or be a function of rows; got {type(model).__name__}")
        self.model = model
        self.n_jobs = n_jobs
        self.seed = check_seed(seed, caller=caller)
        self._ask: Callable[[Any], Any] = ask
        self._table: Any = masker if hasattr(masker, "columns") else None
        self._columns = _columns_of(model, None)
        self._background: npt.NDArray[Any] = self._matrix(masker, f"{caller}'s masker")
        self._columns = _columns_of(model, self._table)
        self._names = self._check_names(feature_names)
        answers = self._answers(self._background)
        self.expected_value: Floats = _core.average_background(answers, len(answers))[0]
        classes = np.asarray(getattr(model, "classes_", getattr(model, "classes", ())))
        self._classes = classes if classes.shape == self.expected_value.shape else np.arange(len(self.expected_value))

    def __call__(self, X: npt.ArrayLike, *, max_evals: int | str = "auto", batch_size: int | str = "auto", progress: Progress = None) -> Explanation:
        """Explain rows.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Rows as the model takes them.
        max_evals : int or "auto"
            Coalitions to ask for a row, at least ``2 * n_features + 1``; each with all background rows. "auto": 500, or what one pair of walks takes
            where that is more.
        batch_size : int or "auto"
            Mixed rows that the model is asked for at a time, in whole coalitions; never changes the result of a model whose answers for a row do not
            depend on the other rows.
        progress : callable, bool or None
            A callable gets ``(done, total)`` in coalitions and may raise to stop; True shows a bar, None does where someone watches, False shows
            nothing.

        Returns
        -------
        Explanation
            ``values`` of shape (n_rows, n_features, n_outputs).

        Raises
        ------
        InvalidInputError
            If an argument breaks its rule, or the model's answers are not finite numbers, one row of them each row asked.
        """
        caller = "PermutationExplainer"
        rows = self._matrix(X, caller)
        background = self._background
        if rows.shape[1] != background.shape[1]:
            raise InvalidInputError(f"X of {caller} must have the masker's {background.shape[1]} columns; got {rows.shape[1]}")
        if rows.dtype != background.dtype:
            rows, background = (np.ascontiguousarray(part, dtype=np.float64) for part in (rows, background))
        plan = self._plan(max_evals)
        jobs = effective_n_jobs(self.n_jobs, caller=caller)
        step = self._coalitions_at_a_time(batch_size)
        outputs = len(self.expected_value)
        values = np.empty((*rows.shape, outputs))
        rows_at_a_time = max(1, _BATCH_VALUES // max(1, plan.n_coalitions * outputs))
        with progress_reporter(progress, "Explaining", len(rows) * plan.n_coalitions, caller=caller) as advance:
            for first in range(0, len(rows), rows_at_a_time):
                part = rows[first : first + rows_at_a_time]
                worth = np.empty((len(part) * plan.n_coalitions, outputs))
                for begin in range(0, len(worth), step):
                    end = min(begin + step, len(worth))
                    answers = self._answers(plan.fill(part, background, begin, end, jobs))
                    worth[begin:end] = _core.average_background(answers, len(background))
                    advance(first * plan.n_coalitions + end)
                values[first : first + len(part)] = plan.values(worth, self.expected_value, self._answers(part), jobs)
        return Explanation(values, np.tile(self.expected_value, (len(rows), 1)), rows, self._names, self._classes)

    def shap_values(self, X: npt.ArrayLike, **options: Any) -> Floats:
        """Return the values alone, of shape (n_rows, n_features, n_outputs), under the name that shap users know."""
        return self(X, **options).values

    def _matrix(self, rows: Any, caller: str) -> Any:
        """Return rows as a matrix; a table's columns must be the known ones, in their order, since they are told apart by place."""
        return check_matrix(rows, caller=caller, estimator=self._columns if hasattr(rows, "columns") else None, allow_nan=True)

    def _check_names(self, feature_names: Sequence[str] | None) -> list[str]:
        count = self._background.shape[1]
        if feature_names is not None:
            names = [str(name) for name in feature_names]
            if len(names) != count:
                raise InvalidInputError(f"feature_names of PermutationExplainer must be one for each of {count} columns; got {len(names)}")
            return names
        return feature_names_of(self.model, count) if self._table is None else [str(name) for name in self._table.columns]

    def _plan(self, max_evals: int | str) -> _core.PermutationShap:
        d = self._background.shape[1]
        least = 2 * d + 1
        if isinstance(max_evals, str) and max_evals == "auto":
            max_evals = max(_LEAST_EVALS, least)
        check_number(max_evals, "max_evals", "PermutationExplainer", low=min(least, 2**d) if d < _MOST_ENUMERATED else least, integer=True)
        if d <= _MOST_ENUMERATED and 2**d <= int(max_evals):
            return _core.PermutationShap(d, 0, self.seed)
        return _core.PermutationShap(d, max(1, int(max_evals) // least), self.seed)

    def _coalitions_at_a_time(self, batch_size: int | str) -> int:
        width = self._background.shape[1]
        if isinstance(batch_size, str) and batch_size == "auto":
            batch_size = max(1, _BATCH_VALUES // width)
        check_number(batch_size, "batch_size", "PermutationExplainer", low=1, integer=True)
        n_rows = int(batch_size)
        return max(1, n_rows // len(self._background))

    def _answers(self, rows: Any) -> Floats:
        """Return what the model gives, (n_rows, n_outputs)."""
        asked = rows if self._table is None else type(self._table)(rows, columns=self._table.columns)
        with warnings.catch_warnings():
            # Fitted on a DataFrame and explained with arrays: the columns are the same by count.
            warnings.filterwarnings("ignore", message="X does not have valid feature names")
            given = self._ask(asked)
        try:
            answers = np.asarray(given, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise InvalidInputError(f"model of PermutationExplainer must give numbers; got {error}") from error
        if answers.ndim == 1:
            answers = answers[:, None]
        if answers.ndim != 2 or len(answers) != len(rows) or not np.isfinite(answers).all():
            raise InvalidInputError(
                f"model of PermutationExplainer must give finite numbers of shape (n_rows,) or (n_rows, n_outputs); got shape {np.shape(given)} "
                f"for {len(rows)} rows{'' if np.isfinite(answers).all() else ', not all finite'}"
            )
        return np.ascontiguousarray(answers)


def _columns_of(model: Any, table: Any) -> KnownColumns | None:
    """Return the columns that a model was fitted on, else those of the background table, where they have names of text."""
    names = known_names(model)
    if names is None and table is not None:
        names = list(table.columns)
    return KnownColumns(names) if names is not None and all(isinstance(name, str) for name in names) else None
