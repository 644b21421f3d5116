#!/bin/sh
# Writes the creation code of the canonical EntryPoint v0.8, as published in the npm package
# @account-abstraction/contracts 0.8.0, to entry-point-v0.8.hex. The test
# tests/rpc_genesis.rs compares the file with the package.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
artifact="$here/../../scripts/node/node_modules/@account-abstraction/contracts/artifacts/EntryPoint.json"
node -e 'process.stdout.write(JSON.parse(require("fs").readFileSync(process.argv[1])).bytecode + "\n")' \
    "$artifact" > "$here/entry-point-v0.8.hex"
