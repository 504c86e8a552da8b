import { type ComputeNodeInfo, type GpuInfo, type NodeInfo, NO_RESOURCES, type Resources } from '@bacalhau/models'
import { dialable } from './addresses.ts'
import { count, field, list, numberOf, type Raw, rawOf, text } from './go-fields.ts'
import { OWN_FIELD } from './go-forms.ts'
import type { Generation, Statement } from './known-node.ts'

/** The largest list, and the most labels, that are kept of what a node says. */
const MOST = 256

/**
 * What `author` says of itself in `data`, in whatever form: that of this program, of Go nodes of v1.2 (flat), v1.3 (within `Info`) or
 * v1.0.3. Undefined when it is no such message, or is about another node. Go's rules: keys in any case, the last one wins,
 * unknown ones are passed over, missing ones and null stand for nothing. Never throws.
 */
export function readStatement(author: string, data: Uint8Array): Statement | undefined {
  const message = parse(data)
  if (message === undefined) return undefined
  const own = rawOf(field(message, OWN_FIELD))
  return own === undefined ? readGo(author, message) : readOwn(author, own)
}

function parse(data: Uint8Array): Raw | undefined {
  try {
    return rawOf(JSON.parse(Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('utf8')))
  } catch {
    return undefined
  }
}

function readOwn(author: string, own: Raw): Statement | undefined {
  const node = rawOf(field(own, 'Info'))
  const sequence = numberOf(field(own, 'Sequence'))
  const role = node === undefined ? undefined : readRole(field(node, 'NodeType'))
  if (node === undefined || role === undefined || !Number.isSafeInteger(sequence) || sequence < 0) return undefined
  if (text(field(node, 'NodeID')) !== author) return undefined
  const info = readInfo(author, role, node)
  return {
    peerId: author,
    kind: 'bacalhau',
    generation: 'c',
    version: info.BacalhauVersion.GitVersion,
    role,
    info,
    addresses: dialable(list(field(own, 'Addresses')), author),
    sequence,
    leaving: field(own, 'Leaving') === true,
    goPeers: (['b', 'c'] as const).filter((generation) => list(field(own, 'GoPeers')).includes(generation)),
  }
}

function readGo(author: string, message: Raw): Statement | undefined {
  const node = rawOf(field(message, 'Info')) ?? message
  const peer = rawOf(field(node, 'PeerInfo')) ?? {}
  const id = text(field(node, 'NodeID')) || text(field(peer, 'ID'))
  const type = field(node, 'NodeType')
  const role = readRole(type)
  if (id !== author || role === undefined) return undefined
  const info = readInfo(author, role, node)
  const version = info.BacalhauVersion.GitVersion
  const generation: Generation = typeof type === 'number' ? 'b' : 'c'
  if (generation === 'b' && TOO_OLD.test(version)) return undefined
  return {
    peerId: author,
    kind: 'go',
    generation,
    version,
    role,
    info,
    addresses: dialable(list(field(peer, 'Addrs')), author),
    sequence: undefined,
    leaving: false,
    goPeers: [],
  }
}

/** Before v0.3.29 the streams were others still. */
const TOO_OLD = /^v0\.(?:[0-2]\.|3\.(?:\d|1\d|2[0-8])(?:\D|$))/

/** Text since v1.0.4, a number before. */
function readRole(type: unknown): Statement['role'] | undefined {
  const word = typeof type === 'string' ? type.toLowerCase() : type
  if (word === 'compute' || word === 1) return 'Compute'
  return word === 'requester' || word === 0 ? 'Requester' : undefined
}

function readInfo(peerId: string, role: Statement['role'], node: Raw): NodeInfo {
  const version = rawOf(field(node, 'BacalhauVersion')) ?? {}
  const part = (name: string) => text(field(version, name))
  return {
    NodeID: peerId,
    NodeType: role,
    Labels: readLabels(field(node, 'Labels')),
    SupportedProtocols: names(field(node, 'SupportedProtocols')),
    ComputeNodeInfo: readCompute(rawOf(field(node, 'ComputeNodeInfo')) ?? {}),
    BacalhauVersion: {
      Major: part('Major'),
      Minor: part('Minor'),
      GitVersion: part('GitVersion'),
      GitCommit: part('GitCommit'),
      BuildDate: part('BuildDate'),
      GOOS: part('GOOS'),
      GOARCH: part('GOARCH'),
    },
  }
}

function readCompute(raw: Raw): ComputeNodeInfo {
  const resources = (name: string) => readResources(rawOf(field(raw, name)))
  const gpus = list(field(rawOf(field(raw, 'MaxCapacity')) ?? {}, 'GPUs')).flatMap((gpu) => readGpu(rawOf(gpu) ?? {}))
  return {
    // In lower case they are ours, whichever generation wrote them.
    ExecutionEngines: lowered(field(raw, 'ExecutionEngines')),
    Publishers: lowered(field(raw, 'Publishers')),
    StorageSources: lowered(field(raw, 'StorageSources')),
    MaxCapacity: { ...resources('MaxCapacity'), ...(gpus.length === 0 ? {} : { GPUs: gpus.slice(0, MOST) }) },
    QueueCapacity: resources('QueueCapacity'),
    AvailableCapacity: resources('AvailableCapacity'),
    MaxJobRequirements: resources('MaxJobRequirements'),
    RunningExecutions: count(field(raw, 'RunningExecutions')),
    EnqueuedExecutions: count(field(raw, 'EnqueuedExecutions')),
    address: '',
  }
}

function readResources(raw: Raw | undefined): Resources {
  if (raw === undefined) return NO_RESOURCES
  return {
    CPU: Math.max(0, numberOf(field(raw, 'CPU'))),
    Memory: count(field(raw, 'Memory')),
    Disk: count(field(raw, 'Disk')),
    GPU: count(field(raw, 'GPU')),
  }
}

const VENDORS: readonly GpuInfo['Vendor'][] = ['NVIDIA', 'AMD/ATI', 'Intel']

function readGpu(raw: Raw): GpuInfo[] {
  const Vendor = VENDORS.find((vendor) => vendor === field(raw, 'Vendor'))
  if (Vendor === undefined) return []
  const [Index, Memory] = [count(field(raw, 'Index')), count(field(raw, 'Memory'))]
  return [{ Index, Name: text(field(raw, 'Name')), Vendor, Memory, PCIAddress: text(field(raw, 'PCIAddress')) }]
}

function readLabels(raw: unknown): Record<string, string> {
  const entries = Object.entries(rawOf(raw) ?? {}).filter(([name, value]) => name.length <= MOST && isLabel(value))
  return Object.fromEntries(entries.slice(0, MOST)) as Record<string, string>
}

const isLabel = (value: unknown): boolean => typeof value === 'string' && value.length <= 1_024

const names = (raw: unknown): string[] =>
  list(raw)
    .filter((name): name is string => typeof name === 'string' && name.length <= MOST)
    .slice(0, MOST)

const lowered = (raw: unknown): string[] => names(raw).map((name) => name.toLowerCase())
