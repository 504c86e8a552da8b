/** Why bytes are not a module that this node runs. Thrown by the parser, turned into a typed failure by its caller. */
export class ModuleError extends Error {
  override readonly name = 'ModuleError'
  readonly reason: 'malformed' | 'unsupported' | 'too-complex'

  constructor(reason: 'malformed' | 'unsupported' | 'too-complex', message: string) {
    super(message)
    this.reason = reason
  }
}
