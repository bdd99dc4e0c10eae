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

__all__ = ["add_classifier", "add_label_margins", "add_step"]

Arrays = Mapping[str, npt.NDArray[Any]]
_EXACT_BITS = 23  # sums of so many bits are exact in float32
_MOST_PIECES = 6
_LEAF = "LEAF"
_BRANCH = "BRANCH_LEQ"


def add_classifier(
    graph: Graph,
    value: str,
    description: Mapping[str, Any],
    arrays: Arrays,
    n_classes: int,
    passed: list[str] | None = None,
    *,
    dtype: Any = np.float32,
    sets: bool = False,
) -> str:
    """Add a model's, or a member's, steps and calibration to ``value`` and return its float64 probabilities.

    ``passed`` collects the columns before each step, whose type is ``dtype``: float32, or float64 of what members of a stack say. ``sets`` says
    that a row may have several classes.
    """
    value = _prepare(graph, value, description, arrays, n_classes, dtype, passed)
    last = len(description["steps"]) - 1
    header, own = description["steps"][last], arrays_under(arrays, f"steps.{last}.")
    value = _labels(graph, value, header, own, dtype) if sets else add_step(graph, value, header, own, n_classes, dtype)
    return add_calibration(graph, value, description["calibration"], arrays_under(arrays, "calibration."), n_classes)


def _prepare(
    graph: Graph, value: str, description: Mapping[str, Any], arrays: Arrays, n_classes: int, dtype: Any, passed: list[str] | None = None
) -> str:
    """Add all steps but the classifier."""
    for i, header in enumerate(description["steps"]):
        if passed is not None:
            passed.append(value)
        if i + 1 < len(description["steps"]):
            value = add_step(graph, value, header, arrays_under(arrays, f"steps.{i}."), n_classes, dtype)
    return value


def add_step(graph: Graph, value: str, header: Mapping[str, Any], arrays: Arrays, n_classes: int, dtype: Any = np.float32) -> str:
    """Add one step to ``value`` and return its result: columns of a transformer, float64 probabilities of a classifier.

    Raises
    ------
    InvalidInputError
        If the step is of a kind that has no translation.
    """
    kind = header["kind"]
    if kind == "simple_imputer":
        return _impute(graph, value, arrays["statistics"], dtype)
    if kind == "standard_scaler":
        return _scale(graph, value, header, arrays, dtype)
    if kind == "select_k_best":
        return graph.add("Gather", value, graph.constant(arrays["columns"], np.int64), axis=1)
    if kind == "logistic_regression":
        return _shares(graph, _scores(graph, value, arrays), n_classes)
    if kind == "one_vs_rest_classifier":
        return _one_vs_rest(graph, value, arrays, n_classes)
    if kind in ("random_forest_classifier", "extra_trees_classifier"):
        return _forest(graph, value, arrays, n_classes, dtype)
    if kind == "gradient_boosting_classifier":
        return _shares(graph, _boosting(graph, value, arrays, dtype), n_classes)
    if kind == "voting_classifier":
        return _vote(graph, value, header, arrays, n_classes, dtype)
    if kind == "stacking_classifier":
        columns = _stacked(graph, value, header, arrays, n_classes, dtype)
        return add_classifier(graph, columns, header["final"], arrays_under(arrays, "final."), n_classes, dtype=np.float64)
    if kind == "one_vs_rest_members":
        own = _labels(graph, value, header, arrays, dtype)
        return _scaled(graph, own if n_classes > 2 else graph.add("Concat", graph.add("Sub", graph.constant(1.0, np.float64), own), own, axis=1))
    raise InvalidInputError(f"model of to_onnx must be made of steps that have a translation; got {kind}")


def _margins(graph: Graph, value: str, description: Mapping[str, Any], arrays: Arrays, n_classes: int, dtype: Any) -> str:
    """Add a classifier that has margins and return these: one column of two classes."""
    value = _prepare(graph, value, description, arrays, n_classes, dtype)
    last = len(description["steps"]) - 1
    header, own = description["steps"][last], arrays_under(arrays, f"steps.{last}.")
    if header["kind"] == "stacking_classifier":
        columns = _stacked(graph, value, header, own, n_classes, dtype)
        return _margins(graph, columns, header["final"], arrays_under(own, "final."), n_classes, np.float64)
    return _boosting(graph, value, own, dtype) if header["kind"] == "gradient_boosting_classifier" else _scores(graph, value, own)


def _stacked(graph: Graph, value: str, header: Mapping[str, Any], arrays: Arrays, n_classes: int, dtype: Any) -> str:
    """Add what the last classifier of a stack sees."""
    columns = []
    for m, member in enumerate(header["members"]):
        own = arrays_under(arrays, f"members.{m}.")
        if member["method"] == "decision_function":
            columns.append(_margins(graph, value, member, own, n_classes, dtype))
            continue
        said = add_classifier(graph, value, member, own, n_classes, dtype=dtype)
        columns.append(graph.add("Gather", said, graph.constant([1], np.int64), axis=1) if n_classes == 2 else said)
    if header["passthrough"]:
        columns.append(graph.cast(value, np.float64))
    return graph.add("Concat", *columns, axis=1)


def _labels(graph: Graph, value: str, header: Mapping[str, Any], arrays: Arrays, dtype: Any) -> str:
    """Add one classifier a label and return each label's own probability."""
    if header["kind"] == "one_vs_rest_classifier":
        return graph.add("Sigmoid", _scores(graph, value, arrays))
    columns = []
    for m, member in enumerate(header["members"]):
        if "constant" in member:
            columns.append(_constant_column(graph, value, float(member["constant"])))
            continue
        said = add_classifier(graph, value, member, arrays_under(arrays, f"members.{m}."), 2, dtype=dtype)
        columns.append(graph.add("Gather", said, graph.constant([1], np.int64), axis=1))
    return graph.add("Concat", *columns, axis=1)


def _constant_column(graph: Graph, value: str, number: float) -> str:
    """Return as many rows of one number as ``value`` has."""
    rows = graph.add("Gather", graph.add("Shape", value), graph.constant([0], np.int64), axis=0)
    shape = graph.add("Concat", rows, graph.constant([1], np.int64), axis=0)
    return graph.add("Expand", graph.constant([[number]], np.float64), shape)


def add_label_margins(graph: Graph, value: str, header: Mapping[str, Any], arrays: Arrays) -> str:
    """Add the margins of one classifier a label to the columns ``value`` that it sees."""
    if header["kind"] == "one_vs_rest_classifier":
        return _scores(graph, value, arrays)
    columns = []
    for m, member in enumerate(header["members"]):
        constant = "constant" in member
        own = arrays_under(arrays, f"members.{m}.")
        columns.append(_constant_column(graph, value, float(member["constant"])) if constant else _margins(graph, value, member, own, 2, np.float32))
    return graph.add("Concat", *columns, axis=1)


def _impute(graph: Graph, value: str, statistics: npt.NDArray[np.float64], dtype: Any) -> str:
    kept = np.flatnonzero(~np.isnan(statistics))
    if len(kept) < len(statistics):
        value = graph.add("Gather", value, graph.constant(kept, np.int64), axis=1)
    fill = graph.constant(statistics[kept][np.newaxis], dtype)
    return graph.add("Where", graph.add("IsNaN", value), fill, value)


def _scale(graph: Graph, value: str, header: Mapping[str, Any], arrays: Arrays, dtype: Any) -> str:
    """In float64 and rounded once, as the kernel does: trees behind the scaler then compare the very same float32."""
    wide = graph.cast(value, np.float64)
    if header["with_mean"]:
        wide = graph.add("Sub", wide, graph.constant(arrays["mean"][np.newaxis], np.float64))
    if header["with_std"]:
        wide = graph.add("Div", wide, graph.constant(arrays["scale"][np.newaxis], np.float64))
    return graph.cast(wide, dtype)


def _scores(graph: Graph, value: str, arrays: Arrays) -> str:
    product = graph.add("MatMul", graph.cast(value, np.float64), graph.constant(arrays["coef"].T, np.float64))
    return graph.add("Add", product, graph.constant(arrays["intercept"][np.newaxis], np.float64))


def _one_vs_rest(graph: Graph, value: str, arrays: Arrays, n_classes: int) -> str:
    """Each class's own probability, scaled to add up to 1 where they are not all 0."""
    scores = _scores(graph, value, arrays)
    if n_classes == 2:
        return _shares(graph, scores, n_classes)
    return _scaled(graph, graph.add("Sigmoid", scores))


def _scaled(graph: Graph, own: str) -> str:
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


def _vote(graph: Graph, value: str, header: Mapping[str, Any], arrays: Arrays, n_classes: int, dtype: Any) -> str:
    """Add the members' probabilities one after another, each times its weight, or the weights of the classes that they name."""
    total, sums = 0.0, ""
    for m, (member, weight) in enumerate(zip(header["members"], arrays["weights"].tolist(), strict=True)):
        said = add_classifier(graph, value, member, arrays_under(arrays, f"members.{m}."), n_classes, dtype=dtype)
        if header["voting"] == "hard":
            best = graph.add("ArgMax", said, axis=1, keepdims=1)
            named = graph.cast(graph.add("Equal", best, graph.constant([list(range(n_classes))], np.int64)), np.float64)
            said = graph.add("Where", graph.add("IsNaN", said), said, named)
        part = graph.add("Mul", said, graph.constant(weight, np.float64))
        sums = graph.add("Add", sums, part) if sums else part
        total += weight
    return graph.add("Div", sums, graph.constant(total, np.float64))


def _forest(graph: Graph, value: str, arrays: Arrays, n_classes: int, dtype: Any) -> str:
    """Add up the shares of the leaves; the division is that of the kernel."""
    leaves = np.flatnonzero(arrays["feature"] < 0)
    node, target = np.nonzero(arrays["value"][leaves])
    value = _narrow(graph, value, dtype)
    sums = _ensemble(graph, value, arrays, leaves[node], target, arrays["value"][leaves[node], target], n_classes)
    trees = len(arrays["tree_offsets"]) - 1
    return graph.add("Div", sums, graph.constant(float(trees), np.float64))


def _narrow(graph: Graph, value: str, dtype: Any) -> str:
    """Trees compare float32."""
    return value if dtype is np.float32 else graph.cast(value, np.float32)


def _boosting(graph: Graph, value: str, arrays: Arrays, dtype: Any) -> str:
    """Add the trees and return margins."""
    outputs, width = len(arrays["baseline"]), arrays["value"].shape[1]
    leaves = np.flatnonzero(arrays["feature"] < 0)
    tree = np.searchsorted(arrays["tree_offsets"], leaves, side="right") - 1
    node = np.repeat(leaves, width)
    target = (np.arange(width) + (tree * width % outputs)[:, np.newaxis]).ravel()
    margins = _ensemble(graph, _narrow(graph, value, dtype), arrays, node, target, arrays["value"][leaves].ravel(), outputs)
    return graph.add("Add", margins, graph.constant(arrays["baseline"][np.newaxis], np.float64))


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
