/** Multipliers of memory and disk sizes: decimal (`MB`) and binary (`MiB`, also written `Mi`), as go-humanize reads them. */
const BYTES: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  k: 1e3,
  kb: 1e3,
  m: 1e6,
  mb: 1e6,
  g: 1e9,
  gb: 1e9,
  t: 1e12,
  tb: 1e12,
  p: 1e15,
  pb: 1e15,
  ki: 2 ** 10,
  kib: 2 ** 10,
  mi: 2 ** 20,
  mib: 2 ** 20,
  gi: 2 ** 30,
  gib: 2 ** 30,
  ti: 2 ** 40,
  tib: 2 ** 40,
  pi: 2 ** 50,
  pib: 2 ** 50,
}

/** Suffixes of a Kubernetes quantity that make sense for processors. */
const CPU: Readonly<Record<string, number>> = { '': 1, m: 1e-3, k: 1e3 }

const QUANTITY = /^(\d{1,15}(?:\.\d{1,9})?|\.\d{1,9})\s*([a-z]*)$/

/** Bytes of a size like `512mb`, `1.5 GiB` or `1024`; undefined when it is none. */
export function parseBytes(text: string): number | undefined {
  return parseQuantity(text, BYTES, Math.floor)
}

/** Cores of a Kubernetes quantity like `500m`, `0.5` or `2`; undefined when it is none. To a thousandth of a core. */
export function parseCpu(text: string): number | undefined {
  return parseQuantity(text, CPU, (cores) => Math.round(cores * 1000) / 1000)
}

/** Number of devices; undefined when it is no whole number of 0 or more. */
export function parseCount(text: string): number | undefined {
  return /^\d{1,6}$/.test(text.trim()) ? Number(text.trim()) : undefined
}

function parseQuantity(
  text: string,
  units: Readonly<Record<string, number>>,
  round: (value: number) => number,
): number | undefined {
  const match = QUANTITY.exec(text.trim().toLowerCase())
  if (match === null) return undefined
  const unit = units[match[2] ?? '']
  if (unit === undefined) return undefined
  const value = round(Number(match[1]) * unit)
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
