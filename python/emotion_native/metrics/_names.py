"""One measure under whatever name people know it by: ours, scikit-learn's of the scorer, scikit-learn's of the function, the field's abbreviation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from .._remedies import did_you_mean, suggestion
from ..exceptions import InvalidInputError

# Names of one row mean the same number. A loss and its negative are two measures.
_SAME = (
    ("accuracy", "accuracy_score"),
    ("balanced_accuracy", "uar", "unweighted_average_recall", "balanced_accuracy_score"),
    ("macro_f1", "f1_macro"),
    ("weighted_f1", "f1_weighted"),
    ("cohen_kappa", "kappa", "cohen_kappa_score"),
    ("matthews_corrcoef", "mcc"),
    ("brier", "brier_score"),
    ("expected_calibration_error", "ece"),
    ("neg_brier_score", "neg_brier"),
)


def same_measure(name: Any, known: Iterable[str]) -> Any:
    """Return the known name of the measure that ``name`` means; ``name`` itself where it is known, or means none of them.

    Examples
    --------
    >>> same_measure("f1_macro", ["accuracy", "macro_f1"]), same_measure("macro_f1", ["f1_macro"]), same_measure("f2", ["accuracy"])
    ('macro_f1', 'f1_macro', 'f2')
    """
    names = list(known)
    if not isinstance(name, str) or name in names:
        return name
    spellings: Sequence[str] = next((row for row in _SAME if name in row), ())
    return next((other for other in spellings if other in names), name)


def near_measures(name: Any, known: Iterable[str]) -> str:
    """Return the end of a message about an unknown measure: those known that are close to it by any name, or hold it, if there are some."""
    names = list(known)
    every = {*names, *(other for row in _SAME for other in row if same_measure(other, names) in names)}
    holding = [other for other in names if len(str(name)) > 1 and str(name).lower() in other]
    return did_you_mean(name, every, most=3) or suggestion(holding[:3])


def check_measure(name: Any, known: Sequence[str], parameter: str, caller: str, rule: str = "one of") -> str:
    """Return the known name of a measure.

    Raises
    ------
    InvalidInputError
        If ``name`` means none of the known ones; the message lists them, and those that are close.
    """
    found = same_measure(name, known)
    if not isinstance(found, str) or found not in known:
        raise InvalidInputError(f"{parameter} of {caller} must be {rule} {', '.join(known)}; got {name!r:.80}{near_measures(name, known)}")
    return found
