"""What stands for names of librosa's in scripts/peer_tests that ours do not have in one form.

`ParameterError`: ours for our functions, librosa's for those of librosa that a test calls too.
`resample`: ours, under the names of librosa's resamplers, which ours refuses (docs/explanation/differences.md): what the tests ask of the results
of each of librosa's is asked of our only one.
"""

from typing import Any

from librosa.util.exceptions import ParameterError as TheirError

from emotion_native import audio
from emotion_native.exceptions import InvalidInputError

ParameterError = (InvalidInputError, TheirError)


def resample(y: Any, *, res_type: str = "soxr_hq", **arguments: Any) -> Any:
    """Return our result, whatever the resampler asked for."""
    return audio.resample(y, **arguments)
