"""The steps of a model file as ONNX nodes, each with the arithmetic of the native kernels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ..exceptions import InvalidInputError
from ._graph import ML_DOMAIN, Graph

__all__ = ["add_calibration", "add_step"]

Arrays = Mapping[str, npt.NDArray[Any]]
_FLOOR = 1e-4  # below which the calibrators see no difference between probabilities
_LEAF = "LEAF"
_BRANCH = "BRANCH_LEQ"


def add_step(graph: Graph, value: str, header: Mapping[str, Any], arrays: Arrays, n_classes: int) -> str:
    """Add one step to ``value`` and return its result: float32 columns of a transformer, float64 probabilities of a classifier.

    Raises
    ------
    InvalidInputError
        If the step is of a kind that has no translation.
    """
    kind = header["kind"]
    if kind == "simple_imputer":
        return _impute(graph, value, arrays["statistics"])
    if kind == "standard_scaler":
        return _scale(graph, value, header, arrays)
    if kind == "select_k_best":
        return graph.add("Gather", value, graph.constant(arrays["columns"], np.int64), axis=1)
    if kind == "logistic_regression":
        return _logistic(graph, value, arrays, n_classes)
    if kind == "one_vs_rest_classifier":
        return _one_vs_rest(graph, value, arrays, n_classes)
    if kind in ("random_forest_classifier", "extra_trees_classifier"):
        return _forest(graph, value, arrays, n_classes)
    if kind == "gradient_boosting_classifier":
        return _boosting(graph, value, arrays, n_classes)
    raise InvalidInputError(f"model of to_onnx must be made of steps that have a translation; got {kind}")


def _impute(graph: Graph, value: str, statistics: npt.NDArray[np.float64]) -> str:
    kept = np.flatnonzero(~np.isnan(statistics))
    if len(kept) < len(statistics):
        value = graph.add("Gather", value, graph.constant(kept, np.int64), axis=1)
    fill = graph.constant(statistics[kept][np.newaxis], np.float32)
    return graph.add("Where", graph.add("IsNaN", value), fill, value)


def _scale(graph: Graph, value: str, header: Mapping[str, Any], arrays: Arrays) -> str:
    """In float64 and rounded once, as the kernel does: trees behind the scaler then compare the very same float32."""
    wide = graph.cast(value, np.float64)
    if header["with_mean"]:
        wide = graph.add("Sub", wide, graph.constant(arrays["mean"][np.newaxis], np.float64))
    if header["with_std"]:
        wide = graph.add("Div", wide, graph.constant(arrays["scale"][np.newaxis], np.float64))
    return graph.cast(wide, np.float32)


def _logistic(graph: Graph, value: str, arrays: Arrays, n_classes: int) -> str:
    return _shares(graph, _scores(graph, value, arrays), n_classes)


def _scores(graph: Graph, value: str, arrays: Arrays) -> str:
    product = graph.add("MatMul", graph.cast(value, np.float64), graph.constant(arrays["coef"].T, np.float64))
    return graph.add("Add", product, graph.constant(arrays["intercept"][np.newaxis], np.float64))


def _one_vs_rest(graph: Graph, value: str, arrays: Arrays, n_classes: int) -> str:
    """Each class's own probability, scaled to add up to 1 where they are not all 0."""
    scores = _scores(graph, value, arrays)
    if n_classes == 2:
        return _shares(graph, scores, n_classes)
    own = graph.add("Sigmoid", scores)
    total = graph.add("ReduceSum", own, graph.constant([1], np.int64), keepdims=1)
    none = graph.add("Equal", total, graph.constant(0.0, np.float64))
    return graph.add("Div", own, graph.add("Where", none, graph.constant(1.0, np.float64), total))


def _shares(graph: Graph, margins: str, n_classes: int) -> str:
    """Turn margins into probabilities; two classes have the margin of the second alone."""
    if n_classes > 2:
        return graph.add("Softmax", margins, axis=1)
    one = graph.constant(1.0, np.float64)
    first = graph.add("Div", one, graph.add("Add", one, graph.add("Exp", margins)))
    second = graph.add("Div", one, graph.add("Add", one, graph.add("Exp", graph.add("Neg", margins))))
    return graph.add("Concat", first, second, axis=1)


def _forest(graph: Graph, value: str, arrays: Arrays, n_classes: int) -> str:
    """Add up the shares of the leaves. Sums of leaves of one class are whole numbers, exact in float32; the division is that of the kernel."""
    leaves = np.flatnonzero(arrays["feature"] < 0)
    node, target = np.nonzero(arrays["value"][leaves])
    sums = _ensemble(graph, value, arrays, leaves[node], target, arrays["value"][leaves[node], target], n_classes)
    trees = len(arrays["tree_offsets"]) - 1
    return graph.add("Div", graph.cast(sums, np.float64), graph.constant(float(trees), np.float64))


def _boosting(graph: Graph, value: str, arrays: Arrays, n_classes: int) -> str:
    outputs, width = len(arrays["baseline"]), arrays["value"].shape[1]
    leaves = np.flatnonzero(arrays["feature"] < 0)
    tree = np.searchsorted(arrays["tree_offsets"], leaves, side="right") - 1
    node = np.repeat(leaves, width)
    target = (np.arange(width) + (tree * width % outputs)[:, np.newaxis]).ravel()
    margins = _ensemble(graph, value, arrays, node, target, arrays["value"][leaves].ravel(), outputs)
    total = graph.add("Add", graph.cast(margins, np.float64), graph.constant(arrays["baseline"][np.newaxis], np.float64))
    return _shares(graph, total, n_classes)


def _ensemble(
    graph: Graph,
    value: str,
    arrays: Arrays,
    weight_node: npt.NDArray[np.int64],
    weight_target: npt.NDArray[np.int64],
    weight: npt.NDArray[np.float64],
    n_targets: int,
) -> str:
    """Add the trees: sums of leaf weights by target, float32.

    Rows and thresholds are float32 values held in float64, so each comparison is the kernel's, and sums are kept in float64 until the end.
    ``weight_node`` counts over all trees.
    """
    from onnx import numpy_helper

    offsets = arrays["tree_offsets"]
    tree = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    number = np.arange(len(tree)) - offsets[tree]
    leaf = arrays["feature"] < 0
    inner = ~leaf

    def where_inner(values: npt.NDArray[Any]) -> list[int]:
        return [int(v) for v in np.where(inner, values, 0)]

    splits = np.where(inner, arrays["threshold"].astype(np.float64), 0.0)
    return graph.add(
        "TreeEnsembleRegressor",
        graph.cast(value, np.float64),
        domain=ML_DOMAIN,
        aggregate_function="SUM",
        n_targets=n_targets,
        nodes_treeids=tree.tolist(),
        nodes_nodeids=number.tolist(),
        nodes_modes=[_LEAF if is_leaf else _BRANCH for is_leaf in leaf.tolist()],
        nodes_featureids=where_inner(arrays["feature"]),
        nodes_values_as_tensor=numpy_helper.from_array(splits, "splits"),
        nodes_truenodeids=where_inner(arrays["left"]),
        nodes_falsenodeids=where_inner(arrays["right"]),
        nodes_missing_value_tracks_true=where_inner(arrays["missing_left"]),
        target_treeids=tree[weight_node].tolist(),
        target_nodeids=number[weight_node].tolist(),
        target_ids=weight_target.tolist(),
        target_weights_as_tensor=numpy_helper.from_array(np.ascontiguousarray(weight, np.float64), "weights"),
    )


def add_calibration(graph: Graph, proba: str, header: Mapping[str, Any] | None, arrays: Arrays, n_classes: int) -> str:
    """Add the calibrator, if there is one, to float64 probabilities; rows with NaN stay NaN.

    Raises
    ------
    InvalidInputError
        If the calibrator has no translation.
    """
    if header is None:
        return proba
    kind = header["kind"]
    mapped = _prior(graph, proba, arrays) if kind.startswith("prior") else proba
    kind = kind.removeprefix("prior").removeprefix("+")
    if kind == "temperature":
        mapped = _temperature(graph, mapped, float(arrays["temperature"][0]))
    elif kind == "sigmoid":
        mapped = _sigmoid(graph, mapped, arrays, n_classes)
    elif kind:
        raise InvalidInputError(f"model of to_onnx must be calibrated by temperature or sigmoid, or not at all; got {kind}")
    return graph.add("Where", graph.add("IsNaN", proba), proba, mapped)


def _prior(graph: Graph, proba: str, arrays: Arrays) -> str:
    trained, target = arrays["trained_priors"], arrays["target_priors"]
    known = trained > 0
    ratio = np.where(known, target / target.sum() / np.where(known, trained / trained.sum(), 1.0), 0.0)
    fallback = target * known if (target * known).sum() > 0 else target
    weighted = graph.add("Mul", proba, graph.constant(ratio[np.newaxis], np.float64))
    total = graph.add("ReduceSum", weighted, graph.constant([1], np.int64), keepdims=1)
    some = graph.add("Greater", total, graph.constant(0.0, np.float64))
    return graph.add("Where", some, graph.add("Div", weighted, total), graph.constant((fallback / fallback.sum())[np.newaxis], np.float64))


def _temperature(graph: Graph, proba: str, temperature: float) -> str:
    logs = graph.add("Log", graph.add("Max", proba, graph.constant(_FLOOR, np.float64)))
    return graph.add("Softmax", graph.add("Mul", logs, graph.constant(1.0 / temperature, np.float64)), axis=1)


def _sigmoid(graph: Graph, proba: str, arrays: Arrays, n_classes: int) -> str:
    one = graph.constant(1.0, np.float64)
    clipped = graph.add("Clip", proba, graph.constant(_FLOOR, np.float64), graph.constant(1.0 - _FLOOR, np.float64))
    odds = graph.add("Log", graph.add("Div", clipped, graph.add("Sub", one, clipped)))
    scaled = graph.add("Mul", odds, graph.constant(arrays["a"][np.newaxis], np.float64))
    z = graph.add("Add", scaled, graph.constant(arrays["b"][np.newaxis], np.float64))
    shares = graph.add("Div", one, graph.add("Add", one, graph.add("Exp", z)))
    total = graph.add("ReduceSum", shares, graph.constant([1], np.int64), keepdims=1)
    none = graph.add("Not", graph.add("Greater", total, graph.constant(0.0, np.float64)))
    return graph.add("Where", none, graph.constant(1.0 / n_classes, np.float64), graph.add("Div", shares, total))
