import { messageOf } from '../../../runtime/error.ts'
import { type Ending, failure, printable, size } from '../failure.ts'
import { type LinkedModule, memoryBytes, wasRefusedMemory } from './link.ts'
import { isStackOverflow, stackExhausted } from './wasi/host.ts'

/** Says how a run ended that ended by an exception. */
export function describeTrap(error: unknown, linked: readonly LinkedModule[]): Ending {
  if (isStackOverflow(error)) return stackExhausted()
  if (error instanceof WebAssembly.Exception)
    return failure('WasmTrap', 'the job threw an exception that nothing caught')
  if (error instanceof RangeError)
    return failure('WasmMemoryExhausted', `the node could not allocate memory for the job: ${printable(error.message)}`)
  if (!(error instanceof WebAssembly.RuntimeError))
    return failure('SandboxCrashed', `the sandbox failed: ${printable(messageOf(error))}`)
  const what = `${printable(error.message)}${placeOf(error)}`
  if (linked.some(wasRefusedMemory)) {
    const used = linked.reduce((sum, one) => sum + memoryBytes(one), 0)
    return failure(
      'WasmMemoryExhausted',
      `the job asked for more memory than it may use, was refused, and stopped with: ${what}. It had ${size(used)}`,
    )
  }
  return failure('WasmTrap', `the job stopped with: ${what}`)
}

/** The innermost function of the module on the stack, as V8 writes it: `at name (wasm://wasm/1a2b:wasm-function[3]:0x4c)`. */
function placeOf({ stack = '' }: Error): string {
  const frame = /^\s+at (?:(.*) \()?wasm:\/\/.*?wasm-function\[(\d+)\]:(0x[0-9a-f]+)/m.exec(stack)
  if (frame === null) return ''
  const [, name, index, offset] = frame
  return ` in function ${index}${name === undefined ? '' : ` (${printable(name)})`} at ${offset}`
}
