// What the scripts share. Each is given the chain's URLs and prints one JSON object.

export const [httpUrl, wsUrl, ...rest] = process.argv.slice(2)

/** The first two dev accounts' keys. */
export const keys = [
  '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80',
  '0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d',
]

/** Waits until something is there. */
export async function until(there) {
  for (let i = 0; i < 2000; i++) {
    const found = await there()
    if (found) return found
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  throw new Error('it did not come')
}

/** Runs the script and prints what it found. */
export function report(main) {
  main().then(
    (found) => {
      const plain = (_, value) => (typeof value === 'bigint' ? value.toString() : value)
      process.stdout.write(JSON.stringify(found, plain), () => process.exit(0))
    },
    (error) => {
      process.stderr.write(`${error.stack ?? error}\n`, () => process.exit(1))
    },
  )
}

/** An address without code. */
export const nobody = '0x00000000000000000000000000000000deadbeef'
