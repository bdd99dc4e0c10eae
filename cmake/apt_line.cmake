# What to run where a library or the compiler is missing; scripts/setup.sh has the same list, and a test compares them.
set(emotion_apt_line "sudo apt-get install -y --no-install-recommends g++ pkg-config libeigen3-dev libsndfile1-dev libtbb-dev nlohmann-json3-dev doctest-dev")
