// Writes the generated pages of docs/reference from the schemas and the error catalogue.
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { references } from './reference/references.ts'

const root = path.join(import.meta.dirname, '..')
for (const [file, text] of await references()) {
  await mkdir(path.join(root, path.dirname(file)), { recursive: true })
  await writeFile(path.join(root, file), text)
  console.log(`wrote ${file}`)
}
