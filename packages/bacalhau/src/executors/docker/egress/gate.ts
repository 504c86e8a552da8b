import { execFile } from 'node:child_process'
import { realpath } from 'node:fs/promises'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { z } from 'zod'
import type { ExecutionRequest } from '../../executor.ts'
import { createContainer } from '../container/create.ts'
import { containerName, GATE, LABELS } from '../container/labels.ts'
import { EngineError } from '../engine/call.ts'
import type { Engine } from '../engine/engine.ts'

/**
 * The gate of a job is a second container, of ours, that has no network but its own loopback, which the job shares. In it runs a
 * program that hands each connection to the node over a socket in a folder of the machine. The job therefore has no way to
 * anywhere but to the proxy in the node: no interface, no route, no name server, and nothing to see of the engine's other
 * networks or of the machine. The image of the gate is empty; program and interpreter are those of the node itself.
 */
// Podman takes no other tag when it makes an image of an archive.
const IMAGE = 'localhost/bacalhau-gate:latest'

/** Where the proxy of a job listens, in the job's own network. */
export const PROXY_PORT = 3128
/** The folder with the socket, and the socket, as the gate sees them. */
const FOLDER = '/egress'
export const SOCKET = 'proxy'

const MEMORY = 128 * 1024 * 1024
const PROGRAM = fileURLToPath(
  import.meta.url.endsWith('.ts')
    ? new URL('./forwarder.ts', import.meta.url)
    : new URL('./container-gate.js', import.meta.url),
)

export interface GatePlan {
  readonly node: string
  readonly request: Pick<ExecutionRequest, 'jobId' | 'executionId'>
  /** Folder of the machine with the socket. */
  readonly folder: string
}

let interpreterFiles: Promise<Binding[]> | undefined

/** Makes the gate of a job, not yet started. Rejects with an `EngineError`. */
export async function createGate(engine: Engine, plan: GatePlan, signal: AbortSignal): Promise<string> {
  interpreterFiles ??= interpreter()
  const config = gateConfig(plan, await imageId(engine, signal), await interpreterFiles)
  return createContainer(engine, `${containerName(plan.node, plan.request.executionId)}-gate`, config)
}

function gateConfig({ node, request, folder }: GatePlan, image: string, files: readonly Binding[]): object {
  const flags = ['--disable-sigusr1', '--max-old-space-size=32']
  return {
    Image: image,
    Entrypoint: [process.execPath],
    Cmd: [...flags, '/forwarder.mjs', String(PROXY_PORT), `${FOLDER}/${SOCKET}`],
    Env: [],
    Labels: {
      [LABELS.node]: node,
      [LABELS.job]: request.jobId,
      [LABELS.execution]: request.executionId,
      [LABELS.role]: GATE,
    },
    NetworkDisabled: false,
    HostConfig: {
      NetworkMode: 'none',
      // Nobody: so that looking up a name fails at once, and the machine's own servers stay unknown.
      Dns: ['127.0.0.1'],
      DnsSearch: ['.'],
      CapDrop: ['ALL'],
      // What it runs is ours, and systems with SELinux would keep it from files of the machine that are not labelled for it.
      SecurityOpt: ['no-new-privileges', 'label=disable'],
      ReadonlyRootfs: true,
      PidsLimit: 32,
      Memory: MEMORY,
      MemorySwap: MEMORY,
      Mounts: [...files, bind(PROGRAM, '/forwarder.mjs'), bind(folder, FOLDER)],
      LogConfig: { Type: 'json-file', Config: { 'max-size': '64k' } },
      RestartPolicy: { Name: 'no' },
    },
  }
}

type Binding = ReturnType<typeof bind>

const bind = (Source: string, Target: string) => ({ Type: 'bind', Source, Target, ReadOnly: true })

/** This program's interpreter, and the libraries that the system loads for it. */
async function interpreter(): Promise<Binding[]> {
  // Asked of a fresh one: a report of this process waits for all its threads.
  const { stdout } = await promisify(execFile)(process.execPath, ['-p', ASK_LIBRARIES], { env: {} })
  const files = [process.execPath, ...z.array(z.string()).parse(JSON.parse(stdout))]
  const wanted = [...new Set(files)].filter((file) => file.startsWith('/'))
  return Promise.all(wanted.map(async (file) => bind(await realpath(file), file)))
}

const ASK_LIBRARIES = 'process.report.excludeNetwork = true; JSON.stringify(process.report.getReport().sharedObjects)'

async function imageId(engine: Engine, signal: AbortSignal): Promise<string> {
  const known = await engine.image(IMAGE, signal)
  if (known !== undefined) return known.Id
  await engine.importImage(IMAGE, EMPTY_TAR, signal)
  const made = await engine.image(IMAGE, signal)
  if (made === undefined) throw new EngineError(0, 'the container engine has not taken the image of the gate')
  return made.Id
}

/** An archive of nothing: two blocks of zeros. */
const EMPTY_TAR = new Uint8Array(1_024)
