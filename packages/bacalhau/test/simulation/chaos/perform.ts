import { createDice } from '../world/dice.ts'
import { type Action, describeAction } from './script.ts'
import type { Stage } from './stage.ts'

type Do<K extends Action['do']> = Extract<Action, { do: K }>
type Performers = { readonly [K in Action['do']]: (stage: Stage, action: Do<K>) => void | Promise<void> }

/** Lets an action happen. */
export async function perform(stage: Stage, action: Action): Promise<void> {
  stage.world.note(`* ${describeAction(action)}`)
  // The table has the performer of each kind under its name.
  const performer = PERFORMERS[action.do] as (stage: Stage, action: Action) => void | Promise<void>
  await performer(stage, action)
}

const PERFORMERS: Performers = {
  submit: ({ clients }, { job, plan, force }) => clients.submit(job, plan, force),
  update: ({ clients }, { job, plan, force }) => clients.submit(job, plan, force),
  rerun: ({ clients }, { job }) => clients.rerun(job),
  stop: ({ clients }, { job }) => clients.stop(job),
  wait: ({ clients }, { job }) => clients.wait(job),
  crash(stage, { machine, point, hops, down, silently }) {
    const found = stage.machine(machine)
    if (found === undefined) return
    stage.downtimes.set(found.name, down)
    stage.setSilence(machine, silently)
    found.setTrap(point, hops)
  },
  async halt(stage, { machine, down }) {
    const host = machine === 0 ? stage.world.host : stage.node(machine)
    if (host === undefined) return
    stage.downtimes.set(host.machine.name, down)
    host.stop().catch((error: unknown) => {
      stage.world.note(`${host.machine.name} does not stop well: ${String(error)}`)
      host.machine.die()
    })
  },
  cut: (stage, { machine }) => stage.node(machine)?.cut(),
  refresh: (stage, { machine }) => stage.node(machine)?.refresh(),
  relabel: (stage, { machine }) => stage.node(machine)?.move(),
  read: ({ clients }) => clients.read(),
  block(stage, { machine, left, right, time }) {
    stage.node(machine)?.block({ left, right })
    stage.world.clock.after(time, () => stage.node(machine)?.block({}))
  },
  isolate(stage, { machine, time }) {
    const node = stage.node(machine)
    if (node === undefined) return
    node.weather.unreachable = true
    node.cut()
    stage.world.clock.after(time, () => (node.weather.unreachable = false))
  },
  latency(stage, { machine, latency, duplicates }) {
    const node = stage.node(machine)
    if (node === undefined) return
    node.weather.latency = latency
    node.weather.duplicates = duplicates
  },
  fill(stage, { machine, time }) {
    const disk = stage.machine(machine)?.disk
    if (disk === undefined) return
    disk.weather.full = true
    stage.world.clock.after(time, () => (disk.weather.full = false))
  },
  slow(stage, { machine, slowness, deafness, time }) {
    const disk = stage.machine(machine)?.disk
    if (disk === undefined) return
    Object.assign(disk.weather, { slowness, deafness })
    stage.world.clock.after(time, () => Object.assign(disk.weather, { slowness: [0, 1], deafness: 0 }))
  },
  jump: (stage, { machine, milliseconds }) => stage.machine(machine)?.jump(milliseconds),
  drift: (stage, { machine, rate }) => stage.machine(machine)?.drift(rate),
  sleep(stage, { machine, time }) {
    stage.machine(machine)?.sleep()
    stage.world.clock.after(time, () => stage.machine(machine)?.wake())
  },
  part(stage, { machines, left, right, time }) {
    for (const machine of machines) stage.node(machine)?.block({ left, right })
    stage.world.clock.after(time, () => {
      for (const machine of machines) stage.node(machine)?.block({})
    })
  },
  flap(stage, { machine, times, up, down }) {
    for (let time = 0; time < times; time++) {
      stage.world.clock.after(time * (up + down), () => stage.isHealed || stage.node(machine)?.leave())
      stage.world.clock.after(time * (up + down) + down, () => stage.isHealed || stage.node(machine)?.comeBack())
    }
  },
  approve: (stage, { machine }) => decide(stage, machine, 'approve'),
  reject: (stage, { machine }) => decide(stage, machine, 'reject'),
  delete: (stage, { machine }) => decide(stage, machine, 'delete'),
  lie: (stage, { lie, dice }) => stage.mad?.lie(lie, dice),
  goCrash: (stage, { go, down, forgets }) => withGo(stage, go, (id, fleet) => fleet.crash(id, down, forgets)),
  goCut: (stage, { go }) => withGo(stage, go, (id, fleet) => fleet.disconnect(id)),
  goLeave: (stage, { go, time }) =>
    withGo(stage, go, (id, fleet) => {
      fleet.setReachable(id, false)
      stage.world.clock.after(time, () => fleet.setReachable(id, true))
    }),
  goWeather: (stage, { go, time, latency, lost, repeated, unanswered }) =>
    withGo(stage, go, (id, fleet) => {
      const weather = fleet.node(id)?.weather
      if (weather === undefined) return
      Object.assign(weather, { latency, lost, repeated, unanswered })
      stage.world.clock.after(time, () => Object.assign(weather, FAIR))
    }),
  goAsk: (stage, { requester, machine, execution, plan }) => {
    const node = stage.node(machine)
    if (node !== undefined) stage.world.market.ask(stage.goRequester(requester), goExecution(execution), node.id, plan)
  },
  goCancel: ({ world }, { execution }) => world.market.cancel(goExecution(execution)),
  goMeddle: ({ world }, { execution, what }) => world.market.meddle(goExecution(execution), what),
  goRestart: (stage, { requester, down }) => stage.world.market.restart(stage.goRequester(requester), down),
  goPart(stage, { requester, machine, time }) {
    const node = stage.node(machine)
    if (node !== undefined) stage.world.market.part(stage.goRequester(requester), node.id, time)
  },
  goLine: (stage, { requester, weather, time }) =>
    stage.world.market.setWeather(stage.goRequester(requester), weather, time),
  goForge: (stage, { go, dice }) =>
    withGo(stage, go, (id, fleet) => {
      const others = [...stage.watch.promised].flatMap(([node, runs]) => (node === id ? [] : [...runs.keys()]))
      fleet.forge(id, createDice(dice).pick([...others, 'e-nobody']))
    }),
  async copy(stage, { machine }) {
    const found = stage.machine(machine)
    if (found !== undefined) stage.copies.set(machine, await found.disk.snapshot())
  },
  wipe: (stage, { machine }) => loseDisk(stage, machine, async () => stage.machine(machine)?.disk.wipe()),
  async restore(stage, { machine }) {
    const copy = stage.copies.get(machine)
    if (copy === undefined) return
    await loseDisk(stage, machine, async () => stage.machine(machine)?.disk.restore(copy))
    if (machine === 0) stage.watch.load(copy)
  },
}

const goExecution = (execution: number): string => `e-go-${execution}`

const FAIR = { latency: [0, 2], lost: 0, repeated: 0, unanswered: 0 } as const

function withGo(stage: Stage, go: number, action: (id: string, fleet: Stage['world']['fleet']) => void): void {
  const id = stage.goNode(go)
  if (id !== undefined) action(id, stage.world.fleet)
}

function decide(stage: Stage, machine: number, verb: 'approve' | 'reject' | 'delete'): void {
  const node = stage.node(machine)
  if (node !== undefined) stage.clients.approve(node.id, verb)
}

/** The machine dies, and its disk is not what it was when it starts again. */
async function loseDisk(stage: Stage, machine: number, lose: () => Promise<void>): Promise<void> {
  const found = stage.machine(machine)
  if (found === undefined) return
  stage.amnesia = true
  found.die()
  await lose()
  if (machine !== 0) return
  stage.watch.forget()
  stage.clients.forget()
}

/** Carries out the whole plan. */
export async function performAll(stage: Stage): Promise<void> {
  for (const { after, action } of stage.plan.steps) {
    await stage.world.clock.advance(after)
    stage.world.check()
    await perform(stage, action)
  }
  await stage.world.clock.advance(1_000)
  stage.world.check()
}
