import type { ComputeMessage, OrchestratorMessage } from '@bacalhau/models'
import { sampleNode } from '../../../src/link/fixtures/samples.ts'
import type { LogRoutes } from '../../../src/orchestrator/log-routes.ts'
import {
  createOrchestrator,
  type OrchestratorOptions,
  type RunningOrchestrator,
} from '../../../src/orchestrator/orchestrator.ts'
import { BacalhauError } from '../../../src/runtime/error.ts'
import type { Clock } from '../../../src/runtime/clock.ts'
import type { Stoppable } from '../../../src/runtime/lifecycle.ts'
import type { Logger } from '../../../src/runtime/logger.ts'
import type { OrchestratorEnd } from './compute-host.ts'
import type { Dice } from './dice.ts'
import { Disk } from './disk.ts'
import { type Life, Machine } from './machine.ts'
import type { Holder } from './wire.ts'

export const ORCHESTRATOR = 'QmOrchestrator'

export interface OrchestratorHostOptions {
  readonly clock: Clock
  readonly dice: Dice
  readonly logger: Logger
  readonly logs: LogRoutes
  readonly settings?: Partial<OrchestratorOptions>
  readonly skew?: number
  /** Told of each process; what it gives ends with the process. */
  readonly onStart?: (life: Life, orchestrator: RunningOrchestrator) => Promise<Stoppable>
  /** The machine has died: links to it break. */
  readonly onDeath: () => void
}

interface Process {
  readonly life: Life
  readonly orchestrator: RunningOrchestrator
  beside?: Stoppable
}

export type LinkMessage = ComputeMessage | OrchestratorMessage

/** The machine with the orchestrator. */
export class OrchestratorHost implements OrchestratorEnd {
  readonly machine: Machine
  /** Nobody hears of the death of this machine, as when its power is gone. */
  diesSilently = false
  readonly #options: OrchestratorHostOptions
  #process: Process | undefined

  constructor(options: OrchestratorHostOptions) {
    const { clock, dice, skew = 0, onDeath } = options
    this.#options = options
    const disk = new Disk({ clock, dice: dice.fork('disk') })
    const died = () => {
      this.#process = undefined
      onDeath()
    }
    this.machine = new Machine({ name: ORCHESTRATOR, clock, disk, dice: dice.fork('machine'), skew, onDeath: died })
  }

  /** The orchestrator, once it has started and as long as it runs. */
  get running(): RunningOrchestrator | undefined {
    return this.#process?.orchestrator
  }

  get orchestrator(): RunningOrchestrator {
    if (this.#process === undefined || this.machine.asleep)
      throw new BacalhauError('PeerUnreachable', 'the orchestrator does not run')
    return this.#process.orchestrator
  }

  get life(): Life | undefined {
    return this.#process?.life
  }

  async boot(): Promise<void> {
    const { logger, logs, settings, onStart } = this.#options
    const life = this.machine.boot()
    const opening = createOrchestrator({
      store: life.store,
      clock: life.clock,
      random: life.dice,
      logger,
      storeGeneration: this.machine.disk.generation,
      self: () => sampleNode(ORCHESTRATOR),
      approval: 'token',
      joinToken: 'the token',
      logs,
      ...settings,
    })
    // A process that cannot start ends.
    const orchestrator = await opening.catch((error: unknown) => {
      if (!life.dead) this.machine.die()
      throw error
    })
    if (life.dead) return
    const process: Process = { life, orchestrator }
    this.#process = process
    if (onStart !== undefined) process.beside = await onStart(life, orchestrator)
  }

  answer() {
    const process = this.#process
    if (process === undefined || this.machine.asleep) return undefined
    const { life, orchestrator } = process
    const holder: Holder = {
      peer: ORCHESTRATOR,
      get dead() {
        return life.dead
      },
      reach: (point) => life.reach(point),
      holds: (action) => life.holds(action),
    }
    return { holder, attach: (channel: Parameters<typeof orchestrator.attach>[0]) => orchestrator.attach(channel) }
  }

  async stop(): Promise<void> {
    const process = this.#process
    if (process === undefined || this.machine.asleep) return
    await process.beside?.stop()
    await process.orchestrator.stop()
    if (!process.life.dead) this.machine.die()
  }
}
