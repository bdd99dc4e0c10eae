"""The estimator checks of scikit-learn and imbalanced-learn, run by scripts/peer_tests on our samplers.

imbalanced-learn's checks ask for tags and base classes of its own: our samplers are lent both, so that no check is passed over.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from imblearn.over_sampling.base import BaseOverSampler
from imblearn.under_sampling.base import BaseUnderSampler
from imblearn.utils import _tags as imblearn_tags
from imblearn.utils import estimator_checks as imblearn_checks
from sklearn.utils import estimator_checks as sklearn_checks
from sklearn.utils import get_tags

from emotion_native.over_sampling import SMOTE, BorderlineSMOTE, RandomOverSampler
from emotion_native.under_sampling import RandomUnderSampler

OVER = [RandomOverSampler(random_state=0), RandomOverSampler(random_state=0, shrinkage=1.0), SMOTE(random_state=0), BorderlineSMOTE(random_state=0)]
SAMPLERS = [*OVER, RandomUnderSampler(random_state=0)]


def tags_of(estimator: Any) -> Any:
    """Return the estimator's tags as imbalanced-learn has them: data frames are welcome, `sample_indices_` is there."""
    tags = get_tags(estimator)
    own = tags.input_tags
    tags.input_tags = imblearn_tags.InputTags(**{field.name: getattr(own, field.name) for field in fields(own)}, dataframe=True)
    plain = {field.name: getattr(tags, field.name) for field in fields(tags)}
    return imblearn_tags.Tags(**plain, sampler_tags=imblearn_tags.SamplerTags(sample_indices=True))


imblearn_checks.get_tags = tags_of
for sampler in OVER:
    BaseOverSampler.register(type(sampler))
BaseUnderSampler.register(RandomUnderSampler)


@imblearn_checks.parametrize_with_checks(SAMPLERS)
def test_imblearn_checks(estimator: Any, check: Any) -> None:
    """Checks of imbalanced-learn."""
    check(estimator)


@sklearn_checks.parametrize_with_checks(SAMPLERS)
def test_sklearn_checks(estimator: Any, check: Any) -> None:
    """Checks of scikit-learn."""
    check(estimator)
