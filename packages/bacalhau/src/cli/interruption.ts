/** The user or the system asked this process to end. */
export class Interruption extends Error {
  override readonly name = 'Interruption'
  /** As shells count: 128 and the number of the signal. */
  readonly exitCode: number

  constructor(signal: 'SIGINT' | 'SIGTERM') {
    super(signal === 'SIGINT' ? 'interrupted by Ctrl-C' : 'interrupted by SIGTERM')
    this.exitCode = signal === 'SIGINT' ? 130 : 143
  }
}

/**
 * A signal that aborts with an `Interruption` at the first Ctrl-C or SIGTERM, so that work can end in order. The second
 * ends the process at once with exit code 130.
 */
export function watchInterruption(process: NodeJS.Process): AbortSignal {
  const controller = new AbortController()
  const onSignal = (signal: 'SIGINT' | 'SIGTERM') => {
    if (controller.signal.aborted) process.exit(130)
    controller.abort(new Interruption(signal))
  }
  process.on('SIGINT', () => onSignal('SIGINT'))
  process.on('SIGTERM', () => onSignal('SIGTERM'))
  return controller.signal
}
