import { CATALOGUE } from '@bacalhau/models/error-catalogue'
import { cell } from './field-table.ts'

const INTRODUCTION = `# Errors

Every error has a code, which keeps its meaning for ever, a message that says what is wrong this time, and where possible a hint
that says what to do. One table holds them for the REST API, the command line, the [client](../sdk.md) and this page. The command
line prints message and hint. The REST API answers with the status below and this body:

\`\`\`json
{
  "Status": 404,
  "Message": "job not found: j-1234",
  "RequestID": "",
  "Code": "NotFound",
  "Component": "JobStore",
  "Hint": "…",
  "Details": { "JobID": "j-1234" }
}
\`\`\`

\`Hint\` and \`Details\` are left out when there is nothing to say. A failed job carries code and hint in the same way. An error
that is worth a retry may go away by itself: the same request, unchanged, can succeed later; the client does that where nothing can
happen twice by it. The hint below is the usual one; an error that knows better brings its own. \`Unreachable\`, \`BadAnswer\`,
\`LogsFailed\` and \`Unknown\` are told by the client, of a server that gives no answer or none that it understands.
`

export function renderErrors(): string {
  const rows = Object.entries(CATALOGUE).map(
    ([code, { status, retryable, hint = '' }]) =>
      `| \`${code}\` | ${status} | ${retryable ? 'yes' : 'no'} | ${cell(hint)} |`,
  )
  return `${INTRODUCTION}\n| Code | Status | Retry | Hint |\n| --- | --- | --- | --- |\n${rows.join('\n')}\n`
}
