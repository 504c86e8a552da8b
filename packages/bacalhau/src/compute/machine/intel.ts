import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { z } from 'zod'
import { type Gpu, MIB, pciAddress, plainName, wholeOf } from './gpu.ts'
import type { Tool } from './tool.ts'

/** PCI vendor of Intel, as the kernel writes it. */
const INTEL = '0x8086'

/**
 * By `xpu-smi` (https://intel.github.io/xpumanager/smi_user_guide.html), else by what the kernel shows, which has no names. There only
 * cards with memory of their own count: the graphics of a processor are no device for jobs.
 */
export async function intelGpus(tool: Tool, root = '/'): Promise<readonly Gpu[]> {
  const listed = await tool('xpu-smi', ['discovery', '--json'])
  if (listed === undefined) return fromKernel(root)
  return Promise.all(
    parseXpuList(listed).map(async (gpu) => {
      const details = await tool('xpu-smi', ['discovery', '--device', String(gpu.index), '--json'])
      return details === undefined ? gpu : withDetails(gpu, details)
    }),
  )
}

const listSchema = z.object({
  device_list: z.array(
    z.object({
      device_id: z.int().nonnegative(),
      device_name: z.unknown(),
      device_type: z.string().default('GPU'),
      pci_bdf_address: z.unknown(),
    }),
  ),
})

export function parseXpuList(output: string): Gpu[] {
  const { device_list } = listSchema.parse(JSON.parse(output))
  return device_list
    .filter(({ device_type }) => device_type === 'GPU')
    .map(({ device_id, device_name, pci_bdf_address }) => ({
      vendor: 'intel',
      index: device_id,
      name: plainName(device_name, 'Intel GPU'),
      memory: 0,
      pciAddress: pciAddress(pci_bdf_address),
    }))
}

const detailSchema = z.object({ memory_physical_size_byte: z.unknown(), pci_bdf_address: z.unknown() }).partial()

export function withDetails(gpu: Gpu, output: string): Gpu {
  const { memory_physical_size_byte, pci_bdf_address } = detailSchema.parse(JSON.parse(output))
  const address = pciAddress(pci_bdf_address)
  return {
    ...gpu,
    memory: Math.floor(wholeOf(memory_physical_size_byte) / MIB),
    ...(address === '' ? {} : { pciAddress: address }),
  }
}

async function fromKernel(root: string): Promise<readonly Gpu[]> {
  const folder = path.join(root, 'sys/class/drm')
  const read = (...parts: readonly string[]) =>
    readFile(path.join(folder, ...parts), 'utf8').then(
      (text) => text.trim(),
      () => '',
    )
  const cards = (await readdir(folder).catch(() => [])).filter((name) => /^card\d+$/.test(name)).toSorted()
  const found: Gpu[] = []
  for (const card of cards) {
    const bytes = wholeOf(await read(card, 'lmem_total_bytes'))
    if (bytes === 0 || (await read(card, 'device/vendor')) !== INTEL) continue
    const slot = /^PCI_SLOT_NAME=(.+)$/m.exec(await read(card, 'device/uevent'))?.[1] ?? ''
    const name = plainName(`Intel GPU ${await read(card, 'device/device')}`, 'Intel GPU')
    const memory = Math.floor(bytes / MIB)
    found.push({ vendor: 'intel', index: Number(card.slice(4)), name, memory, pciAddress: pciAddress(slot) })
  }
  return found
}
