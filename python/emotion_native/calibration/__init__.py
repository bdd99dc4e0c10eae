"""Probabilities that mean what they say, and classifiers that may abstain.

Calibrators and thresholds are fitted on *out-of-fold* predictions: each row is predicted by a model that never saw its group. `nested_evaluation`
repeats that inside the training part of every outer fold, so that no number of a report comes from rows that a calibrator or threshold has seen.
"""

from __future__ import annotations

from ._abstention import ABSTENTION_REASONS, AbstainingClassifier, choose_threshold
from ._classifier import CalibratedClassifierCV
from ._conformal import ConformalClassifier
from ._maps import IsotonicCalibrator, SigmoidCalibrator, TemperatureCalibrator, fit_calibrator
from ._nested import nested_evaluation
from ._nested_results import FinalChoice, NestedEvaluation
from ._out_of_distribution import OutOfDistributionDetector
from ._prior_classifier import PriorCorrectedClassifier
from ._priors import PriorCorrection, correct_priors, estimate_priors
from ._set_report import prediction_set_report
from ._soft_ensembles import SoftEnsemble

__all__ = [
    "ABSTENTION_REASONS",
    "AbstainingClassifier",
    "CalibratedClassifierCV",
    "ConformalClassifier",
    "FinalChoice",
    "IsotonicCalibrator",
    "NestedEvaluation",
    "OutOfDistributionDetector",
    "PriorCorrectedClassifier",
    "PriorCorrection",
    "SigmoidCalibrator",
    "SoftEnsemble",
    "TemperatureCalibrator",
    "choose_threshold",
    "correct_priors",
    "estimate_priors",
    "fit_calibrator",
    "nested_evaluation",
    "prediction_set_report",
]
