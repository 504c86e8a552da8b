import { type Gpu, pciAddress, plainName, wholeOf } from './gpu.ts'
import type { Tool } from './tool.ts'

/** https://docs.nvidia.com/deploy/nvidia-smi/: one line a device, fields separated by a comma and a space, memory in MiB. */
const FIELDS = ['index', 'name', 'memory.total', 'pci.bus_id']
const ARGUMENTS = [`--query-gpu=${FIELDS.join(',')}`, '--format=csv,noheader,nounits']

export async function nvidiaGpus(tool: Tool): Promise<readonly Gpu[]> {
  const output = await tool('nvidia-smi', ARGUMENTS)
  return output === undefined ? [] : parseNvidia(output)
}

export function parseNvidia(output: string): Gpu[] {
  return output.split('\n').flatMap((line) => {
    const fields = line.split(',').map((field) => field.trim())
    // A name may hold commas; nothing else does.
    const [index = '', address = '', memory = ''] = [fields[0], fields.at(-1), fields.at(-2)]
    if (fields.length < FIELDS.length || !/^\d{1,4}$/.test(index)) return []
    const name = plainName(fields.slice(1, -2).join(', '), 'NVIDIA GPU')
    return [{ vendor: 'nvidia', index: Number(index), name, memory: wholeOf(memory), pciAddress: pciAddress(address) }]
  })
}
