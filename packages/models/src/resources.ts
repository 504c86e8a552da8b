import { z } from 'zod'
import { formatBytes, parseBytes, parseCount, parseCpu } from './units.ts'

type ParseQuantity = (text: string) => number | undefined

/** Spaces and case do not matter (`512 Mb`), and YAML users write `CPU: 1` as readily as `CPU: "1"`. */
function tidy(value: unknown): unknown {
  if (typeof value === 'number') return String(value)
  return typeof value === 'string' ? value.replaceAll(/\s/g, '').toLowerCase() : value
}

const quantity = (name: string, parse: ParseQuantity) =>
  z.preprocess(tidy, z.string().max(32, { abort: true })).refine((text) => text === '' || parse(text) !== undefined, {
    error: ({ input }) => `invalid ${name} value: ${String(input)}`,
  })

/** Resources as a spec writes them; an empty or missing value means the default. */
export const resourcesConfigSchema = z.strictObject({
  CPU: quantity('CPU', parseCpu).optional().describe('Cores: `500m`, `0.5` or `2`.'),
  Memory: quantity('memory', parseBytes)
    .optional()
    .describe('Bytes: `512mb` (decimal), `512mib` (binary) or a plain number.'),
  Disk: quantity('disk', parseBytes).optional().describe('Bytes, written like memory.'),
  GPU: quantity('GPU', parseCount).optional().describe('Whole number of devices.'),
})
export type ResourcesConfig = z.infer<typeof resourcesConfigSchema>

/** Resources in numbers: cores (to a thousandth), bytes, bytes, devices. */
export const resourcesSchema = z.strictObject({
  CPU: z.number().nonnegative().default(0),
  Memory: z.int().nonnegative().default(0),
  Disk: z.int().nonnegative().default(0),
  GPU: z.int().nonnegative().default(0),
})
export type Resources = z.infer<typeof resourcesSchema>

export const NO_RESOURCES: Resources = { CPU: 0, Memory: 0, Disk: 0, GPU: 0 }

/** Numbers of a checked config; what it leaves out is taken from `defaults`. */
export function toResources(config: ResourcesConfig, defaults: Resources): Resources {
  const pick = (text: string | undefined, parse: ParseQuantity, fallback: number) =>
    text === undefined || text === '' ? fallback : (parse(text) ?? fallback)
  return {
    CPU: pick(config.CPU, parseCpu, defaults.CPU),
    Memory: pick(config.Memory, parseBytes, defaults.Memory),
    Disk: pick(config.Disk, parseBytes, defaults.Disk),
    GPU: pick(config.GPU, parseCount, defaults.GPU),
  }
}

/** Sums of floating-point cores drift; a thousandth is the unit. */
const cores = (value: number) => Math.round(value * 1000) / 1000

export function addResources(a: Resources, b: Resources): Resources {
  return { CPU: cores(a.CPU + b.CPU), Memory: a.Memory + b.Memory, Disk: a.Disk + b.Disk, GPU: a.GPU + b.GPU }
}

/** `a - b`, never below zero. */
export function subtractResources(a: Resources, b: Resources): Resources {
  return {
    CPU: Math.max(0, cores(a.CPU - b.CPU)),
    Memory: Math.max(0, a.Memory - b.Memory),
    Disk: Math.max(0, a.Disk - b.Disk),
    GPU: Math.max(0, a.GPU - b.GPU),
  }
}

/** What of `wanted` is more than `available`, in words: `4 cores of CPU (2 available)`. Empty when it fits. */
export function lacking(wanted: Resources, available: Resources): string[] {
  const missing: string[] = []
  if (wanted.CPU > available.CPU) missing.push(`${wanted.CPU} cores of CPU (${available.CPU} available)`)
  if (wanted.Memory > available.Memory) missing.push(lackingBytes('memory', wanted.Memory, available.Memory))
  if (wanted.Disk > available.Disk) missing.push(lackingBytes('disk', wanted.Disk, available.Disk))
  if (wanted.GPU > available.GPU) missing.push(`${wanted.GPU} GPUs (${available.GPU} available)`)
  return missing
}

/** Rounded for reading, unless rounding would hide the difference. */
function lackingBytes(kind: string, wanted: number, available: number): string {
  const same = formatBytes(wanted) === formatBytes(available)
  const show = same ? (bytes: number) => `${bytes} bytes` : formatBytes
  return `${show(wanted)} of ${kind} (${show(available)} available)`
}

/** Asked for every node and job again and again, so without words. */
export const fits = (wanted: Resources, available: Resources): boolean =>
  wanted.CPU <= available.CPU &&
  wanted.Memory <= available.Memory &&
  wanted.Disk <= available.Disk &&
  wanted.GPU <= available.GPU
