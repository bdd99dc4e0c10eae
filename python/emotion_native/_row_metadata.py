"""Row metadata in pipelines: who asks for which, and what becomes of it behind a sampler."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import _num_samples

from ._remedies import did_you_mean
from .exceptions import InvalidInputError, InvalidTypeError, LeakageError
from .model_selection._fit import ROW_METADATA

_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
LOST = object()  # row metadata that a sampler without sample_indices_ made meaningless
MIXED = object()  # row metadata that synthetic rows of two origins have no value of


def is_sampler(step: Any) -> bool:
    """Return whether a step resamples."""
    return hasattr(step, "fit_resample") and not hasattr(step, "steps")


def _parameters(method: Callable[..., Any] | None) -> dict[str, inspect.Parameter]:
    """Return a method's parameters by name; none where they are unknown."""
    try:
        return dict(inspect.signature(method).parameters) if method is not None else {}
    except (TypeError, ValueError):
        return {}


def asks_for(method: Callable[..., Any], name: str) -> bool:
    """Return whether a step's method has a parameter of this name; that of one which hands row metadata on, whether somebody inside asks."""
    owner: Any = getattr(method, "__self__", None)
    if hasattr(owner, "_metadata_names"):
        return name in owner._metadata_names()
    return name in _parameters(method) or name in _inner_names(owner)


def _inner_names(step: Any) -> set[str]:
    """Return the names of row metadata that the estimators inside of a step ask for, where it hands any on."""
    if not getattr(step, "_takes_row_metadata", False):
        return set()
    return metadata_names(_inner_estimators(step))


def _inner_estimators(step: Any) -> list[Any]:
    """Return the estimators among a step's parameters, at any depth."""
    return [value for value in step.get_params(deep=True).values() if hasattr(value, "fit") and not inspect.isclass(value)]


def metadata_names(steps: Iterable[Any]) -> set[str]:
    """Return the names of row metadata that some step asks for."""
    names: set[str] = set()
    for step in steps:
        if hasattr(step, "_metadata_names"):
            names |= step._metadata_names()
            continue
        for method in ("fit", "fit_resample", "fit_predict"):
            names |= {name for name, parameter in _parameters(getattr(step, method, None)).items() if parameter.kind in _NAMED}
        names |= _inner_names(step)
    return names - {"X", "y", "self"}


def transform_metadata(step: Any) -> set[str]:
    """Return the names of row metadata that a step asks for in ``transform``; a pipeline says what its steps do."""
    if hasattr(step, "_prediction_metadata"):
        names: set[str] = step._prediction_metadata()
        return names
    return set(ROW_METADATA) & set(_parameters(getattr(step, "transform", None)))


def check_names(names: Iterable[str], steps: Mapping[str, Any], *, parameter: str, caller: str) -> None:
    """Refuse arguments of a pipeline's ``fit`` that no step takes. Row metadata of the usual names may be for nobody.

    Raises
    ------
    InvalidTypeError
        With the name that was probably meant.
    """
    known = metadata_names(steps.values()) | set(ROW_METADATA)
    for name in names:
        step, found, argument = name.partition("__")
        if not found and name not in known:
            rule = f"arguments that a step takes ({', '.join(sorted(known))}), or step__argument"
            raise InvalidTypeError(f"{parameter} of {caller} must be {rule}; got {name!r}{did_you_mean(name, known)}")
        if found and step in steps:
            own = _parameters(getattr(steps[step], "fit_resample" if is_sampler(steps[step]) else "fit", None))
            if own and argument not in own and not any(p.kind is inspect.Parameter.VAR_KEYWORD for p in own.values()):
                rule = f"arguments that step {step!r} takes"
                raise InvalidTypeError(f"{parameter} of {caller} must be {rule}; got {name!r}{did_you_mean(argument, own)}")


def needs(step: Any, name: str) -> bool:
    """Return whether a step cannot do without this row metadata: foreign steps always, ours where they or those they hand it on to say so."""
    if name in getattr(step, "_optional_metadata", ()):
        return False
    if hasattr(step, "_metadata_names") or getattr(step, "_only_hands_on", False):
        return any(_asks(inner, name) and needs(inner, name) for inner in _inner_estimators(step))
    native = clone(step)._native_step() if hasattr(step, "_native_step") else None  # a clone: asking draws no random number
    return native is None or name in native.get("needs", ())


def _asks(step: Any, name: str) -> bool:
    return asks_for(getattr(step, "fit_resample" if is_sampler(step) else "fit"), name)


def length_of(value: Any) -> str:
    """Return the number of rows, or what has none, for comparison and for messages."""
    try:
        return str(_num_samples(value))
    except TypeError:
        return repr(value)


def per_row(value: Any, n: int | None) -> bool:
    """Return whether there is one value a row."""
    return n is not None and not isinstance(value, (str, bytes)) and length_of(value) == str(n)


def resampled(rows: dict[str, Any], indices: Any, provenance: Any) -> dict[str, Any]:
    """Return row metadata behind a sampler: that of the row each is a copy of. A synthetic row has its base's weight, and anything else only
    where both its parents agree."""
    if indices is None:
        return {key: None if value is None else LOST for key, value in rows.items()}
    carried = {}
    for key, value in rows.items():
        known = value is not None and value is not LOST and value is not MIXED
        carried[key] = _safe_indexing(value, indices) if known else value
        if known and provenance is not None and key.rpartition("__")[2] != "sample_weight":
            neighbours = _safe_indexing(value, provenance["neighbour"])
            if not np.array_equal(np.asarray(carried[key]), np.asarray(neighbours)):
                carried[key] = MIXED
    return carried


def rows_by_class(y: Any, weight: Any) -> tuple[Any, Any, Any]:
    """Return the labels that occur, and the number and the weight of the rows of each."""
    labels, codes = np.unique(np.asarray(y), return_inverse=True)
    return labels, np.bincount(codes.ravel()), np.bincount(codes.ravel(), weights=None if weight is None else np.asarray(weight, dtype=np.float64))


class RowMetadata:
    """What a pipeline's ``fit`` was given beside X and y, on its way through the steps.

    Parameters
    ----------
    metadata : mapping
        By name; ``step__argument`` for one step alone. None is as if it was not given.
    steps : sequence of str
        The names of the steps.
    n : int or None
        Rows.

    Raises
    ------
    InvalidInputError
        For a step that is none, and for row metadata without one value a row.
    """

    def __init__(self, metadata: Mapping[str, Any], steps: Iterable[str], n: int | None) -> None:
        self._rows: dict[str, Any] = {}
        self._named: dict[str, dict[str, Any]] = {name: {} for name in steps}
        for key, value in metadata.items():
            if value is None:
                continue
            if per_row(value, n) and not isinstance(value, (list, np.ndarray)) and not hasattr(value, "iloc"):
                value = np.asarray(value)
            step, found, argument = key.partition("__")
            if found:
                if step not in self._named:
                    raise InvalidInputError(f"{key} of Pipeline.fit must start with the name of a step; got {step!r}")
                self._named[step][argument] = value
                self._rows[key] = value if per_row(value, n) else None
            elif not per_row(value, n):
                raise InvalidInputError(f"{key} of Pipeline.fit must have one value a row ({n}); got {length_of(value)}")
            else:
                self._rows[key] = value

    def resample(self, sampler: Any) -> None:
        """Follow the rows through a sampler that has been fitted."""
        self._rows = resampled(self._rows, getattr(sampler, "sample_indices_", None), getattr(sampler, "provenance_", None))
        self._rows.update(getattr(sampler, "row_metadata_", {}))

    def asked(self, name: str, method: Callable[..., Any]) -> dict[str, Any]:
        """Return what a step's method asks for, as the rows are now.

        Raises
        ------
        LeakageError
            Where the step needs what synthetic rows of two origins have no value of.
        InvalidInputError
            Where it needs what a sampler lost.
        """
        asked = {key: value for key, value in self._rows.items() if "__" not in key and asks_for(method, key)}
        for argument, value in self._named[name].items():
            current = self._rows.get(f"{name}__{argument}")
            asked[argument] = value if current is None else current
        unknown = [key for key, value in asked.items() if value is MIXED or (value is LOST and key in ROW_METADATA)]
        idle = {key for key in unknown if not needs(method.__self__, key)}  # type: ignore[attr-defined]  # the bound method of a step
        asked = {key: value for key, value in asked.items() if key not in idle}
        mixed = [key for key, value in asked.items() if value is MIXED]
        if mixed:
            way = f"within={mixed[0]!r}" if mixed[0] in ("speaker", "groups") else "within='speaker'"
            raise LeakageError(
                f"{mixed[0]} of Pipeline.fit must be known for each row that reaches step {name!r}; got synthetic rows that a sampler before it made "
                f"of two rows that differ in it: give that sampler {way}"
            )
        lost = [key for key, value in asked.items() if value is LOST]
        if lost:
            raise InvalidInputError(f"{lost[0]} of Pipeline.fit must reach step {name!r}; got a sampler before it without sample_indices_")
        return asked
