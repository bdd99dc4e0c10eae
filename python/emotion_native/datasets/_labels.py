"""The one table from the label names of corpora to the canonical vocabulary."""

from __future__ import annotations

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
