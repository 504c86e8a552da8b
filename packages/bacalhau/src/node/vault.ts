import { parseCid } from '../content/cid.ts'
import type { Content } from '../content/content.ts'
import { readWhole } from '../content/read-whole.ts'
import type { DataVault } from '../orchestrator/inline-data.ts'
import { LIMITS } from '../runtime/limits.ts'

/** The name under which the vault pins. */
export const VAULT_PIN = 'inline'

/** Keeps bytes as files in this node's content, where compute nodes find them by CID. */
export function createVault(content: Pick<Content, 'add' | 'stat' | 'cat' | 'has' | 'pins' | 'unpin'>): DataVault {
  return {
    async put(bytes) {
      const { cid } = await content.add(only(bytes), { cidVersion: 1, pinAs: VAULT_PIN })
      return cid.toString()
    },
    async get(cid, signal) {
      const bounds = { offline: true, maxBytes: LIMITS.inlineContent, ...(signal === undefined ? {} : { signal }) }
      return readWhole(content, { cid: parseCid(cid), path: [] }, bounds)
    },
    has: (cid) => content.has({ cid: parseCid(cid), path: [] }),
    list: () => content.pins(VAULT_PIN),
    drop: (cid) => void content.unpin(parseCid(cid), VAULT_PIN),
  }
}

async function* only(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
