// viem's account abstraction client sends operations of an account that delegates by EIP-7702.
// Arguments: HTTP URL of the chain, HTTP URL of the bundler, address of the implementation.
import * as viem from 'viem'
import { createBundlerClient, toSimple7702SmartAccount } from 'viem/account-abstraction'
import { privateKeyToAccount } from 'viem/accounts'
import { httpUrl, keys, report, rest, wsUrl as bundlerUrl } from './common.mjs'

const [implementation] = rest

report(async () => {
  const owner = privateKeyToAccount(keys[1])
  const chain = viem.defineChain({
    id: 412346,
    name: 'devnet',
    nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 },
    rpcUrls: { default: { http: [httpUrl] } },
  })
  const client = viem.createPublicClient({ chain, transport: viem.http(httpUrl), pollingInterval: 50 })
  const account = await toSimple7702SmartAccount({ client, owner, implementation })
  const bundler = createBundlerClient({
    account,
    client,
    chain,
    transport: viem.http(bundlerUrl),
    pollingInterval: 50,
    userOperation: {
      estimateFeesPerGas: async () => ({ maxFeePerGas: 200_000_000n, maxPriorityFeePerGas: 0n }),
    },
  })
  const to = '0x00000000000000000000000000000000deadbeef'
  const outcomes = []
  for (const value of [1n, 2n]) {
    // The first operation carries the delegation.
    const first = { address: implementation, chainId: chain.id, nonce: 0 }
    const authorization = value === 1n ? await owner.signAuthorization(first) : undefined
    const hash = await bundler.sendUserOperation({ calls: [{ to, value }], authorization })
    const receipt = await bundler.waitForUserOperationReceipt({ hash, timeout: 30_000 })
    const found = await bundler.getUserOperation({ hash })
    outcomes.push([receipt.success, receipt.sender.toLowerCase() === owner.address.toLowerCase(), found.transactionHash === receipt.receipt.transactionHash])
  }
  return {
    outcomes,
    entryPoints: await bundler.getSupportedEntryPoints(),
    balance: await client.getBalance({ address: to }),
    code: await client.getCode({ address: owner.address }),
  }
})
