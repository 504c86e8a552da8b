import { createFlights } from '../../../content/parallel.ts'
import { BacalhauError } from '../../../runtime/error.ts'
import type { Image } from '../engine/answers.ts'
import type { Engine } from '../engine/engine.ts'
import type { Credentials } from './credentials.ts'
import { type OnProgress, pullImage } from './pull.ts'
import { type ImageReference, parseReference } from './reference.ts'

/** When an image is fetched: if it is not here, before each run, or never. */
export type PullPolicy = 'missing' | 'always' | 'never'

/** An image that is here and fits. */
export interface ReadyImage {
  /** Digest of its configuration: what runs is this, whatever its tag points to by then. */
  readonly id: string
  /** Its name in the registry by digest, where it has one; else its ID. */
  readonly pinned: string
}

export interface ImageStore {
  /** Makes an image available. Jobs that want the same one at a time share one pull. */
  ready(name: string, onProgress: OnProgress, signal: AbortSignal): Promise<ReadyImage>
}

export interface ImageStoreOptions {
  readonly engine: Engine
  readonly policy: PullPolicy
  readonly credentials: Credentials
  /** An image was fetched for a job, or used by one. */
  readonly onUse?: (name: string, pulled: boolean) => void
}

export function createImageStore({ engine, policy, credentials, onUse }: ImageStoreOptions): ImageStore {
  const pulls = createFlights<void>()
  const audience = createAudience()

  async function fetch(name: string, reference: ImageReference, onProgress: OnProgress, signal: AbortSignal) {
    const leave = audience.join(name, onProgress)
    const pull = pulls.join(name, signal, async (shared) => {
      const auth = await credentials(reference.registry)
      await pullImage(engine, reference, { auth, onProgress: (words) => audience.tell(name, words) }, shared)
      onUse?.(name, true)
    })
    await pull.finally(leave)
    const image = await engine.image(name, signal)
    if (image === undefined) throw new BacalhauError('ImageNotFound', `image not available: "${name}" did not arrive`)
    return image
  }

  return {
    async ready(name, onProgress, signal) {
      const reference = parseReference(name)
      const present = await engine.image(name, signal)
      onUse?.(name, false)
      // What is named by its content cannot be newer elsewhere.
      const fixed = reference === undefined || reference.pinned
      const good = present !== undefined && (policy !== 'always' || fixed) && misfit(present, engine) === undefined
      if (good) return toReady(present, reference)
      if (reference === undefined || policy === 'never') return toReady(checked(present, name, engine), reference)
      return toReady(checked(await fetch(name, reference, onProgress, signal), name, engine), reference)
    },
  }
}

function checked(image: Image | undefined, name: string, engine: Engine): Image {
  if (image === undefined) {
    throw new BacalhauError('ImageNotFound', `image not available: "${name}" is not on this node, which fetches none`, {
      hint: 'The operator of the node can bring the image there with `docker pull` or `docker load`.',
    })
  }
  const problem = misfit(image, engine)
  if (problem !== undefined) throw new BacalhauError('ImagePlatform', `image "${name}" ${problem}`)
  return image
}

/** Why an image cannot run here. Images that do not say what they are for are given the benefit of the doubt. */
function misfit({ Os, Architecture }: Image, { facts: { os, architecture } }: Engine): string | undefined {
  const fits = (said: string, wanted: string) => said === '' || said.toLowerCase() === wanted
  if (fits(Os, os) && fits(Architecture, architecture)) return undefined
  return `is made for ${Os}/${Architecture}; this node runs ${os}/${architecture}`
}

function toReady({ Id, RepoDigests }: Image, reference: ImageReference | undefined): ReadyImage {
  const own = RepoDigests.find((digest) => digest.startsWith(`${reference?.repository ?? ''}@`))
  return { id: Id, pinned: own ?? RepoDigests[0] ?? Id }
}

/** Those who wait for the same image all hear how far it is. */
function createAudience() {
  const listeners = new Map<string, Set<OnProgress>>()
  return {
    join(name: string, listener: OnProgress): () => void {
      const all = listeners.get(name) ?? new Set()
      listeners.set(name, all.add(listener))
      return () => {
        all.delete(listener)
        if (all.size === 0) listeners.delete(name)
      }
    },
    tell(name: string, words: string): void {
      for (const listener of listeners.get(name) ?? []) listener(words)
    },
  }
}
