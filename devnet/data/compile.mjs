// Prints the creation code of contracts/CacheManager.sol with its constructor arguments: 512 MiB
// of cache, and 1 gwei by which a bid gains on the ones of a second before.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const solc = createRequire(new URL("../../scripts/node/", import.meta.url))("solc");
const file = "CacheManager.sol";
const content = readFileSync(new URL(`../contracts/${file}`, import.meta.url), "utf8");
const { contracts, errors = [] } = JSON.parse(
  solc.compile(
    JSON.stringify({
      language: "Solidity",
      sources: { [file]: { content } },
      settings: {
        evmVersion: "cancun",
        optimizer: { enabled: true, runs: 200 },
        metadata: { bytecodeHash: "none", appendCBOR: false },
        outputSelection: { "*": { "*": ["evm.bytecode.object"] } },
      },
    }),
  ),
);
if (errors.length > 0) throw new Error(errors.map((error) => error.formattedMessage).join("\n"));
const word = (value) => value.toString(16).padStart(64, "0");
const code = contracts[file].CacheManager.evm.bytecode.object;
console.log(`0x${code}${word(512n * 1024n * 1024n)}${word(10n ** 9n)}`);
