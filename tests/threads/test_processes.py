"""Worker processes: started by spawn they give the same bits. Forking after the first threaded call is not supported, as the documentation says."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest

import emotion_native as en

PROGRAM = """
import sys
import numpy as np
import emotion_native as en
rng = np.random.default_rng(0)
X = rng.normal(size=(90, 12)).astype(np.float32)
y = np.repeat([0, 1, 2], 30)
model = en.ensemble.RandomForestClassifier(n_estimators=15, random_state=3, n_jobs=int(sys.argv[1])).fit(X, y)
print(model.predict_proba(X).tobytes().hex())
"""


def parent_result() -> str:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(90, 12)).astype(np.float32)
    y = np.repeat([0, 1, 2], 30)
    return en.ensemble.RandomForestClassifier(n_estimators=15, random_state=3, n_jobs=2).fit(X, y).predict_proba(X).tobytes().hex()


@pytest.mark.parametrize("n_jobs", [1, 7])
def test_a_fresh_process_gives_the_same_bits(n_jobs: int) -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM, str(n_jobs)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == parent_result()


@pytest.mark.unsanitized  # the pool's resource tracker is started without the preloaded sanitizer libraries
def test_spawned_workers_receive_and_return_fitted_models() -> None:
    rng = np.random.default_rng(1)
    X = rng.normal(size=(90, 12)).astype(np.float32)
    y = np.repeat([0, 1, 2], 30)
    model = en.ensemble.RandomForestClassifier(n_estimators=10, random_state=0, n_jobs=2).fit(X, y)
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        fitted = pool.submit(en.ensemble.RandomForestClassifier(n_estimators=10, random_state=0, n_jobs=1).fit, X, y).result(timeout=120)
        predicted = pool.submit(model.predict_proba, X).result(timeout=120)
    np.testing.assert_array_equal(fitted.predict_proba(X), model.predict_proba(X))
    np.testing.assert_array_equal(predicted, model.predict_proba(X))
