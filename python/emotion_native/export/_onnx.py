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
from ._source import ModelContent, arrays_under, read_model
from ._steps import add_classifier, add_label_margins

__all__ = ["to_onnx"]

_OPSETS = {"": 17, ML_DOMAIN: 3}
_IR_VERSION = 8
_MOST_BYTES = 2**31 - 1
_SLACK = 1e-12  # two libraries' log and exp: a row that lies on a threshold itself is answered as by the native runtime
_MOST_COLUMN_DISTANCE = 10.0  # the native kernel's


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
        ``probabilities`` (n_rows, n_classes) and ``confidence`` (n_rows,), float32; ``abstained`` (n_rows,), bool; with a detector
        ``out_of_distribution`` (n_rows,), of a conformal classifier ``prediction_set`` and of several labels a row ``label_set`` (n_rows, n_classes),
        bool. The model's hash, column names, classes, threshold and extractor are in its metadata.

    Raises
    ------
    MissingDependencyError
        Without the package onnx: ``pip install 'emotion-native[onnx]'``.
    InvalidInputError
        If the model cannot be saved, a step has no translation, or the graph would exceed ONNX's 2 GiB.
    ModelFormatError
        If a file is no model file.
    OSError
        If a file cannot be read or written.

    Notes
    -----
    Operators of ai.onnx 17 and ai.onnx.ml 3. Each split compares the float32 values that the native kernel compares, also behind a scaler, and
    sends NaN the same way, so each row ends in the same leaves. Sums of leaves are exact to float64, and so is all that follows, votes and
    calibration included; the outputs alone are rounded to float32. Rows whose two best classes, or whose confidence and the threshold, lie closer
    than about 1e-12 may get another answer, and so may rows between two corners of an isotonic map that lie as close (corners are 1e-15 apart at
    least: roundings of one number are one corner). A model without a step that fills missing values
    answers rows with NaN by NaN, and abstains, where the native runtime raises.

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
    passed: list[str] = []
    several = description.get("label_sets")
    proba = add_classifier(graph, "features", description, content.tensors, len(classes), passed, sets=several is not None)
    texts = isinstance(classes[0], str)
    names = graph.constant(classes, object if texts else np.int64)
    best = graph.add("ArgMax", proba, axis=1, keepdims=0)
    graph.add("Gather", names, best, axis=0, output="label")
    graph.cast(proba, np.float32, output="probabilities")
    confidence = graph.add("ReduceMax", proba, axes=[1], keepdims=0)
    graph.cast(confidence, np.float32, output="confidence")
    threshold = 0.0 if description["threshold"] is None else float(description["threshold"]) * (1 - _SLACK)
    unsure = graph.add("Not", graph.add("GreaterOrEqual", confidence, graph.constant(threshold, np.float64)))
    extra = []
    check, sets = description.get("out_of_distribution"), description.get("prediction_sets")
    if check is None:
        graph.add("Identity", unsure, output="abstained")
    else:
        strange = _strange(graph, passed[check.get("steps", 0)], check, content.arrays("out_of_distribution."))
        graph.add("Or", unsure, strange, output="abstained")
        extra.append(helper.make_tensor_value_info("out_of_distribution", TensorProto.BOOL, ["rows"]))
    if several is not None:
        _label_sets(graph, proba, passed[-1], content, several["rule"])
        extra.append(helper.make_tensor_value_info("label_set", TensorProto.BOOL, ["rows", len(classes)]))
    if sets is not None:
        _prediction_sets(graph, proba, best, sets, content.arrays("prediction_sets.")["quantiles"])
        extra.append(helper.make_tensor_value_info("prediction_set", TensorProto.BOOL, ["rows", len(classes)]))
    outputs = [
        helper.make_tensor_value_info("label", TensorProto.STRING if texts else TensorProto.INT64, ["rows"]),
        helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["rows", len(classes)]),
        helper.make_tensor_value_info("confidence", TensorProto.FLOAT, ["rows"]),
        helper.make_tensor_value_info("abstained", TensorProto.BOOL, ["rows"]),
        *extra,
    ]
    inputs = [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["rows", columns])]
    return helper.make_graph(graph.nodes, "emotion_native", inputs, outputs, graph.initializers)


def _strange(graph: Graph, value: str, check: dict[str, Any], arrays: dict[str, Any]) -> str:
    """Mean over the known columns of the distance from their centre in deviations; a row without any is strange."""
    wide = graph.add("Sub", graph.cast(value, np.float64), graph.constant(arrays["center"][np.newaxis], np.float64))
    distance = graph.add("Div", graph.add("Abs", wide), graph.constant(arrays["scale"][np.newaxis], np.float64))
    unknown, zero, axis = graph.add("IsNaN", distance), graph.constant(0.0, np.float64), graph.constant([1], np.int64)
    cut = graph.add("Where", unknown, zero, graph.add("Min", distance, graph.constant(_MOST_COLUMN_DISTANCE, np.float64)))
    known = graph.add("ReduceSum", graph.cast(graph.add("Not", unknown), np.float64), axis, keepdims=0)
    mean = graph.add("Div", graph.add("ReduceSum", cut, axis, keepdims=0), known)  # 0 / 0 where nothing is known
    near = graph.add("LessOrEqual", mean, graph.constant(float(check["threshold"]) * (1 + _SLACK), np.float64))
    return graph.add("Not", near, output="out_of_distribution")


def _label_sets(graph: Graph, proba: str, columns: str, content: ModelContent, rule: str) -> None:
    """Which labels a row has: those above their thresholds."""
    last = len(content.description["steps"]) - 1
    by_margin = rule == "margin"
    header = content.description["steps"][last]
    score = add_label_margins(graph, columns, header, arrays_under(content.tensors, f"steps.{last}.")) if by_margin else proba
    thresholds = content.arrays("label_sets.")["thresholds"]
    graph.add("Greater", score, graph.constant(thresholds[np.newaxis], np.float64), output="label_set")


def _prediction_sets(graph: Graph, proba: str, best: str, rule: dict[str, Any], quantiles: Any) -> None:
    classes = len(quantiles)
    if rule["score"] == "lac":
        scores = graph.add("Sub", graph.constant(1.0, np.float64), proba)
    else:
        values, columns = graph.largest_first(proba, classes)
        sums = graph.add("CumSum", values, graph.constant(1, np.int64))
        scores = graph.add("ScatterElements", proba, columns, sums, axis=1)
    member = graph.add("LessOrEqual", scores, graph.constant(quantiles[np.newaxis] + _SLACK, np.float64))
    if not rule["allow_empty_sets"]:
        row = graph.add("Unsqueeze", best, graph.constant([1], np.int64))
        first = graph.add("Equal", row, graph.constant([list(range(classes))], np.int64))
        member = graph.add("Or", member, first)
    graph.add("Identity", member, output="prediction_set")
