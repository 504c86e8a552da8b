import { parseArgs } from 'node:util'
import { BacalhauError } from '../runtime/error.ts'
import { type Flags, type FlagValues, invalidFlag } from './flag.ts'

/** A command line, taken apart but not yet checked against the values that flags allow. */
export interface ParsedLine {
  readonly args: readonly string[]
  /** Texts of each flag that occurred, under the flag's own name. */
  readonly texts: ReadonlyMap<string, readonly string[]>
}

/**
 * Splits `argv` into arguments and flags. Flags and arguments mix freely; everything after `--` is an argument. Throws
 * `InvalidFlag` for an unknown flag, with the one that was probably meant and `advice`, and for a flag without its value.
 */
export async function parseLine(argv: readonly string[], flags: Flags, advice = ''): Promise<ParsedLine> {
  const names = new Map<string, string>()
  for (const [name, { aliases = [] }] of Object.entries(flags))
    for (const each of [name, ...aliases]) names.set(each, name)
  const { tokens } = parseArgs({ args: [...argv], strict: false, tokens: true, options: toOptions(flags) })
  const args: string[] = []
  const texts = new Map<string, string[]>()
  for (const token of tokens) {
    if (token.kind === 'positional') args.push(token.value)
    if (token.kind !== 'option') continue
    const name = names.get(token.name)
    const flag = name === undefined ? undefined : flags[name]
    if (name === undefined || flag === undefined) throw await unknownFlag(token.rawName, names.keys(), advice)
    const value = token.value ?? (flag.placeholder === undefined ? 'true' : undefined)
    if (value === undefined) {
      throw invalidFlag(name, `a value is missing: --${name} ${flag.placeholder}`, advice === '' ? undefined : advice)
    }
    texts.set(name, [...(texts.get(name) ?? []), value])
  }
  return { args, texts }
}

/** The words that are neither flags nor values of the given flags, and the rest of the line without the first of them. */
export function splitWords(argv: readonly string[], flags: Flags) {
  const { tokens } = parseArgs({ args: [...argv], strict: false, tokens: true, options: toOptions(flags) })
  const positional = tokens.filter((token) => token.kind === 'positional')
  return {
    words: positional.map(({ value }) => value),
    rest: (count: number): readonly string[] => {
      const taken = new Set(positional.slice(0, count).map(({ index }) => index))
      return argv.filter((_, index) => !taken.has(index))
    },
  }
}

type Options = Record<string, { type: 'string' | 'boolean'; short?: string; multiple: true }>

function toOptions(flags: Flags): Options {
  const options: Options = {}
  for (const [name, { short, placeholder, aliases = [] }] of Object.entries(flags)) {
    const option = { type: placeholder === undefined ? 'boolean' : 'string', multiple: true } as const
    options[name] = short === undefined ? option : { ...option, short }
    for (const alias of aliases) options[alias] = option
  }
  return options
}

async function unknownFlag(written: string, names: Iterable<string>, advice: string): Promise<BacalhauError> {
  const { nearest } = await import('@bacalhau/models/nearest')
  const guess = written.startsWith('--') ? nearest(written.slice(2), names) : undefined
  const hint = guess === undefined ? 'Add --help to see the flags of this command.' : `Did you mean --${guess}?`
  return new BacalhauError('InvalidFlag', `unknown flag ${written}`, { hint: `${hint} ${advice}`.trimEnd() })
}

/** The values of `flags` on a parsed line. */
export function readFlags<F extends Flags>(flags: F, { texts }: ParsedLine): FlagValues<F> {
  const values = Object.entries(flags).map(([name, flag]) => [name, flag.read(texts.get(name) ?? [], name)])
  return Object.fromEntries(values) as FlagValues<F>
}
