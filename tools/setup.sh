#!/usr/bin/env bash
# What the build needs from the machine: cargo, a C compiler, a Python with venv, and for some tests a Chromium.
# Prints the Python to use on its last line. On Debian as root it installs what is missing; elsewhere it says what to do.
set -euo pipefail

say() { printf 'setup: %s\n' "$*" >&2; }

# can_install: whether missing packages may be installed here.
can_install() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }

updated=
install() {
    if ! can_install; then
        say "missing: $1. Install it first, for example: $2"
        exit 1
    fi
    shift 2
    if [ -z "$updated" ]; then
        apt-get update -qq >&2
        updated=yes
    fi
    say "installing $*"
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >&2
}

# find_python MINOR...: the first Python 3.MINOR that can make a venv.
find_python() {
    local minor candidate
    for minor in "$@"; do
        for candidate in "python3.$minor" "${PYENV_ROOT:-$HOME/.pyenv}/versions/3.$minor."*/bin/python3 python3; do
            # Running it tells more than finding it: a version manager's stand-in may exist and not run.
            if "$candidate" -c "import ensurepip, sys, venv; sys.exit(sys.version_info[:2] != (3, $minor))" \
                >/dev/null 2>&1; then
                "$candidate" -c 'import sys; print(sys.executable)'
                return 0
            fi
        done
    done
    return 1
}

case "${1:-all}" in
next)
    # Nothing is installed for the second environment: where no such Python is, it is skipped.
    find_python 12 13 14 || true
    ;;
python)
    if ! find_python 11 12 13; then
        install "Python 3.11, 3.12 or 3.13 with venv" "apt-get install python3 python3-venv" python3 python3-venv
        find_python 11 12 13 || {
            say "the installed Python is not 3.11, 3.12 or 3.13: install one of them"
            exit 1
        }
    fi
    ;;
rust)
    if ! command -v cargo >/dev/null; then
        say "missing: cargo (Rust 1.91 or newer). Install it from https://rustup.rs"
        exit 1
    fi
    if ! command -v cc >/dev/null || ! command -v c++ >/dev/null; then
        install "a C and C++ compiler" "apt-get install build-essential, or xcode-select --install" build-essential
    fi
    ;;
browser)
    # Some tests look at pages; where no browser is or can be had, they are skipped.
    for name in "${CHROMIUM:-}" chromium chromium-browser google-chrome-stable google-chrome; do
        if [ -n "$name" ] && command -v "$name" >/dev/null; then
            exit 0
        fi
    done
    if can_install; then
        (install "Chromium" "" chromium) || say "no Chromium: tests of pages in a browser will be skipped"
    else
        say "no Chromium: tests of pages in a browser will be skipped"
    fi
    ;;
*)
    say "unknown part '$1': rust, python, next or browser"
    exit 2
    ;;
esac
