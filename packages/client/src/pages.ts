import type { Page } from '@bacalhau/models'

/** The items of all pages, each page fetched when it is needed. */
export async function* itemsOf<T>(fetchPage: (nextToken: string | undefined) => Promise<Page<T>>): AsyncGenerator<T> {
  let nextToken: string | undefined
  do {
    const page = await fetchPage(nextToken)
    yield* page.Items
    nextToken = page.NextToken === '' ? undefined : page.NextToken
  } while (nextToken !== undefined)
}
