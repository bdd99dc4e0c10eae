"""The sentences that keep reports honest: how rows were split, how far a number carries, and what the product is for."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["ENROLMENT_STATEMENT", "FEW_SPEAKERS", "INTENDED_USE", "evidence_note", "format_interval", "split_statement"]

FEW_SPEAKERS = 6
INTENDED_USE = (
    "The model describes a performance, what a recording expresses, not a person: not what somebody feels, is or will do. "
    "Do not use it to rank, select or assess people. Recognising emotions of people at work and in education is prohibited in the European Union "
    "(AI Act, Regulation (EU) 2024/1689, Article 5(1)(f)), with exceptions for medical and safety reasons; other uses carry duties of transparency. "
    "Use recordings only with consent, and delete them when they are no longer needed."
)



def enrolment_clips(most: int | None = None) -> str:
    """Return which clips a test clip is normalised by, as records and reports say it; ``most``: how many at most, where a model takes some."""
    return f"{'all' if most is None else f'at most {most}'} usable clips of its test speaker from other recordings"


def enrolment_statement(clips: str) -> str:
    """Return the first sentence of a report on scores with enrolment by these clips."""
    rule = "The scores hold only where such clips of a new speaker are there beforehand."
    return f"ENROLMENT: each clip was normalised by {clips}, without their labels. {rule}"


ENROLMENT_STATEMENT = enrolment_statement(enrolment_clips())


def split_statement(*, grouped: bool, group_by: Sequence[str], n_speakers: int, n_groups: int, n_folds: int) -> str:
    """Return the first line of a report.

    Examples
    --------
    >>> from emotion_native.reports import split_statement
    >>> split_statement(grouped=False, group_by=[], n_speakers=3, n_groups=90, n_folds=5)[:9]
    'UNGROUPED'
    """
    if not grouped:
        return (
            f"UNGROUPED SPLIT: clips of one speaker are in training and in test parts ({n_folds} folds over single rows, {n_speakers} speakers). "
            "The scores are inflated and say nothing about new speakers."
        )
    keys = " and ".join(filter(None, [", ".join(group_by[:-1]), group_by[-1]])) if group_by else "speaker"
    return (
        f"Grouped split: {n_folds} folds over {n_groups} groups that share {keys}; {n_speakers} speakers, "
        "none on both sides of any split, the inner ones for calibration and thresholds included."
    )


def evidence_note(n_speakers: int, method: str | None = None) -> str:
    """Return how far an interval over this many speakers carries; an empty text where there is nothing to warn of.

    Parameters
    ----------
    n_speakers : int
        Speakers that the interval is over.
    method : str or None
        How it was computed, as in the ``method`` of a score of `emotion_native.metrics.classification_summary`.

    Examples
    --------
    >>> from emotion_native.reports import evidence_note
    >>> evidence_note(5)
    'Only 5 speakers: a demonstration, not evidence.'
    >>> evidence_note(24, "jackknife over speakers, Student's t")
    "24 speakers: the 95 % intervals are wide because speakers are few (jackknife over speakers, Student's t)."
    """
    if n_speakers <= FEW_SPEAKERS:
        return f"Only {n_speakers} speaker{'' if n_speakers == 1 else 's'}: a demonstration, not evidence."
    computed = "" if not method or method.startswith("none") else f" ({method})"
    return "" if n_speakers >= 30 else f"{n_speakers} speakers: the 95 % intervals are wide because speakers are few{computed}."


def format_interval(low: float | None, high: float | None, n_speakers: int | None) -> str:
    """Return an interval with the number of speakers it rests on.

    Examples
    --------
    >>> from emotion_native.reports import format_interval
    >>> format_interval(0.7, 0.9, 5)
    '0.70 to 0.90 (5 speakers)'
    """
    speakers = "" if n_speakers is None else f" ({n_speakers} speaker{'' if n_speakers == 1 else 's'})"
    if low is None or high is None or low != low or high != high:
        return f"not defined{speakers}"
    return f"{low:.2f} to {high:.2f}{speakers}"
