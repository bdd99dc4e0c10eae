"""Under which terms recordings were published, and what that means for a model that learned from several of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from ._manifest import as_text

__all__ = ["CORPUS_LICENCES", "licence_terms", "training_sources"]

OWN_LICENCE = "see the corpus's own licence"  # terms that this table does not know at first hand
CORPUS_LICENCES: Mapping[str, str] = {
    "ravdess": "CC-BY-NC-SA-4.0",
    "emodb": "CC0-1.0",
    "emovo": "free for research",
    "crema_d": OWN_LICENCE,
    "fer2013": "research use",
    "goemotions": "Apache-2.0",
    "meld": "GPL-3.0 (repository); transcripts of a television series",
}
_COLUMNS = ("licence", "license")
_OPEN = ("cc0", "cc-by", "apache", "mit", "bsd", "public domain", "odbl", "gpl")
UNKNOWN = "unknown"


def training_sources(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Return what a set of rows consists of: clips and speakers of each corpus under each licence.

    Parameters
    ----------
    rows : DataFrame
        A manifest. Its column ``licence`` (or ``license``) says each row's terms; where it is absent or empty, the corpus does, as far as
        `CORPUS_LICENCES` knows it.

    Returns
    -------
    list of dict
        ``corpus``, ``licence``, ``clips``, ``speakers``, by corpus and licence; ``unknown`` where nothing is stated.

    Examples
    --------
    >>> import emotion_native as en
    >>> en.datasets.training_sources(en.datasets.load_sample())[0]["licence"]
    'CC0-1.0'
    """
    frame = pd.DataFrame({name: _text(rows, name) for name in ("corpus", "speaker")})
    stated = next((name for name in _COLUMNS if name in rows), _COLUMNS[0])
    known = [CORPUS_LICENCES.get(corpus.lower(), UNKNOWN) for corpus in frame["corpus"]]
    frame["licence"] = [own or other for own, other in zip(_text(rows, stated), known, strict=True)]
    frame["corpus"] = [corpus or UNKNOWN for corpus in frame["corpus"]]
    return [
        {"corpus": str(corpus), "licence": str(licence), "clips": len(part), "speakers": len(set(part["speaker"]) - {""})}
        for (corpus, licence), part in sorted(frame.groupby(["corpus", "licence"]))
    ]


def _text(rows: pd.DataFrame, column: str) -> list[str]:
    if column not in rows:
        return [""] * len(rows)
    return [as_text(value) for value in rows[column].tolist()]


def licence_terms(licences: Iterable[str]) -> list[str]:
    """Return what several licences ask for together, in sentences; no legal advice.

    Parameters
    ----------
    licences : iterable of str
        Names of licences, SPDX or plain.

    Returns
    -------
    list of str
        Strictest first: unknown terms, research, no commerce, share alike, attribution.

    Examples
    --------
    >>> from emotion_native.datasets import licence_terms
    >>> licence_terms(["CC0-1.0", "CC-BY-NC-SA-4.0"])[0]
    'No commercial use: CC-BY-NC-SA-4.0.'
    """
    names = sorted({str(name) for name in licences})
    low = {name: name.lower().replace(" ", "-") for name in names}

    def those(*marks: str) -> list[str]:
        return [name for name in names if any(mark in low[name] for mark in marks)]

    found = [
        ("Terms that nobody has stated, to be found out before any use", [name for name in names if name == UNKNOWN]),
        ("Research only", those("research")),
        ("No commercial use", those("-nc", "noncommercial", "non-commercial")),
        ("Derived works under the same terms", those("-sa", "gpl", "odbl")),
        ("Attribution", those("cc-by", "apache", "odbl", "mit", "bsd")),
        ("Terms to be read with the corpus, since they are not recorded here", [name for name in names if name == OWN_LICENCE]),
        (
            "Terms to be read, since their kind is not known here",
            [name for name in names if name not in (UNKNOWN, OWN_LICENCE) and not _kind_known(low[name])],
        ),
    ]
    lines = [f"{text}: {', '.join(who)}." for text, who in found if who]
    return lines or ["No conditions: all training data is dedicated to the public domain."] if names else []


def _kind_known(name: str) -> bool:
    return "research" in name or any(mark.replace(" ", "-") in name for mark in _OPEN)
