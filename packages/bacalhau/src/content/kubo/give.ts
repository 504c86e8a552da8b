import type { CID } from 'multiformats/cid'
import { Readable } from 'node:stream'
import { z } from 'zod'
import { BacalhauError, messageOf } from '../../runtime/error.ts'
import type { KuboRpc } from './rpc.ts'

/** A line of the answer to `dag/import`. Others say other things. */
const lineSchema = z.object({
  Root: z.object({ Cid: z.object({ '/': z.string() }), PinErrorMsg: z.string().optional() }).optional(),
})

/** Bytes of the answer that are read. */
const LONGEST = 64 * 1024

/** Gives a tree to a Kubo, as a CAR, and has it pinned there. Throws `PeerUnreachable` when it does not say that it has done so. */
export async function giveTo(
  rpc: KuboRpc,
  cid: CID,
  car: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<void> {
  const file = Readable.from(car, { objectMode: false })
  const chunks: Uint8Array[] = []
  let length = 0
  try {
    for await (const chunk of await rpc.call('dag/import', { 'pin-roots': 'true' }, { signal, file })) {
      chunks.push(chunk)
      length += chunk.length
      if (length > LONGEST) break
    }
  } catch (error) {
    signal.throwIfAborted()
    throw failed(rpc, messageOf(error))
  } finally {
    file.destroy()
  }
  const roots = Buffer.concat(chunks).toString('utf8').split('\n').flatMap(rootIn)
  const root = roots.find(({ Cid }) => Cid['/'] === cid.toString())
  const problem = root === undefined ? 'it does not say that it has taken the content' : root.PinErrorMsg
  if (problem) throw failed(rpc, problem)
}

const failed = ({ place }: KuboRpc, problem: string): BacalhauError =>
  new BacalhauError('PeerUnreachable', `the Kubo at ${place}: ${problem.slice(0, 500)}`)

function rootIn(line: string) {
  try {
    const { Root } = lineSchema.parse(JSON.parse(line))
    return Root === undefined ? [] : [Root]
  } catch {
    return []
  }
}
