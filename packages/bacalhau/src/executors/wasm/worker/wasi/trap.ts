/**
 * `(module (func (export "trap") unreachable))`
 *
 * An exception of JavaScript can be caught by a module (`catch_all`), which could then go on after its end. A trap cannot,
 * also when it passes through our own functions on its way.
 */
const MODULE = [
  [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
  [0x01, 0x04, 0x01, 0x60, 0x00, 0x00],
  [0x03, 0x02, 0x01, 0x00],
  [0x07, 0x08, 0x01, 0x04, 0x74, 0x72, 0x61, 0x70, 0x00, 0x00],
  [0x0a, 0x05, 0x01, 0x03, 0x00, 0x00, 0x0b],
]

let instance: WebAssembly.Instance | undefined

/** Ends whatever WebAssembly has called us. */
export function trap(): never {
  instance ??= new WebAssembly.Instance(new WebAssembly.Module(Uint8Array.from(MODULE.flat())), {})
  const run = instance.exports['trap']
  if (typeof run === 'function') run()
  throw new Error('the trap did not trap')
}
