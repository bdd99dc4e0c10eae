"""Ctrl-C stops every long call, the object stays unfitted, and the process goes on working."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

# Each call would take minutes, except SMOTE's and the explainers' some ten seconds; all stay far above the wait before the signal.
PROGRAM = """
import signal, sys, warnings
import numpy as np
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job of a shell starts with the signal ignored
import emotion_native as en
from sklearn.exceptions import NotFittedError

rng = np.random.default_rng(0)
y = np.arange(100_000) % 4
X = rng.normal(size=(100_000, 24)).astype(np.float32)
X[np.arange(y.size), y] += 2
groups = np.arange(y.size) % 50
few = slice(0, 4000)
ensemble, smote = en.ensemble, en.over_sampling.SMOTE(random_state=0, n_jobs=2)
forest = ensemble.RandomForestClassifier(300, random_state=0, n_jobs=2).fit(X[few], y[few])
steps = [en.preprocessing.StandardScaler(), en.over_sampling.SMOTE(random_state=0)]
pipeline = en.pipeline.make_pipeline(*steps, ensemble.GradientBoostingClassifier(n_estimators=100_000, random_state=0))
splitter = en.model_selection.StratifiedGroupKFold(5)
search = en.model_selection.GridSearchCV(pipeline, {"gradientboostingclassifier__learning_rate": [0.1, 0.2]}, n_jobs=2)
unbalanced = (np.arange(400_000) % 400 < 199).astype(int)
wide = rng.normal(size=(400_000, 24)).astype(np.float32) if "SMOTE" in sys.argv else None
unfitted = {
    "RandomForestClassifier": ensemble.RandomForestClassifier(1_000_000, random_state=0, n_jobs=2),
    "ExtraTreesClassifier": ensemble.ExtraTreesClassifier(1_000_000, random_state=0, n_jobs=2),
    "GradientBoostingClassifier": ensemble.GradientBoostingClassifier(n_estimators=1_000_000, random_state=0, n_jobs=2),
}
calls = {
    "SMOTE": lambda: smote.fit_resample(wide, unbalanced),
    "path-dependent explanation": lambda: en.explain.TreeExplainer(forest, n_jobs=2)(X),
    "interventional explanation": lambda: en.explain.TreeExplainer(forest, X[:300], n_jobs=2)(X),
    "permutation explanation": lambda: en.explain.PermutationExplainer(forest, X[:300], seed=0, n_jobs=2)(X, max_evals=1000),
    "cross_validate": lambda: en.model_selection.cross_validate(pipeline, X, y, groups=groups, cv=splitter, n_jobs=2),
    "GridSearchCV": lambda: search.fit(X, y, groups=groups),
}
for name in sys.argv[1:]:
    print(name, flush=True)
    try:
        calls[name]() if name in calls else unfitted[name].fit(X, y)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
    else:
        print("not interrupted", flush=True)
    if name in unfitted:
        try:
            unfitted[name].predict(X[:2])
        except NotFittedError:
            unfitted[name].set_params(n_estimators=3).fit(X[few], y[few]).predict(X[:2])
            print("usable", flush=True)
    else:
        smote.fit_resample(X[:999], y[:999])
        print("usable", flush=True)
"""


@pytest.mark.skipif(os.name != "posix", reason="signals are sent to a process as on POSIX systems")
@pytest.mark.parametrize(
    "names",
    [
        ("RandomForestClassifier", "ExtraTreesClassifier", "GradientBoostingClassifier"),
        ("SMOTE", "path-dependent explanation", "interventional explanation", "permutation explanation", "cross_validate", "GridSearchCV"),
    ],
    ids=["fits", "other calls"],
)
def test_ctrl_c_stops_a_call_and_leaves_the_process_usable(names: tuple[str, ...]) -> None:
    with subprocess.Popen([sys.executable, "-c", PROGRAM, *names], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            for name in names:
                assert process.stdout.readline() == name + "\n"
                time.sleep(0.3)
                begun = time.monotonic()
                process.send_signal(signal.SIGINT)
                assert process.stdout.readline() == "interrupted\n", name
                # A second is promised; the rest is for a machine with other work, or a sanitizer.
                assert time.monotonic() - begun < 5.0, name
                assert process.stdout.readline() == "usable\n", name
        finally:
            process.kill()
