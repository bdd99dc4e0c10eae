"""The steps of a model file as ONNX nodes, each with the arithmetic of the native kernels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ..exceptions import InvalidInputError
from ._calibrators import add_calibration
from ._graph import ML_DOMAIN, Graph
from ._source import arrays_under

__all__ = ["add_classifier", "add_step"]

Arrays = Mapping[str, npt.NDArray[Any]]
_EXACT_BITS = 23  # sums of so many bits are exact in float32
_MOST_PIECES = 6
_LEAF = "LEAF"
_BRANCH = "BRANCH_LEQ"


def add_classifier(graph: Graph, value: str, description: Mapping[str, Any], arrays: Arrays, n_classes: int, passed: list[str] | None = None) -> str:
    """Add a model's, or a member's, steps and calibration to ``value`` and return its float64 probabilities.

    ``passed`` collects the columns before each step.
    """
    for i, header in enumerate(description["steps"]):
        if passed is not None:
            passed.append(value)
        value = add_step(graph, value, header, arrays_under(arrays, f"steps.{i}."), n_classes)
    return add_calibration(graph, value, description["calibration"], arrays_under(arrays, "calibration."), n_classes)


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
    if kind == "voting_classifier":
        return _vote(graph, value, header, arrays, n_classes)
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


def _vote(graph: Graph, value: str, header: Mapping[str, Any], arrays: Arrays, n_classes: int) -> str:
    """Add the members' probabilities one after another, each times its weight, or the weights of the classes that they name."""
    total, sums = 0.0, ""
    for m, (member, weight) in enumerate(zip(header["members"], arrays["weights"].tolist(), strict=True)):
        said = add_classifier(graph, value, member, arrays_under(arrays, f"members.{m}."), n_classes)
        if header["voting"] == "hard":
            best = graph.add("ArgMax", said, axis=1, keepdims=1)
            named = graph.cast(graph.add("Equal", best, graph.constant([list(range(n_classes))], np.int64)), np.float64)
            said = graph.add("Where", graph.add("IsNaN", said), said, named)
        part = graph.add("Mul", said, graph.constant(weight, np.float64))
        sums = graph.add("Add", sums, part) if sums else part
        total += weight
    return graph.add("Div", sums, graph.constant(total, np.float64))


def _forest(graph: Graph, value: str, arrays: Arrays, n_classes: int) -> str:
    """Add up the shares of the leaves; the division is that of the kernel."""
    leaves = np.flatnonzero(arrays["feature"] < 0)
    node, target = np.nonzero(arrays["value"][leaves])
    sums = _ensemble(graph, value, arrays, leaves[node], target, arrays["value"][leaves[node], target], n_classes)
    trees = len(arrays["tree_offsets"]) - 1
    return graph.add("Div", sums, graph.constant(float(trees), np.float64))


def _boosting(graph: Graph, value: str, arrays: Arrays, n_classes: int) -> str:
    outputs, width = len(arrays["baseline"]), arrays["value"].shape[1]
    leaves = np.flatnonzero(arrays["feature"] < 0)
    tree = np.searchsorted(arrays["tree_offsets"], leaves, side="right") - 1
    node = np.repeat(leaves, width)
    target = (np.arange(width) + (tree * width % outputs)[:, np.newaxis]).ravel()
    margins = _ensemble(graph, value, arrays, node, target, arrays["value"][leaves].ravel(), outputs)
    total = graph.add("Add", margins, graph.constant(arrays["baseline"][np.newaxis], np.float64))
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
    """Add the trees: sums of leaf weights by target, float64.

    Rows and thresholds are float32 values held in float64, so each comparison is the kernel's. The operator gives its sums as float32, so weights
    are cut into pieces whose sums are exact there, and the pieces' sums are added in float64. ``weight_node`` counts over all trees.
    """
    pieces = _pieces(weight, len(arrays["tree_offsets"]) - 1)
    kept = [np.flatnonzero(piece) if i else np.arange(len(piece)) for i, piece in enumerate(pieces)]
    leaves = (
        np.concatenate([weight_node[rows] for rows in kept]),
        np.concatenate([weight_target[rows] + i * n_targets for i, rows in enumerate(kept)]),
        np.concatenate([piece[rows] for piece, rows in zip(pieces, kept, strict=True)]),
    )
    sums = graph.cast(_trees(graph, value, arrays, *leaves, n_targets * len(pieces)), np.float64)
    if len(pieces) == 1:
        return sums
    cube = graph.add("Reshape", sums, graph.constant([-1, len(pieces), n_targets], np.int64))
    return graph.add("ReduceSum", cube, graph.constant([1], np.int64), keepdims=0)


def _pieces(weight: npt.NDArray[np.float64], n_trees: int) -> list[npt.NDArray[np.float64]]:
    """Cut numbers into multiples of ever smaller powers of two, of which ``n_trees`` add up to less than 2^23 multiples."""
    pieces: list[npt.NDArray[np.float64]] = []
    rest = weight
    tree_bits = int(np.ceil(np.log2(max(n_trees, 1))))
    while not pieces or (rest.any() and len(pieces) < _MOST_PIECES):
        largest = float(np.abs(rest).max(initial=0.0))
        unit = 2.0 ** max(int(np.ceil(np.log2(largest))) + tree_bits - _EXACT_BITS, -1000) if largest > 0 else 1.0
        pieces.append(np.rint(rest / unit) * unit)
        rest = rest - pieces[-1]
    return pieces


def _trees(
    graph: Graph,
    value: str,
    arrays: Arrays,
    weight_node: npt.NDArray[np.int64],
    weight_target: npt.NDArray[np.int64],
    weight: npt.NDArray[np.float64],
    n_targets: int,
) -> str:
    """Add the operator: sums of leaf weights by target, float32."""
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
