#!/bin/bash
# Runs everything that must hold, phase by phase, and says at the end what took how long. A phase that fails doesn't
# keep the others from running, unless it's the tools that are missing. This is `make test`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

tools=$PWD/.tools/venv/bin
# The tests find python3 (with boto3), cfn-lint, shellcheck and the emulator there.
export PATH="$tools:$PATH" QFLEET_MINISTACK="$tools/ministack"

# Most tests wait for an endpoint, a stack or a terminal most of the time: four a processor keep it busy.
export RUST_TEST_THREADS=${RUST_TEST_THREADS:-$((4 * $(getconf _NPROCESSORS_ONLN)))}

results=$(mktemp -d)
beside=
trap '[ -z "$beside" ] || kill "$beside" 2>/dev/null || true; rm -rf "$results"' EXIT

# phase NAME COMMAND…: says how long it took, and in `results` how it ended.
phase() {
    local name=$1 begun=$SECONDS outcome=ok
    shift
    printf '\n=== %s: %s\n' "$name" "$*"
    "$@" || outcome=FAILED
    printf '%-12s %-7s %5d s\n' "$name" "$outcome" $((SECONDS - begun)) >>"$results/phases"
    [ "$outcome" = ok ]
}

# Waits for downloads most of the time, and nothing needs it before the tests.
phase tools make --no-print-directory tools >"$results/tools" 2>&1 &
beside=$!
phase format cargo fmt --check || true
# Clippy in the compiler's place while the tests are built: `cargo clippy` would compile every dependency once more, which
# takes two minutes.
export RUSTC_WORKSPACE_WRAPPER=clippy-driver CLIPPY_ARGS=-D__CLIPPY_HACKERY__warnings
phase build cargo test --locked --no-run || true
wait "$beside" || fetched=FAILED
beside=
cat "$results/tools"
[ -z "${fetched:-}" ] || exit 1

# What follows uses nothing of the Rust tests', and both wait most of the time.
{
    phase deny make --no-print-directory deny || true
    phase mover python3 -m pytest -q examples/mover || true
    phase web python3 -m pytest -q examples/web || true
    phase bootstrap python3 -m pytest -q -rs -p no:cacheprovider tests/bootstrap tests/acceptance tests/rows || true
    phase lab python3 tests/lab/lab.py target/debug/qfleet "$QFLEET_MINISTACK" || true
    phase lesson python3 tests/lab/lesson.py target/debug/qfleet "$QFLEET_MINISTACK" --speed 40 --photos 150 || true
    phase acceptance python3 tests/acceptance/acceptance.py target/debug/qfleet --emulator "$QFLEET_MINISTACK" || true
    phase scripts shellcheck .ci/run tests/all.sh release/archives examples/mover/install examples/mover/run examples/web/install examples/web/run templates/init/worker/install templates/init/worker/run || true
} </dev/null >"$results/beside" 2>&1 &
beside=$!
phase rust cargo test --locked || true
phase messages tests/messages.py check || true
wait "$beside" || true
beside=
cat "$results/beside"

printf '\n=== %s\n' summary
cat "$results/phases"
printf '%-20s %5d s\n' total "$SECONDS"
! grep -q FAILED "$results/phases"
