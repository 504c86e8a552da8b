/** What to use instead of commands that the Go program once had, by their first words. */
const RETIRED: Readonly<Record<string, string>> = {
  exec: 'Use `bacalhau docker run` or `bacalhau wasm run`.',
  'config auto-resources': 'Shares such as `bacalhau config set Compute.AllocatedCapacity.CPU=80%` follow the machine.',
  'config default': 'Use `bacalhau config list --output yaml`.',
  'auth sso': 'Log-in by a third party is not supported; use a token: `bacalhau profile save <name> --token -`.',
}

/** The hint for a command that is no more. */
export const retiredHint = (written: string): string | undefined =>
  Object.entries(RETIRED).find(([words]) => written === words || written.startsWith(`${words} `))?.[1]
