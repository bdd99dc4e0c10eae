"""The calibrators of a model file as ONNX nodes, each with the arithmetic of the native kernels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ..exceptions import InvalidInputError
from ._graph import Graph

__all__ = ["add_calibration"]

Arrays = Mapping[str, npt.NDArray[Any]]
_FLOOR = 1e-4  # below which the calibrators see no difference between probabilities


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
    elif kind == "isotonic":
        mapped = _isotonic(graph, mapped, arrays, n_classes)
    elif kind:
        rule = "calibrated by temperature, sigmoid or isotonic, or not at all"
        raise InvalidInputError(f"model of to_onnx must be {rule}; got {kind}")
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


def _isotonic(graph: Graph, proba: str, arrays: Arrays, n_classes: int) -> str:
    """One map a class, linear between its corners and level outside; then the shares of the sum."""
    offsets = arrays["offsets"]
    floor = graph.constant(_FLOOR, np.float64)
    columns = []
    for k in range(n_classes):
        part = slice(int(offsets[k]), int(offsets[k + 1]))
        column = graph.add("Gather", proba, graph.constant([k], np.int64), axis=1)
        columns.append(graph.add("Max", _isotonic_map(graph, column, arrays["x"][part], arrays["y"][part]), floor))
    shares = graph.add("Concat", *columns, axis=1)
    return graph.add("Div", shares, graph.add("ReduceSum", shares, graph.constant([1], np.int64), keepdims=1))


def _isotonic_map(graph: Graph, column: str, x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> str:
    """The value between the corner at or below and the next one; a map without corners changes nothing."""
    if len(x) == 0:
        return column
    first, last = graph.constant(y[0], np.float64), graph.constant(y[-1], np.float64)
    if len(x) == 1:
        return graph.add("Add", graph.add("Mul", column, graph.constant(0.0, np.float64)), first)
    passed = graph.cast(graph.add("GreaterOrEqual", column, graph.constant(x[np.newaxis], np.float64)), np.int64)
    found = graph.add("ReduceSum", passed, graph.constant([1], np.int64), keepdims=1)
    right = graph.add("Min", graph.add("Max", found, graph.constant(1, np.int64)), graph.constant(len(x) - 1, np.int64))
    left = graph.add("Sub", right, graph.constant(1, np.int64))
    half = 0.5 * x  # so that the widest ranges do not overflow
    above = graph.add("Sub", graph.add("Mul", column, graph.constant(0.5, np.float64)), graph.add("Gather", graph.constant(half, np.float64), left))
    share = graph.add("Div", above, graph.add("Gather", graph.constant(np.diff(half), np.float64), left))
    values = graph.constant(y, np.float64)
    low = graph.add("Mul", graph.add("Sub", graph.constant(1.0, np.float64), share), graph.add("Gather", values, left))
    between = graph.add("Add", low, graph.add("Mul", share, graph.add("Gather", values, right)))
    from_above = graph.add("Where", graph.add("GreaterOrEqual", column, graph.constant(x[-1], np.float64)), last, between)
    return graph.add("Where", graph.add("Greater", column, graph.constant(x[0], np.float64)), from_above, first)
