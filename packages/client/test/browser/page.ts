// What the test's page does: everything that a web application would, with nothing but the client.
import { type ClientEvent, createClient, isApiError } from '../../src/index.ts'
import { helloJob } from '../hello-job.ts'

/** What the page found out, as plain data. */
export interface Findings {
  readonly version: string
  readonly sameFolder: boolean
  readonly streamed: number
  readonly states: readonly string[]
  readonly told: readonly string[]
  readonly output: string
  readonly results: Readonly<Record<string, string>>
  readonly refusal: readonly (string | boolean)[]
  readonly tampered: string
  readonly stopped: string
}

async function text(content: AsyncIterable<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder()
  let whole = ''
  for await (const chunk of content) whole += decoder.decode(chunk, { stream: true })
  return whole + decoder.decode()
}

async function explore(baseUrl: string, token: string, module: string, names: string): Promise<Findings> {
  const client = createClient({ baseUrl, token })
  const bytes = Uint8Array.from(atob(module), (letter) => letter.charCodeAt(0))
  const folder = () =>
    client.data.addFolder([
      { path: 'hello.wasm', content: new Blob([bytes]) },
      { path: 'inputs/name.txt', content: names },
    ])
  const { CID } = await folder()
  const streamed = await client.data.add(new Blob([bytes]).stream())

  const leaving = new AbortController()
  const events: ClientEvent[] = []
  const watching = (async () => {
    for await (const event of client.jobs.events({ signal: leaving.signal })) events.push(event)
  })()
  while (events.length === 0) await new Promise((resolve) => setTimeout(resolve, 10))

  const { JobID } = await client.jobs.submit(helloJob(CID))
  const states: string[] = []
  const [parts, job] = await Promise.all([
    Array.fromAsync(client.jobs.logs(JobID, { follow: true })),
    client.jobs.wait(JobID, { onChange: ({ State }) => states.push(State.StateType) }),
  ])
  const isEnd = (event: ClientEvent) => event.type === 'job' && event.job.State.StateType === job.State.StateType
  while (!events.some(isEnd)) await new Promise((resolve) => setTimeout(resolve, 10))
  const results: Record<string, string> = {}
  for await (const entry of client.data.results(JobID)) {
    if (entry.kind === 'file') results[entry.path] = await text(entry.content())
  }
  leaving.abort(new Error('seen enough'))
  return {
    version: (await client.agent.version()).GitVersion,
    sameFolder: (await folder()).CID === CID,
    streamed: streamed.Bytes,
    states,
    told: events.map((event) => (event.type === 'job' ? event.job.State.StateType : event.type)),
    output: parts.map(({ text }) => text).join(''),
    results,
    refusal: await refusalOf(() => client.jobs.get('nobody')),
    tampered: await tampered(baseUrl, token, `${CID}/inputs/name.txt`),
    stopped: await watching.then(
      () => '',
      (error: unknown) => (error instanceof Error ? error.message : 'something else'),
    ),
  }
}

async function refusalOf(call: () => Promise<unknown>): Promise<(string | boolean)[]> {
  try {
    await call()
    return []
  } catch (error) {
    if (!isApiError(error, 'NotFound')) throw error
    return [error.code, error.hint !== undefined, error.requestId !== undefined]
  }
}

/** Somebody on the way changes one byte of what a file consists of. */
async function tampered(baseUrl: string, token: string, path: string): Promise<string> {
  const client = createClient({
    baseUrl,
    token,
    fetch: async (url, init) => {
      const answer = await fetch(url, init)
      const bytes = new Uint8Array(await answer.arrayBuffer())
      bytes.set([(bytes.at(-1) ?? 0) ^ 1], bytes.length - 1)
      return new Response(bytes, answer)
    },
  })
  try {
    return await text(client.data.read(path))
  } catch (error) {
    return isApiError(error) ? error.code : String(error)
  }
}

Object.assign(globalThis, { explore })
