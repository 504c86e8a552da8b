import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { Validator } from '@seriousme/openapi-schema-validator'
import { createClient } from '@bacalhau/client'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import { ask, temporaryApi, wasmJob } from '../testing/api.ts'
import { executionOf } from '../testing/execution.ts'
import { DETAILS } from './details.ts'

interface Operation {
  readonly operationId: string
  readonly parameters?: readonly { readonly name: string; readonly in: string }[]
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, { schema?: object }>> }>>
}
interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: object }
}

async function document(context: TestContext) {
  const api = await temporaryApi(context)
  const { status, headers, body } = await ask(`${api.url}/api/v1/openapi.json`)
  assert.deepEqual([status, headers.get('content-type')], [200, 'application/json'])
  const text = body as Document
  const operations = Object.entries(text.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  )
  return { ...api, document: text, operations }
}

describe('the OpenAPI document', () => {
  test('is valid', async (context) => {
    const { document: text } = await document(context)
    const result = await new Validator().validate({ ...text })
    assert.deepEqual([result.valid, result.errors], [true, undefined])
  })

  test('describes every answer, and nothing that is not there', async (context) => {
    const { operations } = await document(context)
    const bare = operations.filter(({ operation }) => {
      const success = operation.responses['200'] ?? operation.responses['101']
      return success === undefined || (operation.responses['200'] !== undefined && !('content' in success))
    })
    assert.deepEqual(
      bare.map(({ method, path }) => `${method} ${path}`),
      [],
    )
    const known = new Set(operations.map(({ method, path }) => `${method.toUpperCase()} ${path}`))
    const orphans = Object.keys(DETAILS).filter(
      (key) => !known.has(key.replaceAll(/:(\w+)/g, '{$1}').replace(/\*$/, '{path}')),
    )
    assert.deepEqual(orphans, [])
  })

  test('names each operation once', async (context) => {
    const { operations } = await document(context)
    const ids = operations.map(({ operation }) => operation.operationId)
    assert.equal(new Set(ids).size, ids.length)
    assert.ok(ids.every((id) => /^[a-z]\w+$/.test(id)))
  })

  test('lets every field of a body that may be absent be null, as the routes do', async (context) => {
    const { document: text } = await document(context)
    const ajv = new Ajv2020({ strict: false, validateFormats: false })
    const { components } = text
    const allows = (name: string, body: object) =>
      ajv.validate({ $ref: `#/components/schemas/${name}`, components }, body)
    const Tasks = [{ Name: 'main', Engine: { Type: 'wasm', Params: null }, Publisher: null, Network: null }]
    assert.ok(allows('JobSpec', { Type: 'batch', Count: null, Labels: null, Constraints: null, Tasks }))
    assert.ok(!allows('JobSpec', { Type: null, Tasks }))
    assert.ok(!allows('JobSpec', { Type: 'batch', Tasks: [null] }))
  })

  test('refers to nothing that is missing', async (context) => {
    const { document: text } = await document(context)
    const found = [...JSON.stringify(text).matchAll(/"\$ref":"#\/([^"]+)"/g)].map((match) => match[1] ?? '')
    assert.ok(found.length > 50)
    for (const path of new Set(found)) {
      const target = path.split('/').reduce<unknown>((node, key) => (node as Record<string, unknown>)[key], text)
      assert.equal(typeof target, 'object', path)
    }
  })
})

/** Checks answers against what the document says of them. */
function checker({ paths, components }: Document) {
  const ajv = new Ajv2020({ strict: false, validateFormats: false })
  const compiled = new Map<string, ValidateFunction>()
  return (key: string, status: number, body: unknown) => {
    const [method = '', path = ''] = key.split(' ')
    const response = paths[path]?.[method]?.responses[status]
    assert.ok(response, `${key}: ${status} is not described`)
    const schema = response.content?.['application/json']?.schema ?? { $ref: '#/components/schemas/Error' }
    const validate = compiled.get(`${key} ${status}`) ?? ajv.compile({ ...schema, components })
    compiled.set(`${key} ${status}`, validate)
    assert.ok(validate(body), `${key} ${status}: ${JSON.stringify(validate.errors)} ${JSON.stringify(body)}`)
  }
}

async function* bytes(text: string) {
  yield Buffer.from(text)
}

test('answers are what the document says', async (context) => {
  const { document: text, url, orchestrator, content } = await document(context)
  const check = checker(text)
  const client = createClient({ baseUrl: url })
  const { JobID } = await client.jobs.submit(wasmJob)
  orchestrator.addExecution(executionOf(JobID, 'e-1', 'Completed'))
  orchestrator.publish(JobID, { Type: 'ipfs', Params: { CID: 'Qm' } })
  orchestrator.become(JobID, 'Completed', 'done', { a: 'b' })
  const { cid } = await content.add(bytes('hello'), { wrap: 'a.txt' })
  const jobs = '/api/v1/orchestrator/jobs'
  const json = (body: object) => ({ headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
  const requests: readonly [key: string, path: string, init?: RequestInit][] = [
    [`put ${jobs}`, jobs, json({ Job: { ...wasmJob, Count: 2 } })],
    [`put ${jobs}`, jobs, json({ Job: { ...wasmJob, Count: 2 } })],
    [`put ${jobs}`, jobs, json({ Job: {} })],
    [`post ${jobs}/bulk`, `${jobs}/bulk`, json({ Jobs: [{ ...wasmJob, Name: 'x' }, {}] })],
    [`put ${jobs}/diff`, `${jobs}/diff`, json({ Job: { ...wasmJob, Count: 3 } })],
    [`put ${jobs}/{id}/rerun`, `${jobs}/${JobID}/rerun`, json({})],
    [`get ${jobs}`, jobs],
    [`get ${jobs}/{id}`, `${jobs}/${JobID}?include=history,executions`],
    [`get ${jobs}/{id}`, `${jobs}/nothing`],
    [`get ${jobs}/{id}`, `${jobs}/${JobID}?wait=much`],
    [`get ${jobs}/{id}/history`, `${jobs}/${JobID}/history`],
    [`get ${jobs}/{id}/executions`, `${jobs}/${JobID}/executions?all_job_versions=true`],
    [`get ${jobs}/{id}/versions`, `${jobs}/${JobID}/versions`],
    [`get ${jobs}/{id}/results`, `${jobs}/${JobID}/results`],
    [`get ${jobs}/{id}/logs`, `${jobs}/${JobID}/logs`],
    [`delete ${jobs}/{id}`, `${jobs}/${JobID}`],
    ['get /api/v1/orchestrator/nodes', '/api/v1/orchestrator/nodes'],
    ['get /api/v1/orchestrator/nodes/{id}', '/api/v1/orchestrator/nodes/nobody'],
    ['get /api/v1/agent/alive', '/api/v1/agent/alive'],
    ['get /api/v1/agent/version', '/api/v1/agent/version'],
    ['get /api/v1/agent/node', '/api/v1/agent/node'],
    ['get /api/v1/peer', '/api/v1/peer'],
    ['get /api/v1/id', '/api/v1/id'],
    ['put /api/v1/data', '/api/v1/data', { body: 'data' }],
    ['get /api/v1/data/ls', `/api/v1/data/ls?cid=${cid.toString()}`],
    ['get /api/v1/data/ls', '/api/v1/data/ls'],
    ['get /api/v1/data/pins', '/api/v1/data/pins'],
    ['delete /api/v1/data/pins/{cid}', `/api/v1/data/pins/${cid.toString()}`],
    ['post /api/v1/data/gc', '/api/v1/data/gc'],
  ]
  for (const [key, path, init = {}] of requests) {
    const { status, body } = await ask(`${url}${path}`, { method: key.split(' ')[0]?.toUpperCase() ?? '', ...init })
    check(key, status, body)
  }
})

describe('the page', () => {
  test('loads nothing from elsewhere, and nobody frames it', async (context) => {
    const { url } = await temporaryApi(context)
    for (const [path, type] of [
      ['/docs', 'text/html; charset=utf-8'],
      ['/docs/style.css', 'text/css; charset=utf-8'],
      ['/docs/script.js', 'text/javascript; charset=utf-8'],
    ] as const) {
      const response = await fetch(`${url}${path}`)
      const policy = response.headers.get('content-security-policy') ?? ''
      assert.deepEqual([response.status, response.headers.get('content-type')], [200, type])
      assert.match(policy, /^default-src 'none'; /)
      assert.match(policy, /frame-ancestors 'none'/)
      assert.doesNotMatch(policy, /unsafe|\*|http/)
      assert.doesNotMatch(await response.text(), /(?:src|href|url\()=?["'(](?:https?:)?\/\//)
    }
  })

  test('shows every operation', async (context) => {
    const { url, operations } = await document(context)
    const page = await (await fetch(`${url}/docs`)).text()
    for (const { operation } of operations)
      assert.ok(page.includes(`id="${operation.operationId}"`), operation.operationId)
    assert.equal(page.match(/<details class="item" id="schema-/g)?.length, page.match(/id="schema-/g)?.length)
  })
})
