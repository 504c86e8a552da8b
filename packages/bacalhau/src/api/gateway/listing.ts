import { type DataEntry, formatBytes } from '@bacalhau/models'

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

const escape = (text: string) => text.replaceAll(/[&<>"']/g, (found) => ENTITIES[found] ?? '')

/** A folder as a page without script or style. `path` is `<cid>/name/name`. */
export function renderListing(path: string, entries: readonly DataEntry[]): string {
  const rows = entries.map(({ Name, CID, Bytes, Type }) => {
    const href = ['', 'ipfs', ...path.split('/'), Name].map(encodeURIComponent).join('/')
    const size = Type === 'directory' ? '' : formatBytes(Bytes)
    return `<tr><td><a href="${escape(href)}">${escape(Name)}</a></td><td>${size}</td><td>${escape(CID)}</td></tr>`
  })
  const title = escape(`/ipfs/${path}`)
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${title}</title></head><body><h1>${title}</h1><table>
${rows.join('\n')}
</table></body></html>\n`
}
