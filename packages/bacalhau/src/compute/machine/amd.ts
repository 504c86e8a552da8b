import { z } from 'zod'
import { type Gpu, MIB, pciAddress, plainName, wholeOf } from './gpu.ts'
import type { Tool } from './tool.ts'

/**
 * By `rocm-smi`, else by `amd-smi`, which takes its place in newer releases of ROCm:
 * https://rocm.docs.amd.com/projects/rocm_smi_lib/, https://rocm.docs.amd.com/projects/amdsmi/.
 */
export async function amdGpus(tool: Tool): Promise<readonly Gpu[]> {
  const older = await tool('rocm-smi', ['--showproductname', '--showbus', '--showmeminfo', 'vram', '--json'])
  if (older !== undefined) return parseRocmSmi(older)
  const newer = await tool('amd-smi', ['static', '--asic', '--bus', '--vram', '--json'])
  return newer === undefined ? [] : parseAmdSmi(newer)
}

const cardsSchema = z.record(z.string(), z.unknown())
const cardSchema = z.record(z.string(), z.unknown())

/** `{"card0": {"Card series": …, "PCI Bus": …, "VRAM Total Memory (B)": …}}`; the case of keys differs between releases. */
export function parseRocmSmi(output: string): Gpu[] {
  return Object.entries(cardsSchema.parse(JSON.parse(output))).flatMap(([key, value]): Gpu[] => {
    const index = /^card(\d{1,4})$/.exec(key)?.[1]
    const card = cardSchema.safeParse(value)
    if (index === undefined || !card.success) return []
    const fields = new Map(Object.entries(card.data).map(([name, field]) => [name.toLowerCase(), field]))
    const series = plainName(fields.get('card series'), 'AMD GPU')
    // Releases that do not know a card say so in this field, or give its number.
    const known = /^(n\/a|0x[0-9a-f]+)$/i.test(series) ? plainName(fields.get('card model'), 'AMD GPU') : series
    return [
      {
        vendor: 'amd',
        index: Number(index),
        name: known,
        memory: Math.floor(wholeOf(fields.get('vram total memory (b)')) / MIB),
        pciAddress: pciAddress(fields.get('pci bus')),
      },
    ]
  })
}

const amdSmiSchema = z.object({
  gpu: z.number(),
  asic: z.object({ market_name: z.unknown() }).partial().optional(),
  bus: z.object({ bdf: z.unknown() }).partial().optional(),
  vram: z.object({ size: z.unknown() }).partial().optional(),
})

/** A list of devices; from ROCm 6.4 on within `gpu_data`. */
export function parseAmdSmi(output: string): Gpu[] {
  const document: unknown = JSON.parse(output)
  const wrapped = z.object({ gpu_data: z.array(z.unknown()) }).safeParse(document)
  const devices = wrapped.success ? wrapped.data.gpu_data : z.array(z.unknown()).parse(document)
  return devices.flatMap((device): Gpu[] => {
    const read = amdSmiSchema.safeParse(device)
    if (!read.success) return []
    const { gpu, asic, bus, vram } = read.data
    return [
      {
        vendor: 'amd',
        index: gpu,
        name: plainName(asic?.market_name, 'AMD GPU'),
        memory: mebibytes(vram?.size),
        pciAddress: pciAddress(bus?.bdf),
      },
    ]
  })
}

/** `{"value": 65520, "unit": "MB"}`, `"65520 MB"` or a number; what they call MB are mebibytes. */
function mebibytes(size: unknown): number {
  const parts = z.object({ value: z.unknown(), unit: z.string().optional() }).safeParse(size)
  const { value: amount, unit: named } = parts.success ? parts.data : { value: size, unit: '' }
  const text = typeof amount === 'number' || typeof amount === 'string' ? `${amount} ${named ?? ''}` : ''
  const [, value = '', unit = ''] = /^(\d+)\s*([a-z]*)/i.exec(text.trim()) ?? []
  return wholeOf(value) * (unit.toUpperCase().startsWith('G') ? 1024 : 1)
}
