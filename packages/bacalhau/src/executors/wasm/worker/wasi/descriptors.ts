import { closeSync, fstatSync } from 'node:fs'
import { LIMITS } from '../../../../runtime/limits.ts'
import { closeDirectory, type Directory } from '../files/directory.ts'
import type { Ledger, TrackedFile } from '../files/ledger.ts'
import type { MountPoint } from '../files/tree.ts'
import { refuse } from './errno.ts'
import type { OutputFile } from './output-file.ts'

interface Common {
  rights: number
  /** Rights that what is opened through this descriptor may have. */
  inheriting: number
  /** `fdflags`. */
  flags: number
}

/** Standard input: a host file, or nothing. */
export interface InputStream extends Common {
  readonly kind: 'input'
  readonly hostFd: number | undefined
  offset: number
}

/** Standard output or error. */
export interface OutputStream extends Common {
  readonly kind: 'output'
  readonly file: OutputFile
}

export interface OpenFile extends Common {
  readonly kind: 'file'
  readonly hostFd: number
  readonly mount: MountPoint
  /** Account of the size, for files in writable mounts. */
  readonly tracked: TrackedFile | undefined
  offset: number
}

export interface OpenDirectory extends Common {
  readonly kind: 'directory'
  readonly directory: Directory
  /** Absolute path that the job knows it by, when it was there from the start. */
  readonly preopen?: string
  /** Names at the time of the last reading from the beginning. */
  listing: readonly string[]
}

export type Descriptor = InputStream | OutputStream | OpenFile | OpenDirectory

export interface DescriptorTable {
  get(fd: number): Descriptor
  file(fd: number, right: number): OpenFile
  directory(fd: number, right: number): OpenDirectory
  /** Fails when no more may be open. Call it before opening anything on the host. */
  checkRoom(): void
  /** Gives the descriptor the lowest free number. */
  add(descriptor: Descriptor): number
  close(fd: number): void
  /** Moves `from` to the number of `to`, which is closed. */
  renumber(from: number, to: number): void
  closeAll(): void
}

export function createDescriptors(ledger: Ledger): DescriptorTable {
  const open = new Map<number, Descriptor>()
  const get = (fd: number) => open.get(fd) ?? refuse('badf')
  const table: DescriptorTable = {
    get,
    file(fd, right) {
      const descriptor = get(fd)
      if (descriptor.kind === 'directory') refuse('isdir')
      if (descriptor.kind !== 'file') refuse('spipe')
      requireRight(descriptor, right)
      return descriptor
    },
    directory(fd, right) {
      const descriptor = get(fd)
      if (descriptor.kind !== 'directory') refuse('notdir')
      requireRight(descriptor, right)
      return descriptor
    },
    checkRoom() {
      if (open.size >= LIMITS.executionOpenFiles) refuse('mfile')
    },
    add(descriptor) {
      let fd = 0
      while (open.has(fd)) fd += 1
      open.set(fd, descriptor)
      return fd
    },
    close(fd) {
      const descriptor = get(fd)
      open.delete(fd)
      release(descriptor, ledger)
    },
    renumber(from, to) {
      const descriptor = get(from)
      get(to)
      if (from === to) return
      table.close(to)
      open.delete(from)
      open.set(to, descriptor)
    },
    closeAll() {
      for (const fd of open.keys()) table.close(fd)
    },
  }
  return table
}

export function requireRight(descriptor: Descriptor, right: number): void {
  if ((descriptor.rights & right) !== right) refuse('notcapable')
}

function release(descriptor: Descriptor, ledger: Ledger): void {
  switch (descriptor.kind) {
    case 'directory':
      return closeDirectory(descriptor.directory)
    case 'output':
      return descriptor.file.close()
    case 'input':
      return descriptor.hostFd === undefined ? undefined : closeSync(descriptor.hostFd)
    case 'file': {
      const gone = descriptor.tracked !== undefined && fstatSync(descriptor.hostFd).nlink === 0
      closeSync(descriptor.hostFd)
      if (descriptor.tracked !== undefined) ledger.close(descriptor.tracked, gone)
    }
  }
}
