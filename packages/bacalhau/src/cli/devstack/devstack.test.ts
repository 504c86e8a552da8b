import assert from 'node:assert/strict'
import { readdir, readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import { describe, test } from 'node:test'
import { createClient } from '@bacalhau/client'
import { temporaryFolder } from '../../content/testing/temporary.ts'
import { recordedIo } from '../fixtures/recorded-io.ts'
import { Interruption } from '../interruption.ts'
import { runProgram } from '../program.ts'
import { styleFor } from '../terminal/style.ts'
import { exportLines, stackText } from './stack-text.ts'

interface Facts {
  readonly Environment: { readonly BACALHAU_API_HOST: string; readonly BACALHAU_API_PORT: string }
  readonly Folder: string
  readonly Nodes: readonly {
    Name: string
    APIURL: string
    Addresses: string[]
    Orchestrator: boolean
    Compute: boolean
  }[]
}

/** Runs a stack, does something with it when it is ready, and stops it as Ctrl-C does. */
async function withStack(argv: string[], use: (facts: Facts) => Promise<void>, cwd: string) {
  const controller = new AbortController()
  const io = recordedIo({ cwd })
  let used: Promise<void> | undefined
  const write = io.out.write.bind(io.out)
  // What it prints at last is that it is ready.
  io.out.write = async (text) => {
    await write(text)
    used ??= use(JSON.parse(String(text)) as Facts).finally(() => controller.abort(new Interruption('SIGINT')))
  }
  const code = await runProgram(['devstack', '--output', 'json', ...argv], io, controller.signal)
  await used
  assert.ok(used !== undefined, io.errText())
  return { code, err: io.errText() }
}

describe('a stack', () => {
  test('is a network of its own, ready when it says so, and leaves nothing', async (context) => {
    const cwd = await temporaryFolder(context)
    let folder = ''
    const argv = ['--compute-nodes', '1', '--hybrids', '1', '--write-env', 'stack.env']
    const { code, err } = await withStack(
      argv,
      async (facts) => {
        folder = facts.Folder
        const { BACALHAU_API_HOST: host, BACALHAU_API_PORT: port } = facts.Environment
        assert.deepEqual(
          facts.Nodes.map(({ Name, Orchestrator, Compute }) => [Name, Orchestrator, Compute]),
          [
            ['orchestrator-1', true, false],
            ['hybrid-1', true, true],
            ['compute-1', false, true],
          ],
        )
        for (const { APIURL, Addresses } of facts.Nodes) {
          assert.equal(new URL(APIURL).hostname, '127.0.0.1')
          for (const address of Addresses) assert.match(address, /^\/ip4\/127\.0\.0\.1\/tcp\/\d+\/p2p\//)
        }
        const nodes = await createClient({ baseUrl: `http://${host}:${port}` }).nodes.list()
        const computing = nodes.filter(
          ({ Info }) => Info.NodeType === 'Compute' || Info.ComputeNodeInfo.MaxCapacity.CPU > 0,
        )
        assert.deepEqual(
          computing
            .map(({ Membership, Connection, Info }) => [Membership, Connection, Info.Labels['name']])
            .toSorted(([, , a = ''], [, , b = '']) => a.localeCompare(b)),
          [
            ['APPROVED', 'CONNECTED', 'compute-1'],
            ['APPROVED', 'CONNECTED', 'hybrid-1'],
          ],
        )
        const lines = await readFile(path.join(cwd, 'stack.env'), 'utf8')
        assert.equal(lines, `export BACALHAU_API_HOST=127.0.0.1\nexport BACALHAU_API_PORT=${port}\n`)
      },
      cwd,
    )
    assert.equal(code, 0)
    assert.match(err, /\nStopping\. .*\nStopped\.\n$/)
    await assert.rejects(stat(folder), { code: 'ENOENT' })
  })

  test('keeps its data where it is told to', async (context) => {
    const cwd = await temporaryFolder(context)
    await withStack(['--computes', '0', '--stack-repo', 'kept'], async () => {}, cwd)
    assert.deepEqual(await readdir(path.join(cwd, 'kept')), ['orchestrator-1'])
  })

  test('needs somebody to place jobs', async () => {
    const io = recordedIo()
    const code = await runProgram(['devstack', '--orchestrators', '0'], io, new AbortController().signal)
    assert.equal(code, 1)
    assert.match(io.errText(), /^Error: --orchestrators: a stack needs at least one/)
  })
})

test('what a person reads', () => {
  const node = {
    name: 'hybrid-1',
    peerId: 'QmA',
    apiUrl: 'http://127.0.0.1:5',
    addresses: [],
    orchestrates: true,
    computes: true,
  }
  const plain = styleFor(recordedIo().out, {})
  assert.equal(
    stackText({ nodes: [node] }, '/tmp/x', false, plain),
    `devstack is running: 1 node on this machine.

  hybrid-1  http://127.0.0.1:5  QmA

To use it from another terminal
  export BACALHAU_API_HOST=127.0.0.1
  export BACALHAU_API_PORT=5

Data
  /tmp/x (removed at the end)

Ctrl-C stops it.
`,
  )
  assert.equal(exportLines({ nodes: [] }), '')
})
