import {
  constraintSchema,
  inputSourceSchema,
  jobSpecSchema,
  networkSchema,
  portSchema,
  resourcesConfigSchema,
  resultPathSchema,
  specConfigSchema,
  taskSchema,
  timeoutsSchema,
} from '@bacalhau/models'
import { renderSections, type Section } from './field-table.ts'

const INTRODUCTION = `# Job specification

A job is a document in YAML or JSON. Field names match in any letter case, a field that is \`null\` counts as not given, and an
unknown field is an error that names the field you probably meant. The problems of a document are told together, each with its
path.

This is a whole job:

\`\`\`yaml
Name: count-words
Type: batch
Tasks:
  - Name: main
    Engine:
      Type: wasm
      Params:
        EntryModule: /wasm/wc.wasm
        Parameters: [/inputs]
    InputSources:
      - Source: { Type: ipfs, Params: { CID: QmSNsXtbDY5M6a5FGmcGuygz8bgDGvBCq7KELHaJKmsRyF } }
        Target: /wasm/wc.wasm
      - Source: { Type: ipfs, Params: { CID: QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG } }
        Target: /inputs
    ResultPaths:
      - { Name: outputs, Path: /outputs }
    Publisher: { Type: ipfs }
    Resources: { CPU: 500m, Memory: 256mib }
    Timeouts: { ExecutionTimeout: 60 }
\`\`\`

Beside the fields below, a job may carry what only the server sets (\`ID\`, \`State\`, \`Version\`, \`Revision\`, \`CreateTime\`,
\`ModifyTime\`), so that the description of one job can be submitted as another. These are set aside with a warning.

The form that the releases 0.3 to 1.2 used is [described on its own page](older-job-spec.md).
`

/** The page of the job of today, and where on it each object is described. */
export const JOB_SECTIONS: readonly Section[] = [
  { title: 'Job', schema: jobSpecSchema },
  {
    title: 'Constraint',
    schema: constraintSchema,
    text: 'A node gets the job only if its labels satisfy all constraints. `gt` and `lt` compare whole numbers.',
  },
  { title: 'Task', schema: taskSchema },
  {
    title: 'Kind and parameters',
    schema: specConfigSchema,
    text: 'Engines, sources and publishers are named in this way. A task needs an engine whose `Type` is not empty.',
  },
  { title: 'Input source', schema: inputSourceSchema },
  {
    title: 'Result path',
    schema: resultPathSchema,
    text: 'Results hold the files `stdout`, `stderr` and `exitCode`, and one folder for each result path.',
  },
  {
    title: 'Resources',
    schema: resourcesConfigSchema,
    text: 'Written as text or as a number; letter case and spaces do not matter. What is empty or not given is set by the node.',
  },
  { title: 'Network', schema: networkSchema },
  { title: 'Port', schema: portSchema },
  {
    title: 'Timeouts',
    schema: timeoutsSchema,
    text: 'Where there is a total, the other two together must not be longer than it.',
  },
]

export const renderJobSpec = (): string => `${INTRODUCTION}\n${renderSections(JOB_SECTIONS)}`
