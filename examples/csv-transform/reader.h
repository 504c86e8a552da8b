/* Reads CSV as RFC 4180 defines it: quoted fields may hold commas, line breaks and doubled quotes. */
#ifndef EXAMPLES_READER_H
#define EXAMPLES_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { MAX_COLUMNS = 256 };

typedef struct {
    char *bytes;
    size_t used, capacity;
} Buffer;

/* Holds one record at a time: `fields` texts, each ended by a zero, one after the other in `text`. */
typedef struct {
    FILE *file;
    const char *path;
    unsigned long line, record_line; /* where the reader is, where the record begins */
    Buffer text;
    size_t starts[MAX_COLUMNS];
    size_t fields;
} Reader;

void keep_byte(Buffer *buffer, char byte);

void open_reader(Reader *reader, const char *path);

/*
 * Reads the next record; false at the end of the file. Empty lines are no records. What is not well formed ends the job with
 * the number of the line.
 */
bool read_record(Reader *reader);

/* A field of the current record. Holds no zero byte but the last. */
const char *field(const Reader *reader, size_t index);

#endif
