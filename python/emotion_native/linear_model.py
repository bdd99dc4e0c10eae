"""Linear classifiers."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from . import _core
from ._threads import effective_n_jobs
from ._validation import (
    check_choice,
    check_class_weight,
    check_dense_or_sparse,
    check_flag,
    check_number,
    check_rows,
    check_sample_weight,
    encode_labels,
    is_sparse,
    n_rows_of,
)
from .exceptions import EmotionNativeWarning, InvalidInputError

__all__ = ["LogisticRegression"]

_CALLER = "LogisticRegression.fit"
_SOLVERS = ("lbfgs", "liblinear", "newton-cg", "newton-cholesky", "sag", "saga")
# How scikit-learn's users know that the tolerance was not met.
_FAILURES = {
    "lbfgs": "lbfgs failed to converge after {} iterations",
    "liblinear": "Liblinear failed to converge, increase the number of iterations. It made {}",
    "newton-cg": "newton-cg failed to converge after {} iterations",
    "newton-cholesky": "Newton solver did not converge after {} iterations",
    "sag": "The max_iter was reached which means the coef_ did not converge after {} iterations",
    "saga": "The max_iter was reached which means the coef_ did not converge after {} iterations",
}


class LogisticRegression(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn is untyped
    """Logistic regression with an L2, an L1 or an elastic net penalty: binary, or multinomial for more classes.

    Minimises ``C sum_i w_i loss_i + l1_ratio |coef|_1 + (1 - l1_ratio) |coef|^2 / 2`` in float64, whatever the float type of ``X``: by L-BFGS,
    or with absolute values by a proximal L-BFGS whose zeros are exact. Intercepts are not penalised. Sparse matrices are never made dense. The
    result does not depend on ``n_jobs``.

    Parameters
    ----------
    penalty : {"l1", "l2", "elasticnet", None}, optional
        The older way to say what ``l1_ratio`` and ``C`` say, named as in scikit-learn; the default, "deprecated" there too, lets ``l1_ratio`` decide.
        "l1" and "l2" mean an ``l1_ratio`` of 1 and 0, "elasticnet" the one given, None no penalty.
    C : float, default=1.0
        Inverse strength of the penalty; infinity means none.
    l1_ratio : float, default=0.0
        The share of absolute values in the penalty, from 0 (L2) to 1 (L1).
    tol : float, default=1e-4
        The fit ends when no component of the gradient of the mean loss with its penalty is larger; with absolute values, when no component of the
        smallest subgradient is larger than ``tol``, nor than ``tol`` times the rarest class's share of the weights times the largest one of a
        coefficient where all are 0 (much as in liblinear: relative to the scale of the columns).
    fit_intercept : bool, default=True
    class_weight : "balanced" or dict, optional
        Weights of classes, times ``sample_weight``.
    random_state : ignored
        The fit draws nothing.
    solver : {"lbfgs", "liblinear", "newton-cg", "newton-cholesky", "sag", "saga"}, default="lbfgs"
        scikit-learn's names. The problem has one optimum, which the solvers above find with every penalty, so all names mean them. "liblinear" alone
        means another problem: two classes, L1 or L2, and an intercept that is penalised like a coefficient (see ``intercept_scaling``).
    intercept_scaling : float, default=1
        With "liblinear" the intercept is ``intercept_scaling`` times a coefficient that is penalised like the others; otherwise without effect.
    dual : bool, default=False
        True is accepted with "liblinear" and L2, where the dual problem has the same solution.
    verbose : int, default=0
        Accepted for compatibility; nothing is printed.
    max_iter : int, default=100
        A `sklearn.exceptions.ConvergenceWarning` says that it was reached.
    warm_start : bool, default=False
        Start from the last fit's coefficients where their shape fits.
    n_jobs : int, optional
        Threads; None means the cores that this process may use.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Sorted labels.
    coef_ : ndarray of shape (n_classes, n_features), or (1, n_features) for two classes, float64
    intercept_ : ndarray of shape (n_classes,) or (1,), float64
    n_iter_ : ndarray of shape (1,), int32
    n_features_in_ : int

    References
    ----------
    Nocedal & Wright, "Numerical Optimization" (2006), chapter 7. Lee, Sun & Saunders, "Proximal Newton-type methods for minimizing composite
    functions" (2014).

    Examples
    --------
    >>> import numpy as np
    >>> from emotion_native.linear_model import LogisticRegression
    >>> X = np.array([[0.0], [1.0], [2.0], [3.0]])
    >>> [str(label) for label in LogisticRegression().fit(X, ["calm", "calm", "angry", "angry"]).predict(X)]
    ['calm', 'calm', 'angry', 'angry']
    """

    coef_: npt.NDArray[np.float64]
    intercept_: npt.NDArray[np.float64]

    def __init__(
        self,
        *,
        penalty: str | None = "deprecated",
        C: float = 1.0,
        l1_ratio: float | None = 0.0,
        dual: bool = False,
        tol: float = 1e-4,
        fit_intercept: bool = True,
        intercept_scaling: float = 1,
        class_weight: Any = None,
        random_state: Any = None,
        solver: str = "lbfgs",
        max_iter: int = 100,
        verbose: int = 0,
        warm_start: bool = False,
        n_jobs: int | None = None,
    ) -> None:
        self.penalty = penalty
        self.C = C
        self.l1_ratio = l1_ratio
        self.dual = dual
        self.tol = tol
        self.fit_intercept = fit_intercept
        self.intercept_scaling = intercept_scaling
        self.class_weight = class_weight
        self.random_state = random_state
        self.solver = solver
        self.max_iter = max_iter
        self.verbose = verbose
        self.warm_start = warm_start
        self.n_jobs = n_jobs

    def _native_step(self) -> dict[str, Any] | None:
        """Return the unfitted step for the native fold loop; None for liblinear, whose `fit` refuses more than two classes."""
        options = self._options()
        return None if self.solver == "liblinear" else options

    def _options(self) -> dict[str, Any]:
        """Return the parameters of the native fit; class weights stay keyed by label."""
        name = "LogisticRegression"
        check_choice(self.solver, "solver", name, _SOLVERS)
        check_number(self.C, "C", name, low=0, open_low=True)
        check_number(self.tol, "tol", name, low=0, open_low=True, high=1e300)
        check_number(self.max_iter, "max_iter", name, low=0, high=2**31 - 1, integer=True)
        check_flag(self.fit_intercept, "fit_intercept", name)
        check_flag(self.warm_start, "warm_start", name)
        weight = self.class_weight
        if weight is not None and not isinstance(weight, Mapping) and not (isinstance(weight, str) and weight == "balanced"):
            raise InvalidInputError(f"class_weight of {name} must be None, 'balanced' or a dict from labels to weights; got {weight!r}")
        share = self._l1_share()
        return {
            "kind": "logistic_regression",
            "C": float("inf") if self.penalty is None else float(self.C),
            "l1_ratio": share,
            "tol": float(self.tol),
            "max_iter": int(self.max_iter),
            "fit_intercept": bool(self.fit_intercept),
            "class_weight": dict(weight) if isinstance(weight, Mapping) else weight,
            **self._liblinear(share),
        }

    def _liblinear(self, share: float) -> dict[str, float]:
        """Return what the solver's name adds to the problem; refuse what liblinear does not solve."""
        name = "LogisticRegression"
        check_flag(self.dual, "dual", name)
        check_number(self.intercept_scaling, "intercept_scaling", name, low=0)
        if self.solver != "liblinear":
            if self.dual:
                raise InvalidInputError(f"dual of {name} must be False. Solver {self.solver} supports only dual=False, got dual=True")
            return {}
        if self.penalty is None or np.isinf(self.C):
            rule = "finite (penalty=None is not supported for the liblinear solver)"
            raise InvalidInputError(f"C of {name} must be {rule}; got C={self.C!r}, penalty={self.penalty!r}")
        if 0 < share < 1:
            raise InvalidInputError(f"l1_ratio of {name} must be 0 or 1: only 'saga' solver supports elasticnet penalty, got solver=liblinear")
        if self.dual and share == 1:
            raise InvalidInputError(f"dual of {name} must be False with absolute values; got True")
        if not self.fit_intercept:
            return {}
        check_number(self.intercept_scaling, "intercept_scaling", name, low=0, open_low=True)
        return {"intercept_scaling": float(self.intercept_scaling)}

    def _l1_share(self) -> float:
        """Return the share of absolute values that ``penalty`` and ``l1_ratio`` ask for."""
        name = "LogisticRegression"
        check_choice(self.penalty, "penalty", name, ("l1", "l2", "elasticnet", None, "deprecated"))
        if self.l1_ratio is None:
            if self.penalty == "elasticnet":
                raise InvalidInputError(f"l1_ratio of {name} must be specified when penalty is elasticnet; got None")
        else:
            check_number(self.l1_ratio, "l1_ratio", name, low=0, high=1)
        given = float(self.l1_ratio or 0)
        if (self.penalty in ("l1", "l2") and 0 < given < 1) or (self.penalty == "l2" and given == 1):
            warnings.warn(
                f"l1_ratio={given:g} of {name} is not used: penalty={self.penalty!r} decides. Leave penalty out to let l1_ratio decide",
                EmotionNativeWarning,
                stacklevel=4,
            )
        if self.penalty is None and self.C != 1:
            text = f"Setting penalty=None will ignore the C of {name}; leave penalty out and set C=inf instead"
            warnings.warn(text, EmotionNativeWarning, stacklevel=4)
        return {"l1": 1.0, "l2": 0.0, None: 0.0}.get(self.penalty, given)

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> LogisticRegression:
        """Find the coefficients.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Finite numbers, kept as float32 or float64 and not copied where C-contiguous, or sparse in compressed rows.
        y : array-like of shape (n_samples,)
            Sortable labels of at least two classes.
        sample_weight : array-like of shape (n_samples,), optional
            Finite, not negative.

        Raises
        ------
        InvalidInputError
            If a parameter or an array breaks its rule.
        KeyboardInterrupt
            On Ctrl-C; the estimator keeps what it was before.
        """
        options = self._options()
        n_jobs = effective_n_jobs(self.n_jobs, caller="LogisticRegression")
        X, y = check_rows(X, y, caller=_CALLER, estimator=self, sparse=True)
        weights = check_sample_weight(sample_weight, n_rows_of(X), caller=_CALLER)
        classes, codes = encode_labels(y, caller=_CALLER)
        if len(classes) < 2:
            raise InvalidInputError(f"y of {_CALLER} must be labels of at least two classes; got one class: {classes[0]!r}")
        if self.solver == "liblinear" and len(classes) > 2:
            rule = "of two classes (The 'liblinear' solver does not support multiclass classification: another solver or OneVsRestClassifier does)"
            raise InvalidInputError(f"y of {_CALLER} must be {rule}; got {len(classes)} classes")
        if isinstance(options["class_weight"], dict):
            options["class_weight"] = check_class_weight(options["class_weight"], classes, caller=_CALLER)
        start: tuple[Any, Any] = (None, None)
        shape = (1 if len(classes) == 2 else len(classes), self.n_features_in_)
        if self.warm_start and getattr(self, "coef_", np.empty(0)).shape == shape:
            coef, intercept = self._native_coef()
            if intercept.shape == shape[:1] and np.isfinite(coef).all() and np.isfinite(intercept).all():
                start = (coef, intercept)
        coef, intercept, n_iter, converged = _core.logistic_fit(X, codes, len(classes), options, weights, *start, n_jobs)
        self.classes_, self.coef_, self.intercept_ = classes, coef, intercept
        self.n_iter_ = np.array([n_iter], dtype=np.int32)
        if not converged:
            warnings.warn(
                f"{_FAILURES[self.solver].format(n_iter)}. Increase the number of iterations (max_iter) or scale the columns",
                ConvergenceWarning,
                stacklevel=2,
            )
        return self

    def _predict(self, X: Any, method: str, *, proba: bool) -> npt.NDArray[np.float64]:
        """Return probabilities or scores of whatever needs a closer look than the core takes at one plain row."""
        if "coef_" not in self.__dict__:
            check_is_fitted(self, "coef_")
        X = check_dense_or_sparse(X, caller=f"LogisticRegression.{method}", estimator=self)
        coef, intercept = self._native_coef()
        result: npt.NDArray[np.float64] = _core.logistic_predict(X, coef, intercept, len(self.classes_), proba)
        return result

    def _native_coef(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Return coefficients and intercepts as the core takes them, whatever was put in their place."""
        coef: Any = self.coef_
        dense = coef.toarray() if is_sparse(coef) else coef
        return np.ascontiguousarray(dense, np.float64), np.ascontiguousarray(self.intercept_, np.float64)

    def sparsify(self) -> LogisticRegression:
        """Keep the coefficients as a sparse matrix, which takes less memory and file space where most are 0 (an L1 penalty); predictions stay."""
        from scipy.sparse import csr_matrix

        check_is_fitted(self, "coef_")
        self.coef_ = csr_matrix(self.coef_)
        return self

    def densify(self) -> LogisticRegression:
        """Keep the coefficients as an array, as `fit` left them."""
        check_is_fitted(self, "coef_")
        self.coef_ = self._native_coef()[0]
        return self

    def decision_function(self, X: Any) -> npt.NDArray[np.float64]:
        """Return scores, (n_samples, n_classes), or (n_samples,) of the second of two classes."""
        one: npt.NDArray[np.float64] | None = _core.logistic_row_scores(self.__dict__, X)
        if one is not None:
            return one
        scores = self._predict(X, "decision_function", proba=False)
        return scores.ravel() if len(self.classes_) == 2 else scores

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """Return probabilities (n_samples, n_classes), float64, rows summing to 1."""
        one: npt.NDArray[np.float64] | None = _core.logistic_row_proba(self.__dict__, X)
        return one if one is not None else self._predict(X, "predict_proba", proba=True)

    def predict_log_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """Return the logarithms of `predict_proba`."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Return the most probable label of each row (n_samples,); the first of equals."""
        one: npt.NDArray[Any] | None = _core.logistic_row_label(self.__dict__, X)
        if one is not None:
            return one
        scores = self._predict(X, "predict", proba=False)
        codes = (scores[:, 0] > 0).astype(np.intp) if len(self.classes_) == 2 else scores.argmax(axis=1)
        labels: npt.NDArray[Any] = self.classes_[codes]
        return labels

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def _native_state(self) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
        """Return the fitted model as a header and arrays."""
        check_is_fitted(self, "coef_")
        header = {"kind": "logistic_regression", "multinomial": len(self.classes_) > 2}
        coef, intercept = self._native_coef()
        return header, {"coef": coef, "intercept": intercept}
