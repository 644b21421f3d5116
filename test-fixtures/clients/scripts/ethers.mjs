// ethers: deploy, call, logs, subscriptions, fees, and a transaction of each type.
// Arguments: HTTP URL, WebSocket URL, creation code of the token.
import * as ethers from 'ethers'
import { httpUrl, keys, nobody, report, rest, until, wsUrl } from './common.mjs'

const [code] = rest
const abi = [
  'constructor(uint256 supply)',
  'event Transfer(address indexed from, address indexed to, uint256 value)',
  'error Short(address who, uint256 have, uint256 want)',
  'function transfer(address to, uint256 value) returns (bool)',
  'function balanceOf(address owner) view returns (uint256)',
]

report(async () => {
  const provider = new ethers.JsonRpcProvider(httpUrl, undefined, { cacheTimeout: -1 })
  provider.pollingInterval = 50
  const signer = new ethers.NonceManager(new ethers.Wallet(keys[0], provider))
  const other = new ethers.Wallet(keys[1], provider)
  const socket = new ethers.WebSocketProvider(wsUrl)

  const token = await new ethers.ContractFactory(abi, code, signer).deploy(1000n)
  await token.waitForDeployment()
  const watched = new ethers.Contract(await token.getAddress(), abi, socket)
  const logs = []
  const blocks = []
  await watched.on('Transfer', (from, to, value) => logs.push([from, to, value]))
  await socket.on('block', (number) => blocks.push(number))

  const receipt = await (await token.transfer(other.address, 7n)).wait()
  await until(() => logs.length > 0 && blocks.includes(receipt.blockNumber))
  const events = await token.queryFilter(token.filters.Transfer(null, other.address))
  let revert
  try {
    await token.connect(other).transfer.staticCall(other.address, 8n)
  } catch (error) {
    revert = error.revert
  }

  const { maxFeePerGas } = await provider.getFeeData()
  const history = await provider.send('eth_feeHistory', ['0x2', 'latest', [50]])
  const gasPrice = maxFeePerGas
  const accessList = [{ address: await token.getAddress(), storageKeys: [ethers.ZeroHash] }]
  const auth = await other.authorize({ address: await token.getAddress(), nonce: 0 })
  const kinds = [
    { type: 0, gasPrice },
    { type: 1, gasPrice, accessList },
    { type: 2, maxFeePerGas, maxPriorityFeePerGas: 0n, accessList },
    { type: 4, maxFeePerGas, maxPriorityFeePerGas: 0n, authorizationList: [auth] },
  ]
  const types = []
  for (const kind of kinds) {
    const sent = await signer.sendTransaction({ to: nobody, value: 1n, gasLimit: 100_000n, ...kind })
    const mined = await sent.wait()
    types.push([mined.type, mined.status])
  }
  return {
    transferred: await token.balanceOf(other.address),
    watched: logs.map(([, to, value]) => [to, value]),
    events: events.length,
    revert: { name: revert.name, have: revert.args[1], want: revert.args[2] },
    history: history.baseFeePerGas.length,
    types,
    delegated: await provider.getCode(other.address),
    token: await token.getAddress(),
  }
})
