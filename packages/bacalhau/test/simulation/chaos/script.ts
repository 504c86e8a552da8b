import type { GoNodePlan } from '../go/go-fleet.ts'
import type { MarketWeather } from '../go/go-market.ts'
import type { GoAskPlan } from '../go/go-requester.ts'
import type { CrashPoint } from '../world/machine.ts'
import type { Script } from '../world/runner.ts'

/** What kinds of worlds there are. */
export const KINDS = [
  'calm',
  'network',
  'weather',
  'crashes',
  'disks',
  'everything',
  'mad',
  'amnesia',
  'crowd',
  'multitude',
  'go-compute',
  'go-mixed',
  'go-requester',
] as const
export type Kind = (typeof KINDS)[number]

export interface NodePlan {
  readonly id: string
  readonly cpu: number
  readonly zone: string
  readonly skew: number
  readonly rate: number
  readonly latency: readonly [number, number]
  readonly slowness: readonly [number, number]
  readonly mad: boolean
}

export type JobType = 'batch' | 'service' | 'ops' | 'daemon'

export interface JobPlan {
  readonly type: JobType
  readonly count: number
  readonly priority: number
  readonly cpu: string
  readonly zone?: string
  readonly script: Script
  readonly published: boolean
  /** Seconds that a node may be gone with its runs. */
  readonly grace?: number
  /** Seconds; 0 for none. */
  readonly queueTimeout: number
  readonly totalTimeout: number
  readonly executionTimeout: number
}

/**
 * Something that happens. Machine 0 is that of the orchestrator, n is that of node n - 1; jobs are named by the number of their
 * submission, so that what is left makes sense when others are taken out.
 */
export type Action =
  | { readonly do: 'submit' | 'update'; readonly job: number; readonly plan: JobPlan; readonly force: boolean }
  | { readonly do: 'rerun' | 'stop' | 'wait'; readonly job: number }
  | {
      readonly do: 'crash'
      readonly machine: number
      readonly point: CrashPoint
      readonly hops: number
      readonly down: number
      readonly silently: boolean
    }
  | { readonly do: 'halt'; readonly machine: number; readonly down: number }
  | { readonly do: 'cut' | 'refresh' | 'relabel'; readonly machine: number }
  | { readonly do: 'read' }
  | {
      readonly do: 'block'
      readonly machine: number
      readonly left: boolean
      readonly right: boolean
      readonly time: number
    }
  | { readonly do: 'isolate'; readonly machine: number; readonly time: number }
  | {
      readonly do: 'latency'
      readonly machine: number
      readonly latency: readonly [number, number]
      readonly duplicates: number
    }
  | { readonly do: 'fill'; readonly machine: number; readonly time: number }
  | {
      readonly do: 'slow'
      readonly machine: number
      readonly slowness: readonly [number, number]
      readonly deafness: number
      readonly time: number
    }
  | { readonly do: 'jump'; readonly machine: number; readonly milliseconds: number }
  | { readonly do: 'drift'; readonly machine: number; readonly rate: number }
  | { readonly do: 'sleep'; readonly machine: number; readonly time: number }
  | {
      /** Silence between the orchestrator and several nodes, in one direction or in both, also for links that are opened meanwhile. */
      readonly do: 'part'
      readonly machines: readonly number[]
      readonly left: boolean
      readonly right: boolean
      readonly time: number
    }
  | {
      /** The link breaks again and again, and cannot be opened for a while each time. */
      readonly do: 'flap'
      readonly machine: number
      readonly times: number
      readonly up: number
      readonly down: number
    }
  | { readonly do: 'approve' | 'reject' | 'delete'; readonly machine: number }
  | { readonly do: 'lie'; readonly machine: number; readonly lie: number; readonly dice: number }
  | {
      readonly do: 'goCrash'
      readonly go: number
      /** Milliseconds; without any it never comes back. */
      readonly down?: number
      readonly forgets: boolean
    }
  | { readonly do: 'goCut'; readonly go: number }
  | { readonly do: 'goLeave'; readonly go: number; readonly time: number }
  | {
      readonly do: 'goWeather'
      readonly go: number
      readonly latency: readonly [number, number]
      readonly lost: number
      readonly repeated: number
      readonly unanswered: number
      readonly time: number
    }
  | {
      readonly do: 'goAsk'
      readonly requester: number
      readonly machine: number
      readonly execution: number
      readonly plan: GoAskPlan
    }
  | { readonly do: 'goCancel'; readonly execution: number }
  | { readonly do: 'goMeddle'; readonly execution: number; readonly what: 'accept' | 'cancel' | 'reject' }
  | { readonly do: 'goRestart'; readonly requester: number; readonly down: number }
  | { readonly do: 'goPart'; readonly requester: number; readonly machine: number; readonly time: number }
  | {
      readonly do: 'goLine'
      readonly requester: number
      readonly weather: MarketWeather
      readonly time: number
    }
  | { readonly do: 'goForge'; readonly go: number; readonly dice: number }
  | { readonly do: 'wipe' | 'copy' | 'restore'; readonly machine: number }

/** An action after a pause of so many virtual milliseconds. */
export interface Step {
  readonly after: number
  readonly action: Action
}

/** A whole world and everything that happens to it. Nothing else decides what it does. */
export interface Plan {
  readonly seed: number
  readonly kind: Kind
  readonly orchestrator: {
    readonly skew: number
    readonly slowness: readonly [number, number]
    /** Ended jobs that are kept. */
    readonly keptJobs?: number
  }
  readonly nodes: readonly NodePlan[]
  /** Compute nodes of the Go program. */
  readonly goNodes: readonly GoNodePlan[]
  /** Requesters of the Go program. */
  readonly goRequesters: readonly { readonly id: string; readonly weather: MarketWeather }[]
  readonly steps: readonly Step[]
}

const machineName = (machine: number): string => (machine === 0 ? 'the orchestrator' : `node ${machine}`)

/** An action in one line. */
export function describeAction(action: Action): string {
  const { do: verb, ...rest } = action
  const { machine, ...facts } = { machine: undefined, ...rest }
  return `${verb}${machine === undefined ? '' : ` ${machineName(machine)}`} ${JSON.stringify(facts)}`
}

/** A plan as lines that a person can read. */
export function describePlan({ seed, kind, orchestrator, nodes, goNodes, goRequesters, steps }: Plan): string[] {
  let time = 0
  return [
    `a world of kind "${kind}" from seed ${seed}`,
    `the orchestrator: ${JSON.stringify(orchestrator)}`,
    ...nodes.map((node, index) => `node ${index + 1}: ${JSON.stringify(node)}`),
    ...goNodes.map((node, index) => `Go node ${index}: ${JSON.stringify(node)}`),
    ...goRequesters.map((requester, index) => `Go requester ${index}: ${JSON.stringify(requester)}`),
    ...steps.map(({ after, action }) => `${String((time += after)).padStart(8)} ms  ${describeAction(action)}`),
  ]
}
