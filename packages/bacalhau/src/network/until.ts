/**
 * Resolves when `arm` calls back or `signal` aborts, whichever comes first, after it has released what `arm` gave back to be
 * released. For waiting on events without leaving listeners behind.
 */
export async function until(signal: AbortSignal, arm: (done: () => void) => () => void): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const done = () => resolve()
  signal.addEventListener('abort', done)
  const release = arm(done)
  if (signal.aborted) done()
  await promise
  signal.removeEventListener('abort', done)
  release()
}
