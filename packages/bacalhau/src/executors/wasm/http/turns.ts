import { abortReason } from '../../../runtime/abort.ts'

/** Lets a bounded number of things happen at a time; the others wait in the order in which they came. */
export interface Turns {
  /** Resolves with what gives the turn back, once it is there. Rejects with the signal's reason. */
  take(signal: AbortSignal): Promise<() => void>
}

export function createTurns(atOnce: number): Turns {
  const waiting = new Set<() => void>()
  let taken = 0
  const giveBack = () => {
    taken -= 1
    const [next] = waiting
    next?.()
  }
  return {
    take(signal) {
      return new Promise((resolve, reject) => {
        const begin = () => {
          leave()
          taken += 1
          resolve(giveBack)
        }
        const onAbort = () => {
          leave()
          reject(abortReason(signal))
        }
        const leave = () => {
          waiting.delete(begin)
          signal.removeEventListener('abort', onAbort)
        }
        if (signal.aborted) return onAbort()
        if (taken < atOnce) return begin()
        waiting.add(begin)
        signal.addEventListener('abort', onAbort)
      })
    },
  }
}
