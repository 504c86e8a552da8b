// Runs one job in four parts and tells, by the event stream, how far they are:
//   node examples/sdk/array-progress.ts http://127.0.0.1:1234
import { openAsBlob } from 'node:fs'
import { createClient, hasEnded } from '@bacalhau/client'
import { exampleJob } from './example-job.ts'
import { nodeUrl } from './node-url.ts'

const client = createClient({ baseUrl: nodeUrl() })
const { CID } = await client.data.addFolder([
  { path: 'module.wasm', content: await openAsBlob('examples/mandelbrot/mandelbrot.wasm') },
  { path: 'inputs/none', content: '' },
])

const events = client.jobs.events()[Symbol.asyncIterator]()
// The first event says that the stream stands: nothing that happens from here on is missed.
await events.next()
const { JobID } = await client.jobs.submit({ ...exampleJob('mandelbrot', CID), Count: 4 })

for (let step = await events.next(); step.done !== true; step = await events.next()) {
  if (step.value.type !== 'job' || step.value.job.JobID !== JobID) continue
  const { State, Progress } = step.value.job
  const parts = Progress === undefined ? '' : `${Progress.Completed} of ${Progress.Total}, ${Progress.Running} running`
  console.log(State.StateType, parts)
  if (hasEnded({ State })) break
}
await events.return?.()
