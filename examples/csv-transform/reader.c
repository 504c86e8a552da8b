#include "reader.h"

#include "../common/job.h"

#include <string.h>

void keep_byte(Buffer *buffer, char byte)
{
    buffer->bytes = grow(buffer->bytes, buffer->used, &buffer->capacity, 1);
    buffer->bytes[buffer->used++] = byte;
}

const char *field(const Reader *reader, size_t index)
{
    return reader->text.bytes + reader->starts[index];
}

/* The next byte; CR LF counts as LF, as RFC 4180 ends its lines. */
static int next_byte(Reader *reader)
{
    int byte = getc(reader->file);
    if (byte == '\r') {
        int after = getc(reader->file);
        if (after == '\n')
            byte = after;
        else if (after != EOF)
            ungetc(after, reader->file);
    }
    if (byte == '\n')
        reader->line++;
    if (byte == '\0')
        fail("%s, line %lu: a zero byte: this is no text", reader->path, reader->line);
    return byte;
}

/* The opening quote is read already. Gives the byte after the closing one. */
static int read_quoted(Reader *reader)
{
    unsigned long opened = reader->line;
    for (;;) {
        int byte = next_byte(reader);
        if (byte == EOF)
            fail("%s, line %lu: a quoted field does not end", reader->path, opened);
        if (byte == '"' && (byte = next_byte(reader)) != '"')
            return byte;
        keep_byte(&reader->text, (char)byte);
    }
}

/* `byte` is the first one. Gives the one that ended the field: a comma, a line end or EOF. */
static int read_field(Reader *reader, int byte)
{
    if (reader->fields == MAX_COLUMNS)
        fail("%s, line %lu: more than %d columns", reader->path, reader->record_line, MAX_COLUMNS);
    reader->starts[reader->fields++] = reader->text.used;
    if (byte == '"') {
        byte = read_quoted(reader);
        if (byte != ',' && byte != '\n' && byte != EOF)
            fail("%s, line %lu: text after a closing quote", reader->path, reader->line);
    }
    while (byte != ',' && byte != '\n' && byte != EOF) {
        if (byte == '"')
            fail("%s, line %lu: a quote inside an unquoted field", reader->path, reader->line);
        keep_byte(&reader->text, (char)byte);
        byte = next_byte(reader);
    }
    keep_byte(&reader->text, '\0');
    return byte;
}

bool read_record(Reader *reader)
{
    int byte;
    do {
        reader->record_line = reader->line;
        byte = next_byte(reader);
    } while (byte == '\n');
    if (byte == EOF)
        return false;
    reader->text.used = reader->fields = 0;
    while ((byte = read_field(reader, byte)) == ',')
        byte = next_byte(reader);
    return true;
}

static void skip_byte_order_mark(FILE *file)
{
    char mark[3];
    if (fread(mark, 1, sizeof mark, file) != sizeof mark || memcmp(mark, "\xEF\xBB\xBF", sizeof mark) != 0)
        rewind(file);
}

void open_reader(Reader *reader, const char *path)
{
    *reader = (Reader){ .path = path, .line = 1, .file = open_input(path) };
    skip_byte_order_mark(reader->file);
}
