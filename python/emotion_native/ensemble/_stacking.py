"""Stacking: a classifier that learns from the out-of-fold predictions of others, with folds that keep groups whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.base import ClassifierMixin, TransformerMixin, clone
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import _num_samples, check_is_fitted

from .._validation import check_flag
from ..exceptions import InvalidInputError
from ..model_selection._asking import HandsOn, ask, asked_names
from ..model_selection._cross_validation import cross_val_predict
from ..model_selection._fit import Labels, aligned, check_labels, check_lengths, each_fold, fit_params_of
from ..model_selection._folds import resolve_folds
from ._members import Members, is_dropped

_METHODS = ("predict_proba", "decision_function", "predict")
Floats = npt.NDArray[np.float64]


def _final_has(method: str) -> Callable[[Any], bool]:
    def check(self: Any) -> bool:
        getattr(self.final_estimator_ if hasattr(self, "final_estimator_") else self._final(), method)
        return True

    return check


class StackingClassifier(HandsOn, ClassifierMixin, TransformerMixin, Members):  # type: ignore[misc]  # scikit-learn has no type information
    """Classifiers whose out-of-fold predictions are the columns of a last one.

    The last classifier learns from predictions of rows that a member has not seen: members are fitted on grouped inner folds, which keep speakers
    whole, and then once more on all rows. All members see the same inner folds.

    Parameters
    ----------
    estimators : list of (name, classifier)
        The members, never fitted themselves; ``"drop"`` leaves one out.
    final_estimator : classifier or None
        Learns from the members' predictions. None: `emotion_native.linear_model.LogisticRegression`.
    cv : None, int, splitter, iterable or "prefit"
        The inner folds, each row tested exactly once. None and integers: stratified folds of whole groups. ``"prefit"``: the members are fitted
        already and taken as they are; the rows given to ``fit`` must then be of speakers that no member has heard, which nothing can check: without
        ``groups`` nobody even says who speaks, and ``ungrouped_`` is True.
    stack_method : {"auto", "predict_proba", "decision_function", "predict"}
        What members say; ``"auto"`` takes the first of the three that a member has. Of two classes one column of probabilities is kept.
    n_jobs : int or None
        Threads. Results do not depend on it.
    passthrough : bool
        Whether the last classifier also sees the columns of ``X``.
    verbose : int
        Accepted for compatibility; no effect.
    allow_ungrouped : bool
        Split without groups on purpose; ``ungrouped_`` says so.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    estimators_ : list of fitted classifiers
    named_estimators_ : Bunch
    final_estimator_ : fitted classifier
    stack_method_ : list of str
        One a member that is not dropped.
    inner_split_ : dict
        ``n_splits``, ``n_rows``, ``ungrouped`` and ``hash`` of the inner folds; empty for ``"prefit"``.
    ungrouped_ : bool
        Whether rows were split without groups, here or by a member, or with ``"prefit"`` no groups were given.
    n_features_in_, feature_names_in_
        Of the members.

    Notes
    -----
    Source: Wolpert, "Stacked generalization", Neural Networks 5 (1992). Names, arguments and results are scikit-learn's, but for the groups; labels
    reach the members as they are, not as numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from emotion_native.ensemble import RandomForestClassifier, StackingClassifier
    >>> from emotion_native.linear_model import LogisticRegression
    >>> X, y = load_iris(return_X_y=True)
    >>> models = [("forest", RandomForestClassifier(20, random_state=0)), ("logistic", LogisticRegression(max_iter=1000))]
    >>> stack = StackingClassifier(models).fit(X, y, groups=np.arange(150) % 10)
    >>> stack.predict_proba(X[:2]).shape, stack.inner_split_["n_splits"], stack.ungrouped_
    ((2, 3), 5, False)
    """

    _takes_row_metadata = True  # groups, speaker and the like reach the classifiers that ask

    def __init__(
        self,
        estimators: Any,
        final_estimator: Any = None,
        *,
        cv: Any = None,
        stack_method: str = "auto",
        n_jobs: int | None = None,
        passthrough: bool = False,
        verbose: int = 0,
        allow_ungrouped: bool = False,
    ) -> None:
        self.estimators = estimators
        self.final_estimator = final_estimator
        self.cv = cv
        self.stack_method = stack_method
        self.n_jobs = n_jobs
        self.passthrough = passthrough
        self.verbose = verbose
        self.allow_ungrouped = allow_ungrouped

    def _final(self) -> Any:
        if self.final_estimator is not None:
            return self.final_estimator
        from ..linear_model import LogisticRegression

        return LogisticRegression()

    def _checked(self, given: dict[str, Any], caller: str) -> tuple[list[tuple[str, Any]], list[str]]:
        """Return the members that are not dropped and the method of each; whoever cannot take an argument is told before the first fit."""
        check_flag(self.passthrough, "passthrough", caller)
        check_flag(self.allow_ungrouped, "allow_ungrouped", caller)
        if self.stack_method not in ("auto", *_METHODS):
            known = ", ".join(map(repr, ("auto", *_METHODS)))
            raise InvalidInputError(f"stack_method of {caller} must be one of {known}; got {self.stack_method!r}")
        final = self._final()
        if isinstance(final, type) or not hasattr(final, "fit"):
            raise InvalidInputError(f"final_estimator of {caller} must be a classifier; got {final!r:.80}")
        members = self._members(caller)
        fit_params_of(final, {"sample_weight": given["sample_weight"]}, None, 0, caller=caller)
        methods = []
        for name, model in members:
            fit_params_of(model, given, None, 0, caller=caller)
            wanted = _METHODS if self.stack_method == "auto" else (self.stack_method,)
            found = next((method for method in wanted if hasattr(model, method)), None)
            if found is None:
                raise InvalidInputError(f"estimators of {caller} must have {self.stack_method}; got {name!r}, a {type(model).__name__} without it")
            methods.append(found)
        return members, methods

    def fit(self, X: Any, y: Any, *, sample_weight: Any = None, groups: Any = None, **params: Any) -> StackingClassifier:
        """Predict all rows out of fold, fit the last classifier on that, and the members on all rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        sample_weight : array-like of shape (n_samples,), optional
            For the members and the last classifier.
        groups : array-like of shape (n_samples,)
            What every inner fold keeps whole; also for members and a last classifier that split rows.
        **params
            Handed to every member's ``fit``; values with one entry a row are cut down to the training rows.

        Raises
        ------
        InvalidInputError
            If an argument breaks its rule.
        LeakageError
            Without groups (unless allowed), or if a group is on both sides of an inner fold.
        """
        caller = "StackingClassifier.fit"
        given = {**params, "sample_weight": sample_weight}
        members, methods = self._checked(given, caller)
        X, y, groups = check_lengths(X, y, groups, caller=caller)
        labels = check_labels(y, _num_samples(X), caller=caller)
        if len(labels.classes) < 2:
            found = f"one class, {labels.classes.tolist()[0]!r}" if len(labels.classes) else "no rows"
            raise InvalidInputError(f"y of {caller} must be labels of at least two classes; got {found}")
        if isinstance(self.cv, str) and self.cv == "prefit":
            models = [model for _, model in members]
            for model in models:
                check_is_fitted(model)
            pieces = [np.asarray(ask(model, method, X, params)) for model, method in zip(models, methods, strict=True)]
            split: dict[str, Any] = {}
        else:
            pieces, split = self._out_of_fold(members, methods, X, labels, groups, given, caller)
            models = self._fitted_members(members, X, labels, {**given, "groups": groups}, caller)
        final = clone(self._final())
        own = {"sample_weight": sample_weight, "groups": groups}
        columns = self._columns(X, pieces, methods)
        final.fit(columns, labels.values, **fit_params_of(final, own, None, len(labels.codes), caller=caller))
        self.classes_ = labels.classes
        self._remember_metadata(params)
        self._keep_fitted(members, models)
        self.stack_method_ = methods
        self.inner_split_ = split
        ungrouped = bool(split.get("ungrouped", groups is None))  # without a split of its own: whether anybody told whose rows these are
        self.ungrouped_ = ungrouped or any(getattr(model, "ungrouped_", False) for model in (*models, final))
        self.final_estimator_ = final
        return self

    def _fitted_members(self, members: list[tuple[str, Any]], X: Any, labels: Labels, given: dict[str, Any], caller: str) -> list[Any]:
        def one(k: int) -> Any:
            model = clone(members[k][1])
            model.fit(X, labels.values, **fit_params_of(model, given, None, len(labels.codes), caller=caller))
            return model

        return each_fold(len(members), one, caller=caller, n_jobs=self.n_jobs, progress=False)

    def _out_of_fold(
        self, members: list[tuple[str, Any]], methods: list[str], X: Any, labels: Labels, groups: Any, given: dict[str, Any], caller: str
    ) -> tuple[list[npt.NDArray[Any]], dict[str, Any]]:
        """Return each member's predictions of rows that it has not seen, and what the folds were."""
        folds = resolve_folds(self.cv, X, labels.values, groups, caller=caller, allow_ungrouped=self.allow_ungrouped)
        if (folds.fold_of_rows() < 0).any():
            raise InvalidInputError(f"cv of {caller} must test each row exactly once; got rows that no fold tests")
        options: dict[str, Any] = {"groups": groups, "n_jobs": self.n_jobs, "allow_ungrouped": self.allow_ungrouped, "progress": False}
        pieces = []
        for (_, model), method in zip(members, methods, strict=True):
            own = {name: value for name, value in given.items() if value is not None}
            pieces.append(np.asarray(cross_val_predict(model, X, labels.values, cv=list(folds), method=method, params=own, **options)))
        return pieces, {"n_splits": len(folds), "n_rows": folds.n_samples, "ungrouped": folds.ungrouped, "hash": folds.hash}

    def _columns(self, X: Any, pieces: list[npt.NDArray[Any]], methods: list[str]) -> Any:
        """Return what the last classifier sees."""
        columns = []
        for piece, method in zip(pieces, methods, strict=True):
            if piece.ndim == 1:
                columns.append(piece[:, None])
            else:
                columns.append(piece[:, 1:] if method == "predict_proba" and piece.shape[1] == 2 else piece)
        if self.passthrough and sparse.issparse(X):
            return sparse.hstack([*columns, X], format=X.format)
        return np.hstack([*columns, np.asarray(X)] if self.passthrough else columns)

    def transform(self, X: Any, **metadata: Any) -> Any:
        """Return the columns that the last classifier sees: the members' predictions, and ``X`` with ``passthrough``.

        ``metadata``: what members ask for when they predict (``speaker`` or ``enrol``, for a `SpeakerNormalizer`); it
        must be given where `fit` was given it. So in the other methods.
        """
        check_is_fitted(self)
        given = self._handed_on(metadata, "transform")
        pieces = []
        for model, method in zip(self.estimators_, self.stack_method_, strict=True):
            values = np.asarray(ask(model, method, X, given))
            whole = values.ndim == 2 and method == "predict_proba" and len(getattr(model, "classes_", ())) == values.shape[1] < len(self.classes_)
            pieces.append(aligned(values, model.classes_, self.classes_) if whole else values)
        return self._columns(X, pieces, self.stack_method_)

    def predict(self, X: Any, **predict_params: Any) -> npt.NDArray[Any]:
        """Return labels (n_samples,); ``predict_params`` go to the members where these ask for them, else to the last classifier."""
        own = {name: predict_params.pop(name) for name in asked_names(self) if name in predict_params}
        columns = self.transform(X, **own)
        return np.asarray(self.final_estimator_.predict(columns, **predict_params))

    @available_if(_final_has("predict_proba"))  # type: ignore[untyped-decorator]  # scikit-learn is untyped
    def predict_proba(self, X: Any, **metadata: Any) -> Floats:
        """Return the last classifier's probabilities (n_samples, n_classes)."""
        columns = self.transform(X, **metadata)
        return np.asarray(self.final_estimator_.predict_proba(columns))

    @available_if(_final_has("decision_function"))  # type: ignore[untyped-decorator]  # scikit-learn is untyped
    def decision_function(self, X: Any, **metadata: Any) -> Floats:
        """Return the last classifier's margins."""
        columns = self.transform(X, **metadata)
        return np.asarray(self.final_estimator_.decision_function(columns))

    def _native_stack(self) -> tuple[list[str], list[Any], Any, bool]:
        """Return what each member says, the members, the last classifier, and whether it sees the columns of ``X``, for the model file."""
        check_is_fitted(self)
        if "predict" in self.stack_method_:
            rule = "predict_proba or decision_function for a model file (save_pickle stores others)"
            raise InvalidInputError(f"stack_method of StackingClassifier must be {rule}; got 'predict'")
        return self.stack_method_, self.estimators_, self.final_estimator_, bool(self.passthrough)

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[Any]:
        """Return the names of the columns of `transform`: the member's, followed by the class number where it has several columns."""
        check_is_fitted(self)
        names: list[str] = []
        kept = [name for name, model in self.estimators if not is_dropped(model)]
        for name, method in zip(kept, self.stack_method_, strict=True):
            several = len(self.classes_) > 2 and method != "predict"
            names += [f"stackingclassifier_{name}{k}" for k in range(len(self.classes_))] if several else [f"stackingclassifier_{name}"]
        if self.passthrough:
            own = getattr(self, "feature_names_in_", None) if input_features is None else input_features
            names += [f"x{k}" for k in range(self.n_features_in_)] if own is None else [str(name) for name in own]
        return np.asarray(names, dtype=object)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []
        return tags
