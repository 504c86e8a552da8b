import { fail, size } from '../failure.ts'

/** Keeps count of what one run uses of the net, all its requests together. Each ends the run when it is too much. */
export interface Account {
  readonly request: () => void
  readonly bytes: (count: number) => void
}

export function createAccount(most: { readonly requests: number; readonly bytes: number }): Account {
  let [requests, bytes] = [0, 0]
  return {
    request() {
      requests += 1
      if (requests > most.requests)
        fail('WasmHttpLimit', `the job made more than the ${most.requests} requests of a run`)
    },
    bytes(count) {
      bytes += count
      if (bytes > most.bytes)
        fail(
          'WasmHttpLimit',
          `the job sent and received more than the ${size(most.bytes)} that a run may have over the net`,
        )
    },
  }
}
