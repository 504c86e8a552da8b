/** Compiled modules for jobs to come; the least recently used go first when their files together get too large. */
export interface ModuleCache {
  get(key: string): WebAssembly.Module | undefined
  /** `bytes`: size of the module's file, as a measure of what its code takes. */
  put(key: string, module: WebAssembly.Module, bytes: number): void
  clear(): void
}

/** A cache for modules of `capacity` bytes together. */
export function createModuleCache(capacity: number): ModuleCache {
  /** From least to most recently used: a `Map` keeps the order of insertion. */
  const entries = new Map<string, { readonly module: WebAssembly.Module; readonly bytes: number }>()
  let total = 0
  const remove = (key: string) => {
    total -= entries.get(key)?.bytes ?? 0
    entries.delete(key)
  }
  return {
    get(key) {
      const entry = entries.get(key)
      if (entry === undefined) return undefined
      entries.delete(key)
      entries.set(key, entry)
      return entry.module
    },
    put(key, module, bytes) {
      remove(key)
      if (bytes > capacity) return
      entries.set(key, { module, bytes })
      total += bytes
      for (const oldest of entries.keys()) {
        if (total <= capacity) break
        remove(oldest)
      }
    },
    clear() {
      entries.clear()
      total = 0
    },
  }
}
