"""``python -m emotion_native.cli`` is ``emotion-native``."""

from __future__ import annotations

import sys

from .entry import main

if __name__ == "__main__":
    sys.exit(main())
