/** Runs work for each of many keys, at most `atOnce` at a time for one of them, in the order of the calls. */
export function createGates(atOnce: number): <T>(key: string, work: () => Promise<T>) => Promise<T> {
  const gates = new Map<string, { running: number; readonly waiting: (() => void)[] }>()

  return async (key, work) => {
    const gate = gates.get(key) ?? { running: 0, waiting: [] }
    gates.set(key, gate)
    if (gate.running < atOnce) gate.running += 1
    // Whoever leaves hands its place on.
    else await new Promise<void>((resolve) => gate.waiting.push(resolve))
    try {
      return await work()
    } finally {
      const next = gate.waiting.shift()
      if (next !== undefined) next()
      else if (--gate.running === 0) gates.delete(key)
    }
  }
}
