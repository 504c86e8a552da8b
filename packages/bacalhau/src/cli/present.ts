import type { OutputFormat } from './global-flags.ts'
import type { Io } from './io.ts'
import { type Style, styleFor } from './terminal/style.ts'

/** How this run of a command is to print. */
export interface PrintFlags {
  readonly output: OutputFormat | undefined
  readonly pretty: boolean
  readonly 'no-color': boolean
}

/** Prints a result to standard output: for people by default, or all of `value` as JSON or YAML. */
export async function present(
  io: Io,
  flags: PrintFlags,
  value: unknown,
  forPeople: (style: Style) => string,
): Promise<void> {
  if (flags.output === 'json') await io.out.write(toJson(value, flags.pretty))
  else if (flags.output === 'yaml') await io.out.write(await toYaml(value))
  else await io.out.write(forPeople(styleFor(io.out, io.env, flags['no-color'])))
}

/** Prints an object that people, too, read as YAML. */
export const presentObject = async (
  io: Io,
  flags: Pick<PrintFlags, 'output' | 'pretty'>,
  value: unknown,
): Promise<void> => io.out.write(flags.output === 'json' ? toJson(value, flags.pretty) : await toYaml(value))

/** Is the output to be read by a program? */
export const isForPrograms = ({ output }: Pick<PrintFlags, 'output'>): boolean =>
  output !== undefined && output !== 'table'

export const toJson = (value: unknown, pretty: boolean): string =>
  `${JSON.stringify(value, undefined, pretty ? 2 : undefined)}\n`

export async function toYaml(value: unknown): Promise<string> {
  const { stringify } = await import('yaml')
  // Through JSON, so that what JSON leaves out is left out here too; no anchors, which few readers know.
  return stringify(JSON.parse(JSON.stringify(value)), { aliasDuplicateObjects: false, lineWidth: 0 })
}
