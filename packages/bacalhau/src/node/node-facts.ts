import { parseRecord } from '@bacalhau/models'
import { z } from 'zod'
import { newToken, uuid } from '../runtime/ids.ts'
import type { Random } from '../runtime/random.ts'
import { put, type Store, type Table } from '../store/store.ts'

/** Facts that a node makes up once and keeps. */
export interface NodeFacts {
  /** Changes when the store was lost, so that others notice. */
  readonly storeGeneration: string
  /** Secret that makes another machine's compute node a member. */
  readonly joinToken: string
}

const META: Table = 'meta'
/** The row of the store's generation. A store that was put back to an earlier state is another one, and goes without it. */
export const STORE_GENERATION = [META, 'store-generation'] as const

/** Reads the facts of this node, making those that are not there yet. */
export async function loadFacts(store: Store, random: Random): Promise<NodeFacts> {
  const fact = async (key: string, make: () => string): Promise<string> => {
    const known = parseRecord(z.string().min(1), await store.get(META, key))
    if (known.ok) return known.value
    const made = make()
    await store.commit([put(META, key, made)])
    return made
  }
  return {
    storeGeneration: await fact(STORE_GENERATION[1], () => uuid(random)),
    joinToken: await fact('join-token', () => newToken(random)),
  }
}
