"""Pipelines whose first steps the native fold loop does not know: these are fitted once a fold, and the loop runs what stands behind them.

Steps say so by ``_heads_native_loop``: transformers that may depend on the other rows of a part, such as `SpeakerNormalizer`, and so cannot be
numbers a column. For each training part the head (the steps up to the last such one; no samplers) is fitted as `Pipeline.fit` would on the copied
rows; its training and test rows become one matrix, and all pipelines that begin with an equal head run on it in one native call. Bits are those of
``clone(pipeline).fit`` on the copied subset: the head is the same call, and the loop promises it of the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import clone
from sklearn.utils import _safe_indexing

from ._runs import Runs

Head = tuple[Any, Any]
Plan = list[dict[str, Any]]


def head_of(estimator: Any) -> Head | None:
    """Return the head of a pipeline and what stands behind it, unfitted; None where it has none, or a sampler stands in it."""
    steps = [step for _, step in estimator.steps] if hasattr(estimator, "_native_plan") and hasattr(estimator, "steps") else []
    heads = [place for place, step in enumerate(steps[:-1]) if getattr(step, "_heads_native_loop", False)]
    if not heads:
        return None
    end = heads[-1] + 1
    if any(not hasattr(step, "fit_transform") for step in steps[:end]):
        return None
    return estimator[:end], estimator[end:]


def _same_head(a: Any, b: Any) -> bool:
    """Return whether two heads learn the same: steps of the same classes with the same plain parameters."""
    if a is b:
        return True
    if len(a.steps) != len(b.steps):
        return False
    for (_, one), (_, other) in zip(a.steps, b.steps, strict=True):
        own, theirs = one.get_params(), other.get_params()
        plain = all(value is None or isinstance(value, (bool, int, float, str)) for value in own.values())
        if type(one) is not type(other) or not plain or repr(own) != repr(theirs):
            return False
    return True


def _groups(runs: Runs, heads: list[Head]) -> list[list[int]]:
    """Return the runs that share their parts and their head, in the order of the first."""
    groups: list[list[int]] = []
    train = [runs.train[k] for k in range(len(runs))]
    for k in range(len(runs)):
        for group in groups:
            first = group[0]
            same = np.array_equal(runs.test[first], runs.test[k]) and np.array_equal(train[first], train[k])
            if same and _same_head(heads[runs.estimator_of[first]][0], heads[runs.estimator_of[k]][0]):
                group.append(k)
                break
        else:
            groups.append([k])
    return groups


def behind_heads(
    runs: Runs,
    X: Any,
    y: npt.NDArray[Any],
    heads: list[Head],
    metadata: Mapping[str, Any],
    run: Callable[[Any, npt.NDArray[np.int64], int, list[int]], list[npt.NDArray[np.float64]]],
) -> list[npt.NDArray[np.float64]] | None:
    """Return test probabilities of each run; None where some run tests rows that it trains on, as a head treats these as one part.

    ``run(matrix, rows, n_train, estimators)`` runs what stands behind the heads of these estimators on a matrix of the given rows, the first
    ``n_train`` of which are for training.
    """
    if any(np.intersect1d(runs.train[k], runs.test[k]).size for k in range(len(runs))):
        return None
    found: dict[int, npt.NDArray[np.float64]] = {}
    for group in _groups(runs, heads):
        train, test = runs.train[group[0]], runs.test[group[0]]
        head = clone(heads[runs.estimator_of[group[0]]][0])
        asked = {name: value for name, value in metadata.items() if value is not None and name in head._metadata_names()}
        rows = head.fit_transform(_safe_indexing(X, train), y[train], **{name: _safe_indexing(value, train) for name, value in asked.items()})
        told = {name: _safe_indexing(asked[name], test) for name in head._prediction_metadata() if name in asked}
        matrix = np.concatenate([rows, head.transform(_safe_indexing(X, test), **told)])
        together = np.concatenate([train, test]).astype(np.int64)
        found.update(zip(group, run(matrix, together, len(train), [runs.estimator_of[k] for k in group]), strict=True))
    return [found[k] for k in range(len(runs))]
