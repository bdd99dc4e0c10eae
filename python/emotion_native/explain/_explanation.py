"""What a model's explanation holds: contributions, base values, data and names."""

from __future__ import annotations

import reprlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from .._validation import check_number
from ..exceptions import InvalidInputError, MissingDependencyError

__all__ = ["Explanation"]

_LARGEST = float(np.finfo(np.float64).max)


@dataclass(frozen=True, repr=False)
class Explanation:
    """Contributions of features to outputs: ``base_values + values.sum(axis=1)`` is what the model gave.

    Parameters
    ----------
    values : ndarray of shape (n_rows, n_features, n_outputs), float64
        Contribution of each column to each output: the share of a class (forests), its margin (boosting, linear models), or what was asked.
    base_values : ndarray of shape (n_rows, n_outputs), float64
        The output where no column is known.
    data : ndarray of shape (n_rows, n_features), float32 or float64
        What the explained model saw.
    feature_names : sequence of str
        One a column.
    classes : ndarray of shape (n_outputs,)
        Labels, as in the model's ``classes_``; of a boosting model of two classes the second alone.
    display_data : ndarray of shape (n_rows, n_features) or None, default None
        The columns as people know them, before scaling; figures and `top` show these. None: ``data`` itself.

    Notes
    -----
    Slices keep all three axes; classes are chosen by position or by label, as in ``explanation[0, :, "happy"]``. For shap's plots:
    ``shap.plots.beeswarm(explanation[:, :, "happy"].to_shap())``.

    Examples
    --------
    >>> import numpy as np
    >>> one = Explanation(np.array([[[0.2], [-0.5]]]), np.array([[0.4]]), np.zeros((1, 2), np.float32), ["f0_mean", "rms_mean"], np.array(["calm"]))
    >>> one.top(0, "calm", 1)
    [('rms_mean', 0.0, -0.5)]
    """

    values: npt.NDArray[np.float64]
    base_values: npt.NDArray[np.float64]
    data: npt.NDArray[np.float32] | npt.NDArray[np.float64]
    feature_names: Sequence[str]
    classes: npt.NDArray[Any] = field(default_factory=lambda: np.zeros(0))
    display_data: npt.NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.values, np.ndarray) or self.values.ndim != 3:
            raise InvalidInputError(f"values of Explanation must be an array of rows, features and outputs; got {np.shape(self.values)}")
        rows, features, outputs = self.values.shape
        for name in ("values", "base_values", "data"):
            kind = getattr(getattr(self, name), "dtype", type(getattr(self, name)))
            if getattr(kind, "kind", "") not in ("f", "i", "u"):
                raise InvalidInputError(f"{name} of Explanation must be an array of real numbers; got {kind}")
        for name, shape in (("base_values", (rows, outputs)), ("data", (rows, features))):
            if np.shape(getattr(self, name)) != shape:
                raise InvalidInputError(f"{name} of Explanation must be of shape {shape}; got {np.shape(getattr(self, name))}")
        if np.shape(self.shown) != (rows, features):
            raise InvalidInputError(f"display_data of Explanation must be of shape {(rows, features)}; got {np.shape(self.shown)}")
        for name, count in (("feature_names", features), ("classes", outputs)):
            found = len(getattr(self, name)) if hasattr(getattr(self, name), "__len__") else None
            if found != count and not (name == "classes" and found == 0):
                raise InvalidInputError(f"{name} of Explanation must be one for each of {count}; got {found}")

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows, features and outputs."""
        return self.values.shape

    @property
    def shown(self) -> npt.NDArray[Any]:
        """The values to show beside the contributions: ``display_data`` where there is one, else ``data``."""
        return self.data if self.display_data is None else self.display_data

    def __len__(self) -> int:
        return len(self.values)

    def __repr__(self) -> str:
        rows, features, outputs = self.shape
        names = ", ".join(map(str, list(self.feature_names)[:3])) + (", …" if features > 3 else "")
        known = ", ".join(map(repr, np.asarray(self.classes).tolist()[:10])) + (", …" if len(self.classes) > 10 else "")
        return f"Explanation({rows} rows, {features} features ({names}), {outputs} outputs{': ' + known if known else ''})"

    def __getitem__(self, key: Any) -> Explanation:
        """Return some rows, or rows and features, or rows, features and classes; indices and slices alike keep all three axes.

        Classes may be given by label, features by name.
        """
        keys = key if isinstance(key, tuple) else (key,)
        if len(keys) > 3:
            raise InvalidInputError(f"key of Explanation must be at most rows, features and classes; got {len(keys)} indices")
        padded = (*keys, *(slice(None),) * (3 - len(keys)))
        names = (None, np.asarray(self.feature_names, dtype=object), self.classes)
        rows, columns, labels = (
            _positions(one, size, axis, known) for one, size, axis, known in zip(padded, self.shape, ("row", "feature", "class"), names, strict=True)
        )
        return Explanation(
            self.values[np.ix_(rows, columns, labels)],
            self.base_values[np.ix_(rows, labels)],
            self.data[np.ix_(rows, columns)],
            [self.feature_names[j] for j in columns],
            self.classes[labels] if len(self.classes) else self.classes,
            None if self.display_data is None else self.display_data[np.ix_(rows, columns)],
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
        output = self.output_of(class_, caller="Explanation.top")
        check_number(row, "row", "Explanation.top", low=-len(self), high=len(self) - 1, integer=True)
        check_number(k, "k", "Explanation.top", low=-_LARGEST, integer=True)
        contributions = self.values[row, :, output]
        order = np.argsort(-np.abs(contributions), kind="stable")[: max(0, int(k))]
        return [(str(self.feature_names[j]), float(self.shown[row, j]), float(contributions[j])) for j in order]

    def output_of(self, class_: Any, *, caller: str = "Explanation.output_of") -> int:
        """Return the position of a class among the outputs.

        Raises
        ------
        InvalidInputError
            If it is none of ``classes``.
        """
        try:
            found = np.flatnonzero(np.asarray(np.asarray(self.classes) == class_)) if np.ndim(class_) == 0 else np.zeros(0, dtype=np.intp)
        except (TypeError, ValueError):  # compares with nothing
            found = np.zeros(0, dtype=np.intp)
        if len(found) == 0:
            raise InvalidInputError(f"class_ of {caller} must be one of {np.asarray(self.classes).tolist()!r}; got {reprlib.repr(class_)}")
        return int(found[0])

    def to_shap(self) -> Any:
        """Return a `shap.Explanation` for shap's plots.

        Returns
        -------
        shap.Explanation
            Of three axes; where there is one output, of two, and where there is also one row, of one, as shap's plots want them.

        Raises
        ------
        MissingDependencyError
            If shap is not installed.
        """
        try:
            import shap
        except ImportError as error:
            raise MissingDependencyError("Explanation.to_shap needs shap: pip install shap") from error
        whole: dict[str, Any] = {"feature_names": [str(name) for name in self.feature_names]}
        names = [str(label) for label in self.classes]
        one_row = self.shape[2] == 1 and len(self) == 1
        if self.display_data is not None:
            whole["display_data"] = self.display_data[0] if one_row else self.display_data
        if self.shape[2] != 1:
            return shap.Explanation(values=self.values, base_values=self.base_values, data=self.data, output_names=names or None, **whole)
        if one_row:
            return shap.Explanation(values=self.values[0, :, 0], base_values=float(self.base_values[0, 0]), data=self.data[0], **whole)
        if names:
            whole["output_names"] = names[0]
        return shap.Explanation(values=self.values[:, :, 0], base_values=self.base_values[:, 0], data=self.data, **whole)


def _positions(key: Any, size: int, axis: str, names: npt.NDArray[Any] | None = None) -> npt.NDArray[np.intp]:
    if isinstance(key, str) and names is not None:
        found = np.flatnonzero(np.asarray(names == key))
        if len(found) == 0:
            raise InvalidInputError(f"key of Explanation must be a known {axis}; got {key!r}")
        return found[:1]
    try:
        found = np.atleast_1d(np.arange(size)[key])
        if found.ndim != 1 or isinstance(key, (bool, np.bool_)):
            raise IndexError(key)
        return found
    except (IndexError, TypeError, ValueError) as error:
        raise InvalidInputError(f"key of Explanation must be positions below {size} on the {axis} axis; got {key!r}") from error
