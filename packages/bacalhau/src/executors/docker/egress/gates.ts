import { createHash } from 'node:crypto'
import { readdir, rm } from 'node:fs/promises'
import path from 'node:path'
import { abortable, withDeadline } from '../../../runtime/abort.ts'
import type { Clock } from '../../../runtime/clock.ts'
import { BacalhauError, messageOf } from '../../../runtime/error.ts'
import { LIMITS } from '../../../runtime/limits.ts'
import type { Logger } from '../../../runtime/logger.ts'
import type { Outbound } from '../../../sources/outbound/outbound.ts'
import { createTurns } from '../../wasm/http/turns.ts'
import type { ExecutionRequest } from '../../executor.ts'
import type { Engine } from '../engine/engine.ts'
import type { Budget, EgressBounds } from './budget.ts'
import { type EgressUse, openDesk } from './desk.ts'
import { createGate, PROXY_PORT } from './gate.ts'

/** How containers reach listed domains. */
export interface EgressOptions {
  /** Folder for the sockets of the proxies, of this node alone. */
  readonly folder: string
  readonly outbound: Outbound
  readonly bounds: EgressBounds
  /** Told what each job has done, at its end. */
  readonly onDone?: (use: EgressUse) => void
}

/** The way of one job to its domains. */
export interface Gate {
  /** How the container of the job is connected; undefined for one that is there already. */
  readonly mode: `container:${string}` | undefined
  /** What tells the job's programs about the proxy. */
  readonly env: Readonly<Record<string, string>>
  readonly budget: Budget
  /** Ends all connections. The container stays. */
  readonly close: () => Promise<void>
}

export interface Opening {
  readonly engine: Engine
  readonly request: ExecutionRequest
  /** Told of the container, which it removes in the end. */
  readonly own: (id: string) => void
  readonly signal: AbortSignal
}

export interface Gates {
  /** Makes the gate of a job, running. Rejects with an `EngineError`, or `EngineUnavailable` where the engine cannot do it. */
  open(opening: Opening): Promise<Gate>
  /** Takes up the gate of a job that a former process has begun. */
  reopen(request: ExecutionRequest): Promise<Gate>
  /** Removes what former processes have left for other executions than these. */
  keep(held: ReadonlySet<string>): Promise<void>
}

export interface GatesOptions extends EgressOptions {
  readonly node: string
  readonly clock: Clock
  readonly logger: Logger
}

/** What programs look for. Most know the small letters, Go's and Python's take either. */
const proxy = `http://127.0.0.1:${PROXY_PORT}`
const local = 'localhost,127.0.0.1,::1'
const ENV = {
  http_proxy: proxy,
  https_proxy: proxy,
  HTTP_PROXY: proxy,
  HTTPS_PROXY: proxy,
  no_proxy: local,
  NO_PROXY: local,
}

export function createGates(options: GatesOptions): Gates {
  const lookups = createTurns(LIMITS.egressLookups)
  const folderOf = (executionId: string) => path.join(options.folder, nameOf(executionId))
  return {
    async open({ engine, request, own, signal }) {
      const folder = folderOf(request.executionId)
      const desk = await openDesk(folder, request, { ...options, lookups })
      try {
        const id = await createGate(engine, { node: options.node, request, folder }, signal)
        own(id)
        await engine.start(id, new AbortController().signal)
        await comesUp(engine, id, desk.reached, signal)
        return { mode: `container:${id}`, env: ENV, budget: desk.budget, close: desk.close }
      } catch (error) {
        await desk.close()
        throw error
      }
    },
    async reopen(request) {
      const { budget, close } = await openDesk(folderOf(request.executionId), request, { ...options, lookups })
      return { mode: undefined, env: ENV, budget, close }
    },
    async keep(held) {
      const wanted = new Set([...held].map(nameOf))
      const names = await readdir(options.folder).catch(() => [])
      const useless = names.filter((name) => !wanted.has(name))
      await Promise.all(useless.map((name) => rm(path.join(options.folder, name), { recursive: true, force: true })))
    },
  }
}

/** Short, because the path of a socket may have 107 bytes. */
const nameOf = (executionId: string) => createHash('sha256').update(executionId).digest('hex').slice(0, 12)

/** The gate makes itself known by a connection. One that does not shows that the engine cannot do what it takes. */
async function comesUp(engine: Engine, id: string, reached: Promise<void>, signal: AbortSignal): Promise<void> {
  const over = new AbortController()
  const limited = AbortSignal.any([over.signal, withDeadline(signal, LIMITS.egressGate)])
  try {
    const ended = engine.wait(id, limited).then((code) => {
      throw new Error(`it ended with exit code ${code}`)
    })
    ended.catch(() => undefined)
    await abortable(Promise.race([reached, ended]), limited)
  } catch (error) {
    signal.throwIfAborted()
    throw new BacalhauError('EngineUnavailable', `the network HTTP does not come up: ${messageOf(error)}`, {
      component: 'docker',
      hint: 'The container engine must run on the machine of the node, and see its files.',
      cause: error,
    })
  } finally {
    over.abort()
  }
}
