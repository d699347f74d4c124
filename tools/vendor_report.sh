#!/usr/bin/env bash
# Makes crates/report/assets/vendor anew: the charting library of the page that `annstream report` writes, as its
# authors publish it, and a part of the font that figures are labelled in. The build needs neither npm nor Python for
# them; this script does. It fails if what it gets is not what the hashes below say.
set -euo pipefail
cd "$(dirname "$0")/.."
target=crates/report/assets/vendor
python=${PYTHON:-.venv/bin/python}

# Apache ECharts: https://echarts.apache.org, Apache-2.0. `dist.integrity` of the npm package.
echarts=6.1.0
echarts_hash=sha512-q0yaFPggC9FUdsWH4blavRWFmxdrIodbkoKNAjJudAI6CA9gNPxHtV2RcZNEepZVlk4yvBYkOkbk6HIVpIyHZA==
# zrender, BSD-3-Clause, is inside; of its package we take the text of the licence only.
zrender=6.1.0
zrender_hash=sha512-oEGMDB6pOP2S6OwRR4PdVv610zrjnA3Bh+JnSG12fYJlBKjtNAoEb5fSUoCOOINlH96I2fU38/A2UpRKs67xYQ==

# DejaVu Sans, as matplotlib carries it: Latin, Greek and Cyrillic letters, signs, arrows. For pictures made of pixels,
# which must not depend on what fonts a machine has.
letters=U+0020-007E,U+00A0-017F,U+0370-03FF,U+0400-045F,U+2010-2027,U+2030-203A,U+2070-209C,U+2190-2195,U+2212,U+2248,U+2260,U+2264-2265,U+FFFD

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# fetch NAME VERSION HASH: unpacks a package of npm into a folder of its name.
fetch() {
    local found
    npm pack --silent --pack-destination "$work" "$1@$2" >/dev/null
    found=sha512-$(openssl dgst -sha512 -binary "$work/$1-$2.tgz" | base64 -w0)
    if [ "$found" != "$3" ]; then
        echo "$1 $2 has the hash $found, expected $3" >&2
        exit 1
    fi
    mkdir "$work/$1"
    tar -xzf "$work/$1-$2.tgz" -C "$work/$1" --strip-components 1
}

fetch echarts "$echarts" "$echarts_hash"
fetch zrender "$zrender" "$zrender_hash"
mkdir -p "$target/echarts" "$target/dejavu"
cp "$work/echarts/dist/echarts.min.js" "$work/echarts/LICENSE" "$work/echarts/NOTICE" \
    "$work/echarts/licenses/LICENSE-d3" "$target/echarts/"
cp "$work/zrender/LICENSE" "$target/echarts/LICENSE-zrender"

fonts=$("$python" -c "import matplotlib; print(matplotlib.get_data_path())")/fonts/ttf
"$python" -m fontTools.subset "$fonts/DejaVuSans.ttf" --unicodes="$letters" --layout-features=kern \
    --no-hinting --desubroutinize --notdef-outline --output-file="$target/dejavu/DejaVuSans.ttf"
cp "$fonts/LICENSE_DEJAVU" "$target/dejavu/LICENSE"
(cd "$target" && sha256sum echarts/echarts.min.js dejavu/DejaVuSans.ttf >SHA256SUMS)
