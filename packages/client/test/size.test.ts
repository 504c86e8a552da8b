import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'

/** What esbuild makes of a program that uses these names of the client, for browsers and minified. */
async function bundle(...names: string[]) {
  const { outputFiles, metafile } = await build({
    stdin: {
      contents: `import { ${names.join(', ')} } from '@bacalhau/client'\nglobalThis.used = [${names.join(', ')}]`,
      resolveDir: import.meta.dirname,
    },
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    metafile: true,
    write: false,
  })
  const code = outputFiles[0]?.contents ?? new Uint8Array()
  const [output] = Object.values(metafile.outputs)
  const used = Object.entries(output?.inputs ?? {}).filter(([, { bytesInOutput }]) => bytesInOutput > 0)
  return { gzipped: gzipSync(code, { level: 9 }).length, files: used.map(([file]) => file), imports: output?.imports }
}

/** Bytes over the wire that a page pays, with a little room. docs/sdk.md tells them. */
const ALLOWED: readonly (readonly [names: readonly string[], bytes: number])[] = [
  [['createClient'], 17_000],
  [['createTransport', 'createJobs'], 9_500],
  [['createTransport', 'walkContent'], 9_000],
  [['createTransport', 'createSubmission'], 5_500],
]

describe('a page that uses the client', () => {
  for (const [names, bytes] of ALLOWED) {
    test(`loads little for ${names.join(' and ')}`, async (context) => {
      const { gzipped, files, imports } = await bundle(...names)
      context.diagnostic(`${gzipped} bytes`)
      assert.ok(gzipped <= bytes, `${gzipped} bytes`)
      assert.deepEqual(imports, [])
      assert.deepEqual(
        files.filter((file) => file.includes('node_modules')),
        [],
        'the client has no dependency in the browser',
      )
    })
  }
})
