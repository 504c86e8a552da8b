import { BacalhauError } from '../../../runtime/error.ts'
import { LIMITS } from '../../../runtime/limits.ts'
import { formatBytes } from '@bacalhau/models'
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
  const layers = new Map<string, { readonly current: number; readonly total: number }>()
  try {
    for await (const line of lines(await engine.pull(query, auth, signal))) {
      const { error, id, progressDetail } = parseAnswer(line, pullLineSchema, 'pull')
      if (error !== undefined) throw new EngineError(404, error)
      const { current, total } = progressDetail ?? {}
      if (id === undefined || current === undefined || total === undefined || layers.size >= MAX_LAYERS) continue
      layers.set(id, { current, total })
      onProgress(progressOf(layers.values()))
    }
  } catch (error) {
    signal.throwIfAborted()
    throw refusal(error, reference, unreachable(engine.address, error, signal))
  }
}

const MAX_LAYERS = 1_000

function progressOf(layers: Iterable<{ readonly current: number; readonly total: number }>): string {
  let [current, total] = [0, 0]
  for (const layer of layers) {
    current += layer.current
    total += layer.total
  }
  return `${formatBytes(current)} of ${formatBytes(total)}`
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
