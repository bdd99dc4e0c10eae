"""Words of messages: shares that look like neither all nor nothing unless they are."""

from __future__ import annotations

import numpy as np
import pytest

from emotion_native._remedies import shown_share


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.0, "0%"), (1.0, "100%"), (0.5, "50%"), (0.994, "99%"), (0.997, "99.7%"), (0.9996, "99.96%"), (0.999999, ">99.99%")]
    + [(0.004, "0.4%"), (0.0004, "0.04%"), (0.000004, "<0.01%"), (np.float32(0.997), "99.7%")],
)
def test_shares(share: float, text: str) -> None:
    assert shown_share(share) == text
    assert shown_share(share, 8) == text.rjust(8)
