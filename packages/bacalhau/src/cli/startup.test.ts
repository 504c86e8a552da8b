import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'

/** Prints, at the end of the process, every module that was loaded. */
const SPY = `
import { registerHooks } from 'node:module'
import { writeFileSync } from 'node:fs'
const loaded = []
registerHooks({ load: (url, context, next) => { loaded.push(url); return next(url, context) } })
process.on('exit', () => writeFileSync(process.env.LOADED, loaded.join('\\n')))
`
const main = path.join(import.meta.dirname, 'main.ts')

let folder: string
before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'startup-'))
  await writeFile(path.join(folder, 'spy.mjs'), SPY)
})
after(() => rm(folder, { recursive: true }))

/** The modules that a command line loads, Node's own left out. */
function modulesOf(...argv: string[]): string[] {
  const list = path.join(folder, 'loaded')
  const { status, stderr } = spawnSync(process.execPath, ['--import', path.join(folder, 'spy.mjs'), main, ...argv], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], LOADED: list, BACALHAU_PATH: path.join(folder, 'data') },
  })
  assert.equal(status, 0, stderr)
  return readFileSync(list, 'utf8')
    .split('\n')
    .filter((url) => url.startsWith('file:') && !url.endsWith('spy.mjs'))
}

/** What a command of everyday use can do without, by a part of the path. */
const HEAVY =
  /node_modules|models\/src\/(?!units|nearest|error-catalogue)|\/(?:content|api|orchestrator|compute|store)\//

describe('commands load no more than they need', () => {
  // The bounds are those of the day on which they were written, with some room: they are here to make growth a decision.
  const bounds: readonly [argv: string[], most: number][] = [
    [['--help'], 38],
    [['--version'], 38],
    [['wasm', 'run', '--help'], 38],
    [['serve', '--help'], 38],
    [['version', '--client'], 68],
    [['id'], 68],
  ]
  for (const [argv, most] of bounds) {
    test(argv.join(' '), () => {
      const modules = modulesOf(...argv)
      assert.ok(modules.length > 5, 'the spy sees nothing')
      assert.ok(modules.length <= most, `${modules.length} modules:\n${modules.join('\n')}`)
      assert.deepEqual(
        modules.filter((url) => HEAVY.test(url)),
        [],
      )
    })
  }

  test('and the spy would notice', () => {
    const modules = modulesOf('config', 'list', '--output', 'yaml')
    assert.ok(modules.some((url) => HEAVY.test(url)))
  })
})
