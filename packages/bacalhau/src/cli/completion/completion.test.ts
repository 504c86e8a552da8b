import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { nodeInfo, temporaryApi } from '../../api/testing/api.ts'
import { temporaryFolder } from '../../content/testing/temporary.ts'
import { COMMANDS } from '../catalogue.ts'
import { recordedIo } from '../fixtures/recorded-io.ts'
import { runProgram } from '../program.ts'
import { possibilities } from './candidates.ts'
import { SCRIPTS } from './scripts.ts'

const { signal } = new AbortController()
const words = (...line: string[]) => possibilities(line, COMMANDS).candidates.map(({ word }) => word)
const kinds = (...line: string[]) => possibilities(line, COMMANDS).kinds

describe('what could come next', () => {
  test('a command, by its words', () => {
    assert.ok(words('').includes('job') && words('').includes('serve') && words('').includes('doctor'))
    assert.deepEqual(words('doc'), ['docker', 'doctor'])
    assert.deepEqual(words('job', 'li'), ['list'])
    assert.ok(words('node', '').includes('top'))
    assert.deepEqual(words('nothing', ''), [])
    assert.deepEqual(words('help', 'job', 'lo'), ['logs'])
  })

  test('says what each is', () => {
    const [doctor] = possibilities(['doct'], COMMANDS).candidates
    assert.match(doctor?.about ?? '', /^Look for what is missing/)
    const [node] = possibilities(['nod'], COMMANDS).candidates
    assert.match(node?.about ?? '', /list, .*describe/)
  })

  test('a flag of the command, or of every command', () => {
    assert.deepEqual(words('job', 'logs', '--fol'), ['--follow'])
    assert.deepEqual(words('job', 'logs', '--api-'), ['--api-host', '--api-port'])
    assert.ok(!words('job', 'stop', '--').includes('--follow'))
    assert.deepEqual(words('--output', 'json', 'job', 'logs', '--fol'), ['--follow'])
  })

  test('the value of a flag', () => {
    assert.deepEqual(words('id', '--output', 'y'), ['yaml'])
    assert.deepEqual(words('id', '--output', '=', 'y'), ['yaml'])
    assert.deepEqual(words('id', '--output=y'), ['--output=yaml'])
    assert.deepEqual(kinds('devstack', '--stack-repo', ''), ['files'])
    assert.deepEqual([words('job', 'list', '--limit', ''), kinds('job', 'list', '--limit', '')], [[], []])
  })

  test('jobs, nodes and files where the command wants one', () => {
    assert.deepEqual(kinds('job', 'describe', ''), ['job'])
    assert.deepEqual(kinds('job', 'logs', '--follow', 'j-'), ['job'])
    assert.deepEqual(kinds('logs', '-e', 'x', 'j-'), ['job'])
    assert.deepEqual(kinds('node', 'describe', ''), ['node'])
    for (const verb of ['remove', 'ping']) assert.deepEqual(kinds('peer', verb, ''), ['peer'])
    assert.deepEqual(kinds('network', 'key', ''), ['files'])
    assert.deepEqual(kinds('job', 'run', ''), ['files'])
    assert.deepEqual(kinds('job', 'stop', 'j-1', ''), [])
    assert.deepEqual(words('completion', ''), ['bash', 'zsh', 'fish', 'powershell'])
  })

  test('every command can be typed by its completions alone', () => {
    for (const { name } of COMMANDS) {
      const parts = name.split(' ')
      for (const [index, part] of parts.entries()) {
        assert.ok(words(...parts.slice(0, index), part.slice(0, 1)).includes(part), name)
      }
    }
  })
})

async function createWorld(context: TestContext) {
  const api = await temporaryApi(context)
  const folder = await temporaryFolder(context)
  const env = { BACALHAU_API_HOST: '127.0.0.1', BACALHAU_API_PORT: String(api.port), BACALHAU_PATH: folder }
  await api.client.jobs.submit({ Name: 'words', Type: 'batch', Tasks: [{ Name: 'main', Engine: { Type: 'noop' } }] })
  const ConnectionState = {
    Status: 'CONNECTED',
    LastHeartbeat: '',
    ConnectedSince: '',
    DisconnectedSince: '',
    LastError: '',
  } as const
  api.orchestrator.nodeStates = [{ Info: nodeInfo, Membership: 'APPROVED', Connection: 'CONNECTED', ConnectionState }]
  const complete = async (...argv: string[]) => {
    const io = recordedIo({ env, cwd: folder })
    const code = await runProgram(['completion', ...argv], io, signal)
    return { code, out: io.outText(), err: io.errText() }
  }
  return { ...api, folder, env, complete }
}

describe('bacalhau completion', () => {
  test('asks the node for its jobs and nodes', async (context) => {
    const { complete, port } = await createWorld(context)
    assert.deepEqual(await complete('bash', '--', 'job', 'logs', ''), {
      code: 0,
      out: 'j-00000001\twords, pending\nwords\tpending\n',
      err: '',
    })
    assert.equal((await complete('zsh', '--', 'job', 'describe', 'wo')).out, 'words\tpending\n')
    assert.match((await complete('fish', '--', 'node', 'describe', 'Qm')).out, /^Qm\w{8}\tconnected\n$/)
    const other = ['--api-port', String(port), '--api-host', '127.0.0.1']
    assert.match((await complete('fish', '--', ...other, 'job', 'stop', 'j-')).out, /^j-00000001\t/)
  })

  test('says nothing when there is no node, and does not complain', async (context) => {
    const { complete, stop } = await createWorld(context)
    await stop()
    assert.deepEqual(await complete('bash', '--', 'job', 'logs', ''), { code: 0, out: '', err: '' })
    assert.deepEqual(await complete('bash', '--', '--api-port', 'many', 'job', 'logs', ''), {
      code: 0,
      out: '',
      err: '',
    })
  })

  test('takes the mark of PowerShell away', async (context) => {
    const { complete } = await createWorld(context)
    assert.match((await complete('powershell', '--', 'job', '@li')).out, /^list\t/)
    assert.match((await complete('powershell', '--', '@')).out, /^(?:.+\n)+/)
  })

  test('prints a script for each shell, and refuses others', async (context) => {
    const { complete } = await createWorld(context)
    for (const [shell, script] of Object.entries(SCRIPTS)) {
      assert.deepEqual(await complete(shell), { code: 0, out: script, err: '' })
      assert.match(script, new RegExp(`bacalhau completion ${shell} -- `))
    }
    const { code, err } = await complete('tcsh')
    assert.equal(code, 1)
    assert.match(err, /'tcsh' is no shell that is known here\nHint: {2}One of bash, zsh, fish, powershell\./)
  })
})

/** A folder with `bacalhau` as a user has it. */
async function installed(folder: string): Promise<string> {
  await mkdir(path.join(folder, 'bin'))
  const program = path.join(folder, 'bin/bacalhau')
  const main = path.join(import.meta.dirname, '../main.ts')
  await writeFile(program, `#!/bin/sh\nexec "${process.execPath}" "${main}" "$@"\n`)
  await chmod(program, 0o755)
  return path.dirname(program)
}

const has = (shell: string) => spawnSync(shell, ['--version']).status === 0

describe('in a shell', () => {
  test(
    'bash completes commands, flags, values and files',
    { skip: has('bash') ? false : 'there is no bash' },
    async (context) => {
      const folder = await temporaryFolder(context)
      const bin = await installed(folder)
      await writeFile(path.join(folder, 'completion.bash'), SCRIPTS.bash)
      const complete = (...line: string[]) => {
        const list = line.map((word) => `'${word}'`).join(' ')
        const script = `source completion.bash; COMP_WORDS=(bacalhau ${list}); COMP_CWORD=${line.length}; _bacalhau; printf '%s\\n' "\${COMPREPLY[@]}"`
        const { stdout, stderr } = spawnSync('bash', ['--norc', '-c', script], {
          cwd: folder,
          encoding: 'utf8',
          env: { PATH: `${bin}:${process.env['PATH']}`, BACALHAU_PATH: folder },
        })
        assert.equal(stderr, '')
        return stdout.trim().split('\n')
      }
      assert.deepEqual(complete('job', 'li'), ['list'])
      assert.deepEqual(complete('id', '--output', '=', 'js'), ['json'])
      assert.deepEqual(complete('job', 'run', 'j'), [''])
    },
  )

  for (const [shell, check] of [
    ['bash', ['-n']],
    ['zsh', ['-n']],
    ['fish', ['--no-execute']],
  ] as const) {
    test(`${shell} takes its script`, { skip: has(shell) ? false : `there is no ${shell}` }, async (context) => {
      const file = path.join(await temporaryFolder(context), 'script')
      await writeFile(file, SCRIPTS[shell])
      const { status, stderr } = spawnSync(shell, [...check, file], { encoding: 'utf8' })
      assert.equal(status, 0, stderr)
    })
  }
})
