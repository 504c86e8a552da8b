// A node of `content.ts`, which follows the orders of its parent process. Arguments: the folder for its content, and the way by
// which content is to be exchanged.
import type { Libp2p } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import type { CID } from 'multiformats/cid'
import { addTo } from '../packages/bacalhau/src/content/add.ts'
import { demand } from '../packages/bacalhau/src/content/blocks/block-source.ts'
import { openBlockStore } from '../packages/bacalhau/src/content/blocks/block-store.ts'
import { parseCid } from '../packages/bacalhau/src/content/cid.ts'
import { createContent } from '../packages/bacalhau/src/content/content.ts'
import { forEachParallel } from '../packages/bacalhau/src/content/parallel.ts'
import { CAR_PROTOCOL } from '../packages/bacalhau/src/content/swarm/car-protocol.ts'
import { startHelia } from '../packages/bacalhau/src/content/testing/helia.ts'
import { createHost } from '../packages/bacalhau/src/network/host.ts'
import { generateNodeKey } from '../packages/bacalhau/src/network/identity.ts'
import { silentLogger } from '../packages/bacalhau/src/runtime/logger.ts'
import type { Done, Order, Way } from './content.ts'

interface Node {
  add(file: string, cidVersion: 0 | 1): Promise<CID>
  fetch(cid: CID): Promise<void>
}

const [folder, way] = process.argv.slice(2) as [string, Way]
const { bytes } = await generateNodeKey()
const host = await createHost({ key: bytes, port: 0, listen: ['127.0.0.1'] })
const node = await (way === 'helia' ? heliaNode(host) : ourNode(host))

process.on('disconnect', () => process.exit())
process.on('message', (order: Order) => {
  const begin = performance.now()
  obey(order).then(
    (done) => {
      const milliseconds = performance.now() - begin
      process.send?.({ ...done, milliseconds, peak: process.resourceUsage().maxRSS * 1024 } satisfies Done)
    },
    (error: unknown) => {
      console.error(error)
      process.exit(1)
    },
  )
})

async function obey(order: Order): Promise<Pick<Done, 'cid' | 'address'>> {
  switch (order.do) {
    case 'connect':
      if (order.address !== '') await host.dial(multiaddr(order.address))
      return { address: String(host.getMultiaddrs()[0]) }
    case 'add':
      return { cid: (await node.add(order.file, order.cidVersion)).toString() }
    case 'fetch':
      await node.fetch(parseCid(order.cid))
      return {}
    case 'nothing':
      return {}
  }
}

async function ourNode(host: Libp2p): Promise<Node> {
  const content = await createContent({ host, folder, logger: silentLogger })
  if (way === 'bitswap') await host.unhandle(CAR_PROTOCOL)
  return {
    add: async (file, cidVersion) => (await content.add(file, { cidVersion })).cid,
    fetch: (cid) => content.pin(cid),
  }
}

/** Asks for this many blocks at a time. */
const HELIA_WINDOW = 32

async function heliaNode(host: Libp2p): Promise<Node> {
  const store = await openBlockStore({ folder, logger: silentLogger })
  const helia = await startHelia(host, {
    has: (cid) => store.has(cid),
    async *get(cid) {
      yield await demand(store, cid)
    },
  })
  return {
    async add(file, cidVersion) {
      const batch = store.begin()
      const { cid } = await addTo(batch, file, { cidVersion })
      await batch.commit([cid])
      return cid
    },
    async fetch(root) {
      const batch = store.begin()
      for (let level = [root]; level.length > 0;) {
        const next: CID[] = []
        await forEachParallel(level, HELIA_WINDOW, async (cid) => {
          await batch.put(cid, await helia.retrieve(cid))
          next.push(...((await batch.links(cid)) ?? []))
        })
        level = next
      }
      await batch.commit([root])
    },
  }
}
