import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import type { Budget } from './budget.ts'

/** A connection of which every byte, in and out, is taken from a budget before it goes on. */
export class MeteredSocket extends Duplex {
  readonly #raw: Socket
  readonly #budget: Budget
  /** A piece that came waits for its turn; nothing more is read meanwhile. */
  #waiting = false

  constructor(raw: Socket, budget: Budget) {
    super({ allowHalfOpen: true })
    this.#raw = raw
    this.#budget = budget
    raw.pause()
    raw.on('data', (piece: Buffer) => this.#onData(piece))
    raw.on('end', () => this.push(null))
    raw.on('error', (error) => this.destroy(error))
    raw.on('close', () => {
      if (!raw.readableEnded) this.destroy(new Error('the connection broke'))
    })
  }

  override _read(): void {
    if (!this.#waiting) this.#raw.resume()
  }

  override _write(piece: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#budget.take(piece.length).then(() => this.#raw.write(piece, done), done)
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#raw.end(() => done())
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#raw.destroy()
    done(error)
  }

  #onData(piece: Buffer): void {
    this.#waiting = true
    this.#raw.pause()
    this.#budget.take(piece.length).then(
      () => {
        this.#waiting = false
        if (this.push(piece)) this.#raw.resume()
      },
      (error: Error) => this.destroy(error),
    )
  }
}
