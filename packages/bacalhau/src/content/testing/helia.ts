import { withBitswap } from '@helia/bitswap'
import { defaultLogger } from '@libp2p/logger'
import type { Libp2p } from '@libp2p/interface'
import type { CID } from 'multiformats/cid'
import { sha256 } from 'multiformats/hashes/sha2'
import type { Stoppable } from '../../runtime/lifecycle.ts'

/** Bitswap as others have written it (js-ipfs), which is tested against Kubo there. */
export interface HeliaBitswap extends Stoppable {
  retrieve(cid: CID, options?: { readonly signal?: AbortSignal }): Promise<Uint8Array>
}

/** What it serves from. */
export interface HeliaBlockstore {
  has(cid: CID): boolean | Promise<boolean>
  get(cid: CID): AsyncGenerator<Uint8Array> | Generator<Uint8Array>
}

/** Starts it on `libp2p`, without the rest of helia. */
export async function startHelia(libp2p: Libp2p, blockstore: HeliaBlockstore): Promise<HeliaBitswap> {
  let broker: HeliaBitswap | undefined
  const starts: ((host: unknown) => Promise<void>)[] = []
  const host = {
    status: 'starting',
    libp2p,
    logger: defaultLogger(),
    blockstore,
    getHasher: async () => sha256,
    routing: { async *findProviders() {}, async provide() {} },
    addMixin: (mixin: { start(host: unknown): Promise<void> }) => starts.push((host) => mixin.start(host)),
    hasBlockBroker: () => false,
    addBlockBroker: (started: HeliaBitswap) => {
      broker = started
    },
  }
  // The parameter is typed as the whole of helia, of which bitswap uses only this.
  withBitswap(host as unknown as Parameters<typeof withBitswap>[0])
  for (const start of starts) await start(host)
  if (broker === undefined) throw new Error('helia did not start bitswap')
  return broker
}
