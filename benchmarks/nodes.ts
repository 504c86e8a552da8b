import type { ListNodesResponse, PutJobResponse } from '@bacalhau/models'
import type { NodeProcess } from '../packages/bacalhau/test/program.ts'
import { sleep } from './bench.ts'
import type { Connections } from './http.ts'
import { JOBS, noopJob, request } from './load.ts'

/** Looks every few milliseconds until the answer is there, and tells after how many it was. Throws after `most`. */
export async function timeUntil(question: () => Promise<boolean>, most = 60_000): Promise<number> {
  const begin = performance.now()
  for (;;) {
    if (await question().catch(() => false)) return performance.now() - begin
    if (performance.now() - begin > most) throw new Error(`nothing has come of it within ${most} ms`)
    await sleep(5)
  }
}

export async function connectionOf(api: Connections, { peerId }: NodeProcess): Promise<string> {
  const { Nodes } = await api.json<ListNodesResponse>('GET', '/api/v1/orchestrator/nodes')
  return Nodes.find(({ Info }) => Info.NodeID === peerId)?.Connection ?? 'unknown'
}

/** Gives a node a job that takes all its processors for a day, so that others queue. */
export async function occupy(api: Connections): Promise<void> {
  const { Nodes } = await api.json<ListNodesResponse>('GET', '/api/v1/orchestrator/nodes')
  for (const { Info } of Nodes) {
    const { CPU } = Info.ComputeNodeInfo.MaxCapacity
    const job = noopJob({
      delay: 86_400_000,
      resources: { CPU: `${Math.floor(CPU * 1_000)}m`, Memory: '1Mb', Disk: '1Mb' },
    })
    const { JobID } = await api.json<PutJobResponse>('PUT', JOBS, request(job))
    await timeUntil(async () => (await stateOf(api, JobID)) === 'Running')
  }
}

export async function stateOf(api: Connections, id: string): Promise<string> {
  const { Job } = await api.json<{ Job: { State: { StateType: string } } }>('GET', `${JOBS}/${id}`)
  return Job.State.StateType
}
