import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { describe, test } from 'node:test'

/** Runs a few lines in a process of their own, with `io` as the command has it. */
function inProcess(lines: string) {
  const code = `
    const { processIo } = await import(${JSON.stringify(import.meta.resolve('./io.ts'))})
    const { systemClock } = await import(${JSON.stringify(import.meta.resolve('../runtime/clock.ts'))})
    const io = processIo(process, systemClock)
    ${lines}`
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', code], {
    encoding: 'utf8',
  })
  return { status, stdout, stderr }
}

describe('the outer world of a process', () => {
  test('is left with its last words, however the process ends', () => {
    const left = inProcess(`await io.out.write('begun,'); io.out.lastWords('in order'); process.exit(3)`)
    assert.deepEqual(left, { status: 3, stdout: 'begun,in order', stderr: '' })
    const failed = inProcess(`io.err.lastWords('in order'); throw new Error('unforeseen')`)
    assert.equal(failed.status, 1)
    assert.ok(failed.stderr.includes('in order'))
  })

  test('and without them when they have been taken back', () => {
    const left = inProcess(`io.out.lastWords('in order')(); process.exit(0)`)
    assert.deepEqual(left, { status: 0, stdout: '', stderr: '' })
  })

  test('is no terminal in a pipe, whatever its size is then', () => {
    const { stdout } = inProcess(
      `await io.out.write(JSON.stringify([io.out.isTerminal ?? false, io.out.redraws ?? false, io.out.columns, io.out.rows]))`,
    )
    assert.deepEqual(JSON.parse(stdout), [false, false, 80, 24])
  })
})
