"""Which features drove a prediction: exact Shapley values of forests.

Explanations are of a forest's class shares before calibration, in the forest's input columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _core
from .._progress import Progress, progress_reporter
from .._threads import effective_n_jobs
from .._validation import check_matrix
from ..exceptions import InvalidInputError, MissingDependencyError

__all__ = ["Explanation", "TreeExplainer"]


@dataclass(frozen=True)
class Explanation:
    """Contributions of features to outputs: ``base_values + values.sum(axis=1)`` is what the model gave.

    Parameters
    ----------
    values : ndarray of shape (n_rows, n_features, n_classes), float64
        Contribution of each column to each class's share.
    base_values : ndarray of shape (n_rows, n_classes), float64
        The output where no column is known.
    data : ndarray of shape (n_rows, n_features), float32
        What the explained model saw.
    feature_names : sequence of str
        One a column.
    classes : ndarray of shape (n_classes,)
        Labels, as in the model's ``classes_``.

    Examples
    --------
    >>> import numpy as np
    >>> one = Explanation(np.array([[[0.2], [-0.5]]]), np.array([[0.4]]), np.zeros((1, 2), np.float32), ["f0_mean", "rms_mean"], np.array(["calm"]))
    >>> one.top(0, "calm", 1)
    [('rms_mean', 0.0, -0.5)]
    """

    values: npt.NDArray[np.float64]
    base_values: npt.NDArray[np.float64]
    data: npt.NDArray[np.float32]
    feature_names: Sequence[str]
    classes: npt.NDArray[Any] = field(default_factory=lambda: np.zeros(0))

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows, features and classes."""
        return self.values.shape

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, key: Any) -> Explanation:
        """Return some rows, or rows and features, or rows, features and classes; indices and slices alike keep all three axes."""
        keys = key if isinstance(key, tuple) else (key,)
        if len(keys) > 3:
            raise InvalidInputError(f"key of Explanation must be at most rows, features and classes; got {len(keys)} indices")
        padded = (*keys, *(slice(None),) * (3 - len(keys)))
        rows, columns, labels = (_positions(one, size, axis) for one, size, axis in zip(padded, self.shape, ("row", "feature", "class"), strict=True))
        return Explanation(
            self.values[np.ix_(rows, columns, labels)],
            self.base_values[np.ix_(rows, labels)],
            self.data[np.ix_(rows, columns)],
            [self.feature_names[j] for j in columns],
            self.classes[labels] if len(self.classes) else self.classes,
        )

    def top(self, row: int, class_: Any, k: int = 5) -> list[tuple[str, float, float]]:
        """Return the ``k`` columns of largest absolute contribution in one row.

        Parameters
        ----------
        row : int
            Position of the row.
        class_ : label
            One of ``classes``.
        k : int, default 5
            How many; fewer where there are fewer columns.

        Returns
        -------
        list of (name, value, contribution)
            Largest first; equal ones in the order of columns.

        Raises
        ------
        InvalidInputError
            If the label is unknown or the row is not there.
        """
        found = np.flatnonzero(self.classes == class_)
        if len(found) == 0:
            raise InvalidInputError(f"class_ of Explanation.top must be one of {self.classes.tolist()!r}; got {class_!r}")
        if not -len(self) <= row < len(self):
            raise InvalidInputError(f"row of Explanation.top must be one of {len(self)} rows; got {row!r}")
        contributions = self.values[row, :, found[0]]
        order = np.argsort(-np.abs(contributions), kind="stable")[: max(0, int(k))]
        return [(str(self.feature_names[j]), float(self.data[row, j]), float(contributions[j])) for j in order]

    def to_shap(self) -> Any:
        """Return a `shap.Explanation` for shap's plots.

        Raises
        ------
        MissingDependencyError
            If shap is not installed.
        """
        try:
            import shap
        except ImportError as error:
            raise MissingDependencyError("Explanation.to_shap needs shap: pip install shap") from error
        names = [str(label) for label in self.classes]
        return shap.Explanation(
            values=self.values, base_values=self.base_values, data=self.data, feature_names=list(self.feature_names), output_names=names
        )


def _positions(key: Any, size: int, axis: str) -> npt.NDArray[np.intp]:
    try:
        return np.atleast_1d(np.arange(size)[key])
    except (IndexError, TypeError, ValueError) as error:
        raise InvalidInputError(f"key of Explanation must be positions below {size} on the {axis} axis; got {key!r}") from error


class TreeExplainer:
    """Exact path-dependent Shapley values of a fitted forest.

    Source: Lundberg et al., "From local explanations to global understanding with explainable AI for trees", Nature Machine Intelligence 2
    (2020). A column that is not known follows both branches, weighted by the training rows that took them.

    Parameters
    ----------
    model : RandomForestClassifier or Pipeline
        Fitted. The steps before the forest transform the rows; values refer to the columns that the forest sees.
    n_jobs : int or None, default None
        Threads; None: the cores that this process may use. The result does not depend on it.

    Raises
    ------
    InvalidInputError
        If the model is not a fitted forest of this package or a pipeline that ends in one.

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
    """

    def __init__(self, model: Any, *, n_jobs: int | None = None) -> None:
        steps = [step for _, step in model.steps] if hasattr(model, "steps") else [model]
        forest = getattr(steps[-1], "_forest", None) if steps else None
        if not isinstance(forest, _core.Forest):
            raise InvalidInputError(
                f"model of TreeExplainer must be a fitted RandomForestClassifier of emotion_native, or a pipeline that ends in one; got {model!r}"
            )
        self.model = model
        self.n_jobs = n_jobs
        self._estimator = steps[-1]
        self._transformers = [
            step for step in steps[:-1] if step is not None and not isinstance(step, str) and not hasattr(step, "fit_resample")
        ]

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
            ``values`` of shape (n_rows, n_features, n_classes): 8 bytes each, so explain large tables in parts.

        Raises
        ------
        InvalidInputError
            If ``X`` is not what the model takes.
        """
        names = self._feature_names()
        rows: Any = X
        for transformer in self._transformers:
            rows = transformer.transform(rows)
        rows = check_matrix(rows, caller="TreeExplainer", estimator=self._estimator, allow_nan=True, dtypes=(np.float32,))
        forest = self._estimator._forest
        jobs = effective_n_jobs(self.n_jobs, caller="TreeExplainer")
        with progress_reporter(progress, "Explaining", len(rows), caller="TreeExplainer") as advance:
            values, base = _core.forest_shap(forest, rows, jobs, advance)
        return Explanation(values, np.tile(base, (len(rows), 1)), rows, names, self._estimator.classes_)

    def shap_values(self, X: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return the values alone, of shape (n_rows, n_features, n_classes), under the name that shap users know."""
        return self(X).values

    def _feature_names(self) -> list[str]:
        """Return the names of the forest's columns: its own, or those that the steps before make of the input's, or x0, x1, …."""
        count = self._estimator._forest.n_features
        own = getattr(self._estimator, "feature_names_in_", None)
        if own is not None:
            return [str(name) for name in own]
        first = self._transformers[0] if self._transformers else self._estimator
        names: Any = getattr(first, "feature_names_in_", None)
        if names is None:
            names = np.array([f"x{j}" for j in range(getattr(first, "n_features_in_", count))], dtype=object)
        for transformer in self._transformers:
            if not hasattr(transformer, "get_feature_names_out"):
                return [f"x{j}" for j in range(count)]
            names = transformer.get_feature_names_out(names)
        return [str(name) for name in names]
