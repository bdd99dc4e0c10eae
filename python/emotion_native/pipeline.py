"""Pipelines of steps that know samplers and row metadata."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.utils import Bunch
from sklearn.utils._tags import get_tags
from sklearn.utils.metaestimators import _BaseComposition, available_if
from sklearn.utils.validation import _num_samples, check_is_fitted

from ._remedies import measuring_part, refuse_class
from ._row_metadata import RowMetadata, check_names, is_sampler, metadata_names, rows_by_class, transform_metadata
from ._validation import check_flag, label_steps
from .exceptions import EmotionNativeWarning, InvalidInputError
from .model_selection._asking import ENROL

__all__ = ["Pipeline", "make_pipeline"]


def _is_passthrough(step: Any) -> bool:
    return step is None or (isinstance(step, str) and step == "passthrough")


def _final_has(method: str) -> Callable[[Any], bool]:
    def check(self: Any) -> bool:
        getattr(self._final, method)
        return True

    return check


def _all_have_inverse(self: Any) -> bool:
    for _, step in self._steps():
        step.inverse_transform  # noqa: B018  an AttributeError is the answer that available_if wants
    return True


class Pipeline(_BaseComposition):  # type: ignore[misc]  # scikit-learn is untyped
    """Steps applied one after another, a classifier last; samplers act in `fit` only.

    Row metadata (``sample_weight``, ``groups``, ``speaker``, ``recording``, ``modality``, anything with one value a row) goes to every step
    whose ``fit`` (a sampler's ``fit_resample``) has a parameter of that name, and is resampled along with the rows through a sampler's
    ``sample_indices_``. A synthetic row has its base's weight; its group, speaker and the like are known where both rows it was made of agree,
    and a step that asks for one that is not raises `LeakageError`. Steps of scikit-learn and imbalanced-learn work too. Steps are fitted in
    place, as in scikit-learn.

    Parameters
    ----------
    steps : list of (name, estimator)
        The first ones have ``transform`` or ``fit_resample``; ``"passthrough"`` and None do nothing.
    memory : None
        Caching of fitted steps is not supported.
    verbose : bool, default=False
        Print a line with the seconds of each step.

    Attributes
    ----------
    named_steps : Bunch
        The steps by name.
    classes_, n_features_in_, feature_names_in_
        Of the last and the first step.

    Examples
    --------
    >>> import numpy as np
    >>> from emotion_native.linear_model import LogisticRegression
    >>> from emotion_native.over_sampling import RandomOverSampler
    >>> from emotion_native.pipeline import make_pipeline
    >>> from emotion_native.preprocessing import StandardScaler
    >>> model = make_pipeline(StandardScaler(), RandomOverSampler(random_state=0), LogisticRegression())
    >>> X = np.array([[0.0], [1.0], [2.0], [3.0]])
    >>> [str(label) for label in model.fit(X, ["calm", "calm", "calm", "angry"]).predict(X[[0, 3]])]
    ['calm', 'angry']
    """

    def __init__(self, steps: Any, *, memory: None = None, verbose: bool = False) -> None:
        self.steps = steps
        self.memory = memory
        self.verbose = verbose

    # Parameters, steps by name and number.

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return parameters; with ``deep`` also ``step`` and ``step__parameter``."""
        params: dict[str, Any] = self._get_params("steps", deep=deep)
        return params

    def set_params(self, **kwargs: Any) -> Pipeline:
        """Set parameters, ``step__parameter`` those of a step, ``step`` a step itself."""
        self._set_params("steps", **kwargs)
        return self

    def set_output(self, *, transform: Any = None) -> Pipeline:
        """Set the container that the transforms return, in every step."""
        from sklearn.utils._set_output import _safe_set_output

        for _, step in self._steps():
            _safe_set_output(step, transform=transform)
        return self

    def _check_steps(self) -> None:
        if self.memory is not None:
            raise InvalidInputError(f"memory of Pipeline must be None (fitted steps are not cached); got {self.memory!r}")
        check_flag(self.verbose, "verbose", "Pipeline")
        if not isinstance(self.steps, (list, tuple)) or not self.steps:
            raise InvalidInputError(f"steps of Pipeline must be a non-empty list of (name, estimator); got {self.steps!r}")
        names, estimators = zip(*self.steps, strict=True)
        for step in estimators:
            refuse_class(step, "steps", "Pipeline", "estimators")
        try:
            self._validate_names(names)
        except ValueError as error:
            raise InvalidInputError(f"steps of Pipeline must be named uniquely, without '__' and unlike its parameters; got: {error}") from error
        for step in estimators[:-1]:
            if _holds_sampler(step):
                rule = "no pipelines with a sampler, except the last: its labels would be lost; put its steps into this pipeline"
                raise TypeError(f"steps of Pipeline must be {rule}; got {step!r}")
            if not _is_passthrough(step) and not is_sampler(step) and not (hasattr(step, "fit") and hasattr(step, "transform")):
                raise TypeError(f"steps of Pipeline must have transform or fit_resample, except the last; got {step!r}")
            if is_sampler(step) and hasattr(step, "transform"):
                raise TypeError(f"steps of Pipeline must transform or resample, not both; got {step!r}")
        if not _is_passthrough(estimators[-1]) and not hasattr(estimators[-1], "fit"):
            raise TypeError(f"steps of Pipeline must have fit in the last step; got {estimators[-1]!r}")

    def _steps(self, with_final: bool = True) -> Iterator[tuple[str, Any]]:
        for name, step in self.steps if with_final else self.steps[:-1]:
            if not _is_passthrough(step):
                yield name, step

    @property
    def _final(self) -> Any:
        step = self.steps[-1][1]
        return "passthrough" if step is None else step

    @property
    def named_steps(self) -> Any:
        return Bunch(**dict(self.steps))

    def __len__(self) -> int:
        return len(self.steps)

    def __getitem__(self, index: int | str | slice) -> Any:
        if isinstance(index, slice):
            if index.step not in (1, None):
                raise InvalidInputError(f"index of Pipeline must be a slice of step 1; got {index!r}")
            return type(self)(self.steps[index], memory=self.memory, verbose=self.verbose)
        if isinstance(index, str):
            return self.named_steps[index]
        return self.steps[index][1]

    # Fitting.

    def _metadata_names(self) -> set[str]:
        return metadata_names([step for _, step in self._steps()])

    def _check_metadata_names(self, names: Iterable[str], *, parameter: str = "metadata", caller: str = "Pipeline.fit") -> None:
        check_names(names, dict(self._steps()), parameter=parameter, caller=caller)

    def _fit_steps(self, X: Any, y: Any, metadata: dict[str, Any], method: str = "fit") -> tuple[Any, Any, dict[str, Any]]:
        """Fit all but the last step; return the rows as they reach it and what its method asks for."""
        self._check_steps()
        self._check_metadata_names([name for name, value in metadata.items() if value is not None])
        self._warn_of_measuring_steps()
        rows = RowMetadata(metadata, [name for name, _ in self.steps], None if X is None else _num_samples(X))
        for number, (name, step) in enumerate(self.steps[:-1]):
            start = time.perf_counter()
            if _is_passthrough(step):
                pass
            elif is_sampler(step):
                X, y = step.fit_resample(X, y, **rows.asked(name, step.fit_resample))
                rows.resample(step)
            elif hasattr(step, "fit_transform"):
                X = step.fit_transform(X, y, **rows.asked(name, step.fit))
            else:
                X = step.fit(X, y, **rows.asked(name, step.fit)).transform(X)
            self._say(number, start)
        final = {} if _is_passthrough(self._final) else rows.asked(self.steps[-1][0], getattr(self._final, method))
        return X, y, final

    def _warn_of_measuring_steps(self) -> None:
        """Warn, in the name of the code that called ``fit``, of a calibration, threshold or conformal step that a sampler's rows would reach."""
        sampler: tuple[str, Any] | None = None
        for name, step in self._steps():
            if is_sampler(step):
                sampler = name, step
            measuring = None if sampler is None else measuring_part(step)
            if sampler is None or measuring is None:
                continue
            what, inner = type(measuring).__name__, getattr(measuring, "estimator", None)
            remedy = f"{what}(make_pipeline({type(sampler[1]).__name__}(), {'…' if inner is None else type(inner).__name__ + '()'}))"
            text = f"step {name!r} of Pipeline.fit ({what}) stands behind the sampler {sampler[0]!r} and is fitted on resampled rows"
            effect = "its probabilities, thresholds or sets do not hold for rows as they occur"
            warnings.warn(f"{text}: {effect}; put the pipeline inside it, {remedy}", EmotionNativeWarning, stacklevel=4)
            return

    def _say(self, number: int, start: float) -> None:
        if self.verbose:
            seconds = time.perf_counter() - start
            took = f"{seconds / 60:4.1f}min" if seconds > 60 else f"{seconds:5.1f}s"
            what = f" (step {number + 1} of {len(self.steps)}) Processing {self.steps[number][0]}, total= {took}"
            print(f"[Pipeline] {what:.>60}")

    def fit(self, X: Any, y: Any = None, *, sample_weight: Any = None, groups: Any = None, **metadata: Any) -> Pipeline:
        """Fit all steps in order.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        sample_weight, groups, **metadata : array-like of shape (n_samples,), optional
            Handed to the steps that ask for them by name; ``step__argument`` goes to that step alone. ``groups``, ``speaker``, ``recording``
            and ``modality`` may be for nobody; any other name that no step takes is an error.

        Raises
        ------
        InvalidInputError
            If steps or metadata break a rule, or a step refuses the rows.
        LeakageError
            If a step needs the group or speaker of a synthetic row that was made of two.
        TypeError
            If a step lacks the methods of its place.

        Warns
        -----
        EmotionNativeWarning
            If a step behind a sampler calibrates, chooses a threshold or measures sets: it would do so on resampled rows. Put the pipeline
            inside it instead.
        """
        X, y, final = self._fit_steps(X, y, {"sample_weight": sample_weight, "groups": groups, **metadata})
        start = time.perf_counter()
        if not _is_passthrough(self._final):
            self._final.fit(X, y, **final)
        self._say(len(self.steps) - 1, start)
        if any(is_sampler(step) for _, step in self._steps(with_final=False)):
            self._rows_left = rows_by_class(y, final.get("sample_weight"))  # what a correction of the priors needs to know
        return self

    def _can_fit_transform(self) -> bool:
        return _is_passthrough(self._final) or hasattr(self._final, "transform") or hasattr(self._final, "fit_transform")

    @available_if(_can_fit_transform)  # type: ignore[untyped-decorator]  # scikit-learn is untyped
    def fit_transform(self, X: Any, y: Any = None, *, sample_weight: Any = None, groups: Any = None, **metadata: Any) -> Any:
        """Fit, and return the training rows as they leave the last step."""
        X, y, final = self._fit_steps(X, y, {"sample_weight": sample_weight, "groups": groups, **metadata})
        start = time.perf_counter()
        if hasattr(self._final, "fit_transform"):
            X = self._final.fit_transform(X, y, **final)
        elif not _is_passthrough(self._final):
            X = self._final.fit(X, y, **final).transform(X)
        self._say(len(self.steps) - 1, start)
        return X

    def _can_fit_resample(self) -> bool:
        return _is_passthrough(self._final) or hasattr(self._final, "fit_resample")

    @available_if(_can_fit_resample)  # type: ignore[untyped-decorator]
    def fit_resample(self, X: Any, y: Any = None, **metadata: Any) -> tuple[Any, Any]:
        """Fit, and return the rows and labels that the last step, a sampler, draws; those that reach a ``"passthrough"`` there."""
        X, y, final = self._fit_steps(X, y, metadata, "fit_resample")
        start = time.perf_counter()
        if not _is_passthrough(self._final):
            X, y = self._final.fit_resample(X, y, **final)
        self._say(len(self.steps) - 1, start)
        return X, y

    @available_if(_final_has("fit_predict"))  # type: ignore[untyped-decorator]
    def fit_predict(self, X: Any, y: Any = None, **metadata: Any) -> Any:
        """Fit, and return what the last step says about the training rows as they reach it."""
        X, y, final = self._fit_steps(X, y, metadata, "fit_predict")
        start = time.perf_counter()
        result = self._final.fit_predict(X, y, **final)
        self._say(len(self.steps) - 1, start)
        return result

    # Use of the fitted steps.

    def _prediction_metadata(self) -> set[str]:
        """Return the names of row metadata that steps ask for when rows are predicted, not only in ``fit``."""
        return set().union(*(transform_metadata(step) for _, step in self._steps()))

    def _before_final(self, X: Any, params: dict[str, Any] | None = None) -> Any:
        """Return the rows as they reach the last step, and take out of ``params`` what only the steps before it ask for."""
        if not params:
            for _, step in self._steps(with_final=False):
                X = step.transform(X) if hasattr(step, "transform") else X
            return X
        known = self._prediction_metadata()
        rows = {name: params[name] for name in known if params.get(name) is not None}
        enrol = params.pop(ENROL, None) if "speaker" in known else None
        for name in [name for name in known - transform_metadata(self._final) if name in params]:
            del params[name]
        for _, step in self._steps(with_final=False):
            if hasattr(step, "transform"):
                names = transform_metadata(step)
                own = {name: rows[name] for name in names if name in rows}
                X = step.transform(X, **own, **({} if enrol is None or "speaker" not in names else {ENROL: enrol}))
                enrol = None if enrol is None else step.transform(enrol)  # clips of the speaker pass the steps as any other row
        if enrol is not None and "speaker" in transform_metadata(self._final):
            params[ENROL] = enrol
        return X

    @available_if(_final_has("predict"))  # type: ignore[untyped-decorator]
    def predict(self, X: Any, **params: Any) -> npt.NDArray[Any]:
        """Return the last step's labels.

        Row metadata that a transformer asks for in ``transform`` (``speaker``, for a `SpeakerNormalizer`) goes to it, other arguments to the
        last step; so in the other methods. Instead of ``speaker``, ``enrol``: rows of features of the one speaker of all rows.
        """
        labels: npt.NDArray[Any] = self._final.predict(self._before_final(X, params), **params)
        return labels

    @available_if(_final_has("predict_proba"))  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any, **params: Any) -> npt.NDArray[Any]:
        """Return the last step's probabilities (n_samples, n_classes)."""
        probabilities: npt.NDArray[Any] = self._final.predict_proba(self._before_final(X, params), **params)
        return probabilities

    @available_if(_final_has("predict_abstain"))  # type: ignore[untyped-decorator]  # scikit-learn is untyped
    def predict_abstain(self, X: Any, **params: Any) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_], npt.NDArray[np.object_]]:
        """Return the last step's labels, where it abstains, and why."""
        answers: tuple[Any, Any, Any] = self._final.predict_abstain(self._before_final(X, params), **params)
        return answers

    @available_if(_final_has("predict_set"))  # type: ignore[untyped-decorator]
    def predict_set(self, X: Any, **params: Any) -> npt.NDArray[np.bool_]:
        """Return the last step's prediction sets (n_samples, n_classes)."""
        sets: npt.NDArray[np.bool_] = self._final.predict_set(self._before_final(X, params), **params)
        return sets

    @available_if(_final_has("predict_log_proba"))  # type: ignore[untyped-decorator]
    def predict_log_proba(self, X: Any, **params: Any) -> npt.NDArray[Any]:
        """Return the last step's logarithms of probabilities."""
        logarithms: npt.NDArray[Any] = self._final.predict_log_proba(self._before_final(X, params), **params)
        return logarithms

    @available_if(_final_has("decision_function"))  # type: ignore[untyped-decorator]
    def decision_function(self, X: Any, **params: Any) -> npt.NDArray[Any]:
        """Return the last step's scores."""
        scores: npt.NDArray[Any] = self._final.decision_function(self._before_final(X, params), **params)
        return scores

    @available_if(_final_has("score_samples"))  # type: ignore[untyped-decorator]
    def score_samples(self, X: Any) -> npt.NDArray[Any]:
        """Return the last step's score of each row."""
        scores: npt.NDArray[Any] = self._final.score_samples(self._before_final(X))
        return scores

    @available_if(_final_has("score"))  # type: ignore[untyped-decorator]
    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Return the last step's score of the transformed rows."""
        weights = {} if sample_weight is None else {"sample_weight": sample_weight}
        return float(self._final.score(self._before_final(X), y, **weights))

    def _can_transform(self) -> bool:
        return _is_passthrough(self._final) or hasattr(self._final, "transform")

    @available_if(_can_transform)  # type: ignore[untyped-decorator]
    def transform(self, X: Any, **params: Any) -> Any:
        """Return the rows as they leave the last step."""
        X = self._before_final(X, params)
        return X if _is_passthrough(self._final) else self._final.transform(X, **params)

    @available_if(_all_have_inverse)  # type: ignore[untyped-decorator]
    def inverse_transform(self, X: Any) -> Any:
        """Return rows as they were before the first step."""
        for _, step in reversed(list(self._steps())):
            X = step.inverse_transform(X)
        return X

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[Any]:
        """Return the names of the columns that leave the last step that transforms."""
        names = input_features
        for _, step in self._steps():
            if hasattr(step, "get_feature_names_out"):
                names = step.get_feature_names_out(names)
            elif hasattr(step, "transform"):
                raise AttributeError(f"{type(step).__name__} has no get_feature_names_out")
        return np.asarray(names)

    @property
    def classes_(self) -> npt.NDArray[Any]:
        classes: npt.NDArray[Any] = self._final.classes_
        return classes

    @property
    def n_features_in_(self) -> int:
        return int(next(step for _, step in self._steps()).n_features_in_)

    @property
    def feature_names_in_(self) -> npt.NDArray[Any]:
        names: npt.NDArray[Any] = next(step for _, step in self._steps()).feature_names_in_
        return names

    @property
    def _estimator_type(self) -> Any:
        return getattr(self._final, "_estimator_type", None)

    def __sklearn_is_fitted__(self) -> bool:
        fitted = [step for _, step in self._steps()]
        try:
            check_is_fitted(fitted[-1])
        except Exception:
            return False
        return True

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        present = [step for _, step in self._steps()] if self.steps else []
        if present:
            first, last = get_tags(present[0]), get_tags(present[-1])
            tags.input_tags.allow_nan = self._allows_nan(present)
            tags.input_tags.sparse = all(get_tags(step).input_tags.sparse for step in present)
            tags.input_tags.pairwise = first.input_tags.pairwise
            tags.estimator_type = last.estimator_type
            tags.target_tags = last.target_tags
            tags.classifier_tags = last.classifier_tags
            tags.regressor_tags = last.regressor_tags
            tags.transformer_tags = last.transformer_tags
        return tags

    @staticmethod
    def _allows_nan(steps: list[Any]) -> bool:
        for step in steps:
            if not get_tags(step).input_tags.allow_nan:
                return False
            if hasattr(step, "statistics_") or "Imputer" in type(step).__name__:
                return True  # nothing after an imputer sees NaN
        return True

    def _native_plan(self, classes: Any = None) -> list[dict[str, Any]] | None:
        """Return the unfitted steps for the native fold loop; None where a step is foreign or the last is no classifier.

        ``classes`` (sorted labels) is needed where parameters are keyed by label: without it such a pipeline has no plan.
        """
        self._check_steps()
        plan = []
        for _, step in self._steps():
            native = step._native_step() if hasattr(step, "_native_step") else None
            if native is None:
                return None
            plan.append(native)
        if not plan or not hasattr(self._final, "predict_proba"):
            return None
        return label_steps(plan, classes)


def make_pipeline(*steps: Any, memory: None = None, verbose: bool = False) -> Pipeline:
    """Return a `Pipeline` whose steps are named after their classes.

    Examples
    --------
    >>> from emotion_native.pipeline import make_pipeline
    >>> from emotion_native.preprocessing import StandardScaler
    >>> list(make_pipeline(StandardScaler(), StandardScaler()).named_steps)
    ['standardscaler-1', 'standardscaler-2']
    """
    for step in steps:
        refuse_class(step, "steps", "make_pipeline", "estimators")
    names = [step if isinstance(step, str) else type(step).__name__.lower() for step in steps]
    numbered = [f"{name}-{names[: i + 1].count(name)}" if names.count(name) > 1 else name for i, name in enumerate(names)]
    return Pipeline(list(zip(numbered, steps, strict=True)), memory=memory, verbose=verbose)


def _holds_sampler(step: Any) -> bool:
    """Return whether a step is a pipeline, ours or another, with a sampler at any depth."""
    inner = getattr(step, "steps", None)
    if not isinstance(inner, (list, tuple)):
        return False
    parts = [part[-1] for part in inner if isinstance(part, (list, tuple)) and part]
    return any(is_sampler(part) or _holds_sampler(part) for part in parts)
