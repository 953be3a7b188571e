#!/usr/bin/env bash
# What to do when a GPU is at hand for a few minutes, on a machine that reaches nothing outside: JAX is there, TensorFlow is
# not, and what is carried to it must be small. Everything is prepared and tried before.
#
#   benchmarks/accelerator.sh pack FOLDER ARCHIVE.npz   # here: the data in parts of 40 MiB, and the wheels that are missing there
#   benchmarks/accelerator.sh take FOLDER STORE         # there: keeps the parts that came with this visit in STORE
#   benchmarks/accelerator.sh run STORE OUT [options]   # there: smoke, benches, training; options of benchmarks.accelerator
#
# The archive is what `sbn prepare cifar10` makes. What comes out lies in OUT; a later visit is given the parts
# of the run in it (`--from=OUT`) and goes on from its checkpoint.
set -euo pipefail
cd "$(dirname "$0")/.."
PART=${PART:-40m}
WHEELS=${WHEELS:-clu ml-collections}
case "${1:-}" in
pack)
    folder=$2 archive=$3
    mkdir -p "$folder/wheels"
    split -b "$PART" -d -a 3 "$archive" "$folder/data."
    sha256sum < "$archive" > "$folder/data.sha256"
    python3 -m pip download -q --no-deps -d "$folder/wheels" $WHEELS
    ls -lh "$folder" "$folder/wheels"
    ;;
take)
    mkdir -p "$3"
    cp -r "$2"/. "$3"/
    ls -lh "$3"
    ;;
run)
    store=$2 out=$3
    shift 3
    mkdir -p "$out"
    if compgen -G "$store/wheels/*.whl" > /dev/null; then
        python3 -m pip install -q --no-index --no-deps --no-compile --upgrade --target "$store/site" "$store"/wheels/*.whl
        export PYTHONPATH="$store/site:${PYTHONPATH:-}"
    fi
    if compgen -G "$store/data.[0-9]*" > /dev/null; then
        cat "$store"/data.[0-9]* > "$store/archive.npz"
        [ "$(sha256sum < "$store/archive.npz")" = "$(cat "$store/data.sha256")" ] || { echo "parts of the data are missing"; exit 1; }
        set -- --archive="$store/archive.npz" "$@"
    fi
    exec python3 -m benchmarks.accelerator --out="$out" "$@"
    ;;
*)
    sed -n '2,11s/^# \{0,1\}//p' "$0"
    exit 2
    ;;
esac
