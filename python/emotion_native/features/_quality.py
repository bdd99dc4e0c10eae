"""What becomes of clips whose quality breaks a limit: flagged and kept, or dropped with the reason as their status."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..audio.voice import QUALITY_NAMES, QualityRule
from ..exceptions import InvalidInputError

if TYPE_CHECKING:
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


def is_measured(table: FeatureTable) -> bool:
    """Return whether the table says how good its usable clips are, where it has any."""
    if not table.ok.any():
        return True
    return all(name in table.info.columns for name in INFO_NAMES) and bool(table.info.loc[table.ok, INFO_NAMES[0]].notna().any())


def notes_of(table: FeatureTable, action: str) -> list[str]:
    """Return what a report says where clips should have been flagged and could not be."""
    return ["No clip is flagged: the table has no measures of their quality."] if action == "flag" and not is_measured(table) else []


def judged(table: FeatureTable, rule: QualityRule, caller: str) -> FeatureTable:
    """Return the table with its clips judged by the rule, whatever judged them before; a clip that was dropped then stays dropped."""
    if rule.action == "drop" and not is_measured(table):
        remedy = "extract the clips again with features.extract, which measures it from 1000 Hz on, or choose 'flag'"
        raise InvalidInputError(
            f"quality.action of {caller} must be 'flag' or 'off' for clips whose quality was not measured; got 'drop'. Remedy: {remedy}"
        )
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
