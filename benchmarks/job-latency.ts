// From submission to known result, one job after the other: an orchestrator and a compute node in two processes on loopback,
// no-op WebAssembly job over the REST API, warm. `--jobs <n>` sets how many (200).
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { createClient } from '@bacalhau/client'
import { createWorld } from '../packages/bacalhau/test/program.ts'
import { report, summarise } from './stats.ts'

const { values } = parseArgs({ options: { jobs: { type: 'string', default: '200' } } })
const jobs = Number(values.jobs)

/** A module whose `_start` does nothing: header, type ()→(), one function, its export, its empty body. */
const NOOP = Buffer.from(
  '0061736d010000000104016000000302010007 0a01065f73746172740000 0a040102000b'.replaceAll(' ', ''),
  'hex',
)
const hello = await readFile(path.join(import.meta.dirname, '../examples/hello/hello.wasm'))

const world = await createWorld()
try {
  const { orchestrator } = await world.swarm()
  const client = createClient({ baseUrl: orchestrator.apiUrl })
  await measure('no-op module, 36 bytes', spec(NOOP, ''), 'under 15 ms')
  await measure('no-op module, results published to IPFS', spec(NOOP, 'ipfs'), '-')
  await measure('hello module with its C library', spec(hello, ''), '-')

  async function measure(what: string, job: object, goal: string): Promise<void> {
    const times: number[] = []
    for (let run = 0; run < jobs + 20; run++) {
      const begin = performance.now()
      const { JobID } = await client.jobs.submit(job)
      const ended = await client.jobs.wait(JobID)
      if (ended.State.StateType !== 'Completed') throw new Error(`${what}: ${ended.State.Message}`)
      // The first ones warm caches and compilers.
      if (run >= 20) times.push(performance.now() - begin)
    }
    report(`submit to result known, ${what}`, summarise(times), 'ms', goal)
  }
} finally {
  await world.end()
}

function spec(module: Uint8Array, publisher: string) {
  const url = `data:application/wasm;base64,${Buffer.from(module).toString('base64')}`
  return {
    Type: 'batch',
    Tasks: [
      {
        Name: 'main',
        Engine: { Type: 'wasm', Params: { EntryModule: '/app/main.wasm' } },
        InputSources: [{ Target: '/app/main.wasm', Source: { Type: 'inline', Params: { URL: url } } }],
        Resources: { CPU: '0.1', Memory: '16Mi' },
        Publisher: { Type: publisher },
      },
    ],
  }
}
