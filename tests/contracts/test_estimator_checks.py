"""Every estimator keeps scikit-learn's contract; the sampler keeps imbalanced-learn's."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from imblearn.utils.estimator_checks import _yield_sampler_checks
from sklearn.utils.estimator_checks import parametrize_with_checks

from emotion_native.ensemble import RandomForestClassifier
from emotion_native.feature_selection import SelectKBest
from emotion_native.impute import SimpleImputer
from emotion_native.linear_model import LogisticRegression
from emotion_native.over_sampling import RandomOverSampler
from emotion_native.pipeline import Pipeline
from emotion_native.preprocessing import StandardScaler

ESTIMATORS = [
    StandardScaler(),
    StandardScaler(with_mean=False),
    SimpleImputer(),
    SimpleImputer(strategy="median"),
    SimpleImputer(strategy="most_frequent"),
    SelectKBest(k=1),
    RandomOverSampler(random_state=0),
    LogisticRegression(),
    RandomForestClassifier(n_estimators=5, random_state=0),
    Pipeline([("scale", StandardScaler()), ("sample", RandomOverSampler(random_state=0)), ("classify", LogisticRegression())]),
]


def expected_failures(estimator: Any) -> dict[str, str]:
    if isinstance(estimator, RandomOverSampler):
        return {
            "check_complex_data": "rows are only indexed, so columns of any kind are allowed, as in imbalanced-learn",
            "check_dtype_object": "rows are only indexed, so columns of any kind are allowed, as in imbalanced-learn",
            "check_estimators_nan_inf": "rows are only indexed, so NaN and infinity are allowed, as in imbalanced-learn",
            "check_estimator_sparse_tag": "sparse rows are allowed",
        }
    if isinstance(estimator, (Pipeline, LogisticRegression, RandomForestClassifier)) and not isinstance(estimator, LogisticRegression):
        return {
            "check_sample_weight_equivalence_on_dense_data": "rows are drawn at random, so copies of a row draw other numbers than its weight",
        }
    return {}


@parametrize_with_checks(ESTIMATORS, expected_failed_checks=expected_failures)
def test_scikit_learn_contract(estimator: Any, check: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(estimator)


@pytest.mark.parametrize("check", list(_yield_sampler_checks(RandomOverSampler())), ids=lambda check: getattr(check, "__name__", str(check)))
def test_imbalanced_learn_contract(check: Any) -> None:
    check("RandomOverSampler", RandomOverSampler(random_state=0))
