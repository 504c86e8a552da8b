import { FORGED } from '../go/go-fleet.ts'
import { Violation } from '../world/violation.ts'
import type { Stage } from './stage.ts'

const HOUR = 3_600_000
const isUntaken = (value: unknown): boolean => ['bid', 'proposed'].includes((value as { phase: string }).phase)

export function healGo({ world: { fleet, market } }: Stage): void {
  market.heal()
  for (const [id, { weather }] of fleet.nodes) {
    Object.assign(weather, { latency: [0, 2], lost: 0, repeated: 0, unanswered: 0 })
    fleet.setReachable(id, true)
  }
}

/** Go nodes answer late or never, and have to be asked again until it is certain that they do nothing more. */
export async function untilGoIsSettled({ world }: Stage): Promise<void> {
  const { disk } = world.host.machine
  const end = world.now + 120_000
  // Of a node that is gone it is remembered for long, in case that it still runs what is not wanted.
  const isOpen = ({ value }: { readonly value: unknown }) => !world.fleet.lost.has((value as { peer: string }).peer)
  const open = async () => (await disk.rows('go-asked')).filter(isOpen)
  for (let rows = await open(); rows.length > 0; rows = await open()) {
    if (world.now > end)
      throw new Violation(
        'nothing is left behind',
        `asked of Go nodes: ${rows.map(({ key, value }) => `${key} ${JSON.stringify(value)}`).join()}`,
      )
    await world.clock.advance(5_000)
    world.check()
  }
}

/** What nobody ever took up is forgotten after a day. */
export async function untilMarketIsEmpty(stage: Stage): Promise<void> {
  const { world } = stage
  for (const { id, machine } of stage.world.nodes.values()) {
    const taken = () => machine.disk.rows('go-taken')
    const open = async () => (await taken()).filter(({ value }) => !isUntaken(value))
    // A bid that was told late is still accepted and run.
    const end = world.now + 120_000
    for (let rows = await open(); rows.length > 0 || world.market.isBusy; rows = await open()) {
      if (world.now > end)
        throw new Violation('nothing is left behind', `at ${id}: ${rows.map(({ key }) => key).join()}`)
      await world.clock.advance(2_000)
      world.check()
    }
    if ((await taken()).length === 0) continue
    machine.jump(25 * HOUR)
    // Its clock may have run at half the speed when it set its alarm.
    await world.clock.advance(2 * HOUR + 60_000)
    if ((await taken()).length > 0) throw new Violation('nothing is left behind', `bids at ${id}`)
  }
}

/** Nothing counts that a node says of the executions of another one. */
export async function checkHonest({ world: { orchestrator } }: Stage, jobId: string): Promise<void> {
  const forged = (await orchestrator.executions(jobId)).find(({ RunOutput }) => RunOutput?.Stdout === FORGED)
  if (forged !== undefined) throw new Violation('a node speaks for itself', forged.ID)
}
