import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ClientEvent, createClient, isApiError } from '../src/index.ts'
import { flakyProxy } from './flaky-proxy.ts'
import { helloJob } from './hello-job.ts'
import { helloFiles, realNode } from './real-node.ts'

test('a program uses a node from beginning to end', { timeout: 60_000 }, async (context) => {
  const node = await realNode(context)
  const client = createClient({ baseUrl: node.url })
  const { module, names } = await helloFiles()
  const inputs = await client.data.addFolder([
    { path: 'hello.wasm', content: module },
    { path: 'inputs/name.txt', content: names },
  ])

  const leaving = new AbortController()
  const events: ClientEvent[] = []
  const lost: string[] = []
  const watching = (async () => {
    const options = { history: true, signal: leaving.signal, onLost: () => lost.push('lost') }
    for await (const event of client.jobs.events(options)) events.push(event)
  })().catch(() => {})

  await context.test('submits once, however often it is sent', async () => {
    const once = { idempotencyKey: 'one-of-a-kind' }
    const first = await client.jobs.submit(helloJob(inputs.CID), once)
    const again = await client.jobs.submit(helloJob(inputs.CID), once)
    assert.equal(again.JobID, first.JobID)
    const job = await client.jobs.wait(first.JobID)
    assert.deepEqual([job.State.StateType, job.ID], ['Completed', first.JobID])
  })

  await context.test('reads output and verified results', async () => {
    const { JobID } = await client.jobs.submit(helloJob(inputs.CID))
    const parts = await Array.fromAsync(client.jobs.logs(JobID, { follow: true }))
    const text = parts.map(({ text }) => text).join('')
    assert.match(text, /Hello, world!/)
    await client.jobs.wait(JobID)
    const files: Record<string, string> = {}
    for await (const entry of client.data.results(JobID)) {
      if (entry.kind !== 'file') continue
      files[entry.path] = Buffer.concat(await Array.fromAsync(entry.content())).toString()
    }
    assert.equal(files['stdout'], text)
    assert.match(files['outputs/greeting.txt'] ?? '', /bacalhau/)
  })

  await context.test('submits many, and waits for all of them', async () => {
    const results = await client.jobs.submitAll([helloJob(inputs.CID), { Type: 'none' }, helloJob(inputs.CID)])
    assert.deepEqual(
      results.map(({ ok }) => ok),
      [true, false, true],
    )
    const bad = results[1]
    assert.ok(bad?.ok === false && isApiError(bad.error, 'ValidationError', 'BadRequest'))
    const ids = results.flatMap((result) => (result.ok ? [result.job.JobID] : []))
    const ended = await client.jobs.waitAll(ids)
    assert.deepEqual(
      ended.map(({ ID, State }) => [ID, State.StateType]),
      ids.map((id) => [id, 'Completed']),
    )
    const page = await client.jobs.list({ labels: 'example=hello', reverse: true, limit: 2 })
    assert.deepEqual(new Set(page.Items.map(({ ID }) => ID)), new Set(ids))
    assert.equal((await Array.fromAsync(client.jobs.all({ limit: 2 }))).length, 4)
  })

  await context.test('does all of it over connections that break again and again', async (context) => {
    const { JobID } = await client.jobs.submit(helloJob(inputs.CID))
    await client.jobs.wait(JobID)
    const proxy = await flakyProxy(context, node.url, 150)
    const after = (delay: number, action: () => void) => {
      const timer = setTimeout(action, delay < 15_000 ? 1 : delay)
      return () => clearTimeout(timer)
    }
    const flaky = createClient({ baseUrl: proxy.url, after, retry: { tries: 100 } })
    const text = async (from: typeof client) =>
      (await Array.fromAsync(from.jobs.logs(JobID, { follow: true }))).map(({ text }) => text).join('')
    assert.equal(await text(flaky), await text(client))
    assert.equal((await flaky.jobs.wait(JobID)).State.StateType, 'Completed')
    const module = await Array.fromAsync(flaky.data.read(`${inputs.CID}/hello.wasm`))
    assert.ok(Buffer.concat(module).equals((await helloFiles()).module))
    context.diagnostic(`${proxy.broken()} connections broke`)
    assert.ok(proxy.broken() > 3)

    // The answer is cut off in its headers, and then once more: the node has long taken the job.
    const second = await flakyProxy(context, node.url, 100)
    const once = createClient({ baseUrl: second.url, after })
    const { JobID: again } = await once.jobs.submit(helloJob(inputs.CID))
    assert.ok(second.broken() > 0)
    assert.equal((await client.jobs.wait(again)).State.StateType, 'Completed')
    assert.equal((await Array.fromAsync(client.jobs.all())).length, 6, 'nothing was submitted twice')
  })

  await context.test('goes on when the node is started again', async () => {
    const { JobID } = await client.jobs.submit(helloJob(inputs.CID))
    const seen = Promise.withResolvers<void>()
    const waiting = client.jobs.wait(JobID, { onChange: () => seen.resolve() })
    await seen.promise
    await node.kill()
    await node.restart()
    assert.equal((await waiting).State.StateType, 'Completed')
    // Either the end itself is told, or that one has to look again.
    const isTold = (event: ClientEvent) =>
      event.type === 'reset' ||
      (event.type === 'job' && event.job.JobID === JobID && event.job.State.StateType === 'Completed')
    for (const deadline = Date.now() + 20_000; !events.some(isTold) && Date.now() < deadline;) {
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    assert.ok(events.some(isTold), 'the event stream tells it, too')
    assert.ok(lost.length > 0)
    assert.equal(events.filter(({ type }) => type === 'ready').length, 1)
    const history = events.flatMap((event) =>
      event.type === 'history' ? [`${event.event.JobID} ${event.event.SeqNum}`] : [],
    )
    assert.ok(history.length > 0)
    assert.equal(new Set(history).size, history.length, 'nothing is told twice')
  })

  await context.test('makes tokens, looks at nodes, and is told what is wrong', async () => {
    const { Token, Info } = await client.tokens.create({ name: 'test', scope: 'read' })
    const reader = createClient({ baseUrl: node.url, token: Token })
    assert.equal((await reader.tokens.whoami()).Kind, 'token')
    await assert.rejects(reader.jobs.submit(helloJob(inputs.CID)), (error) => isApiError(error, 'Forbidden'))
    assert.deepEqual(
      (await client.tokens.list()).map(({ ID }) => ID),
      [Info.ID],
    )
    await client.tokens.revoke(Info.ID)
    await assert.rejects(reader.jobs.list(), (error) => isApiError(error, 'Unauthorized'))
    const [own] = await client.nodes.list({ status: 'connected', approval: 'approved' })
    assert.equal(own?.Info.NodeID, (await client.agent.node()).NodeID)
    assert.equal(typeof (await client.agent.config()), 'object')
    await assert.rejects(client.jobs.get('nobody'), (error) => {
      assert.ok(isApiError(error, 'NotFound'))
      assert.ok(error.hint !== undefined && error.requestId !== undefined && !error.retryable)
      return true
    })
  })
  leaving.abort()
  await watching
})
