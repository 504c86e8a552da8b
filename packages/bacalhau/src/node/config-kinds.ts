import { parseBytes, parseCount, parseCpu } from '@bacalhau/models/units'
import type { LegacyPeers } from '../link/go/trust.ts'
import { formatDuration, parseDuration } from '../runtime/duration.ts'
import { isAddressRange } from '../sources/outbound/address-rules.ts'

/** How one kind of setting is read from a flag or variable (text, or several texts) or from YAML (anything), and shown. */
export interface Kind<T> {
  /** What a value has to be, to complete "must be …". */
  readonly expects: string
  /** The value, or undefined when it is none of this kind. */
  read(input: unknown): T | undefined
  show(value: T): string
  /** What exactly is wrong with a value that is none of this kind, for kinds with parts. Repeats no secret. */
  problem?(input: unknown): string | undefined
  /** The value as it stands in a file, where that is another one; with `hidden` in the place of each secret, if given. */
  plain?(value: T, hidden?: string): unknown
}

/** A part of what a machine has: a percentage of it, or an amount (cores, bytes or devices). */
export type Share = { readonly percent: number } | { readonly amount: number }

const toText = (input: unknown): string | undefined => {
  if (typeof input === 'number') return String(input)
  return typeof input === 'string' ? input.trim() : undefined
}

const some = (text: string | undefined) => (text === '' ? undefined : text)

export const text: Kind<string> = {
  expects: 'a text that is not empty',
  read: (input) => some(toText(input)),
  show: (value) => value,
}

/** An address of the web. */
export const webAddress: Kind<string> = {
  expects: 'a URL like https://policy.example/jobs',
  read(input) {
    const written = toText(input) ?? ''
    return /^https?:\/\//i.test(written) && URL.canParse(written) ? written : undefined
  },
  show: (value) => value,
}

export const port: Kind<number> = {
  expects: 'a port from 0 to 65535',
  read(input) {
    const digits = toText(input) ?? ''
    return /^\d{1,5}$/.test(digits) && Number(digits) <= 65_535 ? Number(digits) : undefined
  },
  show: String,
}

export const wholeNumber = (least: number, most: number): Kind<number> => ({
  expects: `a whole number from ${least} to ${most}`,
  read(input) {
    const digits = toText(input) ?? ''
    const value = /^\d{1,15}$/.test(digits) ? Number(digits) : Number.NaN
    return value >= least && value <= most ? value : undefined
  },
  show: String,
})

export const toggle: Kind<boolean> = {
  expects: 'true or false',
  read(input) {
    if (typeof input === 'boolean') return input
    const word = toText(input)?.toLowerCase()
    return word === 'true' || word === 'false' ? word === 'true' : undefined
  },
  show: String,
}

export const choice = <const W extends readonly string[]>(words: W): Kind<W[number]> => ({
  expects: `one of ${words.join(', ')}`,
  read: (input) => words.find((word) => word === toText(input)?.toLowerCase()),
  show: (value) => value,
})

/** Texts, separated by commas where they are written as one. */
export const texts: Kind<readonly string[]> = {
  expects: 'a list of texts',
  read(input) {
    const items = Array.isArray(input) ? input : [input]
    if (!items.every((item) => typeof item === 'string')) return undefined
    return items.flatMap((item) => item.split(',')).flatMap((item) => some(item.trim()) ?? [])
  },
  show: (value) => value.join(','),
}

/** Some of these words, or none of them. */
export const choices = <const W extends readonly string[]>(words: W): Kind<readonly W[number][]> => ({
  expects: `some of ${words.join(', ')}, or none`,
  read(input) {
    const items = texts.read(input)?.map((item) => item.toLowerCase())
    if (items?.length === 1 && items[0] === 'none') return []
    const known = items?.flatMap((item) => words.find((word) => word === item) ?? [])
    return known?.length === items?.length && known !== undefined ? [...new Set(known)] : undefined
  },
  show: (value) => (value.length === 0 ? 'none' : value.join(',')),
})

/** Addresses and ranges of them that are not on the public internet. */
export const addressRanges: Kind<readonly string[]> = {
  ...texts,
  expects: 'addresses and ranges like 10.1.2.3,10.0.0.0/8',
  read(input) {
    const items = texts.read(input)
    return items?.every(isAddressRange) === true ? items : undefined
  },
}

/** Addresses of peers; the word `none` stands for nobody. What an address is, the network knows. */
export const peers: Kind<readonly string[]> = {
  ...texts,
  expects: 'a list of peer addresses, or none',
  read(input) {
    const items = texts.read(input)
    return items?.length === 1 && items[0] === 'none' ? [] : items
  },
  show: (value) => (value.length === 0 ? 'none' : value.join(',')),
}

const LEGACY_WORDS = ['none', 'loopback', 'all'] as const

/** Peer IDs, with or without the word `allow` in front; or one of the words for all, none, and those on this machine. */
export const legacyPeers: Kind<LegacyPeers> = {
  expects: 'allow and peer IDs, all, none, or loopback',
  read(input) {
    const items = texts.read(input)?.flatMap((item) => item.split(/\s+/))
    const named = items?.[0]?.toLowerCase() === 'allow' ? items.slice(1) : (items ?? [])
    const word = LEGACY_WORDS.find((known) => known === named[0]?.toLowerCase())
    if (word !== undefined) return named.length === 1 ? word : undefined
    return named.length > 0 && named.every((id) => PEER_ID.test(id)) ? named : undefined
  },
  show: (value) => (typeof value === 'string' ? value : `allow ${value.join(',')}`),
}

/** A peer ID in base58 (`Qm…`, `12D3…`), as the Go program writes it. */
const PEER_ID = /^[1-9A-HJ-NP-Za-km-z]{40,64}$/

/** Names and values; written as one text: `a=b,c=d`. */
export const labels: Kind<Readonly<Record<string, string>>> = {
  expects: 'names and values like a=b,c=d',
  read(input) {
    if (typeof input === 'object' && input !== null && !Array.isArray(input)) {
      const entries = Object.entries(input).map(([name, value]) => [
        name,
        toText(value) ?? toggle.read(value)?.toString(),
      ])
      return entries.every(([, value]) => value !== undefined) ? Object.fromEntries(entries) : undefined
    }
    const entries = texts.read(input)?.map((item) => /^([^=]+)=(.*)$/.exec(item)?.slice(1))
    return entries?.every((entry) => entry !== undefined) === true ? Object.fromEntries(entries) : undefined
  },
  show: (value) =>
    Object.entries(value)
      .map(([name, item]) => `${name}=${item}`)
      .join(','),
}

/** Bytes. */
export const size: Kind<number> = {
  expects: 'an amount like 64MiB, or 0',
  read: (input) => parseBytes(toText(input) ?? ''),
  show: String,
}

/** Two ports, the second one not below the first. */
export const portRange: Kind<readonly [number, number]> = {
  expects: 'two ports like 20000-32000',
  read(input) {
    const [, first, last] = /^(\d{1,5})-(\d{1,5})$/.exec((toText(input) ?? '').trim()) ?? []
    const [low, high] = [Number(first), Number(last)]
    return low >= 1 && high >= low && high <= 65_535 ? [low, high] : undefined
  },
  show: ([first, last]) => `${first}-${last}`,
  plain: ([first, last]) => `${first}-${last}`,
}

/** Milliseconds, more than none. */
export const span: Kind<number> = {
  expects: 'a span of time like 30s, 5m or 1h30m',
  read: (input) => parseDuration(toText(input) ?? '') || undefined,
  show: formatDuration,
  plain: formatDuration,
}

/** `80%`, or an amount in the unit that `parse` reads. */
const share = (parse: (text: string) => number | undefined, example: string): Kind<Share> => ({
  expects: `a percentage like 80%, or an amount like ${example}`,
  read(input) {
    const written = toText(input) ?? ''
    const percent = /^(\d{1,3}(?:\.\d{1,3})?)\s*%$/.exec(written)?.[1]
    if (percent !== undefined) return Number(percent) <= 100 ? { percent: Number(percent) } : undefined
    const amount = parse(written)
    return amount === undefined ? undefined : { amount }
  },
  show: (value) => ('percent' in value ? `${value.percent}%` : String(value.amount)),
})

export const cores = share(parseCpu, '2 or 500m')
export const bytes = share(parseBytes, '4GB')
export const devices = share(parseCount, '1')
