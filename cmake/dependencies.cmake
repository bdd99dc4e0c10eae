# Every third-party library, looked up in one place; what is missing is named together with the remedy.

include("${CMAKE_CURRENT_LIST_DIR}/apt_line.cmake")
set(emotion_missing "")

if(EMOTION_PREFIX)
  list(PREPEND CMAKE_PREFIX_PATH "${EMOTION_PREFIX}")
endif()

# The PyPI package tbb-devel, if it lies in the environment, would win over the system's and bundle a second runtime: pin the system's.
if(NOT TBB_DIR AND NOT EMOTION_PREFIX)
  file(GLOB emotion_tbb_candidates "/usr/lib/*/cmake/TBB" "/usr/lib64/cmake/TBB" "/usr/lib/cmake/TBB")
  if(emotion_tbb_candidates)
    list(GET emotion_tbb_candidates 0 emotion_tbb_dir)
    set(TBB_DIR "${emotion_tbb_dir}" CACHE PATH "oneTBB's CMake package")
  endif()
endif()
find_package(TBB QUIET CONFIG)
if(NOT TBB_FOUND)
  list(APPEND emotion_missing "oneTBB")
endif()

find_package(Eigen3 3.3 QUIET NO_MODULE)
if(NOT TARGET Eigen3::Eigen)
  list(APPEND emotion_missing "Eigen")
endif()

find_package(PkgConfig QUIET)
if(PKG_CONFIG_FOUND)
  pkg_check_modules(SNDFILE QUIET IMPORTED_TARGET sndfile)
endif()
if(NOT SNDFILE_FOUND)
  list(APPEND emotion_missing "libsndfile (with pkg-config)")
endif()

find_path(NLOHMANN_JSON_INCLUDE_DIR NAMES nlohmann/json.hpp)
if(NOT NLOHMANN_JSON_INCLUDE_DIR)
  list(APPEND emotion_missing "nlohmann-json")
endif()

if(EMOTION_BUILD_TESTS)
  find_path(DOCTEST_INCLUDE_DIR NAMES doctest/doctest.h)
  if(NOT DOCTEST_INCLUDE_DIR)
    list(APPEND emotion_missing "doctest")
  endif()
endif()

if(emotion_missing)
  list(JOIN emotion_missing ", " emotion_missing_text)
  message(FATAL_ERROR "emotion-native cannot be built: missing ${emotion_missing_text}.\nOn Debian or Ubuntu, run:\n  ${emotion_apt_line}\nand try again.")
endif()

add_library(emotion_json INTERFACE)
target_include_directories(emotion_json SYSTEM INTERFACE "${NLOHMANN_JSON_INCLUDE_DIR}")
