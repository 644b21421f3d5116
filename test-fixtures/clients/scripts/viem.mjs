// viem: deploy, call, logs, subscriptions, fees, and a transaction of each type.
// Arguments: HTTP URL, WebSocket URL, creation code of the token.
import * as viem from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { httpUrl, keys, nobody, report, rest, until, wsUrl } from './common.mjs'

const [code] = rest
const abi = viem.parseAbi([
  'constructor(uint256 supply)',
  'event Transfer(address indexed from, address indexed to, uint256 value)',
  'error Short(address who, uint256 have, uint256 want)',
  'function transfer(address to, uint256 value) returns (bool)',
  'function balanceOf(address owner) view returns (uint256)',
])

report(async () => {
  const [account, other] = keys.map((key) => privateKeyToAccount(key))
  const chain = viem.defineChain({
    id: 412346,
    name: 'devnet',
    nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 },
    rpcUrls: { default: { http: [httpUrl] } },
  })
  const client = viem
    .createClient({ account, chain, transport: viem.http(httpUrl), pollingInterval: 20, cacheTime: 0 })
    .extend(viem.publicActions)
    .extend(viem.walletActions)
  const socket = viem.createPublicClient({ chain, transport: viem.webSocket(wsUrl) })
  const mined = async (hash) => client.waitForTransactionReceipt({ hash: await hash })

  const { contractAddress } = await mined(client.deployContract({ abi, bytecode: code, args: [1000n] }))
  const token = { address: contractAddress, abi }
  const logs = []
  const blocks = []
  socket.watchContractEvent({ ...token, eventName: 'Transfer', onLogs: (found) => logs.push(...found) })
  socket.watchBlocks({ onBlock: (block) => blocks.push(block.number) })
  // The socket answers in order: the subscriptions are there when this is.
  await socket.getChainId()

  const args = [other.address, 7n]
  const receipt = await mined(client.writeContract({ ...token, functionName: 'transfer', args }))
  await until(() => logs.length > 0 && blocks.includes(receipt.blockNumber))
  const events = await client.getContractEvents({ ...token, args: { to: other.address }, fromBlock: 0n })
  let revert
  try {
    await client.simulateContract({ ...token, account: other, functionName: 'transfer', args: [account.address, 8n] })
  } catch (error) {
    revert = error.walk((cause) => cause instanceof viem.ContractFunctionRevertedError).data
  }

  const history = await client.getFeeHistory({ blockCount: 2, rewardPercentiles: [50] })
  const gasPrice = 2n * (await client.getGasPrice())
  const accessList = [{ address: contractAddress, storageKeys: [viem.zeroHash] }]
  const authorizationList = [await client.signAuthorization({ account: other, contractAddress })]
  const fees = { maxFeePerGas: gasPrice, maxPriorityFeePerGas: 0n }
  const types = []
  for (const kind of [
    { type: 'legacy', gasPrice },
    { type: 'eip2930', gasPrice, accessList },
    { type: 'eip1559', ...fees, accessList },
    { type: 'eip7702', ...fees, authorizationList },
  ]) {
    const found = await mined(client.sendTransaction({ to: nobody, value: 1n, gas: 100_000n, ...kind }))
    types.push([found.type, found.status])
  }
  return {
    transferred: await client.readContract({ ...token, functionName: 'balanceOf', args: [other.address] }),
    watched: logs.map((log) => [log.args.to, log.args.value]),
    events: events.length,
    revert: { name: revert.errorName, have: revert.args[1], want: revert.args[2] },
    history: history.baseFeePerGas.length,
    types,
    delegated: await client.getCode({ address: other.address }),
    token: contractAddress,
  }
})
