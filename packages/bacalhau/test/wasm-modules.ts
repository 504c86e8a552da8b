/** Modules in hand-written binary: what a test needs and no more. `body` is the code of the entry point, in hex. */
export function wasmModule(
  body: string,
  options: { readonly entry?: string; readonly memoryPages?: number } = {},
): Buffer {
  const { entry = '_start', memoryPages } = options
  const code = Buffer.from(`00${body}0b`, 'hex')
  const name = Buffer.from(entry)
  const section = (id: number, ...bytes: number[]) => Buffer.from([id, bytes.length, ...bytes])
  return Buffer.concat([
    Buffer.from('0061736d01000000', 'hex'),
    section(1, 1, 0x60, 0, 0),
    section(3, 1, 0),
    ...(memoryPages === undefined ? [] : [section(5, 1, 0, memoryPages)]),
    section(7, 1, name.length, ...name, 0, 0),
    section(10, 1, code.length, ...code),
  ])
}

export const RETURNS = wasmModule('')
export const TRAPS = wasmModule('00')
export const LOOPS = wasmModule('03400c000b')

/** An older spec that runs `module`. */
export const olderSpec = (module: Uint8Array, more: object = {}): object => ({
  Engine: 'Wasm',
  Wasm: {
    EntryModule: {
      StorageSource: 'Inline',
      URL: `data:application/wasm;base64,${Buffer.from(module).toString('base64')}`,
    },
  },
  ...more,
})
