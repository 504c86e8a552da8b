import type { DataEntry } from '@bacalhau/models'
import type { ContentRef, Entry, GetOptions } from '../../content/content.ts'
import { BacalhauError } from '../../runtime/error.ts'
import { LIMITS } from '../../runtime/limits.ts'
import type { ApiContent } from '../context.ts'

/** The entries of a folder as the API shows them; a file lists itself, without a name. */
export async function listEntries(content: ApiContent, ref: ContentRef, options: GetOptions): Promise<DataEntry[]> {
  const entries: DataEntry[] = []
  for await (const entry of content.list(ref, options)) {
    entries.push(toDataEntry(entry))
    if (entries.length > LIMITS.listedEntries) {
      const message = `the folder has more than ${LIMITS.listedEntries} entries`
      throw new BacalhauError('ContentTooLarge', message, { hint: 'Take it as a whole: `bacalhau data get <cid>`.' })
    }
  }
  return entries
}

function toDataEntry({ name, cid, bytes, kind }: Entry): DataEntry {
  return { Name: name, CID: cid.toString(), Bytes: bytes, Type: kind === 'folder' ? 'directory' : kind }
}
