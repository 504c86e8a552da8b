/**
 * The shortest list that can be found, by taking chunks out of `items`, for which `fails` still holds (delta debugging after
 * A. Zeller). Looks on as long as `mayGoOn`.
 */
export async function shrink<T>(
  items: readonly T[],
  fails: (candidate: readonly T[]) => Promise<boolean>,
  mayGoOn: () => boolean,
): Promise<readonly T[]> {
  let left = items
  for (let size = Math.ceil(left.length / 2); size >= 1;) {
    let shorter = false
    for (let from = 0; from < left.length && mayGoOn();) {
      const candidate = [...left.slice(0, from), ...left.slice(from + size)]
      if (await fails(candidate)) {
        left = candidate
        shorter = true
      } else from += size
    }
    if (!mayGoOn()) return left
    // The smallest chunks are tried until none of them can go any more.
    if (size === 1 && !shorter) return left
    size = size === 1 ? 1 : Math.ceil(size / 2)
    if (left.length === 0) return left
  }
  return left
}
