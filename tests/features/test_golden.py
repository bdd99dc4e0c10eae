"""The values of the feature sets, frozen: they may change only together with the version that cache keys and model files hold.

A difference is allowed up to 64 units in the last place of the largest value of the same family (``mfcc_delta``, ``log_mel``, …) in the same clip:
other instruction sets and mathematical libraries round logarithms and cosines in another way, and small values are differences of large ones.

After a change of values on purpose: raise the algorithm version of the audio room, then run ``python tests/features/test_golden.py``.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

import emotion_native as en
from emotion_native import _core

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "classic.npz"
CLIPS = (0, 40, 80)
SEGMENTS = ((None, None), (0.25, 1.25))
ULPS = 64


def current() -> np.ndarray:
    """Return the features of some bundled clips, whole and in part, at two rates."""
    paths = [en.datasets.load_sample()["filepath"].iloc[row] for row in CLIPS]
    return np.stack([_core.extract_functionals(p, "classic", hz, *s)[0] for p in paths for s in SEGMENTS for hz in (16_000, 22_050)])


def families() -> np.ndarray:
    """Return for each column its family: the name without number and statistic."""
    return np.array([re.sub(r"(_\d+)?_(mean|std|min|max)$", "", name) for name in _core.feature_names("classic")])


def test_values_change_only_with_the_version() -> None:
    with np.load(GOLDEN) as golden:
        version, values, names = int(golden["version"]), golden["values"], golden["names"].tolist()
    advice = "raise the algorithm version of the audio room, then run: python tests/features/test_golden.py"
    assert version == _core.AUDIO_ALGORITHM_VERSION, "the golden values are of another version; run: python tests/features/test_golden.py"
    assert names == _core.feature_names("classic"), f"columns have changed; {advice}"
    now = current()
    kind = families()
    for family in np.unique(kind):
        columns = kind == family
        allowed = ULPS * np.spacing(np.abs(values[:, columns]).max(axis=1, keepdims=True).astype(np.float32))
        worst = (np.abs(now[:, columns].astype(np.float64) - values[:, columns]) / allowed).max()
        assert worst <= 1, f"values of {family} have changed by {worst * ULPS:.0f} units in the last place; {advice}"


def test_the_test_notices_a_change() -> None:
    """A change of one part in ten thousand in one family is beyond what is allowed."""
    with np.load(GOLDEN) as golden:
        values = golden["values"]
    for family in np.unique(families()):
        part = values[:, families() == family].astype(np.float64)
        allowed = ULPS * np.spacing(np.abs(part).max(axis=1, keepdims=True).astype(np.float32))
        assert (np.abs(part * 1e-4) / allowed).max() > 1


if __name__ == "__main__":
    GOLDEN.parent.mkdir(exist_ok=True)
    np.savez_compressed(GOLDEN, version=_core.AUDIO_ALGORITHM_VERSION, names=np.array(_core.feature_names("classic")), values=current())
