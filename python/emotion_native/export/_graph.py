"""A growing ONNX graph: nodes in order, constants, and names that depend on nothing but the model."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["ML_DOMAIN", "Graph"]

ML_DOMAIN = "ai.onnx.ml"


class Graph:
    """Nodes and constants of a graph; values are known by name.

    Attributes
    ----------
    nodes, initializers : list
        In the order in which they were added.
    """

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.initializers: list[Any] = []

    def constant(self, values: npt.ArrayLike, dtype: Any) -> str:
        """Add a constant and return its name; texts have dtype object."""
        from onnx import TensorProto, helper, numpy_helper

        name = f"constant_{len(self.initializers)}"
        if dtype is object:
            texts = np.asarray(values, dtype=object)
            encoded: list[Any] = [str(text).encode() for text in texts.ravel()]
            self.initializers.append(helper.make_tensor(name, TensorProto.STRING, texts.shape, encoded))
        else:
            self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(np.asarray(values, dtype=dtype)), name))
        return name

    def add(self, operator: str, *inputs: str, domain: str = "", output: str | None = None, **attributes: Any) -> str:
        """Add a node with one output and return that output's name."""
        from onnx import helper

        name = f"{operator}_{len(self.nodes)}"
        result = name if output is None else output
        self.nodes.append(helper.make_node(operator, list(inputs), [result], name=name, domain=domain, **attributes))
        return result

    def largest_first(self, value: str, n_columns: int) -> tuple[str, str]:
        """Return each row's values from the largest down, the first of equals first, and their columns."""
        from onnx import helper

        name = f"TopK_{len(self.nodes)}"
        outputs = [f"{name}_values", f"{name}_columns"]
        self.nodes.append(helper.make_node("TopK", [value, self.constant([n_columns], np.int64)], outputs, name=name, axis=1, largest=1, sorted=1))
        return outputs[0], outputs[1]

    def cast(self, value: str, dtype: Any, output: str | None = None) -> str:
        """Add a conversion to float32, float64 or int64."""
        from onnx import helper

        return self.add("Cast", value, to=helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), output=output)
