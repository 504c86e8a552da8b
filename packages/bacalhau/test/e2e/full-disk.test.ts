// A disk that is full while real processes work on it: what they still do, what they say, and what is there afterwards.
import assert from 'node:assert/strict'
import type { Job } from '@bacalhau/models'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { launchNode, type NodeProcess, type StartingNode, until } from '../program.ts'
import { createSmallDisk, type SmallDisk, whyNoSmallDisk } from './small-disk.ts'

const JOBS = '/api/v1/orchestrator/jobs'
const MEGABYTES = 24

describe('a node on a full disk', { skip: whyNoSmallDisk() ?? false, timeout: 120_000 }, () => {
  let disk: SmallDisk
  const started: StartingNode[] = []
  before(async () => {
    disk = await createSmallDisk(MEGABYTES)
  })
  after(async () => {
    for (const node of started) await node.kill()
    await disk.end()
  })
  const launch = async (): Promise<NodeProcess> => {
    const node = launchNode(path.join(disk.folder, 'node'), [], {}, disk.through)
    started.push(node)
    return node.ready
  }

  test('reads on, says why it writes nothing, loses nothing that it has acknowledged, and goes on', async () => {
    const first = await launch()
    const acknowledged = [await submitted(first), await submitted(first, { DelayMs: 1_500 })]
    await ends(first, acknowledged[0] ?? '')

    await disk.fill()
    const refusal = await refused(first, acknowledged)
    assert.equal(refusal.status, 507, refusal.text)
    assert.match(refusal.text, /DiskFull/)
    assert.match(refusal.text, /space/)
    assert.equal((await jobOf(first, acknowledged[0] ?? '')).State.StateType, 'Completed')
    assert.ok((await list(first)).length >= acknowledged.length)

    await disk.free()
    for (const id of acknowledged) await ends(first, id)
    const late = await submitted(first)
    await ends(first, late)

    await disk.fill()
    await refused(first, acknowledged)
    await first.kill()
    await disk.free()
    const second = await launch()
    for (const id of [...acknowledged, late]) await ends(second, id)
    assert.deepEqual((await list(second)).length, acknowledged.length + 1, 'what was refused is not there')
  })
})

async function submit({ apiUrl }: NodeProcess, Params: object): Promise<{ status: number; text: string }> {
  const Tasks = [{ Name: 'main', Engine: { Type: 'noop', Params }, Resources: { CPU: '10m', Memory: '1Mb' } }]
  const answer = await fetch(`${apiUrl}${JOBS}`, {
    method: 'PUT',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ Job: { Type: 'batch', Tasks } }),
  })
  return { status: answer.status, text: await answer.text() }
}

async function submitted(node: NodeProcess, params: object = {}): Promise<string> {
  const { status, text } = await submit(node, params)
  assert.equal(status, 200, text)
  return (JSON.parse(text) as { JobID: string }).JobID
}

/** Submits until the node refuses; there may be some room left within its files. */
async function refused(node: NodeProcess, acknowledged: string[]): Promise<{ status: number; text: string }> {
  for (;;) {
    const answer = await submit(node, {})
    if (answer.status !== 200) return answer
    acknowledged.push((JSON.parse(answer.text) as { JobID: string }).JobID)
  }
}

async function jobOf({ apiUrl }: NodeProcess, id: string): Promise<Job> {
  const answer = await fetch(`${apiUrl}${JOBS}/${id}`)
  const text = await answer.text()
  assert.equal(answer.status, 200, text)
  return (JSON.parse(text) as { Job: Job }).Job
}

async function list({ apiUrl }: NodeProcess): Promise<readonly Job[]> {
  const answer = await fetch(`${apiUrl}${JOBS}?limit=1000`)
  assert.equal(answer.status, 200)
  return ((await answer.json()) as { Items: Job[] }).Items
}

const ends = (node: NodeProcess, id: string): Promise<void> =>
  until(async () => {
    const { StateType, Message } = (await jobOf(node, id)).State
    assert.notEqual(StateType, 'Failed', Message ?? '')
    return StateType === 'Completed'
  })
