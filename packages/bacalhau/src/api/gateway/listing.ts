import { type DataEntry, formatBytes } from '@bacalhau/models'
import { type ContentRef, formatContentRef } from '../../content/cid.ts'

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

const escape = (text: string) => text.replaceAll(/[&<>"']/g, (found) => ENTITIES[found] ?? '')

/** A folder as a page without script or style. */
export function renderListing(ref: ContentRef, entries: readonly DataEntry[]): string {
  const rows = entries.map(({ Name, CID, Bytes, Type }) => {
    const steps = [ref.cid.toString(), ...ref.path, Name].map((step) => encodeURIComponent(step.toWellFormed()))
    const size = Type === 'directory' ? '' : formatBytes(Bytes)
    return `<tr><td><a href="/ipfs/${escape(steps.join('/'))}">${escape(Name)}</a></td><td>${size}</td><td>${CID}</td></tr>`
  })
  const title = escape(`/ipfs/${formatContentRef(ref)}`)
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${title}</title></head><body><h1>${title}</h1><table>
${rows.join('\n')}
</table></body></html>\n`
}
