// The part of the WebAssembly JavaScript interface that this project uses. Node has it, but TypeScript declares it only
// together with the whole DOM. https://webassembly.github.io/spec/js-api/
/* oxlint-disable typescript/no-extraneous-class -- that is how the engine has them */
declare namespace WebAssembly {
  class Module {
    constructor(bytes: Uint8Array)
    static exports(module: Module): { name: string; kind: string }[]
    static customSections(module: Module, name: string): ArrayBuffer[]
  }
  function validate(bytes: Uint8Array): boolean
  class Memory {
    constructor(descriptor: { initial: number; maximum: number })
    readonly buffer: ArrayBuffer
  }
  class Table {
    constructor(descriptor: { element: 'anyfunc' | 'externref'; initial: number; maximum: number })
  }
  class Global {
    value: unknown
  }
  class Instance {
    constructor(module: Module, imports: object)
    readonly exports: Readonly<Record<string, unknown>>
  }
  /** What `throw` inside of a module throws. */
  class Exception {}
  class CompileError extends Error {}
  class LinkError extends Error {}
  class RuntimeError extends Error {}
}
