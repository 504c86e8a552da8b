import type { Change } from '../../orchestrator/service.ts'
import type { Clock } from '../../runtime/clock.ts'
import { LIMITS } from '../../runtime/limits.ts'

/** A comment, which keeps the connection and whoever watches it awake. */
const BEAT = Buffer.from(': beat\n\n')

/**
 * Changes as server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html), ended after
 * `LIMITS.eventStream`: a reader connects again and goes on where it was.
 */
export async function* frames(changes: AsyncIterable<readonly Change[]>, clock: Clock): AsyncGenerator<Uint8Array> {
  const begin = clock.monotonic()
  let spoken = begin
  for await (const batch of changes) {
    const now = clock.monotonic()
    if (now - begin >= LIMITS.eventStream) return
    if (batch.length === 0 && now - spoken < LIMITS.eventBeat) continue
    spoken = now
    yield batch.length === 0 ? BEAT : bytesOf(batch)
  }
}

/** What was made last of changes that end with the same one. */
const made = new WeakMap<Change, { readonly batch: readonly Change[]; readonly bytes: Buffer }>()

/**
 * The frames of some changes. Thousands of readers are told the same at about the same time: its bytes are made once, and lie
 * there once, however many slow readers they wait for.
 */
export function bytesOf(batch: readonly Change[]): Buffer {
  const last = batch.at(-1)
  const known = last && made.get(last)
  if (known?.batch === batch) return known.bytes
  if (known?.batch.length === batch.length && batch.every((change, index) => change === known.batch[index])) {
    return known.bytes
  }
  const bytes = Buffer.from(batch.map(frameOf).join(''))
  if (last !== undefined) made.set(last, { batch, bytes })
  return bytes
}

function frameOf(change: Change): string {
  const id = 'cursor' in change ? `id: ${change.cursor}\n` : ''
  return `${id}event: ${change.kind}\ndata: ${JSON.stringify(dataOf(change))}\n\n`
}

function dataOf(change: Change): unknown {
  if (change.kind === 'ready') return change.cursor === undefined ? {} : { Cursor: change.cursor }
  return change.kind === 'reset' ? {} : change.event
}
