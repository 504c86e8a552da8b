/** Bounds on what anyone can make this node do. One place, so that a reader sees them all. Bytes and milliseconds. */
const KIB = 1024
const MIB = 1024 * KIB

export const LIMITS = {
  /** Body of one API request, inline modules included. */
  requestBody: 10 * MIB,
  /** A body that is too large is taken in to its end, and thrown away, up to this; a larger one is cut off. */
  requestDrain: 64 * MIB,
  /** How deep JSON of a stranger may nest. */
  jsonDepth: 64,
  /** How many values it may hold. The largest honest bodies are a thousand jobs at once, and long lists of arguments. */
  jsonValues: 200_000,
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
  /** Nodes that a node knows, and those that a neighbour which is nobody to us may tell of. */
  knownNodes: 4_096,
  nodesOfStranger: 64,
  /** What a relay carries: reservations and how long each lasts, connections in all and those that one peer opens, bytes of each. */
  relayReservations: 4_096,
  relayReservation: 60 * 60_000,
  relayCircuits: 1_024,
  relayCircuitsOfPeer: 64,
  relayCircuitBytes: 256 * 1024 * MIB,
  /** Relays that a node is reached through. */
  relaysOfNode: 4,
  /** A node that is not heard of for this long is gone; Go nodes are believed to be there for as long as they believe it. */
  nodeLife: 5 * 60_000,
  goNodeLife: 10 * 60_000,
  /** What a node says of itself, in one message; how many of its addresses are looked at. */
  nodeFacts: 32 * KIB,
  nodeAddresses: 16,
  /** Messages about nodes that are taken in ten seconds: of one author, and of all. */
  factsOfAuthor: 20,
  factsInAll: 8_192,
  /** Bytes about nodes that are read of one neighbour in ten seconds: twice what it takes to tell of all that one knows. */
  factsBytes: 16 * MIB,
  /** Asking the API of a peer for its ID: how long, and how large the answer may be. */
  peerApiWait: 5_000,
  peerApiBody: 64 * KIB,
  /** Silence on a link after which the peer counts as lost, and how often an idle side speaks. */
  linkSilence: 5_000,
  linkHeartbeat: 1_000,
  /** One message to a compute node: an offer carries a spec, and a spec may carry inline modules. */
  linkMessage: 16 * MIB,
  /** One message of a compute node: the largest is the hello of one that holds `heldExecutions`. */
  linkReport: 2 * MIB,
  /** Bytes that may wait for a peer that reads its link slowly; beyond them the link is cut. */
  linkBacklog: 64 * MIB,
  /** Messages to one peer are packed into parcels of about this many bytes; a larger message makes a parcel of its own. */
  linkParcel: 512 * KIB,
  /** What one side of a link may have under way and not acknowledged. The rest waits, and beyond this much on disk only. */
  linkWindow: 4 * MIB,
  linkWindowParcels: 256,
  /** A peer has this long to complete a handshake. */
  handshake: 10_000,
  /** `POST /api/v1/run` holds its caller at most this long. */
  runWait: 15 * 60_000,
  /** A request for the next change of a job is held at most this long. */
  longPoll: 60_000,
  /** Changes of jobs that a reader of events may be behind; how often readers look while much is going on. */
  feedChanges: 8_192,
  feedPause: 25,
  /** A stream of events shows itself alive this often, and ends after this time, so that its caller is looked at anew. */
  eventBeat: 15_000,
  eventStream: 60 * 60_000,
  /** Headers of an API request, and a body that is kept in memory, must be complete within these times. */
  requestHeaders: 10_000,
  requestArrival: 60_000,
  /** An answer of the API begins within this time, except where a route is there to wait. */
  requestAnswer: 30_000,
  /** Connections to the API. */
  apiConnections: 4_096,
  /** Those of one address of another machine. */
  apiConnectionsOfOne: 512,
  /** Requests that one connection to the API may have under way. */
  requestsOfConnection: 16,
  /** A connection to the API may stay open without a request for so long. */
  apiIdle: 72_000,
  /** Tokens of the API, and client keys that are allowed to use it from elsewhere. */
  apiTokens: 10_000,
  /** Bytes that the bodies of one caller may take at once while they are read into memory and worked on. */
  bodiesOfCaller: 64 * MIB,
  /** Callers whose pace is remembered. */
  pacedCallers: 10_000,
  /** Wrong passwords in a row from one address before it has to wait, and how long it waits for each further one. */
  wrongPasswords: 10,
  wrongPasswordPause: 5_000,
  /** Passwords that may wait to be checked; each takes a tenth of a second of the processor. */
  passwordChecks: 16,
  /** Output that may wait for a slow reader of a log. */
  logBacklog: 1 * MIB,
  /** A reader of a log must show itself alive this often. */
  logPing: 30_000,
  /** Entries of one listing. */
  listedEntries: 100_000,
  /** Looking for content in the swarm before giving up. */
  contentLookup: 30_000,
  /** A peer has this long to say whether it has some content, and this long between two chunks while it sends it. */
  contentAnswer: 5_000,
  contentStall: 20_000,
  /** Peers that one lookup asks. */
  contentPeers: 64,
  /** Streams of content that one peer may have open with us, that we open to one peer, and that we serve in all. */
  contentStreamsPerPeer: 8,
  contentStreamsToPeer: 4,
  contentStreams: 64,
  /** One block of content, as in bitswap. */
  block: 2 * MIB,
  /** Content that is fetched or written to disk in one piece, if the caller sets no bound of its own. */
  contentBytes: 1024 * 1024 * MIB,
  contentFiles: 1_000_000,
  /** Uploads stop when less than this is free on the disk: the records of jobs need room, too. */
  diskReserve: 256 * MIB,
  /** A compute node that lost its link may come back within this time before its executions count as lost. */
  linkGrace: 3_000,
  /** The same after a restart of the orchestrator, when all nodes have to come back. */
  restartGrace: 15_000,
  /** Jobs that wait for a node which has gone go on waiting for it this long. */
  nodeMemory: 15_000,
  /** A node that refused an execution for want of room is asked again after this time, which doubles up to the second one. */
  refusalPause: 1_000,
  refusalPauseMost: 60_000,
  /** Bytes of offers that a node has not answered; until it does it gets no more. At least one offer always goes. */
  unansweredOffers: 32 * MIB,
  /** Progress of executions is written together with what follows within this time. */
  progressDelay: 25,
  /** Executions of one job. */
  jobCount: 1_000_000,
  /** How often the orchestrator removes the oldest of the jobs that have ended, when there are more than it keeps. */
  housekeeping: 10 * 60_000,
  /** A node has this long to answer an offer; then it is made to another one. */
  offerAnswer: 60_000,
  /** How often the orchestrator looks for what should have happened and has not. */
  watch: 5_000,
  /** A run that takes longer than its timeout by this is given up, whatever its node does. */
  overdue: 120_000,
  /** The job that is next and finds no room for this long has a node kept free for it. */
  keepNodeAfter: 10_000,
  /** A job that waits longer than this has one in `fairTurn` placements, whatever its priority. */
  unfairWait: 300_000,
  fairTurn: 16,
  /** Jobs or events in one answer of the API. */
  page: 1_000,
  /** The same where the caller does not say how many. */
  defaultPage: 100,
  /** Jobs that a listing by time of change looks through, the newest first. */
  scannedJobs: 100_000,
  /** One WebAssembly module. */
  wasmModule: 128 * MIB,
  /** One function of it: bytes, calls, and branches times values. V8 compiles a function in one piece, uninterrupted. */
  wasmFunction: 512 * KIB,
  wasmFunctionCalls: 6_000,
  wasmFunctionCost: 4_000_000,
  /** Entries of all tables of one execution. They live on V8's heap. */
  wasmTableEntries: 200_000,
  /** Compiled modules that a node keeps for the next job, as bytes of the modules. */
  wasmModuleCache: 64 * MIB,
  /** HTTP requests of modules: how many of one run, bytes sent and received by one run, time of one, and at once on a node. */
  wasmHttpRequests: 10_000,
  wasmHttpBytes: 4096 * MIB,
  wasmHttpTime: 30_000,
  wasmHttpAtOnce: 64,
  /** Its URL; body of the answer, redirects on the way to it, headers of a request, and bytes of the headers either way. */
  wasmHttpUrl: 8 * KIB,
  wasmHttpAnswer: 100 * MIB,
  wasmHttpRedirects: 10,
  wasmHttpHeaders: 100,
  wasmHttpHeaderBytes: 64 * KIB,
  /** stdout and stderr of one execution, each. */
  executionOutput: 1024 * MIB,
  /** Head of stdout and stderr that travels with the execution record. */
  outputSummary: 2 * KIB,
  /** Bytes that one execution may keep in its result folders, where the spec does not say. */
  executionDisk: 10 * 1024 * MIB,
  /** Characters of a data URL that a job keeps in its own record; a longer one is kept once, by content. */
  inlineKept: 2 * KIB,
  /** Bytes of one inline input. More does not get through the body of a request. */
  inlineContent: 10 * MIB,
  /** Results of at most so many bytes are kept by the orchestrator as well, where the configuration does not say. */
  keptResult: 64 * MIB,
  /** For so long an orchestrator tries to get a result; so long one try may take. */
  keptFor: 24 * 60 * 60_000,
  keptFetch: 10 * 60_000,
  /** Results that an orchestrator is going to fetch, in memory; more wait in the store. */
  keptWaiting: 10_000,
  /** A request for a URL into the storage of the orchestrator is answered within this time. */
  storageAnswer: 30_000,
  /** Bytes of one result in that storage: what Amazon takes in one piece. */
  managedResult: 5 * 1024 * MIB,
  /** Connections to the archives of results that a node serves. */
  archiveConnections: 256,
  /** Objects of one input from S3, and how many are fetched at the same time. */
  inputObjects: 100_000,
  inputObjectsAtOnce: 8,
  /** Redirects from the URL of an input to the data, and the longest pause between two tries to get it. */
  urlRedirects: 10,
  urlPause: 30_000,
  /** Bytes that the archive of one inline input may unpack to. */
  inlineUnpacked: 1024 * MIB,
  /** Bytes of inputs that lie ready for further executions although none reads them now. */
  inputCache: 10 * 1024 * MIB,
  /** Fetching all inputs, and publishing all results, of one execution. */
  inputs: 60 * 60_000,
  publish: 60 * 60_000,
  /** One call of a tool that lists GPUs. */
  gpuTool: 10_000,
  /** Finding out whether a node wants a job, for how many jobs at a time, and how long the answer of a probe may be. */
  admission: 20_000,
  admissionsAtOnce: 4,
  probeAnswer: 1 * MIB,
  /** Executions that a compute node holds for its orchestrators: waiting there, or running. */
  heldExecutions: 10_000,
  /** How often it is told, at most, how far an execution is before it runs. */
  preparingPause: 1_000,
  /** Executions that wait on a compute node, beyond those that its capacity lets run. */
  queuedExecutions: 256,
  /** An execution that a stop of its node interrupted this often is not run again there: it may be what brings the node down. */
  interruptedStarts: 3,
  /** How long, and of how many ended executions, a compute node keeps the output for readers. */
  outputRetention: 60 * 60_000,
  outputsKept: 1_000,
  /** And how many bytes of them all. */
  outputBytesKept: 10 * 1024 * MIB,
  /** Free bytes below which it takes no work, where the configuration does not say. */
  diskFloor: 1024 * MIB,
  /** How often a compute node looks whether its disk has room. */
  diskLook: 10_000,
  /** Characters of an error message or a hint that travel from node to node. */
  message: 8_192,
  /** Files and folders that one execution may create. */
  executionFiles: 100_000,
  /** Files and folders that one WebAssembly execution may hold open. */
  executionOpenFiles: 256,
  /** The container engine: one answer, whether it is there at all, one document, and a job's image. */
  engineAnswer: 120_000,
  enginePing: 10_000,
  engineDocument: 4 * MIB,
  engineStart: 60 * 60_000,
  /** What the engine keeps of the output of one container, twice. From it a restarted node catches up. */
  engineLog: 64 * MIB,
  /** The end of the output has this long to arrive after the end of its container. */
  engineDrain: 10_000,
  /** Processes and threads of one container. */
  containerProcesses: 4_096,
  /** The longest time that a job may ask for between being told to end and being ended. */
  containerGrace: 60_000,
  /** How often it is looked how much a container has written; the pause grows with what a look costs. */
  containerWatch: 2_000,
  /** The network HTTP of a container: its connections, headers of a message, and how long a server has to take a connection. */
  egressConnections: 256,
  egressHeaders: 64 * KIB,
  egressConnect: 30_000,
  /** Names that are looked up for containers at a time, of the four that a process can look up. */
  egressLookups: 2,
  /** The gate of a container has this long to come up. */
  egressGate: 30_000,
  /** A container that survived a restart of its node and is not wanted by then is removed. */
  containerUnclaimed: 10 * 60_000,
  /** One message of a Go node: an ask carries a job with inline modules. Those that one peer may have under way at once. */
  goMessage: 16 * MIB,
  goMessages: 64 * MIB,
  /** Characters of an ID that such a message names. */
  goName: 256,
  /** The same of one that is not trusted, and is going to be refused; and of all those together. */
  goStranger: 1 * MIB,
  goStrangers: 16 * MIB,
  /** A Go node has this long to answer a call. */
  goAnswer: 30_000,
  /** Bytes of inputs from IPFS that go along with a job to a Go node, which as a rule cannot fetch them. */
  goInlined: 16 * MIB,
  /** Calls to one Go node under way at a time; an ask may carry megabytes. */
  goCallsAtOnce: 8,
  /** An ask that cannot be delivered is tried this often, with this pause. */
  goAsks: 3,
  goAskPause: 1_000,
  /** How often it is looked for executions on Go nodes of which nothing has been heard, for so long; shorter where an answer is due. */
  goLook: 5_000,
  goSilence: 30_000,
  goPatience: 5_000,
  /** A Go node that cannot be reached for so long is gone. It redials by itself every ten seconds. */
  goAbsence: 30_000,
  /** What may still run on a Go node is remembered for so long after the node was last there: then it does not come back. */
  goMemory: 30 * 24 * 60 * 60_000,
  /** A Go requester that throws a report away so often, or cannot be told it for so long, is not told it. */
  goRefusals: 5,
  goReportLife: 24 * 60 * 60_000,
  /** What Go requesters may have open on this node together, and one that only asks has this long to decide. */
  goTaken: 10_000,
  /** Bytes of jobs that wait there to be ordered, and how many requesters there may be. */
  goOffers: 256 * MIB,
  goRequesters: 256,
  goBidLife: 24 * 60 * 60_000,
  /** Bytes of output in one entry of a log for a Go node; escapes make up to six times as much. */
  goLogEntry: 4 * KIB,
  /** How long the address of a log is good for. */
  goLogTicket: 60_000,
  /** A stop waits so long for reports to be taken. */
  goFarewell: 2_000,
} as const
