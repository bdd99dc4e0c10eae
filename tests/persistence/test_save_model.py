"""Model files: what is saved is what predicts, the official safetensors package agrees on the layout, and files appear whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import itertools
import json
import os
import pickle
import signal
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
import safetensors
import safetensors.numpy

import emotion_native as en
from emotion_native import _core
from emotion_native.ensemble import ExtraTreesClassifier, GradientBoostingClassifier, RandomForestClassifier
from emotion_native.exceptions import InvalidInputError, ModelFormatError
from emotion_native.persistence import load_pickle, model_bytes, save_model, save_pickle

RECIPES = ["forest", "cuts", "boosting", "logistic", "selected_forest", "selected_logistic"]
GOLDEN = Path(__file__).parent.parent / "golden"


class _Temperature:
    def _native_state(self) -> tuple[dict[str, Any], dict[str, Any]]:
        return {"kind": "temperature"}, {"temperature": np.array([1.7])}


class _Sigmoid:
    def _native_state(self) -> tuple[dict[str, Any], dict[str, Any]]:
        return {"kind": "sigmoid"}, {"a": np.array([-1.0, -0.7, -1.3]), "b": np.array([0.1, 0.0, -0.2])}


@pytest.mark.parametrize("name", RECIPES)
def test_native_prediction_has_the_bits_of_the_pipeline(name: str, pipelines: dict[str, Any], data: Any, tmp_path: Path) -> None:
    X, _ = data
    model_hash = save_model(pipelines[name], tmp_path / "m.emotion")
    model = en.load_model(tmp_path / "m.emotion")
    assert model.model_hash == model_hash
    assert list(model.classes) == pipelines[name].classes_.tolist()
    expected = pipelines[name].predict_proba(X)
    for n_jobs in (1, 2, 7):
        got = model.predict_features(X, n_jobs=n_jobs)
        assert np.array_equal(got.probabilities, expected)  # bit for bit: both sides run the same kernels
        assert np.array_equal(got.labels, pipelines[name].predict(X))
    assert np.array_equal(model.predict_proba(X[:1]), expected[:1])


def test_missing_values_take_the_way_of_the_pipeline(pipelines: dict[str, Any], data: Any) -> None:
    X = data[0].copy()
    X[::3, 2] = np.nan
    X[::5, 8] = np.nan
    for name in ("forest", "cuts", "boosting", "selected_forest", "selected_logistic"):
        model = en.load_model(model_bytes(pipelines[name]))
        assert np.array_equal(model.predict_proba(X), pipelines[name].predict_proba(X)), name
    with pytest.raises(InvalidInputError, match="X of predict_features must be finite"):
        en.load_model(model_bytes(pipelines["logistic"])).predict_proba(X)


def test_equal_models_give_equal_bytes(pipelines: dict[str, Any]) -> None:
    first = model_bytes(pipelines["selected_forest"], provenance={"seed": 3})
    assert first == model_bytes(pipelines["selected_forest"], provenance={"seed": 3})
    assert first != model_bytes(pipelines["selected_forest"], provenance={"seed": 4})


@pytest.mark.parametrize("name", RECIPES)
def test_the_official_package_reads_our_files(name: str, pipelines: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "m.emotion"
    save_model(pipelines[name], path, calibrator=_Temperature(), threshold=0.5)
    content = path.read_bytes()
    with safetensors.safe_open(path, framework="numpy") as stream:
        tensors = {key: stream.get_tensor(key) for key in sorted(stream.keys())}
        description = json.loads(stream.metadata()["emotion_native"])
    for i, (_, step) in enumerate(s for s in pipelines[name].steps if not hasattr(s[1], "fit_resample")):
        header, arrays = step._native_state()
        assert description["steps"][i]["kind"] == header["kind"]
        for key, array in arrays.items():
            assert np.array_equal(tensors.pop(f"steps.{i}.{key}"), array, equal_nan=array.dtype.kind == "f")
    assert set(tensors) == {"calibration.temperature"}
    header_bytes = int.from_bytes(content[:8], "little")
    assert header_bytes % 8 == 0  # so the buffer, and each array in it, lies aligned
    blank = content.replace(description["sha256"].encode(), b"0" * 64)
    assert hashlib.sha256(blank).hexdigest() == description["sha256"]


@pytest.mark.parametrize("name", RECIPES)
def test_we_read_files_of_the_official_package(name: str, pipelines: dict[str, Any], data: Any) -> None:
    """The official writer orders and pads in its own way; only the checksum is put in afterwards."""
    ours = model_bytes(pipelines[name])
    description = json.loads(json.loads(ours[8 : 8 + int.from_bytes(ours[:8], "little")])["__metadata__"]["emotion_native"])
    tensors = safetensors.numpy.load(ours)
    blank = safetensors.numpy.save(tensors, {"emotion_native": json.dumps({**description, "sha256": "0" * 64}), "other": "ignored"})
    theirs = blank.replace(b"0" * 64, hashlib.sha256(blank).hexdigest().encode(), 1)
    X = data[0]
    assert np.array_equal(en.load_model(theirs).predict_proba(X), pipelines[name].predict_proba(X))


def test_calibrator_threshold_labels_and_provenance(pipelines: dict[str, Any], data: Any) -> None:
    X = data[0]
    plain = en.load_model(model_bytes(pipelines["forest"]))
    raw = plain.predict_proba(X)
    assert plain.threshold is None and plain.calibration is None and not plain.predict_features(X).abstained.any()

    tempered = en.load_model(model_bytes(pipelines["forest"], calibrator=_Temperature(), threshold=0.6, provenance={"seed": 9}))
    logits = np.log(np.maximum(raw, 1e-4)) / 1.7
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    result = tempered.predict_features(X)
    np.testing.assert_allclose(result.probabilities, expected, rtol=1e-12)  # exp and log of two libraries: a few ulps
    assert np.array_equal(result.abstained, result.confidence < 0.6) and 0 < result.abstained.sum() < len(X)
    assert tempered.calibration == "temperature" and tempered.threshold == 0.6
    assert tempered.provenance["seed"] == 9 and tempered.provenance["ungrouped"] is False
    assert tempered.provenance["versions"]["emotion_native"] == en.__version__

    state = _Sigmoid()._native_state()[1]
    clipped = np.clip(raw, 1e-4, 1 - 1e-4)
    shares = 1 / (1 + np.exp(state["a"] * np.log(clipped / (1 - clipped)) + state["b"]))
    sigmoid = en.load_model(model_bytes(pipelines["forest"], calibrator=_Sigmoid()))
    np.testing.assert_allclose(sigmoid.predict_proba(X), shares / shares.sum(axis=1, keepdims=True), rtol=1e-12)

    numbered = en.load_model(model_bytes(pipelines["forest"], labels=[10, -3, 7]))
    assert numbered.classes == (10, -3, 7)
    assert set(numbered.predict_features(X).labels.tolist()) <= {10, -3, 7}


def test_wrappers_are_unwrapped_by_what_they_offer(pipelines: dict[str, Any]) -> None:
    class Calibrated:
        estimator_ = pipelines["logistic"]
        calibrator_ = _Temperature()
        ungrouped_ = True

    class Abstaining:
        estimator_ = Calibrated()
        threshold_ = 0.75

    model = en.load_model(model_bytes(Abstaining()))
    assert (model.calibration, model.threshold, model.provenance["ungrouped"]) == ("temperature", 0.75, True)
    assert en.load_model(model_bytes(pipelines["logistic"].steps[-1][1])).metadata["steps"][0]["kind"] == "logistic_regression"


def test_calibrated_and_abstaining_classifiers(data: Any) -> None:
    from emotion_native.calibration import AbstainingClassifier, CalibratedClassifierCV
    from emotion_native.ensemble import RandomForestClassifier
    from emotion_native.pipeline import make_pipeline
    from emotion_native.preprocessing import StandardScaler

    X, y = data
    speakers = np.arange(len(X)) % 8
    pipeline = make_pipeline(StandardScaler(), RandomForestClassifier(n_estimators=15, random_state=0))
    for method in ("temperature", "sigmoid", "isotonic"):
        fitted = AbstainingClassifier(CalibratedClassifierCV(pipeline, method=method), target_coverage=0.6).fit(X, y, groups=speakers)
        model = en.load_model(model_bytes(fitted))
        result = model.predict_features(X)
        labels, abstained, _ = fitted.predict_abstain(X)
        assert np.array_equal(result.probabilities, fitted.predict_proba(X))  # calibration is the same kernel on both sides
        assert np.array_equal(result.labels, labels) and np.array_equal(result.abstained, abstained)
        assert (model.calibration, model.threshold, model.provenance["ungrouped"]) == (method, fitted.threshold_, False)
    unreached = en.load_model(model_bytes(pipeline.fit(X, y), threshold=2))
    assert unreached.predict_features(X).abstained.all()


def test_background_rows_are_few_and_finite(pipelines: dict[str, Any], data: Any) -> None:
    X = np.repeat(data[0], 3, axis=0)
    X[5] = np.nan
    background = en.load_model(model_bytes(pipelines["logistic"], background=X)).background
    assert background.shape == (100, 9) and background.dtype == np.float32 and np.isfinite(background).all()
    assert np.array_equal(en.load_model(model_bytes(pipelines["logistic"], background=X[:3])).background, X[:3])
    assert en.load_model(model_bytes(pipelines["logistic"])).background.shape == (0, 9)


def test_what_cannot_be_saved_is_refused(pipelines: dict[str, Any], data: Any, tmp_path: Path) -> None:
    from sklearn.naive_bayes import GaussianNB as Foreign

    forest = pipelines["forest"]
    foreign = Foreign().fit(*data)
    with pytest.raises(InvalidInputError, match="must be a fitted classifier; got RandomForestClassifier"):
        save_model(en.ensemble.RandomForestClassifier(), tmp_path / "m")
    with pytest.raises(InvalidInputError, match=r"must be made of steps of emotion_native; got sklearn\..*GaussianNB as step 0"):
        save_model(foreign, tmp_path / "m")
    for arguments, message in [
        ({"labels": ["a", "b"]}, "labels of save_model must name the 3 classes"),
        ({"labels": [1.5, 2.5, 3.5]}, "labels of save_model must be texts or whole numbers"),
        ({"threshold": 1.2}, "threshold of save_model must be a number from 0 to 1, or 2"),
        ({"threshold": float("nan")}, "threshold of save_model"),
        ({"threshold": "high"}, "threshold of save_model"),
        ({"background": np.zeros((3, 2))}, "background of save_model must be of shape"),
        ({"extractor": {"feature_set": "classic"}}, "extractor of save_model must have"),
        ({"extractor": {"feature_set": "classic", 3: 4}}, r"extractor of save_model must have feature_set .*; got \['3', 'feature_set'\]"),
        *(
            ({"extractor": {"feature_set": "classic", "sample_rate_hz": rate}}, "extractor of save_model must have as sample_rate_hz a whole number")
            for rate in ("x", None, 16000.7, float("nan"), True, 99, 768_001, [16000])
        ),
        (
            {"extractor": {"feature_set": "classic", "sample_rate_hz": 16000, "algorithm_version": "new"}},
            "extractor of save_model must have as algorithm_version a whole number from 1 up; got 'new'",
        ),
        (
            {"extractor": {"feature_set": "modern", "sample_rate_hz": 16000}},
            "extractor of save_model must have as feature_set 'classic', 'egemaps', .*; got 'modern'",
        ),
        ({"extractor": {"feature_set": 3, "sample_rate_hz": 16000}}, "extractor of save_model must have as feature_set the name of one; got 3"),
        ({"labels": ["a", "a", "b"]}, "labels of save_model must be different texts .*got 'a' twice"),
        ({"labels": [3, 3, 4]}, "labels of save_model must be different whole numbers"),
        ({"feature_names": ["a"] * 9}, "feature_names of save_model must be different texts .*got 'a' twice"),
        ({"feature_names": ["a", "b"]}, "feature_names of save_model must name the 9 columns of fitted; got 2"),
        ({"extractor": {"feature_set": "classic", "sample_rate_hz": 16000}}, "must name the 9 columns of fitted; got 1116"),
        ({"extractor": {"feature_set": "classic", "sample_rate_hz": 99}}, "must have as sample_rate_hz a whole number from 100 to 768000"),
        ({"provenance": {"loss": float("nan")}}, "without NaN"),
        ({"provenance": {"when": object()}}, "expressible in JSON"),
    ]:
        with pytest.raises(InvalidInputError, match=message):
            save_model(forest, tmp_path / "m", **arguments)
    with pytest.raises(ModelFormatError, match="its feature names are not those of its feature set"):
        save_model(forest, tmp_path / "m", feature_names=list("abcdefghi"), extractor={"feature_set": "classic", "sample_rate_hz": 16000})
    assert list(tmp_path.iterdir()) == []


def test_an_error_leaves_the_old_file_and_no_other(pipelines: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "m.emotion"
    path.write_bytes(b"old")

    for function, error in itertools.product(("fsync", "replace"), (OSError(28, "No space left on device"), KeyboardInterrupt("No time left"))):
        with monkeypatch.context() as patch:
            patch.setattr(os, function, mock.Mock(side_effect=error))
            with pytest.raises(type(error), match=r"No .* left"):
                save_model(pipelines["boosting"], path)
        assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]
    with pytest.raises(FileNotFoundError):
        save_model(pipelines["forest"], tmp_path / "absent" / "m.emotion")


def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    """A limit on file sizes fails the write itself, as a full disk does."""
    path = tmp_path / "m.bin"
    path.write_bytes(b"old")
    program = (
        "import resource, signal, sys\n"
        "from emotion_native._files import write_atomically\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "try:\n    write_atomically(sys.argv[1], bytes(100_000))\n"
        "except OSError as error:\n    print('refused', error.errno)\n"
    )
    result = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True, env=_environment())
    assert result.stdout.startswith("refused")
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]


def test_a_model_that_no_longer_fits_the_disk_leaves_the_old_model(pipelines: dict[str, Any], data: Any, tmp_path: Path) -> None:
    path = tmp_path / "m.emotion"
    save_model(pipelines["boosting"], path)
    old = path.read_bytes()
    larger = GradientBoostingClassifier(n_estimators=30, random_state=0).fit(*data)
    assert len(model_bytes(larger)) > len(old) + 4096
    program = (
        "import pickle, resource, signal, sys\n"
        "from emotion_native.persistence import save_model\n"
        "larger = pickle.load(sys.stdin.buffer)\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "limit = int(sys.argv[2])\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))\n"
        "try:\n    save_model(larger, sys.argv[1])\n"
        "except OSError as error:\n    print('refused', error.errno, error.filename == sys.argv[1])\n"
    )
    arguments = [sys.executable, "-c", program, str(path), str(len(old) + 4096)]
    result = subprocess.run(arguments, input=pickle.dumps(larger), capture_output=True, check=True, env=_environment())
    assert result.stdout.split() == [b"refused", str(errno.EFBIG).encode(), b"True"]
    assert path.read_bytes() == old and list(tmp_path.iterdir()) == [path]
    assert np.array_equal(en.load_model(path).predict_proba(data[0]), pipelines["boosting"].predict_proba(data[0]))


def test_a_kill_leaves_the_old_model(pipelines: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "m.emotion"
    save_model(pipelines["forest"], path)
    old = path.read_bytes()
    program = (
        "import os, pickle, signal, sys\n"
        "from emotion_native.persistence import save_model\n"
        "fitted = pickle.load(sys.stdin.buffer)\n"
        "os.fsync = lambda file: os.kill(os.getpid(), signal.SIGKILL)\n"
        "save_model(fitted, sys.argv[1])\n"
    )
    result = subprocess.run([sys.executable, "-c", program, str(path)], input=pickle.dumps(pipelines["boosting"]), check=False, env=_environment())
    assert result.returncode == -signal.SIGKILL
    assert path.read_bytes() == old
    assert [file.suffix for file in sorted(tmp_path.iterdir())] == [".part", ".emotion"]  # the part written is no model's name
    save_model(pipelines["boosting"], path)
    assert path.read_bytes() == model_bytes(pipelines["boosting"])


def test_more_classes_than_a_file_holds_are_refused_by_name(tmp_path: Path) -> None:
    """A file holds 1,000 classes, a forest 65,535: one more is refused before anything is written or grown."""
    X = np.arange(65_536, dtype=np.float32).reshape(-1, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # so many labels could be a regression
        for rows, classes in ((1000, 1000), (1001, 1001)):
            forest = RandomForestClassifier(1, max_depth=1, bootstrap=False, random_state=0).fit(X[:rows], np.arange(classes))
            if classes == 1000:
                assert len(en.load_model(model_bytes(forest)).classes) == 1000
                continue
            with pytest.raises(InvalidInputError, match=r"^fitted of save_model must have at most 1000 classes; got 1001$"):
                save_model(forest, tmp_path / "m.emotion")
        for cls in (RandomForestClassifier, ExtraTreesClassifier, GradientBoostingClassifier):
            with pytest.raises(InvalidInputError, match=rf"^y of {cls.__name__}\.fit must hold at most 65535 classes; got 65536$"):
                cls(n_estimators=1).fit(X, np.arange(65_536))
    assert list(tmp_path.iterdir()) == []


def test_permissions_and_links_are_kept(pipelines: dict[str, Any], tmp_path: Path) -> None:
    real = tmp_path / "real.emotion"
    link = tmp_path / "link.emotion"
    save_model(pipelines["forest"], real)
    os.chmod(real, 0o640)
    link.symlink_to(real)
    before = real.read_bytes()
    save_model(pipelines["logistic"], link)
    assert link.is_symlink() and real.read_bytes() != before and real.stat().st_mode & 0o777 == 0o640


def test_pickles_need_trust(pipelines: dict[str, Any], data: Any, tmp_path: Path) -> None:
    X = data[0]
    path = tmp_path / "classifier.pkl"
    save_pickle(pipelines["selected_forest"], path)
    for trust in (False, 1, "yes"):
        with pytest.raises(InvalidInputError, match="trust of load_pickle must be True"):
            load_pickle(path, trust=trust)  # type: ignore[arg-type]  # wrong on purpose
    assert np.array_equal(load_pickle(path, trust=True).predict_proba(X), pipelines["selected_forest"].predict_proba(X))
    path.write_bytes(b"not a pickle")
    with pytest.raises(InvalidInputError, match="must be a file that save_pickle wrote"):
        load_pickle(path, trust=True)
    with pytest.raises(InvalidInputError, match="must be an object that pickle can store"):
        save_pickle(lambda: None, path)
    assert path.read_bytes() == b"not a pickle"


def test_a_file_of_format_1_0_still_predicts_the_same() -> None:
    """The golden file was written by the first version of the format; it and its expected numbers never change."""
    expected = json.loads((GOLDEN / "model_1_0.json").read_text())
    model = en.load_model(GOLDEN / "model_1_0.emotion")
    rows = np.array(expected["rows"], dtype=np.float32)  # null is NaN
    result = model.predict_features(rows)
    assert model.model_hash == expected["model_hash"]
    assert result.labels.tolist() == expected["labels"] and result.abstained.tolist() == expected["abstained"]
    np.testing.assert_allclose(result.probabilities, expected["probabilities"], rtol=1e-12)  # exp and log differ between C libraries
    assert model.metadata["threshold"] == expected["threshold"] and _core.MODEL_FORMAT_VERSION[0] == 1


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


def test_a_pickle_of_another_version_is_refused_by_both_versions(pipelines: dict[str, Any], data: Any, tmp_path: Path) -> None:
    path = tmp_path / "classifier.pkl"
    save_pickle(pipelines["forest"], path)
    content = path.read_bytes()
    with open(path, "rb") as file:  # to others it is a plain pickle
        assert np.array_equal(pickle.load(file).predict_proba(data[0]), pipelines["forest"].predict_proba(data[0]))
    own = json.dumps(en.__version__).encode()
    path.write_bytes(content.replace(b'"emotion_native": ' + own, b'"emotion_native": "0.0.9"'))
    message = rf"\(emotion_native {en.__version__}\); got classifier\.pkl, written with emotion_native 0\.0\.9: read it"
    with pytest.raises(InvalidInputError, match=message):
        load_pickle(path, trust=True)
    older = b"cos\nsystem\n(S'false'\ntR." + content[content.rindex(b"\nemotion-native pickle ") :].replace(b'"python": "3', b'"python": "2')
    path.write_bytes(older)
    with mock.patch("os.system", side_effect=AssertionError("it ran")), pytest.raises(InvalidInputError, match=r"written with python 2\."):
        load_pickle(path, trust=True)
    path.write_bytes(pickle.dumps({"a": 1}) + b"\nemotion-native pickle {broken")
    assert load_pickle(path, trust=True) == {"a": 1}
    path.write_bytes(b"\x80\x05\x95\x0b\x00\x00\x00\x00\x00\x00\x00K\x01K\x02\x86R.")  # calls a number
    with pytest.raises(InvalidInputError, match="must be a file that save_pickle wrote"):
        load_pickle(path, trust=True)


def test_names_with_spaces_and_other_scripts(pipelines: dict[str, Any], data: Any, tmp_path: Path) -> None:
    folder = tmp_path / "mein Ordner ‘ü’ 模型"
    folder.mkdir()
    for name in ("a b.emotion", "модель 😀.emotion", "-rf", "x" * 255, "na\udcffme.emotion", ".hidden"):
        model_hash = save_model(pipelines["logistic"], folder / name)
        assert en.load_model(folder / name).model_hash == model_hash
        assert en.load_model(os.fsencode(folder / name).decode("utf-8", "surrogateescape")).model_hash == model_hash
    assert len(list(folder.iterdir())) == 6
    with pytest.raises(OSError, match="name too long") as error:
        save_model(pipelines["logistic"], folder / ("x" * 256))
    assert error.value.filename == str(folder / ("x" * 256))


def test_folders_that_may_not_be_written(pipelines: dict[str, Any], tmp_path: Path) -> None:
    """In a process without the rights of an administrator, for whom no folder is closed."""
    path = tmp_path / "closed" / "m.emotion"
    path.parent.mkdir()
    save_model(pipelines["forest"], path)
    old = path.read_bytes()
    path.parent.chmod(0o555)
    parents = [folder for folder in path.parents if not folder.stat().st_mode & 0o005]
    for folder in parents:
        folder.chmod(folder.stat().st_mode | 0o005)
    was = os.geteuid()
    try:
        if was == 0:
            os.seteuid(65534)
        with pytest.raises(PermissionError) as error:
            save_model(pipelines["boosting"], path)
        assert error.value.filename == str(path)
        with pytest.raises(PermissionError):
            save_pickle(pipelines["boosting"], path.with_suffix(".pkl"))
    finally:
        if was == 0:
            os.seteuid(was)
        path.parent.chmod(0o755)
        for folder in parents:
            folder.chmod(folder.stat().st_mode & ~0o005)
    assert path.read_bytes() == old and list(path.parent.iterdir()) == [path]


def test_readers_beside_a_writer_see_whole_files(pipelines: dict[str, Any], tmp_path: Path) -> None:
    import threading

    path = tmp_path / "m.emotion"
    known = {save_model(pipelines[name], path) for name in ("forest", "boosting")}
    stop, seen, failures = threading.Event(), set(), []

    def read() -> None:
        while not stop.is_set():
            try:
                seen.add(en.load_model(path).model_hash)
            except Exception as error:
                failures.append(error)

    def write(name: str) -> None:
        for _ in range(40):
            save_model(pipelines[name], path)

    readers = [threading.Thread(target=read) for _ in range(3)]
    writers = [threading.Thread(target=write, args=(name,)) for name in ("forest", "boosting")]
    for thread in readers + writers:
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    for thread in readers:
        thread.join()
    assert failures == [] and seen and seen <= known
    assert list(tmp_path.iterdir()) == [path]


def test_links_that_lead_nowhere_or_around(pipelines: dict[str, Any], tmp_path: Path) -> None:
    dangling, loop, target = tmp_path / "dangling", tmp_path / "loop", tmp_path / "target.emotion"
    dangling.symlink_to(target)
    loop.symlink_to(loop)
    model_hash = save_model(pipelines["forest"], dangling)
    assert dangling.is_symlink() and en.load_model(target).model_hash == model_hash
    with pytest.raises(OSError, match="symbolic links"):
        save_model(pipelines["forest"], loop)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["dangling", "loop", "target.emotion"]


def test_a_disk_that_is_really_full_leaves_the_old_model(pipelines: dict[str, Any], data: Any, tmp_path: Path) -> None:
    """On a disk of 64 KiB in memory, mounted for one process alone."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["unshare", "-rm", "sh", "-c", 'mount -t tmpfs -o size=64k tmpfs "$0" && exec "$@"', str(disk)]
    if subprocess.run([*mount, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("this system gives no private mounts; the limits on file sizes above stand in for a full disk")
    larger = GradientBoostingClassifier(n_estimators=60, random_state=0).fit(*data)
    assert len(model_bytes(larger)) > 65_536 > len(model_bytes(pipelines["boosting"]))
    program = (
        "import errno, os, pickle, sys\n"
        "import emotion_native as en\n"
        "small, larger = pickle.load(sys.stdin.buffer)\n"
        "path = os.path.join(sys.argv[1], 'm.emotion')\n"
        "model_hash = en.save_model(small, path)\n"
        "try:\n    en.save_model(larger, path)\n"
        "except OSError as error:\n    print(errno.errorcode[error.errno], error.filename == path)\n"
        "print(en.load_model(path).model_hash == model_hash, os.listdir(sys.argv[1]))\n"
    )
    arguments = [*mount, sys.executable, "-c", program, str(disk)]
    result = subprocess.run(arguments, input=pickle.dumps((pipelines["boosting"], larger)), capture_output=True, check=True, env=_environment())
    assert result.stdout.decode().splitlines() == ["ENOSPC True", "True ['m.emotion']"]


@pytest.mark.parametrize("names", [{"labels": ["\ud800", "b"]}, {"feature_names": ["\ud800"]}])
def test_names_that_are_no_text_are_refused(names: dict[str, list[str]], tmp_path: Path) -> None:
    """A lone surrogate cannot be written as UTF-8."""
    model = en.linear_model.LogisticRegression().fit(np.array([[0.0], [1.0]]), [0, 1])
    with pytest.raises(InvalidInputError, match="surrogates not allowed"):
        en.save_model(model, tmp_path / "model.emotion", **names)
    assert not list(tmp_path.iterdir())
