/** Bounds on what anyone can make this node do. One place, so that a reader sees them all. Bytes and milliseconds. */
const KIB = 1024
const MIB = 1024 * KIB

export const LIMITS = {
  /** Body of one API request, inline modules included. */
  requestBody: 10 * MIB,
  /** How deep JSON of a stranger may nest. */
  jsonDepth: 64,
  /** One frame of the link or of any other stream between peers. */
  frame: 1 * MIB,
  /** A frame that has begun must be complete within this time, so that a dribbling peer cannot hold a stream for ever. */
  frameArrival: 60_000,
  /** A peer that takes nothing of what we send it for this long is cut off. */
  streamStall: 120_000,
  /** Bytes that a peer may send on one stream before we have read any of them. */
  streamWindow: 4 * MIB,
  /** Open streams of one protocol, per connection. */
  streamsPerProtocol: 1_024,
  /** Connections of a node; handshakes under way at once; new connections a second from one address. */
  connections: 4_096,
  pendingHandshakes: 256,
  connectionsPerSecond: 200,
  /** Silence on a link after which the peer counts as lost, and how often an idle side speaks. */
  linkSilence: 5_000,
  linkHeartbeat: 1_000,
  /** One batch of messages on a link: an offer carries a spec, and a spec may carry inline modules. */
  linkBatch: 16 * MIB,
  /** Bytes that may wait for a peer that reads its link slowly; beyond them the link is cut. */
  linkBacklog: 64 * MIB,
  /** A peer has this long to complete a handshake. */
  handshake: 10_000,
  /** `POST /api/v1/run` holds its caller at most this long. */
  runWait: 15 * 60_000,
  /** Looking for content in the swarm before giving up. */
  contentLookup: 30_000,
  /** One WebAssembly module. */
  wasmModule: 128 * MIB,
  /** stdout and stderr of one execution, each. */
  executionOutput: 1024 * MIB,
  /** Head of stdout and stderr that travels with the execution record. */
  outputSummary: 2 * KIB,
  /** Bytes that one execution may keep in its result folders, where the spec does not say. */
  executionDisk: 10 * 1024 * MIB,
  /** Fetching all inputs, and publishing all results, of one execution. */
  inputs: 60 * 60_000,
  publish: 60 * 60_000,
  /** How long, and of how many ended executions, a compute node keeps the output for readers. */
  outputRetention: 60 * 60_000,
  outputsKept: 1_000,
  /** Characters of an error message or a hint that travel from node to node. */
  message: 8_192,
  /** Files and folders that one execution may create. */
  executionFiles: 100_000,
} as const
