/** A GPU of this machine, as the tools of its vendor describe it. */
export interface Gpu {
  readonly vendor: 'nvidia' | 'amd' | 'intel'
  /** How these tools number it. */
  readonly index: number
  readonly name: string
  /** Mebibytes; 0 where it is not known. */
  readonly memory: number
  /** Address on the PCI bus as the kernel writes it, `0000:65:00.0`; empty where it is not known. */
  readonly pciAddress: string
}

/** Addresses as tools write them: in capitals, or with a domain of eight digits. Empty when it is none. */
export function pciAddress(written: unknown): string {
  if (typeof written !== 'string') return ''
  const parts = /^(?:[0-9a-f]{0,4}?([0-9a-f]{4}):)?([0-9a-f]{2}:[0-9a-f]{2}\.[0-7])$/i.exec(written.trim())
  return parts === null ? '' : `${parts[1] ?? '0000'}:${parts[2] ?? ''}`.toLowerCase()
}

/** A whole number in a text, or 0. */
export const wholeOf = (written: unknown): number => {
  const value = Math.floor(Number(written))
  return typeof written !== 'boolean' && Number.isSafeInteger(value) && value >= 0 ? value : 0
}

export const MIB = 1024 ** 2

/** Names of devices become labels and lines on a terminal. */
export const plainName = (written: unknown, fallback: string): string =>
  typeof written === 'string' && written.trim() !== ''
    ? written
        .replaceAll(/[^\x20-\x7e]/g, '')
        .trim()
        .slice(0, 128)
    : fallback
