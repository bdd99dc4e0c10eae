"""The per-class table as text or dict, in scikit-learn's form."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ..exceptions import InvalidInputError
from ._classification import accuracy_score, precision_recall_fscore_support
from ._inputs import Array, check_pair, union_of
from ._labelwise import indicator_pair, is_indicator

_AVERAGES = ("micro avg", "macro avg", "weighted avg", "samples avg")


def _pair(y_true: Any, y_pred: Any) -> tuple[Array, Array, Array]:
    """Return truth, prediction and all labels: column numbers where there are several labels a row."""
    caller = "classification_report"
    if is_indicator(y_true) or is_indicator(y_pred):
        truth, predicted = indicator_pair(y_true, y_pred, caller)
        return truth, predicted, np.arange(truth.shape[1])
    found, answer = check_pair(y_true, y_pred, caller)
    return found, answer, union_of(found, answer, caller=caller)


def classification_report(
    y_true: Any,
    y_pred: Any,
    *,
    labels: Any = None,
    target_names: Any = None,
    sample_weight: Any = None,
    digits: int = 2,
    output_dict: bool = False,
    zero_division: Any = "warn",
) -> str | dict[str, Any]:
    """Return precision, recall, F1 and support of each class with their averages.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_samples,) or (n_samples, n_labels)
    labels : array-like, optional
        Classes and their order.
    target_names : list of str, optional
        Names to show for them.
    sample_weight, zero_division
        As in `precision_recall_fscore_support`.
    digits : int
        Decimals of the text.
    output_dict : bool
        Return a dict instead of text.

    Raises
    ------
    InvalidInputError
        If an argument breaks its rule.

    Examples
    --------
    >>> from emotion_native.metrics import classification_report
    >>> report = classification_report(["a", "a", "b"], ["a", "b", "b"], output_dict=True)
    >>> report["a"]["recall"], report["macro avg"]["recall"]
    (0.5, 0.75)
    """
    truth, predicted, present = _pair(y_true, y_pred)
    several = truth.ndim == 2
    wanted = present if labels is None else np.asarray(labels)
    names = [str(label) for label in wanted] if target_names is None else [str(name) for name in target_names]
    if len(names) != len(wanted) and labels is not None:
        message = f"labels size, {len(wanted)}, does not match size of target_names, {len(names)}; the rest is left out"
        warnings.warn(message, UserWarning, stacklevel=2)
        names = names[: len(wanted)]
    elif len(names) != len(wanted):
        raise InvalidInputError(f"target_names of classification_report must be one name for each of {len(wanted)} classes; got {len(names)}")
    shared: dict[str, Any] = {"labels": wanted, "sample_weight": sample_weight, "zero_division": zero_division}
    columns = precision_recall_fscore_support(truth, predicted, average=None, **shared)
    keys = ("precision", "recall", "f1-score", "support")
    table: dict[str, Any] = {
        name: dict(zip(keys, (float(column[i]) for column in columns), strict=True)) for i, name in enumerate(names)
    }
    all_named = not several and (labels is None or bool(np.isin(present, wanted).all()))
    support = float(np.sum(columns[3]))
    for average in ("micro", "macro", "weighted", *(["samples"] if several else [])):
        if average == "micro" and all_named:
            continue
        means = precision_recall_fscore_support(truth, predicted, average=average, **shared)
        table[f"{average} avg"] = dict(zip(keys, (*(float(v) for v in means[:3]), support), strict=True))
    accuracy = accuracy_score(truth, predicted, sample_weight=sample_weight) if all_named else None
    if output_dict:
        averages: dict[str, Any] = {name: table.pop(name) for name in _AVERAGES if name in table}
        return {**table, **({"accuracy": accuracy} if all_named else {}), **averages}
    return _text(table, names, accuracy, support, digits, whole=columns[3].dtype.kind == "i")


def _text(table: dict[str, Any], names: list[str], accuracy: float | None, support: float, digits: int, *, whole: bool) -> str:
    width = max([len(name) for name in names] + [len("weighted avg"), digits])

    def line(name: str, row: dict[str, Any]) -> str:
        numbers = "".join(f" {row[key]:>9.{digits}f}" for key in ("precision", "recall", "f1-score"))
        return f"{name:>{width}s} {numbers} {int(row['support']) if whole else row['support']:>9}\n"

    text = f"{'':>{width}s} " + "".join(f" {h:>9}" for h in ("precision", "recall", "f1-score", "support")) + "\n\n"
    text += "".join(line(name, table[name]) for name in names) + "\n"
    if accuracy is not None:
        text += f"{'accuracy':>{width}s} " + f" {'':>9}" * 2 + f" {accuracy:>9.{digits}f} {int(support) if whole else support:>9}\n"
    return text + "".join(line(name, table[name]) for name in _AVERAGES if name in table)
