// Drives the chain with viem; prints one JSON object with what it saw.
// Arguments: node_modules folder, HTTP URL, WebSocket URL, init codes of a counter and a reverter.
const { createRequire } = require('node:module')
const [modules, httpUrl, wsUrl, counterCode, reverterCode] = process.argv.slice(2)
const load = createRequire(`${modules}/index.js`)
const viem = load('viem')
const { privateKeyToAccount } = load('viem/accounts')

const key = '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80'
const account = privateKeyToAccount(key)

async function main() {
  const chain = viem.defineChain({
    id: 412346,
    name: 'devnet',
    nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 },
    rpcUrls: { default: { http: [httpUrl] } },
  })
  const client = viem
    .createClient({ account, chain, transport: viem.http(httpUrl), pollingInterval: 50 })
    .extend(viem.publicActions)
    .extend(viem.walletActions)
    .extend(viem.testActions({ mode: 'anvil' }))
  const watcher = viem.createPublicClient({ chain, transport: viem.webSocket(wsUrl) })

  const deploy = async (data) => {
    const hash = await client.sendTransaction({ data })
    return (await client.waitForTransactionReceipt({ hash })).contractAddress
  }
  const counter = await deploy(counterCode)
  const reverter = await deploy(reverterCode)

  const logs = []
  const stopLogs = watcher.watchEvent({ address: counter, onLogs: (l) => logs.push(...l) })
  let watchedBlock
  const stopBlocks = watcher.watchBlockNumber({ onBlockNumber: (n) => (watchedBlock = n) })
  await watcher.getBlockNumber()

  const hash = await client.sendTransaction({ to: counter, data: viem.pad('0x05') })
  const receipt = await client.waitForTransactionReceipt({ hash })
  for (let i = 0; i < 500 && (logs.length === 0 || watchedBlock !== receipt.blockNumber); i++) {
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  const { watchedLogs, blockSeen } = { watchedLogs: logs.length, blockSeen: watchedBlock }
  stopLogs()
  stopBlocks()

  let revertReason
  const data = viem.encodeErrorResult({
    abi: [{ type: 'error', name: 'Error', inputs: [{ name: 'reason', type: 'string' }] }],
    args: ['too late'],
  })
  try {
    await client.call({ to: reverter, data })
  } catch (error) {
    revertReason = error.walk((e) => e.data !== undefined)?.data === data && 'too late'
  }

  const other = '0x00000000000000000000000000000000deadbeef'
  await client.setBalance({ address: other, value: 7n })
  const balance = await client.getBalance({ address: other })
  const slot = await client.getStorageAt({ address: counter, slot: '0x0' })

  const authorization = await client.signAuthorization({
    contractAddress: counter,
    executor: 'self',
  })
  const delegation = await client.sendTransaction({
    to: account.address,
    authorizationList: [authorization],
  })
  await client.waitForTransactionReceipt({ hash: delegation })
  const code = await client.getCode({ address: account.address })

  const transaction = await client.getTransaction({ hash })
  await client.getBlock({ includeTransactions: true })
  await client.estimateFeesPerGas()
  await client.getFeeHistory({ blockCount: 2, rewardPercentiles: [50] })
  const report = {
    status: receipt.status,
    type: transaction.type,
    slot,
    watchedLogs,
    watchedBlock: blockSeen?.toString(),
    blockNumber: receipt.blockNumber.toString(),
    revertReason,
    balanceAfterTestAction: balance.toString(),
    delegated: code === `0xef0100${counter.slice(2)}`.toLowerCase(),
  }
  process.stdout.write(JSON.stringify(report))
  process.exit(0)
}

main().catch((error) => {
  process.stderr.write(`${error.stack}\n`)
  process.exit(1)
})
