// Prints the output of a job while it comes, and goes on when the connection breaks:
//   node examples/sdk/follow-logs.ts http://127.0.0.1:1234
import { openAsBlob } from 'node:fs'
import { createClient } from '@bacalhau/client'
import { exampleJob } from './example-job.ts'
import { nodeUrl } from './node-url.ts'

const client = createClient({ baseUrl: nodeUrl() })
const { CID } = await client.data.addFolder([
  { path: 'module.wasm', content: await openAsBlob('examples/word-count/word-count.wasm') },
  { path: 'inputs/fishing.txt', content: await openAsBlob('examples/word-count/inputs/harbour/fishing.txt') },
])
const { JobID } = await client.jobs.submit(exampleJob('word-count', CID, ['--top', '5']))

const leaving = new AbortController()
process.once('SIGINT', () => leaving.abort())
const options = {
  follow: true,
  signal: leaving.signal,
  onLost: (error: Error) => console.error(`(${error.message}; trying again)`),
}
for await (const { stream, text } of client.jobs.logs(JobID, options)) process[stream].write(text)
