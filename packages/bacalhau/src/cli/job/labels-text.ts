import { plainLine } from '../terminal/plain.ts'

/** Labels as they are written in flags: `a=b,c=d`, by name. */
export const labelsText = (labels: Readonly<Record<string, string>>): string =>
  Object.entries(labels)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => plainLine(`${name}=${value}`))
    .join(',')
