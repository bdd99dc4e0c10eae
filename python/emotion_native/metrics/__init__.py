"""Scores with scikit-learn's names and results, calibration and abstention scores, and intervals that know about speakers."""

from __future__ import annotations

from ._calibration_error import expected_calibration_error, reliability_curve
from ._classification import (
    accuracy_score,
    balanced_accuracy_score,
    cohen_kappa_score,
    confusion_matrix,
    f1_score,
    matthews_corrcoef,
    precision_recall_fscore_support,
    precision_score,
    recall_score,
    unweighted_average_recall,
)
from ._intervals import Interval, bootstrap_ci, speaker_interval
from ._probabilistic import brier_score_loss, log_loss, top_k_accuracy_score
from ._report import classification_report
from ._selective import (
    area_under_risk_coverage,
    coverage_score,
    excess_area_under_risk_coverage,
    risk_coverage_curve,
    selective_accuracy_score,
    selective_balanced_accuracy_score,
    selective_interval,
)
from ._summary import classification_summary

__all__ = [
    "Interval",
    "accuracy_score",
    "area_under_risk_coverage",
    "balanced_accuracy_score",
    "bootstrap_ci",
    "brier_score_loss",
    "classification_report",
    "classification_summary",
    "cohen_kappa_score",
    "confusion_matrix",
    "coverage_score",
    "excess_area_under_risk_coverage",
    "expected_calibration_error",
    "f1_score",
    "log_loss",
    "matthews_corrcoef",
    "precision_recall_fscore_support",
    "precision_score",
    "recall_score",
    "reliability_curve",
    "risk_coverage_curve",
    "selective_accuracy_score",
    "selective_balanced_accuracy_score",
    "selective_interval",
    "speaker_interval",
    "top_k_accuracy_score",
    "unweighted_average_recall",
]
