"""The errors and warnings of emotion-native. Each error also has a built-in parent, so code that expects ``ValueError`` keeps working."""

from __future__ import annotations

__all__ = [
    "EmotionNativeError",
    "EmotionNativeWarning",
    "InvalidInputError",
    "InvalidTypeError",
    "LeakageError",
    "LeakageWarning",
    "MediaDecodeError",
    "MissingDependencyError",
    "ModelFormatError",
]


class EmotionNativeError(Exception):
    """The parent of every error that emotion-native raises on purpose."""


class InvalidInputError(EmotionNativeError, ValueError):
    """A parameter or an array breaks a documented rule: ``<parameter> of <caller> must be <rule>; got <value>``."""


class InvalidTypeError(InvalidInputError, TypeError):
    """A parameter or an array is of a kind that cannot be used at all (a set, a sparse matrix, …); also a ``TypeError``, as in scikit-learn."""


class MediaDecodeError(EmotionNativeError, ValueError):
    """A media file or buffer cannot be decoded.

    Attributes
    ----------
    reason : str
        The reason code, as in the status column of a feature table (``corrupt``, ``unsupported_format``, ``not_found``, …).
    """

    def __init__(self, message: str, *, reason: str = "corrupt") -> None:
        super().__init__(message)
        self.reason = reason

    def __reduce__(self) -> tuple[object, ...]:
        return _media_decode_error, (str(self), self.reason)


def _media_decode_error(message: str, reason: str) -> MediaDecodeError:
    return MediaDecodeError(message, reason=reason)


class ModelFormatError(EmotionNativeError, ValueError):
    """A model file is truncated, altered, of another format, or written by a newer version."""


class LeakageError(EmotionNativeError, ValueError):
    """A split would let information about the test speakers into training; the message names the way out."""


class MissingDependencyError(EmotionNativeError, ImportError):
    """An optional package is needed; the message gives the line that installs it."""


class EmotionNativeWarning(UserWarning):
    """The parent of every warning that emotion-native gives on purpose."""


class LeakageWarning(EmotionNativeWarning):
    """Something weakens the separation of speakers without breaking it; reports repeat it."""
