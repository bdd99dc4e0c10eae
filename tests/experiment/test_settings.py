"""Settings: layering, unknown names, rules, origins; the reference page lists all of them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from emotion_native.exceptions import InvalidInputError
from emotion_native.experiment import LayeredSettings, Settings, load_settings
from emotion_native.experiment.layers import flag_value
from emotion_native.experiment.settings import set_names

pytestmark = pytest.mark.unsanitized  # files and pages of runs; training itself is in test_training.py

REPOSITORY = Path(__file__).resolve().parent.parent.parent


def load(file: str | Path | None = None, environment: dict[str, str] | None = None, **flags: Any) -> LayeredSettings:
    return load_settings(file, environment=environment or {}, flags=flags)


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "train.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_last_layer_wins(tmp_path: Path) -> None:
    file = written(tmp_path, "folds: 3\nseed: 1\nforest:\n  n_estimators: 10\n  criterion: entropy\n")
    environment = {"EMOTION_NATIVE_SEED": "2", "EMOTION_NATIVE_FOREST__N_ESTIMATORS": "20", "PATH": "/bin"}
    layered = load(file, environment, forest={"n_estimators": 30})
    assert (layered.settings.folds, layered.settings.seed) == (3, 2)
    assert (layered.settings.forest.n_estimators, layered.settings.forest.criterion) == (30, "entropy")
    assert layered.origins == {"folds": str(file), "seed": "EMOTION_NATIVE_SEED", "forest.n_estimators": "flag", "forest.criterion": str(file)}
    assert ("folds", "3", str(file)) in layered.table() and ("sampling", "random_over", "default") in layered.table()


def test_process_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOTION_NATIVE_FOLDS", "7")
    assert load_settings().settings.folds == 7


@pytest.mark.parametrize(
    ("variable", "text", "value"),
    [
        ("TEST_SPEAKERS", "a, b,", ["a", "b"]),
        ("TEST_SPEAKERS", "07", ["07"]),
        ("MODEL", "forest,logistic", ["forest", "logistic"]),
        ("SAMPLING", "none", "none"),
        ("SEEDS", "3, 5", [3, 5]),
        ("SELECT_K_BEST", "none", None),
        ("TARGET_COVERAGE", "null", None),
        ("CACHE", "/some/folder", "/some/folder"),
        ("CACHE", "false", False),
        ("OUTPUT", "1e3", "1e3"),
        ("MANIFEST", "07", "07"),
        ("SEED", "18446744073709551615", 2**64 - 1),
    ],
)
def test_environment_values(variable: str, text: str, value: object) -> None:
    settings = load(environment={f"EMOTION_NATIVE_{variable}": text}).settings
    assert getattr(settings, variable.lower()) == value


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ({"flags": {"foldz": 3}}, "foldz of the flags must be a known setting; got an unknown name: did you mean 'folds'?"),
        ({"flags": {"forest": {"n_estimator": 3}}}, "did you mean 'forest.n_estimators'?"),
        ({"flags": {"n_estimators": 3}}, "did you mean 'forest.n_estimators'?"),
        (
            {"environment": {"EMOTION_NATIVE_FOLD": "3"}},
            "EMOTION_NATIVE_FOLD of the environment must be a known setting.*did you mean 'EMOTION_NATIVE_FOLDS'?",
        ),
        ({"flags": {"zzzzzz": 3}}, "settings.md"),
        ({"flags": {"forest": 3}}, "forest of .* must be a mapping"),
        ({"flags": {"folds": 1}}, "folds of the flags must be .*2; got 1"),
        ({"environment": {"EMOTION_NATIVE_FOLDS": "many"}}, "folds of the environment must be .*got 'many'"),
        ({"flags": {"model": ["tree"]}}, "model of the flags must be 'forest', 'extra_trees', .*'ensemble'; got 'tree'"),
        ({"flags": {"model": "forrest"}}, "or 'ensemble'; got 'forrest': did you mean 'forest'?"),
        ({"flags": {"selection_metric": "f1_makro"}}, "selection_metric of the flags must be .*; got 'f1_makro': did you mean .*'f1_macro'"),
        ({"flags": {"model": ["forest", "forest"]}}, "model of the flags must be a list that names each candidate once; got"),
        ({"flags": {"model": "tree"}}, "model of the flags must be 'forest', 'extra_trees', .*'ensemble'; got 'tree'"),
        ({"flags": {"target_coverage": 0.5, "target_accuracy": 0.9}}, "must not both be set"),
        ({"flags": {"abstention_cost": 0.5, "target_accuracy": 0.9}}, "target_accuracy and abstention_cost must not both be set"),
        ({"flags": {"out_of_distribution_rate": 1.0}}, "out_of_distribution_rate"),
        ({"flags": {"target_coverage": float("nan")}}, "target_coverage of the flags must be"),
        ({"flags": {"target_coverage": 0.0}}, "greater than 0"),
        ({"flags": {"group_by": ["content"]}}, "group_by must contain speaker"),
        ({"flags": {"n_jobs": 0}}, "n_jobs of the flags must be a positive or a negative integer, or null; got 0"),
        (
            {"flags": {"seed": 3, "seeds": [1, 2]}},
            r"settings of load_settings must be consistent: seeds must begin with seed; got seed = 3, seeds = \[1, 2\]",
        ),
        ({"flags": {"forest.trees": 3}}, "forest.trees of the flags must be a known setting; got .*: did you mean 'forest.n_estimators'?"),
        ({"flags": {"forest": {"depth": 3}}}, "did you mean 'forest.max_depth'?"),
        ({"flags": {"logistic.penalty": "l1"}}, "did you mean 'logistic.C'?"),
        ({"flags": {"forest.zzzzzz": 3}}, "settings.md"),
        ({"environment": {"EMOTION_NATIVE_FOREST__TREES": "3"}}, "did you mean 'EMOTION_NATIVE_FOREST__N_ESTIMATORS'?"),
        ({"flags": {"seed": -1}}, "seed of the flags must be"),
        ({"flags": {"seed": 2**64}}, "seed of the flags must be less than or equal to 18446744073709551615"),
        ({"environment": {"EMOTION_NATIVE_FOLDS": "2024-99-99"}}, "got '2024-99-99'"),  # YAML's date reader raises a bare ValueError
        ({"environment": {"EMOTION_NATIVE_FOLDS": "9" * 5000}}, "folds of the environment must be"),
        ({"flags": {"output": "a\0b"}}, "output of the flags must be a path without NUL"),
        ({"flags": {"quality": {"most_clipped_ratio": 2}}}, "quality.most_clipped_ratio of the flags must be a share, from 0 to 1; got 2"),
        (
            {"environment": {"EMOTION_NATIVE_AUGMENTATION__SNR_DB": "[-300, 0]"}},
            r"augmentation.snr_db of the environment must be from -200 to 200; got \[-300, 0\]",
        ),
    ],
)
def test_errors_name_the_setting_and_its_place(layers: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message.replace("?", r"\?")):
        load_settings(**{"environment": {}, **layers})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("folds: [", "readable YAML file"),
        ("- a\n- b\n", "`name: value` lines"),
        ("3: 4\n", "`name: value` lines"),
        ("foldz: 3\n", "did you mean 'folds'"),
        ("test_speakers: [07]\n", "valid string; got 7"),
        ("a: !!python/object/apply:os.system ['true']\n", "readable YAML file"),
        ("seed: 2024-99-99\n", "readable YAML file"),
        (f"seed: {'9' * 5000}\n", "readable YAML file"),
        (f"seed: {'[' * 20000}{']' * 20000}\n", "readable YAML file"),
    ],
)
def test_bad_files(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        load(written(tmp_path, text))


def test_file_that_is_missing_huge_or_binary(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="No such file"):
        load(tmp_path / "none.yaml")
    big = tmp_path / "big.yaml"
    big.write_bytes(b"#" * 1_000_001)
    with pytest.raises(InvalidInputError, match="smaller than"):
        load(big)
    big.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidInputError, match="readable YAML"):
        load(big)


def test_pipe_is_refused_at_once(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.yaml"
    os.mkfifo(pipe)
    with pytest.raises(InvalidInputError, match=r"^file of load_settings must be a regular file; got "):
        load(pipe)
    with pytest.raises(InvalidInputError, match=r"^file of load_settings must be a regular file; got /dev/zero"):
        load(Path("/dev/zero"))


def test_message_about_an_alias_bomb_stays_short(tmp_path: Path) -> None:
    lines = ["seed:", "- &a0 [x]"] + [f"- &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    with pytest.raises(InvalidInputError, match=r"seed of .* must be a valid integer") as caught:
        load(written(tmp_path, "\n".join(lines)))
    assert len(str(caught.value)) < 1_000


def test_empty_file_changes_nothing(tmp_path: Path) -> None:
    assert load(written(tmp_path, "# only a comment\n")).settings == Settings()


@pytest.mark.parametrize(
    ("file", "flags", "expected"),
    [
        ("target_coverage: 0.5", {"target_accuracy": 0.9}, {"target_coverage": None, "target_accuracy": 0.9}),
        ("target_accuracy: 0.9", {"target_coverage": 0.5}, {"target_coverage": 0.5, "target_accuracy": None}),
        ("leave_one_speaker_out: true", {"folds": 3}, {"folds": 3, "leave_one_speaker_out": False}),
        ("split_file: a.csv", {"test_speakers": ["x"]}, {"split_file": None, "test_speakers": ["x"]}),
        ("target_coverage: null", {}, {"target_coverage": None, "target_accuracy": None}),
    ],
)
def test_a_higher_layer_takes_back_the_rival(tmp_path: Path, file: str, flags: dict[str, Any], expected: dict[str, Any]) -> None:
    settings = load(written(tmp_path, file), **flags).settings
    assert {name: getattr(settings, name) for name in expected} == expected


def test_one_text_is_a_list_of_one(tmp_path: Path) -> None:
    given = {"model": "logistic", "labels": "sad", "test_speakers": "emodb/03", "format": "pkl", "group_by": "speaker"}
    assert {name: getattr(load(**given).settings, name) for name in given} == {name: [text] for name, text in given.items()}
    assert load(written(tmp_path, "model: extra_trees\n")).settings.model == ["extra_trees"]
    assert Settings(model="forest").model == ["forest"]  # type: ignore[arg-type]  # what pydantic turns into a list


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("features", "egemaps,quality", ["egemaps", "quality"]),
        ("features", "egemaps+quality", ["egemaps", "quality"]),
        ("features", "[egemaps, quality]", ["egemaps", "quality"]),
        ("labels", "sad, happy", ["sad", "happy"]),
        ("labels", "no", ["no"]),
        ("test_speakers", "3", ["3"]),
        ("seeds", "3", [3]),
        ("labels", "['sad, or not']", ["sad, or not"]),
        ("labels", "'sad, or not'", ["sad, or not"]),
        ("test_speakers", "emodb/03,emodb/08", ["emodb/03", "emodb/08"]),
        ("seeds", "3,5", [3, 5]),
        ("model", "forest", ["forest"]),
    ],
)
def test_lists_on_the_command_line(name: str, text: str, value: object) -> None:
    assert getattr(load(**{name: flag_value(name, text)}).settings, name) == value


def test_other_values_on_the_command_line_are_those_of_yaml() -> None:
    assert flag_value("ensemble.members", "forest,logistic") == ["forest", "logistic"]
    assert flag_value("output", "a,b") == "a,b" and flag_value("augmentation.speed", "[0.9, 1.1]") == [0.9, 1.1]
    assert flag_value("folds", "2024-99-99") == "2024-99-99" and flag_value("no_such_setting", "a,b") == "a,b"


@pytest.mark.parametrize("given", ["egemaps,quality", "egemaps+quality", ["egemaps", "quality"], ["egemaps, quality"]])
def test_feature_sets_are_joined_by_commas_or_plus(given: Any) -> None:
    assert load(features=given).settings.features == ["egemaps", "quality"]
    assert set_names([given] if isinstance(given, str) else given) == ["egemaps", "quality"]


def test_the_command_that_extracts_splits_sets_by_the_rule_of_the_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from emotion_native.cli.corpus import extract_features

    (tmp_path / "m.csv").write_text("filepath,label,modality,speaker\na.wav,sad,audio_only,1\n")
    asked: list[list[str]] = []
    monkeypatch.setattr("emotion_native.experiment.settings.set_names", lambda texts: asked.append(list(texts)) or ["no such set"])
    options: dict[str, Any] = {"quality": "off", "sample_rate_hz": 16_000, "cache": False, "fail_threshold": 0.1, "force": False, "n_jobs": 1}
    with pytest.raises(InvalidInputError, match=r"names of feature sets .* got 'no such set'"):
        extract_features(str(tmp_path / "m.csv"), str(tmp_path / "t.csv"), features="egemaps, quality", as_json=True, quiet=True, **options)
    assert asked == [["egemaps, quality"]]


def test_target_accuracy_switches_the_default_coverage_off() -> None:
    assert Settings(target_accuracy=0.9).target_coverage is None
    assert Settings(abstention_cost=0.3).target_coverage is None
    assert Settings().target_coverage == 0.9


def test_null_is_a_value_in_every_layer(tmp_path: Path) -> None:
    assert load(target_coverage=None).settings.target_coverage is None
    assert load(environment={"EMOTION_NATIVE_TARGET_COVERAGE": "null"}).settings.target_coverage is None
    assert load(written(tmp_path, "target_coverage: null")).settings.target_coverage is None
    assert load(written(tmp_path, "select_k_best: 5"), select_k_best=None).settings.select_k_best is None


def test_settings_are_frozen_and_survive_json() -> None:
    settings = Settings(folds=3, model=["logistic"], forest={"n_estimators": 7})  # type: ignore[arg-type]  # pydantic turns the mapping into the section
    with pytest.raises(ValueError, match="frozen"):
        settings.folds = 4  # type: ignore[misc]  # the point of the test
    assert Settings.model_validate_json(settings.model_dump_json()) == settings


@pytest.mark.parametrize("name", sorted(os.listdir(REPOSITORY / "configs")))
def test_bundled_configurations_are_valid(name: str) -> None:
    layered = load(REPOSITORY / "configs" / name)
    assert layered.settings.manifest is None
    assert layered.settings.output.endswith(name.removesuffix(".yaml"))
    assert "speaker" in layered.settings.group_by and not layered.settings.allow_ungrouped


@pytest.mark.parametrize(("given", "kept"), [("uar", "balanced_accuracy"), ("f1_macro", "macro_f1"), ("kappa", "cohen_kappa")])
def test_the_selection_metric_has_several_names(given: str, kept: str) -> None:
    assert load(selection_metric=given).settings.selection_metric == kept


def test_reference_page_lists_every_setting() -> None:
    """Name, default and meaning in the page are those of the code."""
    page = (REPOSITORY / "docs" / "reference" / "settings.md").read_text(encoding="utf-8")
    defaults = {name: value for name, value, _ in load().table()}
    for prefix, model in (
        ("", Settings),
        ("forest.", Settings().forest.__class__),
        ("extra_trees.", Settings().extra_trees.__class__),
        ("gradient_boosting.", Settings().gradient_boosting.__class__),
        ("smote.", Settings().smote.__class__),
        ("augmentation.", Settings().augmentation.__class__),
        ("ensemble.", Settings().ensemble.__class__),
        ("logistic.", Settings().logistic.__class__),
        ("quality.", Settings().quality.__class__),
    ):
        for name, field in model.model_fields.items():
            if prefix + name not in defaults:
                continue
            line = next((line for line in page.splitlines() if line.startswith(f"| `{prefix}{name}` |")), "")
            assert line, f"{prefix}{name} is missing"
            assert f"| `{defaults[prefix + name]}` |" in line and str(field.description) in line, line


def test_pairs_have_commas_and_lists_of_pairs_brackets() -> None:
    wanted = (5.0, 30.0)
    for text in ("5,30", "5, 30", "[5, 30]"):
        found = load_settings(environment={}, flags={"augmentation.snr_db": flag_value("augmentation.snr_db", text)})
        assert found.settings.augmentation.snr_db == wanted
        assert load_settings(environment={"EMOTION_NATIVE_AUGMENTATION__SNR_DB": text}).settings.augmentation.snr_db == wanted
    for none in ("null", "none"):
        assert load_settings(environment={"EMOTION_NATIVE_AUGMENTATION__SNR_DB": none}).settings.augmentation.snr_db is None
    bands = load_settings(environment={}, flags={"augmentation.bands_hz": flag_value("augmentation.bands_hz", "[[300, 3400]]")})
    assert bands.settings.augmentation.bands_hz == ((300.0, 3400.0),)
    for text in ("300,3400", "[300, 3400]"):
        with pytest.raises(InvalidInputError, match=r"bands_hz of the flags must be a list of pairs in brackets, as in \[\[300, 3400\], "):
            load_settings(environment={}, flags={"augmentation.bands_hz": flag_value("augmentation.bands_hz", text)})
    with pytest.raises(InvalidInputError, match=r"augmentation.snr_db of the flags must be two numbers, as in \[5, 30\]; got 5"):
        load_settings(environment={}, flags={"augmentation.snr_db": flag_value("augmentation.snr_db", "5")})
