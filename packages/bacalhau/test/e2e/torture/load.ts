import type { PutJobResponse } from '@bacalhau/models'
import type { Work } from './work.ts'

/** A job that the orchestrator has acknowledged. */
export interface Acknowledged {
  readonly id: string
  readonly work: Work
  /** States in which it may end. */
  readonly ends: readonly string[]
}

export interface Load {
  readonly acknowledged: readonly Acknowledged[]
  /** Submissions that broke off without an answer: their jobs may be there or not. */
  readonly unanswered: () => number
  /** Stops submitting and resolves when the last answers are in. Rejects when a good job was refused. */
  stop(): Promise<void>
}

/** Milliseconds between two submissions of one client. */
const PAUSE = 60
/** An orchestrator that was killed while it answered gives up on nobody; the client has to. Milliseconds. */
const ANSWER_TIME = 15_000

/** Clients that submit jobs one after the other, whether somebody is there to take them or not. */
export function startLoad(apiUrl: string, draw: () => Work, clients: number): Load {
  const acknowledged: Acknowledged[] = []
  const stopping = new AbortController()
  let unanswered = 0

  const ask = (method: string, path: string, body: object) =>
    fetch(`${apiUrl}/api/v1/orchestrator/jobs${path}`, {
      method,
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(ANSWER_TIME),
    })

  async function submit(): Promise<void> {
    const work = draw()
    const answer = await ask('PUT', '', { Job: work.job })
    const text = await answer.text()
    if (answer.status === 200) {
      const id = (JSON.parse(text) as PutJobResponse).JobID
      acknowledged.push({ id, work, ends: work.stops ? await stopped(id) : [work.ends] })
    } else if (answer.status < 500) throw new Refused(`a ${work.kind} job was refused: ${answer.status} ${text}`)
    else unanswered += 1
  }

  /** Where that is acknowledged, the job has to end so; where it is not, nobody can know. */
  async function stopped(id: string): Promise<readonly string[]> {
    const answer = await ask('DELETE', `/${id}`, { reason: 'torture' }).catch(() => undefined)
    return answer?.ok === true ? ['Stopped'] : ['Stopped', 'Completed']
  }

  async function client(): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        await submit()
      } catch (error) {
        if (error instanceof Refused) throw error
        unanswered += 1
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSE))
    }
  }

  const running = Promise.all(Array.from({ length: clients }, client))
  // It is heard when the load is stopped.
  running.catch(() => undefined)
  return {
    acknowledged,
    unanswered: () => unanswered,
    async stop() {
      stopping.abort()
      await running
    },
  }
}

class Refused extends Error {}
