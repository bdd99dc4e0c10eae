"""A classifier whose probabilities answer for the classes as they occur, however its training rows were balanced."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from .._validation import check_sample_weight
from ..exceptions import InvalidInputError
from ..model_selection._asking import ask
from ..model_selection._fit import aligned
from ._classifier import _GroupedMetaClassifier, checked_rows, default_estimator
from ._fold_models import model_correction, weights_of
from ._maps import Floats
from ._priors import PriorCorrection, class_totals, priors_given

_CALLER = "PriorCorrectedClassifier.fit"


class PriorCorrectedClassifier(_GroupedMetaClassifier):
    """A classifier whose probabilities are corrected for what sampling and class weights did to the class priors.

    A model trained on rows that a sampler balanced answers for a world in which all classes are as frequent: good for balanced accuracy, wrong as
    a probability. By Bayes' rule the probabilities for the true shares are ``q_k`` proportional to ``p_k * target_k / trained_k``. Nothing is
    split, so no groups are needed.

    Parameters
    ----------
    estimator : classifier with predict_proba, optional
        Often a `Pipeline` with a sampler, which tells how many rows of each class were left; class weights count too.
    target_priors : {"training"}, array-like of shape (n_classes,) or mapping from labels to shares
        "training": the shares of the classes, by weight, among the rows given to `fit`.
    trained_priors : {"balanced"}, array-like of shape (n_classes,), mapping, or None
        What the classifier was trained with; None: found out. To be given where it cannot be, as for pipelines of others.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    estimator_ : classifier
        Fitted on all rows.
    calibrator_ : PriorCorrection
        With ``trained_priors_`` and ``target_priors_``.
    n_features_in_ : int

    Notes
    -----
    The correction is exact where the training probabilities are: it takes it that a sampler changed the shares of the classes alone, which holds
    for copies and for rows left out, and nearly for SMOTE. For a calibration map as well, use ``CalibratedClassifierCV(prior_correction=True)``.

    Examples
    --------
    >>> import numpy as np
    >>> from emotion_native.calibration import PriorCorrectedClassifier
    >>> from emotion_native.linear_model import LogisticRegression
    >>> from emotion_native.over_sampling import RandomOverSampler
    >>> from emotion_native.pipeline import make_pipeline
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(["calm", "angry"], [900, 100])
    >>> X = rng.normal(size=(1000, 1)) + (y == "angry")[:, None]
    >>> model = PriorCorrectedClassifier(make_pipeline(RandomOverSampler(random_state=0), LogisticRegression())).fit(X, y)
    >>> model.calibrator_.trained_priors_.tolist(), model.calibrator_.target_priors_.tolist()
    ([0.5, 0.5], [0.1, 0.9])
    >>> [round(float(p.predict_proba(X)[:, 0].mean()), 1) for p in (model.estimator_, model)]
    [0.4, 0.1]
    """

    def __init__(self, estimator: Any = None, *, target_priors: Any = "training", trained_priors: Any = None) -> None:
        self.estimator = estimator
        self.target_priors = target_priors
        self.trained_priors = trained_priors

    @property
    def _needs_rows_as_they_occur(self) -> bool:  # type: ignore[override]  # the others always do
        """Whether the shares of the classes are taken from the rows of `fit`."""
        return isinstance(self.target_priors, str)

    def fit(self, X: Any, y: Any, sample_weight: Any = None, *, groups: Any = None, **params: Any) -> PriorCorrectedClassifier:
        """Fit the classifier on all rows, and find the priors.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        sample_weight : array-like of shape (n_samples,), optional
        groups : array-like of shape (n_samples,), optional
            For classifiers that split rows.
        **params
            Handed to the classifier's ``fit``.

        Raises
        ------
        InvalidInputError
            If an argument breaks its rule, or it cannot be known which priors the classifier was trained with.
        """
        estimator = default_estimator() if self.estimator is None else self.estimator
        X, labels, groups = checked_rows(estimator, X, y, groups, _CALLER)
        check_sample_weight(sample_weight, len(labels.codes), caller=_CALLER)
        if not hasattr(estimator, "predict_proba"):
            raise InvalidInputError(f"estimator of {_CALLER} must have predict_proba; got {type(estimator).__name__}")
        arguments = {**params, "sample_weight": sample_weight}
        n = len(labels.classes)
        target = class_totals(labels.codes, n, weights_of(arguments))
        if not (isinstance(self.target_priors, str) and self.target_priors == "training"):
            target = priors_given(self.target_priors, labels.classes, "target_priors", _CALLER)
        trained = None
        if isinstance(self.trained_priors, str) and self.trained_priors == "balanced":
            trained = np.ones(n)
        elif self.trained_priors is not None:
            trained = priors_given(self.trained_priors, labels.classes, "trained_priors", _CALLER)
        self._refit(estimator, X, labels, groups, arguments, _CALLER)
        if trained is None:
            remedy = "give trained_priors"
            trained = model_correction(self.estimator_, labels, None, weights_of(arguments), _CALLER, remedy).trained_priors_
        self.calibrator_ = PriorCorrection(trained, target)
        return self

    def predict_proba(self, X: Any, **metadata: Any) -> Floats:
        """Return corrected probabilities of shape (n_samples, n_classes), columns as in ``classes_``."""
        check_is_fitted(self)
        proba = ask(self.estimator_, "predict_proba", X, self._handed_on(metadata, "predict_proba"))
        return self.calibrator_.predict_proba(aligned(proba, self.estimator_.classes_, self.classes_))
