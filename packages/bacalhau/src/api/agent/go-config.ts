interface Tree {
  readonly [key: string]: unknown
}

const NOTHING: Tree = {}
const RESOURCES: Tree = { Resources: NOTHING }
const RUN_TO_END: Tree = { Task: { Publisher: NOTHING, ...RESOURCES, Timeouts: NOTHING } }
const RUN_ON: Tree = { Task: RESOURCES }

/** The groups of the documented configuration. Its clients expect each of them to be there, empty or not. */
const GROUPS: Tree = {
  API: { Auth: { Oauth2: NOTHING }, TLS: { Insecure: false } },
  Orchestrator: {
    Auth: NOTHING,
    Cluster: NOTHING,
    TLS: NOTHING,
    NodeManager: NOTHING,
    Scheduler: NOTHING,
    EvaluationBroker: NOTHING,
  },
  Compute: {
    Auth: NOTHING,
    Env: NOTHING,
    AllocatedCapacity: NOTHING,
    Heartbeat: NOTHING,
    Network: NOTHING,
    TLS: NOTHING,
  },
  Engines: { Types: { Docker: { ManifestCache: NOTHING } } },
  InputSources: { Types: { IPFS: NOTHING } },
  Publishers: { Types: { IPFS: NOTHING, Local: NOTHING, S3: NOTHING, S3Managed: NOTHING } },
  ResultDownloaders: { Types: { IPFS: NOTHING } },
  JobAdmissionControl: NOTHING,
  JobDefaults: { Batch: RUN_TO_END, Ops: RUN_TO_END, Service: RUN_ON, Daemon: RUN_ON },
  Logging: NOTHING,
  UpdateConfig: NOTHING,
  WebUI: NOTHING,
}

/**
 * A configuration in the form of the documented one: all of its groups, and of single values those that say something. What
 * is off, empty or zero is absent, but for `API.TLS.Insecure`, which is always there.
 */
export function toGoConfig(config: object): object {
  return merge(GROUPS, withoutZeros(config as Tree))
}

function withoutZeros(tree: Tree): Tree {
  const kept = Object.entries(tree).flatMap(([key, value]): [string, unknown][] => {
    if (isTree(value)) return [[key, withoutZeros(value)]]
    const isZero = [undefined, null, false, 0, ''].some((zero) => zero === value)
    return isZero || (Array.isArray(value) && value.length === 0) ? [] : [[key, value]]
  })
  return Object.fromEntries(kept)
}

function merge(under: Tree, over: Tree): Tree {
  const merged = new Map(Object.entries(under))
  for (const [key, value] of Object.entries(over)) {
    const below = merged.get(key)
    merged.set(key, isTree(below) && isTree(value) ? merge(below, value) : value)
  }
  return Object.fromEntries(merged)
}

const isTree = (value: unknown): value is Tree => typeof value === 'object' && value !== null && !Array.isArray(value)
