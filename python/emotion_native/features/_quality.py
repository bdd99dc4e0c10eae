"""What becomes of clips whose quality breaks a limit: flagged and kept, or dropped with the reason as their status."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..audio.voice import QUALITY_NAMES, QualityRule
from ..exceptions import InvalidInputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ._table import FeatureTable

INFO_NAMES = tuple(f"quality_{name}" for name in QUALITY_NAMES)
FLAG = "flag"  # the column of `info` with "reason: text" of clips that are kept


def check_rule(quality: Any, caller: str) -> QualityRule:
    """Return the rule that a user gave: one, its action alone, or None for the default."""
    if quality is None:
        return QualityRule()
    if isinstance(quality, str):
        return QualityRule(action=quality)
    if not isinstance(quality, QualityRule):
        raise InvalidInputError(f"quality of {caller} must be a QualityRule, 'flag', 'drop', 'off' or None; got {type(quality).__name__}")
    return quality


def unmeasured(table: FeatureTable) -> NDArray[np.bool_]:
    """Return the usable clips of which the table does not say how good they are."""
    if not all(name in table.info.columns for name in INFO_NAMES):
        return table.ok
    lacking: NDArray[np.bool_] = table.ok & table.info[INFO_NAMES[0]].isna().to_numpy(dtype=bool)
    return lacking


def notes_of(table: FeatureTable, action: str, kept: NDArray[np.bool_]) -> list[str]:
    """Return what a report on the rows that are ``kept`` says where clips should have been flagged and could not be."""
    usable, lacking = int((table.ok & kept).sum()), int((unmeasured(table) & kept).sum())
    if action != "flag" or lacking == 0:
        return []
    if lacking == usable:
        return ["No clip is flagged: the table has no measures of their quality."]
    return [f"{lacking} of {usable} usable clips could not be flagged: the table has no measures of their quality."]


def _refuse_unmeasured(table: FeatureTable, caller: str) -> None:
    """Raise InvalidInputError if a rule that drops clips would pass over some; the remedy is one that the caller has."""
    lacking, usable = int(unmeasured(table).sum()), int(table.ok.sum())
    if lacking == 0:
        return
    again = "extract the clips again with features.extract, which measures it from 1000 Hz on"
    if caller == "evaluate":  # the model file says what is dropped
        rule = "the quality of every usable clip, since the model drops poor ones"
        raise InvalidInputError(f"data of evaluate must tell {rule}; got a table where {lacking} of {usable} were not measured. Remedy: {again}")
    rule = f"'flag' or 'off' for clips whose quality was not measured ({lacking} of {usable})"
    raise InvalidInputError(f"quality.action of {caller} must be {rule}; got 'drop'. Remedy: {again}, or choose 'flag'")


def judged(table: FeatureTable, rule: QualityRule, caller: str) -> FeatureTable:
    """Return the table with its clips judged by the rule, whatever judged them before; a clip that was dropped then stays dropped."""
    if rule.action == "drop":
        _refuse_unmeasured(table, caller)
    if not all(name in table.info.columns for name in INFO_NAMES):
        return table
    ok = table.ok
    values = table.info[list(INFO_NAMES)].to_numpy(dtype=np.float64)
    texts = np.full(len(table), "", dtype=object)
    texts[ok] = rule.messages(values[ok])
    poor = texts != ""
    info = table.info.drop(columns=[FLAG], errors="ignore")
    if rule.action != "drop" or not poor.any():
        return replace(table, info=info.assign(**{FLAG: texts}))
    X, status, messages = table.X.copy(), table.status.copy(), table.messages.copy()
    X[poor] = np.nan
    for row in np.flatnonzero(poor):
        status[row], _, text = str(texts[row]).partition(": ")
        messages[row] = f"quality: {text}"
    return replace(table, X=X, status=status, messages=messages, info=info.assign(**{FLAG: np.full(len(table), "", dtype=object)}))
