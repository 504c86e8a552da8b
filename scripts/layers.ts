import { readFile, glob } from 'node:fs/promises'
import path from 'node:path'

/** The rooms of packages/bacalhau/src, lowest first: a room imports from itself and from rooms before it. */
export const ROOMS = [
  'runtime',
  'store',
  'network',
  'content',
  'link',
  'sources',
  'publishers',
  'executors',
  'compute',
  'orchestrator',
  'api',
  'node',
  'cli',
] as const

/** What each workspace package may import of the others. */
const PACKAGES: Record<string, readonly string[]> = {
  models: [],
  client: ['@bacalhau/models'],
  bacalhau: ['@bacalhau/models', '@bacalhau/client'],
}

const IMPORT = /(?:from|import)\s*\(?\s*'([^']+)'/g

/** Which room (or nothing) a path below packages/bacalhau/src belongs to. */
function roomOf(file: string): number {
  const name = /^packages\/bacalhau\/src\/([^/]+)\//.exec(file)?.[1]
  return ROOMS.findIndex((room) => room === name)
}

/** Imports that go against the order of rooms or packages, one sentence each. */
export async function checkLayers(root: string): Promise<string[]> {
  const problems: string[] = []
  for await (const found of glob('packages/*/src/**/*.ts', { cwd: root })) {
    const text = await readFile(path.join(root, found), 'utf8')
    const file = found.replaceAll(path.sep, '/')
    for (const [, target] of text.matchAll(IMPORT)) if (target) problems.push(...checkImport(file, target))
  }
  return problems
}

/** What is wrong with `file` importing `target`, if anything. `file` is relative to the root, with forward slashes. */
export function checkImport(file: string, target: string): string[] {
  const owner = file.split('/')[1] ?? ''
  if (target.startsWith('@bacalhau/')) {
    const name = target.split('/').slice(0, 2).join('/')
    return PACKAGES[owner]?.includes(name) ? [] : [`${file}: package ${owner} may not import ${target}`]
  }
  if (owner === 'models' && target.startsWith('node:') && !file.endsWith('.test.ts')) {
    return [`${file}: models must not use Node (${target})`]
  }
  if (!target.startsWith('.')) return []
  const resolved = path.posix.join(path.posix.dirname(file), target)
  const [from, to] = [roomOf(file), roomOf(resolved)]
  if (from === -1) return []
  if (!resolved.startsWith('packages/bacalhau/src/')) {
    return resolved === 'packages/bacalhau/package.json' ? [] : [`${file}: leaves its package by ${target}`]
  }
  if (to === -1 && !resolved.includes('/src/testing/')) return [`${file}: imports ${resolved}, which is in no room`]
  if (to > from) return [`${file}: ${ROOMS[from]} may not import from ${ROOMS[to]} (${target})`]
  return []
}
