import { chmod, mkdir, rm } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import path from 'node:path'
import type { Clock } from '../../../runtime/clock.ts'
import { BacalhauError } from '../../../runtime/error.ts'
import { LIMITS } from '../../../runtime/limits.ts'
import type { Logger } from '../../../runtime/logger.ts'
import type { Outbound } from '../../../sources/outbound/outbound.ts'
import { hostRule } from '../../wasm/http/domains.ts'
import type { Turns } from '../../wasm/http/turns.ts'
import type { ExecutionRequest } from '../../executor.ts'
import { type Budget, createBudget, type EgressBounds } from './budget.ts'
import { SOCKET } from './gate.ts'
import { MeteredSocket } from './metered-socket.ts'
import { createProxy } from './proxy.ts'

/** What a job has done over the net. */
export interface EgressUse {
  readonly bytes: number
  /** Requests and tunnels that were let through, and those that were not. */
  readonly allowed: number
  readonly refused: number
}

/** The proxy of one job, at its socket. */
export interface Desk {
  readonly budget: Budget
  /** Resolves at the first connection. */
  readonly reached: Promise<void>
  /** Ends all connections, and removes the socket. */
  readonly close: () => Promise<void>
}

export interface DeskOptions {
  readonly outbound: Outbound
  readonly bounds: EgressBounds
  readonly lookups: Turns
  readonly clock: Clock
  readonly logger: Logger
  readonly onDone?: (use: EgressUse) => void
}

/** Listens in `folder` for the gate of a job. */
export async function openDesk(folder: string, request: ExecutionRequest, options: DeskOptions): Promise<Desk> {
  const { clock, logger, onDone } = options
  const { jobId, executionId, network } = request
  const over = new AbortController()
  const budget = createBudget(options.bounds, clock, over.signal)
  const count = { allowed: 0, refused: 0 }
  const proxy = createProxy({
    ...options,
    jobId,
    isAllowed: hostRule(network?.Domains ?? []),
    signal: over.signal,
    onRequest(refusal, host) {
      if (refusal === undefined) count.allowed += 1
      if (refusal?.status === 403) count.refused += 1
      if (refusal !== undefined) logger.debug({ executionId, host, reason: refusal.message }, 'a request was refused')
    },
  })
  const { promise: reached, resolve } = Promise.withResolvers<void>()
  const open = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
    resolve()
    open.add(socket.on('close', () => open.delete(socket)))
    proxy.accept(new MeteredSocket(socket, budget).on('error', () => undefined))
  })
  server.maxConnections = LIMITS.egressConnections
  await listen(server, folder)
  return {
    budget,
    reached,
    async close() {
      over.abort(new Error('the job has ended'))
      const closed = new Promise((done) => server.close(done))
      for (const socket of open) socket.destroy()
      await closed
      await rm(folder, { recursive: true, force: true })
      const use = { bytes: budget.used, ...count }
      logger.info({ executionId, jobId, ...use }, 'what a job did over the net')
      onDone?.(use)
    },
  }
}

/** The folder of all sockets is this user's alone; below it the gate, which runs as whoever the engine likes, gets in. */
async function listen(server: Server, folder: string): Promise<void> {
  const socket = path.join(folder, SOCKET)
  if (Buffer.byteLength(socket) > LONGEST_PATH) {
    const words = `the path of this node's folder is too long for the network HTTP: ${socket}`
    throw new BacalhauError('EngineUnavailable', words, { hint: 'Choose a shorter DataDir.' })
  }
  await mkdir(path.dirname(folder), { recursive: true, mode: 0o700 })
  await mkdir(folder, { recursive: true })
  await chmod(folder, 0o755)
  await rm(socket, { force: true })
  await new Promise<void>((resolve, reject) => void server.once('error', reject).listen(socket, resolve))
  await chmod(socket, 0o666)
}

/** Bytes of `sun_path`, less its NUL. */
const LONGEST_PATH = 107
