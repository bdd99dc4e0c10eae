"""Models as ONNX graphs: float32 rows in, labels, probabilities and abstention out."""

from __future__ import annotations

import json
import os
from typing import Any

import numpy as np

from .._files import write_atomically
from .._validation import check_path
from .._version import __version__
from ..exceptions import InvalidInputError, MissingDependencyError
from ._graph import ML_DOMAIN, Graph
from ._source import ModelContent, read_model
from ._steps import add_calibration, add_step

__all__ = ["to_onnx"]

_OPSETS = {"": 17, ML_DOMAIN: 3}
_IR_VERSION = 8
_MOST_BYTES = 2**31 - 1


def to_onnx(model: Any, path: str | os.PathLike[str] | None = None) -> Any:
    """Return a fitted classifier as an ONNX model, with its preprocessing, calibration and abstention threshold.

    Parameters
    ----------
    model : estimator, EmotionModel, path-like or bytes
        What `save_model` takes, or a model file.
    path : str or path-like, optional
        A file to write too, whole or not at all.

    Returns
    -------
    onnx.ModelProto
        Input ``features``, float32 of shape (n_rows, n_features), NaN where a value is missing. Outputs ``label`` (n_rows,), texts or int64;
        ``probabilities`` (n_rows, n_classes) and ``confidence`` (n_rows,), float32; ``abstained`` (n_rows,), bool. The model's hash, column
        names, classes, threshold and extractor are in its metadata.

    Raises
    ------
    MissingDependencyError
        Without the package onnx: ``pip install 'emotion-native[onnx]'``.
    InvalidInputError
        If a step or calibrator has no translation (isotonic calibration has none), or the graph would exceed ONNX's 2 GiB.
    ModelFormatError
        If a file is no model file.
    OSError
        If a file cannot be read or written.

    Notes
    -----
    Operators of ai.onnx 17 and ai.onnx.ml 3. Each split compares the float32 values that the native kernel compares, also behind a scaler, and
    sends NaN the same way, so each row ends in the same leaves. The one rounding that the native runtime has not is that of the trees' sums to
    float32: probabilities agree to about 1e-6, and rows whose two best classes, or whose confidence and the threshold, lie closer than
    that may get another answer. A model without a step that fills missing values answers rows with NaN by NaN, and abstains, where the
    native runtime raises.

    Examples
    --------
    >>> import numpy as np, emotion_native as en
    >>> X = np.array([[0.0], [1.0], [2.0], [3.0]], dtype=np.float32)
    >>> forest = en.ensemble.RandomForestClassifier(n_estimators=5, random_state=0).fit(X, ["calm", "calm", "happy", "happy"])
    >>> graph = en.export.to_onnx(forest).graph
    >>> [output.name for output in graph.output]
    ['label', 'probabilities', 'confidence', 'abstained']
    """
    try:
        import onnx
    except ImportError as error:
        raise MissingDependencyError("to_onnx needs the package onnx; install it with: pip install 'emotion-native[onnx]'") from error
    target = None if path is None else check_path(path, parameter="path", caller="to_onnx")
    content = read_model(model, "to_onnx")
    graph = _graph(content)
    made = onnx.helper.make_model(
        graph,
        producer_name="emotion-native",
        producer_version=__version__,
        ir_version=_IR_VERSION,
        opset_imports=[onnx.helper.make_opsetid(domain, version) for domain, version in _OPSETS.items()],
    )
    onnx.helper.set_model_props(made, _metadata(content))
    if made.ByteSize() > _MOST_BYTES:
        raise InvalidInputError(f"model of to_onnx must give a graph of less than 2 GiB; got {made.ByteSize()} bytes")
    onnx.checker.check_model(made)
    if target is not None:
        write_atomically(target, made.SerializeToString(deterministic=True))
    return made


def _metadata(content: ModelContent) -> dict[str, str]:
    description = content.description
    named = {key: description[key] for key in ("classes", "feature_names", "threshold", "extractor")}
    return {"model_hash": content.model_hash, **{key: json.dumps(value, ensure_ascii=False) for key, value in named.items()}}


def _graph(content: ModelContent) -> Any:
    from onnx import TensorProto, helper

    description = content.description
    classes, columns = description["classes"], len(description["feature_names"])
    graph = Graph()
    value = "features"
    for i, header in enumerate(description["steps"]):
        value = add_step(graph, value, header, content.arrays(f"steps.{i}."), len(classes))
    proba = add_calibration(graph, value, description["calibration"], content.arrays("calibration."), len(classes))
    texts = isinstance(classes[0], str)
    names = graph.constant(classes, object if texts else np.int64)
    best = graph.add("ArgMax", proba, axis=1, keepdims=0)
    graph.add("Gather", names, best, axis=0, output="label")
    graph.cast(proba, np.float32, output="probabilities")
    confidence = graph.add("ReduceMax", proba, axes=[1], keepdims=0)
    graph.cast(confidence, np.float32, output="confidence")
    threshold = 0.0 if description["threshold"] is None else float(description["threshold"])
    graph.add("Not", graph.add("GreaterOrEqual", confidence, graph.constant(threshold, np.float64)), output="abstained")
    outputs = [
        helper.make_tensor_value_info("label", TensorProto.STRING if texts else TensorProto.INT64, ["rows"]),
        helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["rows", len(classes)]),
        helper.make_tensor_value_info("confidence", TensorProto.FLOAT, ["rows"]),
        helper.make_tensor_value_info("abstained", TensorProto.BOOL, ["rows"]),
    ]
    inputs = [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["rows", columns])]
    return helper.make_graph(graph.nodes, "emotion_native", inputs, outputs, graph.initializers)
