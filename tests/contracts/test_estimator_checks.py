"""Every estimator keeps scikit-learn's contract; the sampler keeps imbalanced-learn's."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from imblearn.utils import estimator_checks as sampler_checks
from sklearn.utils.estimator_checks import parametrize_with_checks

from emotion_native.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    RandomForestClassifier,
    SearchVotingClassifier,
    StackingClassifier,
    VotingClassifier,
)
from emotion_native.feature_selection import SelectKBest
from emotion_native.impute import SimpleImputer
from emotion_native.isotonic import IsotonicRegression
from emotion_native.linear_model import LogisticRegression
from emotion_native.model_selection import GridSearchCV, RandomizedSearchCV
from emotion_native.multilabel import OneVsRestClassifier
from emotion_native.over_sampling import SMOTE, BorderlineSMOTE, RandomOverSampler
from emotion_native.pipeline import Pipeline
from emotion_native.preprocessing import SpeakerNormalizer, StandardScaler
from emotion_native.under_sampling import RandomUnderSampler

ESTIMATORS = [
    StandardScaler(),
    SpeakerNormalizer(),
    SimpleImputer(),
    SimpleImputer(strategy="median"),
    SelectKBest(k=1),
    RandomOverSampler(random_state=0),
    RandomUnderSampler(random_state=0),
    SMOTE(random_state=0),
    BorderlineSMOTE(random_state=0),
    LogisticRegression(),
    IsotonicRegression(),
    LogisticRegression(l1_ratio=0.5),
    OneVsRestClassifier(LogisticRegression()),
    RandomForestClassifier(n_estimators=5, random_state=0),
    ExtraTreesClassifier(n_estimators=5, random_state=0),
    GradientBoostingClassifier(n_estimators=5, random_state=0, allow_ungrouped=True),
    Pipeline([("scale", StandardScaler()), ("sample", RandomOverSampler(random_state=0)), ("classify", LogisticRegression())]),
    VotingClassifier([("a", LogisticRegression()), ("b", LogisticRegression(C=0.1))], voting="soft"),
    VotingClassifier([("a", LogisticRegression()), ("b", LogisticRegression(C=0.1))]),
    StackingClassifier([("a", LogisticRegression()), ("b", LogisticRegression(C=0.1))], cv=2, allow_ungrouped=True),
    GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=2, allow_ungrouped=True, error_score="raise"),
    SearchVotingClassifier(GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=2, allow_ungrouped=True, error_score="raise"), n_best=2),
    RandomizedSearchCV(
        Pipeline([("scale", StandardScaler()), ("classify", LogisticRegression())]),
        {"classify__C": [0.1, 1.0]},
        n_iter=2,
        random_state=0,
        cv=2,
        allow_ungrouped=True,
        error_score="raise",
    ),
]


DRAWN = {"check_sample_weight_equivalence_on_dense_data": "rows are drawn at random, so a weight of 2 and a row twice draw other numbers"}


def expected_failures(estimator: Any) -> dict[str, str]:
    if isinstance(estimator, (RandomOverSampler, RandomUnderSampler)):
        return {
            "check_estimators_nan_inf": "rows are only indexed, so NaN and infinity are allowed, as in imbalanced-learn",
        }
    if isinstance(estimator, Pipeline):
        return {**DRAWN, "check_estimators_overwrite_params": "steps are fitted in place, as in scikit-learn's Pipeline"}
    return DRAWN if isinstance(estimator, RandomForestClassifier) else {}


@parametrize_with_checks(ESTIMATORS, expected_failed_checks=expected_failures)
def test_scikit_learn_contract(estimator: Any, check: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(estimator)


SAMPLER_CHECKS = [
    "check_target_type",
    "check_samplers_one_label",
    "check_samplers_fit",
    "check_samplers_fit_resample",
    "check_samplers_sampling_strategy_fit_resample",
    "check_samplers_sparse",
    "check_samplers_pandas",
    "check_samplers_pandas_sparse",
    "check_samplers_string",
    "check_samplers_nan",
    "check_samplers_list",
    "check_samplers_preserve_dtype",
    "check_samplers_2d_target",
    "check_sampler_get_feature_names_out",
    "check_sampler_get_feature_names_out_pandas",
]  # all of them but check_samplers_multiclass_ova: labels in several columns are refused,
# and check_samplers_sample_indices, which reads tags of imbalanced-learn's own class


NEIGHBOURS = [check for check in SAMPLER_CHECKS if check not in ("check_samplers_string", "check_samplers_nan")]  # distances need finite numbers


@pytest.mark.parametrize(
    ("sampler", "check"),
    [(RandomOverSampler, check) for check in SAMPLER_CHECKS] + [(sampler, check) for sampler in (SMOTE, BorderlineSMOTE) for check in NEIGHBOURS],
)
def test_imbalanced_learn_contract(sampler: Any, check: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        getattr(sampler_checks, check)(sampler.__name__, sampler(random_state=0))
