import type { Job } from '@bacalhau/models'
import { BacalhauError, messageOf } from '../../runtime/error.ts'
import type { Clock } from '../../runtime/clock.ts'
import { LIMITS } from '../../runtime/limits.ts'
import { createTurnstile } from '../../content/parallel.ts'
import type { Capabilities } from '../capabilities.ts'
import type { Refusal } from '../runner.ts'
import { withinTime } from '../time-limit.ts'
import { missingInputs } from './locality.ts'
import { askCommand } from './probe-exec.ts'
import { askUrl } from './probe-http.ts'

/** What the operator wants of jobs, besides that they can run here. */
export interface PolicyRules {
  /** `local`: only jobs whose inputs are all on this node. */
  readonly locality: 'anywhere' | 'local'
  /** No jobs without inputs. */
  readonly rejectStateless: boolean
  /** No jobs that ask for a network. */
  readonly rejectNetworked: boolean
  /** Asked about each job. */
  readonly probeHttp?: string | undefined
  /** Run for each job, by `bash -c`. */
  readonly probeExec?: string | undefined
}

/** Why a job is not taken, in words that follow "this node does not"; undefined when it is. */
export type Opinion = Refusal | undefined

export interface AdmissionPolicy {
  /** What the job itself gives as reasons, in whole sentences. */
  refusals(job: Job): string[]
  /** Asks what takes its time, within `LIMITS.admission`; undefined when there is nothing to ask. Never rejects. */
  consider(job: Job, signal: AbortSignal): Promise<Refusal | undefined> | undefined
}

export interface PolicyOptions {
  readonly rules: PolicyRules
  readonly capabilities: Capabilities
  readonly clock: Clock
}

export function createPolicy({ rules, capabilities, clock }: PolicyOptions): AdmissionPolicy {
  const { locality, probeExec, probeHttp, rejectNetworked, rejectStateless } = rules
  const turns = createTurnstile(LIMITS.admissionsAtOnce)

  function questions(job: Job): ((signal: AbortSignal) => Promise<Opinion>)[] {
    const inputs = job.Tasks[0]?.InputSources ?? []
    return [
      ...(locality === 'local' && inputs.length > 0 ? [missingInputs(inputs, capabilities)] : []),
      ...(probeExec === undefined ? [] : [askCommand(probeExec, job)]),
      ...(probeHttp === undefined ? [] : [askUrl(probeHttp, job)]),
    ]
  }

  /** One after the other, until one says no. */
  async function decide(asked: ReturnType<typeof questions>, signal: AbortSignal): Promise<Refusal | undefined> {
    const leave = await turns.enter('', signal)
    try {
      for (const question of asked) {
        const opinion = await question(signal)
        if (opinion !== undefined) return { ...opinion, reason: `this node does not ${opinion.reason}` }
      }
      return undefined
    } finally {
      leave()
    }
  }

  async function ask(job: Job, signal: AbortSignal): Promise<Refusal | undefined> {
    const late = () => new BacalhauError('TimeOut', `its policy gave no answer within ${LIMITS.admission / 1000} s`)
    try {
      return await withinTime({ clock, milliseconds: LIMITS.admission, late }, signal, (limited) =>
        decide(questions(job), limited),
      )
    } catch (error) {
      return { reason: `this node cannot decide about the job: ${messageOf(error)}`, later: true }
    }
  }

  return {
    refusals(job) {
      const [task] = job.Tasks
      const reasons: string[] = []
      const network = task?.Network.Type ?? 'None'
      if (rejectNetworked && network !== 'None' && network !== 'Default') {
        reasons.push('this node does not run jobs that require network access')
      }
      if (rejectStateless && (task?.InputSources.length ?? 0) === 0) {
        reasons.push('this node does not accept jobs without any input volumes')
      }
      return reasons
    },
    consider: (job, signal) => (questions(job).length === 0 ? undefined : ask(job, signal)),
  }
}
