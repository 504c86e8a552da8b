export type OneAtATime = <T>(key: string, task: () => Promise<T>) => Promise<T>

/** Runs tasks of one key one after the other, in the order of the calls; those of different keys do not wait for each other. */
export function oneAtATime(): OneAtATime {
  const last = new Map<string, Promise<unknown>>()
  return (key, task) => {
    const before = last.get(key) ?? Promise.resolve()
    const run = before.then(task, task)
    last.set(key, run)
    const forget = () => {
      if (last.get(key) === run) last.delete(key)
    }
    run.then(forget, forget)
    return run
  }
}
