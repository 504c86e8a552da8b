import { glob, readFile, stat } from 'node:fs/promises'
import path from 'node:path'

/** Folders whose pages are not ours. */
const FOREIGN: ReadonlySet<string> = new Set(['node_modules', '.node', '.git', 'dist'])

const FENCE = /^ *(`{3,}|~{3,})[^\n]*\n.*?^ *\1`*~* *$/gms
const LINK = /\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)|^\[[^\]]+\]:\s+(\S+)/gm

/** The Markdown pages of the checkout `root`, as paths with forward slashes. */
export async function pagesOf(root: string): Promise<string[]> {
  const pages: string[] = []
  const exclude = (name: string) => FOREIGN.has(path.basename(name))
  for await (const file of glob('**/*.md', { cwd: root, exclude })) pages.push(file.replaceAll(path.sep, '/'))
  return pages.toSorted()
}

/** Links that lead nowhere within the checkout, one sentence each. Links to other sites are not looked at. */
export async function checkLinks(root: string): Promise<string[]> {
  const problems: string[] = []
  for (const page of await pagesOf(root)) {
    for (const target of linksOf(await readFile(path.join(root, page), 'utf8'))) {
      const problem = await checkLink(root, page, target)
      if (problem !== undefined) problems.push(`${page}: ${target} ${problem}`)
    }
  }
  return problems
}

/** Targets of the links in a page, those in code left out. */
export function linksOf(text: string): string[] {
  const words = text.replaceAll(FENCE, '').replaceAll(/`[^`\n]*`/g, '')
  return [...words.matchAll(LINK)].map(([, inline, reference]) => inline ?? reference ?? '')
}

/** The names by which the headings of a page are linked to, as GitHub makes them. */
export function anchorsOf(text: string): Set<string> {
  const anchors = new Set<string>()
  for (const [, title = ''] of text.replaceAll(FENCE, '').matchAll(/^#{1,6} +(.+?) *#*$/gm)) {
    const name = title
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-')
    let count = 0
    while (anchors.has(count === 0 ? name : `${name}-${count}`)) count += 1
    anchors.add(count === 0 ? name : `${name}-${count}`)
  }
  return anchors
}

/** What is wrong with a link on a page, if anything. */
async function checkLink(root: string, page: string, target: string): Promise<string | undefined> {
  if (/^[a-z][a-z\d+.-]*:/i.test(target)) return undefined
  const [place = '', anchor] = target.split('#')
  const file = place === '' ? page : path.posix.join(path.posix.dirname(page), decodeURIComponent(place))
  if (place.startsWith('/') || file.startsWith('../')) return 'leads out of the checkout'
  const found = await stat(path.join(root, file)).catch(() => undefined)
  if (found === undefined) return 'does not exist'
  if (anchor === undefined) return undefined
  const anchors = file.endsWith('.md') ? anchorsOf(await readFile(path.join(root, file), 'utf8')) : new Set<string>()
  return anchors.has(anchor) ? undefined : 'names no heading there'
}
