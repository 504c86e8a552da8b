import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Libp2p } from '@libp2p/interface'
import { openHost } from '../../src/link/go/fixtures/go-host.ts'
import { type ScriptedGoRequester, scriptGoRequester } from '../../src/link/go/fixtures/go-requester.ts'
import { inlineModule, printingModule } from '../printing-module.ts'
import { recording } from '../../src/link/go/fixtures/recordings.ts'
import { GO_PROTOCOLS } from '../../src/link/go/wire/protocols.ts'
import { createWorld, type World } from '../program.ts'

const { onBidComplete, onRunComplete, onComputeFailure } = GO_PROTOCOLS

/** The recorded ask of a release 1.2.3 under another ID, with another module. */
function askFor(id: string, module: Uint8Array, { approval = true, seconds = 1_800 } = {}): object {
  const [first] = recording('a1-batch-legacy-job').messages
  const { Execution } = structuredClone(first?.json) as {
    Execution: { ID: string; JobID: string; Job: { ID: string; Tasks: Record<string, unknown>[] } }
  }
  Execution.ID = id
  Execution.JobID = Execution.Job.ID = `j-${id}`
  const [task = {}] = Execution.Job.Tasks
  task['Engine'] = {
    Type: 'wasm',
    Params: {
      EntryModule: { Source: { Type: 'inline', Params: { URL: inlineModule(module) } } },
      Entrypoint: '_start',
    },
  }
  task['Timeouts'] = { ExecutionTimeout: seconds }
  return { Execution, WaitForApproval: approval }
}

const outputOf = (json: Readonly<Record<string, unknown>>) =>
  (json['RunCommandResult'] as { Stdout: string; StdoutTruncated: boolean } | undefined) ?? { Stdout: '' }

describe('a node of ours under a requester of the Go program', { timeout: 120_000 }, () => {
  let world: World
  let host: Libp2p
  let requester: ScriptedGoRequester
  let peer = ''

  before(async () => {
    world = await createWorld()
    host = await openHost()
    requester = await scriptGoRequester(host)
    peer = host.getMultiaddrs()[0]?.toString() ?? ''
  })
  after(async () => {
    await world.end()
    await host.stop()
  })

  /** A compute node that is pointed at the requester, when it has connected. */
  async function nodeAtRequester(name: string): Promise<{ id: string; stop: () => Promise<unknown> }> {
    const connected = new Promise<void>((resolve) =>
      host.addEventListener('peer:identify', () => resolve(), { once: true }),
    )
    const node = await world.node(name, ['--compute', '--peer', peer])
    await connected
    return { id: node.peerId, stop: () => node.stop() }
  }

  test('runs its jobs, ends what takes too long, and does again what a stop interrupted', async () => {
    const first = await nodeAtRequester('compute')
    await requester.ask(first.id, askFor('e-1', printingModule(3, 5)))
    assert.equal((await requester.next(onBidComplete)).json['Accepted'], true)
    await requester.accept(first.id, 'e-1')
    const { json } = await requester.next(onRunComplete)
    assert.deepEqual(
      [json['PublishResult'], json['RunCommandResult']],
      [
        { Type: '' },
        {
          Stdout: 'xxxx\n'.repeat(3),
          StdoutTruncated: false,
          stderr: '',
          StderrTruncated: false,
          ExitCode: 0,
          ErrorMsg: '',
        },
      ],
    )
    await requester.ask(first.id, askFor('e-2', printingModule(400, 20), { approval: false }))
    const long = outputOf((await requester.next(onRunComplete)).json)
    assert.equal(long.Stdout, `${'x'.repeat(19)}\n`.repeat(103).slice(0, 2_048))
    await requester.ask(first.id, askFor('e-3', printingModule(1, 5, true), { approval: false, seconds: 1 }))
    assert.match(String((await requester.next(onComputeFailure)).json['Err']), /longer than the 1 s/)

    await requester.ask(first.id, askFor('e-4', printingModule(1, 5, true), { approval: false, seconds: 3 }))
    await first.stop()
    assert.equal(requester.told.filter(({ json }) => json['ExecutionID'] === 'e-4').length, 0)
    const second = await nodeAtRequester('compute')
    assert.equal(second.id, first.id)
    assert.equal((await requester.next(onComputeFailure)).json['ExecutionID'], 'e-4')
    await second.stop()
  })
})
