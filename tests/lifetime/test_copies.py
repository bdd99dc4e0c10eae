"""Copies of fitted estimators: pickles, deep copies and other processes give the same bits; a forked child of a threaded parent does not hang."""

from __future__ import annotations

import copy
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from typing import Any

import joblib
import numpy as np
import pytest

import emotion_native as en

RNG = np.random.default_rng(0)
Y = np.repeat([0, 1, 2], [60, 30, 20])
X = RNG.normal(size=(110, 8)).astype(np.float32)
X[np.arange(110), Y] += 2
SAMPLERS = [
    en.over_sampling.RandomOverSampler(random_state=0),
    en.over_sampling.SMOTE(random_state=0, n_jobs=2),
    en.over_sampling.BorderlineSMOTE(random_state=0, n_jobs=2),
    en.under_sampling.RandomUnderSampler(random_state=0),
]
MAKERS: dict[str, Callable[[], Any]] = {
    "forest": lambda: en.ensemble.RandomForestClassifier(8, random_state=0, n_jobs=2),
    "extra trees": lambda: en.ensemble.ExtraTreesClassifier(8, random_state=0, n_jobs=2),
    "boosting": lambda: en.ensemble.GradientBoostingClassifier(n_estimators=8, random_state=0, n_jobs=2),
    **{
        f"pipeline with {type(sampler).__name__}": lambda sampler=sampler: en.pipeline.make_pipeline(
            en.preprocessing.StandardScaler(), sampler, en.ensemble.GradientBoostingClassifier(n_estimators=4, random_state=0, n_jobs=2)
        )
        for sampler in SAMPLERS
    },
}


@cache
def fitted(name: str) -> Any:
    return MAKERS[name]().fit(X, Y)


@pytest.mark.parametrize("name", MAKERS)
def test_pickles_and_deep_copies_keep_the_bits(name: str) -> None:
    model = fitted(name)
    expected = model.predict_proba(X)
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(model, protocol)).predict_proba(X), expected)
    twin = copy.deepcopy(model)
    np.testing.assert_array_equal(twin.predict_proba(X), expected)
    twin.fit(X[:90], Y[:90])
    np.testing.assert_array_equal(model.predict_proba(X), expected)


@pytest.mark.parametrize("sampler", SAMPLERS, ids=lambda sampler: type(sampler).__name__)
def test_copied_samplers_draw_the_same_rows(sampler: Any) -> None:
    expected = sampler.fit_resample(X, Y)
    for twin in (pickle.loads(pickle.dumps(sampler)), copy.deepcopy(sampler)):
        for one, other in zip(twin.fit_resample(X, Y), expected, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.unsanitized  # workers are started without the preloaded sanitizer libraries
def test_worker_processes_fit_and_return_the_same_bits() -> None:
    names = list(MAKERS)
    expected = [fitted(name).predict_proba(X) for name in names]
    by_joblib = joblib.Parallel(n_jobs=2, backend="loky")(joblib.delayed(MAKERS[name]().fit)(X, Y) for name in names)
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        by_spawn = [pool.submit(MAKERS[name]().fit, X, Y) for name in names]
        models = [future.result(timeout=120) for future in by_spawn]
    for one, other, shares in zip(by_joblib, models, expected, strict=True):
        np.testing.assert_array_equal(one.predict_proba(X), shares)
        np.testing.assert_array_equal(other.predict_proba(X), shares)


# Forking after a first use of threads is not supported, but a child must end: with the same bits, as seen, or with an error.
FORKED = """
import os, sys
import numpy as np
import emotion_native as en
rng = np.random.default_rng(0)
y = np.arange(3000) % 4
X = rng.normal(size=(3000, 20)).astype(np.float32)
X[np.arange(3000), y] += 2
makers = [
    lambda n: en.ensemble.RandomForestClassifier(20, random_state=0, n_jobs=n),
    lambda n: en.ensemble.ExtraTreesClassifier(20, random_state=0, n_jobs=n),
    lambda n: en.ensemble.GradientBoostingClassifier(n_estimators=4, random_state=0, n_jobs=n),
]
for make in makers:
    expected = make(2).fit(X, y).predict_proba(X)
    for n_jobs in (1, 2, 7):
        child = os.fork()
        if child == 0:
            same = np.array_equal(make(n_jobs).fit(X, y).predict_proba(X), expected)
            os._exit(0 if same else 3)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
print("done")
"""


@pytest.mark.unsanitized  # the sanitizers' own threads do not survive a fork either
@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot fork")
def test_a_forked_child_does_not_hang() -> None:
    process = subprocess.Popen([sys.executable, "-c", FORKED], stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        assert process.communicate(timeout=120)[0] == "done\n"
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
