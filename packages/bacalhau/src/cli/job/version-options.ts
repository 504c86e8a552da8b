import type { VersionedOptions } from '@bacalhau/client'

interface VersionFlags {
  readonly namespace: string | undefined
  readonly version: number | undefined
  readonly 'all-versions': boolean
}

/** Whose executions or events a command asks for: of a job in a namespace, and of which of its versions. */
export const versionOptions = ({ namespace, version, 'all-versions': all }: VersionFlags): VersionedOptions => ({
  ...(namespace === undefined ? {} : { namespace }),
  ...(version === undefined ? {} : { version }),
  ...(all ? { allVersions: true } : {}),
})
