import {
  type ComputeMessage,
  computeMessageSchema,
  type OrchestratorMessage,
  type ReportMessage,
} from '@bacalhau/models'
import { sampleNode, someResources } from '../../../src/link/fixtures/samples.ts'
import type { ComputeChannel } from '../../../src/link/link-protocol.ts'
import { createDice, type Dice } from '../world/dice.ts'
import { type Holder, Wire } from '../world/wire.ts'
import type { World } from '../world/world.ts'

/** What a mad node knows: everything. */
export interface Secrets {
  /** Executions of everybody. */
  executions(): readonly string[]
}

/** A member of the swarm that takes work and never does it, and says whatever comes to its mind. */
export class MadNode {
  readonly #id: string
  readonly #world: World
  readonly #secrets: Secrets
  readonly #offered: string[] = []
  #wire: Wire<ComputeMessage, OrchestratorMessage> | undefined
  #channel: ComputeChannel | undefined
  #sent = 0
  #heard = { seq: 0, mark: '' }
  #conversation = ''
  #silenced = false

  constructor(id: string, world: World, secrets: Secrets) {
    this.#id = id
    this.#world = world
    this.#secrets = secrets
  }

  connect(dice: Dice): void {
    const answer = this.#silenced ? undefined : this.#world.host.answer()
    if (answer === undefined) return
    const self: Holder = { peer: this.#id, dead: false, reach: () => undefined }
    this.#wire = new Wire<ComputeMessage, OrchestratorMessage>({
      clock: this.#world.clock,
      holders: [self, answer.holder],
      sameMachine: true,
      onDelivery: (from, to, { type }) => type !== 'heartbeat' && this.#world.note(`${from} → ${to}: ${type}`),
    })
    const [channel, far] = this.#wire.ends
    this.#channel = channel
    channel.start({ onMessage: (message) => this.#hear(message), onClose: () => (this.#channel = undefined) })
    answer.attach(far)
    this.#hello(dice)
    this.#beat(channel)
  }

  /** The madness is over: the node is switched off. */
  silence(): void {
    this.#silenced = true
    this.#wire?.cut()
  }

  /** Says something. */
  lie(kind: number, seed: number): void {
    const dice = createDice(seed)
    if (this.#channel === undefined) return this.connect(dice)
    const say = LIES[kind % LIES.length]
    if (say === undefined) return
    for (const message of say(this.#mind(dice))) this.#send(message)
  }

  #mind(dice: Dice): Mind {
    const anyone = [...this.#offered, ...this.#secrets.executions(), 'e-nobody']
    return {
      dice,
      id: this.#id,
      own: () => dice.pick(this.#offered.length > 0 ? this.#offered : ['e-nobody']),
      any: () => dice.pick(anyone),
      next: () => (this.#sent += 1),
      sent: this.#sent,
      heard: this.#heard.seq,
      conversation: this.#conversation,
    }
  }

  #hello(dice: Dice): void {
    const resume = this.#conversation !== '' && dice.chance(0.5)
    this.#send({
      type: 'hello',
      node: sampleNode(this.#id, { MaxCapacity: someResources({ CPU: 8, Memory: 64e9 }) }, { zone: 'a' }),
      storeGeneration: dice.pick(['g-1', 'g-1', 'g-2']),
      held: this.#mind(dice).dice.chance(0.5) ? [] : [{ executionId: this.#mind(dice).any(), state: dice.int(0, 11) }],
      ...(resume ? { conversation: { id: this.#conversation, received: this.#heard } } : {}),
    })
  }

  /** Says that it lives, as every node does. */
  #beat(channel: ComputeChannel): void {
    this.#world.clock.after(1_000, () => {
      if (this.#channel !== channel) return
      this.#send({ type: 'heartbeat' })
      this.#beat(channel)
    })
  }

  #hear(message: OrchestratorMessage): void {
    if (message.type === 'welcome' && message.conversation !== undefined) {
      const anew = message.conversation.id !== this.#conversation
      this.#conversation = message.conversation.id
      this.#sent = message.conversation.received.seq
      if (anew) this.#heard = { seq: 0, mark: '' }
    }
    if (message.type !== 'parcel') return
    this.#heard = { seq: message.seq, mark: message.mark }
    for (const content of message.messages) {
      if (content.type === 'offer') this.#offered.push(...content.executions.map(({ id }) => id))
    }
    this.#send({ type: 'ack', seq: message.seq })
  }

  /** Between machines every message is checked on its way in; what does not fit costs the link. */
  #send(message: ComputeMessage): void {
    if (computeMessageSchema.safeParse(message).success) return this.#channel?.send(message)
    this.#wire?.cut(new Error('an invalid message'))
  }
}

interface Mind {
  readonly dice: Dice
  readonly id: string
  readonly own: () => string
  readonly any: () => string
  readonly next: () => number
  readonly sent: number
  readonly heard: number
  readonly conversation: string
}

const OUTPUT = { Stdout: '', StdoutTruncated: false, stderr: '', StderrTruncated: false, ExitCode: 0, ErrorMsg: '' }

function anyReport(dice: Dice, executionId: string): ReportMessage {
  return dice.pick<ReportMessage>([
    { type: 'accepted', executionId },
    { type: 'progress', executionId, state: 6 },
    { type: 'progress', executionId, state: 7 },
    { type: 'completed', executionId, output: OUTPUT, result: { Type: 'shelf', Params: { lie: true } } },
    { type: 'completed', executionId, output: null, result: { Type: '' }, milliseconds: 1e12 },
    { type: 'failed', executionId, code: 'WasmTrap', message: 'x'.repeat(16_000) },
    { type: 'failed', executionId, code: 'NodeLost', message: '' },
    { type: 'cancelled', executionId, message: 'by nobody' },
    { type: 'refused', executionId, reason: 'no', later: dice.chance(0.5) },
  ])
}

/** Proper in form, and a lie. */
const reports = (mind: Mind, whose: () => string): ComputeMessage => ({
  type: 'parcel',
  seq: mind.next(),
  mark: 'mad',
  messages: Array.from({ length: mind.dice.int(1, 6) }, () => anyReport(mind.dice, whose())),
})

const LIES: readonly ((mind: Mind) => readonly ComputeMessage[])[] = [
  (mind) => [reports(mind, mind.own)],
  (mind) => [reports(mind, mind.own)],
  (mind) => [reports(mind, mind.any)],
  (mind) => [reports(mind, mind.any)],
  // The same parcel again and again, and parcels out of their order.
  (mind) => {
    const parcel = reports(mind, mind.own)
    return [parcel, parcel, parcel]
  },
  (mind) => [
    { type: 'parcel', seq: mind.sent + mind.dice.int(2, 9), mark: 'mad', messages: [anyReport(mind.dice, mind.own())] },
  ],
  (mind) => [
    { type: 'parcel', seq: Math.max(1, mind.sent - 1), mark: 'other', messages: [anyReport(mind.dice, mind.own())] },
  ],
  // Acks of what was never sent, or of the past.
  (mind) => [{ type: 'ack', seq: mind.heard + mind.dice.int(1, 1_000) }],
  () => [{ type: 'ack', seq: 0 }],
  // A second hello, one of another, one that is too large.
  (mind) => [{ type: 'hello', node: sampleNode(mind.id), storeGeneration: 'g-9', held: [] }],
  (mind) => [
    {
      type: 'hello',
      node: sampleNode('QmNode2'),
      storeGeneration: 'g-1',
      held: [{ executionId: mind.any(), state: 6 }],
    },
  ],
  () => [{ type: 'heartbeat', node: sampleNode('QmNode2', { MaxCapacity: someResources({ CPU: 1e9 }) }) }],
  (mind) => [
    {
      type: 'heartbeat',
      node: sampleNode(mind.id, { MaxCapacity: someResources({ CPU: 1e9, Memory: 1e15 }) }, { zone: 'b' }),
    },
  ],
  (mind) => [
    { type: 'parcel', seq: mind.next(), mark: 'mad', messages: [{ type: 'accepted', executionId: 'x'.repeat(200) }] },
  ],
]
