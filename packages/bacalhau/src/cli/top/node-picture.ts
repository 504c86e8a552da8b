import type { NodeState } from '@bacalhau/models'
import { formatBytes } from '@bacalhau/models/units'
import { shortId } from '../job/short-id.ts'
import { bar } from '../terminal/bar.ts'
import { type Cell, formatGrid, type GridColumn } from '../terminal/grid.ts'
import { plainLine } from '../terminal/plain.ts'
import type { Picture } from '../terminal/screen.ts'
import { paintState } from '../terminal/state.ts'
import type { Style } from '../terminal/style.ts'
import { headline } from './headline.ts'

const COLUMNS: readonly GridColumn[] = [
  { title: 'NODE' },
  { title: 'STATUS' },
  { title: 'RUNNING', align: 'right' },
  { title: 'WAITING', align: 'right', drop: 3 },
  { title: 'CPU', drop: 1 },
  { title: 'MEMORY', drop: 2 },
  { title: 'DISK', drop: 4 },
  { title: 'GPU', drop: 5 },
  { title: 'APPROVAL', drop: 6 },
]

/** Nodes and how busy they are, the busiest first. */
export function nodePicture(nodes: readonly NodeState[], now: number, style: Style): Picture {
  const away = nodes.filter(({ Connection }) => Connection !== 'CONNECTED').length
  const sum = (key: 'RunningExecutions' | 'EnqueuedExecutions') =>
    nodes.reduce((total, { Info }) => total + Info.ComputeNodeInfo[key], 0)
  const text = [
    `${nodes.length} ${nodes.length === 1 ? 'node' : 'nodes'}${away === 0 ? '' : `, ${away} away`}`,
    `${sum('RunningExecutions')} running, ${sum('EnqueuedExecutions')} waiting there`,
  ].join('; ')
  const sorted = nodes.toSorted(
    (a, b) => Number(a.Connection !== 'CONNECTED') - Number(b.Connection !== 'CONNECTED') || loadOf(b) - loadOf(a),
  )
  return (columns, rows) => {
    const lines = formatGrid(
      COLUMNS,
      sorted.slice(0, Math.max(1, rows)).map((node) => rowOf(node, style)),
      columns,
      style,
    )
    return [...headline(text, now, columns, style), ...(nodes.length === 0 ? ['No nodes yet.'] : lines)]
  }
}

function loadOf({ Info }: NodeState): number {
  const { MaxCapacity: all, AvailableCapacity: free, RunningExecutions } = Info.ComputeNodeInfo
  return (all.CPU === 0 ? 0 : (all.CPU - free.CPU) / all.CPU) + RunningExecutions / 1_000_000
}

function rowOf({ Info, Membership, Connection }: NodeState, style: Style): Cell[] {
  const { MaxCapacity: all, AvailableCapacity: free, RunningExecutions, EnqueuedExecutions } = Info.ComputeNodeInfo
  return [
    { text: shortId(plainLine(Info.NodeID)) },
    { text: Connection, paint: (text) => paintState(text, style) },
    { text: String(RunningExecutions) },
    { text: String(EnqueuedExecutions) },
    usage(free.CPU, all.CPU, (value) => String(Math.round(value * 100) / 100), style),
    usage(free.Memory, all.Memory, formatBytes, style),
    usage(free.Disk, all.Disk, formatBytes, style),
    usage(free.GPU, all.GPU, String, style),
    { text: Membership, paint: (text) => paintState(text, style) },
  ]
}

/** What is used, of what there is. */
function usage(free: number, all: number, show: (value: number) => string, style: Style): Cell {
  if (all === 0) return { text: '-' }
  const used = Math.max(0, all - free)
  const share = used / all
  const text = `${bar(share, 6)} ${show(used)} of ${show(all)}`
  return { text, ...(share > 0.9 ? { paint: style.yellow } : {}) }
}
