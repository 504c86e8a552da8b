import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { type Ended, freePorts, launchNode, type StartingNode } from '../../program.ts'

/** A machine that keeps its disk and its ports whatever happens to the process on it. */
export interface Machine {
  readonly name: string
  readonly dataDir: string
  readonly apiUrl: string
  /** Starts the process, unless it is running, and resolves when it is ready, or when it was killed before that. */
  start(): Promise<void>
  /** kill -9 at whatever it is doing. */
  kill(): Promise<void>
  /** Ends the process in order; throws when it does not end well. */
  stop(): Promise<void>
  /** How its processes ended that nobody ended, one sentence each. */
  readonly deaths: readonly string[]
}

export async function createMachine(folder: string, name: string, args: readonly string[]): Promise<Machine> {
  const dataDir = path.join(folder, name)
  await mkdir(dataDir)
  const [port, apiPort] = await freePorts(2)
  const flags = [...args, '--port', String(port), '--api-port', String(apiPort)]
  const deaths: string[] = []
  let process: StartingNode | undefined

  /** A process that ends of itself is missed: it is a fault, and the next start is one of a new process. */
  function launch(): StartingNode {
    const launched = launchNode(dataDir, flags)
    const ended = ({ code, signal, stderr }: Ended) => {
      if (process !== launched) return
      process = undefined
      deaths.push(`${name} ended of itself, with ${signal ?? `exit code ${code}`}:\n${stderr}`)
    }
    launched.end.then(ended, (error: unknown) => deaths.push(`${name} cannot be started: ${String(error)}`))
    return launched
  }

  return {
    name,
    dataDir,
    apiUrl: `http://127.0.0.1:${apiPort}`,
    deaths,
    async start() {
      const started = (process ??= launch())
      // One that ends before it is ready was killed, which is what this is about, or is among the deaths.
      await started.ready.catch(() => undefined)
    },
    async kill() {
      const killed = process
      process = undefined
      await killed?.kill()
    },
    async stop() {
      const stopped = process
      process = undefined
      if (stopped === undefined) return
      const { code, stderr } = await (await stopped.ready).stop()
      if (code !== 0) throw new Error(`${name} ended with exit code ${code}:\n${stderr}`)
    },
  }
}
