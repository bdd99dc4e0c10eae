"""What is known of a speaker from a few of their clips: mean and spread of each column, shrunk towards the population. NumPy alone.

All is in units of the population: ``u = (x - mean) / scale`` of each column, held within -30 to 30 (`MOST_UNITS`) where clips tell of a speaker,
so that no clip, however broken, says more than one at that bound; the clip that is normalised is not held. Speakers have means ``m ~ N(0, between)``
and clips ``u ~ N(m, v)`` with ``v ~ degrees * within / chi2(degrees)`` around the speaker's mean. From ``n`` clips of a speaker, none of them the one
that is normalised::

    w     = n * between / (n * between + within)               weight of the speaker's own mean
    v_n   = (degrees * within + sum (u - ubar)^2) / (degrees + n - 1)      within alone below two clips
    mean  = w * ubar
    scale = sqrt((v_n + between * (1 - w)) / (within + between))

so ``(u - mean) / scale`` is the clip in units of its predictive distribution: the population's for ``n = 0``, the speaker's own for many clips.
Rows of one take (twins, duplicates, segments) are one clip here: none is among the others of another, and together they count once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ._unknown_speakers import is_unknown
from .exceptions import InvalidInputError

__all__ = [
    "MOST_UNITS",
    "OPTIONAL_METADATA",
    "Moments",
    "SpeakerPrior",
    "clips_by_speaker",
    "mixed_counts",
    "moments_of",
    "no_takes",
    "normalised",
    "own_statistics",
    "population_units",
    "repeated_rows",
    "speaker_and_take_codes",
    "speaker_codes",
    "speaker_rows",
    "take_codes",
    "take_moments",
    "take_numbers",
]

Floats = npt.NDArray[np.float64]
OPTIONAL_METADATA = frozenset({"recording"})  # rows without it are takes of their own: what was learned holds for them
_STREAM = 0x656E726F6C  # keys the draws of enrolment clips apart from other draws of the seed
_LEAST_RATIO = 1e-12
MOST_UNITS = 30.0  # training rows of RAVDESS, EmoDB and EMOVO stay within 26, in `classic` and `full`: what is learned from them keeps its bits
MIXTURE = (0, 1, 2, 4, 8, 16, -1)


def population_units(X: npt.NDArray[Any], mean: Floats, scale: Floats) -> Floats:
    """Return rows in units of the population, each value within ``MOST_UNITS`` of 0 (NaN stays): what clips say of their speaker.

    Values within are left as they are, bit for bit.
    """
    result: Floats = (X.astype(np.float64) - mean) / scale
    return np.clip(result, -MOST_UNITS, MOST_UNITS, out=result)


def repeated_rows(rows: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Return which rows repeat an earlier one, value for value (NaN is NaN, -0 is 0); a row without a known value repeats none."""
    exact = np.where(np.isnan(rows), np.nan, rows) + 0  # one bit pattern for NaN, and none for -0
    seen: set[bytes] = set()
    repeats = np.zeros(len(rows), dtype=np.bool_)
    for i in np.flatnonzero(~np.isnan(rows).all(axis=1)).tolist():
        content = exact[i].tobytes()
        repeats[i] = content in seen
        seen.add(content)
    return repeats


@dataclass(frozen=True)
class SpeakerPrior:
    """What the training speakers say about an unknown one.

    Attributes
    ----------
    mean, scale : ndarray of shape (n_features,)
        Of the population, as a standard scaler's.
    within, between : ndarray of shape (n_features,)
        Variance of clips around their speaker's mean, and of these means, in units of ``scale``².
    degrees : float
        How alike the speakers' own variances are, in clips; infinite where they differ by no more than chance.
    """

    mean: Floats
    scale: Floats
    within: Floats
    between: Floats
    degrees: float

    def equals(self, other: SpeakerPrior) -> bool:
        """Return whether two priors normalise alike."""
        names = ("mean", "scale", "within", "between", "degrees")
        return all(np.array_equal(getattr(self, name), getattr(other, name)) for name in names)

    def units(self, X: npt.NDArray[Any]) -> Floats:
        """Return what rows say of their speaker (`population_units`)."""
        return population_units(X, self.mean, self.scale)


@dataclass(frozen=True)
class Moments:
    """Numbers, sums and sums of squares of values that are not NaN, in units of the population: of one set of takes, or one row a take."""

    count: Floats
    total: Floats
    squares: Floats

    def at(self, takes: Any) -> Moments:
        """Return those of some takes."""
        return Moments(self.count[takes], self.total[takes], self.squares[takes])

    def together(self) -> Moments:
        """Return those of all takes as one set."""
        return Moments(self.count.sum(axis=0), self.total.sum(axis=0), self.squares.sum(axis=0))

    def without(self, part: Moments) -> Moments:
        """Return those without each row of ``part``, which is in them."""
        return Moments(self.count - part.count, self.total - part.total, self.squares - part.squares)


def take_moments(u: Floats, number: npt.NDArray[np.int64] | None = None) -> Moments:
    """Return the moments of each take of rows (n_rows, n_features), takes being numbered from 0; None: each row is one.

    A take of several rows counts once, with the mean of its rows and of their squares: twins count as the one clip that they are.
    """
    known = ~np.isnan(u)
    value = np.where(known, u, 0.0)
    rows = Moments(known.astype(np.float64), value, value * value)
    if number is None:
        return rows
    count, total, squares = (np.zeros((int(number.max(initial=-1)) + 1, u.shape[1])) for _ in range(3))
    for takes, values in ((count, rows.count), (total, rows.total), (squares, rows.squares)):
        np.add.at(takes, number, values)
    share = np.maximum(count, 1.0)
    return Moments(np.minimum(count, 1.0), total / share, squares / share)


def moments_of(u: Floats) -> Moments:
    """Return the moments of rows (n_clips, n_features), each a clip."""
    return take_moments(u).together()


def own_statistics(prior: SpeakerPrior, moments: Moments) -> tuple[Floats, Floats]:
    """Return mean and scale of each column for a speaker of whom these clips are known, in the columns' own units."""
    n, within, between = moments.count, prior.within, prior.between
    own = np.divide(moments.total, n, out=np.zeros_like(moments.total), where=n > 0)
    share = np.divide(n * between, n * between + within, out=np.zeros_like(own), where=n * between > 0)
    around = np.maximum(moments.squares - n * own * own, 0.0)
    if np.isfinite(prior.degrees):
        variance = np.where(n >= 2, (prior.degrees * within + around) / np.maximum(prior.degrees + n - 1, 1e-300), within)
    else:
        variance = np.broadcast_to(within, own.shape)
    total = within + between
    ratio = np.divide(variance + between * (1 - share), total, out=np.ones_like(own), where=total > 0)
    ratio = np.where((n > 0) & (ratio > _LEAST_RATIO), ratio, 1.0)  # a column that a speaker never changes keeps the population's scale
    return prior.mean + prior.scale * (share * own), prior.scale * np.sqrt(ratio)


def speaker_codes(speaker: Any, n: int, *, caller: str, parameter: str = "speaker") -> npt.NDArray[np.int64]:
    """Return a number for each row's speaker, -1 where nobody knows who it is (`is_unknown`).

    Raises
    ------
    InvalidInputError
        If there is not one value a row.
    """
    array = np.asarray(speaker, dtype=object)
    if array.shape != (n,):
        raise InvalidInputError(f"{parameter} of {caller} must be one value a row ({n} rows); got shape {array.shape}")
    known: dict[Any, int] = {}
    codes = np.empty(n, dtype=np.int64)
    for i, value in enumerate(array.tolist()):
        try:
            codes[i] = -1 if is_unknown(value) else known.setdefault(value, len(known))
        except (TypeError, ValueError):
            raise InvalidInputError(f"{parameter} of {caller} must be texts or numbers; got {type(value).__name__}") from None
    return codes


def speaker_and_take_codes(
    speaker: Any, recording: Any, n: int, *, caller: str
) -> tuple[npt.NDArray[np.int64] | None, npt.NDArray[np.int64] | None]:
    """Return the number of each row's speaker and take (`speaker_codes`, `take_codes`), None of what is not given.

    Raises
    ------
    InvalidInputError
        For takes without speakers, which would be passed over, or if there is not one value a row.
    """
    if recording is not None and speaker is None:
        rule = "left out unless speaker is given: it says which rows of a speaker are one take"
        raise InvalidInputError(f"recording of {caller} must be {rule}; got {type(recording).__name__} and speaker=None")
    people = None if speaker is None else speaker_codes(speaker, n, caller=caller)
    return people, None if recording is None else take_codes(recording, n, caller=caller)


def take_codes(recording: Any, n: int, *, caller: str) -> npt.NDArray[np.int64]:
    """Return a number for each row's take; a row whose recording is unknown is a take of its own.

    Raises
    ------
    InvalidInputError
        If there is not one value a row.
    """
    codes = speaker_codes(recording, n, caller=caller, parameter="recording")
    unknown = codes < 0
    codes[unknown] = int(codes.max(initial=-1)) + 1 + np.arange(int(unknown.sum()))
    return codes


def take_numbers(codes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the takes of some rows numbered from 0, first seen first."""
    _, first, place = np.unique(codes, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[place.reshape(-1)]


def speaker_rows(codes: npt.NDArray[np.int64]) -> Iterator[npt.NDArray[np.int64]]:
    """Yield the rows of each speaker, first seen first; code -1 is nobody."""
    order = np.argsort(codes, kind="stable")
    values, starts = np.unique(codes[order], return_index=True)
    ends = np.append(starts[1:], len(order))
    parts = [order[a:b] for value, a, b in zip(values, starts, ends, strict=True) if value >= 0]
    yield from sorted(parts, key=lambda rows: int(rows[0]))


def clips_by_speaker(
    codes: npt.NDArray[np.int64], takes: npt.NDArray[np.int64] | None
) -> list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64] | None]]:
    """Return the rows of each speaker with at least two takes, and the numbers of their takes; None where each row is one."""
    groups = []
    for rows in speaker_rows(codes):
        number = None if takes is None else take_numbers(takes[rows])
        n_takes = len(rows) if number is None else int(number.max()) + 1
        if n_takes > 1:
            groups.append((rows, number if n_takes < len(rows) else None))
    return groups


def no_takes(name: str) -> InvalidInputError:
    """Return the error of speakers none of whom has a second take to be normalised by, as `SpeakerNormalizer.transform` raises it."""
    rule = "left out unless fit was given speakers with two takes each (the rows of one recording or file are one take)"
    return InvalidInputError(f"{name} of SpeakerNormalizer.transform must be {rule}; got it without them")


def mixed_counts(n: int, seed: int) -> npt.NDArray[np.int64]:
    """Return for each training row how many other clips it is normalised by: 0, 1, 2, 4, 8, 16 or all (-1), each as likely."""
    drawn = np.random.Generator(np.random.Philox(key=np.array([seed, _STREAM + 1], dtype=np.uint64))).integers(0, len(MIXTURE), n)
    return np.asarray(MIXTURE, dtype=np.int64)[drawn]


def normalised(
    prior: SpeakerPrior,
    X: npt.NDArray[Any],
    codes: npt.NDArray[np.int64],
    most: int | npt.NDArray[np.int64],
    seed: int,
    source: npt.NDArray[np.int64] | None = None,
    takes: npt.NDArray[np.int64] | None = None,
) -> npt.NDArray[Any]:
    """Return rows normalised by other takes of the same speaker.

    Parameters
    ----------
    prior : SpeakerPrior
    X : ndarray of shape (n_rows, n_features), float32 or float64
    codes : ndarray of int64 of shape (n_rows,)
        The speaker of each row; -1: unknown, which leaves the population.
    most : int or ndarray of int64 of shape (n_rows,)
        By how many other takes at most, for all rows or each; -1: by all.
    seed : int
        Decides which, if fewer than all.
    source : ndarray of int64 of shape (n_rows,), optional
        The row that each row is an altered copy of, itself where it is none. Copies are normalised as their sources are, and count for nobody.
    takes : ndarray of int64 of shape (n_rows,), optional
        Rows of one number are of one take, and count as one; None: each row is a take.

    Returns
    -------
    ndarray of the shape and type of X
        A take never counts among the clips that its rows are normalised by, so that a lone one is normalised by the population.
    """
    out = ((X.astype(np.float64) - prior.mean) / prior.scale).astype(X.dtype)
    wanted = np.broadcast_to(np.asarray(most, dtype=np.int64), len(X))
    own_row = np.arange(len(X)) if source is None else source
    for speaker, every in enumerate(speaker_rows(codes[own_row])):
        rows = every[own_row[every] == every]
        number = np.arange(len(rows)) if takes is None else take_numbers(takes[rows])
        place = number[np.searchsorted(rows, own_row[every])]
        n_takes = int(number.max()) + 1
        others = n_takes - 1
        counts = np.where(wanted[every] < 0, others, np.minimum(wanted[every], others))
        if not counts.any():
            continue
        each = take_moments(prior.units(X[rows]), number if n_takes < len(rows) else None)
        key = np.array([seed, _STREAM], dtype=np.uint64)
        drawn = np.random.Generator(np.random.Philox(key=key, counter=[0, 0, 0, speaker])).permutation(n_takes)
        for count in np.unique(counts[counts > 0]).tolist():
            # The first `count` of a random order; a take among these has the next one in its place.
            inside = np.zeros(n_takes, dtype=bool)
            inside[drawn[:count]] = True
            more = each.at(np.sort(drawn[: count + 1])).together()
            first = more if count == others else each.at(np.sort(drawn[:count])).together()
            for part, own in ((inside, True), (~inside, count == others)):
                chosen = np.flatnonzero(part[place] & (counts == count))
                if len(chosen):
                    mean, scale = own_statistics(prior, more.without(each.at(place[chosen])) if own else first)
                    out[every[chosen]] = ((X[every[chosen]].astype(np.float64) - mean) / scale).astype(X.dtype)
    return out
