import { readFile, rename, writeFile } from 'node:fs/promises'
import { z } from 'zod'
import type { Clock } from '../../../runtime/clock.ts'
import { messageOf, systemCode } from '../../../runtime/error.ts'
import type { Logger } from '../../../runtime/logger.ts'
import type { Engine } from '../engine/engine.ts'

/** Remembers which images were fetched for jobs, and removes those that no job uses any more. Others are never touched. */
export interface ImageLedger {
  /** A job uses this image; `fetched` for it just now, or there before. */
  used(name: string, fetched: boolean): void
  /** Removes what was not used for long, when it is time to look again. */
  sweep(engine: Pick<Engine, 'removeImage'>): Promise<void>
}

export interface ImageLedgerOptions {
  /** Where it is written down. */
  readonly file: string
  /** Milliseconds without a use after which an image goes. 0: never. */
  readonly keep: number
  readonly clock: Clock
  readonly logger: Logger
}

/** How often it is looked, in milliseconds. */
const LOOK_EVERY = 60 * 60_000

/** Last use of each image by its name, in milliseconds since the Unix epoch. */
const ledgerSchema = z.record(z.string().max(1_024), z.number())

export function createImageLedger({ file, keep, clock, logger }: ImageLedgerOptions): ImageLedger {
  /** Read when it is first needed. */
  let images: Map<string, number> | undefined
  const fresh = new Map<string, boolean>()
  let next = 0

  async function load(): Promise<Map<string, number>> {
    try {
      return new Map(Object.entries(ledgerSchema.parse(JSON.parse(await readFile(file, 'utf8')))))
    } catch (error) {
      // Without it nothing is removed that should not be: what is not in it stays.
      if (systemCode(error) !== 'ENOENT')
        logger.warn({ file, error: messageOf(error) }, 'cannot read the list of images')
      return new Map()
    }
  }

  async function save(known: ReadonlyMap<string, number>): Promise<void> {
    await writeFile(`${file}.new`, JSON.stringify(Object.fromEntries(known)), { mode: 0o600 })
    await rename(`${file}.new`, file)
  }

  async function look(engine: Pick<Engine, 'removeImage'>): Promise<void> {
    images ??= await load()
    const now = clock.now()
    for (const [name, fetched] of fresh) if (fetched || images.has(name)) images.set(name, now)
    fresh.clear()
    for (const [name, last] of images) {
      if (keep === 0 || now - last < keep) continue
      await engine.removeImage(name)
      images.delete(name)
      logger.info({ image: name }, 'removed an image that no job uses')
    }
    await save(images)
  }

  return {
    used(name, fetched) {
      const first = fetched && fresh.get(name) !== true
      fresh.set(name, fetched || fresh.get(name) === true)
      // What was fetched is written down soon, so that a crash does not make it anybody's.
      if (first) next = 0
    },
    async sweep(engine) {
      if (clock.monotonic() < next) return
      next = clock.monotonic() + LOOK_EVERY
      try {
        await look(engine)
      } catch (error) {
        logger.warn({ error: messageOf(error) }, 'cannot clean up images')
      }
    },
  }
}
