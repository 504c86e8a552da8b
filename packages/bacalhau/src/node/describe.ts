import {
  type BuildInfo,
  type GpuInfo,
  LINK_VERSIONS,
  NO_RESOURCES,
  type NodeInfo,
  type Resources,
} from '@bacalhau/models'
import process from 'node:process'
import type { Offered } from '../compute/capabilities.ts'
import type { Gpu } from '../compute/machine/gpu.ts'
import { gpuLabels } from '../compute/machine/gpus.ts'
import { VERSION } from '../runtime/version.ts'

/** Go's names of what Node calls otherwise: labels and version answers use them, as the original does. */
const OPERATING_SYSTEM: Partial<Record<NodeJS.Platform, string>> = { win32: 'windows' }
const ARCHITECTURE: Partial<Record<NodeJS.Architecture, string>> = { x64: 'amd64', ia32: '386' }

const operatingSystem = OPERATING_SYSTEM[process.platform] ?? process.platform
const architecture = ARCHITECTURE[process.arch] ?? process.arch

/** Programs of the Go era read a time here, and fail with their whole answer where there is none. */
const NO_DATE = '0001-01-01T00:00:00Z'

function buildInfo(): BuildInfo {
  const [major = '', minor = ''] = VERSION.split('.')
  return {
    Major: major,
    Minor: minor,
    GitVersion: `v${VERSION}`,
    GitCommit: '',
    BuildDate: NO_DATE,
    GOOS: operatingSystem,
    GOARCH: architecture,
  }
}

export interface NodeDescription {
  readonly nodeId: string
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  /** Absent on a node that does not compute. */
  readonly compute?: {
    readonly capacity: Resources
    readonly gpus: readonly Gpu[]
    readonly free: Resources
    readonly running: number
    readonly waiting: number
    readonly offered: Offered
  }
}

const VENDORS = { nvidia: 'NVIDIA', amd: 'AMD/ATI', intel: 'Intel' } as const

const toInfo = ({ vendor, index, name, memory, pciAddress }: Gpu): GpuInfo => ({
  Index: index,
  Name: name,
  Vendor: VENDORS[vendor],
  Memory: memory,
  PCIAddress: pciAddress,
})

/** A node's description of itself. A node with both roles counts as a compute node, as in the documented API. */
export function describeNode({ nodeId, name, labels, compute }: NodeDescription): NodeInfo {
  const gpus = compute?.gpus ?? []
  return {
    NodeID: nodeId,
    NodeType: compute === undefined ? 'Requester' : 'Compute',
    Labels: { name, os_type: operatingSystem, os_arch: architecture, ...gpuLabels(gpus), ...labels },
    SupportedProtocols: LINK_VERSIONS.map((version) => `bacalhau-link/v${version}`),
    ComputeNodeInfo: {
      ExecutionEngines: [...(compute?.offered.engines ?? [])],
      Publishers: [...(compute?.offered.publishers ?? [])],
      StorageSources: [...(compute?.offered.sources ?? [])],
      MaxCapacity: { ...(compute?.capacity ?? NO_RESOURCES), ...(gpus.length === 0 ? {} : { GPUs: gpus.map(toInfo) }) },
      QueueCapacity: NO_RESOURCES,
      AvailableCapacity: compute?.free ?? NO_RESOURCES,
      MaxJobRequirements: compute?.capacity ?? NO_RESOURCES,
      RunningExecutions: compute?.running ?? 0,
      EnqueuedExecutions: compute?.waiting ?? 0,
      address: '',
    },
    BacalhauVersion: buildInfo(),
  }
}
