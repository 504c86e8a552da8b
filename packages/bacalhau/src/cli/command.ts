import type { Flags, FlagValues } from './flag.ts'
import { globalFlags, type GlobalFlags } from './global-flags.ts'
import type { Io } from './io.ts'
import { type ParsedLine, readFlags } from './parse-flags.ts'

/** What a command's action is called with. */
export interface Invocation<F extends Flags> {
  readonly args: readonly string[]
  /** Values of the command's own flags and of the global ones that it does not declare anew. */
  readonly flags: FlagValues<F> & Omit<FlagValues<GlobalFlags>, keyof F>
  readonly io: Io
  /** Aborts at the first Ctrl-C or SIGTERM, with an `Interruption`; a second one ends the process at once. */
  readonly signal: AbortSignal
}

/** Does the work and resolves with the exit code. */
export type Action<F extends Flags> = (invocation: Invocation<F>) => Promise<number>

export interface Example {
  readonly about: string
  readonly command: string
}

/** Everything about a command but its work, which `load` brings in when it is needed. Cheap, so that help is fast. */
export interface Declaration<F extends Flags> {
  /** Words after the program's name: `job list`. */
  readonly name: string
  readonly aliases?: readonly string[]
  /** One line for the list of commands. */
  readonly summary: string
  /** What else there is to know, as paragraphs. */
  readonly about?: string
  /** Arguments: `<required>`, `[optional]`, `[any...]`. */
  readonly usage: string
  readonly flags: F
  readonly examples: readonly Example[]
  readonly load: () => Promise<{ readonly run: Action<F> }>
}

/** A command among others: the types of its flags are its own affair. */
export interface Command extends Omit<Declaration<Flags>, 'load'> {
  /** Reads the flags, brings in the action and runs it. */
  execute(line: ParsedLine, world: Pick<Invocation<Flags>, 'io' | 'signal'>): Promise<number>
}

/** Ties the types of a command's flags to its action. */
export function command<F extends Flags>(declaration: Declaration<F>): Command {
  const { load, ...rest } = declaration
  return {
    ...rest,
    async execute(line, world) {
      const values: unknown = readFlags({ ...globalFlags, ...declaration.flags }, line)
      const { run } = await load()
      return run({ ...world, args: line.args, flags: values as Invocation<F>['flags'] })
    },
  }
}

/** The least and the greatest number of arguments that a usage allows. */
export function argumentBounds(usage: string): { readonly least: number; readonly most: number } {
  const required = /<[^>]+>/g
  const optional = usage.replaceAll(required, '').match(/\[[^\]]+\]/g) ?? []
  const least = usage.match(required)?.length ?? 0
  const endless = optional.some((name) => name.endsWith('...]'))
  return { least, most: endless ? Number.POSITIVE_INFINITY : least + optional.length }
}
