import { format } from 'oxfmt'
import { renderCli } from './cli.ts'
import { renderConfig } from './config.ts'
import { renderErrors } from './errors.ts'
import { renderJobSpec } from './job-spec.ts'
import { renderOlderJobSpec } from './older-job-spec.ts'

/** The generated pages of the documentation, by their path in the checkout, formatted like everything else there. */
export async function references(): Promise<ReadonlyMap<string, string>> {
  const pages = new Map([
    ['docs/reference/job-spec.md', renderJobSpec()],
    ['docs/reference/older-job-spec.md', renderOlderJobSpec()],
    ['docs/reference/errors.md', renderErrors()],
    ['docs/reference/cli.md', renderCli()],
    ['docs/reference/config.md', renderConfig()],
  ])
  for (const [file, text] of pages) pages.set(file, (await format(file, text)).code)
  return pages
}
