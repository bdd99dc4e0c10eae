"""One feature table of the bundled corpus for all tests of experiments."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture(scope="session")
def table() -> Any:
    """The features of the five training speakers of the sample corpus."""
    import emotion_native as en

    sample = en.datasets.load_sample()
    return en.features.extract(sample[sample["split"] == "train"].reset_index(drop=True), progress=False, cache=False)


@pytest.fixture(scope="session")
def small() -> dict[str, Any]:
    """Settings of a run that takes about a second."""
    return {"forest": {"n_estimators": 12}, "background_rows": 4, "leave_one_speaker_out": True, "target_coverage": 0.8}
