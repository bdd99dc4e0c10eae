"""The way in and every way out: exit codes, errors as one line, interruption, closed pipes."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from collections.abc import Sequence
from enum import IntEnum
from typing import Any

__all__ = ["ExitCode", "main"]

# What messages of the library call things that have other names on the command line; remedies that it lacks give way to some that it has.
_COMMAND_WORDS = (
    (
        "pass unknown_speaker='one_group', which puts all rows of unknown speakers of a corpus into one group",
        "give the rows of unknown speakers one common name, such as the corpus, which keeps them together",
    ),
    ("groups of joined_groups must", "groups of the manifest must"),
    ("leave it out of keys=", "leave it out of --set group_by= (the speaker with --allow-ungrouped alone)"),
    ("enrol of for_speaker must", "--enrol must"),
    ("path of read_manifest must", "manifest must"),
)


class ExitCode(IntEnum):
    """What the command's exit status means; ``docs/reference/cli.md`` lists them."""

    OK = 0
    ERRORS_FOUND = 1
    USAGE = 2
    BAD_INPUT = 3
    MEDIA_FAILED = 4
    LEAKAGE_REFUSED = 5
    MISSING_DEPENDENCY = 6
    INTERNAL = 70
    INTERRUPTED = 130
    BROKEN_PIPE = 141
    TERMINATED = 143


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Parameters
    ----------
    arguments : sequence of str or None
        Words after the program's name; None takes the process's.

    Returns
    -------
    int
        An `ExitCode`.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words or os.environ.get("EMOTION_NATIVE_DEBUG", "") not in ("", "0")
    words = [word for word in words if word != "--debug"]
    _plain_streams()
    with _termination_as_exception(), _warnings_as_lines():
        try:
            from .app import app

            result = app(words, prog_name="emotion-native", standalone_mode=False)
            sys.stdout.flush()
            return int(result or 0)
        except SystemExit as error:
            if isinstance(error.__context__, BrokenPipeError):  # the command line's library turns it into exit code 1
                _silence_stdout()
                return ExitCode.BROKEN_PIPE
            return error.code if isinstance(error.code, int) else int(error.code is not None)
        except BrokenPipeError:
            _silence_stdout()
            return ExitCode.BROKEN_PIPE
        except BaseException as error:
            if type(error).__name__ == "NoArgsIsHelpError":  # no words at all: click's convention is the help on stderr and the code of a usage error
                return _help_alone(error)
            if debug and not isinstance(error, KeyboardInterrupt):
                import traceback

                traceback.print_exc()
            return _report(error, as_json="--json" in words)


def _plain_streams() -> None:
    """Let file names that are no UTF-8 pass: what cannot be written is escaped, never an error. A closed stream (``>&-``) swallows everything."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115  # open as long as the process
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError, OSError):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # pytest and notebooks put other objects here


@contextlib.contextmanager
def _termination_as_exception() -> Any:
    """Turn SIGTERM into an exception, so that half-written folders are removed."""

    def stop(_number: int, _frame: object) -> None:
        raise SystemExit(int(ExitCode.TERMINATED))

    try:
        previous = signal.signal(signal.SIGTERM, stop)
    except ValueError:  # not the main thread
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


@contextlib.contextmanager
def _warnings_as_lines() -> Any:
    """Print a warning as one line, without the place in the code that raised it."""
    import warnings

    from .console import note

    def show(message: Warning | str, *_: object, **__: object) -> None:
        with contextlib.suppress(OSError):
            note(f"Warning: {' '.join(str(message).split())}")

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield


def _silence_stdout() -> None:
    with contextlib.suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _help_alone(error: Any) -> int:
    with contextlib.suppress(OSError):
        print(error.format_message(), file=sys.stderr)
    return ExitCode.USAGE


def _report(error: BaseException, *, as_json: bool) -> int:
    from .console import safe

    code, message = _described(error)
    name = "Interrupted" if code == ExitCode.INTERRUPTED else type(error).__name__
    if as_json:
        with contextlib.suppress(OSError):  # a closed pipe, a full disk
            print(json.dumps({"error": {"kind": name, "message": message, "exit_code": int(code)}}, sort_keys=True))
            sys.stdout.flush()
    with contextlib.suppress(OSError):
        print("Interrupted; nothing was left half-written." if code == ExitCode.INTERRUPTED else f"Error: {safe(message)}", file=sys.stderr)
    try:
        sys.stdout.flush()
    except (OSError, ValueError):  # what the stream still holds would fail once more at exit, with an exit code of its own
        _silence_stdout()
    return int(code)


def _described(error: BaseException) -> tuple[ExitCode, str]:
    """Return the exit code of an error and one line about it."""
    from ..exceptions import EmotionNativeError, LeakageError, MediaDecodeError, MissingDependencyError

    text = " ".join(str(error).split()) or type(error).__name__
    for library, command in _COMMAND_WORDS:
        text = text.replace(library, command)
    if isinstance(error, KeyboardInterrupt) or type(error).__name__ == "Abort":
        return ExitCode.INTERRUPTED, "interrupted"
    if hasattr(error, "format_message"):  # a usage error of click, whichever copy of click typer uses
        usage = " ".join(str(error.format_message()).split())
        context = getattr(error, "ctx", None)
        hint = f" (see `{context.command_path} --help`)" if context is not None else ""
        return ExitCode.USAGE, usage + hint
    if isinstance(error, LeakageError):
        return ExitCode.LEAKAGE_REFUSED, text
    if isinstance(error, MediaDecodeError):
        return ExitCode.MEDIA_FAILED, text
    if isinstance(error, MissingDependencyError):
        return ExitCode.MISSING_DEPENDENCY, text
    if isinstance(error, EmotionNativeError):
        return ExitCode.BAD_INPUT, text
    if isinstance(error, OSError):
        place = f": {error.filename}" if error.filename else ""
        return ExitCode.BAD_INPUT, f"{error.strerror or text}{place}"
    return ExitCode.INTERNAL, f"{type(error).__name__}: {text} (a defect of emotion-native; --debug shows where)"
