// Submits a job, waits for its end and prints what it wrote:
//   node examples/sdk/submit-and-wait.ts http://127.0.0.1:1234
import { openAsBlob } from 'node:fs'
import { createClient, isApiError } from '@bacalhau/client'
import { exampleJob } from './example-job.ts'
import { nodeUrl } from './node-url.ts'

const client = createClient({ baseUrl: nodeUrl() })
const module = await openAsBlob('examples/hello/hello.wasm')
const { CID } = await client.data.addFolder([
  { path: 'module.wasm', content: module },
  { path: 'inputs/name.txt', content: 'world\nbacalhau\n' },
])

try {
  // Sent once more if the answer gets lost: the client gives it a key by which the node knows it again.
  const { JobID } = await client.jobs.submit(exampleJob('hello', CID))
  const { State } = await client.jobs.wait(JobID, { signal: AbortSignal.timeout(60_000) })
  console.log(JobID, State.StateType)
  for (const { RunOutput } of await client.jobs.executions(JobID)) process.stdout.write(RunOutput?.Stdout ?? '')
} catch (error) {
  if (!isApiError(error, 'NoNodes', 'EngineMissing', 'NotEnoughResources')) throw error
  // `error.code` is one of these three here.
  console.error(`Nobody can run it (${error.code}): ${error.message}\n${error.hint ?? ''}`)
  process.exitCode = 1
}
