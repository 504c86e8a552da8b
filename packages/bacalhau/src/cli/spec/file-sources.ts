import { stat } from 'node:fs/promises'
import path from 'node:path'
import type { InputSourceSpec, JobSpec, SpecConfig } from '@bacalhau/models'
import { BacalhauError, systemCode } from '../../runtime/error.ts'
import { FILE_SOURCE } from './input-flag.ts'

/** Puts a file or folder of this machine into the network and resolves with its CID. */
export type Upload = (file: string) => Promise<string>

/** Does this source name a file or folder of this machine? */
const isFileSource = ({ Type }: SpecConfig): boolean => Type.toLowerCase() === FILE_SOURCE

/** Does any input of the job have to be uploaded from this machine first? */
export const hasFileSources = (spec: JobSpec): boolean =>
  spec.Tasks.some(({ InputSources }) => InputSources.some(({ Source }) => isFileSource(Source)))

/**
 * The same job, whose sources of the type `file` are replaced by the CIDs of what `upload` made of them. Paths start from
 * `folder`. Nothing is uploaded when any of them does not exist; the same path is uploaded once.
 */
export async function uploadFileSources(spec: JobSpec, folder: string, upload: Upload): Promise<JobSpec> {
  const inputs = spec.Tasks.flatMap(({ InputSources }) => InputSources).filter(({ Source }) => isFileSource(Source))
  const files = new Set(inputs.map((input) => pathOf(input, folder)))
  for (const file of files) await mustExist(file)
  const cids = new Map<string, string>()
  for (const file of files) cids.set(file, await upload(file))
  const replace = (input: InputSourceSpec): InputSourceSpec =>
    isFileSource(input.Source)
      ? { ...input, Source: { Type: 'ipfs', Params: { CID: cids.get(pathOf(input, folder)) } } }
      : input
  return {
    ...spec,
    Tasks: spec.Tasks.map((task) => ({ ...task, InputSources: task.InputSources.map(replace) })),
  }
}

function pathOf({ Source, Target }: InputSourceSpec, folder: string): string {
  const [, value] = Object.entries(Source.Params ?? {}).find(([key]) => key.toLowerCase() === 'path') ?? []
  if (typeof value === 'string' && value !== '') return path.resolve(folder, value)
  throw new BacalhauError('ValidationError', `the file source for ${Target} has no Path`)
}

async function mustExist(file: string): Promise<void> {
  try {
    const found = await stat(file)
    if (found.isFile() || found.isDirectory()) return
  } catch (error) {
    const why = systemCode(error) === 'ENOENT' ? 'does not exist' : `cannot be read (${systemCode(error)})`
    throw new BacalhauError('InputFailed', `the input ${file} ${why}`, {
      hint: 'Paths in a spec start from its folder.',
    })
  }
  throw new BacalhauError('InputFailed', `the input ${file} is neither a file nor a folder`)
}
