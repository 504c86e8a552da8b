import { isIP } from 'node:net'

/** Is a host, as a URL has it (`hostname`), among those that a job may reach? */
export type HostRule = (hostname: string) => boolean

/**
 * The domains of a job's network: `example.com` is that name alone, `*.example.com` any name below it, `.example.com` both.
 * An IP address stands for itself, however it is written.
 */
export function hostRule(domains: readonly string[]): HostRule {
  const exact = new Set<string>()
  const suffixes: string[] = []
  for (const domain of domains.map((entry) => entry.toLowerCase())) {
    if (domain.startsWith('*.')) suffixes.push(domain.slice(1))
    else if (domain.startsWith('.')) suffixes.push(domain)
    if (domain.startsWith('*')) continue
    exact.add(canonical(domain.replace(/^\./, '')))
  }
  return (hostname) => {
    const name = canonical(hostname)
    return exact.has(name) || (!isAddress(name) && suffixes.some((suffix) => name.endsWith(suffix)))
  }
}

/** One form for each host: addresses as the URL standard writes them, names without the dot of the root. */
function canonical(host: string): string {
  const url = `http://${isIP(host) === 6 ? `[${host}]` : host}`
  return URL.canParse(url) ? new URL(url).hostname.replace(/\.$/, '') : host
}

const isAddress = (hostname: string) => isIP(hostname.replace(/^\[(.*)\]$/, '$1')) !== 0
