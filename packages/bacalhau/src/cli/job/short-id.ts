/** Characters that tell jobs, executions and nodes apart in practice; commands take a unique beginning of an id. */
const LENGTH = 10

export const shortId = (id: string): string => id.slice(0, LENGTH)
