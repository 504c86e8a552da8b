import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, test } from 'node:test'
import { VERSION } from '../runtime/version.ts'
import { COMMAND_GROUPS, COMMANDS } from './catalogue.ts'
import { argumentBounds } from './command.ts'
import { recordedIo } from './fixtures/recorded-io.ts'
import { Interruption } from './interruption.ts'
import { runProgram } from './program.ts'

const never = new AbortController().signal

async function run(argv: string[], options: Parameters<typeof recordedIo>[0] = {}, signal = never) {
  const io = recordedIo(options)
  const code = await runProgram(argv, io, signal)
  return { code, out: io.outText(), err: io.errText() }
}

describe('help', () => {
  test('the program lists every command once', async () => {
    const { code, out, err } = await run(['--help'])
    assert.deepEqual([code, err], [0, ''])
    for (const { name, summary } of COMMANDS) assert.match(out, new RegExp(`^  ${name}\\b.*  ${summary}$`, 'm'))
    assert.deepEqual(await run([]), { code, out, err })
    assert.deepEqual(await run(['help']), { code, out, err })
  })

  test('each command explains itself, with examples that are commands', async () => {
    for (const command of COMMANDS) {
      const { code, out } = await run([...command.name.split(' '), '--help'])
      assert.equal(code, 0)
      assert.match(out, new RegExp(`^${command.summary}\\.$`, 'm'))
      assert.match(out, new RegExp(`^  bacalhau ${command.name}.*\\[flags\\]$`, 'm'))
      assert.ok(command.examples.length > 0, `${command.name} has no example`)
      for (const flag of Object.keys(command.flags)) assert.match(out, new RegExp(`--${flag}\\b`), command.name)
      assert.deepEqual(await run(['help', ...command.name.split(' ')]), { code, out, err: '' })
    }
  })

  test('examples are lines that the parser takes', async () => {
    for (const { examples, name } of COMMANDS) {
      for (const { command } of examples) {
        const line = command
          .replace(/^.*?bacalhau /, '')
          .replace(/[)|].*$/, '')
          .replace(/ 2>.*$/, '')
        const { out, err } = await run(['--help', ...line.split(' ')])
        assert.equal(err, '', command)
        assert.match(out, new RegExp(`bacalhau ${name}`), command)
      }
    }
  })

  test('a group lists its commands', async () => {
    const { code, out } = await run(['job'])
    assert.equal(code, 0)
    assert.match(out, /^ {2}job list .*$/m)
    assert.doesNotMatch(out, /data add/)
    assert.equal((await run(['help', 'job'])).out, out)
    assert.equal((await run(['job', '--help'])).out, out)
  })

  test('no line is wider than 120 columns', async () => {
    for (const words of [[], ...COMMANDS.map(({ name }) => name.split(' '))]) {
      const { out } = await run([...words, '--help'])
      for (const line of out.split('\n')) assert.ok(line.length <= 120, `${line.length} columns: ${line}`)
    }
  })

  test('--version prints the version', async () => {
    assert.deepEqual(await run(['--version']), { code: 0, out: `${VERSION}\n`, err: '' })
  })
})

describe('mistakes end with exit code 1, an error and a hint', () => {
  const cases: readonly [argv: string[], error: string, hint: string][] = [
    [['jbo'], "unknown command 'jbo'", 'Did you mean `bacalhau job`?'],
    [['serv'], "unknown command 'serv'", 'Did you mean `bacalhau serve`?'],
    [['job', 'lst', '--limit', '3'], "unknown command 'job lst'", 'Did you mean `bacalhau job list`?'],
    [['data', 'xyzzy'], "unknown command 'data xyzzy'", 'See `bacalhau help` for the commands.'],
    [['exec', 'python'], "there is no command 'exec'", 'Use `bacalhau docker run` or `bacalhau wasm run`.'],
    [['config', 'default'], "there is no command 'config default'", 'Use `bacalhau config list --output yaml`.'],
    [['help', 'jbo'], "unknown command 'jbo'", 'Did you mean `bacalhau job`?'],
    [['--bogus'], 'unknown flag --bogus', 'Add --help to see the flags of this command.'],
    [['job', 'list', '--limti', '3'], 'unknown flag --limti', 'Did you mean --limit?'],
    [
      ['docker', 'run', 'ubuntu', 'ls', '-Z'],
      'unknown flag -Z',
      'Add --help to see the flags of this command. Put -- before words that are not for bacalhau itself.',
    ],
    [
      ['docker', 'run', 'ubuntu', 'ls', '-l'],
      '--labels: a value is missing: --labels NAME=VALUE',
      'Put -- before words that are not for bacalhau itself.',
    ],
    [['job', 'describe'], 'an argument is missing', 'Usage: bacalhau job describe <job>'],
    [['job', 'describe', 'a', 'b'], "unexpected argument 'b'", 'Usage: bacalhau job describe <job>'],
    [['id', '--output', 'xml'], "--output: 'xml' is none of table, json, yaml", 'See `bacalhau id --help`.'],
  ]
  for (const [argv, error, hint] of cases) {
    test(argv.join(' '), async () => {
      assert.deepEqual(await run(argv), { code: 1, out: '', err: `Error: ${error}\nHint:  ${hint}\n` })
    })
  }

  test('control characters of arguments do not reach the terminal', async () => {
    const { err } = await run(['\u001b[31mjob\u0007'])
    assert.match(err, /^Error: unknown command '\[31mjob'$/m)
  })

  test('no node at the address', async () => {
    const home = await mkdtemp(path.join(tmpdir(), 'cli-'))
    // The discard port; also refused where something listens, since fetch blocks it.
    const { code, err } = await run(['job', 'list', '--api-host', '127.0.0.1', '--api-port', '9', '--data-dir', home])
    await rm(home, { recursive: true })
    assert.equal(code, 1)
    assert.equal(
      err,
      'Error: server is not running or not reachable at http://127.0.0.1:9\n' +
        'Hint:  Start a node with `bacalhau serve`, or name one with --api-host and --api-port.\n',
    )
  })
})

describe('colours', () => {
  const terminal = 100
  const escape = '\u001b['

  test('only on a terminal that wants them', async () => {
    assert.ok((await run(['--help'], { terminal })).out.includes(escape))
    assert.ok((await run(['nope'], { terminal })).err.includes(escape))
    assert.ok(!(await run(['--help'])).out.includes(escape))
    assert.ok(!(await run(['--help'], { terminal, env: { NO_COLOR: '1' } })).out.includes(escape))
    assert.ok(!(await run(['--help'], { terminal, env: { TERM: 'dumb' } })).out.includes(escape))
    assert.ok(!(await run(['--help', '--no-color'], { terminal })).out.includes(escape))
    assert.ok(!(await run(['nope', '--no-color'], { terminal })).err.includes(escape))
  })
})

describe('catalogue', () => {
  test('names and aliases are unique', () => {
    const names = COMMANDS.flatMap(({ name, aliases = [] }) => [name, ...aliases])
    assert.equal(new Set(names).size, names.length)
    assert.equal(COMMAND_GROUPS.flatMap(({ commands }) => commands).length, COMMANDS.length)
  })

  test('no command uses a short flag twice', () => {
    for (const { name, flags } of COMMANDS) {
      const shorts = ['h', ...Object.values(flags).flatMap(({ short }) => short ?? [])]
      assert.equal(new Set(shorts).size, shorts.length, name)
    }
  })

  test('a usage says how many arguments there may be', () => {
    assert.deepEqual(argumentBounds(''), { least: 0, most: 0 })
    assert.deepEqual(argumentBounds('<cid[/path]> [dir]'), { least: 1, most: 2 })
    assert.deepEqual(argumentBounds('<module> [args...]'), { least: 1, most: Number.POSITIVE_INFINITY })
  })
})

describe('interruption', () => {
  test('a command that is interrupted ends with the code of the signal', async () => {
    const controller = new AbortController()
    controller.abort(new Interruption('SIGTERM'))
    const home = await mkdtemp(path.join(tmpdir(), 'cli-'))
    const { code, err } = await run(['job', 'list', '--data-dir', home, '--api-port', '9'], {}, controller.signal)
    await rm(home, { recursive: true })
    assert.deepEqual([code, err], [143, 'Interrupted.\n'])
  })
})
