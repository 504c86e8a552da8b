import { formatBytes } from '@bacalhau/models'
import type { z } from 'zod'
import { BacalhauError } from '../../../runtime/error.ts'
import { LIMITS } from '../../../runtime/limits.ts'
import { pullLineSchema } from '../engine/answers.ts'
import { EngineError, parseAnswer, unreachable } from '../engine/call.ts'
import type { Engine } from '../engine/engine.ts'
import type { ImageReference } from './reference.ts'

/** Told how far a pull is, in words for people. */
export type OnProgress = (words: string) => void

/** Fetches an image into the engine. Throws `ImageNotFound`, or an `EngineError`. */
export async function pullImage(
  engine: Engine,
  reference: ImageReference,
  { auth, onProgress }: { readonly auth: string | undefined; readonly onProgress: OnProgress },
  signal: AbortSignal,
): Promise<void> {
  const { os, architecture } = engine.facts
  const query = { fromImage: reference.repository, tag: reference.version, platform: `${os}/${architecture}` }
  const layers = createLayers()
  try {
    for await (const line of lines(await engine.pull(query, auth, signal))) {
      const said = parseAnswer(line, pullLineSchema, 'pull')
      if (said.error !== undefined) throw new EngineError(404, said.error)
      const words = layers.told(said)
      if (words !== undefined) onProgress(words)
    }
  } catch (error) {
    signal.throwIfAborted()
    throw refusal(error, reference, unreachable(engine.address, error, signal))
  }
}

const MAX_LAYERS = 1_000

type Said = z.infer<typeof pullLineSchema>

/** The layers of an image that the engine has begun to fetch, of which it tells more and more as it goes. */
function createLayers(): { told(said: Said): string | undefined } {
  const layers = new Map<string, { current: number; readonly total: number }>()
  return {
    told({ id, status = '', progressDetail }) {
      const known = layers.get(id ?? '')
      const { current, total } = progressDetail ?? {}
      // A layer that has arrived is unpacked, for which the engine counts its bytes a second time.
      if (known !== undefined && /^(Verifying|Download complete|Extracting|Pull complete)/.test(status)) {
        known.current = known.total
      } else if (id !== undefined && current !== undefined && total !== undefined && layers.size < MAX_LAYERS) {
        layers.set(id, { current, total })
      } else return undefined
      return progressOf([...layers.values()])
    },
  }
}

function progressOf(layers: readonly { readonly current: number; readonly total: number }[]): string {
  const sum = (of: 'current' | 'total') => layers.reduce((bytes, layer) => bytes + layer[of], 0)
  const [current, total] = [sum('current'), sum('total')]
  const share = total === 0 ? 100 : Math.floor((current / total) * 100)
  return share === 100
    ? `unpacking ${formatBytes(total)}`
    : `${share} % (${formatBytes(current)} of ${formatBytes(total)})`
}

/** What the engine passes on of a registry's refusal; anything else is the engine's own trouble. */
function refusal(error: unknown, { repository, registry, version }: ImageReference, otherwise: unknown): unknown {
  if (!(error instanceof EngineError)) return otherwise
  if (error.status === 0 || error.status === 400 || error.status >= 501) return error
  const name = `${repository}${version.startsWith('sha256:') ? '@' : ':'}${version}`
  return new BacalhauError('ImageNotFound', `image not available: "${name}": ${error.message.slice(0, 1_000)}`, {
    hint: `Check the name. If it is private, log in to ${registry} on the node (docker login, or DOCKER_USERNAME and DOCKER_PASSWORD).`,
    cause: error,
  })
}

/** Lines of a stream, each of bounded length. A last line that is cut off is no line. */
export async function* lines(source: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let rest: Buffer = Buffer.alloc(0)
  for await (const chunk of source) {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    for (let end = rest.indexOf(10); end !== -1; end = rest.indexOf(10)) {
      const line = rest.subarray(0, end).toString().trim()
      rest = rest.subarray(end + 1)
      if (line !== '') yield line
    }
    if (rest.length > LIMITS.engineDocument) throw new EngineError(0, 'a line of the container engine is too long')
  }
}
