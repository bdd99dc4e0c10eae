"""The candidate `ensemble` of `train`: the vote of its members in every fold, chosen by inner folds, saved, and told in the report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import emotion_native as en
from emotion_native.calibration import SoftEnsemble, nested_evaluation
from emotion_native.exceptions import InvalidInputError
from emotion_native.experiment import train
from emotion_native.experiment.candidates import build_chosen
from emotion_native.model_selection import LeaveOneGroupOut
from emotion_native.pipeline import make_pipeline

QUICK = {"gradient_boosting": {"n_estimators": 5}, "logistic": {"C": 0.01}, "sampling": "none"}


def candidates() -> dict[str, Any]:
    return {
        "forest": en.ensemble.RandomForestClassifier(8, random_state=0, n_jobs=1),
        "trees": en.ensemble.ExtraTreesClassifier(8, random_state=0, n_jobs=1),
        "logistic": make_pipeline(en.preprocessing.StandardScaler(), en.linear_model.LogisticRegression(C=0.01)),
    }


def evaluated(table: Any, ensemble: Any, **options: Any) -> Any:
    y, groups = table.rows["label"].to_numpy(), table.rows["speaker"].to_numpy()
    return nested_evaluation(candidates(), table.X, y, groups=groups, cv=LeaveOneGroupOut(), ensemble=ensemble, progress=False, **options)


def test_the_vote_of_all_is_that_of_a_voting_classifier_in_every_fold(table: Any) -> None:
    found = evaluated(table, SoftEnsemble(["forest", "trees", "logistic"]), method=None)
    y = table.rows["label"].to_numpy()
    for train_rows, test_rows in found.folds:
        vote = en.ensemble.VotingClassifier(list(candidates().items()), voting="soft").fit(table.X[train_rows], y[train_rows])
        assert np.array_equal(vote.predict_proba(table.X[test_rows]), found.candidate_proba["ensemble"][test_rows])
    assert found.members == [["forest", "trees", "logistic"]] * len(found.folds) and found.final.members == ["forest", "trees", "logistic"]
    plain = evaluated(table, None, method=None)
    for name in candidates():
        assert np.array_equal(plain.candidate_proba[name], found.candidate_proba[name])


def test_the_best_members_are_chosen_by_the_inner_folds_alone(table: Any) -> None:
    found = evaluated(table, SoftEnsemble(["forest", "trees", "logistic"], n_best=2, name="vote"))
    for members, scores in zip(found.members, found.inner_scores, strict=True):
        ranked = sorted(candidates(), key=lambda name: -scores[name])  # stable: the first of equal ones first
        assert set(members) == set(ranked[:2])
    # Labels of an outer fold's test speaker change nothing that is chosen for it.
    speakers = table.rows["speaker"].to_numpy()
    first = speakers == np.unique(speakers)[0]
    changed = table.rows["label"].to_numpy().copy()
    changed[first] = np.roll(changed[first], 1)
    again = nested_evaluation(
        candidates(),
        table.X,
        changed,
        groups=speakers,
        cv=LeaveOneGroupOut(),
        ensemble=SoftEnsemble(["forest", "trees", "logistic"], n_best=2, name="vote"),
        progress=False,
    )
    fold = int(found.fold[first][0])
    assert again.members[fold] == found.members[fold] and again.inner_scores[fold] == found.inner_scores[fold]
    assert np.array_equal(again.proba[first], found.proba[first])


def test_members_may_be_fitted_for_the_vote_alone(table: Any) -> None:
    found = evaluated(table, SoftEnsemble(["forest", "logistic"], hidden=["logistic"]))
    assert list(found.candidate_proba) == ["forest", "trees", "ensemble"]
    assert set(found.chosen) <= set(found.candidate_proba) and set(found.final.scores) == set(found.candidate_proba)


@pytest.mark.parametrize(
    ("ensemble", "message"),
    [
        (3, "ensemble of nested_evaluation must be a SoftEnsemble or None; got int"),
        (SoftEnsemble(["forest"]), "ensemble.members of nested_evaluation must be at least two of the candidates"),
        (SoftEnsemble(["forest", "svm"]), "ensemble.members of nested_evaluation must be at least two of the candidates"),
        (SoftEnsemble(["forest", "trees"], n_best=3), "ensemble.n_best of nested_evaluation must be None or an integer from 1 to 2; got 3"),
        (SoftEnsemble(["forest", "trees"], name="forest"), "ensemble.name of nested_evaluation must be a name that no candidate has"),
        (SoftEnsemble(["forest", "trees"], hidden=["logistic"]), "ensemble.hidden of nested_evaluation must be members"),
    ],
)
def test_what_is_refused(table: Any, ensemble: Any, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        evaluated(table, ensemble)
    with pytest.raises(InvalidInputError, match="prior_correction of nested_evaluation must be off"):
        evaluated(table, SoftEnsemble(["forest", "trees"]), prior_correction=True)


@pytest.mark.parametrize("model", [["ensemble"], ["logistic", "ensemble"]])
def test_a_run_saves_and_tells_its_ensemble(table: Any, small: dict[str, Any], tmp_path: Path, model: list[str]) -> None:
    run = train(table, {**small, **QUICK, "calibration": "none", "model": model, "ensemble": {"n_best": 2}}, output=tmp_path / "run")
    record = json.loads((run.folder / "run.json").read_text())
    assert record["selection"]["final"]["members"] and all(len(fold["members"]) == 2 for fold in record["selection"]["folds"])
    assert "Ensemble: the mean of the members" in (run.folder / "report.html").read_text()
    assert set(run.candidates) == (set() if model == ["ensemble"] else {"logistic", "ensemble"})
    fitted = build_chosen(record["final"]["candidate"], record["final"]["members"], run.settings)
    fitted.fit(table.X, table.rows["emotion"].to_numpy().astype(str), groups=table.rows["speaker"].to_numpy())
    loaded = en.load_model(run.model_path)
    assert np.array_equal(loaded.predict_features(table.X).probabilities, fitted.predict_proba(table.X))
    if model == ["ensemble"]:
        assert record["final"]["candidate"] == "ensemble" and "No clips are explained" in (run.folder / "report.html").read_text()
        assert "soft vote" in (run.folder / "model_card.md").read_text()


def test_an_enrolled_ensemble(table: Any, small: dict[str, Any], tmp_path: Path) -> None:
    run = train(table, {**small, **QUICK, "model": "ensemble", "speaker_normalization": True}, output=tmp_path / "run")
    model = en.load_model(run.model_path)
    plain = model.predict_features(table.X[:6]).probabilities
    assert model.takes_enrolment and not np.array_equal(plain, model.predict_features(table.X[:6], speaker=["a"] * 6).probabilities)


def test_an_ensemble_excludes_prior_correction(table: Any, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="prior_correction must be off where model has ensemble"):
        train(table, {"model": ["ensemble"], "prior_correction": True}, output=tmp_path / "run")
