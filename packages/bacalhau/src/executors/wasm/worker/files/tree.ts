import { realpathSync, statSync } from 'node:fs'
import { systemCode } from '../../../../runtime/error.ts'
import type { Mount } from '../../../executor.ts'
import { fail, printable } from '../../failure.ts'

/** A mount as the sandbox uses it. */
export interface MountPoint {
  /** Number of the device that a job sees; never the host's. */
  readonly device: number
  readonly hostPath: string
  readonly readOnly: boolean
  readonly kind: 'folder' | 'file'
}

/** A folder (or mounted file) of the tree that the mounts span. The folders on the way to a mount exist only here. */
export interface TreeNode {
  readonly children: Map<string, TreeNode>
  mount: MountPoint | undefined
}

/** Lays out the mounts of a job, from its root. Ends the run when one is missing on the host or two are at the same place. */
export function buildTree(mounts: readonly Mount[]): TreeNode {
  const root = emptyNode()
  for (const [index, mount] of mounts.entries()) {
    const node = nodeAt(root, namesOf(mount.guestPath))
    if (node.mount !== undefined) fail('ValidationError', `two mounts are at ${printable(mount.guestPath)}`)
    node.mount = { ...lookUp(mount), readOnly: mount.readOnly, device: index + 1 }
  }
  for (const { guestPath } of mounts) {
    const { mount, children } = nodeAt(root, namesOf(guestPath))
    if (mount?.kind === 'file' && children.size > 0)
      fail('ValidationError', `a mount lies below the file ${printable(guestPath)}`)
  }
  return root
}

const emptyNode = (): TreeNode => ({ children: new Map(), mount: undefined })

function namesOf(guestPath: string): string[] {
  const names = guestPath.split('/').filter((name) => name !== '' && name !== '.')
  if (!guestPath.startsWith('/') || names.includes('..') || guestPath.includes('\0'))
    fail('ValidationError', `the place of a mount is not an absolute path: ${printable(guestPath)}`)
  return names
}

/** The node of a place; makes it and the folders on the way as needed. */
function nodeAt(root: TreeNode, names: readonly string[]): TreeNode {
  let node = root
  for (const name of names) {
    const next = node.children.get(name) ?? emptyNode()
    node.children.set(name, next)
    node = next
  }
  return node
}

/** What is mounted: the real place of a file or folder, whatever links the host's own path goes through. */
function lookUp({ hostPath, guestPath }: Mount): Pick<MountPoint, 'hostPath' | 'kind'> {
  try {
    const real = realpathSync(hostPath)
    const stat = statSync(real)
    if (stat.isDirectory()) return { hostPath: real, kind: 'folder' }
    if (stat.isFile()) return { hostPath: real, kind: 'file' }
  } catch (error) {
    fail('InputFailed', `what is to be mounted at ${printable(guestPath)} cannot be read (${systemCode(error)})`)
  }
  return fail('InputFailed', `what is to be mounted at ${printable(guestPath)} is neither a file nor a folder`)
}
