"""Explanations in a run folder: of held-out clips, by a model that never saw them; samplers and boosting on the way."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import emotion_native as en
from emotion_native.exceptions import InvalidInputError
from emotion_native.experiment import train
from emotion_native.experiment.explaining import EXPLANATIONS_FILE, _folds_to_explain, explanation_figures, read_explanations
from emotion_native.experiment.writing import read_run, write_presentation

KINDS: dict[str, dict[str, Any]] = {
    "forest": {"forest": {"n_estimators": 8}},
    "extra_trees": {"extra_trees": {"n_estimators": 8}},
    "gradient_boosting": {"gradient_boosting": {"n_estimators": 4}},
    "logistic": {"logistic": {"max_iter": 200}},
}


def settings(kind: str, **changes: Any) -> dict[str, Any]:
    rest = {"leave_one_speaker_out": True, "calibration": "none", "target_coverage": None, "inner_folds": 2, "explained_rows": 30}
    return {"model": [kind], **KINDS[kind], **rest, **changes}


@pytest.mark.parametrize(("kind", "enrolled"), [*((kind, False) for kind in KINDS), ("logistic", True), ("forest", True)])
def test_contributions_add_up_to_the_out_of_fold_prediction(table: Any, tmp_path: Path, kind: str, enrolled: bool) -> None:
    """Without calibration the stored probabilities are the estimator's, so that base value and contributions must give them: 1e-4, as they are
    stored in float32 and the predictions in nine digits."""
    run = train(table, settings(kind, select_k_best=40, speaker_normalization=enrolled), output=tmp_path / "run")
    found = read_explanations(run.folder)
    assert found is not None and found.values.shape == (30, 1116, 4) and run.record["explanations"]["candidate"] == kind
    output = found.base_values + found.values.sum(axis=1, dtype=np.float64)
    if run.record["explanations"]["output"] == "margin":
        output = np.exp(output - output.max(axis=1, keepdims=True))
        output /= output.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(output, run.cross_validated.proba[found.row], atol=1e-4)
    np.testing.assert_array_equal(found.data, table.X[found.row])
    assert run.record["explanations"]["folds"] == [0, 1, 2, 3, 4] and len(set(run.cross_validated.fold[found.row].tolist())) == 5
    assert (np.count_nonzero(np.abs(found.values).sum(axis=(0, 2))) <= 5 * 40) and len(set(found.row.tolist())) == 30


CHOICES = ["forest", "gradient_boosting", "forest", "forest", "gradient_boosting", "gradient_boosting"]  # of five folds, then of the final model


@pytest.fixture
def mixed(table: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A run whose folds chose two kinds of models, the final model another than most of them."""
    from emotion_native.calibration._nested import _Rule

    choose, choices = _Rule.choose, iter([CHOICES[-1], *CHOICES[:-1]])  # the final one is asked for first
    monkeypatch.setattr(_Rule, "choose", lambda self, *args: (next(choices), choose(self, *args)[1]))
    both = {"model": ["gradient_boosting", "forest"], **KINDS["gradient_boosting"], **KINDS["forest"]}
    return train(table, settings("forest", **both), output=tmp_path / "run")


def test_each_fold_is_explained_by_the_model_that_it_chose(mixed: Any) -> None:
    """Contributions of every fold add up to what that fold's predictions say, in the unit of the candidate that the fold chose."""
    found, about = read_explanations(mixed.folder), mixed.record["explanations"]
    assert found is not None and mixed.record["chosen_in_folds"] == CHOICES[:5] and mixed.record["final"]["candidate"] == CHOICES[5]
    kinds = np.asarray(CHOICES)[mixed.cross_validated.fold[found.row]]
    assert set(kinds.tolist()) == {"forest", "gradient_boosting"}
    output = found.base_values + found.values.sum(axis=1, dtype=np.float64)
    margin = kinds == "gradient_boosting"
    shares = np.exp(output[margin] - output[margin].max(axis=1, keepdims=True))
    output[margin] = shares / shares.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(output, mixed.cross_validated.proba[found.row], atol=1e-4)
    rows = {name: int((kinds == name).sum()) for name in ("forest", "gradient_boosting")}
    assert about["candidate"] == "forest" and about["output"] == "probability"
    assert about["candidates"]["forest"] == {"output": "probability", "rows": rows["forest"], "folds": [0, 2, 3], "chosen_in_folds": 3}
    assert about["candidates"]["gradient_boosting"] == {"output": "margin", "rows": rows["gradient_boosting"], "folds": [1, 4], "chosen_in_folds": 2}


def test_captions_labels_and_contributions_are_of_one_model(mixed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Summaries hold the clips of one kind of model and say so; each waterfall ends at the output of the model that its caption names."""
    from emotion_native import reports

    found, scored = read_explanations(mixed.folder), mixed.cross_validated
    assert found is not None
    summaries: list[Any] = []
    bar, swarm = reports.bar_figure, reports.beeswarm_figure
    monkeypatch.setattr(reports, "bar_figure", lambda one, **words: (summaries.append(one), bar(one, **words))[1])
    monkeypatch.setattr(reports, "beeswarm_figure", lambda one, *args, **words: (summaries.append(one), swarm(one, *args, **words))[1])
    drawn = {name: caption for name, caption, _ in explanation_figures(found, mixed.record, scored)}
    forest = np.isin(scored.fold[found.row], [0, 2, 3])
    assert summaries and all(np.array_equal(one.values, found.values[forest].astype(np.float64)) for one in summaries)
    who = f"{forest.sum()} held-out clips of the 3 of 5 explained folds that chose forest, each by its own fold's model"
    assert who in drawn["explanation_bar"] and who in drawn["explanation_beeswarm_1"]
    for name in ("explanation_waterfall_1", "explanation_waterfall_2"):
        clip, _, words = drawn[name].partition(": predicted ")
        (place,) = (row for row, path in enumerate(scored.filepath.tolist()) if Path(path).name == clip)
        assert words.startswith(f"{scored.predicted[place]} (") and f"its fold's model ({CHOICES[scored.fold[place]]})" in words
    page = (mixed.folder / "report.html").read_text(encoding="utf-8")
    counts = f"forest in 3 ({forest.sum()} clips) and gradient_boosting in 2 ({(~forest).sum()} clips)"
    assert counts in page and "the final model in the model file (gradient_boosting)" in page and "two scales" in page
    assert "Bars and swarms are of forest alone, the choice of 3 of 5 folds" in page


def test_folders_whose_folds_were_explained_by_the_final_candidate_show_only_what_belongs_together(mixed: Any) -> None:
    """Earlier versions explained every fold by one candidate: clips that another one predicted are left off when such a folder is drawn again."""
    found, about = read_explanations(mixed.folder), mixed.record["explanations"]
    assert found is not None
    old = {"candidate": "gradient_boosting", "output": "margin", **{name: about[name] for name in ("rows", "folds", "of_folds")}}
    drawn = explanation_figures(found, {**mixed.record, "explanations": old}, mixed.cross_validated)
    captions = [caption for name, caption, _ in drawn if "waterfall" in name]
    assert captions and all("(gradient_boosting)" in caption for caption in captions)
    assert "the 2 of 5 explained folds that chose gradient_boosting" in drawn[0][1]


def test_folds_to_explain_are_spread_and_hold_the_commonest_candidate() -> None:
    assert _folds_to_explain(["a"] * 3, 5) == [0, 1, 2]
    assert _folds_to_explain(["a"] * 24, 5) == [0, 6, 12, 17, 23]
    assert _folds_to_explain(["b"] * 7 + ["a"] + ["b"] * 16, 5) == [0, 6, 7, 13, 18]
    assert _folds_to_explain(["a", "b", "b"], 5) == [0, 1, 2] and _folds_to_explain(["a", "b", "b"], 1) == [1]


def test_no_explained_row_was_seen_by_its_model(table: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from emotion_native.pipeline import Pipeline
    from emotion_native.runtime import EmotionModel

    fitted: list[set[bytes]] = []
    explained: list[bytes] = []
    fit, explain = Pipeline.fit, EmotionModel.explain_features

    def spy_fit(self: Any, X: Any, *args: Any, **kwargs: Any) -> Any:
        fitted.append({row.tobytes() for row in np.asarray(X)})
        return fit(self, X, *args, **kwargs)

    def spy_explain(self: Any, X: Any, **kwargs: Any) -> Any:
        explained.extend(row.tobytes() for row in np.asarray(X))
        assert not fitted[-1] & {row.tobytes() for row in np.asarray(X)}
        return explain(self, X, **kwargs)

    monkeypatch.setattr(Pipeline, "fit", spy_fit)
    monkeypatch.setattr(EmotionModel, "explain_features", spy_explain)
    train(table, settings("forest", test_speakers=["emodb/03"]), output=tmp_path / "run")
    held = {row.tobytes() for row in table.X[(table.rows["speaker"] == "emodb/03").to_numpy()]}
    assert explained and not held & set(explained)


def test_the_report_says_which_model_explains(table: Any, tmp_path: Path) -> None:
    run = train(table, settings("gradient_boosting"), output=tmp_path / "run")
    html = (run.folder / "report.html").read_text(encoding="utf-8")
    assert "each by its own fold&#x27;s model (gradient_boosting)" in html and "margin (log-odds scale) before calibration" in html
    pictures = {path.name for path in run.folder.glob("explanation_*.png")}
    assert {"explanation_bar.png", "explanation_beeswarm_1.png", "explanation_beeswarm_4.png", "explanation_waterfall_1.png"} <= pictures
    assert html.count("<figcaption>") == len(pictures) + 1  # and the reliability of each class
    ungrouped = train(table, settings("forest", leave_one_speaker_out=False, allow_ungrouped=True), output=tmp_path / "ungrouped")
    text = (ungrouped.folder / "report.html").read_text(encoding="utf-8")
    assert "saw no clip of its group" in html and "saw no clip of its group" not in text and "did not see this clip" in text


@pytest.mark.drawn
def test_pages_are_built_again_from_the_stored_contributions(table: Any, tmp_path: Path) -> None:
    run = train(table, settings("forest"), output=tmp_path / "run")
    copy = tmp_path / "copy"
    shutil.copytree(run.folder, copy)
    for path in copy.glob("*.png"):
        path.unlink()
    write_presentation(copy, *read_run(copy))
    for path in [run.folder / "report.html", *run.folder.glob("*.png")]:
        assert (copy / path.name).read_bytes() == path.read_bytes(), path.name
    (copy / EXPLANATIONS_FILE).write_bytes(b"PK\x03\x04 not really")
    with pytest.raises(InvalidInputError, match="run of report must hold whole explanations"):
        write_presentation(copy, *read_run(copy))
    (copy / EXPLANATIONS_FILE).unlink()
    write_presentation(copy, *read_run(copy))
    assert "What drives the model" not in (copy / "report.html").read_text()


def test_none_are_made_where_none_are_asked_for(table: Any, tmp_path: Path) -> None:
    run = train(table, settings("forest", explained_rows=0), output=tmp_path / "run")
    assert not (run.folder / EXPLANATIONS_FILE).exists() and "explanations" not in run.record
    with_them = train(table, settings("forest", explained_rows=5), output=tmp_path / "with")
    assert with_them.model_path.read_bytes() == run.model_path.read_bytes()


@pytest.mark.parametrize("kind", ["gradient_boosting", "forest"])
@pytest.mark.parametrize("sampling", ["none", "random_over", "smote", "borderline_smote", "random_under"])
def test_every_sampler_reaches_the_folds_and_the_provenance(table: Any, tmp_path: Path, kind: str, sampling: str) -> None:
    uneven = table.select((np.arange(len(table)) % 3 > 0) | (table.rows["emotion"] != "sad").to_numpy())
    changes: dict[str, Any] = {"sampling": sampling, "smote": {"within": "speaker", "k_neighbors": 2}, "explained_rows": 0}
    if kind == "gradient_boosting":
        changes["gradient_boosting"] = {"n_estimators": 6, "n_iter_no_change": 2, "validation_fraction": 0.3}
    run = train(uneven, settings(kind, **changes), output=tmp_path / "run")
    smote = {"k_neighbors": 2, "within": "speaker"} | ({"m_neighbors": 10} if sampling == "borderline_smote" else {})
    assert run.record["sampling"] == {"kind": sampling, **(smote if "smote" in sampling else {})}
    assert en.load_model(run.model_path).provenance["sampling"] == run.record["sampling"]
    assert f"Sampling inside the training folds: {sampling}" in (run.folder / "report.html").read_text()
    assert json.loads((run.folder / "run.json").read_text())["settings"]["sampling"] == sampling


def test_samplers_differ_and_stay_inside_a_speaker(table: Any) -> None:
    """The settings make the samplers that they name, with neighbours of the same speaker where asked for."""
    from emotion_native.experiment import Settings
    from emotion_native.experiment.candidates import build_pipeline

    uneven = (np.arange(len(table)) % 3 > 0) | (table.rows["emotion"] != "sad").to_numpy()
    X, y, speaker = table.X[uneven], table.rows["emotion"].to_numpy()[uneven].astype(str), table.rows["speaker"].to_numpy()[uneven]
    pipeline = build_pipeline("forest", Settings(sampling="smote", smote={"within": "speaker"}, forest={"n_estimators": 2}))  # type: ignore[arg-type]  # pydantic turns the mappings into sections
    made = pipeline.fit(X, y, speaker=speaker).named_steps["sample"].provenance_
    synthetic = made[len(y) :]
    assert len(synthetic) > 5 and np.array_equal(speaker[synthetic["base"]], speaker[synthetic["neighbour"]])
    assert [name for name, _ in pipeline.steps] == ["scale", "sample", "classify"]
    assert [name for name, _ in build_pipeline("forest", Settings(sampling="none")).steps] == ["classify"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"model": ["gradient_boosting"], "sampling": "smote", "gradient_boosting": {"n_iter_no_change": 3}},
            "smote.within must be speaker where gradient_boosting has n_iter_no_change",
        ),
        ({"repeats": 2, "seeds": [1, 2]}, "repeats and seeds must not both be set"),
        ({"seed": 3, "seeds": [1, 2]}, "seeds must begin with seed"),
        ({"seeds": [1, 1]}, "seeds must name each seed once"),
        ({"seed": 2**64 - 1, "repeats": 2}, "seed must leave room"),
        ({"leave_one_speaker_out": True, "folds_file": "x"}, "leave_one_speaker_out and folds_file must not both be set"),
        ({"sampling": "smotee"}, "'random_over', 'smote', 'borderline_smote', 'random_under' or 'none'; got 'smotee'"),
        ({"over_sampling": False}, "over_sampling of train must be a known setting"),
    ],
)
def test_settings_that_exclude_each_other(table: Any, tmp_path: Path, values: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        train(table, values, output=tmp_path / "run")
