#!/usr/bin/env bash
# Merges two small real files, checks the result against anndata, and goes on to clusters and markers. `make demo` runs it.
set -euo pipefail
cd "$(dirname "$0")/.."
annstream=${ANNSTREAM_BIN:-target/release/annstream}
python=${PYTHON:-.venv/bin/python}
folder=build/demo
result=$folder/merged.h5ad
done=$folder/done.h5ad

# step COMMAND...: prints a command and runs it.
step() {
    printf '\n$ %s\n' "$*" | sed "s|$annstream|annstream|; s|$python|python|"
    "$@"
}

mkdir -p "$(dirname "$result")"
step "$annstream" concat healthy=demo/pbmc4k.h5ad donor_a=demo/donor_a.h5ad \
    -o "$result" --join outer --merge first --uns-merge unique --label sample --index-unique - \
    --compression gzip --force
step "$annstream" info "$result"
step "$python" demo/check.py "$result"
step "$annstream" run "$result" -o "$done" --metrics "$folder/run.json" --force -v
step "$python" demo/look.py "$done"
step "$annstream" report "$done" -o "$folder/report.html" --metrics "$folder/run.json" --force
printf '\nThe merged file is %s (%s bytes). Open it with anndata.read_h5ad.\n' \
    "$(cd "$(dirname "$result")" && pwd)/$(basename "$result")" "$(wc -c <"$result" | tr -d ' ')"
printf 'The processed one is done.h5ad beside it, with a picture of its cells, done.png.\n'
printf 'Open report.html, beside it too, in a browser.\n'
