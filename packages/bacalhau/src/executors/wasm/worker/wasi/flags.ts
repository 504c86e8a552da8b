/** `fdflags` of WASI preview 1. */
export const FD_FLAG = { append: 1, dsync: 2, nonblock: 4, rsync: 8, sync: 16 } as const

/** `oflags` of WASI preview 1. */
export const OPEN_FLAG = { create: 1, directory: 2, exclusive: 4, truncate: 8 } as const

/** `lookupflags` of WASI preview 1. */
export const FOLLOW_LINK = 1
