#!/usr/bin/env bash
# Stands for cargo when maturin makes a wheel for tests: what it builds is what `make test-binary` has built, with the
# flags in CARGO_BUILD. Cargo on its own would build that one package, and all it depends on again, with other features.
set -euo pipefail
if [ "${1:-}" = rustc ]; then
    # What maturin tells pyo3's build script would build it again, too.
    for name in "${!PYO3_@}" PYTHON_SYS_EXECUTABLE; do unset "$name"; done
    cd "$(dirname "$0")/.."
    read -ra flags <<<"$CARGO_BUILD"
    set -- build "${flags[@]}" --message-format json-render-diagnostics
fi
exec cargo "$@"
