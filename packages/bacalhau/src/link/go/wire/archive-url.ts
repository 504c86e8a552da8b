/** An archive of our publisher `local`: a token, and the name of the execution. */
const OURS = /(\/[\w-]{43}\/[A-Za-z0-9][\w-]{0,127})\.tar\.gz$/

/** Programs of release 1.2 unpack what ends in `.tgz`; our publisher serves its archives under that name as well. */
export const olderArchiveUrl = (url: string): string => url.replace(OURS, '$1.tgz')
