import type { ComputeMessage, NodeInfo, OrchestratorMessage, ReportMessage, Resources } from '@bacalhau/models'
import { createComputeOffice } from '../packages/bacalhau/src/link/compute-office.ts'
import { createLoopback } from '../packages/bacalhau/src/link/loopback.ts'
import type { OrchestratorOffice } from '../packages/bacalhau/src/link/post-office.ts'
import { sampleNode } from '../packages/bacalhau/src/link/fixtures/samples.ts'
import { systemClock } from '../packages/bacalhau/src/runtime/clock.ts'
import type { Stoppable } from '../packages/bacalhau/src/runtime/lifecycle.ts'
import { silentLogger } from '../packages/bacalhau/src/runtime/logger.ts'
import { systemRandom } from '../packages/bacalhau/src/runtime/random.ts'
import type { Recorded } from '../packages/bacalhau/src/store/journal.ts'
import { createMemoryStore } from '../packages/bacalhau/src/store/memory.ts'

/** An execution that a scripted node has accepted and that ends when it is told to. */
export interface Placed {
  readonly executionId: string
  readonly jobId: string
  /** When its offer arrived, by `performance.now()`. */
  readonly at: number
  complete(): void
}

export interface ScriptedNode extends Stoppable {
  readonly id: string
}

/**
 * The end of a link that a compute node would have, with nothing behind it: it accepts what it is offered and runs nothing. Its
 * memory is as durable as a benchmark needs, so that what is measured is the orchestrator.
 */
export async function startScriptedNode(
  id: string,
  capacity: Resources,
  orchestrator: Pick<OrchestratorOffice, 'attach'>,
  onPlaced: (placed: Placed) => void,
): Promise<ScriptedNode> {
  const node: NodeInfo = sampleNode(id, {
    ExecutionEngines: ['noop'],
    MaxCapacity: capacity,
    AvailableCapacity: capacity,
    MaxJobRequirements: capacity,
  })
  const office = await createComputeOffice({
    store: createMemoryStore(),
    journal: forgetfulJournal(),
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
    storeGeneration: id,
    node: () => node,
    handler: {
      held: () => [],
      onMembership: () => undefined,
      onOrder(peer, order) {
        if (order.type !== 'offer') return
        const at = performance.now()
        for (const { id: executionId } of order.executions) {
          office.post(peer, { type: 'accepted', executionId })
          const end: ReportMessage = {
            type: 'completed',
            executionId,
            output: null,
            result: { Type: '' },
            milliseconds: 1_000,
          }
          onPlaced({ executionId, jobId: order.job.ID, at, complete: () => office.post(peer, end) })
        }
      },
    },
  })
  const [near, far] = createLoopback<ComputeMessage, OrchestratorMessage>(id)
  orchestrator.attach(far)
  office.attach(near)
  return { id, stop: () => office.stop() }
}

/** Says that all is written at the end of the turn. */
function forgetfulJournal() {
  let changed = new Set<Recorded>()
  let effects: (() => void)[] = []
  let scheduled = false
  const schedule = () => {
    if (scheduled) return
    scheduled = true
    queueMicrotask(flush)
  }
  const flush = () => {
    const [recorded, due] = [changed, effects]
    ;[changed, effects, scheduled] = [new Set(), [], false]
    for (const each of recorded) each.takeWrites()
    for (const each of recorded) each.onDurable()
    for (const effect of due) effect()
  }
  const record = (recorded: Recorded) => {
    changed.add(recorded)
    schedule()
  }
  return {
    record,
    recordSoon: record,
    after(effect: () => void) {
      effects.push(effect)
      schedule()
    },
  }
}
