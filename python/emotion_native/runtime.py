"""Loading a model file and predicting with it: NumPy and the native core alone, so that a fresh process answers quickly."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ._enrolment import SpeakerStep, behind_normalisation, check_enrolment, enrolment_places, for_one_speaker, read_content
from ._enrolment_clips import Content, check_others, speaker_features
from ._model_inputs import (
    check_clip,
    check_clips,
    check_count,
    check_extractor,
    check_names,
    check_no_rate,
    check_rate,
    check_rows,
    check_samples,
    check_sources,
)
from ._prediction_sets import sets_of
from ._prediction_stream import PredictionStream, StreamedPrediction
from ._predictions import FeaturePredictions, Label, Prediction, TopFeature, calibration_of, notes_of, records_of, rows_of, thresholds_of, unexplained
from ._progress import Progress, progress_reporter
from ._samples import window_samples
from ._speaker_statistics import speaker_and_take_codes
from ._threads import effective_n_jobs
from .exceptions import InvalidInputError, MediaDecodeError, ModelFormatError

__all__ = ["EmotionModel", "FeaturePredictions", "Prediction", "PredictionStream", "StreamedPrediction", "TopFeature", "load_model"]

Source = str | os.PathLike[str] | bytes | bytearray | memoryview | npt.NDArray[Any]
Enrolment = Sequence[str | os.PathLike[str] | bytes | npt.NDArray[Any]] | npt.NDArray[Any]

DEFAULT_MODEL = Path(__file__).parent / "models" / "default.emotion"


def load_model(path: str | os.PathLike[str] | bytes | None = None) -> EmotionModel:
    """Load a model file.

    The file is data: nothing in it is executed. Every array is checked before it is used, and the checksum covers the whole file.

    Parameters
    ----------
    path : str, path-like, bytes or None
        A file that `save_model` wrote, or its content as bytes; None takes the small model that comes with the package.

    Returns
    -------
    EmotionModel

    Raises
    ------
    ModelFormatError
        If the file is missing, truncated, altered, not a model, or of a newer version; the message names the file, the reason and the remedy.

    Examples
    --------
    >>> import emotion_native as en
    >>> en.load_model(b"not a model")
    Traceback (most recent call last):
    emotion_native.exceptions.ModelFormatError: model bytes cannot be loaded as a model: ...
    """
    from . import _core

    if isinstance(path, bytes):
        return EmotionModel(_core.Model.from_bytes(path), path)
    if path is None:
        if not DEFAULT_MODEL.is_file():
            raise ModelFormatError("this installation has no default model; give load_model the path of a file that save_model wrote")
        path = DEFAULT_MODEL
    if not isinstance(path, str | os.PathLike):
        raise InvalidInputError(f"path of load_model must be a path, bytes or None; got {type(path).__name__}")
    name = os.path.abspath(os.fsdecode(path))
    return EmotionModel(_core.Model.load(name), name)


def _load_again(source: str | bytes, model_hash: str) -> EmotionModel:
    """Load the model that another process had: the second half of pickling."""
    model = load_model(source)
    if model.model_hash != model_hash:
        raise ModelFormatError(f"{source!r} is another model than the one that was pickled; load it by load_model instead")
    return model


def _load_enrolled(source: bytes, model_hash: str, enrolled: int, notes: tuple[str, ...], contents: frozenset[Content]) -> EmotionModel:
    """Load a model for one speaker that another process had."""
    model = load_model(source)
    model.model_hash, model.enrolled, model._notes, model._contents = model_hash, enrolled, notes, contents
    return model


class EmotionModel:
    """A fitted model, executed natively from its arrays; `load_model` makes one.

    Immutable, so it may be shared between threads. A pickle of it holds the file's path (or the bytes it was loaded from) and hash, so that
    worker processes load the same file.

    Attributes
    ----------
    classes : tuple
        The labels, in the order of the probabilities.
    feature_names : tuple of str
        The input columns.
    threshold : float or None
        The confidence below which the model abstains; 2 where it never answers, since its target was not reached in training.
    extractor : dict or None
        How clips become columns: ``feature_set``, ``sample_rate_hz``, ``algorithm_version``; None for a model of feature rows alone.
    calibration : str or None
        The kind of calibration; where members of a vote, a stack or one classifier a label are calibrated and not what they say together, their
        kinds, such as ``sigmoid of each member``.
    label_thresholds : dict or None
        Of a model that gives several labels a row: the probability that each label must exceed, 0.5 unless they were tuned.
    provenance : dict
        What the model was trained from and with: versions, hashes, seeds.
    ungrouped : bool
        Whether speakers were not kept apart in training; every prediction then warns.
    quality : dict
        When a clip is too poor (`audio.QualityRule`): its ``action`` is ``flag`` (predictions warn), ``drop`` (they abstain) or ``off``.
    takes_enrolment : bool
        Whether clips of a speaker help with that speaker's other clips: the model was saved from a `SpeakerNormalizer` and what follows it.
    enrolled : int
        Clips of the one speaker that this model is for (see `for_speaker`); 0: for anybody.
    metadata : dict
        The whole description in the file.
    model_hash : str
        SHA-256 of the file, with the digits of its own checksum read as zeros.

    Examples
    --------
    >>> import numpy as np, emotion_native as en
    >>> X = np.array([[0.0], [1.0], [2.0], [3.0]], dtype=np.float32)
    >>> forest = en.ensemble.RandomForestClassifier(n_estimators=5, random_state=0).fit(X, ["calm", "calm", "happy", "happy"])
    >>> model = en.load_model(en.persistence.model_bytes(forest, feature_names=["loudness"]))
    >>> model.feature_names, model.predict_features([[3.0]]).labels.tolist()
    (('loudness',), ['happy'])
    """

    def __init__(self, native: Any, source: str | bytes) -> None:
        self._native = native
        self._source = source
        self.metadata: dict[str, Any] = json.loads(native.metadata_json)
        self.model_hash: str = native.sha256
        self.classes: tuple[Label, ...] = tuple(self.metadata["classes"])
        self.feature_names: tuple[str, ...] = tuple(self.metadata["feature_names"])
        self.threshold: float | None = self.metadata["threshold"]
        self.extractor: dict[str, Any] | None = self.metadata["extractor"]
        self.calibration: str | None = calibration_of(self.metadata)
        self.label_thresholds: dict[Label, float] | None = thresholds_of(native.label_thresholds, self.metadata, self.classes)
        provenance = self.metadata.get("provenance")
        self.provenance: dict[str, Any] = provenance if isinstance(provenance, dict) else {}
        self.ungrouped: bool = self.provenance.get("ungrouped") is True
        self.quality: dict[str, Any] = self.metadata.get("quality") or {"action": "off"}
        self._places = dict(enrolment_places(self.metadata))
        self.takes_enrolment: bool = bool(self._places)
        self.enrolled = 0
        self._notes: tuple[str, ...] = ()  # what each prediction of clips must say
        self._contents: frozenset[Content] = frozenset()  # of the clips that it was enrolled with
        self._behind: tuple[SpeakerStep, Any] | None = None  # its normalisation, and the native model behind that, once they are needed

    def __repr__(self) -> str:
        enrolled = f", enrolled={self.enrolled}" if self.enrolled else ""
        return f"EmotionModel(classes={list(self.classes)}, n_features={len(self.feature_names)}, model_hash='{self.model_hash[:12]}…'{enrolled})"

    def __reduce__(self) -> tuple[Any, ...]:
        if self.enrolled:
            return _load_enrolled, (self._source, self.model_hash, self.enrolled, self._notes, self._contents)
        return _load_again, (self._source, self.model_hash)

    def for_speaker(self, enrol: Enrolment, *, sample_rate_hz: int | None = None, n_jobs: int | None = None) -> EmotionModel:
        """Return this model for one speaker, whose columns are normalised by clips of theirs, shrunk towards the population.

        Parameters
        ----------
        enrol : sequence of str, path-like, bytes or ndarray of shape (n_samples,); or ndarray of shape (n_clips, n_features)
            Clips of the speaker, without labels, other than those to be predicted: audio files of any sample rate, their contents, or mono samples as
            `predict` takes them; or rows of features. One or two help little or not at all: the gain begins with four to eight
            (``docs/how-to/enrolment.md``). A clip that cannot be used, that `quality` drops or that repeats another does not count; each prediction
            of a clip warns of these, and of clips that `quality` flags, out of the clips given.
        sample_rate_hz : int or None
            The rate of all clips that are arrays of samples; must be None where none is.
        n_jobs : int or None
            Threads; never changes the result.

        Returns
        -------
        EmotionModel
            Of the same `model_hash`; every prediction of clips warns that clips of the speaker were used.

        Raises
        ------
        InvalidInputError
            If the model takes no enrolment, or is for a speaker already, or an argument breaks a rule above, such as a sequence without a clip.
        MediaDecodeError
            If none of the clips can be used.
        ModelFormatError
            If the model's file has changed since it was loaded.
        """
        return self._for_speaker(enrol, (), sample_rate_hz, "for_speaker", n_jobs)

    def _for_speaker(self, enrol: Enrolment, sources: Sequence[Any], rate: int | None, caller: str, n_jobs: int | None) -> EmotionModel:
        """Return this model for one speaker, none of whose enrolment clips is among the sources that it is to predict."""
        check_enrolment(self, "enrol of for_speaker")
        rows, contents, notes = speaker_features(self, enrol, sources, rate, caller, n_jobs)
        changed = for_one_speaker(read_content(self._bytes(), self.model_hash), self._places, rows)
        return _load_enrolled(changed, self.model_hash, len(rows), notes, contents)

    def _bytes(self) -> bytes:
        return self._source if isinstance(self._source, bytes) else Path(self._source).read_bytes()

    def predict(
        self,
        source: Source,
        *,
        sample_rate_hz: int | None = None,
        top_features: int = 5,
        n_jobs: int | None = None,
        enrol: Enrolment | None = None,
    ) -> Prediction:
        """Predict one clip.

        Parameters
        ----------
        source : str, path-like, bytes or ndarray of shape (n_samples,)
            An audio file, its content, or mono samples (full scale is 1).
        sample_rate_hz : int or None
            The rate of all arrays of samples, in ``enrol`` too; must be None where there is none, since files carry theirs.
        top_features : int
            How many features to explain the label with; 0 spares the work.
        n_jobs : int or None
            Threads; never changes the result.
        enrol : sequence of clips or None
            Other clips of the same speaker, as `for_speaker` takes them, which is faster for several predictions.

        Returns
        -------
        Prediction

        Raises
        ------
        MediaDecodeError
            If the clip gives no features; ``reason`` is the reason code.
        InvalidInputError
            If an argument breaks a rule above, or the model was saved without an extractor, or takes no enrolment.
        """
        if enrol is not None:
            own = self._for_speaker(enrol, [source], sample_rate_hz, "predict", n_jobs)
            return own.predict(check_clip(source, "predict", sample_rate_hz), top_features=top_features, n_jobs=n_jobs)
        check_extractor(self.extractor, "predict")
        rule = "source of predict must be another clip than those that the model was enrolled with"
        check_others(self._contents, [source], sample_rate_hz, rule, "predict")
        top, jobs = check_count(top_features, "predict"), effective_n_jobs(n_jobs, caller="predict")
        if isinstance(source, np.ndarray):
            rate = check_rate(sample_rate_hz, "predict", " when source is an array")
            result = self._native.predict_samples(check_samples(source, "predict"), rate, top, jobs)
        else:
            check_no_rate(sample_rate_hz, [source], "predict", "source")
            result = self._native.predict_clips((check_clip(source, "predict"),), top, jobs)
        if result["status"][0] != "ok":
            raise MediaDecodeError(result["message"][0], reason=result["status"][0])
        return self._records(result)[0]

    def predict_batch(
        self,
        sources: Sequence[str | os.PathLike[str] | bytes | npt.NDArray[Any]],
        *,
        sample_rate_hz: int | None = None,
        top_features: int = 5,
        n_jobs: int | None = None,
        progress: Progress = None,
        enrol: Enrolment | None = None,
    ) -> list[Prediction]:
        """Predict many clips in parallel, in order; a clip that cannot be used does not stop the others.

        Parameters
        ----------
        sources : sequence of str, path-like, bytes or ndarray of shape (n_samples,)
            Audio files, their contents, or mono samples, as `predict` takes them.
        sample_rate_hz : int or None
            The rate of all arrays of samples, in ``enrol`` too; must be None where there is none.
        top_features : int
            How many features to explain each label with; 0 spares the work.
        n_jobs : int or None
            Threads; never changes the results.
        progress : callable, bool or None
            A callable gets ``(done, total)`` in clips whose features are done, and may raise to stop; True shows a bar, None does where
            someone watches, False shows nothing.
        enrol : sequence of clips or None
            Other clips of the one speaker of all sources, as `for_speaker` takes them.

        Returns
        -------
        list of Prediction
            One each source. Where a clip gives no features: label None, ``abstained`` true, ``reason`` its reason code.

        Raises
        ------
        InvalidInputError
            If an argument breaks a rule above, or the model was saved without an extractor.
        """
        given = check_sources(sources, "predict_batch")
        clips = check_clips(given, "predict_batch", sample_rate_hz)
        if enrol is not None:
            own = self._for_speaker(enrol, given, sample_rate_hz, "predict_batch", n_jobs)
            return own.predict_batch(clips, top_features=top_features, n_jobs=n_jobs, progress=progress)
        check_no_rate(sample_rate_hz, given, "predict_batch", "a source")
        check_extractor(self.extractor, "predict_batch")
        rule = "sources of predict_batch must be other clips than those that the model was enrolled with"
        check_others(self._contents, given, sample_rate_hz, rule, "predict_batch")
        top, jobs = check_count(top_features, "predict_batch"), effective_n_jobs(n_jobs, caller="predict_batch")
        # The core also counts the rows that it explains afterwards.
        with progress_reporter(progress, "Predicting", len(clips), caller="predict_batch") as advance:
            return self._records(self._native.predict_clips(clips, top, jobs, lambda done: advance(min(done, len(clips)))))

    def stream(
        self, sample_rate_hz: int, *, window_s: float = 2.0, hop_s: float = 0.5, top_features: int = 0, n_jobs: int | None = 1
    ) -> PredictionStream:
        """Return a stream that predicts a sliding window of samples that are still coming.

        Parameters
        ----------
        sample_rate_hz : int
            Rate of the samples.
        window_s, hop_s : float
            Length of a window, like the clips that the model was trained on, and the distance of their begins; at most 600 s.
        top_features : int
            How many features to explain each label with.
        n_jobs : int or None
            Threads; never changes the results.

        Returns
        -------
        PredictionStream
            Its ``push(samples)`` and ``flush()`` give what `predict` gives for the samples of each window; a window that gives no features (silence)
            abstains with its reason, as in `predict_batch`.

        Raises
        ------
        InvalidInputError
            If an argument breaks a rule above, or the model was saved without an extractor.
        """
        check_extractor(self.extractor, "stream")
        rate, top, jobs = check_rate(sample_rate_hz, "stream"), check_count(top_features, "stream"), effective_n_jobs(n_jobs, caller="stream")
        window, hop = (window_samples(value, name, "stream", rate) for name, value in (("window_s", window_s), ("hop_s", hop_s)))

        def predicted(samples: npt.NDArray[np.float32]) -> Prediction:
            return self._records(self._native.predict_samples(samples, rate, top, jobs))[0]

        return PredictionStream(predicted, rate, window=window, hop=hop)

    def predict_features(
        self, X: npt.ArrayLike, *, n_jobs: int | None = None, speaker: npt.ArrayLike | None = None, recording: npt.ArrayLike | None = None
    ) -> FeaturePredictions:
        """Predict rows of features.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            The columns of `feature_names`, in that order, which the columns of a table must name; used as float32, without a copy when it is a
            C-contiguous float32 array.
        n_jobs : int or None
            Threads; never changes the results.
        speaker : array-like of shape (n_rows,), or None
            Who speaks in each row: rows are normalised by the other rows of their speaker, as in `SpeakerNormalizer.transform`.
        recording : array-like of shape (n_rows,), or None
            The take of each row: rows of one take (twins, duplicates, segments) never normalise each other. Only with ``speaker``.

        Returns
        -------
        FeaturePredictions

        Raises
        ------
        InvalidInputError
            If X has another shape or columns of other names, or holds NaN that no step of the model fills; if speakers are given and the model
            takes no enrolment, or its members normalise differently; if recordings are given without speakers.
        """
        matrix = self._matrix(X, "predict_features")
        if speaker is not None:
            check_enrolment(self, "speaker of predict_features")
        codes, takes = speaker_and_take_codes(speaker, recording, len(matrix), caller="predict_features")
        if codes is not None:
            return self._predict_enrolled(matrix, codes, takes, n_jobs)
        result = self._native.predict_features(matrix, 0, effective_n_jobs(n_jobs, caller="predict_features"))
        return rows_of(result, self, result["abstained"].astype(bool), result["out_of_distribution"].astype(bool))

    def _predict_enrolled(
        self, X: npt.NDArray[np.float32], codes: npt.NDArray[np.int64], takes: npt.NDArray[np.int64] | None, n_jobs: int | None
    ) -> FeaturePredictions:
        """Predict rows normalised by other rows of their speakers; whether they are unlike the training rows is a matter of the rows as given."""
        strange = self.predict_features(X, n_jobs=n_jobs).out_of_distribution
        if self._behind is None:
            from . import _core

            step, content = behind_normalisation(read_content(self._bytes(), self.model_hash), self._places)
            self._behind = step, _core.Model.from_bytes(content)
        step, native = self._behind
        result = native.predict_features(step.rows(X, codes, takes), 0, effective_n_jobs(n_jobs, caller="predict_features"))
        doubtful = np.zeros(len(X), dtype=bool) if self.threshold is None else result["confidence"] < self.threshold
        return rows_of(result, self, doubtful | strange, strange)

    def predict_set(self, X: npt.ArrayLike, *, n_jobs: int | None = None) -> npt.NDArray[np.bool_]:
        """Return which classes belong to each row's prediction set, for models that were saved from a `ConformalClassifier`.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            As in `predict_features`.
        n_jobs : int or None
            Threads; never changes the results.

        Returns
        -------
        ndarray of bool of shape (n_rows, n_classes)
            Columns as in `classes`.

        Raises
        ------
        InvalidInputError
            As `predict_features`, or if the model has no prediction sets.
        """
        rule: dict[str, Any] = self.metadata.get("prediction_sets") or {}
        quantiles = self._native.set_quantiles
        if quantiles is None:
            raise InvalidInputError("model of predict_set must be saved from a ConformalClassifier; got one without prediction sets")
        return sets_of(self.predict_proba(X, n_jobs=n_jobs), quantiles, rule["score"], allow_empty=rule["allow_empty_sets"])

    def predict_proba(self, X: npt.ArrayLike, *, n_jobs: int | None = None) -> npt.NDArray[np.float64]:
        """Return the calibrated probabilities of rows of features, of shape (n_rows, n_classes); see `predict_features`.

        Rows add up to 1, unless the model gives several labels a row: then each label has its own.
        """
        return self.predict_features(X, n_jobs=n_jobs).probabilities

    def _matrix(self, X: npt.ArrayLike, caller: str) -> npt.NDArray[np.float32]:
        if (columns := getattr(X, "columns", None)) is not None:
            check_names(columns, self.feature_names, caller)
        return check_rows(X, caller)

    def explain(
        self, source: Source, *, sample_rate_hz: int | None = None, n_jobs: int | None = None, enrol: Enrolment | None = None
    ) -> dict[str, Any]:
        """Return what every feature of one clip contributed to every class, before calibration.

        Parameters
        ----------
        source : str, path-like, bytes or ndarray
            As in `predict`.
        sample_rate_hz : int or None
            As in `predict`.
        n_jobs : int or None
            Threads; never changes the result.
        enrol : sequence of clips or None
            As in `predict`.

        Returns
        -------
        dict
            ``values``: float64 of shape (n_features, n_classes); ``base_values``: float64 of shape (n_classes,); ``data``: float32 of shape
            (n_features,); ``feature_names``; ``classes``; ``output``: ``probability`` (forests) or ``margin`` (boosting and logistic regression);
            ``prediction``. ``base_values`` plus the sum of ``values`` over the features is the estimator's output.

        Raises
        ------
        MediaDecodeError, InvalidInputError
            As `predict`.
        """
        if self.explained_output == "none":
            raise unexplained(self.metadata, self.label_thresholds is not None)
        if enrol is not None:
            own = self._for_speaker(enrol, [source], sample_rate_hz, "explain", n_jobs)
            return own.explain(check_clip(source, "explain", sample_rate_hz), n_jobs=n_jobs)
        prediction = self.predict(source, sample_rate_hz=sample_rate_hz, top_features=len(self.feature_names), n_jobs=n_jobs)
        row = np.empty((1, len(self.feature_names)), dtype=np.float32)
        place = {name: column for column, name in enumerate(self.feature_names)}
        for name, value, _ in prediction.top_features:
            row[0, place[name]] = value
        values, base = self._native.explain(row, effective_n_jobs(n_jobs, caller="explain"))
        return {
            "values": values[0],
            "base_values": base,
            "data": row[0],
            "feature_names": self.feature_names,
            "classes": self.classes,
            "output": self._native.explained_output,
            "prediction": prediction,
        }

    def explain_features(self, X: npt.ArrayLike, *, n_jobs: int | None = None) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Return contributions (n_rows, n_features, n_classes) and base values (n_classes,) for rows of features; see `explain`."""
        values, base = self._native.explain(self._matrix(X, "explain_features"), effective_n_jobs(n_jobs, caller="explain_features"))
        return values, base

    @property
    def explained_output(self) -> str:
        """What explanations are of: ``probability`` (forests and their soft votes), ``margin`` (boosting and logistic regression) or ``none``.

        The output of other votes is no sum of contributions: they have no explanations and their predictions no top features.
        """
        return str(self._native.explained_output)

    @property
    def background(self) -> npt.NDArray[np.float32]:
        """Training rows kept for explanations, float32 of shape (n_rows, n_features); may have no rows."""
        rows: npt.NDArray[np.float32] = self._native.background
        return rows

    def _records(self, result: dict[str, Any]) -> list[Prediction]:
        return records_of(result, self, [*notes_of(self), *self._notes])
