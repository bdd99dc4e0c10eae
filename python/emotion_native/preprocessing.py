"""Scaling of feature columns, by the population or by the speaker's own clips."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from . import _core
from ._speaker_statistics import (
    OPTIONAL_METADATA,
    Moments,
    SpeakerPrior,
    clips_by_speaker,
    mixed_counts,
    moments_of,
    no_takes,
    normalised,
    own_statistics,
    population_units,
    repeated_rows,
    speaker_and_take_codes,
    take_moments,
)
from ._threads import effective_n_jobs
from ._validation import check_flag, check_matrix, check_sample_weight, check_seed
from .exceptions import EmotionNativeWarning, InvalidInputError

__all__ = ["SpeakerNormalizer", "StandardScaler"]

_PARALLEL_VALUES = 1_000_000  # below this one thread is faster


class StandardScaler(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn is untyped
    """Centre each column at 0 and scale it to unit variance.

    ``z = (x - mean_) / scale_`` with the mean and population standard deviation of the training rows. float32 and float64 input keep
    their type; all sums are float64. NaN is ignored in `fit` and kept in `transform`. A column that is constant within rounding has
    ``scale_`` 1, by scikit-learn's rule.

    Parameters
    ----------
    copy : bool, default=True
        False lets `transform` write into its input where that is a C-contiguous float array.
    with_mean, with_std : bool, default=True
        Whether to centre, and whether to scale.

    Attributes
    ----------
    mean_, var_, scale_ : ndarray of shape (n_features,), float64, or None
        Statistics of the columns; None where both parts (``mean_``) or scaling (``var_``, ``scale_``) are switched off.
    n_samples_seen_ : int, float or ndarray of shape (n_features,)
        Rows, or their total weight; an array where columns miss different numbers of values.
    n_features_in_ : int
        Columns seen in `fit`.

    References
    ----------
    Chan, Golub & LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances" (1979).

    Examples
    --------
    >>> import numpy as np
    >>> from emotion_native.preprocessing import StandardScaler
    >>> StandardScaler().fit_transform(np.array([[0.0], [2.0]])).ravel()
    array([-1.,  1.])
    """

    _weight: npt.NDArray[np.float64]
    _mean: npt.NDArray[np.float64]
    _deviation: npt.NDArray[np.float64]
    _scale: npt.NDArray[np.float64]
    _weighted: bool

    def __init__(self, *, copy: bool = True, with_mean: bool = True, with_std: bool = True) -> None:
        self.copy = copy
        self.with_mean = with_mean
        self.with_std = with_std

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> StandardScaler:
        """Learn mean and scale of every column of ``X`` (n_samples, n_features), each row counted ``sample_weight`` times.

        Raises
        ------
        InvalidInputError
            If ``X`` is not a matrix of numbers (NaN allowed), or the weights do not fit it.
        """
        for name in ("_weight", "_deviation", "_mean"):
            self.__dict__.pop(name, None)
        return self._update(X, sample_weight, "StandardScaler.fit", first=True)

    def partial_fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> StandardScaler:
        """Learn from further rows; the result equals `fit` on all rows up to rounding.

        Raises
        ------
        InvalidInputError
            As `fit`, or if ``X`` has another number of columns than the rows before.
        """
        return self._update(X, sample_weight, "StandardScaler.partial_fit", first=not hasattr(self, "_weight"))

    def _update(self, X: Any, sample_weight: Any, caller: str, *, first: bool) -> StandardScaler:
        for name in ("copy", "with_mean", "with_std"):
            check_flag(getattr(self, name), name, "StandardScaler")
        X = check_matrix(X, caller=caller, estimator=self, reset=first, allow_nan=True)
        weights = check_sample_weight(sample_weight, X.shape[0], caller=caller)
        zeros = np.zeros(X.shape[1])
        state = (zeros, zeros, zeros) if first else (self._weight, self._mean, self._deviation)
        n_jobs = effective_n_jobs(None) if X.size >= _PARALLEL_VALUES else 1
        self._weight, self._mean, self._deviation = _core.scaler_moments(X, weights, state[0], state[1], state[2], n_jobs)
        mean, scale, var = _core.scaler_finish(self._weight, self._mean, self._deviation, bool(self.with_mean), bool(self.with_std))
        self._scale = scale
        self.mean_ = mean if self.with_mean or self.with_std else None
        self.var_ = var if self.with_std else None
        self.scale_ = scale if self.with_std else None
        self._weighted = weights is not None or (not first and self._weighted)
        seen = self._weight if self._weighted else self._weight.astype(np.int64)
        self.n_samples_seen_ = seen[0] if (seen == seen[0]).all() else seen
        return self

    def _apply(self, X: Any, copy: bool | None, caller: str, *, inverse: bool) -> npt.NDArray[Any]:
        check_is_fitted(self, "n_samples_seen_")
        checked = check_matrix(X, caller=caller, estimator=self, allow_nan=True)
        in_place = not (self.copy if copy is None else copy) and checked.flags.writeable
        mean = self.mean_ if self.mean_ is not None else np.zeros(checked.shape[1])
        scale = self.scale_ if self.scale_ is not None else np.ones(checked.shape[1])
        with_mean, with_std = bool(self.with_mean), bool(self.with_std)
        result: npt.NDArray[Any] = _core.scaler_transform(checked, mean, scale, with_mean, with_std, inverse, checked if in_place else None)
        return result

    def transform(self, X: Any, copy: bool | None = None) -> npt.NDArray[Any]:
        """Return scaled ``X``, of its float type (n_samples, n_features).

        Raises
        ------
        InvalidInputError
            If ``X`` has another number of columns than in `fit`, or infinities.
        """
        return self._apply(X, copy, "StandardScaler.transform", inverse=False)

    def inverse_transform(self, X: Any, copy: bool | None = None) -> npt.NDArray[Any]:
        """Return ``X * scale_ + mean_``, of the float type of ``X`` (n_samples, n_features).

        Raises
        ------
        InvalidInputError
            As `transform`.
        """
        return self._apply(X, copy, "StandardScaler.inverse_transform", inverse=True)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def _native_step(self) -> dict[str, Any]:
        """Return the unfitted step for the native fold loop."""
        for name in ("copy", "with_mean", "with_std"):
            check_flag(getattr(self, name), name, "StandardScaler")
        return {"kind": "standard_scaler", "with_mean": bool(self.with_mean), "with_std": bool(self.with_std)}

    def _native_state(self) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
        """Return the fitted step as a header and arrays."""
        check_is_fitted(self, "n_samples_seen_")
        mean = self.mean_ if self.mean_ is not None else np.zeros(self.n_features_in_)
        scale = self.scale_ if self.scale_ is not None else np.ones(self.n_features_in_)
        return self._native_step(), {"mean": np.ascontiguousarray(mean, np.float64), "scale": np.ascontiguousarray(scale, np.float64)}


class SpeakerNormalizer(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn is untyped
    """Normalise clips by other clips of the same speaker, shrunk towards the population as far as these are few.

    A clip without other clips of its speaker is scaled as by `StandardScaler`. With ``n`` others its mean and scale move towards the speaker's
    own, by weights that follow from the variances within and between the training speakers, column by column (empirical Bayes)::

        w     = n * between / (n * between + within)
        mean  = mean_ + scale_ * w * ubar
        scale = scale_ * sqrt((v_n + between * (1 - w)) / (within + between))

    ``ubar`` and ``v_n`` are the mean and the (shrunk) variance of the speaker's other clips in units of ``scale_``, each value held within 30,
    ``u = min(max((x - mean_) / scale_, -30), 30)``, here and where the variances are learned: what one broken clip can do is limited. The clip that
    is normalised is not held, and values within the bound keep their bits. No label of the others is used, and a clip never counts among those that
    it is normalised by, nor does another file or segment of its take (``recording``). **Where test speakers are named, their audio is used**: that
    is an honest use only if such clips will be there when the model is used, and reports of this package say it in their first line.

    The gain begins with four to eight clips: with ``classic`` columns on EmoDB one and two are below a plain scaler (unweighted average recall 0.821
    and 0.830 against 0.840, level within the intervals over speakers), four and eight above (0.843, 0.874); see ``docs/how-to/enrolment.md``.

    Parameters
    ----------
    enrolment : int or "all", default="all"
        How many other clips of the speaker `transform` normalises a clip by, at most; 0 leaves the population. ``enrol`` of `transform` takes all.
    training : {"mixed", "all"}, default="mixed"
        How many others `fit_transform` normalises each training row by: 0, 1, 2, 4, 8, 16 or all, drawn for each row, so that what follows
        learns rows as it will meet them and does not depend on enrolment; or all, for a use in which every speaker has many clips.
    random_state : None, int, RandomState or Generator, default=0
        Which clips, where fewer than all are used, and how many for each training row.

    Attributes
    ----------
    mean_, scale_ : ndarray of shape (n_features,), float64
        Of the training rows, as `StandardScaler`'s.
    within_, between_ : ndarray of shape (n_features,), float64
        Variance of clips around their speaker's mean, and of speakers' means, in units of ``scale_``²; 1 and 0 without training speakers. With
        ``voice`` the latter includes what the recipe of the copies does to a speaker's mean.
    degrees_ : float
        How many clips of a speaker the population's variance within speakers outweighs; one number for all columns.
    n_speakers_ : int
        Training speakers with at least two clips, whatever the number of their voices; 0 where `fit` was not told.
    n_features_in_ : int
        Columns seen in `fit`.

    References
    ----------
    Efron & Morris, "Stein's estimation rule and its competitors" (1973); Searle, Casella & McCulloch, "Variance components" (1992), section 3.6
    (variances by analysis of variance); Smyth, "Linear models and empirical Bayes methods" (2004), section 6.2 (degrees of freedom).

    Examples
    --------
    >>> import numpy as np
    >>> from emotion_native.preprocessing import SpeakerNormalizer
    >>> rng = np.random.default_rng(0)
    >>> speaker = np.repeat(["a", "b", "c", "d"], 20)
    >>> X = rng.normal(size=(80, 1)) + np.repeat([[-9.0], [-3.0], [3.0], [9.0]], 20, axis=0)
    >>> normalizer = SpeakerNormalizer().fit(X, speaker=speaker)
    >>> new = rng.normal(size=(10, 1)) + 6.0
    >>> bool(abs(normalizer.transform(new).mean()) > 0.8), bool(abs(normalizer.transform(new, speaker=["e"] * 10).mean()) < 0.1)
    (True, True)
    """

    _optional_metadata = OPTIONAL_METADATA
    _heads_native_loop = True  # each row depends on others: fitted a fold, before the native loop of what follows

    def __init__(self, *, enrolment: int | str = "all", training: str = "mixed", random_state: Any = 0) -> None:
        self.enrolment = enrolment
        self.training = training
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None, speaker: Any = None, clip: Any = None, voice: Any = None, recording: Any = None) -> SpeakerNormalizer:
        """Learn the population and how speakers differ in it.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            NaN is passed over.
        y : ignored
        speaker : array-like of shape (n_samples,), optional
            Who speaks in each row; None, NaN, "" and the other words of a manifest for an unknown speaker, its group ``unknown_speakers`` among them,
            are nobody, and such rows stay in units of the population. Without it speakers are taken to be alike, and `transform` takes none.
        clip : array-like of int of shape (n_samples,), optional
            Rows of one number are of one clip: the first is the clip itself, the others are altered copies of it (`AugmentedCopies`). Nothing is
            learned from copies; `fit_transform` normalises them as their clip.
        voice : array-like of int of shape (n_samples,), optional
            Instead of ``clip``: rows of a speaker that differ in it vary as different speakers do (copies made ``per="speaker"``).
        recording : array-like of shape (n_samples,), optional
            The take of each row: rows of a speaker that share it (twins, duplicates, segments) count as one clip, and never normalise each other.
            None, NaN, "" and the other words for an unknown one are takes of their own. Only with ``speaker``.

        Raises
        ------
        InvalidInputError
            If ``X`` is not a matrix of numbers, or there is not one speaker a row, or recordings are given without speakers.
        """
        self._fit(X, speaker, clip, voice, recording, "SpeakerNormalizer.fit")
        return self

    def _fit(self, X: Any, speaker: Any, clip: Any, voice: Any, recording: Any, caller: str) -> _Rows:
        self._most()
        if self.training not in ("mixed", "all"):
            raise InvalidInputError(f"training of SpeakerNormalizer must be 'mixed' or 'all'; got {self.training!r}")
        seed = check_seed(self.random_state, caller="SpeakerNormalizer")
        X = check_matrix(X, caller=caller, estimator=self, reset=True, allow_nan=True)
        people, takes = speaker_and_take_codes(speaker, recording, len(X), caller=caller)
        codes = people
        if people is not None and voice is not None:
            codes, clip = _voice_codes(people, voice, caller), None
        source = None if clip is None else _sources(clip, len(X), caller)
        own = np.arange(len(X)) if source is None else np.flatnonzero(source == np.arange(len(X)))
        scaler = StandardScaler().fit(X if source is None else X[own])
        self.mean_, self.scale_ = scaler._mean, scaler._scale
        columns = X.shape[1]
        self._seed = seed
        self.n_speakers_, self.within_, self.between_, self.degrees_ = 0, np.ones(columns), np.zeros(columns), float("inf")
        if codes is not None and people is not None:
            groups = clips_by_speaker(codes[own], None if takes is None else takes[own])
            units = population_units(X[own], self.mean_, self.scale_)
            self.n_speakers_ = len({int(people[own[rows[0]]]) for rows, _ in groups})
            parts = [take_moments(units[rows], number).together() for rows, number in groups]
            self.within_, self.between_, self.degrees_ = _variances(parts, columns)
        return _Rows(X, codes, source, takes)

    def _most(self) -> int:
        value = self.enrolment
        if isinstance(value, str) and value == "all":
            return -1
        if isinstance(value, (int, np.integer)) and not isinstance(value, (bool, np.bool_)) and value >= 0:
            return int(value)
        raise InvalidInputError(f"enrolment of SpeakerNormalizer must be 'all' or a whole number from 0 up; got {value!r}")

    def _prior(self) -> SpeakerPrior:
        return SpeakerPrior(self.mean_, self.scale_, self.within_, self.between_, self.degrees_)

    def fit_transform(
        self, X: Any, y: Any = None, speaker: Any = None, clip: Any = None, voice: Any = None, recording: Any = None
    ) -> npt.NDArray[Any]:
        """Fit, and return the training rows, each normalised by other clips of its speaker, as ``training`` says.

        Raises
        ------
        InvalidInputError
            As `fit`.
        """
        rows = self._fit(X, speaker, clip, voice, recording, "SpeakerNormalizer.fit_transform")
        if rows.speaker is None:
            return self._population(rows.X)
        most = mixed_counts(len(rows.X), self._seed) if self.training == "mixed" else -1
        return normalised(self._prior(), rows.X, rows.speaker, most, self._seed, rows.source, rows.take)

    def _population(self, X: npt.NDArray[Any]) -> npt.NDArray[Any]:
        result: npt.NDArray[Any] = _core.scaler_transform(X, self.mean_, self.scale_, True, True, False, None)
        return result

    def transform(self, X: Any, speaker: Any = None, enrol: Any = None, recording: Any = None) -> npt.NDArray[Any]:
        """Return normalised ``X``, of its float type (n_samples, n_features).

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        speaker : array-like of shape (n_samples,), optional
            Who speaks in each row: each row is normalised by other rows of its speaker (``enrolment`` of them).
        enrol : array-like of shape (n_clips, n_features), optional
            Instead: clips of the one speaker of all rows. Rows with NaN count where they are known; a row that repeats another, value for value,
            does not count, and a warning (`EmotionNativeWarning`) says so.
        recording : array-like of shape (n_samples,), optional
            The take of each row, as in `fit`: rows of one take never normalise each other. Only with ``speaker``.

        Raises
        ------
        InvalidInputError
            If ``X`` has another number of columns than in `fit`, or infinities; if both ways are taken at once; if `fit` had no speakers; if
            recordings are given without speakers.
        """
        caller = "SpeakerNormalizer.transform"
        check_is_fitted(self, "degrees_")
        checked = check_matrix(X, caller=caller, estimator=self, allow_nan=True)
        codes, takes = speaker_and_take_codes(speaker, recording, len(checked), caller=caller)
        if speaker is None and enrol is None:
            return self._population(checked)
        if speaker is not None and enrol is not None:
            raise InvalidInputError(f"enrol of {caller} must be left out where speaker is given; got both")
        if self.n_speakers_ == 0:
            name = "speaker" if enrol is None else "enrol"
            raise no_takes(name)
        if codes is not None:
            return normalised(self._prior(), checked, codes, self._most(), self._seed, takes=takes)
        if np.shape(enrol)[:1] == (0,):
            return self._population(checked)
        prior = self._prior()
        rows = check_matrix(enrol, caller=caller, allow_nan=True)
        if rows.shape[1] != checked.shape[1]:
            raise InvalidInputError(f"enrol of {caller} must have {checked.shape[1]} columns; got {rows.shape[1]}")
        repeats = repeated_rows(rows)
        if again := int(repeats.sum()):
            said = "repeats another and does not count" if again == 1 else "repeat others and do not count"
            warnings.warn(f"enrol of {caller}: {again} of {len(rows)} rows given {said}", EmotionNativeWarning, stacklevel=2)
            rows = rows[~repeats]
        mean, scale = own_statistics(prior, moments_of(prior.units(rows)))
        result: npt.NDArray[Any] = _core.scaler_transform(checked, mean, scale, True, True, False, None)
        return result

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def _native_state(self) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
        """Return the fitted step as a header and arrays: a standard scaler, and what normalises it by enrolment."""
        check_is_fitted(self, "degrees_")
        header: dict[str, Any] = {"kind": "standard_scaler", "with_mean": True, "with_std": True}
        arrays = {"mean": np.asarray(self.mean_, np.float64), "scale": np.asarray(self.scale_, np.float64)}
        if self.n_speakers_:
            header["enrolment"] = {"n_speakers": self.n_speakers_}
            if (most := self._most()) >= 0:
                header["enrolment"] |= {"clips": most, "seed": f"{self._seed:016x}"}
            arrays |= {"within": self.within_, "between": self.between_, "degrees": np.array([self.degrees_])}
        return header, arrays


class _Rows(NamedTuple):
    """Checked training rows: the speaker of each, the row that it is a copy of, and its take, where they are told."""

    X: npt.NDArray[Any]
    speaker: npt.NDArray[np.int64] | None
    source: npt.NDArray[np.int64] | None
    take: npt.NDArray[np.int64] | None


def _voice_codes(codes: npt.NDArray[np.int64], voice: Any, caller: str) -> npt.NDArray[np.int64]:
    """Return a number for each speaker and voice; -1 where the speaker is unknown."""
    number = np.asarray(voice)
    if number.shape != codes.shape or number.dtype.kind not in "iu":
        raise InvalidInputError(f"voice of {caller} must be one whole number a row ({len(codes)} rows); got shape {number.shape}, {number.dtype}")
    _, pairs = np.unique(np.stack([codes, number.astype(np.int64)]), axis=1, return_inverse=True)
    return np.where(codes < 0, -1, pairs.reshape(-1)).astype(np.int64)


def _sources(clip: Any, n: int, caller: str) -> npt.NDArray[np.int64]:
    """Return for each row the first row of the same clip."""
    number = np.asarray(clip)
    if number.shape != (n,) or number.dtype.kind not in "iu":
        raise InvalidInputError(f"clip of {caller} must be one whole number a row ({n} rows); got shape {number.shape}, {number.dtype}")
    _, first, places = np.unique(number, return_index=True, return_inverse=True)
    return np.asarray(first[places.reshape(-1)], dtype=np.int64)


def _variances(parts: list[Moments], columns: int) -> tuple[Any, Any, float]:
    """Return the variances within and between speakers by analysis of variance of the moments of each, and the degrees of freedom of the former.

    Columns are in units of the population; each has its own variances, all have the same degrees: a column alone would give a poor guess.
    """
    if not parts:
        return np.ones(columns), np.zeros(columns), float("inf")
    count, total, squares = (np.stack([getattr(part, name) for part in parts]) for name in ("count", "total", "squares"))
    own = np.divide(total, count, out=np.zeros_like(total), where=count > 0)
    around = squares - count * own * own
    around[around <= 1e-12 * squares] = 0.0  # a speaker who never changes the column: what is left is rounding
    rows, speakers = count.sum(axis=0), (count > 0).sum(axis=0)
    free = rows - speakers
    within = np.divide(around.sum(axis=0), free, out=np.ones(columns), where=free > 0)
    centre = np.divide(total.sum(axis=0), rows, out=np.zeros(columns), where=rows > 0)
    spread = (count * (own - centre) ** 2).sum(axis=0)
    typical = rows - np.divide((count * count).sum(axis=0), rows, out=np.zeros(columns), where=rows > 0)
    between = np.divide(spread - (speakers - 1) * within, typical, out=np.zeros(columns), where=(typical > 0) & (speakers > 1) & (free > 0))
    return within, np.maximum(between, 0.0), _degrees(around, count - 1)


def _degrees(around: npt.NDArray[np.float64], free: npt.NDArray[np.float64]) -> float:
    """Return the degrees of freedom of the prior of the speakers' variances: how much their logarithms differ beyond chance."""
    from scipy.optimize import brentq
    from scipy.special import digamma, polygamma

    usable = ((free > 0) & (around > 0)).all(axis=0)
    if not usable.any() or len(around) < 2:
        return float("inf")
    around, free = around[:, usable], free[:, usable]
    logs = np.log(around / free) - digamma(free / 2) + np.log(free / 2)
    excess = float(np.mean(logs.var(axis=0, ddof=1) - polygamma(1, free / 2).mean(axis=0)))
    if excess <= polygamma(1, 5e5):
        return float("inf")
    return 2 * float(brentq(lambda half: float(polygamma(1, half)) - excess, 1e-3, 5e5)) if excess < polygamma(1, 1e-3) else 2e-3
