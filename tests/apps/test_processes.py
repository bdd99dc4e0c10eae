"""What only a real process shows: imports, closed pipes, signals, streams."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import emotion_native

pytestmark = pytest.mark.unsanitized  # what whole processes print and write; what they call has tests of its own

CLI = [sys.executable, "-m", "emotion_native.cli"]


def test_predict_loads_neither_scikit_learn_nor_pandas(trained: tuple[Path, Any], clip: str) -> None:
    code = (
        "import sys; from emotion_native.cli import main; code = main(sys.argv[1:])\n"
        "heavy = {'sklearn', 'pandas', 'scipy', 'matplotlib', 'yaml', 'rich'} & set(sys.modules)\n"
        "print(sorted(heavy), file=sys.stderr); sys.exit(code)\n"
    )
    words = [sys.executable, "-c", code, "predict", clip, "-m", str(trained[0] / "model.emotion"), "--json"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr.strip() == "[]"
    assert json.loads(done.stdout)["predictions"][0]["label"]


def test_json_alone_on_stdout(manifest: Path, tmp_path: Path) -> None:
    words = [*CLI, "train", str(manifest), "-o", str(tmp_path / "run"), "--json", "--no-cache", "--set", "forest.n_estimators=5"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=True)
    assert json.loads(done.stdout)["folder"] == str(tmp_path / "run")
    assert "Extracting features" in done.stderr


def test_the_package_itself_is_the_command_line() -> None:
    short, long = (subprocess.run([sys.executable, "-m", name, "--help"], capture_output=True, text=True, timeout=60, check=True).stdout
                   for name in ("emotion_native", "emotion_native.cli"))  # fmt: skip
    assert short == long and "emotion-native" in short
    done = subprocess.run([sys.executable, "-m", "emotion_native", "nonsense"], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2 and "Traceback" not in done.stderr


def test_closed_pipe_is_quiet() -> None:
    """As in `emotion-native doctor | true`: no traceback, and the exit code of a broken pipe."""
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as closed:
        done = subprocess.run([*CLI, "doctor"], stdout=closed, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert done.returncode == 141 and done.stderr == ""


@pytest.mark.parametrize("redirection", [">&-", "2>&-", ">&- 2>&-"])
@pytest.mark.parametrize("command", ["predict CLIP", "validate MANIFEST --json --quiet"])
def test_closed_streams_change_nothing(command: str, redirection: str, manifest: Path, clip: str) -> None:
    words = command.replace("CLIP", shlex.quote(clip)).replace("MANIFEST", shlex.quote(str(manifest)))
    done = subprocess.run(f"{shlex.join(CLI)} {words} {redirection}", shell=True, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode in (0, 1) and "Traceback" not in done.stderr and "Error" not in done.stderr
    assert done.returncode == subprocess.run(f"{shlex.join(CLI)} {words}", shell=True, capture_output=True, timeout=60, check=False).returncode


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no full device")
@pytest.mark.parametrize("words", [["doctor"], ["doctor", "--json"]])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_full_disk_behind_stdout_is_one_line(words: list[str], unbuffered: str) -> None:
    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run([*CLI, *words], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False, env=environment)
    assert done.returncode == 3 and done.stderr == "Error: No space left on device\n"


def test_warnings_and_errors_are_one_clean_line(manifest: Path, tmp_path: Path) -> None:
    """No place in the code before a warning; nothing in a name steers the terminal."""
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    words = [*CLI, "extract", str(manifest), "-o", str(tmp_path / "f.parquet"), "--cache", str(tmp_path / "file" / "cache"), "--quiet"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=True)
    assert re.fullmatch(r"Warning: the cache .*\n", done.stderr)
    done = subprocess.run([*CLI, "report", "\x1b[31mred"], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 3 and "\x1b" not in done.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupted_training_leaves_no_half_folder(manifest: Path, tmp_path: Path, number: int, code: int) -> None:
    """Stopped while thousands of trees grow: the native loop ends at once, the exit code says why, nothing is left."""
    words = [*CLI, "train", str(manifest), "-o", str(tmp_path / "run"), "--no-cache", "--set", "forest.n_estimators=60000"]
    child = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1)
    assert child.stderr is not None
    for line in child.stderr:
        if line.startswith("Extracting features:"):  # printed when the next stage begins
            break
    sent = time.monotonic()
    child.send_signal(number)
    _, rest = child.communicate(timeout=60)
    assert child.returncode == code, rest
    assert time.monotonic() - sent < 20 and "Traceback" not in rest
    assert [path for path in tmp_path.iterdir() if path.name.strip(".").startswith("run")] == []


@pytest.mark.slow
def test_demo_end_to_end(tmp_path: Path) -> None:
    """As a new user types it: numbered folders, honest words, a prediction for the sixth speaker."""
    package = str(Path(emotion_native.__file__).resolve().parent.parent)
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache"), "PYTHONPATH": package}
    first = subprocess.run([*CLI, "demo"], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=180, check=True)
    for words in ("sixth speaker", "Grouped split", "Chance: guessing among 4 labels", "a demonstration, not evidence", "driven by", "Try next:"):
        assert words in first.stdout
    second = subprocess.run([*CLI, "demo", "--json", "-q"], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=180, check=True)
    result = json.loads(second.stdout)
    assert second.stderr == ""
    assert result["folder"] == "emotion-native-demo-2" and (tmp_path / "emotion-native-demo-2" / "report.html").is_file()
    assert result["demo_speaker"] not in result["training_speakers"] and len(result["training_speakers"]) == 5
    assert result["prediction"]["speaker"] == result["demo_speaker"] and len(result["next"]) == 3
    assert result["cross_validated"]["overall"]["balanced_accuracy"]["value"] > 0.5  # chance is .25; .75 was measured
    models = [(tmp_path / name / "model.emotion").read_bytes() for name in ("emotion-native-demo", "emotion-native-demo-2")]
    assert models[0] == models[1]
