/* A table from keys (any bytes) to numbers that remembers the order in which the keys came. */
#ifndef EXAMPLES_TABLE_H
#define EXAMPLES_TABLE_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    char *key; /* `length` bytes and a zero */
    size_t length;
    uint32_t hash;
    double value; /* starts at 0; counts exactly up to 2^53 */
} Entry;

/* Start with all fields zero. */
typedef struct {
    Entry *entries;
    size_t used, capacity;
    uint32_t *slots; /* an index into `entries` plus 1; 0 is free */
    size_t slot_count; /* a power of two, or 0 */
} Table;

/* The entry of a key, made with value 0 where there was none. Valid until the next call. */
Entry *table_entry(Table *table, const char *key, size_t length);

#endif
