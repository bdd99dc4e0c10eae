"""Which columns drove the margin of a linear model: exact Shapley values, in the input columns of a pipeline."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _core
from .._threads import effective_n_jobs
from .._validation import check_choice, check_matrix, is_sparse
from ..exceptions import InvalidInputError
from ._columns import checked_names, feature_names_of, input_columns, known_names, split_pipeline
from ._explanation import Explanation

__all__ = ["LinearExplainer"]

Floats = npt.NDArray[np.float64]

_KINDS = ("interventional", "correlation_dependent")
_CONSTANTS = ("_Constant", "_ConstantPredictor")  # what one-vs-rest models hold for such labels, ours and scikit-learn's
_MOST_CORRELATED = 16  # columns: 65,536 coalitions


class LinearExplainer:
    """Exact Shapley values of a linear model's margins.

    The margin is what ``decision_function`` gives: one of the second class where there are two classes, else one a class, as the model gives them.
    (Softmax margins are fixed up to a number that all classes of a row share; with an L2 penalty ours sum to zero over classes. Contributions
    relative to the mean class are ``values - values.mean(axis=2, keepdims=True)``.) A pipeline is explained in its input columns: its steps may
    scale, fill and select single columns.

    Sources: Lundberg & Lee, "A unified approach to interpreting model predictions", NeurIPS 2017, corollary 1; Aas, Jullum & Løland, "Explaining
    individual predictions when features are dependent", Artificial Intelligence 298 (2021), section 3.1; Ledoit & Wolf, "A well-conditioned
    estimator for large-dimensional covariance matrices", Journal of Multivariate Analysis 88 (2004). Parameters are named as in
    ``shap.LinearExplainer``.

    Parameters
    ----------
    model : estimator, Pipeline, or tuple of (coef, intercept)
        Fitted, with ``coef_`` and ``intercept_``: our `LogisticRegression`, a linear model of scikit-learn, or a ``OneVsRestClassifier`` of such. A
        tuple holds coefficients of shape (n_features,) or (n_outputs, n_features) and one intercept an output.
    masker : array-like of shape (n_background, n_input_features), or tuple of (mean, covariance)
        Background rows, best of the training part; of models without a pipeline also their mean (and, for "correlation_dependent", covariance; None
        otherwise). Sparse rows are averaged as they are.
    feature_perturbation : {"interventional", "correlation_dependent"}, default "interventional"
        What stands for columns that are not known. "interventional": those of the background rows, averaged. "correlation_dependent": their mean
        given the known columns, for normally distributed columns with the background's covariance (shrunk by Ledoit and Wolf's rule, unless it was
        given): columns that the model gives no weight but that go along with others then get shares. Exact by all coalitions, so for at most 16
        columns, and steps that scale or select.
    feature_names : sequence of str or None, default None
        Different names of the input columns, such as ``table.names``. None: those that the model was fitted with, else ``x0``, ``x1``, ….
    n_jobs : int or None, default None
        Threads; None: the cores that this process may use. The result does not depend on it.

    Attributes
    ----------
    expected_value : ndarray of shape (n_outputs,), float64
        The margins at the mean of the background.

    Raises
    ------
    InvalidInputError
        If the model is not linear or not fitted, a step mixes columns, ``feature_names`` do not fit, or the background has other columns, no rows, or
        values that are not finite.

    Notes
    -----
    ``expected_value + values.sum(axis=1)`` is ``decision_function``, to 1e-6 and better. ``"interventional"`` rests on the background's mean alone,
    so it holds for columns of any distribution.

    Examples
    --------
    >>> import numpy as np
    >>> from emotion_native.linear_model import LogisticRegression
    >>> from emotion_native.pipeline import make_pipeline
    >>> from emotion_native.preprocessing import StandardScaler
    >>> X = np.random.default_rng(0).normal(size=(60, 3))
    >>> model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, np.where(X[:, 1] > 0, "happy", "sad"))
    >>> explanation = LinearExplainer(model, X[:40])(X[40:])
    >>> explanation.shape, explanation.classes.tolist()
    ((20, 3, 1), ['sad'])
    >>> bool(np.allclose(explanation.base_values[:, 0] + explanation.values[:, :, 0].sum(axis=1), model.decision_function(X[40:])))
    True
    """

    def __init__(
        self,
        model: Any,
        masker: Any,
        *,
        feature_perturbation: str = "interventional",
        feature_names: Sequence[str] | None = None,
        n_jobs: int | None = None,
    ) -> None:
        check_choice(feature_perturbation, "feature_perturbation", "LinearExplainer", _KINDS)
        self.model = model
        self.n_jobs = n_jobs
        self.feature_perturbation = feature_perturbation
        self._transformers, self._estimator = split_pipeline(model)
        self._coef, self._intercept, self._classes = _margins(model, self._estimator)
        mean, covariance = self._background(masker)
        width, known = self._n_features, None if isinstance(model, tuple) else known_names(model)
        self.feature_names = None if feature_names is None else checked_names(feature_names, width, known, "LinearExplainer")
        if feature_perturbation == "interventional":
            self._mean = mean
        else:
            self._mean = mean
            self._coef, self._intercept = self._on_inputs()
            if covariance is None:
                raise InvalidInputError(
                    "masker of LinearExplainer must hold a covariance where feature_perturbation is 'correlation_dependent'; got None"
                )
            self._weights = _correlated_weights(self._coef, covariance)
        self.expected_value: Floats = self._intercept + (self._coef * self._mean).sum(axis=1)

    def __call__(self, X: Any) -> Explanation:
        """Explain rows.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_input_features)
            Rows as the model's ``predict_proba`` takes them. Sparse ones are made dense, as the values are.

        Returns
        -------
        Explanation
            ``values`` of shape (n_rows, n_features, n_outputs), in input columns.

        Raises
        ------
        InvalidInputError
            If ``X`` is not what the model takes.
        """
        X = X.toarray() if is_sparse(X) else X
        rows = check_matrix(X, caller="LinearExplainer", estimator=self._first(), allow_nan=bool(self._transformers))
        self._check_width(rows, "X")
        jobs = effective_n_jobs(self.n_jobs, caller="LinearExplainer")
        if self.feature_perturbation == "interventional":
            inner = self._inner(X, rows, "LinearExplainer")
            values, base = _core.linear_shap(inner, self._coef, self._intercept, self._mean, self._source, self._n_features, jobs)
        else:
            if not np.isfinite(rows).all():
                raise InvalidInputError("X of LinearExplainer must be free of NaN where feature_perturbation is 'correlation_dependent'; got NaN")
            values = np.einsum("rc,jkc->rjk", rows - self._mean, self._weights)
            base = self.expected_value
        names = feature_names_of(self.model, self._n_features) if self.feature_names is None else self.feature_names
        return Explanation(values, np.tile(base, (len(rows), 1)), rows, names, self._classes)

    def shap_values(self, X: Any) -> Floats:
        """Return the values alone, of shape (n_rows, n_features, n_outputs), under the name that shap users know."""
        return self(X).values

    def _first(self) -> Any:
        """Return the step that knows the input columns; None for coefficients alone."""
        return self._transformers[0] if self._transformers else (None if isinstance(self.model, tuple) else self._estimator)

    def _check_width(self, rows: Any, parameter: str) -> None:
        if rows.shape[1] != self._n_features:
            raise InvalidInputError(f"{parameter} of LinearExplainer must have {self._n_features} columns; got {rows.shape[1]}")

    def _inner(self, X: Any, rows: Any, caller: str) -> Any:
        """Return rows as the linear model sees them."""
        inner: Any = X if self._transformers else rows
        for transformer in self._transformers:
            inner = transformer.transform(inner)
        return check_matrix(inner, caller=caller)

    def _background(self, masker: Any) -> tuple[Floats, Floats | None]:
        """Return the mean of the background, and its covariance where that is needed; set the columns."""
        caller, width = "LinearExplainer's masker", self._coef.shape[1]
        if is_sparse(masker):
            interventional = self.feature_perturbation == "interventional" and not self._transformers and masker.shape[0] > 0
            masker = (np.ravel(masker.mean(axis=0)), None) if interventional else masker.toarray()
        if isinstance(masker, tuple) and len(masker) == 2 and np.ndim(masker[0]) == 1:
            if self._transformers:
                raise InvalidInputError("masker of LinearExplainer must be background rows where the model is a pipeline; got a mean")
            self._n_features, self._source = width, np.arange(width, dtype=np.int32)
            mean = check_matrix([masker[0]], caller=caller, dtypes=(np.float64,))
            self._check_width(mean, "masker")
            return mean[0], None if masker[1] is None else _check_covariance(masker[1], width)
        rows = check_matrix(masker, caller=caller, estimator=self._first(), allow_nan=bool(self._transformers))
        self._n_features = rows.shape[1]
        self._source = input_columns(self._transformers, self._n_features, "LinearExplainer")
        inner = self._inner(masker, rows, caller)
        if inner.shape[1] != width or len(self._source) != width:
            raise InvalidInputError(f"masker of LinearExplainer must have the model's {width} columns; got {inner.shape[1]}")
        if self.feature_perturbation == "interventional":
            return inner.mean(axis=0, dtype=np.float64), None
        if not np.isfinite(rows).all():
            raise InvalidInputError("masker of LinearExplainer must be free of NaN where feature_perturbation is 'correlation_dependent'; got NaN")
        from sklearn.covariance import ledoit_wolf

        centred = rows.astype(np.float64)
        mean = centred.mean(axis=0)
        spread = centred.std(axis=0)
        spread[spread == 0] = 1.0  # shrinkage is towards equal variances, so it takes place in units of each column's own
        return mean, ledoit_wolf((centred - mean) / spread, assume_centered=True)[0] * np.outer(spread, spread)

    def _on_inputs(self) -> tuple[Floats, Floats]:
        """Return coefficients and intercepts of the input columns: scaling and selecting are undone by asking the steps for a base and unit steps."""
        if any(not hasattr(step, "get_support") and type(step).__name__ != "StandardScaler" for step in self._transformers):
            raise InvalidInputError(
                "model of LinearExplainer must be linear, or a pipeline of StandardScaler, a selection and a linear model, "
                f"where feature_perturbation is 'correlation_dependent'; got {[type(step).__name__ for step in self._transformers]}"
            )
        coef, intercept = self._coef, self._intercept
        for step in reversed(self._transformers):
            if hasattr(step, "get_support"):
                kept = np.asarray(step.get_support())
                wide = np.zeros((len(coef), len(kept)))
                wide[:, kept] = coef
                coef = wide
            else:
                scale = np.ones(coef.shape[1]) if step.scale_ is None else np.asarray(step.scale_, dtype=np.float64)
                coef = coef / scale
                if getattr(step, "with_mean", True):
                    intercept = intercept - coef @ np.asarray(step.mean_, dtype=np.float64)
        return coef, intercept


def _margins(model: Any, estimator: Any) -> tuple[Floats, Floats, npt.NDArray[Any]]:
    """Return coefficients (n_outputs, n_features), intercepts and labels of a linear model."""
    found: Any = estimator if isinstance(model, tuple) else (getattr(estimator, "coef_", None), getattr(estimator, "intercept_", None))
    if type(estimator).__name__ == "OneVsRestClassifier":
        found = _of_members(getattr(estimator, "estimators_", [])) or found
    if len(found) != 2 or found[0] is None or hasattr(found[0], "toarray"):
        remedy = "; call fit first" if type(estimator).__name__ == "LogisticRegression" else "; PermutationExplainer explains any model"
        raise InvalidInputError(
            "model of LinearExplainer must be a fitted linear model, a pipeline that ends in one, or (coef, intercept); "
            f"got {type(model).__name__}{remedy}"
        )
    try:
        coef = np.ascontiguousarray(np.atleast_2d(np.asarray(found[0], dtype=np.float64)))
        intercept = np.ascontiguousarray(np.ravel(np.asarray(found[1], dtype=np.float64)))
    except (TypeError, ValueError) as error:
        raise InvalidInputError(f"model of LinearExplainer must hold numbers as coefficients; got {error}") from error
    if len(intercept) == 1 and len(coef) > 1:
        intercept = np.repeat(intercept, len(coef))
    if coef.ndim != 2 or len(intercept) != len(coef) or not (np.isfinite(coef).all() and np.isfinite(intercept).all()):
        raise InvalidInputError(
            f"model of LinearExplainer must hold finite coefficients with one intercept an output; got shapes {coef.shape} and {intercept.shape}"
        )
    classes = np.asarray(getattr(estimator, "classes_", np.arange(len(coef))))
    return coef, intercept, classes[-len(coef) :]


def _of_members(members: Any) -> tuple[Any, Any] | None:
    """Return coefficients and intercepts of linear models, one a label; a label that no row or every row had has a constant margin."""
    widths = [member.coef_.shape[1] for member in members if hasattr(member, "coef_")]
    if not widths or not all(hasattr(member, "coef_") or type(member).__name__ in _CONSTANTS for member in members):
        return None
    still = np.zeros((1, widths[0]))
    coef = [member.coef_ if hasattr(member, "coef_") else still for member in members]
    intercept = [np.ravel(member.intercept_ if hasattr(member, "coef_") else member.decision_function(still)) for member in members]
    return np.concatenate(coef), np.concatenate(intercept)


def _check_covariance(covariance: Any, width: int) -> Floats:
    try:
        found = np.asarray(covariance, dtype=np.float64)
    except (TypeError, ValueError):
        found = np.zeros(0)
    if found.shape != (width, width) or not np.isfinite(found).all() or not np.allclose(found, found.T):
        shape = np.shape(covariance)
        raise InvalidInputError(f"masker of LinearExplainer must hold a symmetric covariance of shape {(width, width)}; got shape {shape}")
    return found


def _correlated_weights(coef: Floats, covariance: Floats) -> Floats:
    """Return the weights (column, output, input column) that give Shapley values from distances to the mean.

    The worth of a coalition S is linear too: coef . E[x - mean | x_S] = (C_SS^-1 C_S coef) . (x - mean)_S.
    """
    outputs, d = coef.shape
    if d > _MOST_CORRELATED:
        raise InvalidInputError(
            f"masker of LinearExplainer must have at most {_MOST_CORRELATED} columns where feature_perturbation is 'correlation_dependent', "
            f"whose exact values need all coalitions; got {d} (select columns first, or use 'interventional')"
        )
    together = covariance @ coef.T
    still = np.diag(covariance) <= 0  # a column that never moves tells nothing of others, and is told by none
    worth = np.zeros((1 << d, outputs, d))
    for size in range(1, d + 1):
        sets = np.array(list(itertools.combinations(range(d), size)))
        alone = still[sets]
        block = covariance[sets[:, :, None], sets[:, None, :]] + np.eye(size) * alone[:, :, None]
        try:
            solved = np.linalg.solve(block, np.where(alone[:, :, None], coef.T[sets], together[sets]))
        except np.linalg.LinAlgError as error:
            raise InvalidInputError(
                "masker of LinearExplainer must hold a covariance that can be inverted; got columns that determine each other "
                "(give background rows, whose covariance is shrunk)"
            ) from error
        worth[(1 << sets).sum(axis=1)[:, None], :, sets] = solved
    sizes = np.array([bits.bit_count() for bits in range(1 << d)])
    weights = np.empty((d, outputs, d))
    for j in range(d):
        without = np.flatnonzero(np.arange(1 << d) >> j & 1 == 0)
        share = np.array([1.0 / (d * math.comb(d - 1, size)) for size in range(d)])[sizes[without]]
        weights[j] = np.tensordot(share, worth[without | 1 << j] - worth[without], axes=1)
    return weights
