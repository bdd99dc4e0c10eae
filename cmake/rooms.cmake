# How a room, its tests and the flags common to all are declared.

add_library(emotion_flags INTERFACE)
target_include_directories(emotion_flags INTERFACE "${PROJECT_SOURCE_DIR}/cpp/include")
# -ffp-contract=off: the same bits whether or not the machine has fused multiply-add (docs/adr/0004).
target_compile_options(emotion_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -ffp-contract=off)
if(EMOTION_WERROR)
  target_compile_options(emotion_flags INTERFACE -Werror)
endif()
target_compile_definitions(emotion_flags INTERFACE EMOTION_VERSION="${PROJECT_VERSION}")
if(EMOTION_SANITIZE)
  # Instrumentation hides from g++ 12 what it needs for these two warnings, and it gives them falsely (GCC bug 105329 among others).
  target_compile_options(emotion_flags INTERFACE -Wno-restrict -Wno-maybe-uninitialized)
  target_compile_options(emotion_flags INTERFACE -fsanitize=${EMOTION_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -g)
  target_link_options(emotion_flags INTERFACE -fsanitize=${EMOTION_SANITIZE})
  # The resolvers of function clones run before the thread sanitizer is ready.
  target_compile_definitions(emotion_flags INTERFACE EMOTION_NO_CLONES=1)
endif()
if(EMOTION_COVERAGE)
  target_compile_options(emotion_flags INTERFACE --coverage -O0 -g)
  target_link_options(emotion_flags INTERFACE --coverage)
endif()

# emotion_room(audio SOURCES decode.cpp … LINKS PUBLIC emotion_core PRIVATE PkgConfig::SNDFILE)
function(emotion_room name)
  cmake_parse_arguments(ROOM "" "" "SOURCES;LINKS" ${ARGN})
  add_library(emotion_${name} STATIC ${ROOM_SOURCES})
  target_link_libraries(emotion_${name} PUBLIC emotion_flags ${ROOM_LINKS})
endfunction()

# emotion_test(audio SOURCES decode_test.cpp … [LINKS emotion_runtime]): one executable a room, one ctest entry.
function(emotion_test name)
  cmake_parse_arguments(TEST "" "" "SOURCES;LINKS" ${ARGN})
  add_executable(test_${name} ${PROJECT_SOURCE_DIR}/cpp/tests/main.cpp ${TEST_SOURCES})
  target_include_directories(test_${name} SYSTEM PRIVATE "${DOCTEST_INCLUDE_DIR}")
  target_link_libraries(test_${name} PRIVATE emotion_${name} ${TEST_LINKS})
  add_test(NAME ${name} COMMAND test_${name})
endfunction()
