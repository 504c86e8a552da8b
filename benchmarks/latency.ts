// How long users wait under a steady load: submissions are sent at fixed times (`--rate` a second, 500, for `--seconds`, 20),
// whether or not the ones before were answered, and each is timed from when it should have been sent, so that a stall counts
// for everyone who would have come meanwhile. Then from submission to Running, at `--pace` jobs a second (20), warm.
//
// When a job runs is taken from its history, whose events the orchestrator dates to the millisecond on the clock of this
// machine; the submission is dated by the client.
import { parseArgs } from 'node:util'
import type { JobHistory, Page, PutJobResponse } from '@bacalhau/models'
import { bench, sleep } from './bench.ts'
import { Connections } from './http.ts'
import { ended, JOBS, noopJob, request, submitMany, wallClock } from './load.ts'
import { fact, report, show, summarise } from './stats.ts'

const { values } = parseArgs({
  options: {
    rate: { type: 'string', default: '500' },
    seconds: { type: 'string', default: '20' },
    pace: { type: 'string', default: '20' },
  },
})
const [rate, seconds, pace] = [Number(values.rate), Number(values.seconds), Number(values.pace)]
/** Connections: more than are ever in use at once, so that no submission waits for one. */
const CONNECTIONS = 256

interface Sent {
  readonly id: string
  /** Milliseconds since the epoch at which it should have been sent. */
  readonly due: number
  /** Milliseconds from then until it was sent, and until the answer was there. */
  readonly late: number
  readonly answered: number
}

await bench(`Latency: ${rate} submissions a second for ${seconds} s; ${pace} a second until they run`, async (newWorld) => {
  const { orchestrator } = await (await newWorld()).swarm()
  const api = new Connections(orchestrator.apiUrl, CONNECTIONS)
  const noop = request(noopJob())
  await submitMany(api, noop, 2_000, 16)
  const sent = await atFixedTimes(api, noop, rate, seconds)
  for (const { id } of sent.slice(-16)) await ended(api, id)
  const [late, answered] = [summarise(sent.map(({ late }) => late)), summarise(sent.map(({ answered }) => answered))]
  report(`submit to accepted at ${rate} jobs/s, p50`, answered, 'ms', '-')
  fact(
    `submit to accepted at ${rate} jobs/s, p99`,
    show(answered.p99, 'ms'),
    'under 10 ms',
    `(p99 of the sender: ${show(late.p99, 'ms')} late)`,
  )

  const running = await timesToRunning(api)
  report(`submit to running at ${pace} jobs/s, p50`, running, 'ms', 'under 10 ms')
  fact(`submit to running at ${pace} jobs/s, p99`, show(running.p99, 'ms'), 'under 100 ms')
  api.close()
})

async function atFixedTimes(api: Connections, body: Buffer, rate: number, seconds: number): Promise<Sent[]> {
  const begin = wallClock() + 100
  const answers: Promise<Sent>[] = []
  const send = async (due: number): Promise<Sent> => {
    const late = wallClock() - due
    const { JobID } = await api.json<PutJobResponse>('PUT', JOBS, body)
    return { id: JobID, due, late, answered: wallClock() - due }
  }
  for (let next = 0; next < rate * seconds;) {
    await sleep(1)
    for (let due = begin; next < rate * seconds && (due = begin + (next * 1_000) / rate) <= wallClock(); next++) {
      answers.push(send(due))
    }
  }
  return Promise.all(answers)
}

async function timesToRunning(api: Connections) {
  // Long enough that it is seen to run before it ends.
  const sent = await atFixedTimes(api, request(noopJob({ delay: 200 })), pace, seconds)
  const times: number[] = []
  for (const { id, due } of sent) {
    await ended(api, id)
    const { Items } = await api.json<Page<JobHistory>>('GET', `${JOBS}/${id}/history?event_type=execution`)
    const event = Items.find(({ Event }) => /^running/i.test(Event.Message))
    if (event === undefined) throw new Error(`${id} never ran:\n${JSON.stringify(Items, undefined, 1)}`)
    times.push(Math.max(0, Date.parse(event.Time) - due))
  }
  return summarise(times)
}
