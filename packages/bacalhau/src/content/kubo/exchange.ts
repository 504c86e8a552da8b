import type { CID } from 'multiformats/cid'
import { BacalhauError } from '../../runtime/error.ts'
import { LIMITS } from '../../runtime/limits.ts'
import type { BlockBatch } from '../blocks/block-batch.ts'
import { readCar } from '../car.ts'
import { inlineData, keyOf, matches } from '../cid.ts'
import { blocksOf, resolve, type Selection } from '../selection.ts'
import type { Exchange, FetchOptions } from '../swarm/fetch.ts'
import type { KuboRpc } from './rpc.ts'

type Bounds = Omit<FetchOptions, 'hints'>

/**
 * Content from a Kubo, which finds it in its own network: what lies below a CID as one CAR, single blocks otherwise. A block is
 * taken only if it is one that is missing and is what its CID says, so that a Kubo can make us keep nothing else.
 */
export function createKuboExchange(rpc: KuboRpc): Exchange {
  return {
    name: 'kubo',
    peers: [`the Kubo at ${rpc.place}`],
    // It has whatever its network has; to find out takes as long as to get it.
    ask: async () => true,
    async download(_peer, selection, batch, options) {
      const counted = counter(options)
      const whole = selection.scope === 'all'
      // Down the path block by block: a whole tree for the sake of one file in it would be a waste.
      const way: Selection = whole ? { ...selection, scope: 'node' } : selection
      for await (const cid of whole && selection.path.length === 0 ? [] : blocksOf(way, batch)) {
        options.signal.throwIfAborted()
        if (batch.has(cid)) batch.touch(cid)
        else await batch.put(cid, counted(await getBlock(rpc, cid, options.signal)))
      }
      if (whole) await getTree(rpc, await resolve(selection, batch), batch, counted, options)
    },
  }
}

function counter({ maxBytes, onBytes }: Bounds): (block: Uint8Array) => Uint8Array {
  let bytes = 0
  return (block) => {
    bytes += block.length
    if (bytes > maxBytes) throw new BacalhauError('ContentTooLarge', `The content has more than ${maxBytes} bytes.`)
    onBytes?.(block.length)
    return block
  }
}

async function getBlock(rpc: KuboRpc, cid: CID, signal: AbortSignal): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of await rpc.call('block/get', { arg: cid.toString() }, { signal })) {
    chunks.push(chunk)
    length += chunk.length
    if (length > LIMITS.block) throw new BacalhauError('ContentTooLarge', `A block may have ${LIMITS.block} bytes.`)
  }
  const block = Buffer.concat(chunks, length)
  if (!matches(cid, block)) throw wrong(`what it gives for ${cid.toString()} is something else`)
  return block
}

/** Whichever way through the tree the Kubo takes: each block must be linked from one that came before. */
async function getTree(
  rpc: KuboRpc,
  root: CID,
  batch: BlockBatch,
  counted: (block: Uint8Array) => Uint8Array,
  { signal }: Bounds,
): Promise<void> {
  const frontier = createFrontier(batch)
  await frontier.look([root])
  if (frontier.size === 0) return
  const car = await rpc.call('dag/export', { arg: root.toString(), progress: 'false' }, { signal })
  for await (const { cid, block } of readCar(car)) {
    const wanted = frontier.take(cid)
    if (wanted === undefined) throw wrong(`it sent ${cid.toString()}, which is no part of ${root.toString()}`)
    if (wanted.length > 0) await batch.put(cid, counted(block))
    for (const linked of wanted) await frontier.look((await batch.links(linked)) ?? [])
    // The rest of the answer would be read for nothing, and could be without an end.
    if (frontier.size === 0) return
  }
  throw wrong(`it ended with ${frontier.size} blocks of ${root.toString()} missing`)
}

/** What is missing of a tree, as far as can be seen from the blocks that are there. */
function createFrontier(batch: BlockBatch) {
  /** By hash: under which CIDs the block is linked. As raw bytes a block has no links, as dag-pb the same may have some. */
  const missing = new Map<string, CID[]>()
  const met = new Set<string>()
  const seen = new Set<string>()
  return {
    get size() {
      return missing.size
    },
    /** Notes what is missing at and below these. */
    async look(cids: readonly CID[]): Promise<void> {
      const waiting = [...cids]
      for (let cid = waiting.pop(); cid !== undefined; cid = waiting.pop()) {
        const [key, named] = [keyOf(cid), `${cid.code} ${keyOf(cid)}`]
        if (met.has(named) || inlineData(cid) !== undefined) continue
        met.add(named)
        seen.add(key)
        if (batch.has(cid)) {
          batch.touch(cid)
          waiting.push(...((await batch.links(cid)) ?? []))
        } else missing.set(key, [...(missing.get(key) ?? []), cid])
      }
    },
    /** The CIDs under which this block is missing; none for one that is here already, undefined for a stranger. */
    take(cid: CID): readonly CID[] | undefined {
      const key = keyOf(cid)
      const wanted = missing.get(key)
      missing.delete(key)
      return wanted ?? (seen.has(key) ? [] : undefined)
    },
  }
}

const wrong = (why: string): BacalhauError => new BacalhauError('ContentInvalid', `A Kubo cannot be used: ${why}.`)
