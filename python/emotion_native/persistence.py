"""Saving fitted models: as data that the native runtime executes, or, for those who need it, as a pickle."""

from __future__ import annotations

import json
import os
import pickle
import platform
from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np
import numpy.typing as npt

from ._files import read_regular, write_atomically
from ._model_format import encode_model, stated_hash
from ._model_parts import NEVER_ANSWERS, FittedParts, native_state, take_apart
from ._validation import check_path
from ._version import __version__
from .exceptions import InvalidInputError, ModelFormatError

if TYPE_CHECKING:
    from .features import FeatureTable

__all__ = ["NEVER_ANSWERS", "load_pickle", "model_bytes", "save_model", "save_pickle"]

_BACKGROUND_ROWS = 100
_PICKLE_MARK = b"\nemotion-native pickle "
_MOST_CLASSES = 1000  # of the file format
_MOST_TEXT = 256  # bytes of a label or a column's name
_DAMAGED = "copy the file again from its source, or save the model again with save_model"  # a reader's advice, of no use to a writer
Arrays = dict[str, np.ndarray[Any, Any]]


def save_model(
    fitted: Any,
    path: str | os.PathLike[str],
    *,
    extractor: FeatureTable | Mapping[str, Any] | None = None,
    labels: Sequence[Any] | npt.NDArray[Any] | None = None,
    threshold: float | None = None,
    calibrator: Any = None,
    background: npt.ArrayLike | None = None,
    feature_names: Sequence[str] | None = None,
    provenance: Mapping[str, Any] | None = None,
    training_clips: Mapping[str, Any] | None = None,
    out_of_distribution: Any = None,
    quality: Any = None,
) -> str:
    """Save a fitted model as one file of plain arrays that `load_model` executes natively.

    The file appears whole or not at all: an error leaves an old file of that name as it was. Equal input gives equal bytes.

    Parameters
    ----------
    fitted : estimator
        A fitted `RandomForestClassifier`, `ExtraTreesClassifier`, `GradientBoostingClassifier` or `LogisticRegression` of this package, or any of
        these around one, in any order: `Pipeline`, `VotingClassifier`, `SearchVotingClassifier`, `StackingClassifier`, `CalibratedClassifierCV`,
        `PriorCorrectedClassifier`, `AbstainingClassifier` (with its detector of rows out of distribution), `ConformalClassifier`, `GridSearchCV` and
        `RandomizedSearchCV` (of which the best estimator is saved), `OneVsRestClassifier`, also of several labels a row, and then
        `TunedThresholdsClassifier`. Samplers act in ``fit`` only and are left out.
    path : str or path-like
        The file to write, in a folder that exists.
    extractor : FeatureTable, mapping or None
        How clips become columns: the table that the model was trained on, or ``feature_set``, ``sample_rate_hz`` and, if not the current one,
        ``algorithm_version``. Without it the model predicts rows of features only.
    labels : sequence, MultiLabelBinarizer or None
        Names of the classes, texts or whole numbers, in the order of ``fitted.classes_``; None takes those. Of several labels a row: what the columns
        of the indicator matrix mean, or the fitted binarizer that made it.
    threshold : float or None
        Confidence below which the model abstains, from 0 to 1, or 2 for a model that never answers; None takes the fitted one's, if it has one. None
        for several labels a row, which have thresholds of their own.
    calibrator : object or None
        A fitted calibrator; None takes the fitted one's, if it has one.
    background : array-like of shape (n_rows, n_features) or None
        Training rows, against which linear models are explained; rows with NaN are dropped, and at most 100, spread evenly, are kept as float32.
    feature_names : sequence of str or None
        Names of the input columns; None takes the extractor's, the fitted one's ``feature_names_in_``, or ``x0``, ``x1``, ….
    provenance : mapping or None
        What people should know about the training (data hash, seeds, settings), of JSON types. Versions and ``ungrouped`` are added.
    training_clips : mapping or None
        ``duration_s``: the shortest and the longest training clip, so that predictions can warn about clips unlike them.
    out_of_distribution : OutOfDistributionDetector or None
        A fitted detector of rows that get no answer; None takes the fitted one's, if it has one.
    quality : audio.QualityRule, mapping of its parameters, or None
        When a clip is too poor: predictions then warn (``flag``) or abstain with the reason (``drop``). Of a model with an extractor alone.

    Returns
    -------
    str
        The model's hash, as in every prediction: SHA-256 of the file with its own checksum's digits read as zeros.

    Raises
    ------
    InvalidInputError
        If a step cannot be saved, or an argument breaks a rule above.
    ModelFormatError
        If the parts do not fit each other.
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> import tempfile, os, numpy as np, emotion_native as en
    >>> X = np.array([[0.0], [1.0], [2.0], [3.0]], dtype=np.float32)
    >>> forest = en.ensemble.RandomForestClassifier(n_estimators=5, random_state=0).fit(X, ["calm", "calm", "happy", "happy"])
    >>> path = os.path.join(tempfile.mkdtemp(), "tiny.emotion")
    >>> model_hash = en.save_model(forest, path)
    >>> str(en.load_model(path).predict_features(X).labels[3])
    'happy'
    """
    target = check_path(path, parameter="path", caller="save_model")
    content = model_bytes(  # what is written can be read
        fitted,
        extractor=extractor,
        labels=labels,
        threshold=threshold,
        calibrator=calibrator,
        background=background,
        feature_names=feature_names,
        provenance=provenance,
        training_clips=training_clips,
        out_of_distribution=out_of_distribution,
        quality=quality,
    )
    write_atomically(target, content)
    return stated_hash(content)


def model_bytes(
    fitted: Any,
    *,
    extractor: FeatureTable | Mapping[str, Any] | None = None,
    labels: Sequence[Any] | npt.NDArray[Any] | None = None,
    threshold: float | None = None,
    calibrator: Any = None,
    background: npt.ArrayLike | None = None,
    feature_names: Sequence[str] | None = None,
    provenance: Mapping[str, Any] | None = None,
    training_clips: Mapping[str, Any] | None = None,
    out_of_distribution: Any = None,
    quality: Any = None,
) -> bytes:
    """Return the content of the file that `save_model` would write, with the same parameters and errors.

    Examples
    --------
    >>> import numpy as np, emotion_native as en
    >>> forest = en.ensemble.RandomForestClassifier(n_estimators=3, random_state=0).fit(np.eye(4, dtype=np.float32), [0, 1, 0, 1])
    >>> en.load_model(en.persistence.model_bytes(forest)).classes
    (0, 1)
    """
    parts = take_apart(fitted)
    _check_classifier(parts, fitted, threshold, calibrator)
    classes = _classes(labels, parts)
    if calibrator is not None:
        parts.calibrators = [calibrator, *parts.calibrators[1:]]
    if out_of_distribution is not None:
        parts.detector, parts.detector_steps = out_of_distribution, 0
    threshold = parts.threshold if threshold is None else threshold
    tensors: Arrays = {}
    requires: set[str] = set()
    described = parts.describe("", tensors, requires)
    description: dict[str, Any] = {"classes": classes}
    full_extractor = None if extractor is None else _extractor(extractor)
    description["feature_names"] = _feature_names(feature_names, full_extractor, parts.steps[0] if parts.steps else parts.classifier)
    description["extractor"] = full_extractor
    description.update(described)
    description["threshold"] = _threshold(threshold)
    if parts.detector is not None:
        description["out_of_distribution"] = native_state(parts.detector, "the detector", "out_of_distribution.", tensors)
        if parts.detector_steps:
            description["out_of_distribution"]["steps"] = parts.detector_steps
            requires.add("out_of_distribution_steps")
    if parts.sets is not None:
        description["prediction_sets"], tensors["prediction_sets.quantiles"] = parts.sets._native_sets()
    if parts.gives_label_sets:
        description["label_sets"], tensors["label_sets.thresholds"] = _label_sets(parts)
        requires.add("label_sets")
    if training_clips is not None:
        description["training_clips"] = dict(training_clips)
    if (rule := _quality(quality, full_extractor)) is not None:
        description["quality"] = rule
    description["provenance"] = {"versions": _versions(), "ungrouped": parts.ungrouped, **(provenance or {})}
    if background is not None:
        tensors["background"] = _background(background, len(description["feature_names"]))
    content = encode_model(description, tensors, sorted(requires))
    _check_readable(content)
    return content


def _check_readable(content: bytes) -> None:
    """Raise InvalidInputError with the reader's reason if what would be written could not be read."""
    from . import _core

    try:
        _core.Model.from_bytes(content)
    except ModelFormatError as error:
        reason = str(error).removeprefix("model bytes cannot be loaded as a model: ").removesuffix(f"; {_DAMAGED}")
        rule = "a model within the limits of its file"
        raise ModelFormatError(f"fitted of save_model must be {rule}; got one that no reader takes: {reason}") from error


def _label_sets(parts: FittedParts) -> tuple[dict[str, Any], npt.NDArray[np.float64]]:
    """Return how labels are chosen, and what each must exceed."""
    if parts.label_thresholds is not None:
        return {"rule": "probability"}, parts.label_thresholds
    rule, thresholds = parts.classifier._native_rule()
    return {"rule": rule}, thresholds


def _check_classifier(parts: FittedParts, fitted: Any, threshold: Any, calibrator: Any) -> None:
    """Raise InvalidInputError unless what answers in the end is a fitted classifier, and what is given beside it fits its kind of answer."""
    classifier = parts.classifier
    name = type(classifier if hasattr(fitted, "steps") else fitted).__name__
    if not hasattr(classifier, "classes_"):
        raise InvalidInputError(f"fitted of save_model must be a fitted classifier; got {name} without classes_{_remedy_of(classifier)}")
    if not parts.gives_label_sets:
        if parts.label_thresholds is not None:
            rule = "thresholds around a OneVsRestClassifier of several labels a row"
            found = type(classifier).__name__
            raise InvalidInputError(f"fitted of save_model must have {rule}; got them around {found} (save_pickle stores it)")
        return
    for what, value in (("threshold", threshold), ("threshold", parts.threshold), ("calibrator", calibrator)):
        if value is not None:
            remedy = "each label has its own (tune them with TunedThresholdsClassifier, calibrate the estimator of OneVsRestClassifier)"
            raise InvalidInputError(f"{what} of save_model must be None for a classifier of several labels a row; got {value!r:.80}: {remedy}")


def _remedy_of(part: Any) -> str:
    """Say what to do with a fitted object that gives no classes."""
    if type(part).__name__.endswith("Calibrator"):
        return ": give it as calibrator=… beside its classifier"
    if hasattr(part, "is_strange"):
        return ": give it as out_of_distribution=… beside its classifier"
    if hasattr(part, "fit_resample"):
        return ": it acts in fit only, save the classifier that learned from its rows"
    if hasattr(part, "transform"):
        return ": save the pipeline that it is a step of, classifier included, or the step alone with save_pickle"
    return ""


def _classes(labels: Any, parts: FittedParts) -> list[str | int]:
    own = parts.classifier.classes_
    values = np.asarray(own if labels is None else getattr(labels, "classes_", labels))
    if values.ndim != 1 or len(values) != len(own):
        raise InvalidInputError(f"labels of save_model must name the {len(own)} classes of fitted; got {len(values.ravel())} labels")
    if len(values) > _MOST_CLASSES:
        raise InvalidInputError(f"fitted of save_model must have at most {_MOST_CLASSES} classes; got {len(values)}")
    if values.dtype.kind in "iu":
        if len(np.unique(values)) < len(values):
            raise InvalidInputError(f"labels of save_model must be different whole numbers; got {values.tolist()!r:.80}")
        return [int(value) for value in values]
    texts = values.tolist()
    if not all(isinstance(value, str) for value in texts):
        raise InvalidInputError(f"labels of save_model must be texts or whole numbers; got {values[:3].tolist()!r}")
    _check_texts(texts, "labels")
    return [str(value) for value in texts]


def _check_texts(texts: Sequence[str], what: str) -> None:
    """Raise InvalidInputError unless each text can stand in a model file."""
    seen: set[str] = set()
    for text in texts:
        size = len(text.encode("utf-8", "surrogatepass"))
        if not 1 <= size <= _MOST_TEXT or any(ord(letter) < 32 or ord(letter) == 127 for letter in text) or text in seen:
            rule = f"different texts of 1 to {_MOST_TEXT} bytes without control characters"
            remedy = " (labels=[…] names the classes of fitted otherwise)" if what == "labels" else ""
            raise InvalidInputError(f"{what} of save_model must be {rule}; got {text!r:.80}{' twice' if text in seen else ''}{remedy}")
        seen.add(text)


def _extractor(extractor: Any) -> dict[str, Any]:
    if hasattr(extractor, "schema"):  # a feature table
        table, extractor = extractor, extractor.extractor
        if extractor is None:
            raise InvalidInputError(f"extractor of save_model must be a table of one known feature set, or of several joined by '+'; got {table!r}")
    if not isinstance(extractor, Mapping):
        rule = "the feature table that the model was trained on, or a mapping with feature_set and sample_rate_hz"
        raise InvalidInputError(f"extractor of save_model must be {rule}; got {type(extractor).__name__}")
    known = {"feature_set", "sample_rate_hz", "algorithm_version"}
    if not {"feature_set", "sample_rate_hz"} <= set(extractor) <= known:
        rule = "feature_set and sample_rate_hz (and algorithm_version)"
        raise InvalidInputError(f"extractor of save_model must have {rule}; got {sorted(map(str, extractor))}")
    from . import _core

    name: Any = extractor["feature_set"]
    rate: Any = extractor["sample_rate_hz"]
    version: Any = extractor.get("algorithm_version")
    if not isinstance(name, str):
        raise InvalidInputError(f"extractor of save_model must have as feature_set the name of one; got {name!r:.80}")
    low, high = _core.LOWEST_FEATURE_RATE_HZ, _core.HIGHEST_RATE_HZ
    if not _is_whole(rate) or not low <= int(rate) <= high:
        raise InvalidInputError(f"extractor of save_model must have as sample_rate_hz a whole number from {low} to {high}; got {rate!r:.80}")
    if version is not None and (not _is_whole(version) or not 1 <= int(version) < 2**31):
        raise InvalidInputError(f"extractor of save_model must have as algorithm_version a whole number from 1 up; got {version!r:.80}")
    try:
        _core.feature_names(name)
    except InvalidInputError as error:
        raise InvalidInputError(f"extractor of save_model must have as feature_set {str(error).partition(' must be ')[2]}") from None
    return {
        "feature_set": name,
        "sample_rate_hz": int(rate),
        "algorithm_version": int(_core.AUDIO_ALGORITHM_VERSION if version is None else version),
    }


def _is_whole(value: Any) -> TypeGuard[float]:
    """Return whether a value is a whole number, of whatever type."""
    if isinstance(value, Integral):
        return not isinstance(value, bool)
    return isinstance(value, Real) and float(value).is_integer()


def _feature_names(names: Sequence[str] | None, extractor: dict[str, Any] | None, estimator: Any) -> list[str]:
    if names is None and extractor is not None:
        from . import _core

        names = _core.feature_names(extractor["feature_set"])
    if names is None:
        names = getattr(estimator, "feature_names_in_", None)
    columns = int(estimator.n_features_in_)
    if names is None:
        names = [f"x{i}" for i in range(columns)]
    if len(names) != columns:
        raise InvalidInputError(f"feature_names of save_model must name the {columns} columns of fitted; got {len(names)} names")
    named = [str(name) for name in names]
    _check_texts(named, "feature_names")
    return named


def _quality(quality: Any, extractor: Any) -> dict[str, Any] | None:
    """Return the rule about the quality of clips as the file states it; None where nothing is judged."""
    if quality is None:
        return None
    from .audio import QualityRule

    if isinstance(quality, Mapping):
        unknown = sorted(set(map(str, quality)) - {"action", *QualityRule().limits})
        if unknown:
            raise InvalidInputError(f"quality of save_model must have the parameters of audio.QualityRule; got {unknown[0]!r}")
        quality = QualityRule(**quality)
    if not isinstance(quality, QualityRule):
        raise InvalidInputError(f"quality of save_model must be an audio.QualityRule, a mapping of its parameters, or None; got {quality!r:.80}")
    if quality.action == "off":
        return None
    if extractor is None:
        raise InvalidInputError("quality of save_model must be None without an extractor, as no clip is ever heard; got a rule")
    return {"action": quality.action, **quality.limits}


def _threshold(threshold: Any) -> float | None:
    if threshold is None:
        return None
    try:
        value = float(threshold)
    except (TypeError, ValueError):
        value = float("nan")
    if not (0 <= value <= 1 or value == NEVER_ANSWERS):
        raise InvalidInputError(f"threshold of save_model must be a number from 0 to 1, or 2, or None; got {threshold!r}")
    return value


def _background(background: npt.ArrayLike, n_features: int) -> npt.NDArray[np.float32]:
    rows = np.asarray(background, dtype=np.float32)
    if rows.ndim != 2 or rows.shape[1] != n_features:
        raise InvalidInputError(f"background of save_model must be of shape (n_rows, {n_features}); got {rows.shape}")
    rows = rows[np.isfinite(rows).all(axis=1)]
    if len(rows) > _BACKGROUND_ROWS:
        rows = rows[np.linspace(0, len(rows) - 1, _BACKGROUND_ROWS).round().astype(np.intp)]
    return np.ascontiguousarray(rows)


def save_pickle(fitted: Any, path: str | os.PathLike[str]) -> None:
    """Save any fitted object as a pickle, whole or not at all.

    A pickle is code: whoever loads it runs what is in it, and it fits only the versions of Python and packages that wrote it. `save_model` is
    the better way wherever it will do.

    Parameters
    ----------
    fitted : object
        What to save.
    path : str or path-like
        The file to write.

    Raises
    ------
    InvalidInputError
        If the object cannot be pickled.
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> import os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "anything.pkl")
    >>> save_pickle({"seed": 3}, path)
    >>> load_pickle(path, trust=True)
    {'seed': 3}
    """
    try:
        content = pickle.dumps(fitted, protocol=5)
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise InvalidInputError(f"fitted of save_pickle must be an object that pickle can store; got {error}") from error
    # What stands behind a pickle is not read with it: a line of JSON that says what wrote it.
    write_atomically(path, content + _PICKLE_MARK + json.dumps(_versions()).encode())


def _versions() -> dict[str, str]:
    return {"emotion_native": __version__, "numpy": np.__version__, "python": platform.python_version()}


def _check_writer(content: bytes, name: str) -> None:
    """Raise InvalidInputError for a pickle of another version, before anything in it runs; one without a mark passes."""
    _, found, line = content.rpartition(_PICKLE_MARK)
    try:
        written = json.loads(line) if found else None
    except ValueError:
        return
    if not isinstance(written, dict):
        return
    own = _versions()
    digits = {"emotion_native": 3, "python": 2, "numpy": 1}  # of the version, which must be the same
    others = [key for key, count in digits.items() if str(written.get(key)).split(".")[:count] != own[key].split(".")[:count]]
    if others:
        theirs, ours = (", ".join(f"{key} {versions.get(key)}" for key in others) for versions in (written, own))
        raise InvalidInputError(
            f"path of load_pickle must be a pickle of these versions ({ours}); got {name}, written with {theirs}: read it there and save it with "
            "save_model, whose files later versions read, or train it again"
        )


def load_pickle(path: str | os.PathLike[str], trust: bool = False) -> Any:
    """Load a pickle, on the caller's word that its source is trusted.

    Parameters
    ----------
    path : str or path-like
        A file that `save_pickle` wrote.
    trust : bool
        Must be True: loading a pickle runs the code in it.

    Returns
    -------
    object

    Raises
    ------
    InvalidInputError
        If ``trust`` is not True, or the file is not a pickle, or one that another version of this package, Python or NumPy wrote.
    OSError
        If the file cannot be read.

    Examples
    --------
    >>> import emotion_native as en
    >>> en.persistence.load_pickle("classifier.pkl")
    Traceback (most recent call last):
    emotion_native.exceptions.InvalidInputError: trust of load_pickle must be True ...
    """
    if trust is not True:
        raise InvalidInputError(
            "trust of load_pickle must be True (command line: --trust-pickle), because loading a pickle runs the code in it: do so only with files "
            f"from a source that you trust, or use a model file; got {trust!r}"
        )
    content = read_regular(check_path(path, parameter="path", caller="load_pickle"))
    _check_writer(content, Path(path).name)
    try:
        return pickle.loads(content)
    except (pickle.UnpicklingError, EOFError, AttributeError, ImportError, LookupError, TypeError, ValueError, OverflowError) as error:
        raise InvalidInputError(f"path of load_pickle must be a file that save_pickle wrote; got {Path(path).name} ({error})") from error
