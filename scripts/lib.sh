# shellcheck shell=bash disable=SC2034  # the scripts that read this use the variables
# What every script shares: where things are, how messages look, where artefacts go.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
NODE_DIR="$ROOT/scripts/node"
CLIENTS_DIR="$ROOT/test-fixtures/clients"
TARGET_DIR=${CARGO_TARGET_DIR:-$ROOT/target}
BIN_DIR="$TARGET_DIR/debug"
export CARGO_TARGET_DIR="$TARGET_DIR"
# cargo's own network retries are its business; colours belong to terminals only.
[ -t 2 ] || export CARGO_TERM_COLOR=never

if [ -t 2 ] && [ -z "${NO_COLOR:-}" ]; then
    BOLD=$'\e[1m' RED=$'\e[31m' RESET=$'\e[0m'
else
    BOLD='' RED='' RESET=''
fi

step() { printf '%s==> %s%s\n' "$BOLD" "$*" "$RESET" >&2; }
die() {
    printf '%serror:%s %s\n' "$RED" "$RESET" "$*" >&2
    exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }

# wait_for SECONDS WHAT COMMAND...: until COMMAND succeeds, or fail naming WHAT.
wait_for() {
    local deadline=$((SECONDS + $1)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$deadline" ] || die "$what did not become ready in time"
        sleep 0.2
    done
}
