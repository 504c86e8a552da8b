export interface CatalogueEntry {
  /** HTTP status that the REST API answers with. */
  readonly status: number
  /** May the same request, unchanged, succeed later? */
  readonly retryable: boolean
  /** What to do next, where one sentence fits every occurrence. */
  readonly hint?: string
}

const bad = (hint?: string): CatalogueEntry => ({
  status: 400,
  retryable: false,
  ...(hint === undefined ? {} : { hint }),
})
const entry = (status: number, retryable = false, hint?: string): CatalogueEntry => ({
  status,
  retryable,
  ...(hint === undefined ? {} : { hint }),
})

/**
 * Every error code of the project: the one table for the API, the command line, the client and the documentation. A code is a
 * promise: its meaning never changes.
 */
const ENTRIES = {
  // The caller's request.
  BadRequest: bad(),
  ValidationError: bad('Correct the named field and submit again.'),
  InvalidFlag: bad('See `bacalhau help` for the flags of each command.'),
  NotFound: entry(404),
  Unauthorized: entry(401, false, 'Call from the machine itself, or present a token.'),
  Forbidden: entry(403),
  MethodNotAllowed: entry(405),
  Conflict: entry(409),
  Gone: entry(410),
  /** The key of an idempotent submission was used before, for something else. */
  IdempotencyKeyReused: entry(
    422,
    false,
    'Give each submission a key of its own; repeat one only with the same content.',
  ),
  PayloadTooLarge: entry(413, false, 'Put large data into an input (`bacalhau data add`) instead of the spec.'),
  RangeNotSatisfiable: entry(416),
  UnsupportedMediaType: entry(415, false, 'Send `Content-Type: application/json`.'),
  TooManyRequests: entry(429, true),
  NotImplemented: entry(501),
  ServiceUnavailable: entry(503, true),
  TimeOut: entry(504, true),
  RequestCancelled: entry(499, true),
  InternalError: entry(500, false, 'This is a fault of the program; please report it with the log.'),

  // Told by the client alone: no answer came, or one that is none. The status is then that of the answer, or 0.
  Unreachable: entry(503, true, 'Start a node with `bacalhau serve`, or give the address of one.'),
  BadAnswer: entry(502, false, 'Check that this is the address of a bacalhau node, of a version that fits.'),
  LogsFailed: entry(502, true, 'Ask for the logs again.'),
  Unknown: entry(500, false, 'Check that this is the address of a bacalhau node.'),

  // Configuration and start.
  ConfigurationError: bad(),
  InvalidMultiaddr: bad(
    'A peer looks like /ip4/192.0.2.1/tcp/1235/p2p/Qm…, or /ip4/192.0.2.1/tcp/1234/http, or `none`.',
  ),
  KeyFileInvalid: bad('The file was left as it is. Restore it from a copy, or move it away to get a new identity.'),
  SwarmKeyInvalid: bad(
    'Copy the file from another node of the swarm, or make a new one: `bacalhau network key swarm.key`.',
  ),
  SwarmKeyMismatch: entry(409),
  DataDirUnusable: bad('Choose another folder with --data-dir or BACALHAU_PATH, or correct its permissions.'),
  PortInUse: entry(409, false),
  PeerUnreachable: entry(503, true),
  PeerIdMismatch: entry(409),
  StoreCorrupt: entry(500, false),

  // Content.
  InvalidCid: bad('A CID looks like Qm… or bafy…; `bacalhau data add` prints one.'),
  ContentNotFound: entry(404, true),
  ContentTooLarge: entry(413),
  /** The data is what its CID says, but not a well-formed file or folder; or a peer sent what it should not. */
  ContentInvalid: entry(422),
  DiskFull: entry(507, true, 'Free some disk space on the node and try again.'),

  // Placement and execution.
  NoNodes: entry(
    503,
    true,
    '`bacalhau node describe <id>` shows what a node offers; `bacalhau serve --compute --peer <address of this node>` adds one.',
  ),
  EngineMissing: entry(400, false),
  NotEnoughResources: entry(400, false, 'Lower Resources in the spec or add a larger node.'),
  JobFailed: entry(500, false),
  NodeLost: entry(502, true),
  ExecutionTimeout: entry(504, false, 'Raise Timeouts.ExecutionTimeout or give the job less to do.'),
  ExecutionCancelled: entry(409, false),
  InputFailed: entry(502, true),
  /** The job asks for a variable of the node that it may not read, or that is not there. */
  EnvRefused: entry(422),
  /** A job is to be run again whose inline data the orchestrator has lost. */
  InlineDataLost: entry(410, false, 'Submit the job anew, with its data.'),
  PublishFailed: entry(502, true),

  // Containers.
  EngineUnavailable: entry(503, true, 'The operator of the node can start the container engine again.'),
  EngineFailed: entry(502, true),
  ImageInvalid: bad('An image looks like ubuntu:24.04 or registry.example.com/team/image@sha256:….'),
  ImageNotFound: entry(404, true),
  ImagePlatform: entry(409, true, 'Build the image for the platform of the nodes, or for several.'),
  ContainerStartFailed: entry(
    400,
    false,
    'Check Entrypoint, Parameters and WorkingDirectory against what is in the image.',
  ),
  MemoryLimit: entry(500, false, 'Raise Resources.Memory in the spec.'),
  DiskLimit: entry(500, false, 'Raise Resources.Disk in the spec, or write less.'),
  NetworkLimit: entry(500, false, 'Give large data to the job as an input, or ask the operator for more.'),
  FileLimit: entry(500, false, 'Pack many small files into an archive.'),

  // WebAssembly.
  WasmModuleMissing: bad(),
  WasmNotAModule: bad('Build for the target wasm32-wasi (preview 1) and pass the .wasm file.'),
  WasmInvalidModule: bad(),
  WasmTooComplex: bad('Build with optimisation (-O1 or higher), or split the function.'),
  WasmMissingEntrypoint: bad(),
  WasmMissingImport: bad(),
  WasmImportMismatch: bad(),
  WasmTrap: entry(500, false),
  WasmMemoryExhausted: entry(500, false, 'Raise Resources.Memory in the spec.'),
  WasmStackExhausted: entry(500, false),
  WasmOutputLimit: entry(500, false),
  WasmDiskLimit: entry(500, false),
  WasmFileLimit: entry(500, false),
  WasmHttpLimit: entry(500, false, 'Give large data to the job as an input.'),
  SandboxCrashed: entry(500, true),
} as const satisfies Record<string, CatalogueEntry>

export type ErrorCode = keyof typeof ENTRIES

export const CATALOGUE: Readonly<Record<ErrorCode, CatalogueEntry>> = ENTRIES
