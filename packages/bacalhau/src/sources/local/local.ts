import type { SpecConfig } from '@bacalhau/models'
import { realpath, stat } from 'node:fs/promises'
import path from 'node:path'
import { z } from 'zod'
import { BacalhauError } from '../../runtime/error.ts'
import { parseParams } from '../params.ts'
import type { InputSource } from '../source.ts'
import { createAllowList } from './allow-list.ts'

const paramsSchema = z.strictObject({
  SourcePath: z.string().min(1).max(4_096),
  ReadWrite: z.union([z.boolean(), z.enum(['true', 'false'])]).optional(),
  CreateAs: z.string().optional(),
})

/** Files and folders of the node's machine, of which the operator's allow-list says that jobs may read them. */
export function createLocalSource(allowed: readonly string[]): InputSource {
  const allowList = createAllowList(allowed)

  async function locate(spec: SpecConfig): Promise<{ hostPath: string; kind: 'file' | 'folder' }> {
    const { SourcePath } = check(spec)
    const hostPath = await realpath(SourcePath).catch(() => undefined)
    // One answer for what is missing and what is forbidden: a job learns nothing of what else is on the machine.
    if (hostPath === undefined || !(await allowList.allows(hostPath))) throw forbidden(SourcePath)
    const stats = await stat(hostPath)
    if (stats.isDirectory()) return { hostPath, kind: 'folder' }
    if (stats.isFile()) return { hostPath, kind: 'file' }
    throw forbidden(SourcePath)
  }

  return {
    types: ['local', 'localdirectory'],
    available: async () => !allowList.isEmpty,
    validate: (spec) => void check(spec),
    async measure(spec) {
      await locate(spec)
      // Nothing is copied.
      return { bytes: 0, local: true }
    },
    async prepare(spec, _folder, signal) {
      signal.throwIfAborted()
      return { ...(await locate(spec)), release: async () => undefined }
    },
  }
}

function check(spec: SpecConfig): z.output<typeof paramsSchema> {
  const params = parseParams(paramsSchema, spec)
  const { SourcePath, ReadWrite, CreateAs = 'noCreate' } = params
  if (!path.isAbsolute(SourcePath) || SourcePath.includes('\0')) {
    throw new BacalhauError('ValidationError', `local input ${SourcePath}: the path must be absolute`)
  }
  if (ReadWrite === true || ReadWrite === 'true' || CreateAs.toLowerCase() !== 'nocreate') {
    throw new BacalhauError('ValidationError', `local input ${SourcePath}: inputs are read-only, and never created`, {
      hint: 'Write to a result path (ResultPaths) instead.',
    })
  }
  return params
}

function forbidden(file: string): BacalhauError {
  return new BacalhauError('InputFailed', `volume ${file} is not allowlisted on this node, or is not there`, {
    hint: 'The operator of the node allows a path with --allow-listed-local-paths.',
  })
}
