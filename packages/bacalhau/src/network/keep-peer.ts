import type { Clock } from '../runtime/clock.ts'
import { BacalhauError, isBacalhauError, messageOf } from '../runtime/error.ts'
import type { Logger } from '../runtime/logger.ts'
import type { Random } from '../runtime/random.ts'
import { afterMishap, type Mishap, NO_MISHAPS } from './backoff.ts'
import type { PeerTarget } from './peer-address.ts'
import { findRoute, type PeerRoute } from './peer-route.ts'
import type { Swarm } from './swarm.ts'
import { until } from './until.ts'
import type { WantedPeers } from './wanted-peers.ts'

/** A connection that lasted this many milliseconds counts as good. */
const STABLE = 10_000

/**
 * A connected peer is asked for a sign of life this often, and has so long to give it; less after an alarm. Milliseconds. Seldom,
 * because others have hundreds of such peers; where there is a link, that notices a silent one within seconds.
 */
const BEAT = 60_000
const PATIENCE = 15_000
const PATIENCE_ALARMED = 2_000

/** One wanted peer as a person wants to see it. */
export interface PeerStatus {
  /** The address as it was given. */
  readonly peer: string
  /** Unknown until an API told it. */
  readonly peerId: string | undefined
  /** `self`: the address is that of this node, so there is nothing to do. */
  readonly state: 'connecting' | 'connected' | 'waiting' | 'self'
  /** When the next attempt is due, in milliseconds since the epoch, while waiting. */
  readonly retryAt: number | undefined
  /** Why the last attempt failed; undefined once connected. */
  readonly error: BacalhauError | undefined
}

export interface KeepOptions {
  readonly swarm: Swarm
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** Where a target is at present; by default what was given, or what its API says. */
  readonly findRoute?: (target: PeerTarget, signal: AbortSignal) => Promise<PeerRoute>
}

/** What the functions below share about one peer. */
interface Line {
  readonly target: PeerTarget
  readonly options: KeepOptions
  readonly wanted: WantedPeers
  readonly signal: AbortSignal
  readonly logger: Logger
  status: PeerStatus
}

/**
 * Keeps one connection until `signal` aborts, for ever trying:
 *
 *     connecting --connected--> connected --lost--> waiting, as long as `afterMishap` says --> connecting
 *     connecting --failed--> waiting, longer each time --> connecting
 *     connecting --it is this node--> self
 *
 * A peer that connects to us while we wait ends the wait. Each new reason for failing is one warning in the log; its
 * repetitions are not.
 */
export function keepPeer(target: PeerTarget, options: KeepOptions, wanted: WantedPeers, signal: AbortSignal) {
  const peerId = target.kind === 'address' ? target.peerId : undefined
  const line: Line = {
    target,
    options,
    wanted,
    signal,
    logger: options.logger.child({ peer: target.text }),
    status: { peer: target.text, peerId, state: 'connecting', retryAt: undefined, error: undefined },
  }
  if (peerId !== undefined) wanted.set(target, peerId)
  return { status: () => present(line), done: keep(line) }
}

/** The connection itself is known a moment before the attempt that opened it returns. */
function present({ status, options }: Line): PeerStatus {
  if (status.peerId === undefined || !options.swarm.isConnected(status.peerId)) return status
  return { ...status, state: 'connected', retryAt: undefined, error: undefined }
}

async function keep(line: Line): Promise<void> {
  const { options, signal } = line
  let mishaps = NO_MISHAPS
  while (!signal.aborted) {
    const mishap = await connection(line)
    if (mishap === undefined) return
    const after = afterMishap(mishaps, mishap, options.random)
    mishaps = after.mishaps
    if (after.pause > 0) await pause(line, after.pause)
  }
}

/** One connection from the attempt to its end; undefined when there is nothing more to do. */
async function connection(line: Line): Promise<Mishap | undefined> {
  const { options, signal, logger } = line
  line.status = { ...line.status, state: 'connecting', retryAt: undefined }
  try {
    const route = await (options.findRoute ?? findRoute)(line.target, signal)
    line.status = { ...line.status, peerId: route.peerId }
    if (route.peerId === options.swarm.peerId) {
      line.status = { ...line.status, state: 'self', error: undefined }
      logger.info({}, 'this peer is the node itself')
      return undefined
    }
    await connectInTurn(options.swarm, route, signal)
    line.status = { ...line.status, state: 'connected', error: undefined }
    logger.info({ peerId: route.peerId }, 'connected to a peer')
    line.wanted.set(line.target, route.peerId)
    return await loss(line, route.peerId)
  } catch (error) {
    return signal.aborted ? undefined : failure(line, error)
  }
}

function failure(line: Line, thrown: unknown): Mishap {
  const error = isBacalhauError(thrown)
    ? thrown
    : new BacalhauError('PeerUnreachable', messageOf(thrown), { cause: thrown })
  if (error.message !== line.status.error?.message) {
    line.logger.warn({ error: error.message, hint: error.hint }, 'cannot connect to a peer; trying on')
  }
  line.status = { ...line.status, error }
  return error.code === 'PeerIdMismatch' ? 'stranger' : 'failed'
}

/** Resolves when the connection is gone. */
async function loss(line: Line, peerId: string): Promise<Mishap> {
  const { options, signal, logger } = line
  const { clock, swarm } = options
  const begin = clock.monotonic()
  await until(signal, (done) => {
    const stop = swarm.onPeer((peer, connected) => !connected && peer === peerId && done())
    if (!swarm.isConnected(peerId)) done()
    const unwatch = watchOver(line, peerId)
    return () => {
      stop()
      unwatch()
    }
  })
  if (!signal.aborted) logger.warn({ peerId }, 'lost the connection to a peer')
  return clock.monotonic() - begin >= STABLE ? 'lost late' : 'lost soon'
}

/** Cuts the connection once the peer is silent. */
function watchOver({ options }: Line, peerId: string): () => void {
  const { clock, swarm } = options
  let watching = true
  let timer = clock.after(BEAT, beat)
  function beat(): void {
    void swarm.cutDead(peerId, PATIENCE).then(() => {
      if (watching) timer = clock.after(BEAT, beat)
    })
  }
  const stop = swarm.onAlarm(() => void swarm.cutDead(peerId, PATIENCE_ALARMED))
  return () => {
    watching = false
    timer.cancel()
    stop()
  }
}

async function pause(line: Line, delay: number): Promise<void> {
  const { clock, swarm } = line.options
  line.status = { ...line.status, state: 'waiting', retryAt: clock.now() + delay }
  await until(line.signal, (done) => {
    const timer = clock.after(delay, done)
    const stop = swarm.onPeer((peer, connected) => connected && peer === line.status.peerId && done())
    const calm = swarm.onAlarm(done)
    return () => {
      timer.cancel()
      stop()
      calm()
    }
  })
}

/** Tries the groups of addresses in their order. Throws the error about a wrong peer if there is one, else the last one. */
async function connectInTurn(swarm: Swarm, route: PeerRoute, signal: AbortSignal): Promise<void> {
  let failure: unknown
  for (const addresses of route.addresses) {
    try {
      return await swarm.connect(route.peerId, addresses, signal)
    } catch (error) {
      signal.throwIfAborted()
      if (!(isBacalhauError(failure) && failure.code === 'PeerIdMismatch')) failure = error
    }
  }
  throw failure
}
