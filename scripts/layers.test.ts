import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, test } from 'node:test'
import { checkImport, checkLayers, ROOMS } from './layers.ts'

const src = 'packages/bacalhau/src'
const allowed = (file: string, target: string) => assert.deepEqual(checkImport(file, target), [])
const refused = (file: string, target: string, problem: string) =>
  assert.deepEqual(checkImport(file, target), [`${file}: ${problem}`])

describe('rooms', () => {
  test('each imports from itself and from those before it, from none after it', () => {
    for (const [from, room] of ROOMS.entries()) {
      const file = `${src}/${room}/a.ts`
      for (const [to, other] of ROOMS.entries()) {
        const target = `../${other}/b.ts`
        if (to <= from) allowed(file, target)
        else refused(file, target, `${room} may not import from ${other} (${target})`)
      }
    }
  })

  test('depth of folders does not matter', () => {
    allowed(`${src}/executors/wasm/worker/a.ts`, '../../../runtime/b.ts')
    refused(`${src}/store/sqlite/a.ts`, '../../cli/b.ts', 'store may not import from cli (../../cli/b.ts)')
    refused(`${src}/store/a.ts`, './../link/b.ts', 'store may not import from link (./../link/b.ts)')
  })

  test('there is no place outside of them, but for what tests share', () => {
    refused(`${src}/api/a.ts`, '../helpers/b.ts', `imports ${src}/helpers/b.ts, which is in no room`)
    refused(`${src}/api/a.ts`, '../b.ts', `imports ${src}/b.ts, which is in no room`)
    allowed(`${src}/api/a.test.ts`, '../testing/b.ts')
  })

  test('a room named like a part of another is another', () => {
    refused(`${src}/store/a.ts`, '../nodes/b.ts', `imports ${src}/nodes/b.ts, which is in no room`)
  })

  test('every folder of the program is a room', async () => {
    const folders = await readdir(path.join(import.meta.dirname, '..', src), { withFileTypes: true })
    const names = folders.filter((entry) => entry.isDirectory()).map(({ name }) => name)
    assert.deepEqual(
      names.filter((name) => name !== 'testing' && !ROOMS.some((room) => room === name)),
      [],
    )
  })
})

describe('packages', () => {
  test('the program uses models and client, the client models, models none', () => {
    allowed(`${src}/api/a.ts`, '@bacalhau/models')
    allowed(`${src}/cli/a.ts`, '@bacalhau/client')
    allowed('packages/client/src/a.ts', '@bacalhau/models')
    refused('packages/client/src/a.ts', '@bacalhau/webui', 'package client may not import @bacalhau/webui')
    refused('packages/models/src/a.ts', '@bacalhau/client', 'package models may not import @bacalhau/client')
    refused('packages/models/src/a.ts', '@bacalhau/models', 'package models may not import @bacalhau/models')
  })

  test('nobody reaches into another by a path', () => {
    const target = '../../../models/src/a.ts'
    refused(`${src}/api/a.ts`, target, `leaves its package by ${target}`)
    allowed(`${src}/runtime/version.ts`, '../../package.json')
  })

  test('models do without Node, except in tests', () => {
    refused('packages/models/src/a.ts', 'node:fs', 'models must not use Node (node:fs)')
    allowed('packages/models/src/a.test.ts', 'node:test')
    allowed(`${src}/runtime/a.ts`, 'node:fs')
    allowed('packages/models/src/a.ts', 'zod')
  })
})

test('a tree is read file by file, every form of import', async (context) => {
  const root = await mkdtemp(path.join(tmpdir(), 'layers-'))
  context.after(() => rm(root, { recursive: true }))
  const write = async (file: string, text: string) => {
    await mkdir(path.join(root, path.dirname(file)), { recursive: true })
    await writeFile(path.join(root, file), text)
  }
  await write(`${src}/runtime/good.ts`, "import { b } from './b.ts'\nimport 'node:fs'\n")
  await write(`${src}/store/static.ts`, "import {\n  a,\n  type B,\n} from '../cli/a.ts'\n")
  await write(`${src}/store/type.ts`, "import type { A } from '../link/a.ts'\n")
  await write(`${src}/store/again.ts`, "export * from '../api/a.ts'\n")
  await write(`${src}/store/lazy.ts`, "const load = () => import('../node/a.ts')\n")
  await write(`${src}/store/effect.ts`, "import '../compute/a.ts'\n")
  await write('packages/models/src/clock.ts', "import { now } from 'node:process'\n")
  await write('packages/bacalhau/bin/outside.ts', "import '../src/cli/a.ts'\n")
  assert.deepEqual((await checkLayers(root)).sort(), [
    `${src}/store/again.ts: store may not import from api (../api/a.ts)`,
    `${src}/store/effect.ts: store may not import from compute (../compute/a.ts)`,
    `${src}/store/lazy.ts: store may not import from node (../node/a.ts)`,
    `${src}/store/static.ts: store may not import from cli (../cli/a.ts)`,
    `${src}/store/type.ts: store may not import from link (../link/a.ts)`,
    'packages/models/src/clock.ts: models must not use Node (node:process)',
  ])
})
