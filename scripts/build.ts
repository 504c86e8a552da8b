// Bundles the command into packages/bacalhau/dist: `main.js` is the command line, heavy parts (serve and its libraries)
// are chunks that it imports when needed, `sandbox-worker.js` is the thread in which WebAssembly jobs run, and
// `checkpoint-worker.js` the one that moves the store's log into its database.
import { readFile, rm } from 'node:fs/promises'
import path from 'node:path'
import { build, type Plugin } from 'esbuild'

const root = path.join(import.meta.dirname, '..', 'packages', 'bacalhau')
const modules = path.join(root, '../../node_modules')

/** A dependency reads its own package.json by `require`, which no bundle can resolve at run time: inline it. */
const inlinePackageJson: Plugin = {
  name: 'inline-package-json',
  setup(builder) {
    builder.onLoad({ filter: /@achingbrain[\\/]ssdp[\\/].*\.js$/ }, async ({ path: file }) => {
      const code = await readFile(file, 'utf8')
      return {
        contents: code.replace(/(?:const|var) require = createRequire\(import\.meta\.url\);?/, ''),
        loader: 'js',
      }
    })
  },
}

/** Messages in fifty languages that nothing here uses: leaving them out saves 300 kB of code in the memory of each node. */
const withoutLocales: Plugin = {
  name: 'without-locales',
  setup(builder) {
    builder.onLoad({ filter: /zod[\\/]v4[\\/]locales[\\/]index\.js$/ }, () => ({ contents: 'export {}' }))
  },
}

await rm(path.join(root, 'dist'), { recursive: true, force: true })
const { metafile } = await build({
  entryPoints: {
    main: path.join(root, 'src/cli/main.ts'),
    'container-gate': path.join(root, 'src/executors/docker/egress/forwarder.ts'),
    'sandbox-worker': path.join(root, 'src/executors/wasm/worker/main.ts'),
    'checkpoint-worker': path.join(root, 'src/store/checkpoint-worker.ts'),
  },
  outdir: path.join(root, 'dist'),
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node22.13',
  chunkNames: 'chunk-[hash]',
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'none',
  logLevel: 'warning',
  plugins: [inlinePackageJson, withoutLocales],
  // Their form for Node is CommonJS, see `namesAreLost`.
  alias: {
    yaml: path.join(modules, 'yaml/browser/index.js'),
    ...Object.fromEntries(
      ['client-s3', 'lib-storage', 's3-request-presigner'].map((name) => [
        `@aws-sdk/${name}`,
        path.join(modules, '@aws-sdk', name, 'dist-es/index.js'),
      ]),
    ),
  },
  metafile: true,
  banner: {
    // CommonJS dependencies inside an ES module bundle still call `require` for Node's own modules.
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
})

/** CommonJS that is imported on demand into a bundle of several files loses its names: all of them are undefined there. */
const namesAreLost = Object.entries(metafile.inputs).flatMap(([file, { imports }]) =>
  imports
    .filter(({ path: imported, kind }) => kind === 'dynamic-import' && metafile.inputs[imported]?.format === 'cjs')
    .map(({ original = '' }) => `${file} imports ${original}`),
)
if (namesAreLost.length > 0) {
  throw new Error(
    `import these at the top, or give them an \`alias\` that is an ES module:\n${namesAreLost.join('\n')}`,
  )
}
