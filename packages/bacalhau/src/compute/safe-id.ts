/** Ids become names of folders and keys of rows, so nothing but what we generate ourselves may pass. */
const SAFE_ID = /^[A-Za-z0-9-]{1,128}$/

export const isSafeId = (id: string): boolean => SAFE_ID.test(id)
