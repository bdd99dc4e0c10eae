"""The sample corpus that ships inside the package."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from ._manifest import read_manifest

_FOLDER = Path(__file__).resolve().parent / "sample"


def load_sample() -> pd.DataFrame:
    """Return the manifest of the bundled sample corpus: 102 clips of the Berlin Database of Emotional Speech (EmoDB).

    Four emotions spoken in German by six actors. The column ``split`` is ``train`` for the five speakers to train on and ``demo`` for the sixth,
    who is kept for a final prediction. A rule that sees file names alone chose the clips (``scripts/make_sample``), never their results.
    The recordings are in the public domain (CC0-1.0). Please cite: Burkhardt, Paeschke, Rolfes, Sendlmeier, Weiss, "A Database of German
    Emotional Speech", Interspeech 2005.

    Returns
    -------
    DataFrame of shape (102, 11)
        A manifest as from `read_manifest`, with absolute paths.

    Examples
    --------
    >>> sample = load_sample()
    >>> sample.groupby("split")["speaker"].nunique().to_dict()
    {'demo': 1, 'train': 5}
    """
    return read_manifest(_FOLDER / "manifest.csv")
