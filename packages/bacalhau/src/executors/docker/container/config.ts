import { LIMITS } from '../../../runtime/limits.ts'
import type { ExecutionRequest, Mount } from '../../executor.ts'
import type { EngineFacts } from '../engine/engine.ts'
import type { DockerParams } from '../params.ts'
import type { GpuDevices } from './gpus.ts'
import { LABELS } from './labels.ts'
import type { PortPlan } from './ports.ts'

export interface ContainerPlan {
  readonly node: string
  readonly facts: EngineFacts
  readonly imageId: string
  readonly params: DockerParams
  readonly request: ExecutionRequest
  readonly ports: PortPlan
  /** Variables that lead its programs to the proxy, if its network has one. */
  readonly proxy: Readonly<Record<string, string>>
  readonly gpus: GpuDevices
  readonly hardening: Hardening
  /** Their names, for the label. */
  readonly gpuNames: readonly string[]
}

/** What the operator wants of every container. */
export interface Hardening {
  /** Processes and threads of one. */
  readonly processes: number
  /** Files that each of its processes may have open; undefined: what the engine gives. */
  readonly openFiles: number | undefined
  /** Instead of the engine's own profile: the file, and what is in it. */
  readonly seccomp: { readonly file: string; readonly profile: string } | undefined
  /** What runs it instead of the engine's usual program, for example one that puts a kernel of its own around it. */
  readonly runtime: string | undefined
  /** Bytes a second that it may read from the disk, and write to it; undefined: as many as it can. */
  readonly diskRate: number | undefined
  /** Milliseconds that it has to end by itself, where the spec does not say. */
  readonly grace: number
}

export const USUAL_HARDENING: Hardening = {
  processes: LIMITS.containerProcesses,
  openFiles: undefined,
  seccomp: undefined,
  runtime: undefined,
  diskRate: undefined,
  grace: 1_000,
}

/** The least memory that an engine takes: 6 MiB since Docker 20.10. */
const LEAST_MEMORY = 6 * 1024 * 1024
/** The least share of a processor that an engine takes. */
const LEAST_CORES = 0.01

/**
 * The body of `POST /containers/create`: what the spec says, in a container that can do as little as possible. Everything here
 * that bounds a job is there for jobs of strangers; `docs/docker.md` says what it means for images.
 */
export function containerConfig(plan: ContainerPlan): object {
  const { imageId, params, request, ports } = plan
  const { entrypoint, command, workingDirectory, user, stopSignal } = params
  return {
    // By its content, so that what was checked is what runs, wherever the tag points to by now.
    Image: imageId,
    ...(entrypoint === undefined ? {} : { Entrypoint: entrypoint }),
    ...(command === undefined ? {} : { Cmd: command }),
    ...(workingDirectory === undefined ? {} : { WorkingDir: workingDirectory }),
    ...(user === undefined ? {} : { User: user }),
    ...(stopSignal === undefined ? {} : { StopSignal: stopSignal }),
    Env: Object.entries({ ...request.env, ...ports.env, ...params.env, ...plan.proxy }).map(
      ([name, value]) => `${name}=${value}`,
    ),
    Labels: labelsOf(plan),
    Tty: false,
    OpenStdin: false,
    // An image's own check would run beside the job, again and again.
    Healthcheck: { Test: ['NONE'] },
    NetworkDisabled: ports.mode === 'none',
    ExposedPorts: Object.fromEntries(Object.keys(ports.bindings).map((port) => [port, {}])),
    HostConfig: hostConfig(plan),
  }
}

function labelsOf({ node, request, gpuNames, ports }: ContainerPlan): Record<string, string> {
  const { jobId, executionId } = request
  return {
    [LABELS.node]: node,
    [LABELS.job]: jobId,
    [LABELS.execution]: executionId,
    ...(gpuNames.length === 0 ? {} : { [LABELS.gpus]: gpuNames.join(',') }),
    ...(ports.held.length === 0 ? {} : { [LABELS.ports]: ports.held.join(',') }),
  }
}

function hostConfig({ facts, params, request, ports, gpus, hardening }: ContainerPlan): object {
  const { limits, mounts } = request
  const memory = limits.memory > 0 ? Math.max(Math.floor(limits.memory), LEAST_MEMORY) : 0
  const reachesHost = (ports.mode === 'bridge' || ports.mode === 'host') && !facts.isPodman
  return {
    CapDrop: ['ALL'],
    SecurityOpt: ['no-new-privileges', ...seccompOf(hardening, facts)],
    Privileged: false,
    IpcMode: 'private',
    PidsLimit: hardening.processes,
    Ulimits: limitsOf(hardening, facts),
    ...diskLimits(hardening, facts),
    ...(params.shm === undefined ? {} : { ShmSize: params.shm }),
    ...(hardening.runtime === undefined ? {} : { Runtime: hardening.runtime }),
    Memory: memory,
    // The same as memory: no swap.
    MemorySwap: memory,
    NanoCpus: nanoCores(limits.cpu, facts),
    NetworkMode: ports.mode,
    PortBindings: ports.bindings,
    ...(reachesHost ? { ExtraHosts: ['host.docker.internal:host-gateway'] } : {}),
    Mounts: mounts.filter(({ readOnly, inPlace }) => readOnly || inPlace === true).map(toBind),
    ...(facts.boundsDisk ? { StorageOpt: { size: String(limits.disk) } } : {}),
    LogConfig: logConfig(facts),
    RestartPolicy: { Name: 'no' },
    AutoRemove: false,
    ...gpus,
  }
}

/** Docker takes a profile itself, Podman the name of its file. */
function seccompOf({ seccomp }: Hardening, { isPodman }: EngineFacts): string[] {
  if (seccomp === undefined) return []
  return [`seccomp=${isPodman ? seccomp.file : seccomp.profile}`]
}

/** The engine counts by disk, which only an engine on this machine has in common with us. */
function diskLimits({ diskRate }: Hardening, { disk }: EngineFacts): object {
  if (diskRate === undefined || disk === undefined) return {}
  const rate = [{ Path: disk, Rate: diskRate }]
  return { BlkioDeviceReadBps: rate, BlkioDeviceWriteBps: rate }
}

/** No image of a process that crashed: it would go where the machine wants it, and on the job's disk. */
function limitsOf({ openFiles }: Hardening, { isPodman }: EngineFacts): object[] {
  const files = openFiles === undefined ? [] : [{ Name: 'nofile', Soft: openFiles, Hard: openFiles }]
  // Podman forgets the limits of its own configuration as soon as it is given any.
  return isPodman ? files : [{ Name: 'core', Soft: 0, Hard: 0 }, ...files]
}

/** What the engine itself keeps of the output, from which a restarted node catches up. Docker's own format costs it least. */
function logConfig({ isPodman }: EngineFacts): object {
  const size = { 'max-size': `${Math.ceil(LIMITS.engineLog / 1024)}k` }
  if (isPodman) return { Type: 'json-file', Config: size }
  return { Type: 'local', Config: { ...size, 'max-file': '2', compress: 'false' } }
}

function nanoCores(cpu: number | undefined, { processors }: EngineFacts): number {
  if (cpu === undefined || cpu <= 0) return 0
  return Math.round(Math.min(Math.max(cpu, LEAST_CORES), processors) * 1000) * 1_000_000
}

/** `Mounts` instead of `Binds`: a path may hold any character, and one that is missing is an error instead of a new folder. */
function toBind({ hostPath, guestPath, readOnly }: Mount): object {
  const BindOptions = { Propagation: 'rprivate' }
  return { Type: 'bind', Source: hostPath, Target: guestPath, ReadOnly: readOnly, BindOptions }
}
