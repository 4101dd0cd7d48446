#!/bin/bash
# Runs everything that must hold, phase by phase, and says at the end what took how long. A phase that fails doesn't
# keep the others from running, unless it's the tools that are missing. This is `make test`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

tools=$PWD/.tools/venv/bin
# The tests find python3 (with boto3), cfn-lint, shellcheck and the emulator there.
export PATH="$tools:$PATH" QFLEET_MINISTACK="$tools/ministack"

# Most tests wait for an endpoint, a stack or a terminal most of the time: three a processor keep it busy.
export RUST_TEST_THREADS=${RUST_TEST_THREADS:-$((3 * $(getconf _NPROCESSORS_ONLN)))}

lines=()
failed=0

phase() {
    local name=$1 begun=$SECONDS outcome=ok
    shift
    printf '\n=== %s: %s\n' "$name" "$*"
    "$@" || { outcome=FAILED; failed=1; }
    lines+=("$(printf '%-12s %-7s %5d s' "$name" "$outcome" $((SECONDS - begun)))")
}

phase tools make --no-print-directory tools
[ "$failed" = 0 ] || exit 1
phase format cargo fmt --check
phase clippy cargo clippy --locked --all-targets -- -D warnings
phase build cargo test --locked --no-run
phase rust cargo test --locked
phase mover python3 -m pytest -q examples/mover
phase bootstrap python3 -m pytest -q -rs -p no:cacheprovider tests/bootstrap tests/acceptance
phase lab python3 tests/lab/lab.py target/debug/qfleet "$QFLEET_MINISTACK"
phase acceptance python3 tests/acceptance/acceptance.py target/debug/qfleet --emulator "$QFLEET_MINISTACK"
phase scripts shellcheck .ci/run tests/all.sh examples/mover/install examples/mover/run templates/init/worker/install templates/init/worker/run

printf '\n=== %s\n' summary
printf '%s\n' "${lines[@]}"
printf '%-20s %5d s\n' total "$SECONDS"
exit "$failed"
