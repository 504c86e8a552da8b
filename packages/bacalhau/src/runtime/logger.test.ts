import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { describe, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { LOG_LEVELS, type LogLevel, silentLogger } from './logger.ts'

const file = pathToFileURL(path.join(import.meta.dirname, 'logger.ts')).href

/** Runs a script that has a `logger`, in a process of its own: what is tested is where the lines go. */
function run(level: LogLevel, script: string) {
  const source = `import { createLogger } from '${file}'\nconst logger = createLogger('${level}')\n${script}`
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', source], {
    encoding: 'utf8',
  })
  const lines = stderr.split('\n').filter((line) => line !== '')
  return { stdout, lines: lines.map((line) => JSON.parse(line) as Record<string, unknown>) }
}

const everyLevel = "for (const level of ['debug', 'info', 'warn', 'error']) logger[level]({ fact: 1 }, level)"

describe('createLogger', () => {
  test('writes lines of JSON to standard error, none to standard output, nothing late', () => {
    const { stdout, lines } = run(
      'info',
      "logger.info({ port: 1234 }, 'listening'); process.kill(process.pid, 'SIGKILL')",
    )
    assert.equal(stdout, '')
    assert.equal(lines.length, 1)
    const { time, ...line } = lines[0] ?? {}
    assert.deepEqual(line, { level: 30, port: 1234, msg: 'listening' })
    assert.match(String(time), /^\d{4}-\d\d-\d\dT[\d:.]+Z$/)
  })

  for (const [index, level] of LOG_LEVELS.entries()) {
    test(`level ${level} leaves out what is below it`, () => {
      const expected = LOG_LEVELS.slice(index).filter((name) => name !== 'silent')
      assert.deepEqual(
        run(level, everyLevel).lines.map(({ msg }) => msg),
        expected,
      )
    })
  }

  test('a child adds its facts to every line', () => {
    const { lines } = run('info', "logger.child({ room: 'store' }).child({ job: 'j-1' }).warn({ tries: 2 }, 'slow')")
    const [{ room, job, tries } = {}] = lines
    assert.deepEqual([room, job, tries], ['store', 'j-1', 2])
  })

  test('an error among the facts is written with message, stack and code', () => {
    const { lines } = run(
      'info',
      "logger.error({ error: Object.assign(new Error('disk'), { code: 'EIO' }) }, 'failed')",
    )
    const error = lines[0]?.['error'] as Record<string, unknown>
    assert.deepEqual([error['message'], error['code']], ['disk', 'EIO'])
    assert.match(String(error['stack']), /Error: disk\n/)
    assert.equal(run('info', "logger.error({ error: 'words' }, 'failed')").lines[0]?.['error'], 'words')
  })
})

test('silentLogger has the same shape and a child that is as silent', () => {
  silentLogger.child({}).error({}, 'nobody hears')
  assert.equal(silentLogger.child({ room: 'store' }), silentLogger)
})
