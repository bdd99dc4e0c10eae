"""Row metadata at prediction: who asks for it, and how estimators around others hand it on.

A `Pipeline` names what its steps ask for in ``transform`` (``speaker``, for a `SpeakerNormalizer`) by ``_prediction_metadata()``. Estimators
that hold others are `HandsOn`: they take the same names and hand them to whom they concern. Where `fit` was given such a name, what was learned
from held-out rows (a calibration map, a threshold, prediction sets, the choice of a setting) holds for rows that come with it: predicting without
it is then an error.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .._speaker_statistics import OPTIONAL_METADATA
from ..exceptions import InvalidInputError, InvalidTypeError

__all__ = ["ENROL", "HandsOn", "ask", "asked_names", "prediction_metadata"]

ENROL = "enrol"  # rows of the one speaker of all rows, instead of a speaker for each row


def prediction_metadata(model: Any) -> set[str]:
    """Return the names of row metadata that a model asks for when rows are predicted."""
    names: set[str] = model._prediction_metadata() if hasattr(model, "_prediction_metadata") else set()
    return names


def asked_names(model: Any) -> set[str]:
    """Return the names of all arguments that a model takes beside the rows when these are predicted."""
    names = prediction_metadata(model)
    return names | {ENROL} if "speaker" in names else names


def ask(model: Any, method: str, X: Any, given: Mapping[str, Any]) -> Any:
    """Return what a model says about rows, handing it what it asks for."""
    if not given:
        return getattr(model, method)(X)
    names = asked_names(model)
    return getattr(model, method)(X, **{name: value for name, value in given.items() if name in names})


class HandsOn:
    """What estimators share that hand row metadata on when rows are predicted."""

    _fitted_with: frozenset[str] = frozenset()

    def _asked(self) -> Iterable[Any]:
        """Return the estimators inside, fitted or not."""
        several = getattr(self, "estimators", None)
        if several is not None:
            return [part[-1] for part in several if isinstance(part, (list, tuple))]
        return [getattr(self, "estimator", None)]

    def _prediction_metadata(self) -> set[str]:
        """Return the names of row metadata that somebody inside asks for when rows are predicted."""
        return set().union(*(prediction_metadata(model) for model in self._asked()))

    def _remember_metadata(self, params: Mapping[str, Any]) -> None:
        """Keep in mind which of these names `fit` was given."""
        self._fitted_with = frozenset(name for name in self._prediction_metadata() - OPTIONAL_METADATA if params.get(name) is not None)

    def _handed_on(self, given: Mapping[str, Any], method: str) -> dict[str, Any]:
        """Return the arguments that were given beside the rows, checked.

        Raises
        ------
        InvalidTypeError
            For a name that nobody inside asks for.
        InvalidInputError
            Where one is missing that `fit` was given.
        """
        if not given and not self._fitted_with:
            return {}
        caller = f"{type(self).__name__}.{method}"
        known = {name: value for name, value in given.items() if value is not None}
        names = asked_names(self)
        for name in known:
            if name not in names:
                rule = f"one of {', '.join(sorted(names))}" if names else "left out, as nobody inside takes any"
                raise InvalidTypeError(f"arguments of {caller} beside X must be {rule}; got {name!r}")
        missing = sorted(self._fitted_with - set(known) - ({"speaker"} if ENROL in known else set()))
        if missing:
            name = missing[0]
            raise InvalidInputError(
                f"{name} of {caller} must be given as in fit, where rows were normalised by other clips of their {name}: what was learned from these "
                f"does not hold for rows without; got none ({name}=[None] * n_rows stands for rows of unknown ones)"
            )
        return known
