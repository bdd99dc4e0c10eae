"""The one table from the label names of corpora to the canonical vocabulary."""

from __future__ import annotations

import unicodedata

EMOTIONS = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised", "bored", "contempt")
"""The canonical vocabulary, in its fixed order."""

_NAMES: dict[str, tuple[str, ...]] = {
    "neutral": ("neutral", "neutrality", "neu"),
    "calm": ("calm", "calmness"),
    "happy": ("happy", "happiness", "joy", "joyful", "hap", "gio", "gioia", "freude"),
    "sad": ("sad", "sadness", "tri", "tristezza", "trauer"),
    "angry": ("angry", "anger", "ang", "rab", "rabbia", "aerger", "ärger"),
    "fearful": ("fearful", "fear", "afraid", "scared", "anxiety", "anxious", "fea", "pau", "paura", "angst"),
    "disgust": ("disgust", "disgusted", "dis", "disgusto", "ekel"),
    "surprised": ("surprised", "surprise", "pleasant_surprise", "pleasant surprise", "ps", "sur", "sor", "sorpresa"),
    "bored": ("bored", "boredom", "langeweile"),
    "contempt": ("contempt", "contemptuous"),
}
_CANONICAL = {name: emotion for emotion, names in _NAMES.items() for name in names}


def canonical_label(label: str) -> str:
    """Return the canonical emotion for the label of a corpus, or an empty string for a label that has none.

    Parameters
    ----------
    label : str
        A label as a corpus writes it; letter case and surrounding blanks do not matter.

    Returns
    -------
    str
        One of `EMOTIONS`, or ``""``.

    Examples
    --------
    >>> canonical_label("Freude"), canonical_label("anxiety"), canonical_label("curiosity")
    ('happy', 'fearful', '')
    """
    return _CANONICAL.get(label.strip().casefold(), "")


GREATEST_LABEL_BYTES = 256  # of the model file


def is_trainable_label(label: str) -> bool:
    """Return whether a model can be trained on a label: 1 to 256 bytes of UTF-8, no control characters.

    Examples
    --------
    >>> is_trainable_label("happy"), is_trainable_label("two\nlines")
    (True, False)
    """
    size = len(label.encode("utf-8", "surrogatepass"))
    return 1 <= size <= GREATEST_LABEL_BYTES and not any(unicodedata.category(character) in ("Cc", "Cs") for character in label)
