import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ApiError } from '@bacalhau/client'
import type { SpecConfig } from '@bacalhau/models'
import { ask, temporaryApi, wasmJob } from '../testing/api.ts'
import { ManualClock } from '../testing/clock.ts'
import { executionOf } from '../testing/execution.ts'

const JOBS = '/api/v1/orchestrator/jobs'
const put = (body: unknown, headers: Record<string, string> = { 'content-type': 'application/json' }) => ({
  method: 'PUT',
  headers,
  body: typeof body === 'string' ? body : JSON.stringify(body),
})

describe('submission', () => {
  test('takes a job and answers with its id', async (context) => {
    const { url, orchestrator } = await temporaryApi(context)
    const { status, body } = await ask(`${url}${JOBS}`, put({ Job: wasmJob }))
    assert.equal(status, 200)
    const { JobID, EvaluationID, Warnings } = body as { JobID: string; EvaluationID: string; Warnings: unknown }
    assert.match(JobID, /^j-/)
    assert.match(EvaluationID, /^[\da-f]{8}-/)
    assert.equal(Warnings, null)
    assert.equal(orchestrator.submissions[0]?.spec.Name, 'hello')
  })

  test('takes keys of any case, nulls, and what official clients send along', async (context) => {
    const { url, orchestrator } = await temporaryApi(context)
    const job = { name: 'x', TYPE: 'BATCH', meta: null, tasks: [{ name: 'main', engine: { type: 'noop' }, env: null }] }
    const request = put({ job, idempotencyToken: '', credential: null, namespace: 'team', FORCE: false })
    const { status } = await ask(`${url}${JOBS}`, { ...request, method: 'POST' })
    assert.equal(status, 200)
    assert.deepEqual(orchestrator.submissions[0]?.spec.Namespace, 'team')
  })

  test('passes on what was set aside', async (context) => {
    const { client } = await temporaryApi(context)
    const { Warnings } = await client.jobs.submit({ ...wasmJob, ID: 'mine', State: { StateType: 'Undefined' } })
    assert.deepEqual(Warnings, ['job ID is ignored when submitting a batch job'])
  })

  test('remembers which installation sent it, as long as that is a plain name', async (context) => {
    const { url, orchestrator } = await temporaryApi(context)
    const headers = { 'X-Bacalhau-InstallationID': 'i-1', 'X-Bacalhau-InstanceID': 'a b' }
    const body = { Job: { ...wasmJob, Meta: { owner: 'me', 'bacalhau.org/client.installation.id': 'forged' } } }
    assert.equal(
      (await ask(`${url}${JOBS}`, put(body, { 'content-type': 'application/json', ...headers }))).status,
      200,
    )
    assert.deepEqual(orchestrator.submissions[0]?.spec.Meta, {
      owner: 'me',
      'bacalhau.org/client.installation.id': 'i-1',
    })
  })

  test('fields that official clients send around the job are taken, in any letter case', async (context) => {
    const { url, orchestrator } = await temporaryApi(context)
    const body = { job: wasmJob, namespace: '', idempotencyToken: '', credential: null, Later: { a: 1 } }
    assert.equal((await ask(`${url}${JOBS}`, put(body))).status, 200)
    // Without a content type it can only be JSON.
    const bare = { method: 'PUT', body: new Blob([JSON.stringify({ Job: wasmJob, Namespace: 'b' })]) }
    assert.equal((await ask(`${url}${JOBS}`, bare)).status, 200)
    assert.deepEqual(
      orchestrator.submissions.map(({ spec }) => spec.Namespace),
      ['default', 'b'],
    )
  })

  const BAD: readonly [name: string, request: RequestInit, status: number, message: RegExp][] = [
    ['malformed JSON', put('{"Job":'), 400, /not valid JSON/],
    ['no job', put({}), 400, /empty\/nil job/],
    ['a null job', put({ Job: null }), 400, /empty\/nil job/],
    ['no body', { method: 'PUT' }, 400, /empty\/nil job/],
    [
      'an unknown field',
      put({ Job: { ...wasmJob, Cuont: 1 } }),
      400,
      /unknown field 'Cuont' \(did you mean 'Count'\?\)/,
    ],
    ['two mistakes', put({ Job: { ...wasmJob, Type: 'x', Count: -1 } }), 400, /Type: 'x' is not one of[^]*Count: /],
    [
      'another content type',
      put({ Job: wasmJob }, { 'content-type': 'text/plain' }),
      415,
      /application\/json, not text/,
    ],
    [
      'a form',
      put({ Job: wasmJob }, { 'content-type': 'application/x-www-form-urlencoded' }),
      415,
      /application\/json/,
    ],
    ['deep nesting', put(`{"Job":${'['.repeat(100)}${']'.repeat(100)}}`), 400, /deeper than 64/],
    ['too much', put('x'.repeat(10 * 1024 * 1024 + 1)), 413, /too large/],
  ]
  for (const [name, request, status, message] of BAD) {
    test(`${name}: ${status}`, async (context) => {
      const { url, orchestrator } = await temporaryApi(context)
      const answer = await ask(`${url}${JOBS}`, request)
      assert.equal(answer.status, status)
      const body = answer.body as {
        Status: number
        Message: string
        RequestID: string
        Code: string
        Component: string
      }
      assert.match(body.Message, message)
      assert.equal(body.Status, status)
      assert.equal(body.RequestID, '')
      assert.equal(body.Component, 'APIServer')
      assert.equal(orchestrator.submissions.length, 0)
    })
  }

  test('repeats the request id of the caller in an error', async (context) => {
    const { url } = await temporaryApi(context)
    const { body } = await ask(
      `${url}${JOBS}`,
      put('x', { 'content-type': 'application/json', 'x-request-id': 'mine' }),
    )
    assert.equal((body as { RequestID: string }).RequestID, 'mine')
  })
})

describe('job', () => {
  test('is found by id, short id and name, and described with what is asked for', async (context) => {
    const { client, orchestrator } = await temporaryApi(context)
    const { JobID } = await client.jobs.submit(wasmJob)
    orchestrator.addExecution(executionOf(JobID, 'e-1', 'Running'))
    for (const id of [JobID, JobID.slice(0, 10), 'hello']) assert.equal((await client.jobs.get(id)).Job.ID, JobID)
    const plain = await client.jobs.get(JobID)
    assert.equal(plain.History, undefined)
    const { History, Executions } = await client.jobs.get(JobID, { include: ['history', 'executions'] })
    assert.deepEqual(
      History?.Items.map(({ Event }) => Event.Message),
      ['Job submitted'],
    )
    assert.equal(History?.NextToken, '')
    assert.deepEqual(
      Executions?.Items.map(({ ID }) => ID),
      ['e-1'],
    )
  })

  test('is looked up by name in its namespace', async (context) => {
    const { client } = await temporaryApi(context)
    await client.jobs.submit(wasmJob, { namespace: 'team' })
    assert.equal((await client.jobs.get('hello', { namespace: 'team' })).Job.Namespace, 'team')
    await assert.rejects(client.jobs.get('hello'), { status: 404, code: 'NotFound', message: 'job not found: hello' })
  })

  test('may have a name of any characters', async (context) => {
    const { client } = await temporaryApi(context)
    const Name = 'a/b?c=d&é %2F#x'.padEnd(1_000, '!')
    const { JobID } = await client.jobs.submit({ ...wasmJob, Name })
    assert.equal((await client.jobs.get(Name)).Job.ID, JobID)
  })

  test('is shown in each of its versions, with what belongs to it', async (context) => {
    const { client, orchestrator, url } = await temporaryApi(context)
    const { JobID } = await client.jobs.submit(wasmJob)
    orchestrator.addExecution(executionOf(JobID, 'e-1', 'Completed'))
    orchestrator.become(JobID, 'Completed')
    await client.jobs.submit({ ...wasmJob, Count: 2 })
    orchestrator.addExecution(executionOf(JobID, 'e-2', 'Running', { JobVersion: 2 }))
    const versions = await client.jobs.versions('hello')
    assert.deepEqual(
      versions.map(({ Version, Count, State }) => [Version, Count, State.StateType]),
      [
        [1, 1, 'Completed'],
        [2, 2, 'Pending'],
      ],
    )
    const shown = async (version?: number) => {
      const which = version === undefined ? {} : { version }
      const { Job, History, Executions } = await client.jobs.get(JobID, {
        ...which,
        include: ['history', 'executions'],
      })
      return [
        Job.Count,
        History?.Items.map(({ Event }) => Event.Message).join(),
        Executions?.Items.map(({ ID }) => ID).join(),
      ]
    }
    assert.deepEqual(await shown(), [2, 'Job updated', 'e-2'])
    assert.deepEqual(await shown(1), [1, 'Job submitted,Completed', 'e-1'])
    assert.equal((await ask(`${url}${JOBS}/${JobID}?job_version=3`)).status, 404)
    assert.equal((await ask(`${url}${JOBS}/none/versions`)).status, 404)
  })

  test('is compared with a submission of its name', async (context) => {
    const { client, orchestrator, url } = await temporaryApi(context)
    const { JobID } = await client.jobs.submit(wasmJob)
    assert.deepEqual(await client.jobs.diff(wasmJob), { Diff: '', Warnings: null })
    assert.deepEqual(await client.jobs.diff({ ...wasmJob, Count: 5 }), {
      Diff: '- Count: 1\n+ Count: 5',
      Warnings: null,
    })
    assert.equal(orchestrator.submissions.length, 1)
    const diff = async (Job: unknown) => (await ask(`${url}${JOBS}/diff`, put({ Job }))).status
    assert.deepEqual(
      [await diff({ ...wasmJob, Name: '' }), await diff({ ...wasmJob, Name: 'other' }), await diff(undefined)],
      [400, 404, 400],
    )
    assert.equal(await diff({ ...wasmJob, Name: JobID.slice(0, 10) }), 404)
  })

  test('is updated by a submission of its name, and only if something changes or it is forced', async (context) => {
    const { client } = await temporaryApi(context)
    const first = await client.jobs.submit(wasmJob)
    await assert.rejects(client.jobs.submit(wasmJob), { status: 409, message: 'no changes detected' })
    assert.equal((await client.jobs.submit(wasmJob, { force: true })).JobID, first.JobID)
    const { Warnings } = await client.jobs.submit({ ...wasmJob, Count: 2, Type: 'service' })
    assert.deepEqual(Warnings, ['the type of a job cannot be changed: it stays batch'])
    assert.equal((await client.jobs.get('hello')).Job.Version, 3)
  })

  test('is run again, in any of its versions', async (context) => {
    const { client, url } = await temporaryApi(context)
    const { JobID } = await client.jobs.submit(wasmJob)
    const rerun = async (body?: unknown) => {
      const { status, body: answer } = await ask(
        `${url}${JOBS}/hello/rerun`,
        body === undefined ? { method: 'PUT' } : put(body),
      )
      return [status, (answer as { JobVersion?: number }).JobVersion]
    }
    assert.deepEqual(await rerun(), [200, 2])
    assert.deepEqual(await rerun({ jobVersion: 0, reason: '', credential: null, namespace: '' }), [200, 3])
    assert.deepEqual(await rerun({ JobVersion: 9 }), [404, undefined])
    assert.deepEqual(await rerun({ JobVersion: -1 }), [400, undefined])
    assert.deepEqual(await rerun({ Namespace: 'other' }), [404, undefined])
    const again = await client.jobs.rerun(JobID, { version: 1 })
    assert.deepEqual([again.JobID, again.JobVersion], [JobID, 4])
  })

  test('is listed by page, order and namespace', async (context) => {
    const { client, orchestrator, url } = await temporaryApi(context)
    for (const Name of ['a', 'b', 'c']) await client.jobs.submit({ ...wasmJob, Name })
    const first = await client.jobs.list({ limit: 2, reverse: true })
    assert.deepEqual(
      first.Items.map(({ Name }) => Name),
      ['c', 'b'],
    )
    const second = await client.jobs.list({ limit: 2, reverse: true, nextToken: first.NextToken })
    assert.deepEqual(
      second.Items.map(({ Name }) => Name),
      ['a'],
    )
    assert.equal(second.NextToken, '')
    await ask(`${url}${JOBS}?namespace=&next_token=&reverse=False&order_by=&limit=5000`)
    assert.deepEqual(orchestrator.queries.at(-1), { limit: 1_000, reverse: false, order: 'created_at', labels: [] })
    await ask(`${url}${JOBS}?limit=0&order_by=modified_at`)
    assert.deepEqual([orchestrator.queries.at(-1)?.limit, orchestrator.queries.at(-1)?.order], [1_000, 'modified_at'])
    await client.jobs.list({ namespace: 'other' })
    assert.equal(orchestrator.queries.at(-1)?.namespace, 'other')
  })

  test('lists what the official command line asks for, by labels too', async (context) => {
    const { url, orchestrator } = await temporaryApi(context)
    const status = async (query: string) => (await ask(`${url}${JOBS}?${query}`)).status
    assert.equal(await status('limit=10&labels=bacalhau_canary%21%3Dtrue'), 200)
    const canary = { Key: 'bacalhau_canary', Operator: '!=', Values: ['true'] }
    assert.deepEqual(orchestrator.queries.at(-1)?.labels, [canary])
    assert.equal(await status('labels=bacalhau_canary%21%3Dtrue&labels=env%20in%20(a,b),!x&labels='), 200)
    const more = [
      { Key: 'env', Operator: 'in', Values: ['a', 'b'] },
      { Key: 'x', Operator: '!' },
    ]
    assert.deepEqual(orchestrator.queries.at(-1)?.labels, [canary, ...more])
    const { status: refused, body } = await ask(`${url}${JOBS}?labels=a%20in`)
    assert.equal(refused, 400)
    assert.match((body as { Message: string }).Message, /unable to parse label selector 'a in': found the end/)
    // Each requirement is asked of every job.
    assert.equal(await status(`labels=${'k,'.repeat(99)}k`), 200)
    assert.equal(await status(`labels=${'k,'.repeat(99)}k&labels=k`), 400)
    assert.equal(await status('order_by=id'), 400)
    assert.equal(await status('limit=x'), 400)
  })

  test('is stopped with a reason, from the body or the query', async (context) => {
    const { client, orchestrator, url } = await temporaryApi(context)
    const { JobID } = await client.jobs.submit(wasmJob)
    await client.jobs.stop(JobID, 'enough')
    await ask(`${url}${JOBS}/${JobID}?reason=User%20requested`, { method: 'DELETE' })
    assert.deepEqual(
      orchestrator.stopped.map(({ reason }) => reason),
      ['enough', 'User requested'],
    )
    assert.equal((await ask(`${url}${JOBS}/none`, { method: 'DELETE' })).status, 404)
  })

  test('shows its executions in the wanted order', async (context) => {
    const { client, orchestrator, url } = await temporaryApi(context)
    const { JobID } = await client.jobs.submit(wasmJob)
    orchestrator.addExecution(executionOf(JobID, 'e-1', 'Failed', { CreateTime: 1, ModifyTime: 9 }))
    orchestrator.addExecution(executionOf(JobID, 'e-2', 'Running', { CreateTime: 2, ModifyTime: 5 }))
    const ids = async (query: string) => {
      const { body } = await ask(`${url}${JOBS}/${JobID}/executions?${query}`)
      return (body as { Items: { ID: string }[] }).Items.map(({ ID }) => ID)
    }
    assert.deepEqual(
      (await client.jobs.executions(JobID)).map(({ ID }) => ID),
      ['e-1', 'e-2'],
    )
    assert.deepEqual(await ids('order_by=modify_time'), ['e-2', 'e-1'])
    assert.deepEqual(await ids('reverse=true&limit=1'), ['e-2'])
    assert.deepEqual(await ids('job_version=3'), [])
    orchestrator.addExecution(executionOf(JobID, 'e-3', 'Running', { CreateTime: 3, ModifyTime: 1, JobVersion: 2 }))
    assert.deepEqual(await ids(''), ['e-1', 'e-2'])
    assert.deepEqual(await ids('job_version=2'), ['e-3'])
    assert.deepEqual(await ids('all_job_versions=true&order_by=modified_at'), ['e-3', 'e-2', 'e-1'])
  })

  test('shows many executions by the page', async (context) => {
    const { client, orchestrator } = await temporaryApi(context)
    const { JobID } = await client.jobs.submit(wasmJob)
    for (let index = 0; index < 2_500; index++) {
      orchestrator.addExecution(executionOf(JobID, `e-${index}`, 'Running', { CreateTime: index, ModifyTime: -index }))
    }
    const first = await client.jobs.listExecutions(JobID, { limit: 50 })
    const second = await client.jobs.listExecutions(JobID, { limit: 50, nextToken: first.NextToken })
    assert.deepEqual([first.Items.at(-1)?.ID, second.Items[0]?.ID], ['e-49', 'e-50'])
    assert.equal((await client.jobs.listExecutions(JobID)).Items.length, 1_000)
    const all = await client.jobs.executions(JobID)
    assert.deepEqual([all.length, all.at(-1)?.ID], [2_500, 'e-2499'])
    const { Executions } = await client.jobs.get(JobID, { include: ['executions'] })
    assert.deepEqual([Executions?.Items.length, Executions?.NextToken === ''], [1_000, false])
  })

  test('shows the last of many executions first, if that is wanted', async (context) => {
    const { client, orchestrator, url } = await temporaryApi(context)
    const { JobID } = await client.jobs.submit(wasmJob)
    for (let index = 0; index < 1_500; index++) {
      orchestrator.addExecution(executionOf(JobID, `e-${index}`, 'Running', { CreateTime: index, ModifyTime: -index }))
    }
    const { body } = await ask(`${url}${JOBS}/${JobID}/executions?reverse=true&limit=2`)
    const { Items, NextToken } = body as { Items: { ID: string }[]; NextToken: string }
    assert.deepEqual([Items.map(({ ID }) => ID), NextToken], [['e-1499', 'e-1498'], ''])
  })

  test('gives its results, with URLs to copy', async (context) => {
    const { client, orchestrator, url } = await temporaryApi(context)
    const { JobID } = await client.jobs.submit(wasmJob)
    const result = { Type: 'urlDownload', Params: { URL: 'http://a/?b=1&c=<2>' } }
    orchestrator.publish(JobID, result)
    assert.deepEqual(await client.jobs.results(JobID), [result])
    const text = await (await fetch(`${url}${JOBS}/${JobID}/results`)).text()
    assert.ok(text.includes('?b=1&c=<2>'), text)
  })

  test('gives its results as the node opens them for callers', async (context) => {
    const openResult = async ({ Type }: SpecConfig, jobId: string) => ({ Type: `open ${Type}`, Params: { jobId } })
    const { client, orchestrator } = await temporaryApi(context, { openResult })
    const { JobID } = await client.jobs.submit(wasmJob)
    orchestrator.publish(JobID, { Type: 's3' })
    assert.deepEqual(await client.jobs.results(JobID), [{ Type: 'open s3', Params: { jobId: JobID } }])
  })
})

describe('waiting for a job', () => {
  test('ends with the change', async (context) => {
    const { client, orchestrator } = await temporaryApi(context)
    const { JobID } = await client.jobs.submit(wasmJob)
    const changed = client.jobs.waitForChange(JobID, 1)
    orchestrator.become(JobID, 'Running')
    assert.equal((await changed).State.StateType, 'Running')
    assert.equal((await client.jobs.waitForChange(JobID, 1)).Revision, 2)
  })

  test('ends with the time that was given, with the job as it is', async (context) => {
    const clock = new ManualClock()
    const { client, orchestrator, url } = await temporaryApi(context, { clock })
    const { JobID } = await client.jobs.submit(wasmJob)
    const waits = Promise.withResolvers<void>()
    orchestrator.onWait = () => waits.resolve()
    const answer = ask(`${url}${JOBS}/${JobID}?wait=20`)
    await waits.promise
    clock.advance(20_000)
    const { status, body } = await answer
    assert.equal(status, 200)
    assert.equal((body as { Job: { State: { StateType: string } } }).Job.State.StateType, 'Pending')
    assert.equal(clock.waiting, 0)
  })

  test('is given up when the caller hangs up', async (context) => {
    const { client, orchestrator } = await temporaryApi(context)
    const { JobID } = await client.jobs.submit(wasmJob)
    const [waits, gone] = [Promise.withResolvers<void>(), Promise.withResolvers<unknown>()]
    orchestrator.onWait = (signal) => {
      signal.addEventListener('abort', () => gone.resolve(signal.reason))
      waits.resolve()
    }
    const controller = new AbortController()
    const answer = client.jobs.waitForChange(JobID, 1, { signal: controller.signal })
    await waits.promise
    controller.abort()
    await assert.rejects(answer, { name: 'AbortError' })
    await gone.promise
  })

  test('refuses to hold longer than a minute', async (context) => {
    const { client, url } = await temporaryApi(context)
    const { JobID } = await client.jobs.submit(wasmJob)
    assert.equal((await ask(`${url}${JOBS}/${JobID}?wait=61`)).status, 400)
  })

  test('shows every state on the way to the end', async (context) => {
    const { client, orchestrator } = await temporaryApi(context)
    const { JobID } = await client.jobs.submit(wasmJob)
    const seen: string[] = []
    const ended = await client.jobs.wait('hello', {
      onChange: ({ State }) => {
        seen.push(State.StateType)
        if (State.StateType === 'Pending') orchestrator.become(JobID, 'Running')
        if (State.StateType === 'Running') orchestrator.become(JobID, 'Completed')
      },
    })
    assert.deepEqual(seen, ['Pending', 'Running', 'Completed'])
    assert.equal(ended.State.StateType, 'Completed')
  })
})

describe('a node that only computes', () => {
  test('says that it knows nothing of jobs', async (context) => {
    const { client, url } = await temporaryApi(context, { orchestrator: undefined })
    const attempts = [
      () => client.jobs.list(),
      () => client.jobs.submit(wasmJob),
      () => client.nodes.list(),
      () => client.run({ Engine: 'Noop' }),
    ]
    for (const attempt of attempts) {
      await assert.rejects(attempt(), (error) => {
        assert.ok(error instanceof ApiError)
        assert.equal(error.status, 501)
        assert.match(error.message, /only computes/)
        assert.match(error.hint ?? '', /--api-host/)
        return true
      })
    }
    assert.equal((await ask(`${url}/api/v1/agent/alive`)).status, 200)
  })
})
