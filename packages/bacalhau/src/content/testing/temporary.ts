import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import type { TestContext } from 'node:test'
import { silentLogger } from '../../runtime/logger.ts'
import { type BlockStore, openBlockStore } from '../blocks/block-store.ts'
import { type Content, type ContentServices, createContent } from '../content.ts'

/** A folder that is gone after the test. */
export async function temporaryFolder(context: TestContext): Promise<string> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'bacalhau-'))
  context.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** A folder with files; the names may have folders in them. */
export async function folderWith(
  context: TestContext,
  files: Readonly<Record<string, string | Uint8Array>>,
): Promise<string> {
  const folder = path.join(await temporaryFolder(context), 'folder')
  await mkdir(folder)
  for (const [name, data] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(folder, name)), { recursive: true })
    await writeFile(path.join(folder, name), data)
  }
  return folder
}

/** Content in a folder of its own, stopped after the test. */
export async function temporaryContent(
  context: TestContext,
  services: Partial<ContentServices> = {},
): Promise<Content> {
  const folder = services.folder ?? (await temporaryFolder(context))
  const content = await createContent({ host: undefined, logger: silentLogger, ...services, folder })
  context.after(() => content.stop())
  return content
}

/** A block store in a folder of its own, stopped after the test. */
export async function temporaryStore(context: TestContext): Promise<BlockStore> {
  const store = await openBlockStore({ folder: await temporaryFolder(context), logger: silentLogger })
  context.after(() => store.stop())
  return store
}

/** A flow of these chunks. */
export async function* flow(...chunks: readonly (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield Buffer.from(chunk)
}

/** Everything that a flow brings, in one piece. */
export async function gather(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(source))
}
