#include "table.h"

#include "job.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_SLOTS = 1024 };

/* FNV-1a. */
static uint32_t hash_of(const char *key, size_t length)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ (unsigned char)key[i]) * 16777619u;
    return hash;
}

/* The slot that holds the key, or the free slot where it belongs. */
static uint32_t *find_slot(const Table *table, const char *key, size_t length, uint32_t hash)
{
    for (size_t at = hash;; at++) {
        uint32_t *slot = &table->slots[at & (table->slot_count - 1)];
        if (*slot == 0)
            return slot;
        const Entry *entry = &table->entries[*slot - 1];
        if (entry->hash == hash && entry->length == length && memcmp(entry->key, key, length) == 0)
            return slot;
    }
}

static void rebuild_slots(Table *table)
{
    free(table->slots);
    table->slot_count = table->slot_count == 0 ? FIRST_SLOTS : table->slot_count * 2;
    table->slots = allocate(table->slot_count, sizeof *table->slots);
    for (size_t i = 0; i < table->used; i++) {
        const Entry *entry = &table->entries[i];
        *find_slot(table, entry->key, entry->length, entry->hash) = (uint32_t)(i + 1);
    }
}

Entry *table_entry(Table *table, const char *key, size_t length)
{
    /* At most half full: chains of taken slots stay short. */
    if (table->used * 2 >= table->slot_count)
        rebuild_slots(table);
    uint32_t hash = hash_of(key, length);
    uint32_t *slot = find_slot(table, key, length, hash);
    if (*slot != 0)
        return &table->entries[*slot - 1];
    table->entries = grow(table->entries, table->used, &table->capacity, sizeof *table->entries);
    Entry *entry = &table->entries[table->used++];
    *entry = (Entry){ .key = allocate(length + 1, 1), .length = length, .hash = hash };
    memcpy(entry->key, key, length);
    *slot = (uint32_t)table->used;
    return entry;
}
