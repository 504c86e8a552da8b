import type { CID } from 'multiformats/cid'
import type { Clock } from '../../runtime/clock.ts'
import { keyOf } from '../cid.ts'

/** What a peer says to a want: the block, or whether it has it. */
export type Answer = Uint8Array | boolean

/** Matches what peers send with who waits for it. */
export interface Answers {
  /** Resolves to the peer's next answer about `cid`, or to `false` when none comes within `milliseconds`. */
  expect(peer: string, cid: CID, milliseconds: number): Promise<Answer>
  /** Does nothing when nobody expects an answer about `cid` from this peer. */
  settle(peer: string, cid: CID, answer: Answer): void
}

export function createAnswers(clock: Clock): Answers {
  const waiting = new Map<string, Set<(answer: Answer) => void>>()
  const keyFor = (peer: string, cid: CID) => `${peer} ${keyOf(cid)}`

  function settle(peer: string, cid: CID, answer: Answer): void {
    const key = keyFor(peer, cid)
    const resolvers = waiting.get(key)
    waiting.delete(key)
    for (const resolve of resolvers ?? []) resolve(answer)
  }

  return {
    settle,
    expect: (peer, cid, milliseconds) =>
      new Promise((resolve) => {
        const timer = clock.after(milliseconds, () => settle(peer, cid, false))
        const key = keyFor(peer, cid)
        const resolvers = waiting.get(key) ?? new Set()
        waiting.set(key, resolvers)
        resolvers.add((answer) => {
          timer.cancel()
          resolve(answer)
        })
      }),
  }
}
