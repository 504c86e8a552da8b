import assert from 'node:assert/strict'
import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import type { SpecConfig } from '@bacalhau/models'
import { temporaryFolder } from '../content/testing/temporary.ts'
import { isBacalhauError } from '../runtime/error.ts'
import type { Publisher } from './publisher.ts'

export interface PublisherHarness {
  readonly publisher: Publisher
  /** A `Publisher` of a task. */
  readonly spec: SpecConfig
  /** Gets what was published: paths of files with their text. */
  readonly fetch: (result: SpecConfig) => Promise<Readonly<Record<string, string>>>
}

/** What every publisher promises; see `publisher.ts`. */
export function describePublisher(name: string, setUp: (context: TestContext) => Promise<PublisherHarness>): void {
  const { signal } = new AbortController()
  const request = (folder: string, spec: SpecConfig) => ({
    orchestrator: 'QmO',
    jobId: 'j-1',
    executionId: 'e-1',
    folder,
    spec,
  })

  describe(`${name} as a publisher`, () => {
    test('is available, and has a type in lower case', async (context) => {
      const { publisher, spec } = await setUp(context)
      assert.equal(await publisher.available(), true)
      assert.ok(publisher.type !== '' && publisher.type === spec.Type.toLowerCase())
      publisher.validate(spec)
    })

    test('publishes everything in the folder, and leaves it as it was', async (context) => {
      const { publisher, spec, fetch } = await setUp(context)
      const files = { stdout: 'out', stderr: '', exitCode: '0', 'outputs/a/b': 'deep', 'outputs/.hidden': 'too' }
      const folder = await resultFolder(context, files)
      const before = (await readdir(folder, { recursive: true })).toSorted()
      assert.deepEqual(await fetch(await publisher.publish(request(folder, spec), signal)), files)
      assert.deepEqual((await readdir(folder, { recursive: true })).toSorted(), before)
    })

    test('publishes again what was published before', async (context) => {
      const { publisher, spec, fetch } = await setUp(context)
      const files = { stdout: 'same' }
      const publish = async () => publisher.publish(request(await resultFolder(context, files), spec), signal)
      for (const result of await Promise.all([publish(), publish()])) assert.deepEqual(await fetch(result), files)
    })

    test('follows no link', async (context) => {
      const { publisher, spec, fetch } = await setUp(context)
      const secret = await resultFolder(context, { secret: 'secret' })
      const folder = await resultFolder(context, { stdout: 'out' })
      await symlink(path.join(secret, 'secret'), path.join(folder, 'file'))
      await symlink(secret, path.join(folder, 'folder'))
      await symlink('/nowhere', path.join(folder, 'dangling'))
      assert.deepEqual(await fetch(await publisher.publish(request(folder, spec), signal)), { stdout: 'out' })
    })

    test('says so when there is nothing to publish', async (context) => {
      const { publisher, spec } = await setUp(context)
      const nowhere = path.join(await temporaryFolder(context), 'nowhere')
      await assert.rejects(
        publisher.publish(request(nowhere, spec), signal),
        (error) => isBacalhauError(error) && error.code === 'PublishFailed',
      )
    })

    test('stops when it is told to', async (context) => {
      const { publisher, spec } = await setUp(context)
      const folder = await resultFolder(context, { stdout: 'out' })
      const stopped = AbortSignal.abort(new Error('stopped'))
      await assert.rejects(publisher.publish(request(folder, spec), stopped), /stopped/)
    })
  })
}

async function resultFolder(context: TestContext, files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await temporaryFolder(context)
  for (const [name, text] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(folder, name)), { recursive: true })
    await writeFile(path.join(folder, name), text)
  }
  return folder
}
