const waiting: (() => void)[] = []

/**
 * Resolves when other work has had its turn. Whatever goes through very many things takes a step of some milliseconds and then
 * waits for its next turn; of all that wait, one goes on at a time. So the length of a step is what the process is held up by,
 * however many go through things at once.
 */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    if (waiting.push(resolve) === 1) setImmediate(goOn)
  })
}

function goOn(): void {
  waiting.shift()?.()
  if (waiting.length > 0) setImmediate(goOn)
}
