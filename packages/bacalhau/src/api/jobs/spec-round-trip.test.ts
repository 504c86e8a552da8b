import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { type Job, parseSubmission } from '@bacalhau/models'
import fc from 'fast-check'
import { parse, stringify } from 'yaml'
import { createOrchestrator } from '../../orchestrator/orchestrator.ts'
import { silentLogger } from '../../runtime/logger.ts'
import { seededRandom } from '../../runtime/random.ts'
import { createVirtualClock } from '../../runtime/virtual-clock.ts'
import { createMemoryStore } from '../../store/memory.ts'
import { anySpec, FAULTS, specOfJob } from '../testing/any-spec.ts'
import { ask, nodeInfo, temporaryApi } from '../testing/api.ts'

const JOBS = '/api/v1/orchestrator/jobs'
const json = (body: unknown) => ({
  method: 'PUT',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
})

/** The API of a real orchestrator, which has no nodes. */
async function realApi(context: TestContext) {
  const orchestrator = await createOrchestrator({
    store: createMemoryStore(),
    clock: createVirtualClock(1_700_000_000_000),
    random: seededRandom(1),
    logger: silentLogger,
    storeGeneration: 'g',
    approval: 'auto',
    joinToken: 'secret',
    self: () => nodeInfo,
    // oxlint-disable-next-line require-yield -- nothing runs here
    logs: async function* () {},
  })
  context.after(() => orchestrator.stop())
  return temporaryApi(context, { orchestrator })
}

describe('a spec', () => {
  test('that is right comes back from YAML, the API and the store as it was meant', async (context) => {
    const { url } = await realApi(context)
    const property = fc.asyncProperty(anySpec, async (written) => {
      const document: unknown = parse(stringify(written))
      const meant = parseSubmission(JSON.parse(JSON.stringify(document)))
      assert.ok(meant.ok, meant.ok ? '' : JSON.stringify(meant.problems))
      const put = await ask(`${url}${JOBS}`, json({ Job: document, Force: true }))
      assert.equal(put.status, 200, JSON.stringify(put.body))
      const { JobID } = put.body as { JobID: string }
      const { Job: job } = (await ask(`${url}${JOBS}/${JobID}`)).body as { Job: Job }
      const named = meant.value.spec.Name !== ''
      // An update of a job leaves its type, and with it its count, as they were.
      if (job.Version > 1) return
      assert.deepEqual(
        specOfJob(job, named),
        JSON.parse(JSON.stringify(specOfJob({ ...meant.value.spec, ID: '' }, named))),
      )
      const again = parseSubmission(specOfJob(job, named))
      assert.ok(again.ok)
      assert.deepEqual(again.value.spec, meant.value.spec)
    })
    await fc.assert(property, { numRuns: 60 })
  })

  test('that is wrong is refused with the path of the fault, and leaves nothing behind', async (context) => {
    const { url } = await realApi(context)
    const property = fc.asyncProperty(anySpec, fc.constantFrom(...FAULTS), async (written, [path, spoil]) => {
      const { status, body } = await ask(`${url}${JOBS}`, json({ Job: spoil(written) }))
      const { Message, Code } = body as { Message: string; Code: string }
      assert.deepEqual([status, Code], [400, 'ValidationError'], Message)
      assert.ok(
        Message.split('\n').some((line) => line.startsWith(`${path}:`)),
        `${path} is not in ${Message}`,
      )
    })
    await fc.assert(property, { numRuns: 100 })
    assert.deepEqual((await ask(`${url}${JOBS}`)).body, { NextToken: '', Items: [] })
  })
})
