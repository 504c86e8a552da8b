import assert from 'node:assert/strict'
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { silentLogger } from '../../runtime/logger.ts'
import { tempFolder } from '../fixtures/bench.ts'
import { parseAmdSmi, parseRocmSmi } from './amd.ts'
import { pciAddress } from './gpu.ts'
import { detectGpus, gpuLabels } from './gpus.ts'
import { parseXpuList, withDetails } from './intel.ts'
import { parseNvidia } from './nvidia.ts'
import { createTool, type Tool } from './tool.ts'

const ROCM = {
  card0: {
    'Card series': 'Instinct MI210',
    'Card model': '0x0c34',
    'PCI Bus': '0000:63:00.0',
    'VRAM Total Memory (B)': '68702699520',
    'VRAM Total Used Memory (B)': '10960896',
  },
  card1: { 'Card Series': '0x740f', 'Card Model': 'MI200', 'PCI Bus': '0000:E3:00.0', 'VRAM Total Memory (B)': 'N/A' },
  system: { 'Driver version': '6.7.0' },
}
const AMD = [
  {
    gpu: 0,
    asic: { market_name: 'AMD Instinct MI300X', vendor_id: '0x1002' },
    bus: { bdf: '0000:0C:00.0', max_pcie_width: 16 },
    vram: { type: 'HBM', vendor: 'N/A', size: { value: 196592, unit: 'MB' } },
  },
  { gpu: 1, asic: { market_name: 'N/A' }, bus: { bdf: '0000:22:00.0' }, vram: { size: '64 GB' } },
]
const XPU = {
  device_list: [
    {
      device_id: 0,
      device_name: 'Intel(R) Data Center GPU Flex 170',
      device_type: 'GPU',
      pci_bdf_address: '0000:4d:00.0',
      vendor_name: 'Intel(R) Corporation',
    },
    { device_id: 1, device_name: 'an accelerator', device_type: 'CPU', pci_bdf_address: '' },
  ],
}

describe('what the tools of vendors print', () => {
  test('nvidia-smi: a line a device', () => {
    const output = '0, Tesla T4, 15360, 00000000:00:1E.0\n3, NVIDIA A100, 80GB, [N/A], 00000000:81:00.0\n\n'
    assert.deepEqual(parseNvidia(output), [
      { vendor: 'nvidia', index: 0, name: 'Tesla T4', memory: 15_360, pciAddress: '0000:00:1e.0' },
      { vendor: 'nvidia', index: 3, name: 'NVIDIA A100, 80GB', memory: 0, pciAddress: '0000:81:00.0' },
    ])
    assert.deepEqual(parseNvidia('No devices were found\n'), [])
  })

  test('rocm-smi: a card each, with keys in any case', () => {
    assert.deepEqual(parseRocmSmi(JSON.stringify(ROCM)), [
      { vendor: 'amd', index: 0, name: 'Instinct MI210', memory: 65_520, pciAddress: '0000:63:00.0' },
      { vendor: 'amd', index: 1, name: 'MI200', memory: 0, pciAddress: '0000:e3:00.0' },
    ])
  })

  test('amd-smi: a list, plain or wrapped', () => {
    const expected = [
      { vendor: 'amd', index: 0, name: 'AMD Instinct MI300X', memory: 196_592, pciAddress: '0000:0c:00.0' },
      { vendor: 'amd', index: 1, name: 'N/A', memory: 65_536, pciAddress: '0000:22:00.0' },
    ]
    assert.deepEqual(parseAmdSmi(JSON.stringify(AMD)), expected)
    assert.deepEqual(parseAmdSmi(JSON.stringify({ gpu_data: AMD })), expected)
  })

  test('xpu-smi: a list, and the memory of each', () => {
    const [gpu, ...others] = parseXpuList(JSON.stringify(XPU))
    assert.ok(gpu !== undefined && others.length === 0)
    const details = { memory_physical_size_byte: '14248050688', pci_bdf_address: '0000:4d:00.0' }
    assert.deepEqual(withDetails(gpu, JSON.stringify(details)), {
      vendor: 'intel',
      index: 0,
      name: 'Intel(R) Data Center GPU Flex 170',
      memory: 13_588,
      pciAddress: '0000:4d:00.0',
    })
  })

  test('anything else is an error or no device, and never more', () => {
    for (const parse of [parseRocmSmi, parseAmdSmi, parseXpuList]) {
      for (const text of ['', 'ERROR: driver not loaded', 'null', '7', '"x"']) assert.throws(() => parse(text), text)
      fc.assert(
        fc.property(fc.jsonValue(), (document) => {
          try {
            for (const { memory, name } of parse(JSON.stringify(document))) assert.ok(memory >= 0 && name !== '')
          } catch (error) {
            assert.ok(error instanceof Error)
          }
        }),
      )
    }
    fc.assert(fc.property(fc.string(), (text) => parseNvidia(text).every(({ memory }) => memory >= 0)))
  })
})

test('an address is written as the kernel does', () => {
  assert.equal(pciAddress('00000000:65:00.0'), '0000:65:00.0')
  assert.equal(pciAddress(' 0001:AF:1f.7 '), '0001:af:1f.7')
  assert.equal(pciAddress('65:00.0'), '0000:65:00.0')
  for (const none of ['', 'N/A', '65:00', '../../65:00.0', '0000:65:00.9']) assert.equal(pciAddress(none), '', none)
})

describe('the GPUs of a machine', () => {
  /** A machine on which these tools answer. */
  const toolOf =
    (answers: Readonly<Record<string, string | Error>>): Tool =>
    async (name, words) => {
      const answer = answers[[name, ...words].join(' ')] ?? answers[name]
      if (answer instanceof Error) throw answer
      return answer
    }

  test('are those of all vendors, each by the tool that is there', async (t) => {
    const tool = toolOf({
      'nvidia-smi': '0, Tesla T4, 15360, 00000000:00:1E.0\n',
      'amd-smi': JSON.stringify(AMD),
      'xpu-smi discovery --json': JSON.stringify(XPU),
      'xpu-smi discovery --device 0 --json': '{"memory_physical_size_byte":"1048576"}',
    })
    const gpus = await detectGpus({ tool, logger: silentLogger, root: await tempFolder(t) })
    assert.deepEqual(
      gpus.map(({ vendor, index, memory }) => [vendor, index, memory]),
      [
        ['nvidia', 0, 15_360],
        ['amd', 0, 196_592],
        ['amd', 1, 65_536],
        ['intel', 0, 1],
      ],
    )
    assert.deepEqual(gpuLabels(gpus.slice(0, 2)), {
      'GPU-0': 'Tesla-T4',
      'GPU-0-Memory': '15360-MiB',
      'GPU-1': 'AMD-Instinct-MI300X',
      'GPU-1-Memory': '196592-MiB',
    })
  })

  test('are none where a tool fails, which is logged, whatever the others say', async (t) => {
    const warned: unknown[] = []
    const logger = { ...silentLogger, warn: (facts: unknown) => void warned.push(facts) }
    const tool = toolOf({ 'nvidia-smi': new Error('driver/library version mismatch'), 'rocm-smi': '{"card0":{}}' })
    const gpus = await detectGpus({ tool, logger, root: await tempFolder(t) })
    assert.deepEqual(gpus, [{ vendor: 'amd', index: 0, name: 'AMD GPU', memory: 0, pciAddress: '' }])
    assert.deepEqual(warned, [{ vendor: 'nvidia', error: 'driver/library version mismatch' }])
  })

  test("of Intel are what the kernel shows, without a processor's own graphics", async (t) => {
    const root = await tempFolder(t)
    const card = async (name: string, files: Readonly<Record<string, string>>) => {
      for (const [file, text] of Object.entries(files)) {
        const place = path.join(root, 'sys/class/drm', name, file)
        await mkdir(path.dirname(place), { recursive: true })
        await writeFile(place, text)
      }
    }
    const intel = { 'device/vendor': '0x8086\n', 'device/device': '0x56c0\n' }
    await card('card0', { ...intel, 'device/uevent': 'PCI_SLOT_NAME=0000:00:02.0\n' })
    await card('card1', {
      ...intel,
      lmem_total_bytes: '17179869184',
      'device/uevent': 'DRIVER=i915\nPCI_SLOT_NAME=0000:4d:00.0\n',
    })
    await card('card2', { 'device/vendor': '0x1002', lmem_total_bytes: '17179869184' })
    await card('card1-DP-1', { lmem_total_bytes: '1048576', ...intel })
    const gpus = await detectGpus({ tool: toolOf({}), logger: silentLogger, root })
    assert.deepEqual(gpus, [
      { vendor: 'intel', index: 1, name: 'Intel GPU 0x56c0', memory: 16_384, pciAddress: '0000:4d:00.0' },
    ])
  })
})

describe('a tool', () => {
  test('is found on the path and told nothing of the environment', async (t) => {
    const folder = await tempFolder(t)
    await writeFile(path.join(folder, 'plain-file'), '')
    await writeFile(path.join(folder, 'gpu-smi'), '#!/bin/sh\necho "$# $2 $LC_ALL ${HOME-none}"\n')
    await chmod(path.join(folder, 'gpu-smi'), 0o700)
    const tool = createTool(`.:/nowhere:${folder}:/usr/bin:/bin`)
    assert.equal(await tool('gpu-smi', ['a', 'b c']), '2 b c C none\n')
    assert.equal(await tool('plain-file', []), undefined)
    assert.equal(await createTool(undefined)('gpu-smi', []), undefined)
  })

  test('that fails is an error', async (t) => {
    const folder = await tempFolder(t)
    await writeFile(path.join(folder, 'gpu-smi'), '#!/bin/sh\necho broken >&2\nexit 9\n')
    await chmod(path.join(folder, 'gpu-smi'), 0o700)
    await assert.rejects(createTool(folder)('gpu-smi', []), /broken/)
  })
})
