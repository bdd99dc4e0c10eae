"""What a cross-validation says about splits that are allowed and yet tell little."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import is_classifier

from ..exceptions import EmotionNativeWarning, InvalidInputError, LeakageWarning
from ._groups import as_values, encode_groups, factorize, two_keys
from ._parts import stored
from ._runs import Runs
from ._warnings import MissingClassWarning


def warn_of_odd_splits(estimator: Any, y: Any, groups: Any, runs: Runs, n_samples: int, *, caller: str, each_fold: bool) -> None:
    """Warn, in the name of the code that called the caller, of groups of one row each, of one class, and of folds that test new classes only.

    One such fold has a score that says nothing (``each_fold``); among pooled predictions it is a part, so that only all of them are told.

    Warns
    -----
    LeakageWarning
        If every group has one row: nothing is kept together.
    MissingClassWarning
        If a fold, or every fold, tests only classes that its training rows lack.
    EmotionNativeWarning
        If a classifier's ``y`` has one class.
    """
    if groups is not None and _are_single_rows(groups, n_samples, caller):
        text = f"each of the {n_samples} groups of {caller} has one row, so that the folds keep nothing together, as without groups"
        warnings.warn(f"{text}: pass the speaker of each row (right only where no speaker has two clips)", LeakageWarning, stacklevel=3)
    if y is None or not is_classifier(estimator):
        return
    try:
        labels = factorize(as_values(y, n_samples, parameter="y", caller=caller))
    except (InvalidInputError, TypeError):  # what is no label is refused elsewhere
        return
    if len(labels) == 1:
        text = f"y of {caller} has one class ({labels.uniques.tolist()[0]!r}), so that every prediction is right"
        warnings.warn(f"{text}: scores say nothing", EmotionNativeWarning, stacklevel=3)
        return
    new = _folds_of_new_classes(labels.codes, len(labels), runs)
    if new.all() or (new.any() and each_fold):
        text = f"{int(new.sum())} of {len(new)} folds of {caller} test only classes that their training rows lack, so that no prediction is right"
        warnings.warn(f"{text}: groups must hold several classes each (the speaker, not the label)", MissingClassWarning, stacklevel=3)


def _are_single_rows(groups: Any, n_samples: int, caller: str) -> bool:
    """Return whether the groups, or the first of two keys, are as many as the rows."""
    columns = two_keys(groups) or {"groups": groups}
    name, first = next(iter(columns.items()))
    return n_samples > 1 and len(encode_groups(first, n_samples, caller=caller, parameter=str(name))) == n_samples


def _folds_of_new_classes(codes: npt.NDArray[np.int64], n_classes: int, runs: Runs) -> npt.NDArray[np.bool_]:
    """Return for each different fold whether its training rows hold none of the classes of its test rows."""
    total = np.bincount(codes, minlength=n_classes)
    found: dict[int, bool] = {}
    for train, test in zip(stored(runs.train), runs.test, strict=True):
        if id(test) not in found:  # seeds share their folds
            tested = np.bincount(codes[test], minlength=n_classes)
            trained = total - tested if train is None else np.bincount(codes[train], minlength=n_classes)
            found[id(test)] = not trained[tested > 0].any()
    return np.array(list(found.values()), dtype=bool)
