import { newToken } from '../runtime/ids.ts'
import { loadPostboxes } from './load-postboxes.ts'
import type { Backlog, OfficeOptions } from './post-office.ts'
import { Postbox, type PostboxOptions } from './postbox.ts'

const NO_BACKLOG: Backlog = { messages: 0, bytes: 0 }

/** The conversations of an office, by peer. */
export class Conversations<Out> {
  readonly #options: PostboxOptions
  readonly #boxes: Map<string, Postbox<Out>>

  /** Those that the store knows, with what waits in them. */
  static async load<Out>(role: PostboxOptions['role'], options: OfficeOptions): Promise<Conversations<Out>> {
    const box: PostboxOptions = { ...options, role, mark: newToken(options.random).slice(0, 16) }
    return new Conversations(box, await loadPostboxes<Out>(box))
  }

  private constructor(options: PostboxOptions, boxes: Map<string, Postbox<Out>>) {
    this.#options = options
    this.#boxes = boxes
  }

  get(peer: string): Postbox<Out> | undefined {
    return this.#boxes.get(peer)
  }

  /** A new one, that is not kept yet. */
  create(peer: string): Postbox<Out> {
    return new Postbox<Out>(peer, this.#options)
  }

  keep(box: Postbox<Out>): Postbox<Out> {
    this.#boxes.set(box.peer, box)
    return box
  }

  backlog(peer: string): Backlog {
    return this.#boxes.get(peer)?.backlog ?? NO_BACKLOG
  }

  peers(): string[] {
    return [...this.#boxes.keys()]
  }

  forget(peer: string): void {
    this.#boxes.get(peer)?.forget()
    this.#boxes.delete(peer)
  }
}
