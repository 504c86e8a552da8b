import type { NodeState, Resources } from '@bacalhau/models'
import { formatBytes } from '@bacalhau/models/units'
import { NODE_DETAILS, type nodeListFlags } from '../catalogue/nodes.ts'
import type { Invocation } from '../command.ts'
import { connect } from '../connection.ts'
import { invalidFlag } from '../flag.ts'
import { labelsText } from '../job/labels-text.ts'
import { column, presentTable, type TableColumn, wideColumn } from '../present-table.ts'
import { plainLine } from '../terminal/plain.ts'
import { paintState } from '../terminal/state.ts'

type Detail = (typeof NODE_DETAILS)[number]

export async function run({ flags, io, signal }: Invocation<typeof nodeListFlags>): Promise<number> {
  const columns = columnsOf(detailsOf(flags.show))
  const client = await connect(io, flags)
  const { limit = 0, 'order-by': orderBy, 'order-reversed': reverse } = flags
  const { 'filter-approval': approval, 'filter-status': status } = flags
  const labels = flags.labels.join(',')
  const nodes = await client.nodes.list({
    signal,
    ...(limit === 0 ? {} : { limit }),
    ...(orderBy === undefined ? {} : { orderBy }),
    ...(reverse ? { reverse } : {}),
    ...(labels === '' ? {} : { labels }),
    ...(approval === undefined ? {} : { approval }),
    ...(status === undefined ? {} : { status }),
  })
  const isFiltered = labels !== '' || approval !== undefined || status !== undefined
  const none = isFiltered ? 'No such nodes.\n' : 'No nodes yet. Add one with the line that `bacalhau serve` prints.\n'
  await presentTable(io, flags, nodes, columns, none)
  return 0
}

/** What `--show` asks for: words, separated by commas or given several times. */
function detailsOf(texts: readonly string[]): ReadonlySet<Detail> {
  if (texts.length === 0) return new Set(['labels', 'capacity'])
  const words = texts.flatMap((text) => text.split(',')).map((word) => word.trim().toLowerCase())
  return new Set(
    words.map((word) => {
      const detail = NODE_DETAILS.find((known) => known === word)
      if (detail === undefined) throw invalidFlag('show', `'${word}' is none of ${NODE_DETAILS.join(', ')}`)
      return detail
    }),
  )
}

function columnsOf(details: ReadonlySet<Detail>): readonly TableColumn<NodeState>[] {
  const only = (detail: Detail, ...columns: readonly TableColumn<NodeState>[]) => (details.has(detail) ? columns : [])
  return [
    column('ID', ({ Info }, look) => look.id(Info.NodeID)),
    column('TYPE', ({ Info }) => plainLine(Info.NodeType)),
    column('APPROVAL', ({ Membership }, look) => paintState(Membership, look.style)),
    column('STATUS', ({ Connection }, look) => paintState(Connection, look.style)),
    wideColumn('REACH', ({ Reach }) => plainLine(Reach ?? '')),
    wideColumn('PROTOCOL', ({ Protocol }) => plainLine(Protocol ?? '')),
    ...only(
      'labels',
      column('LABELS', ({ Info }) => labelsText(Info.Labels)),
    ),
    ...only(
      'version',
      column('VERSION', ({ Info }) => plainLine(Info.BacalhauVersion.GitVersion)),
    ),
    ...only(
      'features',
      column('ENGINES', ({ Info }) => plainLine(Info.ComputeNodeInfo.ExecutionEngines.join(','))),
      column('INPUTS FROM', ({ Info }) => plainLine(Info.ComputeNodeInfo.StorageSources.join(','))),
      column('OUTPUTS', ({ Info }) => plainLine(Info.ComputeNodeInfo.Publishers.join(','))),
    ),
    ...only(
      'capacity',
      share('CPU', 'CPU', String),
      share('MEMORY', 'Memory', formatBytes),
      share('DISK', 'Disk', formatBytes),
      share('GPU', 'GPU', String),
      column('RUNNING', ({ Info }) => String(Info.ComputeNodeInfo.RunningExecutions)),
    ),
  ]
}

/** What is free, of what there is. */
const share = (title: string, kind: keyof Resources, show: (value: number) => string) =>
  column<NodeState>(title, ({ Info: { ComputeNodeInfo } }) => {
    const [free, all] = [ComputeNodeInfo.AvailableCapacity[kind], ComputeNodeInfo.MaxCapacity[kind]]
    return all === 0 ? '-' : `${show(free)} / ${show(all)}`
  })
