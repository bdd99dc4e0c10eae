"""Scores with scikit-learn's names and results, calibration, abstention and agreement, intervals and tests that know about speakers."""

from __future__ import annotations

from ._agreement import fleiss_kappa, krippendorff_alpha
from ._calibration_error import expected_calibration_error, reliability_curve
from ._classification import (
    accuracy_score,
    balanced_accuracy_score,
    cohen_kappa_score,
    confusion_matrix,
    f1_score,
    fbeta_score,
    matthews_corrcoef,
    precision_recall_fscore_support,
    precision_score,
    recall_score,
    unweighted_average_recall,
)
from ._gains import dcg_score, ndcg_score
from ._intervals import Interval, bootstrap_ci, speaker_interval
from ._label_ranking import coverage_error, label_ranking_average_precision_score, label_ranking_loss
from ._labelwise import class_likelihood_ratios, hamming_loss, jaccard_score, multilabel_confusion_matrix, zero_one_loss
from ._paired import PairedComparison, paired_speaker_test
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
from ._significance import McNemarResult, detectable_difference, holm_correction, mcnemar_test
from ._skill import d2_brier_score, d2_log_loss_score, hinge_loss
from ._summary import classification_summary
from ._thresholds import (
    auc,
    average_precision_score,
    confusion_matrix_at_thresholds,
    det_curve,
    metric_at_thresholds,
    precision_recall_curve,
    roc_auc_score,
    roc_curve,
)

__all__ = [
    "Interval",
    "McNemarResult",
    "PairedComparison",
    "accuracy_score",
    "area_under_risk_coverage",
    "auc",
    "average_precision_score",
    "balanced_accuracy_score",
    "bootstrap_ci",
    "brier_score_loss",
    "class_likelihood_ratios",
    "classification_report",
    "classification_summary",
    "cohen_kappa_score",
    "confusion_matrix",
    "confusion_matrix_at_thresholds",
    "coverage_error",
    "coverage_score",
    "d2_brier_score",
    "d2_log_loss_score",
    "dcg_score",
    "det_curve",
    "detectable_difference",
    "excess_area_under_risk_coverage",
    "expected_calibration_error",
    "f1_score",
    "fbeta_score",
    "fleiss_kappa",
    "hamming_loss",
    "hinge_loss",
    "holm_correction",
    "jaccard_score",
    "krippendorff_alpha",
    "label_ranking_average_precision_score",
    "label_ranking_loss",
    "log_loss",
    "matthews_corrcoef",
    "mcnemar_test",
    "metric_at_thresholds",
    "multilabel_confusion_matrix",
    "ndcg_score",
    "paired_speaker_test",
    "precision_recall_curve",
    "precision_recall_fscore_support",
    "precision_score",
    "recall_score",
    "reliability_curve",
    "risk_coverage_curve",
    "roc_auc_score",
    "roc_curve",
    "selective_accuracy_score",
    "selective_balanced_accuracy_score",
    "selective_interval",
    "speaker_interval",
    "top_k_accuracy_score",
    "unweighted_average_recall",
    "zero_one_loss",
]
