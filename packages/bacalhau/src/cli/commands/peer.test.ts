// Commands about peers against a node that runs.
import assert from 'node:assert/strict'
import { readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import type { PeerEntry } from '@bacalhau/models'
import { temporaryFolder } from '../../content/testing/temporary.ts'
import { startTestHost } from '../../network/fixtures/test-host.ts'
import { LOCAL, startLocalNode } from '../../node/fixtures/local-node.ts'
import { recordedIo } from '../fixtures/recorded-io.ts'
import { runProgram } from '../program.ts'

/** A node, and the program pointed at it. */
async function createWorld(context: TestContext) {
  const folder = await temporaryFolder(context)
  const node = await startLocalNode(folder)
  context.after(() => node.stop())
  const run = async (...argv: string[]) => {
    const port = new URL(node.apiUrl).port
    const io = recordedIo({ env: { ...LOCAL, BACALHAU_PATH: folder, BACALHAU_API_PORT: port }, cwd: folder })
    const code = await runProgram(argv, io, new AbortController().signal)
    return { code, out: io.outText(), err: io.errText() }
  }
  return { node, run, folder }
}

describe('peers', () => {
  test('are added, listed, pinged and removed', async (context) => {
    const { run } = await createWorld(context)
    const host = await startTestHost(context, 0)
    const [id, address] = [host.peerId.toString(), String(host.getMultiaddrs()[0])]
    assert.match((await run('peer', 'list')).out, /^No peers\. Add one with `bacalhau peer add <address>`\.$/m)
    assert.deepEqual(await run('peer', 'add', address), {
      code: 0,
      out: `${address} is kept from now on. How it goes: \`bacalhau peer list\`.\n`,
      err: '',
    })
    const pinged = await run('peer', 'ping', address, '--count', '3', '--interval', '1ms')
    assert.equal(pinged.code, 0)
    assert.match(pinged.out, new RegExp(`^(${id} at .* \\(local\\): <?\\d+ ms\\n){3}3 of 3 answered, 0 % lost; least`))
    const table = (await run('peer', 'ls')).out
    assert.match(table, new RegExp(`^ID .*STATE .*REACH .*NEXT\\n${id.slice(0, 10)} +connected +local +`))
    const [entry] = JSON.parse((await run('peer', 'list', '--output', 'json')).out) as PeerEntry[]
    assert.deepEqual([entry?.Peer, entry?.PeerID, entry?.Origin], [address, id, 'added'])
    assert.match((await run('peer', 'remove', id.slice(0, 12))).out, / is let go\.\n$/)
    assert.match((await run('peer', 'list')).out, /^No peers/)
  })

  test('that do not answer are told, with exit code 1', async (context) => {
    const { run } = await createWorld(context)
    const nobody = '/ip4/127.0.0.1/tcp/1/p2p/QmdZQ7ZbhnvWY1J12XYKGHApJ6aufKyLNSvf8jZBrBaAVL'
    const { code, out, err } = await run('peer', 'ping', nobody, '--count', '2', '--interval', '1ms')
    assert.equal(code, 1)
    assert.equal(err, '')
    assert.match(out, /ECONNREFUSED.*\n.*ECONNREFUSED.*\n0 of 2 answered, 100 % lost\n$/)
    assert.match((await run('peer', 'ping', 'nobody')).err, /none of the peers of this node/)
    assert.match((await run('peer', 'ping', nobody, '--interval', 'soon')).err, /--interval: 'soon' is no time/)
    assert.match((await run('peer', 'add', 'nonsense')).err, /nonsense/)
  })

  test('and what others can reach: network doctor', async (context) => {
    const { run } = await createWorld(context)
    const { code, out } = await run('network', 'doctor')
    assert.equal(code, 0)
    assert.match(out, /^warn {2}Listening {2}at \/ip4\/127\.0\.0\.1\/tcp\/\d+: only for programs of this machine$/m)
    assert.match(out, /^warn {2}Peers +none$/m)
    const documents = JSON.parse((await run('network', 'doctor', '--output', 'json')).out) as object[]
    assert.ok(documents.every((document) => 'Check' in document && 'Status' in document && 'Message' in document))
  })

  test('the key of a private swarm is made once', async (context) => {
    const folder = await temporaryFolder(context)
    const run = async () => {
      const io = recordedIo({ cwd: folder })
      const code = await runProgram(['network', 'key', 'swarm.key'], io, new AbortController().signal)
      return { code, out: io.outText(), err: io.errText() }
    }
    const file = path.join(folder, 'swarm.key')
    const made = await run()
    assert.equal(made.code, 0)
    assert.match(made.out, /swarm\.key: key [\da-f]{16}\n.*--swarm-key/)
    const text = await readFile(file, 'utf8')
    assert.match(text, /^\/key\/swarm\/psk\/1\.0\.0\/\n\/base16\/\n[\da-f]{64}\n$/)
    if (process.platform !== 'win32') assert.equal((await stat(file)).mode & 0o777, 0o600)
    const again = await run()
    assert.equal(again.code, 1)
    assert.match(again.err, /is there already/)
    assert.equal(await readFile(file, 'utf8'), text)
  })
})
