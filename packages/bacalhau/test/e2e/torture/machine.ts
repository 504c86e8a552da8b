import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { freePorts, launchNode, type NodeProcess, type StartingNode } from '../../program.ts'

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
}

export async function createMachine(folder: string, name: string, args: readonly string[]): Promise<Machine> {
  const dataDir = path.join(folder, name)
  await mkdir(dataDir)
  const [port, apiPort] = await freePorts(2)
  const flags = [...args, '--port', String(port), '--api-port', String(apiPort)]
  let process: StartingNode | undefined
  return {
    name,
    dataDir,
    apiUrl: `http://127.0.0.1:${apiPort}`,
    async start() {
      const started = (process ??= launchNode(dataDir, flags))
      await started.ready.catch((error: unknown) => {
        // Killed while it started: that is what this is about. Anything else is a fault of the program.
        if (process === started) throw error
      })
    },
    async kill() {
      const killed = process
      process = undefined
      await killed?.kill()
    },
    async stop() {
      const node: NodeProcess | undefined = await process?.ready
      process = undefined
      const end = await node?.stop()
      if (end !== undefined && end.code !== 0)
        throw new Error(`${name} ended with exit code ${end.code}:\n${end.stderr}`)
    },
  }
}
