import { list, oneOf, text, toggle, whole } from './flag.ts'

export const OUTPUT_FORMATS = ['table', 'json', 'yaml'] as const
export type OutputFormat = (typeof OUTPUT_FORMATS)[number] | 'csv'

/** Flags that every command takes. */
export const globalFlags = {
  config: list({
    short: 'c',
    placeholder: 'KEY=VALUE|FILE',
    help: 'a setting, or a YAML file of settings to read instead of the one in the data folder',
  }),
  'api-host': text({
    placeholder: 'HOST',
    help: 'where the node answers: a name, an address or a URL (BACALHAU_API_HOST)',
    fallback: '127.0.0.1',
  }),
  'api-port': whole({
    placeholder: 'PORT',
    min: 0,
    max: 65_535,
    help: 'port of the REST API (BACALHAU_API_PORT)',
    fallback: '1234',
  }),
  profile: text({
    placeholder: 'NAME',
    help: 'where the node answers, as a saved profile says (BACALHAU_PROFILE)',
    fallback: 'the selected one',
  }),
  'data-dir': text({
    placeholder: 'DIR',
    help: 'folder of keys, configuration and data (BACALHAU_PATH)',
    fallback: '~/.bacalhau',
  }),
  output: oneOf(OUTPUT_FORMATS, { help: 'what to print', fallback: 'table' }),
  pretty: toggle({ help: 'indent JSON' }),
  'no-color': toggle({ help: 'no colours, also on a terminal (NO_COLOR)', aliases: ['no-colour'] }),
  'log-level': text({ placeholder: 'LEVEL', help: 'how much `serve` logs (BACALHAU_LOGGING_LEVEL)', fallback: 'warn' }),
  help: toggle({ short: 'h', help: 'show help' }),
} as const
export type GlobalFlags = typeof globalFlags

/** Flags of commands that print a table. */
export const tableFlags = {
  output: oneOf([...OUTPUT_FORMATS, 'csv'], { help: 'what to print', fallback: 'table' }),
  'hide-header': toggle({ help: 'leave out the header of the table' }),
  'no-style': toggle({ help: 'no colours and no emphasis' }),
  wide: toggle({ help: 'nothing shortened, and more columns' }),
} as const

/** Flags of commands that print one object, for a program unless they are told otherwise. */
export const objectFlags = { output: oneOf(OUTPUT_FORMATS, { help: 'what to print', fallback: 'yaml' }) } as const
