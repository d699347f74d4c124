#!/usr/bin/env bash
# The README's Python with a wheel in a fresh environment: with what pip makes of the dependencies that the wheel
# declares, then with the extras that the README names. usage: test_wheel.sh FOLDER
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$1
unset PYTHONPATH
export MPLBACKEND=Agg
rm -rf "$folder"
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
(cd crates/python && CARGO="$PWD/../../tools/built_cargo.sh" \
    maturin build --quiet --profile dev --locked --compression-method stored --out "$folder")
wheel=$(echo "$folder"/annstream-*.whl)
"$(bash tools/setup.sh python)" -m venv "$folder/venv"
install() { "$folder/venv/bin/pip" install --quiet --disable-pip-version-check --no-compile "$@"; }
# -I: neither this folder nor the packages of a user are looked at.
pages() { "$folder/venv/bin/python" -I tests/python/pages.py "$folder/pages" "$@"; }
install "$wheel"
if "$folder/venv/bin/pip" --quiet show scanpy dask >/dev/null 2>&1; then
    echo "test-wheel: an extra is installed although nobody asked for it" >&2
    exit 1
fi
pages
install "$wheel[scanpy,dask]"
pages README.md
rm -rf "$folder"
