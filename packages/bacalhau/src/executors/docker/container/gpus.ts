import { readdir, realpath } from 'node:fs/promises'
import { BacalhauError } from '../../../runtime/error.ts'

/** A GPU of this machine. */
export interface Gpu {
  readonly vendor: 'nvidia' | 'amd' | 'intel'
  /** How the vendor's tools number it. */
  readonly index: number
  /** Address on the PCI bus, such as `0000:65:00.0`; by it AMD and Intel devices are found. */
  readonly pciAddress: string
}

/** The part of `HostConfig` that hands devices to a container. */
export interface GpuDevices {
  readonly DeviceRequests?: readonly object[]
  readonly Devices?: readonly object[]
}

const BY_PATH = '/dev/dri/by-path'

/** Which GPUs jobs have in hand: no two jobs get the same one. */
export interface GpuPool {
  readonly size: number
  /** Takes `count` free ones that are not among the names in `reserved`. Throws `NotEnoughResources`. */
  take(count: number, reserved?: ReadonlySet<string>): readonly Gpu[]
  /** Takes those with these names, as far as they are here. */
  claim(names: readonly string[]): readonly Gpu[]
  giveBack(gpus: readonly Gpu[]): void
}

export function createGpuPool(gpus: readonly Gpu[]): GpuPool {
  const free = new Set(gpus)
  return {
    size: gpus.length,
    take(count, reserved = new Set()) {
      const usable = [...free].filter((gpu) => !reserved.has(gpuName(gpu)))
      if (count > usable.length) {
        throw new BacalhauError(
          'NotEnoughResources',
          `the job needs ${count} GPUs; ${usable.length} of ${gpus.length} are free here`,
        )
      }
      const taken = usable.slice(0, count)
      for (const gpu of taken) free.delete(gpu)
      return taken
    },
    claim(names) {
      const taken = [...free].filter((gpu) => names.includes(gpuName(gpu)))
      for (const gpu of taken) free.delete(gpu)
      return taken
    },
    giveBack(taken) {
      for (const gpu of taken) free.add(gpu)
    },
  }
}

/** What a container's label says of a device, so that a restarted node knows who has it. */
export const gpuName = ({ vendor, index }: Gpu): string => `${vendor}:${index}`

/** How a container gets these GPUs: NVIDIA's by its runtime, the others as device files. */
export async function gpuDevices(gpus: readonly Gpu[], folder: string = BY_PATH): Promise<GpuDevices> {
  const nvidia = gpus.filter(({ vendor }) => vendor === 'nvidia').map(({ index }) => String(index))
  const others = gpus.filter(({ vendor }) => vendor !== 'nvidia')
  const files = (await Promise.all(others.map((gpu) => deviceFiles(gpu, folder)))).flat()
  if (others.some(({ vendor }) => vendor === 'amd')) files.unshift('/dev/kfd')
  return {
    ...(nvidia.length === 0
      ? {}
      : { DeviceRequests: [{ Driver: 'nvidia', DeviceIDs: nvidia, Capabilities: [['gpu']] }] }),
    ...(files.length === 0 ? {} : { Devices: files.map(toDevice) }),
  }
}

const toDevice = (file: string) => ({ PathOnHost: file, PathInContainer: file, CgroupPermissions: 'rwm' })

async function deviceFiles({ pciAddress }: Gpu, folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => [])
  const own = names.filter((name) => [`pci-${pciAddress}-card`, `pci-${pciAddress}-render`].includes(name))
  if (own.length === 0) {
    throw new BacalhauError(
      'NotEnoughResources',
      `could not find attached device for GPU at "${folder}/pci-${pciAddress}"`,
    )
  }
  return Promise.all(own.map((name) => realpath(`${folder}/${name}`)))
}
