"""The machinery below every binding: typed errors, interruption, progress."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import threading
import time

import pytest

import emotion_native as en
from emotion_native import _core, exceptions

CLASSES = {
    "invalid_input": (exceptions.InvalidInputError, ValueError),
    "media_decode": (exceptions.MediaDecodeError, ValueError),
    "model_format": (exceptions.ModelFormatError, ValueError),
    "leakage": (exceptions.LeakageError, ValueError),
    "anything else": (exceptions.EmotionNativeError, Exception),
}


@pytest.mark.parametrize("kind", CLASSES)
def test_a_core_error_arrives_as_its_python_class(kind: str) -> None:
    expected, builtin = CLASSES[kind]
    with pytest.raises(builtin) as caught:
        _core._raise(kind)
    assert type(caught.value) is expected


def test_messages_and_reasons_cross_the_border_unchanged() -> None:
    with pytest.raises(exceptions.InvalidInputError, match=r"^x of f must be positive; got -1$"):
        _core._raise("invalid_input")
    with pytest.raises(exceptions.MediaDecodeError, match=r"^clip\.wav cannot be decoded$") as caught:
        _core._raise("media_decode")
    assert caught.value.reason == "corrupt"


def test_wrong_argument_types_are_type_errors() -> None:
    with pytest.raises(TypeError):
        _core._raise(1)
    with pytest.raises(TypeError):
        _core._spin("long", 1)


@pytest.mark.parametrize("name", exceptions.__all__)
def test_exceptions_survive_pickling(name: str) -> None:
    kind = getattr(exceptions, name)
    error = kind("what happened")
    if name == "MediaDecodeError":
        error = kind("what happened", reason="too_long")
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is kind
    assert str(copy) == "what happened"
    assert getattr(copy, "reason", None) == getattr(error, "reason", None)


@pytest.mark.parametrize("threads", [1, 2, 7])
def test_progress_is_called_with_growing_counts(threads: int) -> None:
    seen: list[int] = []
    _core._spin(0.2, threads, seen.append)
    assert seen and seen == sorted(seen) and len(set(seen)) == len(seen)


@pytest.mark.parametrize("threads", [1, 2, 7])
def test_an_exception_of_progress_stops_the_work(threads: int) -> None:
    class Stop(Exception):
        pass

    def progress(done: int) -> None:
        raise Stop

    begun = time.monotonic()
    with pytest.raises(Stop):
        _core._spin(60.0, threads, progress)
    assert time.monotonic() - begun < 5


def test_the_gil_is_free_during_a_long_call() -> None:
    worker = threading.Thread(target=_core._spin, args=(0.5, 1))
    worker.start()
    steps = 0
    while worker.is_alive():
        steps += 1
        time.sleep(0)
    assert steps > 100, "this thread must go on while the other is inside the core"


INTERRUPTED = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job of a shell starts with the signal ignored
from emotion_native import _core
seen = []
def progress(done):  # the first call comes from inside the native call
    if not seen:
        seen.append(done)
        print("begun", flush=True)
try:
    _core._spin(60.0, 2, progress)
except KeyboardInterrupt:
    print("interrupted", flush=True)
_core._spin(0.01, 2)
print("usable", flush=True)
"""


@pytest.mark.skipif(os.name != "posix", reason="signals are sent to a process as on POSIX systems")
def test_ctrl_c_stops_a_native_call_within_a_second() -> None:
    with subprocess.Popen([sys.executable, "-c", INTERRUPTED], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        begun = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "interrupted\n"
        elapsed = time.monotonic() - begun
        assert process.stdout.read() == "usable\n"
    assert process.returncode == 0
    # Ten checks a second are promised; a second leaves room for a busy machine.
    assert elapsed < 1.0


def test_the_runtime_of_onetbb_is_not_older_than_its_headers() -> None:
    header, runtime = _core.tbb_versions()
    assert runtime >= header


def test_config_context_nests_and_is_local_to_the_thread() -> None:
    assert en.get_config()["ungrouped"] == "error"
    seen: list[str] = []
    with en.config_context(ungrouped="allow"):
        with en.config_context(ungrouped="error"):
            assert en.get_config()["ungrouped"] == "error"
        assert en.get_config()["ungrouped"] == "allow"
        other = threading.Thread(target=lambda: seen.append(en.get_config()["ungrouped"]))
        other.start()
        other.join()
    assert seen == ["error"]
    assert en.get_config()["ungrouped"] == "error"


def test_config_context_is_left_after_an_error_and_refuses_other_values() -> None:
    with pytest.raises(RuntimeError), en.config_context(ungrouped="allow"):
        raise RuntimeError
    assert en.get_config()["ungrouped"] == "error"
    with pytest.raises(exceptions.InvalidInputError, match=r"^ungrouped of config_context must be 'error' or 'allow'; got 'maybe'$"):
        en.config_context(ungrouped="maybe").__enter__()
