import type { SpecConfig } from '@bacalhau/models'
import { mkdir, open, realpath, stat } from 'node:fs/promises'
import path from 'node:path'
import { z } from 'zod'
import { BacalhauError } from '../../runtime/error.ts'
import { parseParams } from '../params.ts'
import type { InputSource } from '../source.ts'
import { type AllowList, createAllowList } from './allow-list.ts'

const paramsSchema = z.strictObject({
  SourcePath: z.string().min(1).max(4_096),
  ReadWrite: z.union([z.boolean(), z.enum(['true', 'false'])]).optional(),
  CreateAs: z.string().optional(),
})

/** What a spec asks for. */
interface Wish {
  readonly file: string
  readonly writable: boolean
  readonly createAs: 'dir' | 'file' | undefined
}

/** Files and folders of the node's machine, of which the operator's allow-list says that jobs may use them. */
export function createLocalSource(allowed: readonly string[]): InputSource {
  const allowList = createAllowList(allowed)
  return {
    types: ['local', 'localdirectory'],
    available: async () => !allowList.isEmpty,
    validate: (spec) => void wishOf(spec),
    async measure(spec) {
      const wish = wishOf(spec)
      if (wish.createAs === undefined) await locate(wish, allowList)
      // Nothing is copied.
      return { bytes: 0, local: true }
    },
    async prepare(spec, _folder, signal) {
      signal.throwIfAborted()
      const wish = wishOf(spec)
      if (wish.createAs !== undefined) await create(wish, wish.createAs, allowList)
      const place = await locate(wish, allowList)
      return { ...place, ...(wish.writable ? { writable: true } : {}), release: async () => undefined }
    },
  }
}

async function locate({ file, writable }: Wish, allowList: AllowList) {
  const hostPath = await realpath(file).catch(() => undefined)
  const grant = hostPath === undefined ? undefined : await allowList.grantFor(hostPath)
  // One answer for what is missing and what is forbidden: a job learns nothing of what else is on the machine.
  if (hostPath === undefined || grant === undefined) throw forbidden(file)
  if (writable && grant !== 'write') throw readOnly(file)
  const stats = await stat(hostPath)
  if (stats.isDirectory()) return { hostPath, kind: 'folder' } as const
  if (stats.isFile()) return { hostPath, kind: 'file' } as const
  throw forbidden(file)
}

/** Makes what is not there, below a folder that is there and may be written to. */
async function create({ file }: Wish, kind: 'dir' | 'file', allowList: AllowList): Promise<void> {
  const [ancestor, rest] = await existing(file)
  if (rest === '') return
  const target = path.join(ancestor, rest)
  const grant = await allowList.grantFor(target)
  if (grant === undefined) throw forbidden(file)
  if (grant !== 'write') throw readOnly(file)
  const mode = 0o700
  if (kind === 'dir') await mkdir(target, { recursive: true, mode })
  else {
    await mkdir(path.dirname(target), { recursive: true, mode })
    await (await open(target, 'a', 0o600)).close()
  }
}

/** The nearest folder above `file` that exists, free of links, and what is missing below it. */
async function existing(file: string, rest = ''): Promise<[folder: string, rest: string]> {
  const found = await realpath(file).catch(() => undefined)
  if (found !== undefined) return [found, rest]
  return existing(path.dirname(file), path.join(path.basename(file), rest))
}

function wishOf(spec: SpecConfig): Wish {
  const { SourcePath, ReadWrite, CreateAs = '' } = parseParams(paramsSchema, spec)
  const file = path.posix.normalize(SourcePath)
  const fail = (why: string) => new BacalhauError('ValidationError', `local input ${SourcePath}: ${why}`)
  if (!path.isAbsolute(SourcePath) || SourcePath.includes('\0')) throw fail('the path must be absolute')
  const writable = ReadWrite === true || ReadWrite === 'true'
  const kind = CreateAs.toLowerCase()
  if (kind === '' || kind === 'nocreate') return { file: SourcePath, writable, createAs: undefined }
  if (kind !== 'dir' && kind !== 'file') throw fail('CreateAs must be dir, file or noCreate')
  if (!writable) throw fail('what is to be created must be ReadWrite')
  if (SourcePath.split('/').includes('..')) throw fail("the path of what is to be created must not contain '..'")
  return { file, writable, createAs: kind }
}

function forbidden(file: string): BacalhauError {
  return new BacalhauError('InputFailed', `volume ${file} is not allowlisted on this node, or is not there`, {
    hint: 'The operator of the node allows a path with --allow-listed-local-paths.',
  })
}

function readOnly(file: string): BacalhauError {
  return new BacalhauError('InputFailed', `volume ${file} is not granted write access on this node`, {
    hint: 'The operator of the node grants it with :rw at the end of the path in Compute.AllowListedLocalPaths.',
  })
}
