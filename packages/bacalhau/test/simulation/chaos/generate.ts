import { createDice, type Dice } from '../world/dice.ts'
import { CRASH_POINTS } from '../world/machine.ts'
import type { Script } from '../world/runner.ts'
import { goNodesOf, goRequestersOf, goWeatherOf, marketWeatherOf } from './generate-go.ts'
import type { Action, JobPlan, JobType, Kind, NodePlan, Plan, Step } from './script.ts'

/** Weights of the kinds of worlds. */
const SHARES: readonly (readonly [Kind, number])[] = [
  ['calm', 60],
  ['network', 170],
  ['weather', 150],
  ['crashes', 210],
  ['disks', 110],
  ['everything', 200],
  ['mad', 50],
  ['amnesia', 45],
  ['crowd', 4],
  ['multitude', 1],
  ['go-compute', 70],
  ['go-mixed', 60],
  ['go-requester', 70],
]

const TOTAL = SHARES.reduce((sum, [, share]) => sum + share, 0)

/** The world of a seed; of this kind, where one is named. */
export function generate(seed: number, wanted?: Kind): Plan {
  const dice = createDice(seed)
  const drawn = kindOf(dice.int(0, TOTAL - 1))
  const kind = wanted ?? drawn
  const nodes = nodesOf(kind, dice.fork('nodes'))
  const kept = dice.chance(0.05) ? { keptJobs: dice.int(1, 8) } : {}
  const orchestrator = { skew: skewOf(kind, dice), slowness: slownessOf(dice), ...kept }
  const goNodes = goNodesOf(kind, dice.fork('go nodes'))
  const goRequesters = goRequestersOf(kind, dice.fork('go requesters'))
  const steps = stepsOf(
    kind,
    { nodes: nodes.length, goNodes: goNodes.length, goRequesters: goRequesters.length },
    dice.fork('steps'),
  )
  return { seed, kind, orchestrator, nodes, goNodes, goRequesters, steps }
}

function kindOf(roll: number): Kind {
  let rest = roll
  for (const [kind, share] of SHARES) {
    if (rest < share) return kind
    rest -= share
  }
  return 'calm'
}

function nodesOf(kind: Kind, dice: Dice): NodePlan[] {
  const count = countNodes(kind, dice)
  const base = dice.pick([0, 0, 1, 5, 20])
  const nodes = Array.from({ length: count }, (_, index): NodePlan => {
    const least = base + dice.int(0, 3)
    return {
      id: `QmNode${index + 1}`,
      cpu: dice.pick([1, 2, 2, 4, 8]),
      zone: dice.pick(['a', 'b']),
      skew: skewOf(kind, dice),
      rate: dice.pick([1, 1, 1, 0.99, 1.01]),
      latency: [least, least + dice.pick([0, 0, 2, 30])],
      slowness: slownessOf(dice),
      mad: kind === 'mad' && index === 0,
    }
  })
  // A mad node alone can do no work at all.
  return kind === 'mad' && count === 1 ? [...nodes, { ...nodeLike(nodes), id: 'QmNode2', mad: false }] : nodes
}

function countNodes(kind: Kind, dice: Dice): number {
  switch (kind) {
    case 'multitude':
      return dice.int(500, 1_000)
    case 'crowd':
      return 50
    case 'go-compute':
      return 0
    case 'go-mixed':
    case 'go-requester':
      return dice.int(1, 3)
    default:
      return dice.pick([1, 2, 2, 3, 3, 4, 5, 8])
  }
}

function nodeLike([node]: readonly NodePlan[]): NodePlan {
  if (node === undefined) throw new Error('a world has nodes')
  return node
}

const slownessOf = (dice: Dice): readonly [number, number] =>
  dice.pick([
    [0, 0],
    [0, 1],
    [1, 4],
    [2, 20],
  ] as const)
const skewOf = (kind: Kind, dice: Dice): number =>
  kind === 'calm' ? 0 : dice.pick([0, 0, 0, -40, 700, -90_000, 86_400_000])

function stepsOf(kind: Kind, sizes: Sizes, dice: Dice): Step[] {
  const makers = MAKERS[kind]
  const count = kind === 'multitude' ? dice.int(10, 25) : dice.int(6, dice.pick([12, 30, 50]))
  const pace = dice.pick([5, 100, 500, 1_500])
  const state: Progress = { types: [], executions: { count: 0 }, ...sizes }
  return Array.from({ length: count }, (_, index): Step => {
    const action = index < 2 ? submit(dice, state) : dice.pick(makers)(dice, state)
    // Often the next thing happens in the middle of what the last one has set off.
    return { after: dice.chance(0.3) ? 0 : Math.floor(dice.next() * pace), action }
  })
}

interface Sizes {
  readonly nodes: number
  readonly goNodes: number
  readonly goRequesters: number
}

interface Progress extends Sizes {
  /** Types of the jobs so far: an update never changes that of its job. */
  readonly types: JobType[]
  /** What Go requesters have asked for so far. */
  readonly executions: { count: number }
}
type Maker = (dice: Dice, progress: Progress) => Action

const anyMachine = (dice: Dice, { nodes }: Progress): number =>
  dice.chance(0.3) ? 0 : Math.min(nodes, dice.int(1, nodes))
const anyNode = (dice: Dice, { nodes }: Progress): number => dice.int(1, nodes)
const anyGo = (dice: Dice, { goNodes }: Progress): number => dice.int(0, goNodes - 1)
const anyJob = (dice: Dice, { types }: Progress): number => dice.int(0, types.length - 1)
/** A while: mostly shorter than the patience of the system, sometimes longer. */
const anyTime = (dice: Dice): number => Math.floor(dice.next() * dice.pick([300, 2_000, 8_000, 25_000]))

function submit(dice: Dice, { types, nodes }: Progress): Action {
  const type = dice.pick(TYPES)
  const job = types.push(type) - 1
  return { do: 'submit', job, plan: planJob(type, dice, nodes), force: false }
}

const update: Maker = (dice, progress) => {
  const job = anyJob(dice, progress)
  const plan = planJob(progress.types[job] ?? 'batch', dice, progress.nodes)
  return { do: 'update', job, plan, force: dice.chance(0.3) }
}
const onJob =
  (what: 'rerun' | 'stop' | 'wait'): Maker =>
  (dice, progress) => ({ do: what, job: anyJob(dice, progress) })
const onNode =
  (what: 'cut' | 'refresh' | 'relabel' | 'approve' | 'reject' | 'delete'): Maker =>
  (dice, progress) => ({ do: what, machine: anyNode(dice, progress) })
const onDisk =
  (what: 'wipe' | 'copy' | 'restore'): Maker =>
  (dice, progress) => ({ do: what, machine: anyMachine(dice, progress) })

const crash: Maker = (dice, progress) => ({
  do: 'crash',
  machine: anyMachine(dice, progress),
  point: dice.pick(CRASH_POINTS),
  hops: dice.int(0, dice.pick([0, 3, 30])),
  down: Math.floor(dice.next() * dice.pick([10, 1_500, 10_000, 30_000])),
  silently: dice.chance(0.3),
})
const halt: Maker = (dice, progress) => ({ do: 'halt', machine: anyMachine(dice, progress), down: dice.int(0, 8_000) })
const block: Maker = (dice, progress) => {
  const left = dice.chance(0.7)
  return { do: 'block', machine: anyNode(dice, progress), left, right: !left || dice.chance(0.5), time: anyTime(dice) }
}
const isolate: Maker = (dice, progress) => ({ do: 'isolate', machine: anyNode(dice, progress), time: anyTime(dice) })
const latency: Maker = (dice, progress) => {
  const least = dice.int(0, dice.pick([2, 50, 800]))
  return {
    do: 'latency',
    machine: anyNode(dice, progress),
    latency: [least, least + dice.int(0, 200)],
    duplicates: dice.pick([0, 0.2, 0.9]),
  }
}
const fill: Maker = (dice, progress) => ({ do: 'fill', machine: anyMachine(dice, progress), time: anyTime(dice) })
const slow: Maker = (dice, progress) => ({
  do: 'slow',
  machine: anyMachine(dice, progress),
  slowness: [0, dice.pick([20, 300, 3_000])],
  deafness: dice.pick([0, 5, 200]),
  time: anyTime(dice),
})
const jump: Maker = (dice, progress) => ({
  do: 'jump',
  machine: anyMachine(dice, progress),
  milliseconds: dice.pick([-3_600_000, -5_000, -20, 15, 5_000, 3_600_000]),
})
const drift: Maker = (dice, progress) => ({
  do: 'drift',
  machine: anyMachine(dice, progress),
  rate: dice.pick([0.5, 0.9, 1, 1.1, 2]),
})
const sleep: Maker = (dice, progress) => ({ do: 'sleep', machine: anyMachine(dice, progress), time: anyTime(dice) })
const part: Maker = (dice, { nodes }) => {
  const left = dice.chance(0.6)
  const machines = Array.from({ length: nodes }, (_, index) => index + 1).filter(() => dice.chance(0.6))
  return { do: 'part', machines, left, right: !left || dice.chance(0.6), time: anyTime(dice) }
}
const flap: Maker = (dice, progress) => ({
  do: 'flap',
  machine: anyNode(dice, progress),
  times: dice.int(2, 12),
  up: Math.floor(dice.next() * dice.pick([20, 400, 3_000])),
  down: Math.floor(dice.next() * dice.pick([10, 200, 4_000])),
})
const lie: Maker = (dice) => ({ do: 'lie', machine: 1, lie: dice.int(0, 999), dice: dice.int(0, 2 ** 31) })

const goCrash: Maker = (dice, progress) => ({
  do: 'goCrash',
  go: anyGo(dice, progress),
  ...(dice.chance(0.05) ? {} : { down: anyTime(dice) }),
  forgets: dice.chance(0.3),
})
const goCut: Maker = (dice, progress) => ({ do: 'goCut', go: anyGo(dice, progress) })
const goLeave: Maker = (dice, progress) => ({
  do: 'goLeave',
  go: anyGo(dice, progress),
  time: anyTime(dice) * dice.pick([1, 1, 5]),
})
const goWeather: Maker = (dice, progress) => ({
  do: 'goWeather',
  go: anyGo(dice, progress),
  ...goWeatherOf(dice),
  lost: dice.pick([0.1, 0.5, 1]),
  time: anyTime(dice),
})
const goForge: Maker = (dice, progress) => ({
  do: 'goForge',
  go: anyGo(dice, progress),
  dice: dice.int(0, 2 ** 31),
})

const anyRequester = (dice: Dice, { goRequesters }: Progress): number => dice.int(0, goRequesters - 1)
const anyExecution = (dice: Dice, { executions: { count } }: Progress): number => dice.int(0, Math.max(0, count - 1))

const goAsk: Maker = (dice, progress) => ({
  do: 'goAsk',
  requester: anyRequester(dice, progress),
  machine: anyNode(dice, progress),
  execution: (progress.executions.count += 1) - 1,
  plan: {
    generation: dice.pick(['c', 'c', 'c', 'b']),
    approval: dice.chance(0.7),
    cpu: dice.pick(['0.1', '0.4', '0.9', '1.8', '3']),
    script: scriptOf(dice),
    executionTimeout: dice.chance(0.2) ? dice.int(1, 20) : 0,
    verdict: dice.pick(['accept', 'accept', 'accept', 'accept', 'reject', 'never']),
    thinking: Math.floor(dice.next() * dice.pick([0, 5, 500, 20_000])),
    ...(dice.chance(0.1) ? { again: Math.floor(dice.next() * dice.pick([1, 200, 20_000])) } : {}),
  },
})
const goCancel: Maker = (dice, progress) => ({ do: 'goCancel', execution: anyExecution(dice, progress) })
const goMeddle: Maker = (dice, progress) => ({
  do: 'goMeddle',
  execution: anyExecution(dice, progress),
  what: dice.pick(['accept', 'cancel', 'reject']),
})
const goRestart: Maker = (dice, progress) => ({
  do: 'goRestart',
  requester: anyRequester(dice, progress),
  down: anyTime(dice) * dice.pick([1, 1, 10]),
})
const goPart: Maker = (dice, progress) => ({
  do: 'goPart',
  requester: anyRequester(dice, progress),
  machine: anyNode(dice, progress),
  time: anyTime(dice),
})
const goLine: Maker = (dice, progress) => ({
  do: 'goLine',
  requester: anyRequester(dice, progress),
  weather: marketWeatherOf(dice),
  time: anyTime(dice),
})

const read: Maker = () => ({ do: 'read' })

const WORK: readonly Maker[] = [
  submit,
  submit,
  submit,
  submit,
  update,
  onJob('stop'),
  onJob('rerun'),
  onJob('wait'),
  read,
]
const NETWORK: readonly Maker[] = [
  onNode('cut'),
  block,
  isolate,
  latency,
  latency,
  onNode('refresh'),
  onNode('relabel'),
]
const WEATHER: readonly Maker[] = [part, part, flap, flap, sleep, sleep, drift, jump]
const CRASHES: readonly Maker[] = [crash, crash, crash, halt]
const DISKS: readonly Maker[] = [fill, slow, slow]
const MEMBERS: readonly Maker[] = [onNode('approve'), onNode('approve'), onNode('reject'), onNode('delete')]

const GO: readonly Maker[] = [goCrash, goCut, goLeave, goLeave, goWeather, goForge, goForge]
const orchestratorCrash: Maker = (dice) => crash(dice, NO_NODES)
const orchestratorHalt: Maker = (dice) => halt(dice, NO_NODES)
/** Nobody but the orchestrator. */
const NO_NODES: Progress = { types: [], executions: { count: 0 }, nodes: 0, goNodes: 0, goRequesters: 0 }

const MARKET: readonly Maker[] = [goAsk, goAsk, goAsk, goAsk, goCancel, goCancel, goMeddle, goRestart, goPart, goLine]

const MAKERS: Readonly<Record<Kind, readonly Maker[]>> = {
  calm: [...WORK, onNode('refresh')],
  network: [...WORK, ...NETWORK, jump],
  weather: [...WORK, ...WEATHER, ...WEATHER, onNode('cut'), latency, crash],
  crashes: [...WORK, ...CRASHES, onNode('cut')],
  disks: [...WORK, ...DISKS, crash],
  everything: [...WORK, ...WORK, ...NETWORK, ...WEATHER, ...CRASHES, ...DISKS, ...MEMBERS],
  mad: [...WORK, lie, lie, lie, lie, lie, lie, crash, onNode('cut')],
  amnesia: [...WORK, ...CRASHES, onDisk('wipe'), onDisk('copy'), onDisk('copy'), onDisk('restore'), onNode('cut')],
  crowd: [...WORK, ...NETWORK, ...CRASHES],
  'go-compute': [...WORK, ...WORK, ...GO, goCrash, orchestratorCrash, orchestratorHalt],
  'go-mixed': [...WORK, ...WORK, ...GO, ...MARKET, ...NETWORK, ...CRASHES, ...MEMBERS, sleep],
  'go-requester': [...MARKET, ...MARKET, ...MARKET, ...WORK, ...CRASHES, ...DISKS, onNode('cut'), sleep, jump, drift],
  multitude: [submit, submit, submit, onJob('stop'), onNode('cut'), crash, block],
}

const TYPES: readonly JobType[] = ['batch', 'batch', 'batch', 'batch', 'batch', 'service', 'ops', 'daemon']

/** What is to run for ever leaves room for what ends: a tenth of a core of each node is enough for all of it. */
function planJob(type: JobType, dice: Dice, nodes: number): JobPlan {
  const forever = type === 'service' || type === 'daemon'
  const count = type === 'service' ? dice.int(0, 3) : type === 'batch' ? countOf(dice, nodes) : 0
  const queueTimeout = dice.chance(0.25) ? dice.int(5, 60) : 0
  const executionTimeout = !forever && dice.chance(0.1) ? dice.int(1, 20) : 0
  return {
    type,
    count,
    priority: dice.pick([0, 0, 0, 1, 5, -1]),
    cpu: forever ? '0.001' : dice.pick(['0.1', '0.4', '0.4', '0.9', '1.8']),
    ...(dice.chance(0.2) ? { zone: dice.pick(['a', 'b']) } : {}),
    script: forever ? { Hold: true, ...failureOf(dice) } : scriptOf(dice),
    published: dice.chance(0.2),
    ...(dice.chance(0.2) ? { grace: dice.int(0, 20) } : {}),
    queueTimeout,
    executionTimeout,
    totalTimeout: !forever && dice.chance(0.1) ? queueTimeout + executionTimeout + dice.int(1, 40) : 0,
  }
}

function countOf(dice: Dice, nodes: number): number {
  if (nodes > 100) return dice.int(1, dice.pick([10, 300, 1_000]))
  return dice.chance(0.05) ? 0 : dice.int(1, dice.pick([1, 3, 8, 50]))
}

function scriptOf(dice: Dice): Script {
  if (dice.chance(0.1)) return { AtOnce: true }
  const dying = dice.chance(0.1) ? { Dying: dice.int(1, 500) } : {}
  return {
    Milliseconds: Math.floor(dice.next() * dice.pick([10, 40, 400, 4_000, 15_000])),
    ...dying,
    ...failureOf(dice),
  }
}

function failureOf(dice: Dice): Script {
  if (!dice.chance(0.15)) return {}
  const Fail = dice.pick(['WasmTrap', 'InputFailed', 'PublishFailed', 'SandboxCrashed'])
  return { Fail, FailTimes: dice.int(1, 4) }
}
