"""Which features drove a prediction: exact Shapley values of tree ensembles.

Explanations are of a forest's class shares or a boosting model's margins, before calibration, in the columns that the model sees.
"""

from __future__ import annotations

import reprlib
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _core
from .._progress import Progress, progress_reporter
from .._remedies import refuse_class
from .._threads import effective_n_jobs
from .._validation import check_choice, check_matrix
from ..exceptions import InvalidInputError
from ._columns import split_pipeline
from ._explanation import Explanation

__all__ = ["TreeExplainer"]

_KINDS = ("auto", "tree_path_dependent", "interventional")


class TreeExplainer:
    """Exact Shapley values of a fitted tree ensemble.

    Source: Lundberg et al., "From local explanations to global understanding with explainable AI for trees", Nature Machine Intelligence 2
    (2020). Parameters are named as in ``shap.TreeExplainer``.

    Parameters
    ----------
    model : RandomForestClassifier, ExtraTreesClassifier, GradientBoostingClassifier or Pipeline
        Fitted. The steps before the last transform the rows; values refer to the columns that the trees see.
    data : array-like of shape (n_background, n_input_features) or None, default None
        Background rows, for interventional values; some hundred, drawn from the training rows, are usual.
    model_output : {"raw", "probability"}, default "raw"
        "raw" explains a forest's class shares and a boosting model's margins. "probability" is the same for forests; for boosting it is
        refused, as no exact method exists.
    feature_perturbation : {"auto", "interventional", "tree_path_dependent"}, default "auto"
        What stands for a column that is not known. "tree_path_dependent": both branches, weighted by the training rows that took them.
        "interventional": the column of each background row, averaged. "auto": the second where ``data`` is given, else the first.
    feature_names : sequence of str or None, default None
        Different names of the input columns, such as ``table.names``. None: those that the model was fitted with, else ``x0``, ``x1``, ….
    n_jobs : int or None, default None
        Threads; None: the cores that this process may use. The result does not depend on it.

    Attributes
    ----------
    expected_value : ndarray of shape (n_outputs,), float64
        The output where no column is known: the cover-weighted mean, or the mean over the background.

    Raises
    ------
    InvalidInputError
        If the model is not fitted or not of this package, if ``feature_names`` do not fit it, or if ``data`` is empty, has other columns,
        infinite values, or is missing where it is needed.

    Notes
    -----
    The model is laid out once, with the explainer; a model that is fitted again needs a new one. Two classes of a boosting model have one
    margin, that of the second class.

    Examples
    --------
    >>> import numpy as np
    >>> from emotion_native.ensemble import RandomForestClassifier
    >>> X = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
    >>> forest = RandomForestClassifier(20, random_state=0).fit(X, np.where(X[:, 1] > 0, "happy", "sad"))
    >>> explanation = TreeExplainer(forest)(X[:5])
    >>> explanation.shape
    (5, 3, 2)
    >>> bool(np.allclose(explanation.base_values + explanation.values.sum(axis=1), forest.predict_proba(X[:5]), atol=1e-6))
    True
    >>> against = TreeExplainer(forest, X[:30])
    >>> bool(np.allclose(against.expected_value, forest.predict_proba(X[:30]).mean(axis=0)))
    True
    """

    def __init__(
        self,
        model: Any,
        data: npt.ArrayLike | None = None,
        *,
        model_output: str = "raw",
        feature_perturbation: str = "auto",
        feature_names: Sequence[str] | None = None,
        n_jobs: int | None = None,
    ) -> None:
        refuse_class(model, "model", "TreeExplainer", "a fitted model")
        check_choice(model_output, "model_output", "TreeExplainer", ("raw", "probability"))
        check_choice(feature_perturbation, "feature_perturbation", "TreeExplainer", _KINDS)
        self.model = model
        self.n_jobs = n_jobs
        self._transformers, self._estimator = split_pipeline(model)
        native = _native_model(model, self._estimator)
        if model_output == "probability" and not isinstance(native, _core.Forest):
            raise InvalidInputError(
                "model_output of TreeExplainer must be 'raw' for a boosting model: exact values exist for its margins, not for its probabilities"
            )
        self.feature_perturbation = feature_perturbation
        if feature_perturbation == "auto":
            self.feature_perturbation = "tree_path_dependent" if data is None else "interventional"
        self.feature_names = self._checked_names(feature_names)
        self._plan: _core.TreeShap | _core.InterventionalShap
        if self.feature_perturbation == "interventional":
            if data is None:
                raise InvalidInputError("data of TreeExplainer must be background rows where feature_perturbation is 'interventional'; got None")
            self._plan = _core.InterventionalShap(native, self._rows(data, "TreeExplainer's background data"))
        else:
            self._plan = _core.TreeShap(native)
        self.expected_value: npt.NDArray[np.float64] = self._plan.explain(np.zeros((0, self._plan.n_features), dtype=np.float32))[1]
        self._classes = self._estimator.classes_[-self._plan.n_outputs :]

    def __call__(self, X: npt.ArrayLike, *, progress: Progress = None) -> Explanation:
        """Explain rows.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_input_features)
            Rows as the model's ``predict_proba`` takes them.
        progress : callable, bool or None
            A callable gets ``(done, total)`` in rows and may raise to stop; True shows a bar, None does where someone watches, False shows
            nothing.

        Returns
        -------
        Explanation
            ``values`` of shape (n_rows, n_features, n_outputs): 8 bytes each, so explain large tables in parts. Where the steps before the trees
            keep the columns' names (scalers, imputers, selectors), ``display_data`` has the columns as they were given.

        Raises
        ------
        InvalidInputError
            If ``X`` is not what the model takes.
        """
        names = self._feature_names()
        rows = self._rows(X, "TreeExplainer")
        jobs = effective_n_jobs(self.n_jobs, caller="TreeExplainer")
        with progress_reporter(progress, "Explaining", len(rows), caller="TreeExplainer") as advance:
            values, base = self._plan.explain(rows, jobs, advance)
        return Explanation(values, np.tile(base, (len(rows), 1)), rows, names, self._classes, self._input_columns(X, names))

    def shap_values(self, X: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return the values alone, of shape (n_rows, n_features, n_outputs), under the name that shap users know."""
        return self(X).values

    def _rows(self, X: npt.ArrayLike, caller: str) -> Any:
        """Return rows as the trees see them."""
        rows: Any = X
        for transformer in self._transformers:
            rows = transformer.transform(rows)
        return check_matrix(rows, caller=caller, estimator=self._estimator, allow_nan=True, dtypes=(np.float32,))

    def _feature_names(self) -> list[str]:
        """Return the names of the model's columns: its own, or those that the steps before make of the input's, or x0, x1, …."""
        count = self._plan.n_features
        own = getattr(self._estimator, "feature_names_in_", None)
        if own is not None:
            return [str(name) for name in own]
        names: Any = self._input_names()
        for transformer in self._transformers:
            if not hasattr(transformer, "get_feature_names_out"):
                return [f"x{j}" for j in range(count)]
            names = transformer.get_feature_names_out(names)
        return [str(name) for name in names]


    def _checked_names(self, names: Any) -> list[str] | None:
        """Return names of the input columns as they were given, one a column, all different."""
        if names is None:
            return None
        first = self._transformers[0] if self._transformers else self._estimator
        given = [] if isinstance(names, str) or not hasattr(names, "__iter__") else list(names)
        count = int(getattr(first, "n_features_in_", len(given)))  # a foreign first step may not tell
        rule = f"different texts, one for each of the {count} columns that the model takes"
        if len(given) != count or not all(isinstance(name, str) for name in given):
            raise InvalidInputError(f"feature_names of TreeExplainer must be {rule}; got {reprlib.repr(names)}, {len(given)} of them")
        twice = [name for name, times in Counter(given).items() if times > 1]
        if twice:
            raise InvalidInputError(f"feature_names of TreeExplainer must be {rule}; got {twice[0]!r} more than once")
        known = getattr(first, "feature_names_in_", None)
        if known is not None and list(known) != given:
            other = next(k for k in range(count) if known[k] != given[k])
            raise InvalidInputError(
                f"feature_names of TreeExplainer must be those that the model was fitted with; got {given[other]!r} for {known[other]!r}"
            )
        return [str(name) for name in given]

    def _input_names(self) -> npt.NDArray[Any]:
        first = self._transformers[0] if self._transformers else self._estimator
        names = self.feature_names if self.feature_names is not None else getattr(first, "feature_names_in_", None)
        if names is None:
            names = [f"x{j}" for j in range(getattr(first, "n_features_in_", self._plan.n_features))]
        return np.array(names, dtype=object)

    def _input_columns(self, X: npt.ArrayLike, names: list[str]) -> npt.NDArray[np.float32] | None:
        """Return the input columns behind those that the trees see; None where they are the same, or a step made new ones."""
        if not self._transformers or not all(hasattr(step, "get_feature_names_out") for step in self._transformers):
            return None
        place = {str(name): column for column, name in enumerate(self._input_names())}
        if not all(name in place for name in names):
            return None
        try:
            rows = check_matrix(X, caller="TreeExplainer", allow_nan=True, dtypes=(np.float32,))
        except InvalidInputError:  # a foreign first step takes what is no matrix
            return None
        columns: npt.NDArray[np.float32] = np.ascontiguousarray(rows[:, [place[name] for name in names]])
        return columns


def _native_model(model: Any, estimator: Any) -> Any:
    """Return the native trees behind a fitted estimator of this package."""
    forest, boosting = getattr(estimator, "_forest", None), getattr(estimator, "_boosting", None)
    for native in (forest, boosting):
        if isinstance(native, (_core.Forest, _core.Boosting)):
            return native
    remedy = ""
    if type(estimator).__module__.partition(".")[0] == "sklearn" and hasattr(estimator, "estimators_"):
        remedy = "; fit the class of the same name from emotion_native.ensemble instead, or use shap.TreeExplainer for models of scikit-learn"
    elif type(estimator).__name__ in ("RandomForestClassifier", "ExtraTreesClassifier", "GradientBoostingClassifier"):
        remedy = "; call fit first"
    raise InvalidInputError(
        "model of TreeExplainer must be a fitted RandomForestClassifier, ExtraTreesClassifier or GradientBoostingClassifier of emotion_native, or a "
        "pipeline that ends in one; "
        f"got {type(model).__name__}{remedy}"
    )
