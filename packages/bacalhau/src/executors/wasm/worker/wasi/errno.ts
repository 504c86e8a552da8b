import { systemCode } from '../../../../runtime/error.ts'

/** Error numbers of WASI preview 1 (`errno` in wasi_snapshot_preview1.witx). */
export const ERRNO = {
  success: 0,
  again: 6,
  acces: 2,
  badf: 8,
  busy: 10,
  exist: 20,
  fault: 21,
  fbig: 22,
  ilseq: 25,
  inval: 28,
  io: 29,
  isdir: 31,
  loop: 32,
  mfile: 33,
  mlink: 34,
  nametoolong: 37,
  nfile: 41,
  noent: 44,
  notdir: 54,
  notempty: 55,
  notsock: 57,
  notsup: 58,
  nxio: 60,
  overflow: 61,
  perm: 63,
  rofs: 69,
  spipe: 70,
  xdev: 75,
  notcapable: 76,
} as const

/** A system call that fails in the ordinary way: the job gets the number and goes on. */
export class WasiError extends Error {
  override readonly name = 'WasiError'
  readonly errno: number

  constructor(errno: number) {
    super(`errno ${errno}`)
    this.errno = errno
  }
}

/** Fails the present system call with an errno. */
export function refuse(errno: keyof typeof ERRNO): never {
  throw new WasiError(ERRNO[errno])
}

/** What the host's own errors are to a job. A full disk is not here: it ends the run. */
const FROM_HOST: Readonly<Record<string, keyof typeof ERRNO>> = {
  EACCES: 'acces',
  EAGAIN: 'again',
  EBADF: 'badf',
  EBUSY: 'busy',
  EEXIST: 'exist',
  EFBIG: 'fbig',
  EINVAL: 'inval',
  EISDIR: 'isdir',
  ELOOP: 'loop',
  EMFILE: 'nfile',
  EMLINK: 'mlink',
  ENAMETOOLONG: 'nametoolong',
  ENFILE: 'nfile',
  ENOENT: 'noent',
  ENOTDIR: 'notdir',
  ENOTEMPTY: 'notempty',
  ENOTSUP: 'notsup',
  ENXIO: 'nxio',
  EOPNOTSUPP: 'notsup',
  EPERM: 'perm',
  EROFS: 'rofs',
  ESPIPE: 'spipe',
  ETXTBSY: 'busy',
  EXDEV: 'xdev',
}

/** The errno for an error of Node's file system; `undefined` when it is none. */
export function errnoOf(error: unknown): number | undefined {
  if (error instanceof WasiError) return error.errno
  const code = systemCode(error)
  if (code === undefined || !/^E[A-Z0-9]+$/.test(code)) return undefined
  return ERRNO[FROM_HOST[code] ?? 'io']
}

/** Is this the host's own disk, or its quota, being full? */
export function isDiskFull(error: unknown): boolean {
  return ['ENOSPC', 'EDQUOT'].includes(systemCode(error) ?? '')
}
