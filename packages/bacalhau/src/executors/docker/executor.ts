import type { NetworkSpec } from '@bacalhau/models'
import type { Clock } from '../../runtime/clock.ts'
import { BacalhauError, isBacalhauError } from '../../runtime/error.ts'
import type { Logger } from '../../runtime/logger.ts'
import type { ExecutionObserver, ExecutionOutcome, ExecutionRequest, Executor } from '../executor.ts'
import { failure, printable } from '../wasm/failure.ts'
import { containerConfig, type Hardening, USUAL_HARDENING } from './container/config.ts'
import { createContainer } from './container/create.ts'
import { createGpuPool, type Gpu, gpuDevices, gpuName } from './container/gpus.ts'
import { containerName } from './container/labels.ts'
import { createPorts, NO_NETWORK, type PortPlan, type PortRange } from './container/ports.ts'
import { createRemovals } from './container/removals.ts'
import { emptyFolders } from './container/results.ts'
import { runContainer, type Subject } from './container/run.ts'
import type { Survivor } from './container/survivors.ts'
import { createGates, type EgressOptions, type Gate } from './egress/gates.ts'
import type { EngineAddress } from './engine/address.ts'
import { EngineError } from './engine/call.ts'
import type { Engine } from './engine/engine.ts'
import { type Connection, createConnection, type Used } from './connection.ts'
import type { Credentials } from './image/credentials.ts'
import type { ImageLedger } from './image/image-ledger.ts'
import type { PullPolicy } from './image/images.ts'
import { type GrantedNetwork, networkRefusal } from './network-grants.ts'
import { type DockerParams, parseDockerParams } from './params.ts'

export interface DockerExecutorOptions {
  /** Peer ID of the node; its containers bear it as a label. */
  readonly node: string
  /** Where an engine may be, looked up anew whenever there is none. */
  readonly addresses: () => readonly EngineAddress[]
  readonly credentials: Credentials
  readonly pull: PullPolicy
  readonly networks: readonly GrantedNetwork[]
  /** How containers reach listed domains, for the network HTTP. */
  readonly egress: EgressOptions
  readonly ports?: PortRange
  readonly hardening?: Hardening
  /** Removes images that jobs have left; without it they stay. */
  readonly ledger?: ImageLedger
  readonly gpus?: readonly Gpu[]
  readonly clock: Clock
  readonly logger: Logger
}

export interface DockerExecutor extends Executor {
  /** Host paths that jobs of a former process still read. */
  pathsInUse(): Promise<readonly string[]>
}

/** How often the log says how far an image is, in milliseconds. */
const TELL_EVERY = 5_000

/** One run and what it takes. */
interface Work {
  readonly params: DockerParams
  readonly request: ExecutionRequest
  readonly observer: ExecutionObserver
  readonly signal: AbortSignal
  readonly used: Used
}

/** Runs containers by the API of Docker, which Podman speaks as well. */
export function createDockerExecutor(options: DockerExecutorOptions): DockerExecutor {
  return new ContainerExecutor(options)
}

class ContainerExecutor implements DockerExecutor {
  readonly engine = 'docker'
  readonly givesGpus = true
  readonly #options: DockerExecutorOptions
  readonly #connection: Connection
  readonly #ports
  readonly #gates
  readonly #hardening
  readonly #gpus
  readonly #stopping = new AbortController()
  readonly #running = new Set<Promise<unknown>>()
  readonly #removals

  constructor(options: DockerExecutorOptions) {
    this.#options = options
    this.#connection = createConnection(options, this.#stopping.signal)
    this.#gpus = createGpuPool(options.gpus ?? [])
    this.#ports = createPorts(options.ports === undefined ? {} : { range: options.ports })
    this.#hardening = options.hardening ?? USUAL_HARDENING
    this.#removals = createRemovals(options.logger, (id) => this.#connection.removeLater(id))
    this.#gates = createGates({ ...options, ...options.egress })
  }

  async available(): Promise<boolean> {
    return !this.#stopping.signal.aborted && (await this.#connection.look())
  }

  validate(params: ExecutionRequest['params']): void {
    parseDockerParams(params)
  }

  networkRefusal(network: NetworkSpec): string | undefined {
    return networkRefusal(network, this.#options.networks, this.#hardening.runtime)
  }

  async prepare(
    params: ExecutionRequest['params'],
    signal: AbortSignal,
    onPreparing: (text: string) => void = () => undefined,
  ): Promise<string | undefined> {
    const { image } = parseDockerParams(params)
    const { images } = await this.#connection.use()
    const log = this.#tellNowAndThen(image)
    const onProgress = (words: string) => {
      log(words)
      onPreparing(`pulling ${printable(image)}: ${words}`)
    }
    const { pinned } = await images.ready(image, onProgress, signal).catch((error: unknown) => {
      throw toUserError(error)
    })
    return `image ${pinned}`
  }

  async recover(held: ReadonlySet<string>): Promise<void> {
    await this.#connection.look()
    await this.#connection.settle(held)
    await this.#gates.keep(held)
  }

  survives(executionId: string): boolean {
    return this.#connection.current()?.survivors.has(executionId) ?? false
  }

  async pathsInUse(): Promise<readonly string[]> {
    await this.#connection.look()
    return this.#connection.current()?.survivors.paths ?? []
  }

  async run(request: ExecutionRequest, observer: ExecutionObserver, signal: AbortSignal): Promise<ExecutionOutcome> {
    const either = AbortSignal.any([signal, this.#stopping.signal])
    const run = this.#run(request, observer, either)
    this.#running.add(run)
    try {
      return await run
    } catch (error) {
      if (either.aborted) return failure('ExecutionCancelled', `the job was ended: ${this.#why()}`)
      const known = toUserError(error)
      if (!isBacalhauError(known)) throw known
      return failure(known.code, known.message, known.hint)
    } finally {
      this.#running.delete(run)
    }
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await Promise.allSettled(this.#running)
    await this.#removals.settled()
    this.#connection.stop()
  }

  /** How far the image is, in the log. */
  #tellNowAndThen(image: string): (words: string) => void {
    const { clock, logger } = this.#options
    let next = 0
    return (words) => {
      if (clock.monotonic() < next) return
      next = clock.monotonic() + TELL_EVERY
      logger.info({ image, progress: words }, 'fetching an image')
    }
  }

  #why(): string {
    return this.#stopping.signal.aborted ? 'the node is stopping' : 'it was cancelled'
  }

  async #run(request: ExecutionRequest, observer: ExecutionObserver, signal: AbortSignal): Promise<ExecutionOutcome> {
    const params = parseDockerParams(request.params)
    signal.throwIfAborted()
    const used = await this.#connection.use()
    const work = { params, request, observer, signal, used }
    const survivor = used.survivors.claim(request.executionId)
    return survivor === undefined ? this.#begin(work) : this.#goOn(survivor, work)
  }

  /** What a former process of this node has begun. */
  #goOn({ id, gpus, ports, gate: left }: Survivor, work: Work): Promise<ExecutionOutcome> {
    const { request, used } = work
    return this.#holding(this.#gpus.claim(gpus), this.#ports.claim(ports), () =>
      this.#removals.owning(used.engine, (own) => {
        if (left !== undefined) own(left)
        own(id)
        const open = () => this.#gates.reopen(request)
        return this.#withGate(request, open, (gate) => this.#follow({ id, survivor: true }, work, gate))
      }),
    )
  }

  async #begin(work: Work): Promise<ExecutionOutcome> {
    const { params, request, signal, used } = work
    const { engine, survivors } = used
    if (engine.facts.isPodman && this.#hardening.runtime !== undefined) throw noRuntime()
    const { id: imageId } = await used.images.ready(params.image, () => undefined, signal)
    const ports = request.network === undefined ? NO_NETWORK : await this.#ports.plan(request.network, survivors.ports)
    return this.#holding(this.#take(request, ports, survivors.gpus), ports, (gpus) =>
      this.#removals.owning(engine, (own) => {
        const open = () => this.#gates.open({ engine, request, own, signal })
        return this.#withGate(request, open, async (gate) => {
          const { node } = this.#options
          const connected = gate?.mode === undefined ? ports : { ...ports, mode: gate.mode }
          const devices = await toDevices(gpus)
          const base = { node, facts: engine.facts, imageId, params, request, hardening: this.#hardening, ...devices }
          const config = containerConfig({ ...base, ports: connected, proxy: gate?.env ?? {} })
          const id = await createContainer(engine, containerName(node, request.executionId), config)
          own(id)
          await makeFolders(engine, id, request)
          signal.throwIfAborted()
          return this.#follow({ id, survivor: false }, work, gate)
        })
      }),
    )
  }

  #follow(subject: Subject, { params, request, observer, signal, used }: Work, gate: Gate | undefined) {
    const budget = gate === undefined ? {} : { budget: gate.budget }
    const grace = params.grace ?? this.#hardening.grace
    const context = { ...this.#options, engine: used.engine, observer, grace, ...budget }
    return runContainer(subject, request, context, signal)
  }

  /** A job that reaches listed domains has a gate beside it, as long as it runs. */
  async #withGate<T>(
    { network }: ExecutionRequest,
    open: () => Promise<Gate>,
    work: (gate: Gate | undefined) => Promise<T>,
  ): Promise<T> {
    if (network?.Type !== 'HTTP') return work(undefined)
    const gate = await open()
    try {
      return await work(gate)
    } finally {
      await gate.close()
    }
  }

  #take({ limits }: ExecutionRequest, ports: PortPlan, reserved: ReadonlySet<string>): readonly Gpu[] {
    try {
      return this.#gpus.take(limits.gpu ?? 0, reserved)
    } catch (error) {
      this.#ports.giveBack(ports)
      throw error
    }
  }

  /** GPUs and ports are the job's until its end. */
  async #holding<T>(gpus: readonly Gpu[], ports: PortPlan, work: (gpus: readonly Gpu[]) => Promise<T>): Promise<T> {
    try {
      return await work(gpus)
    } finally {
      this.#ports.giveBack(ports)
      this.#gpus.giveBack(gpus)
    }
  }
}

async function makeFolders(engine: Engine, id: string, { mounts }: ExecutionRequest): Promise<void> {
  const folders = mounts
    .filter(({ readOnly, inPlace }) => !readOnly && inPlace !== true)
    .map(({ guestPath }) => guestPath)
  if (folders.length === 0) return
  await engine.unpack(id, await emptyFolders(folders), new AbortController().signal)
}

const toDevices = async (gpus: readonly Gpu[]) => ({ gpus: await gpuDevices(gpus), gpuNames: gpus.map(gpuName) })

/** It would pass over the runtime without a word, and the job would run with less around it than the operator wants. */
const noRuntime = () =>
  new BacalhauError('EngineUnavailable', 'Podman takes no runtime (Engines.Docker.Runtime) from its callers', {
    component: 'docker',
    hint: 'The operator of the node can name it in containers.conf instead.',
  })

/** What the engine's refusal means to whoever wrote the job. */
function toUserError(error: unknown): unknown {
  if (!(error instanceof EngineError)) return error
  const code = error.status === 0 || error.status >= 500 ? 'EngineUnavailable' : 'EngineFailed'
  return new BacalhauError(code, error.message, { component: 'docker', cause: error })
}
