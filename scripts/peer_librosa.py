"""What stands for librosa's ParameterError in scripts/peer_tests: ours for our functions, librosa's for those of librosa that a test calls too."""

from librosa.util.exceptions import ParameterError as TheirError

from emotion_native.exceptions import InvalidInputError

ParameterError = (InvalidInputError, TheirError)
