#!/bin/sh
# Writes the creation codes of the contracts that stand on the chain from its start:
#   entry-point-v0.8.hex  EntryPoint v0.8, as published in npm @account-abstraction/contracts 0.8.0
#   cache-manager.hex     contracts/CacheManager.sol, by npm solc 0.8.28, with its arguments
#   stylus-deployer.hex   StylusDeployer, as published in the crate stylus-tools 0.10.10
# Tests in tests/rpc_suite/genesis.rs hold the first two to their sources, and the third to its
# canonical address.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../../scripts/node"
node -e 'process.stdout.write(JSON.parse(require("fs").readFileSync(process.argv[1])).bytecode + "\n")' \
    node_modules/@account-abstraction/contracts/artifacts/EntryPoint.json > "$here/entry-point-v0.8.hex"
node "$here/compile.mjs" > "$here/cache-manager.hex"
crate=$(cargo info --quiet stylus-tools@0.10.10 > /dev/null && \
    find "${CARGO_HOME:-$HOME/.cargo}/registry/src" -maxdepth 2 -name stylus-tools-0.10.10)
sed -n '/STYLUS_DEPLOYER/,/);/p' "$crate/src/devnet/bytecode.rs" | grep -o '[0-9a-f]*"[,)]' |
    tr -dc '0-9a-f' | sed 's/^/0x/; s/$/\n/' > "$here/stylus-deployer.hex"
