/** `read:job`, `write:*`, `*:node`, `admin`, or `*` for everything. */
const CAPABILITY = /^(?:\*|admin|(?:read|write|\*):(?:job|node|agent|data|\*))$/

/** Is this the name of something that a caller of the API may be allowed to do? */
export const isCapability = (text: string): boolean => CAPABILITY.test(text)
