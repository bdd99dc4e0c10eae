"""Fixtures that every test may use."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
SHARED_DATA = REPOSITORY.parent / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real corpora beside the repository; the test is skipped where it is absent."""
    if not (SHARED_DATA / "README.md").is_file():
        pytest.skip("the shared corpora are not beside the repository (../shared/data)")
    return SHARED_DATA


@pytest.fixture
def rng() -> np.random.Generator:
    """A generator with a fixed seed."""
    return np.random.default_rng(0)
