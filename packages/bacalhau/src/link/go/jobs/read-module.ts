import type { InputSourceSpec, Task } from '@bacalhau/models'
import path from 'node:path'
import { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { tarEntries } from '../../../content/tar-entries.ts'
import { BacalhauError, messageOf } from '../../../runtime/error.ts'

/** The two ways in which the Go program writes a module into a job: the module itself, or an archive with nothing else in it. */
const ARCHIVE = /^data:application\/(?:x-)?gzip(?:;[^,]*)?,/i

/**
 * The task with its WebAssembly modules where they will lie. One that comes as an archive becomes a folder, with the module
 * in it under a name of its own. Throws `BadRequest` for an archive that holds none.
 */
export async function locateModules(task: Task): Promise<Task> {
  const { Type, Params } = task.Engine
  if (Type.toLowerCase() !== 'wasm' || Params === undefined) return task
  const { EntryModule, ImportModules } = Params
  const locate = async (module: unknown): Promise<unknown> => {
    const input = task.InputSources.find(({ Target }) => Target === module)
    return input === undefined ? module : pathWithin(input)
  }
  const located = {
    ...Params,
    EntryModule: await locate(EntryModule),
    ...(Array.isArray(ImportModules) ? { ImportModules: await Promise.all(ImportModules.map(locate)) } : {}),
  }
  return { ...task, Engine: { Type, Params: located } }
}

async function pathWithin({ Source, Target }: InputSourceSpec): Promise<string> {
  const url = Source.Params?.['URL']
  if (Source.Type.toLowerCase() !== 'inline' || typeof url !== 'string' || !ARCHIVE.test(url)) return Target
  const archive = Buffer.from(url.slice(url.indexOf(',') + 1), 'base64')
  return path.posix.join(Target, await firstFile(archive))
}

/** Reads no further than the head of the first file. */
async function firstFile(archive: Buffer): Promise<string> {
  const unzipped = createGunzip()
  Readable.from([archive]).pipe(unzipped)
  try {
    for await (const entry of tarEntries(unzipped as AsyncIterable<Uint8Array>)) {
      if ('content' in entry) return inside(entry.path)
    }
  } catch (error) {
    throw new BacalhauError('BadRequest', `the archive of a module cannot be read: ${messageOf(error)}`)
  } finally {
    unzipped.destroy()
  }
  throw new BacalhauError('BadRequest', 'the archive of a module holds no file')
}

function inside(name: string): string {
  const found = path.posix.normalize(name)
  if (path.posix.isAbsolute(found) || found.split('/').includes('..'))
    throw new BacalhauError('BadRequest', 'the archive of a module holds a file outside of it')
  return found
}
