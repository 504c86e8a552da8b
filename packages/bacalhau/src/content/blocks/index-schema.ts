/** The name of pins that a user asked for. */
export const USER_PIN = 'user'

/**
 * Where each block is. Small batches keep their blocks in the table itself (`data`), larger ones in a pack file at `offset`.
 * `leaf` says that the block, read as dag-pb, is known to have no links, so that walks need not read it.
 * `live` of a pack is how many of its bytes blocks still refer to. A `mark` keeps a block from garbage collection; `walked`
 * says that what lies below it is marked, or going to be. A `named_pin` keeps a root and all below it; each owner has a name of
 * its own, and content goes when the last one lets it go. Pins without names, in `pin`, are those of an older layout.
 */
export const INDEX_SCHEMA = `
  CREATE TABLE IF NOT EXISTS pack (
    id INTEGER PRIMARY KEY,
    bytes INTEGER NOT NULL,
    live INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS block (
    id INTEGER PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,
    bytes INTEGER NOT NULL,
    leaf INTEGER NOT NULL,
    pack INTEGER,
    offset INTEGER,
    data BLOB
  ) STRICT;
  CREATE INDEX IF NOT EXISTS block_pack ON block (pack, offset) WHERE pack IS NOT NULL;
  DROP TRIGGER IF EXISTS block_added;
  CREATE TRIGGER IF NOT EXISTS block_removed AFTER DELETE ON block WHEN old.pack IS NOT NULL
    BEGIN UPDATE pack SET live = live - old.bytes WHERE id = old.pack; END;
  CREATE TABLE IF NOT EXISTS pin (
    cid TEXT PRIMARY KEY
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS named_pin (
    cid TEXT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (cid, name)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS named_pin_name ON named_pin (name);
  INSERT OR IGNORE INTO named_pin (cid, name) SELECT cid, '${USER_PIN}' FROM pin;
  DELETE FROM pin;
  CREATE TEMP TABLE IF NOT EXISTS mark (
    hash BLOB PRIMARY KEY,
    walked INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
`
