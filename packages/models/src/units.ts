type Units = ReadonlyMap<string, number>

/** Multipliers of memory and disk sizes: decimal (`MB`) and binary (`MiB`, also written `Mi`), as go-humanize reads them. */
const BYTES: Units = new Map([
  ['', 1],
  ['b', 1],
  ...['k', 'm', 'g', 't', 'p'].flatMap((prefix, index): [string, number][] => {
    const [decimal, binary] = [1000 ** (index + 1), 1024 ** (index + 1)]
    return [
      [prefix, decimal],
      [`${prefix}b`, decimal],
      [`${prefix}i`, binary],
      [`${prefix}ib`, binary],
    ]
  }),
])

/** Suffixes of a Kubernetes quantity that make sense for processors, in thousandths of a core. */
const MILLICORES: Units = new Map([
  ['', 1_000],
  ['m', 1],
  ['k', 1_000_000],
])

const QUANTITY = /^(\d{1,15}(?:\.\d{1,9})?|\.\d{1,9})\s*([a-z]*)$/

/** Bytes of a size like `512mb`, `1.5 GiB` or `1024`; undefined when it is none. */
export function parseBytes(text: string): number | undefined {
  const bytes = parseQuantity(text, BYTES)
  return bytes === undefined ? undefined : Math.round(bytes)
}

/** Cores of a Kubernetes quantity like `500m`, `0.5` or `2`; undefined when it is none. A thousandth is the least there is. */
export function parseCpu(text: string): number | undefined {
  const millicores = parseQuantity(text, MILLICORES)
  if (millicores === undefined || millicores === 0) return millicores
  return Math.max(1, Math.round(millicores)) / 1_000
}

/** Number of devices; undefined when it is no whole number of 0 or more. */
export function parseCount(text: string): number | undefined {
  return /^\d{1,6}$/.test(text.trim()) ? Number(text.trim()) : undefined
}

function parseQuantity(text: string, units: Units): number | undefined {
  const match = QUANTITY.exec(text.trim().toLowerCase())
  const unit = match === null ? undefined : units.get(match[2] ?? '')
  if (match === null || unit === undefined) return undefined
  const value = Number(match[1]) * unit
  return value <= Number.MAX_SAFE_INTEGER ? value : undefined
}

/** A size for people: `1.5 GB`, `512 MB`, `0 B` (decimal units, at most one digit after the point). */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB']
  let value = bytes
  let unit = 0
  while (value >= 999.95 && unit < units.length - 1) {
    value /= 1000
    unit += 1
  }
  return `${unit === 0 ? Math.round(value) : Math.round(value * 10) / 10} ${units[unit]}`
}
