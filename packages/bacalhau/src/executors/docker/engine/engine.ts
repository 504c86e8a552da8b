import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import type { z } from 'zod'
import { withDeadline } from '../../../runtime/abort.ts'
import { LIMITS } from '../../../runtime/limits.ts'
import type { EngineAddress } from './address.ts'
import {
  type Container,
  containerSchema,
  createdSchema,
  type FoundContainer,
  foundSchema,
  type Image,
  imageSchema,
  infoSchema,
  versionSchema,
  waitedSchema,
} from './answers.ts'
import { diskOf } from './disk.ts'
import { ask, type Call, EngineError, hijack, open, parseAnswer, tell, unreachable } from './call.ts'

/** What an engine says of itself. */
export interface EngineFacts {
  readonly version: string
  /** As in images: `linux`, `amd64`. */
  readonly os: string
  readonly architecture: string
  readonly processors: number
  /** Can it bound the size of a container's own files? */
  readonly boundsDisk: boolean
  readonly isPodman: boolean
  /** The disk of the containers' own files, where it is one of this machine. */
  readonly disk: string | undefined
}

/** The part of the Engine API that running a job takes. Every method rejects with an `EngineError` when the engine refuses. */
export interface Engine {
  readonly address: EngineAddress
  readonly facts: EngineFacts
  create(name: string, config: object, signal: AbortSignal): Promise<string>
  /** Unpacks a tar archive below `/` of a container. */
  unpack(id: string, archive: Uint8Array, signal: AbortSignal): Promise<void>
  /** A tar archive of a file or folder of a container. */
  pack(id: string, path: string, signal: AbortSignal): Promise<IncomingMessage>
  /** Output from now on, in frames. */
  attach(id: string, signal: AbortSignal): Promise<Readable>
  /** Output from its beginning, in frames, until the container ends. */
  logs(id: string, signal: AbortSignal): Promise<IncomingMessage>
  start(id: string, signal: AbortSignal): Promise<void>
  /** Waits for the end of a container that was started; resolves with its exit code. */
  wait(id: string, signal: AbortSignal): Promise<number>
  kill(id: string): Promise<void>
  /** Tells a container to end, and ends it after so many seconds. */
  stop(id: string, seconds: number): Promise<void>
  /** Removes a container, running or not, with the volumes that it made. It may be gone already. */
  remove(id: string): Promise<void>
  inspect(id: string, size?: boolean): Promise<Container>
  /** Containers with this label, running or not. */
  list(label: string): Promise<FoundContainer[]>
  /** Undefined when there is no such image here. */
  image(reference: string, signal?: AbortSignal): Promise<Image | undefined>
  /** Lines of JSON about the progress of a pull. */
  pull(query: Readonly<Record<string, string>>, auth: string | undefined, signal: AbortSignal): Promise<IncomingMessage>
  /** Makes an image of the archive of a root file system. */
  importImage(reference: string, archive: Uint8Array, signal: AbortSignal): Promise<void>
  removeImage(reference: string): Promise<void>
}

/** The newest version of the API that this program was written for, and the oldest that has all it needs. */
const [NEWEST, OLDEST] = [47, 40] as const

/** Agrees with the engine at `address` on a version of the API. Rejects when none answers there, or one that is too old. */
export async function connectEngine(address: EngineAddress, signal: AbortSignal): Promise<Engine> {
  const limited = withDeadline(signal, LIMITS.enginePing)
  const { headers } = await open(address, { method: 'HEAD', path: '/_ping', signal: limited }).then(drained)
  const minor = Number(/^1\.(\d{1,3})$/.exec(String(headers['api-version']))?.[1] ?? Number.NaN)
  if (!(minor >= OLDEST))
    throw new EngineError(
      0,
      `the engine at ${address.name} speaks API ${String(headers['api-version'])}; 1.${OLDEST} is needed`,
    )
  const base = `/v1.${Math.min(minor, NEWEST)}`
  const [info, version] = await Promise.all([
    ask(address, { method: 'GET', path: `${base}/info`, signal: limited }, infoSchema),
    ask(address, { method: 'GET', path: `${base}/version`, signal: limited }, versionSchema),
  ])
  return engineAt(address, base, {
    version: version.Version,
    os: version.Os.toLowerCase(),
    architecture: version.Arch,
    processors: info.NCPU,
    boundsDisk: boundsDisk(info),
    isPodman: version.Components.some(({ Name }) => /podman/i.test(Name)),
    disk: info.DockerRootDir === '' ? undefined : await diskOf(info.DockerRootDir),
  })
}

/** Quick, for being asked again and again. */
export async function answers(address: EngineAddress): Promise<boolean> {
  const call = { method: 'HEAD', path: '/_ping', signal: AbortSignal.timeout(LIMITS.enginePing) } as const
  return open(address, call)
    .then(drained)
    .then(Boolean, () => false)
}

function drained(answer: IncomingMessage): IncomingMessage {
  return answer.resume()
}

/** These storage drivers take a size; overlay does on a file system that counts by project. */
function boundsDisk({ Driver, DriverStatus }: z.infer<typeof infoSchema>): boolean {
  if (['btrfs', 'zfs', 'windowsfilter', 'devicemapper'].includes(Driver)) return true
  const says = (name: string, value: string) => DriverStatus.some(([key, said]) => key === name && said === value)
  return Driver === 'overlay2' && says('Backing Filesystem', 'xfs') && says('Supports project quota', 'true')
}

type Caller = (method: Call['method'], path: string, more?: Omit<Call, 'method' | 'path'>) => Call
type ImageCall = 'image' | 'pull' | 'importImage' | 'removeImage'

function engineAt(address: EngineAddress, base: string, facts: EngineFacts): Engine {
  const call: Caller = (method, path, more) => ({ method, path: `${base}${path}`, ...more })
  return { address, facts, ...containerCalls(address, call), ...imageCalls(address, call) }
}

const query = (entries: Readonly<Record<string, string>>) => `?${new URLSearchParams(entries).toString()}`
const STREAMS = { stream: '1', stdout: '1', stderr: '1' }

function containerCalls(address: EngineAddress, call: Caller): Omit<Engine, ImageCall | 'address' | 'facts'> {
  const at = (id: string, action = '') => `/containers/${encodeURIComponent(id)}${action}`
  return {
    async create(name, config, signal) {
      const path = `/containers/create${query({ name })}`
      return (await ask(address, call('POST', path, { body: config, signal }), createdSchema)).Id
    },
    unpack: (id, archive, signal) =>
      tell(address, call('PUT', at(id, `/archive${query({ path: '/' })}`), { body: archive, signal })),
    pack: (id, path, signal) => open(address, call('GET', at(id, `/archive${query({ path })}`), { signal })),
    attach: (id, signal) => hijack(address, call('POST', at(id, `/attach${query(STREAMS)}`), { signal })),
    logs: (id, signal) => open(address, call('GET', at(id, `/logs${query({ ...STREAMS, follow: '1' })}`), { signal })),
    start: (id, signal) => tell(address, call('POST', at(id, '/start'), { signal })),
    async wait(id, signal) {
      const answer = await open(address, call('POST', at(id, '/wait'), { signal }))
      return readExit(answer, address, signal)
    },
    kill: (id) => tell(address, call('POST', at(id, '/kill'))).catch(unless([404, 409])),
    stop: (id, seconds) =>
      tell(address, call('POST', at(id, `/stop${query({ t: String(seconds) })}`))).catch(unless([404, 409])),
    remove: (id) => tell(address, call('DELETE', at(id, query({ force: '1', v: '1' })))).catch(unless([404, 409])),
    inspect: (id, size = false) => ask(address, call('GET', at(id, `/json${size ? '?size=1' : ''}`)), containerSchema),
    list(label) {
      const filters = JSON.stringify({ label: [label] })
      return ask(address, call('GET', `/containers/json${query({ all: '1', filters })}`), foundSchema)
    },
  }
}

function imageCalls(address: EngineAddress, call: Caller): Pick<Engine, ImageCall> {
  const at = (reference: string) => `/images/${reference.split('/').map(encodeURIComponent).join('/')}`
  return {
    image: (reference, signal) =>
      ask(address, call('GET', `${at(reference)}/json`, { signal }), imageSchema).catch(unless([404])),
    pull(entries, auth, signal) {
      const headers = auth === undefined ? {} : { 'X-Registry-Auth': auth }
      return open(address, call('POST', `/images/create${query(entries)}`, { signal, headers }))
    },
    importImage(reference, body, signal) {
      const at = reference.lastIndexOf(':')
      const name = { fromSrc: '-', repo: reference.slice(0, at), tag: reference.slice(at + 1) }
      return tell(address, call('POST', `/images/create${query(name)}`, { body, signal }))
    },
    removeImage: (reference) => tell(address, call('DELETE', at(reference))).catch(unless([404, 409])),
  }
}

/** Passes over refusals with these statuses. */
const unless = (statuses: readonly number[]) => (error: unknown) => {
  if (error instanceof EngineError && statuses.includes(error.status)) return undefined
  throw error
}

/** The answer begins at once and ends with the container, which may be days later. */
async function readExit(answer: IncomingMessage, address: EngineAddress, signal: AbortSignal): Promise<number> {
  let text = ''
  try {
    for await (const chunk of answer as AsyncIterable<Buffer>) text = (text + chunk.toString()).slice(0, 65_536)
  } catch (error) {
    throw unreachable(address, error, signal)
  }
  return parseAnswer(text, waitedSchema, 'wait').StatusCode
}
