import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import type { Orchestrator } from '../../orchestrator/service.ts'
import { scoped } from './scoped.ts'
import { temporaryApi, wasmJob } from '../testing/api.ts'

/** An API with a job in each of two namespaces, and a client that may use one of them. */
async function twoNamespaces(context: TestContext) {
  const { url, client, orchestrator } = await temporaryApi(context)
  const submit = async (Namespace: string) =>
    (await client.jobs.submit({ ...wasmJob, Name: `of-${Namespace}`, Namespace })).JobID
  const [own, foreign] = [await submit('own'), await submit('foreign')]
  const { Token } = await client.tokens.create({ namespaces: ['own', 'empty'] })
  const headers = { authorization: `Bearer ${Token}`, 'content-type': 'application/json' }
  const ask = async (method: string, path: string, json?: object) => {
    const body = json === undefined ? {} : { body: JSON.stringify(json) }
    const response = await fetch(`${url}/api/v1/orchestrator/${path}`, { method, headers, ...body })
    return { status: response.status, text: await response.text() }
  }
  return { ask, own, foreign, orchestrator, client }
}

/** Everything that one can ask of a job. */
const OF_A_JOB: readonly [method: string, path: (id: string) => string][] = [
  ['GET', (id) => `jobs/${id}`],
  ['GET', (id) => `jobs/${id}?include=history,executions`],
  ['GET', (id) => `jobs/${id}/history`],
  ['GET', (id) => `jobs/${id}/executions`],
  ['GET', (id) => `jobs/${id}/versions`],
  ['GET', (id) => `jobs/${id}/results`],
  ['PUT', (id) => `jobs/${id}/rerun`],
  ['DELETE', (id) => `jobs/${id}`],
]

describe('a token of some namespaces', () => {
  test('is told of no job of another one, by whatever name', async (context) => {
    const { ask, foreign, client } = await twoNamespaces(context)
    for (const [method, path] of OF_A_JOB) {
      for (const name of [foreign, foreign.slice(0, 8), 'of-foreign']) {
        for (const namespace of ['', 'foreign']) {
          const address = path(name)
          const query = namespace === '' ? '' : `${address.includes('?') ? '&' : '?'}namespace=${namespace}`
          const { status, text } = await ask(method, `${address}${query}`)
          assert.equal(status, 404, `${method} ${address}${query}: ${text}`)
          assert.ok(!text.replaceAll(foreign, '').includes(wasmJob.Tasks[0]?.Name ?? ''))
        }
      }
    }
    assert.equal((await client.jobs.get(foreign)).Job.State.StateType, 'Pending')
  })

  test('does with its own jobs what it likes', async (context) => {
    const { ask, own } = await twoNamespaces(context)
    for (const [method, path] of OF_A_JOB.filter(([method]) => method === 'GET')) {
      assert.equal((await ask(method, path(own))).status, 200, path(own))
    }
    assert.equal((await ask('GET', 'jobs/of-own?namespace=own')).status, 200)
    assert.equal((await ask('DELETE', `jobs/${own}`)).status, 200)
  })

  test('finds its own, whoever names a job like theirs in the default namespace', async (context) => {
    const { ask, own, client } = await twoNamespaces(context)
    for (const Name of [own.slice(0, 10), 'of-own']) await client.jobs.submit({ ...wasmJob, Name })
    for (const name of [own, own.slice(0, 10), 'of-own']) {
      const { status, text } = await ask('GET', `jobs/${name}`)
      assert.equal(status, 200, `${name}: ${text}`)
      assert.equal((JSON.parse(text) as { Job: { ID: string } }).Job.ID, own)
    }
  })

  test('lists its own', async (context) => {
    const { ask, own } = await twoNamespaces(context)
    const idsOf = (text: string) =>
      (JSON.parse(text) as { Items: { ID: string }[] | null }).Items?.map(({ ID }) => ID) ?? []
    for (const query of ['', '?namespace=*', '?namespace=own']) {
      assert.deepEqual(idsOf((await ask('GET', `jobs${query}`)).text), [own], query)
    }
    assert.deepEqual(idsOf((await ask('GET', 'jobs?namespace=foreign')).text), [])
  })

  test('submits to its own', async (context) => {
    const { ask, orchestrator } = await twoNamespaces(context)
    const before = orchestrator.submissions.length
    for (const Namespace of ['foreign', 'default', '', undefined]) {
      const { status, text } = await ask('PUT', 'jobs', { Job: { ...wasmJob, Namespace } })
      assert.equal(status, 403, `${Namespace}: ${text}`)
      assert.match(text, /you may use the namespaces own, empty/)
      // Whether there is a job of the name is not told either.
      const diff = await ask('PUT', 'jobs/diff', { Job: { ...wasmJob, Name: 'of-foreign', Namespace } })
      assert.ok([403, 404].includes(diff.status), diff.text)
    }
    assert.equal(orchestrator.submissions.length, before)
    assert.equal((await ask('PUT', 'jobs', { Job: { ...wasmJob, Namespace: 'empty' } })).status, 200)
    const bulk = await ask('POST', 'jobs/bulk', {
      Jobs: [
        { ...wasmJob, Namespace: 'foreign' },
        { ...wasmJob, Name: 'x', Namespace: 'own' },
      ],
    })
    const items = (JSON.parse(bulk.text) as { Items: { JobID?: string; Error?: { Code: string } }[] }).Items
    assert.deepEqual([items[0]?.Error?.Code, typeof items[1]?.JobID], ['Forbidden', 'string'])
  })

  test('is the only one who sees less', async (context) => {
    const { orchestrator } = await temporaryApi(context)
    assert.equal(scoped(orchestrator, { namespaces: 'all' }), orchestrator)
    const view: Orchestrator = scoped(orchestrator, { namespaces: ['own'] })
    await assert.rejects(view.getJob('x'), { code: 'NotFound' })
    assert.deepEqual(view.nodes(), orchestrator.nodes())
  })
})
