# shellcheck shell=bash
# What scripts/demo, scripts/test and scripts/build_wheel share: the checks, the system packages, the private environment, the log, the lock.
# Sourced, not run. Works from any folder, below paths with spaces, without a terminal, and (after the first time) without a network.
set -euo pipefail

ROOT="$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)"
VENV="$ROOT/.venv"
STAMPS="$ROOT/build/stamps"
LOG="$ROOT/build/logs/${0##*/}.log"
STAGE=""
JOBS=1
mkdir -p "$STAMPS" "${LOG%/*}"

# The same list as in cmake/apt_line.cmake (a test compares them), less what only scripts/test needs.
APT_PACKAGES=(g++ pkg-config libeigen3-dev libsndfile1-dev libtbb-dev nlohmann-json3-dev)

# A user's settings must not leak into the private environment; PIP_* settings that name a mirror are kept.
unset PYTHONHOME PYTHONPATH VIRTUAL_ENV
export PYTHONNOUSERSITE=1 PIP_USER=0 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1

say() { printf '%s\n' "$*" | tee -a "$LOG"; }
stage() { STAGE="$1"; say "==> $1${2:+  ($2)}"; }
die() { printf '\n%s\n' "$*" | tee -a "$LOG" >&2; exit 1; }

on_interrupt() {
    trap - INT TERM
    printf '\nStopped during: %s. Run it again to go on from there; the log is %s\n' "${STAGE:-the start}" "$LOG" >&2
    exit 130
}
trap on_interrupt INT TERM

# Runs a command with its output in the log; on failure shows the log's end and leaves with the command's status.
logged() {
    local status=0
    printf '+ %s\n' "$*" >>"$LOG"
    if [[ -n "${EMOTION_VERBOSE:-${CI:-}}" ]]; then
        "$@" 2>&1 | tee -a "$LOG" || status=$?
    else
        "$@" >>"$LOG" 2>&1 || status=$?
    fi
    if ((status != 0)); then
        printf '\nFailed (status %d) during: %s\n  %s\nThe end of %s:\n\n' "$status" "$STAGE" "$*" "$LOG" >&2
        tail -n 40 "$LOG" >&2
        exit "$status"
    fi
}

# hash_of PATH...: one hash over the names and contents of files; build products are left out.
hash_of() {
    (cd -- "$ROOT" && find "$@" -name __pycache__ -prune -o -type f ! -name '*.so' ! -name '*.pyc' -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -d' ' -f1)
}
stamp_is() { [[ -f "$STAMPS/$1" && "$(<"$STAMPS/$1")" == "$2" ]]; }
stamp_set() { printf '%s' "$2" >"$STAMPS/$1.new" && mv -f -- "$STAMPS/$1.new" "$STAMPS/$1"; }

# lock NAME -s|-x: set-up changes things alone; runs only read, side by side. A later call for the same name changes the kind.
declare -A LOCKS=()
lock() {
    local fd="${LOCKS[$1]:-}"
    command -v flock >/dev/null || return 0
    if [[ -z "$fd" ]]; then
        exec {fd}>>"$ROOT/build/$1.lock"
        LOCKS[$1]="$fd"
    fi
    if ! flock -n "$2" "$fd"; then
        say "Waiting for another run in this folder ..."
        flock "$2" "$fd"
    fi
}

# check_machine DISK_MB: room on the disk, memory, and how many compilers fit into it.
check_machine() {
    local free_mb memory_mb cores fit
    free_mb="$(df -Pm -- "$ROOT" | awk 'NR == 2 {print $4}')"
    ((free_mb >= $1)) || die "This needs $1 MB of free disk space in $ROOT; there are $free_mb MB."
    memory_mb="$(awk '/^MemAvailable:/ {print int($2 / 1024)}' /proc/meminfo 2>/dev/null || true)"
    memory_mb="${memory_mb:-4096}"
    ((memory_mb >= 1200)) || die "This needs 1200 MB of free memory; there are $memory_mb MB."
    cores="$(nproc 2>/dev/null || echo 1)"
    fit=$((memory_mb / 1200))
    JOBS=$((cores < fit ? cores : fit))
    export CMAKE_BUILD_PARALLEL_LEVEL="$JOBS"
    say "    $free_mb MB of disk and $memory_mb MB of memory are free; $JOBS compile jobs; log: $LOG"
}

# find_python: the first Python that is new enough; $PYTHON overrides.
find_python() {
    local candidate
    for candidate in ${PYTHON:+"$PYTHON"} python3 python3.13 python3.12 python3.11 python3.10; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 10))' >/dev/null 2>&1; then
            "$candidate" -c 'import sys; print(sys.executable)'
            return 0
        fi
    done
    return 1
}

# missing_packages PYTHON: the apt packages that are not there, one a line.
missing_packages() {
    local package
    if command -v dpkg-query >/dev/null; then
        for package in "${APT_PACKAGES[@]}"; do
            [[ "$(dpkg-query -W -f='${db:Status-Abbrev}' "$package" 2>/dev/null)" == ii* ]] || printf '%s\n' "$package"
        done
    fi
    # The system's Python comes without what a private environment and an extension module need.
    "$1" - <<'END'
import importlib.util, os, sys, sysconfig
version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
    print(f"{version}-venv")
if not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")):
    print(f"{version}-dev")
END
}

# install_system_packages PYTHON
install_system_packages() {
    local missing=() command
    mapfile -t missing < <(missing_packages "$1")
    ((${#missing[@]} > 0)) || return 0
    command="apt-get install -y --no-install-recommends ${missing[*]}"
    stage "System packages: ${missing[*]}" "1 to 2 minutes, up to 350 MB"
    command -v apt-get >/dev/null || die "These packages are missing, under the names that Debian gives them: ${missing[*]}"
    if ((EUID == 0)); then
        logged env DEBIAN_FRONTEND=noninteractive apt-get update
        logged env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"
    elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
        logged sudo -n env DEBIAN_FRONTEND=noninteractive apt-get update
        logged sudo -n env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"
    else
        die "System packages are missing, and installing them needs an administrator. Run this, then try again:
  sudo apt-get update && sudo $command"
    fi
}

# prepare_venv PYTHON: an environment of our own; made anew when the folder moved, the Python changed or an installation was cut off.
prepare_venv() {
    local identity
    identity="$ROOT $("$1" -c 'import sys; print(sys.base_prefix, sys.version)' | tr '\n' ' ')"
    if [[ -e "$STAMPS/venv.busy" ]] || ! stamp_is venv "$identity" || ! "$VENV/bin/python" -c 'import pip' >/dev/null 2>&1; then
        stage "Private Python environment in .venv" "10 seconds, 20 MB"
        rm -rf -- "$VENV" "$STAMPS"
        mkdir -p "$STAMPS"
        logged "$1" -m venv "$VENV"
        stamp_set venv "$identity"
    fi
}

# install_requirements NAME EXPECTATION GROUP...: the build, runtime and dev requirements that pyproject.toml names.
install_requirements() {
    local name="$1" expectation="$2" hash
    local requirements=()
    shift 2
    hash="$(hash_of pyproject.toml scripts/requirements.py) $*"
    stamp_is "$name" "$hash" && return 0
    stage "Python packages for: $*" "$expectation"
    mapfile -t requirements < <("$VENV/bin/python" "$ROOT/scripts/requirements.py" "$@")
    ((${#requirements[@]} > 0)) || die "No requirements could be read from pyproject.toml."
    : >"$STAMPS/venv.busy"
    logged "$VENV/bin/python" -m pip install --progress-bar off "${requirements[@]}"
    rm -f -- "$STAMPS/venv.busy"
    stamp_set "$name" "$hash"
}

# begin DISK_MB [APT_PACKAGE...]: the common start. Afterwards PYTHON_BASE is set, the lock is exclusive, and the environment exists.
begin() {
    : >"$LOG"
    stage "Checking the machine"
    check_machine "$1"
    APT_PACKAGES+=("${@:2}")
    PYTHON_BASE="$(find_python)" || die "Python 3.10 or newer is needed. On Debian or Ubuntu, run this, then try again:
  sudo apt-get install -y python3"
    lock setup -x
    install_system_packages "$PYTHON_BASE"
    prepare_venv "$PYTHON_BASE"
    export PATH="$VENV/bin:$PATH"
}

# configure PRESET: CMake's first step, when it was never done here, or with another compiler, Python or folder.
configure() {
    local identity werror=OFF
    # Warnings are errors with the compiler that the code was cleaned for; others may know new ones.
    [[ "$(c++ -dumpversion 2>/dev/null)" == 12* ]] && werror=ON
    identity="$ROOT $werror $(hash_of CMakePresets.json) $("$VENV/bin/python" -c 'import sys; print(sys.version)' | tr '\n' ' ') $(cmake --version | head -n 1)"
    if ! stamp_is "configure-$1" "$identity" || [[ ! -f "$ROOT/build/$1/build.ninja" ]]; then
        (cd -- "$ROOT" && logged cmake --preset "$1" --fresh -DEMOTION_WERROR="$werror" -DPython_EXECUTABLE="$VENV/bin/python") || return
        stamp_set "configure-$1" "$identity"
    fi
}
