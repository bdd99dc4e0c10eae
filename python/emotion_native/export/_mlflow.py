"""Models as MLflow models of the flavour ``python_function``: the model file and the name of this loader, no pickle."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from .._files import write_atomically
from .._validation import check_path
from .._version import __version__
from ..exceptions import InvalidInputError, MissingDependencyError
from ..runtime import EmotionModel, load_model
from ._source import read_model

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["PyfuncModel", "save_mlflow"]

_FILE = "model.emotion"
_CLIP_COLUMN = "filepath"


class PyfuncModel:
    """A model file behind the interface of MLflow's ``python_function`` models.

    Parameters
    ----------
    model : EmotionModel

    Examples
    --------
    >>> import numpy as np, pandas as pd, emotion_native as en
    >>> X = np.array([[0.0], [1.0], [2.0], [3.0]], dtype=np.float32)
    >>> forest = en.ensemble.RandomForestClassifier(n_estimators=5, random_state=0).fit(X, ["calm", "calm", "happy", "happy"])
    >>> served = en.export.PyfuncModel(en.load_model(en.persistence.model_bytes(forest)))
    >>> served.predict(pd.DataFrame({"x0": [3.0]}))["label"].tolist()
    ['happy']
    """

    def __init__(self, model: EmotionModel) -> None:
        self.model = model

    def predict(self, model_input: Any, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Return one row of predictions a row of input.

        Parameters
        ----------
        model_input : DataFrame or array-like of shape (n_rows, n_features)
            A frame with the model's feature columns, in any order, or with the column ``filepath``: clips for the model's own extractor.
            Arrays have the model's columns in the model's order.
        params : dict, optional
            ``n_jobs``.

        Returns
        -------
        DataFrame
            ``label``, ``confidence``, ``abstained``, ``reason`` (empty where an answer is given) and ``probability_<class>``, index as given; of
            several labels a row also ``labels``, a list, and for rows of features of a model with prediction sets ``prediction_set``, another.

        Raises
        ------
        InvalidInputError
            If a feature column is missing, a parameter is unknown, or values break the rules of `EmotionModel.predict_features`.
        """
        import pandas as pd

        options = dict(params or {})
        if set(options) - {"n_jobs"}:
            raise InvalidInputError(f"params of PyfuncModel.predict must be n_jobs alone; got {sorted(options)}")
        index = model_input.index if isinstance(model_input, pd.DataFrame) else None
        if index is not None and _CLIP_COLUMN in model_input.columns:
            return self._clips([str(path) for path in model_input[_CLIP_COLUMN]], index, options)
        matrix = self._matrix(model_input)
        result = self.model.predict_features(matrix, **options)
        columns: dict[str, Any] = {
            "label": result.labels,
            "confidence": result.confidence,
            "abstained": result.abstained,
            "reason": np.where(result.out_of_distribution, "out_of_distribution", np.where(result.abstained, "low_confidence", "")).astype(object),
        }
        if self.model.metadata.get("prediction_sets"):
            member = self.model.predict_set(matrix, **options)
            columns["prediction_set"] = self._named(member)
        if result.indicators is not None:
            columns["labels"] = self._named(result.indicators)
        shares = {f"probability_{name}": result.probabilities[:, k] for k, name in enumerate(self.model.classes)}
        return pd.DataFrame({**columns, **shares}, index=index)

    def _named(self, member: Any) -> list[list[Any]]:
        return [[name for name, is_in in zip(self.model.classes, row, strict=True) if is_in] for row in member.tolist()]

    def _clips(self, paths: list[str], index: Any, options: dict[str, Any]) -> pd.DataFrame:
        import pandas as pd

        rows = [
            {
                "label": found.label,
                "confidence": found.confidence,
                "abstained": found.abstained,
                "reason": found.reason or "",
                **({} if self.model.label_thresholds is None else {"labels": found.labels or []}),
                **{f"probability_{name}": share for name, share in found.probabilities.items()},
            }
            for found in self.model.predict_batch(paths, top_features=0, **options)
        ]
        several = [] if self.model.label_thresholds is None else ["labels"]
        names = ["label", "confidence", "abstained", "reason", *several, *(f"probability_{name}" for name in self.model.classes)]
        return pd.DataFrame(rows, columns=names, index=index)

    def _matrix(self, model_input: Any) -> Any:
        if not hasattr(model_input, "columns"):
            return model_input
        names = list(self.model.feature_names)
        missing = [name for name in names if name not in model_input.columns]
        if missing:
            shown = ", ".join(missing[:3]) + (", …" if len(missing) > 3 else "")
            raise InvalidInputError(
                f"model_input of PyfuncModel.predict must have the model's {len(names)} columns or filepath; got none named {shown}"
            )
        return model_input[names].to_numpy(dtype=np.float32)


def save_mlflow(model: Any, path: str | os.PathLike[str], **options: Any) -> None:
    """Save a model as a folder that MLflow's tools serve: ``mlflow models serve -m FOLDER``.

    The folder holds the model file and names the module that loads it, so loading it unpickles nothing.

    Parameters
    ----------
    model : estimator, EmotionModel, path-like or bytes
        What `save_model` takes, or a model file.
    path : str or path-like
        The folder to make.
    **options
        Handed on to ``mlflow.pyfunc.save_model``, such as ``signature`` or ``metadata``.

    Raises
    ------
    MissingDependencyError
        Without MLflow: ``pip install 'emotion-native[mlflow]'``.
    InvalidInputError
        If the model cannot be saved, or the folder exists.
    ModelFormatError
        If a file is no model file.

    Examples
    --------
    >>> import os, tempfile, numpy as np, emotion_native as en
    >>> X = np.array([[0.0], [1.0], [2.0], [3.0]], dtype=np.float32)
    >>> forest = en.ensemble.RandomForestClassifier(n_estimators=5, random_state=0).fit(X, ["calm", "calm", "happy", "happy"])
    >>> en.export.save_mlflow(forest, os.path.join(tempfile.mkdtemp(), "served"))  # doctest: +SKIP
    """
    try:
        import mlflow.pyfunc
    except ImportError as error:
        raise MissingDependencyError("save_mlflow needs the package mlflow; install it with: pip install 'emotion-native[mlflow]'") from error
    target = Path(check_path(path, parameter="path", caller="save_mlflow"))
    if target.exists():
        raise InvalidInputError(f"path of save_mlflow must not exist yet; got {target.name}")
    found = read_model(model, "save_mlflow")
    with TemporaryDirectory() as folder:
        file = Path(folder, _FILE)
        write_atomically(file, found.content)
        settings: dict[str, Any] = {"pip_requirements": [f"emotion-native=={__version__}"], "metadata": {"model_hash": found.model_hash}, **options}
        mlflow.pyfunc.save_model(path=str(target), loader_module=__name__, data_path=str(file), **settings)


def _load_pyfunc(path: str) -> PyfuncModel:
    """Return the model of a saved folder; MLflow calls this by name, with the path of the model file."""
    found = Path(path)
    return PyfuncModel(load_model(found / _FILE if found.is_dir() else found))
