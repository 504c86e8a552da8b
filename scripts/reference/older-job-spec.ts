import {
  legacyDealSchema,
  legacyDockerSchema,
  legacyNetworkSchema,
  legacyPublisherSchema,
  legacyS3Schema,
  legacySpecSchema,
  legacyWasmSchema,
  storageSpecSchema,
} from '@bacalhau/models'
import { renderSections, type Section } from './field-table.ts'
import { JOB_SECTIONS } from './job-spec.ts'

const INTRODUCTION = `# Older job specification

The releases 0.3 to 1.2 wrote jobs in a form that is still taken, by \`POST /api/v1/run\` and by \`bacalhau run\`: the bare spec, or
a document with the spec under \`Spec\`. Any document that names its engine at the top is read in this way:

\`\`\`json
{
  "Engine": "Docker",
  "Docker": { "Image": "ubuntu", "Entrypoint": ["echo"], "Parameters": ["hello"] },
  "Deal": { "Concurrency": 1 },
  "Verifier": "Noop",
  "PublisherSpec": { "Type": "IPFS" }
}
\`\`\`

It becomes [a job of today](job-spec.md) with one task named \`main\`. What no longer has a meaning is refused by name, not
ignored. Field names and words match in any letter case.
`

const SECTIONS: readonly Section[] = [
  { title: 'Spec', schema: legacySpecSchema },
  { title: 'Docker', schema: legacyDockerSchema },
  { title: 'Wasm', schema: legacyWasmSchema },
  { title: 'Storage', schema: storageSpecSchema },
  { title: 'S3', schema: legacyS3Schema },
  { title: 'Publisher', schema: legacyPublisherSchema },
  { title: 'Network', schema: legacyNetworkSchema },
  { title: 'Deal', schema: legacyDealSchema },
  ...JOB_SECTIONS.map((section) => ({ ...section, page: 'job-spec.md' })),
]

export const renderOlderJobSpec = (): string => `${INTRODUCTION}\n${renderSections(SECTIONS)}`
