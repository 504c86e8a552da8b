import type { NodeState } from '@bacalhau/models'
import { formatBytes } from '@bacalhau/models/units'
import type { nodeListFlags } from '../catalogue/nodes.ts'
import type { Invocation } from '../command.ts'
import { connect } from '../connection.ts'
import { shortId } from '../job/short-id.ts'
import { present } from '../present.ts'
import { plainLine } from '../terminal/plain.ts'
import { paintState } from '../terminal/state.ts'
import type { Style } from '../terminal/style.ts'
import { formatTable } from '../terminal/table.ts'

const COLUMNS = ['NODE', 'TYPE', 'APPROVAL', 'STATUS', 'ENGINES', 'CPU', 'MEMORY', 'DISK', 'GPU', 'RUNNING'].map(
  (title) => ({ title }),
)

export async function run({ flags, io, signal }: Invocation<typeof nodeListFlags>): Promise<number> {
  const client = await connect(io, flags)
  const nodes = await client.nodes.list({ signal })
  await present(io, flags, nodes, (style) =>
    nodes.length === 0
      ? 'No nodes yet. Add one with the line that `bacalhau serve` prints.\n'
      : formatTable(
          COLUMNS,
          nodes.map((node) => row(node, style)),
        ),
  )
  return 0
}

/** What is free, of what there is. */
function row({ Info, Membership, Connection }: NodeState, style: Style): string[] {
  const { ExecutionEngines, MaxCapacity: all, AvailableCapacity: free, RunningExecutions } = Info.ComputeNodeInfo
  const share = (left: number, whole: number, show: (value: number) => string) =>
    whole === 0 ? '-' : `${show(left)} / ${show(whole)}`
  return [
    shortId(Info.NodeID),
    plainLine(Info.NodeType),
    paintState(Membership, style),
    paintState(Connection, style),
    plainLine(ExecutionEngines.join(', ')) || '-',
    share(free.CPU, all.CPU, String),
    share(free.Memory, all.Memory, formatBytes),
    share(free.Disk, all.Disk, formatBytes),
    share(free.GPU, all.GPU, String),
    String(RunningExecutions),
  ]
}
