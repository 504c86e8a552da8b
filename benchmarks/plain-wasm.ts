// Runs a module with what Node itself has, for sandbox.ts to compare with: no sandbox, no thread, V8's own settings.
// `node plain-wasm.ts <module> [args]` prints the milliseconds from the bytes to the end of the program.
import { readFileSync } from 'node:fs'
import { WASI } from 'node:wasi'

const [file = '', ...args] = process.argv.slice(2)
const bytes = readFileSync(file)
const begin = performance.now()
const wasi = new WASI({ version: 'preview1', args: ['module', ...args], stdout: 2 })
wasi.start(new WebAssembly.Instance(new WebAssembly.Module(bytes), { ...wasi.getImportObject() }))
console.log(performance.now() - begin)
