import type { NodeState, Resources } from '@bacalhau/models'
import { formatBytes } from '@bacalhau/models/units'
import type { nodeDescribeFlags } from '../catalogue/nodes.ts'
import type { Invocation } from '../command.ts'
import { connect } from '../connection.ts'
import { present } from '../present.ts'
import { plainLine } from '../terminal/plain.ts'
import { paintState } from '../terminal/state.ts'
import type { Style } from '../terminal/style.ts'
import { formatFields } from '../terminal/table.ts'
import { formatAgo } from '../terminal/time.ts'

export async function run({ args, flags, io, signal }: Invocation<typeof nodeDescribeFlags>): Promise<number> {
  const [id = ''] = args
  const client = await connect(io, flags)
  const node = await client.nodes.get(id, { signal })
  await present(io, { ...flags, output: flags.output ?? 'yaml' }, node, (style) =>
    formatFields(fieldsOf(node, io.clock.now(), style)),
  )
  return 0
}

function fieldsOf(node: NodeState, now: number, style: Style): (readonly [string, string])[] {
  const { Info, Membership, Connection, ConnectionState } = node
  const compute = Info.ComputeNodeInfo
  const since = Connection === 'CONNECTED' ? ConnectionState.ConnectedSince : ConnectionState.DisconnectedSince
  const moment = Date.parse(since)
  // The zero time of the API stands for "never".
  const ago = moment > 0 ? ` (${formatAgo(moment, now)})` : ''
  const fields: (readonly [string, string])[] = [
    ['Node', Info.NodeID],
    ['Type', Info.NodeType],
    ['Reach', node.Reach ?? ''],
    ['Protocol', node.Protocol ?? ''],
    ...(node.Guarantees ?? []).map((text, index) => [index === 0 ? 'Guarantees' : '', text] as const),
    ['Version', Info.BacalhauVersion.GitVersion],
    ['Engines', compute.ExecutionEngines.join(', ')],
    ['Publishers', compute.Publishers.join(', ')],
    ['Sources', compute.StorageSources.join(', ')],
    ['Capacity', resources(compute.MaxCapacity)],
    ['Free', resources(compute.AvailableCapacity)],
    ['Running', String(compute.RunningExecutions)],
    [
      'Labels',
      Object.entries(Info.Labels)
        .map(([name, value]) => `${name}=${value}`)
        .join(', '),
    ],
    ['Last error', ConnectionState.LastError],
  ]
  const shown = fields.map(([name, value]) => [name, plainLine(value)] as const).filter(([, value]) => value !== '')
  return [
    ...shown.slice(0, 2),
    ['Approval', paintState(Membership, style)],
    ['Status', `${paintState(Connection, style)}${ago}`],
    ...shown.slice(2),
  ]
}

const resources = ({ CPU, Memory, Disk, GPU }: Resources): string =>
  CPU + Memory + Disk + GPU === 0
    ? ''
    : `${CPU} cores, ${formatBytes(Memory)} memory, ${formatBytes(Disk)} disk${GPU === 0 ? '' : `, ${GPU} GPUs`}`
