import { oneOf, text, toggle, whole } from './flag.ts'

export const OUTPUT_FORMATS = ['table', 'json', 'yaml'] as const
export type OutputFormat = (typeof OUTPUT_FORMATS)[number]

/** Flags that every command takes. */
export const globalFlags = {
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
  'data-dir': text({
    placeholder: 'DIR',
    help: 'folder of keys, configuration and data (BACALHAU_PATH)',
    fallback: '~/.bacalhau',
  }),
  output: oneOf(OUTPUT_FORMATS, { help: 'what to print', fallback: 'table' }),
  pretty: toggle({ help: 'indent JSON' }),
  'no-color': toggle({ help: 'no colours, also on a terminal (NO_COLOR)', aliases: ['no-colour'] }),
  help: toggle({ short: 'h', help: 'show help' }),
} as const
export type GlobalFlags = typeof globalFlags
