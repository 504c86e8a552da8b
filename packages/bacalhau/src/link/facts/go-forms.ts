import type { ComputeNodeInfo, NodeInfo } from '@bacalhau/models'
import { goNames, goNamesB } from './go-names.ts'
import type { Generation } from './known-node.ts'

/** What this node has to say. */
export interface OwnFacts {
  readonly info: NodeInfo
  /** Multiaddrs without the peer ID. */
  readonly addresses: readonly string[]
  readonly sequence: number
  readonly leaving: boolean
  readonly goPeers: readonly Generation[]
  /** Does this node take work of Go nodes? One that does not must not look to them as if it did. */
  readonly worksForGo: boolean
}

/** The field of our messages that nodes of this program read. Go nodes pass over it. */
export const OWN_FIELD = 'Bacalhau'

/** What nodes of this program tell each other. */
export function ownForm({ info, addresses, sequence, leaving, goPeers }: OwnFacts): object {
  return { [OWN_FIELD]: { Info: info, Addresses: addresses, Sequence: sequence, Leaving: leaving, GoPeers: goPeers } }
}

/**
 * The message for Go nodes of v1.2 and v1.3 in one: those of v1.2 read the flat fields, those of v1.3 read `Info`, `Membership` and
 * `Connection`; each passes over the rest. Order and spelling of the fields are Go's.
 */
export function doubleForm(facts: OwnFacts): object {
  return {
    ...nodeForm(facts, {}),
    Approval: 'APPROVED',
    ...stateForm(facts),
    ...ownForm(facts),
  }
}

/** Without it a node of v1.3 would list a node without a name. */
const stateForm = (facts: OwnFacts): object => ({
  Info: nodeForm(facts, { QueueCapacity: {} }),
  Membership: 'APPROVED',
  Connection: 'CONNECTED',
})

/** Go nodes rank versions as text, and take this one for usable. */
const LIKE_GO = { Major: '1', Minor: '2', GitVersion: 'v1.2.3', GitCommit: '', BuildDate: '2024-03-14T10:00:00Z' }

function nodeForm(facts: OwnFacts, queue: object): object {
  const { info, addresses } = facts
  const { ExecutionEngines, Publishers, StorageSources } = info.ComputeNodeInfo
  const lists = {
    ExecutionEngines: goNames('engines', ExecutionEngines),
    // A job without a publisher asks for `noop`.
    Publishers: ['noop', ...goNames('publishers', Publishers).filter((name) => name !== 'noop')],
    StorageSources: goNames('sources', StorageSources),
  }
  return {
    NodeID: info.NodeID,
    PeerInfo: { ID: info.NodeID, Addrs: addresses },
    // A node that computes no more is no candidate any more: the only way to take leave.
    NodeType: offersWork(facts) ? 'Compute' : 'Requester',
    Labels: labelsOf(info),
    ...(offersWork(facts) ? { ComputeNodeInfo: { ...lists, ...resourcesOf(info.ComputeNodeInfo, queue) } } : {}),
    BacalhauVersion: { ...LIKE_GO, GOOS: info.BacalhauVersion.GOOS, GOARCH: info.BacalhauVersion.GOARCH },
  }
}

/**
 * The message for Go nodes of v1.0.3, which refuse the other one. Those of v1.2 refuse this one; those of v1.3 read what is
 * theirs.
 */
export function generationBForm(facts: OwnFacts): object {
  const { info, addresses } = facts
  const { ExecutionEngines, Publishers, StorageSources } = info.ComputeNodeInfo
  const compute = {
    ExecutionEngines: goNamesB('engines', ExecutionEngines),
    Verifiers: ['Noop', 'Deterministic'],
    Publishers: ['Noop', ...goNamesB('publishers', Publishers).filter((name) => name !== 'Noop')],
    StorageSources: goNamesB('sources', StorageSources),
    ...resourcesOf(info.ComputeNodeInfo, {}),
  }
  return {
    BacalhauVersion: {
      major: '1',
      minor: '0',
      gitversion: 'v1.0.3',
      gitcommit: '',
      builddate: '2023-06-01T10:00:00Z',
      goos: info.BacalhauVersion.GOOS,
      goarch: info.BacalhauVersion.GOARCH,
    },
    PeerInfo: { ID: info.NodeID, Addrs: addresses },
    NodeType: offersWork(facts) ? 1 : 0,
    Labels: labelsOf(info),
    ComputeNodeInfo: offersWork(facts) ? compute : null,
    ...stateForm(facts),
    ...ownForm(facts),
  }
}

const offersWork = ({ info, leaving, worksForGo }: OwnFacts): boolean =>
  info.NodeType === 'Compute' && worksForGo && !leaving

/** Under the names that jobs of Go users ask for. */
const labelsOf = ({ Labels, BacalhauVersion: { GOOS, GOARCH } }: NodeInfo): object => ({
  Architecture: GOARCH,
  'Operating-System': GOOS,
  ...Labels,
})

function resourcesOf(info: ComputeNodeInfo, queue: object): object {
  return {
    MaxCapacity: amounts(info.MaxCapacity),
    ...queue,
    AvailableCapacity: amounts(info.AvailableCapacity),
    MaxJobRequirements: amounts(info.MaxJobRequirements),
    RunningExecutions: info.RunningExecutions,
    EnqueuedExecutions: info.EnqueuedExecutions,
  }
}

/** Zero is told by absence, and a fraction of a byte would cost the whole message. */
function amounts({ CPU, Memory, Disk, GPU, GPUs }: ComputeNodeInfo['MaxCapacity']): object {
  const whole = { Memory: Math.trunc(Memory), Disk: Math.trunc(Disk), GPU: Math.trunc(GPU) }
  const told = Object.entries({ CPU, ...whole }).filter(([, amount]) => amount > 0)
  return { ...Object.fromEntries(told), ...(GPUs === undefined || GPUs.length === 0 ? {} : { GPUs }) }
}
