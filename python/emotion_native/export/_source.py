"""What is exported: the checked content of a model file, whatever it was given as."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .._files import read_regular
from .._validation import check_path
from ..exceptions import InvalidInputError, ModelFormatError
from ..persistence import model_bytes
from ..runtime import EmotionModel

__all__ = ["ModelContent", "arrays_under", "read_model"]


@dataclass(frozen=True)
class ModelContent:
    """A model file, read.

    Attributes
    ----------
    content : bytes
        The file.
    model_hash : str
        Its name in every prediction.
    description : dict
        The JSON of the metadata string.
    tensors : dict of str to ndarray
    """

    content: bytes
    model_hash: str
    description: dict[str, Any]
    tensors: dict[str, npt.NDArray[Any]]

    def arrays(self, prefix: str) -> dict[str, npt.NDArray[Any]]:
        """Return the arrays whose names begin with ``prefix``, without it."""
        return arrays_under(self.tensors, prefix)


def arrays_under(arrays: Mapping[str, npt.NDArray[Any]], prefix: str) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays whose names begin with ``prefix``, without it."""
    return {name[len(prefix) :]: array for name, array in arrays.items() if name.startswith(prefix)}


def read_model(model: Any, caller: str) -> ModelContent:
    """Return the content of a model file, of its bytes, of a loaded model, or of a fitted estimator as `save_model` would write it.

    Raises
    ------
    InvalidInputError
        If the estimator cannot be saved, or the file of a loaded model is another one by now.
    ModelFormatError
        If the file is no model file: the native reader checks every array before anything is exported.
    OSError
        If the file cannot be read.
    """
    loaded = model if isinstance(model, EmotionModel) else None
    if loaded is not None:
        model = loaded._source
    if isinstance(model, (bytes, bytearray)):
        content = bytes(model)
    elif isinstance(model, (str, os.PathLike)):
        content = read_regular(Path(check_path(model, parameter="model", caller=caller)))
    else:
        try:
            content = model_bytes(model)
        except (InvalidInputError, ModelFormatError) as error:
            raise type(error)(_for_caller(str(error), caller)) from error
    import safetensors.numpy

    from .. import _core

    model_hash = str(_core.Model.from_bytes(content).sha256)
    if loaded is not None and loaded.model_hash != model_hash:
        raise InvalidInputError(f"model of {caller} must be the model whose file still is the one loaded; got a file of hash {model_hash[:12]}")
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    description = json.loads(header["__metadata__"]["emotion_native"])
    tensors = {name: np.asarray(array) for name, array in safetensors.numpy.load(content).items()}
    return ModelContent(content, model_hash, description, tensors)


def _for_caller(message: str, caller: str) -> str:
    """Return what `save_model` would say, in the names of the function that was called."""
    told = re.sub(r" \((?:see )?save_pickle[^()]*\)$", "", message).replace("fitted of save_model", f"model of {caller}")
    if " of save_model must " not in told:
        return told
    what, rule = told.split(" of save_model must ", 1)
    return f"model of {caller} must have {what} that are {rule.removeprefix('be ')}; a model file made with save_model may name them otherwise"
