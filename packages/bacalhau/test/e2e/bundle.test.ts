// What the release bundle could lose on the way from the sources: libraries that are imported only when they are needed.
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'
import { bacalhau, createWorld } from '../program.ts'

test('the bundle reads and writes YAML', async (context) => {
  const world = await createWorld()
  context.after(() => world.end())
  const { folder } = world
  await writeFile(path.join(folder, 'config.yaml'), 'API: { Port: 4321 }\n')
  const { code, stdout, stderr } = await bacalhau(['config', 'list', '--data-dir', folder, '--output', 'yaml'])
  assert.equal(code, 0, stderr)
  assert.match(stdout, /^API:\n(?: .*\n)* {2}Port: 4321$/m)
})
