import type { profileListFlags } from '../catalogue/settings.ts'
import type { Invocation } from '../command.ts'
import { column, presentTable, type TableColumn, wideColumn } from '../present-table.ts'
import { profileFolder, selectedProfile } from '../profile/profile.ts'
import { listProfiles, readProfile } from '../profile/profile-file.ts'
import { dataFolderHere } from '../settings.ts'
import { plainLine } from '../terminal/plain.ts'

interface Row {
  readonly Current: boolean
  readonly Name: string
  readonly Endpoint: string
  readonly Auth: 'token' | 'none'
  readonly Description: string
}

const COLUMNS: readonly TableColumn<Row>[] = [
  column('CURRENT', ({ Current }) => (Current ? '*' : '')),
  column('NAME', ({ Name }) => plainLine(Name)),
  column('ENDPOINT', ({ Endpoint }) => plainLine(Endpoint)),
  column('AUTH', ({ Auth }) => Auth),
  wideColumn('DESCRIPTION', ({ Description }) => plainLine(Description)),
]

export async function run({ io, flags }: Invocation<typeof profileListFlags>): Promise<number> {
  const folder = profileFolder(dataFolderHere(io, flags))
  const selected = await selectedProfile(folder)
  const rows: Row[] = []
  for (const Name of await listProfiles(folder)) {
    const { endpoint, token, description = '' } = await readProfile(folder, Name)
    const Auth = token === undefined ? 'none' : 'token'
    rows.push({ Current: Name === selected, Name, Endpoint: endpoint, Auth, Description: description })
  }
  const none = 'No profiles yet. Save one: bacalhau profile save <name> --endpoint <URL>\n'
  await presentTable(io, flags, rows, COLUMNS, none)
  return 0
}
