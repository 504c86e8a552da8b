import type { InputSourceSpec, SpecConfig, Task } from '@bacalhau/models'
import { hash } from 'node:crypto'
import {
  assignments,
  beyondGo,
  type GoRun,
  listParam,
  networkOf,
  onlyTask,
  publisherOf,
  requireContainer,
  sourceOf,
  textParam,
  variables,
  wasmParts,
} from './write-parts.ts'

/** The longest run that a node of v1.0.3 takes, in seconds. One without a bound is none that it knows. */
const LONGEST = 3_600

/** What a node of v1.0.3 is asked: a job of the API version V1beta1. `publicKey` is this node's, as libp2p writes it. */
export function writeLegacyAsk(run: GoRun, publicKey: Uint8Array): object {
  const { executionId, job, node, self } = run
  return {
    ExecutionID: executionId,
    JobID: job.ID,
    SourcePeerID: self,
    TargetPeerID: node,
    Job: {
      APIVersion: 'V1beta1',
      Metadata: {
        ID: job.ID,
        CreatedAt: new Date(Math.floor(job.CreateTime / 1e6)).toISOString(),
        // It stands for a user; ours are none that it knows.
        ClientID: hash('sha256', `${self}/${job.Namespace}`, 'hex'),
        Requester: { RequesterNodeID: self, RequesterPublicKey: Buffer.from(publicKey).toString('base64') },
      },
      Spec: writeSpec(run),
    },
  }
}

function writeSpec(run: GoRun) {
  const task = onlyTask(run.job)
  const publisher = writePublisher(task)
  const labels = Object.keys(run.job.Labels)
  const { engine, docker, wasm, inputs } = writeEngine(task, run)
  return {
    Engine: engine,
    Verifier: 'Noop',
    Publisher: publisher.Type,
    PublisherSpec: publisher,
    Docker: docker,
    Language: { JobContext: {} },
    Wasm: wasm,
    Resources: writeResources(run),
    Network: networkOf(task),
    Timeout: task.Timeouts.ExecutionTimeout || LONGEST,
    ...(inputs.length === 0 ? {} : { inputs: inputs.map(writeInput) }),
    outputs: task.ResultPaths.map(({ Name, Path }) => ({ Name, path: Path })),
    ...(labels.length === 0 ? {} : { Annotations: labels }),
    Deal: { Concurrency: 1 },
  }
}

const PUBLISHERS: Readonly<Record<string, string>> = { '': 'Noop', noop: 'Noop', ipfs: 'Ipfs', s3: 'S3' }

function writePublisher(task: Task): SpecConfig {
  const { Type, Params } = publisherOf(task)
  const name = PUBLISHERS[Type]
  if (name === undefined) throw beyondGo(`the publisher "${Type}": it is of a release before that`)
  return { Type: name, ...(Params === undefined ? {} : { Params }) }
}

/** The number of GPUs is always there. */
function writeResources({ resources: { CPU, Memory, Disk, GPU } }: GoRun) {
  const stated = Object.entries({ CPU, Memory, Disk }).filter(([, amount]) => amount > 0)
  return { ...Object.fromEntries(stated.map(([name, amount]) => [name, String(amount)])), GPU: GPU > 0 ? `${GPU}` : '' }
}

interface Engine {
  readonly engine: 'Docker' | 'Wasm'
  readonly docker: object
  readonly wasm: object
  readonly inputs: readonly InputSourceSpec[]
}

function writeEngine(task: Task, run: GoRun): Engine {
  switch (task.Engine.Type.toLowerCase()) {
    case 'wasm': {
      const { entry, imports, inputs } = wasmParts(task)
      return { engine: 'Wasm', docker: {}, wasm: writeWasm(task, entry, imports, run), inputs }
    }
    case 'docker':
      return {
        engine: 'Docker',
        docker: writeDocker(task, run),
        wasm: { EntryModule: {} },
        inputs: task.InputSources,
      }
    default:
      throw beyondGo(`the engine "${task.Engine.Type}"`)
  }
}

function writeWasm(
  { Engine: { Params } }: Task,
  entry: InputSourceSpec,
  imports: readonly InputSourceSpec[],
  run: GoRun,
) {
  const parameters = listParam(Params, 'Parameters')
  return {
    EntryModule: writeStorage(entry.Source),
    EntryPoint: textParam(Params, 'Entrypoint') || '_start',
    ...(parameters.length === 0 ? {} : { Parameters: parameters }),
    EnvironmentVariables: variables(run),
    ...(imports.length === 0 ? {} : { ImportModules: imports.map(({ Source }) => writeStorage(Source)) }),
  }
}

function writeDocker(task: Task, run: GoRun) {
  requireContainer(task)
  const { Params } = task.Engine
  const entrypoint = listParam(Params, 'Entrypoint')
  const parameters = listParam(Params, 'Parameters')
  const workingDirectory = textParam(Params, 'WorkingDirectory')
  // It has one list for both, which takes the place of the image's entry point.
  if (entrypoint.length === 0 && parameters.length > 0) throw beyondGo('parameters without an entry point')
  const command = [...entrypoint, ...parameters]
  return {
    Image: textParam(Params, 'Image'),
    ...(command.length === 0 ? {} : { Entrypoint: command }),
    EnvironmentVariables: [...assignments(variables(run)), ...listParam(Params, 'EnvironmentVariables')],
    ...(workingDirectory === '' ? {} : { WorkingDirectory: workingDirectory }),
  }
}

const KINDS: Readonly<Record<string, string>> = {
  ipfs: 'IPFS',
  inline: 'Inline',
  urlDownload: 'URLDownload',
  s3: 'S3',
  localDirectory: 'LocalDirectory',
}

function writeStorage(source: SpecConfig): Record<string, unknown> {
  const { Type, Params } = sourceOf(source)
  const kind = { StorageSource: KINDS[Type] ?? Type }
  if (Type !== 's3') return { ...kind, ...Params }
  const { ChecksumSHA256: Checksum, Filter, ...rest } = Params
  if (Filter !== undefined && Filter !== '') throw beyondGo('inputs from S3 with a filter')
  return { ...kind, S3: { ...rest, ...(Checksum === undefined ? {} : { Checksum }) } }
}

const writeInput = ({ Source, Alias, Target }: InputSourceSpec) => ({
  ...writeStorage(Source),
  ...(Alias === '' ? {} : { Name: Alias }),
  path: Target,
})
