import { isApiError, unanswered } from '../api-error.ts'
import { patiently } from '../retry.ts'
import type { Transport } from '../transport.ts'
import { type CarBlock, readCar } from './car.ts'
import { type Cid, inlineData, RAW, verify } from './cid.ts'

/** Blocks of a node, each verified. */
export interface Blocks {
  get(cid: Cid): Promise<Uint8Array>
  /** Is this the block that comes next of its own accord? */
  isNext(cid: Cid): Promise<boolean>
  /** What would come next is not wanted. */
  skip(): Promise<void>
}

/** Bytes of blocks that are kept, in case that they occur once more: the node sends each but once. */
const KEPT = 8 * 1024 * 1024
/** Until a node has found content in its swarm. Milliseconds. */
const LOOKUP = 120_000
/** Bytes of a block. */
const LARGEST = 2 * 1024 * 1024

type Block = Uint8Array<ArrayBuffer>

/**
 * Reads from the trustless gateway of the node (https://specs.ipfs.tech/http-gateways/trustless-gateway/). A CAR brings the
 * blocks in the order in which they are asked for; the few that it does not (one that occurs for the second time, and those
 * after a connection broke off) are asked for one by one or by a CAR of their own. `path` is what is going to be read.
 */
export function createBlocks(transport: Transport, path: string, signal: AbortSignal | undefined): Blocks {
  const kept = createKept()
  const archive = createArchive(transport, signal)
  let begun = false
  const fetch = async (cid: Cid): Promise<Block> => {
    if (!begun) await archive.open(path)
    begun = true
    if (!archive.isOpen()) {
      if (cid.codec === RAW) return fetchBlock(transport, cid, signal)
      await archive.open(cid.key)
    }
    return (await archive.take(cid)) ?? fetchBlock(transport, cid, signal)
  }
  const attempt = async (cid: Cid): Promise<Block> => {
    try {
      return await fetch(cid)
    } catch (error) {
      await archive.close()
      signal?.throwIfAborted()
      throw isApiError(error) ? error : unanswered(error, transport.baseUrl)
    }
  }
  return {
    async get(cid) {
      const there = inlineData(cid) ?? kept.get(cid)
      if (there !== undefined) return there
      const block = await patiently(() => attempt(cid), transport.platform, { signal })
      await verify(cid, block)
      kept.put(cid, block)
      return block
    },
    isNext: (cid) => archive.isNext(cid),
    skip: () => archive.close(),
  }
}

/** The CAR that is being read. */
interface Archive {
  open(path: string): Promise<void>
  isOpen(): boolean
  isNext(cid: Cid): Promise<boolean>
  /** The next block, if it is this one. */
  take(cid: Cid): Promise<Block | undefined>
  close(): Promise<void>
}

function createArchive(transport: Transport, signal: AbortSignal | undefined): Archive {
  let stream: AsyncGenerator<CarBlock> | undefined
  let next: CarBlock | undefined
  const peek = async () => {
    if (next === undefined && stream !== undefined) {
      const step = await stream.next()
      if (step.done === true) stream = undefined
      else next = step.value
    }
    return next
  }
  return {
    async open(path) {
      stream = readCar(await request(transport, path, 'car', signal))
      next = undefined
    },
    isOpen: () => stream !== undefined || next !== undefined,
    isNext: async (cid) => (await peek())?.cid.key === cid.key,
    async take(cid) {
      const block = await peek()
      if (block?.cid.key !== cid.key) return undefined
      next = undefined
      return block.block
    },
    async close() {
      const closing = stream
      stream = undefined
      next = undefined
      await closing?.return(undefined)
    },
  }
}

async function request(
  transport: Transport,
  path: string,
  format: 'car' | 'raw',
  signal: AbortSignal | undefined,
): Promise<ReadableStream<Uint8Array>> {
  const headers = { accept: `application/vnd.ipld.${format}` }
  const call = { query: { format }, headers, timeout: LOOKUP, signal }
  const { body } = await transport.send('GET', gatewayPath(path), call)
  return body ?? new ReadableStream({ start: (controller) => controller.close() })
}

/** The address of content on the gateway of a node. */
export const gatewayPath = (path: string): string => `/ipfs/${path.split('/').map(encodeURIComponent).join('/')}`

async function fetchBlock(transport: Transport, cid: Cid, signal: AbortSignal | undefined): Promise<Block> {
  const reader = (await request(transport, cid.key, 'raw', signal)).getReader()
  let block = new Uint8Array()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return block
    const longer = new Uint8Array(block.length + value.length)
    longer.set(block)
    longer.set(value, block.length)
    block = longer
    // Too much: the rest does not matter, for it will not be what the CID says.
    if (block.length > LARGEST) {
      await reader.cancel()
      return block
    }
  }
}

/** The blocks that were used last. */
function createKept() {
  const blocks = new Map<string, Uint8Array>()
  let bytes = 0
  return {
    get: ({ key }: Cid) => blocks.get(key),
    put({ key }: Cid, block: Uint8Array) {
      blocks.set(key, block)
      bytes += block.length
      for (const [oldest, { length }] of blocks) {
        if (bytes <= KEPT) return
        blocks.delete(oldest)
        bytes -= length
      }
    },
  }
}
