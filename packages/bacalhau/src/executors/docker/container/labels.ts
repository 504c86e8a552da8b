/** By these labels a node finds its own containers again. Nothing without them is ever touched. */
export const LABELS = {
  node: 'bacalhau.node',
  job: 'bacalhau.job',
  execution: 'bacalhau.execution',
  /** Names of the GPUs that it has, with commas; absent without any. */
  gpus: 'bacalhau.gpus',
} as const

/** Filter for the containers of one node. */
export const ofNode = (node: string): string => `${LABELS.node}=${node}`

/** A name that is unique in the engine and says what it is to whoever lists containers. */
export const containerName = (node: string, executionId: string): string => `bacalhau-${node.slice(-8)}-${executionId}`
