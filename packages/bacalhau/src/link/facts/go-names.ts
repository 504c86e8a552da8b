/** What Go nodes of v1.2 and v1.3 call engines, publishers and kinds of inputs; ours have the same names, and some more. */
const KNOWN = {
  engines: new Set(['docker', 'wasm', 'noop']),
  publishers: new Set(['noop', 'ipfs', 's3', 'local']),
  sources: new Set(['ipfs', 'urldownload', 'inline', 's3', 'localdirectory', 'repoclone', 'repoclonelfs']),
}

/** The same in v1.0.3, where a name that it does not know costs the whole message. */
const OF_GENERATION_B: Readonly<Record<Kind, Readonly<Record<string, string>>>> = {
  engines: { docker: 'Docker', wasm: 'Wasm', noop: 'Noop' },
  publishers: { noop: 'Noop', ipfs: 'Ipfs', s3: 'S3' },
  sources: { ipfs: 'IPFS', urldownload: 'URLDownload', inline: 'Inline', s3: 'S3', localdirectory: 'LocalDirectory' },
}

type Kind = keyof typeof KNOWN

/** Those of `names` that Go nodes of generation c know. */
export const goNames = (kind: Kind, names: readonly string[]): string[] => names.filter((name) => KNOWN[kind].has(name))

/** Those of `names` that Go nodes of generation b know, as they call them. */
export const goNamesB = (kind: Kind, names: readonly string[]): string[] =>
  names.flatMap((name) => OF_GENERATION_B[kind][name] ?? [])
