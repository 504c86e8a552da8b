/** By these labels a node finds its own containers again. Nothing without them is ever touched. */
export const LABELS = {
  node: 'bacalhau.node',
  job: 'bacalhau.job',
  execution: 'bacalhau.execution',
  /** Names of the GPUs that it has, with commas; absent without any. */
  gpus: 'bacalhau.gpus',
  /** Ports of the host that it has, with commas; absent without any. */
  ports: 'bacalhau.ports',
  /** `GATE` on the container beside a job through which its network goes; absent on the job itself. */
  role: 'bacalhau.role',
} as const

/** The role of a container that is no job. */
export const GATE = 'gate'

/** Filter for the containers of one node. */
export const ofNode = (node: string): string => `${LABELS.node}=${node}`

/** A name that is unique in the engine and says what it is to whoever lists containers. */
export const containerName = (node: string, executionId: string): string => `bacalhau-${node.slice(-8)}-${executionId}`
