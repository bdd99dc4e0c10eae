#include "emotion/trees/rank_codes.hpp"

#include <doctest/doctest.h>
