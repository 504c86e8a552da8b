import type { Job, SpecConfig } from '@bacalhau/models'

/** Things and nodes for each that are remembered. */
const [THINGS, NODES] = [10_000, 16]

/** Which nodes have had which data and images in hand: the next job that needs them runs fastest there. */
export class Locality {
  /** In the order of their last use. */
  readonly #nodes = new Map<string, Set<string>>()

  /** `node` has run this job to its end, and so holds what it read and what it made. */
  note(job: Job, node: string, result: SpecConfig | undefined): void {
    for (const thing of needsOf(job)) this.#add(thing, node)
    const made = result === undefined ? undefined : keyOf(result)
    if (made !== undefined) this.#add(made, node)
  }

  /** Nodes that hold something that the job needs. */
  holders(job: Job): ReadonlySet<string> {
    const found = new Set<string>()
    for (const thing of needsOf(job)) for (const node of this.#nodes.get(thing) ?? []) found.add(node)
    return found
  }

  #add(thing: string, node: string): void {
    const nodes = this.#nodes.get(thing) ?? new Set<string>()
    this.#nodes.delete(thing)
    this.#nodes.set(thing, nodes)
    if (nodes.size < NODES) nodes.add(node)
    const [oldest] = this.#nodes.keys()
    if (this.#nodes.size > THINGS && oldest !== undefined) this.#nodes.delete(oldest)
  }
}

function needsOf({ Tasks: [task] }: Job): string[] {
  if (task === undefined) return []
  const things = task.InputSources.map(({ Source }) => keyOf(Source))
  const image = task.Engine.Params?.['Image']
  if (typeof image === 'string') things.push(`image ${image}`)
  return things.filter((thing) => thing !== undefined)
}

/** What names content: a CID says all; other sources are the same when they say the same. */
function keyOf({ Type, Params = {} }: SpecConfig): string | undefined {
  const cid = Params['CID']
  if (typeof cid === 'string') return `cid ${cid}`
  return ['s3', 'urldownload'].includes(Type.toLowerCase()) ? JSON.stringify([Type, Params]) : undefined
}
