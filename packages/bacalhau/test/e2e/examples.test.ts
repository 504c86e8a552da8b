// Every example as its README says to run it: by the command line, through a swarm of two processes, results fetched back.
import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { bacalhau, CHECKOUT, createWorld, type NodeProcess, type World } from '../program.ts'

const examples = path.join(CHECKOUT, 'examples')
const NAMES = ['hello', 'word-count', 'csv-transform', 'image-edges', 'mandelbrot', 'n-body']

describe('the examples, from the command line', { timeout: 120_000 }, () => {
  let world: World
  let orchestrator: NodeProcess
  before(async () => {
    world = await createWorld()
    ;({ orchestrator } = await world.swarm())
  })
  after(() => world.end())

  for (const name of NAMES) {
    test(`bacalhau run examples/${name}/job.yaml --download`, async () => {
      const target = path.join(world.folder, name)
      const run = await bacalhau(['run', `examples/${name}/job.yaml`, '--download', target, ...orchestrator.api])
      assert.equal(run.code, 0, run.stderr)
      const expected = await filesBelow(path.join(examples, name, 'expected/outputs'))
      // A job of several executions leaves a folder for each; together they are what is expected.
      const folders = name === 'mandelbrot' ? ['0', '1', '2', '3'] : ['']
      const parts = folders.map((folder) => filesBelow(path.join(target, folder, 'outputs')))
      assert.deepEqual(Object.assign({}, ...(await Promise.all(parts))), expected)
    })
  }

  test('examples/legacy/run.json, as its README sends it', async () => {
    const body = await readFile(path.join(examples, 'legacy/run.json'))
    const answer = await fetch(`${orchestrator.apiUrl}/api/v1/run`, { method: 'POST', body })
    assert.equal(answer.status, 200)
    const { cid } = (await answer.json()) as { cid: string }
    const stdout = await fetch(`${orchestrator.apiUrl}/ipfs/${cid}/stdout`)
    assert.equal(stdout.status, 200)
    assert.match(await stdout.text(), /\S/)
  })

  test('the same job gives the same CID', async () => {
    const cid = async () => {
      const { stdout } = await bacalhau(['run', 'examples/n-body/job.yaml', ...orchestrator.api])
      return /Qm[1-9A-HJ-NP-Za-km-z]{44}/.exec(stdout)?.[0]
    }
    const first = await cid()
    assert.notEqual(first, undefined)
    assert.equal(await cid(), first)
  })
})

/** Contents by path below `folder`. */
async function filesBelow(folder: string): Promise<Record<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name))
  const contents = await Promise.all(
    files.map(async (file) => [path.relative(folder, file), await readFile(file, 'latin1')] as const),
  )
  return Object.fromEntries(contents.toSorted(([a], [b]) => (a < b ? -1 : 1)))
}
