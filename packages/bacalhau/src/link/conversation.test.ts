import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ComputeMessage, OrchestratorMessage, OrderMessage, ReportMessage } from '@bacalhau/models'
import fc from 'fast-check'
import { silentLogger } from '../runtime/logger.ts'
import { seededRandom } from '../runtime/random.ts'
import { createVirtualClock } from '../runtime/virtual-clock.ts'
import { put } from '../store/store.ts'
import { createComputeOffice } from './compute-office.ts'
import { ManualPair } from './fixtures/manual-channel.ts'
import { ManualJournal } from './fixtures/manual-journal.ts'
import { sampleNode } from './fixtures/samples.ts'
import { createOrchestratorOffice } from './orchestrator-office.ts'
import type { ComputeOffice, OrchestratorOffice } from './post-office.ts'

/**
 * A pair of offices under a random walk: each posts, writes, delivers, loses its links, its uncommitted writes, its store, or
 * gets an older store back. What each side did and saw is written in the same units as the link's own rows.
 */

const NODE = 'QmNode'
const OWNER = 'QmOwner'

/** What the orchestrator remembers: in which era, that is since which beginning of a conversation, it posted and heard what. */
interface OrchestratorMemory {
  era: number
  posted: string[]
  heard: { era: number; text: string }[]
}

/** What the compute node remembers; `base` is how much it had posted at the hello that began the present conversation. */
interface ComputeMemory {
  conversation: string
  base: number
  posted: { text: string; final: boolean }[]
  heard: string[]
}

interface Side<Office, Memory> {
  journal: ManualJournal
  office: Office
  memory: Memory
  readonly remember: () => void
}

const recalled = <T>(journal: ManualJournal, fallback: T): T => (journal.rows('meta').get('memory') as T) ?? fallback

function memoryOf<T>(journal: ManualJournal, fallback: T) {
  const memory = recalled(journal, fallback)
  const recorded = { takeWrites: () => [put('meta', 'memory', memory)], onDurable: () => undefined }
  return { memory, remember: () => journal.record(recorded) }
}

class World {
  readonly #random = seededRandom(7)
  #count = 0
  #generation = 'g'
  /** How much the compute node had posted when it last presented itself. */
  #atHello = 0
  #link: ManualPair<ComputeMessage, OrchestratorMessage> | undefined
  left!: Side<OrchestratorOffice, OrchestratorMemory>
  right!: Side<ComputeOffice, ComputeMemory>
  readonly backups: { left: ManualJournal[]; right: ManualJournal[] } = { left: [], right: [] }
  /** Has the orchestrator ever lost what it had heard? */
  amnesia = false

  async bootLeft(journal: ManualJournal): Promise<void> {
    this.#link?.cut()
    const fallback: OrchestratorMemory = { era: 0, posted: [], heard: [] }
    const { memory, remember } = memoryOf(journal, fallback)
    const office = await createOrchestratorOffice({
      ...this.#surroundings(journal),
      storeGeneration: 'owner',
      handler: {
        admit: () => ({ membership: 'APPROVED', message: '' }),
        onConnected: (_, { resumed }) => {
          if (resumed) return
          memory.era = ++this.#count
          memory.posted = []
          remember()
        },
        onInfo: () => undefined,
        onPreparing: () => undefined,
        onReport: (_, report) => {
          memory.heard.push({ era: memory.era, text: textOf(report) })
          remember()
        },
        onAnswered: () => undefined,
        onDisconnected: () => undefined,
      },
    })
    this.left = { journal, office, memory, remember }
  }

  async bootRight(journal: ManualJournal): Promise<void> {
    this.#link?.cut()
    const { memory, remember } = memoryOf<ComputeMemory>(journal, { conversation: '', base: 0, posted: [], heard: [] })
    const office = await createComputeOffice({
      ...this.#surroundings(journal),
      storeGeneration: this.#generation,
      node: () => sampleNode(NODE),
      handler: {
        held: () => [],
        onOrder: (_, order) => {
          memory.heard.push(order.type === 'cancel' ? order.reason : '')
          remember()
        },
        onMembership: () => undefined,
      },
    })
    this.right = { journal, office, memory, remember }
  }

  #surroundings(journal: ManualJournal) {
    const surroundings = { clock: createVirtualClock(), random: this.#random, logger: silentLogger }
    return { journal, store: journal.store, ...surroundings }
  }

  connect(): void {
    if (this.#link !== undefined && !this.#link.ended) return
    this.#atHello = this.right.memory.posted.length
    this.#link = new ManualPair<ComputeMessage, OrchestratorMessage>(OWNER, NODE)
    this.left.office.attach(this.#link.right)
    this.right.office.attach(this.#link.left)
  }

  cut(): void {
    this.#link?.cut()
  }

  order(): void {
    const { memory, office, remember } = this.left
    if (!office.peers().includes(NODE)) return
    const text = `${memory.era}:${memory.posted.length}`
    office.post(NODE, { type: 'cancel', executionId: 'e', reason: text } satisfies OrderMessage)
    memory.posted.push(text)
    remember()
  }

  report(final: boolean): void {
    const { memory, office, remember } = this.right
    const text = `r${++this.#count}`
    office.post(OWNER, { type: final ? 'cancelled' : 'progress', executionId: 'e', state: 6, message: text } as never)
    memory.posted.push({ text, final })
    remember()
  }

  deliverLeft(): boolean {
    return this.#link?.stepRight() !== undefined
  }

  deliverRight(): boolean {
    const { memory, remember } = this.right
    const next = this.#link?.toLeft[0]
    // Told before the office hears it, so that it is in the same unit.
    if (next?.type === 'welcome' && next.conversation !== undefined && next.conversation.id !== memory.conversation) {
      memory.conversation = next.conversation.id
      memory.base = this.#atHello
      remember()
    }
    return this.#link?.stepLeft() !== undefined
  }

  async crashLeft(contents = this.left.journal.contents()): Promise<void> {
    await this.bootLeft(new ManualJournal(contents))
  }

  async crashRight(contents = this.right.journal.contents()): Promise<void> {
    await this.bootRight(new ManualJournal(contents))
  }

  wipeRight(): Promise<void> {
    this.#generation = `g${++this.#count}`
    return this.bootRight(new ManualJournal())
  }

  async settle(): Promise<void> {
    for (let round = 0; round < 1_000; round++) {
      this.left.journal.write()
      this.right.journal.write()
      this.connect()
      await Promise.resolve()
      const moved = [this.deliverLeft(), this.deliverRight()]
      if (!moved.includes(true) && this.left.journal.idle && this.right.journal.idle) return
    }
    assert.fail('the two sides never come to rest')
  }

  check(): void {
    const { left, right } = this
    const era = left.memory.era
    const ours = right.memory.heard.filter((text) => text.startsWith(`${era}:`))
    assert.deepEqual(ours, left.memory.posted, 'orders of the present conversation, once and in order')
    const heard = left.memory.heard.filter((each) => each.era === era).map(({ text }) => text)
    const since = right.memory.posted.slice(right.memory.base).map(({ text }) => text)
    assert.deepEqual(heard.slice(heard.length - since.length), since, 'reports of the present conversation, in order')
    assert.equal(new Set(heard).size, heard.length, 'no report twice in one conversation')
    const all = new Set(left.memory.heard.map(({ text }) => text))
    const lost = right.memory.posted.filter(({ text, final }) => final && !all.has(text))
    if (!this.amnesia) assert.deepEqual(lost, [], 'the end of an execution is always heard of')
    assert.deepEqual([left.office.backlog(NODE).messages, right.office.backlog(OWNER).messages], [0, 0])
  }
}

function textOf(report: ReportMessage): string {
  return 'message' in report ? (report.message ?? '') : ''
}

async function createWorld(): Promise<World> {
  const world = new World()
  await world.bootLeft(new ManualJournal())
  await world.bootRight(new ManualJournal())
  return world
}

type Step = (world: World) => void | boolean | Promise<void>

const harmless: Record<string, Step> = {
  connect: (world) => world.connect(),
  order: (world) => world.order(),
  progress: (world) => world.report(false),
  end: (world) => world.report(true),
  deliverLeft: (world) => world.deliverLeft(),
  deliverRight: (world) => world.deliverRight(),
  takeLeft: (world) => world.left.journal.take(),
  takeRight: (world) => world.right.journal.take(),
  landLeft: (world) => world.left.journal.land(),
  landRight: (world) => world.right.journal.land(),
  cut: (world) => world.cut(),
  crashLeft: (world) => world.crashLeft(),
  crashRight: (world) => world.crashRight(),
  reconnect: (world) => {
    world.cut()
    world.connect()
  },
  settle: (world) => world.settle(),
  deliverAll: (world) => {
    while ([world.deliverLeft(), world.deliverRight()].includes(true));
  },
}

const disasters: Record<string, Step> = {
  backUpLeft: (world) => void world.backups.left.push(new ManualJournal(world.left.journal.contents())),
  backUpRight: (world) => void world.backups.right.push(new ManualJournal(world.right.journal.contents())),
  wipeLeft: (world) => {
    world.amnesia = true
    return world.bootLeft(new ManualJournal())
  },
  wipeRight: (world) => world.wipeRight(),
  restoreLeft: (world) => {
    const backup = world.backups.left.at(-1)
    if (backup === undefined) return
    world.amnesia = true
    return world.crashLeft(backup.contents())
  },
  restoreRight: (world) => world.crashRight(world.backups.right.at(-1)?.contents()),
}

/** Mostly traffic, so that walks get somewhere before the next misfortune. */
const walk = (steps: Record<string, Step>) => {
  const traffic = ['order', 'progress', 'end', 'takeLeft', 'landLeft', 'takeRight', 'landRight', 'deliverAll']
  const weighted = [
    ...Object.keys(steps),
    ...traffic,
    ...traffic,
    'connect',
    'reconnect',
    'reconnect',
    'crashRight',
    'settle',
  ]
  return fc
    .array(fc.constantFrom(...weighted), { minLength: 10, maxLength: 80, size: 'max' })
    .map((names) => ['settle', ...names])
}

async function run(steps: Record<string, Step>, names: readonly string[]): Promise<World> {
  const world = await createWorld()
  for (const name of names) {
    await steps[name]?.(world)
    await Promise.resolve()
  }
  await world.settle()
  world.check()
  return world
}

describe('a conversation', () => {
  test('delivers everything exactly once and in order, whatever breaks and whoever crashes', async () => {
    await fc.assert(
      fc.asyncProperty(walk(harmless), async (names) => {
        const world = await run(harmless, names)
        // Without the loss of a store, it begins once.
        const texts = world.left.memory.heard.map(({ text }) => text)
        assert.deepEqual(
          texts.filter((text) => world.right.memory.posted.some((each) => each.text === text)),
          texts,
        )
      }),
      { numRuns: 1_000 },
    )
  })

  test('a lost or an older store on either side begins it anew, and no end of an execution is lost by that', async () => {
    const steps = { ...harmless, ...disasters }
    await fc.assert(
      fc.asyncProperty(walk(steps), async (names) => void (await run(steps, names))),
      { numRuns: 1_500 },
    )
  })
})
