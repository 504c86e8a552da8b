/*
 * csv-transform FILE [--where COLUMN=VALUE]... [--select COLUMN,...] [--sum COLUMN]: filters, cuts and adds up a CSV file.
 *
 * Reads RFC 4180: quoted fields may hold commas, line breaks and doubled quotes; the first record names the columns.
 * Every --where has to hold. Without --sum the selected columns (default: all) of each kept row are written. With --sum the
 * kept rows are grouped by the selected columns (default: one group) and the sum of each group is written. The result is
 * /outputs/result.csv. Rows are streamed: memory is needed for one row, or for one entry per group.
 */
#include "../common/job.h"
#include "../common/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_COLUMNS = 256, MAX_FILTERS = 16, PROGRESS_ROWS = 100000 };

static const char USAGE[] = "csv-transform FILE [--where COLUMN=VALUE]... [--select COLUMN,...] [--sum COLUMN]";
static const char RESULT[] = "/outputs/result.csv";

/* One record at a time: `fields` texts, each ended by a zero, one after the other in `bytes`. */
typedef struct {
    FILE *file;
    const char *path;
    unsigned long line;
    char *bytes;
    size_t used, capacity;
    size_t starts[MAX_COLUMNS];
    size_t fields;
} Reader;

typedef struct {
    char *column;
    const char *value;
    size_t index;
} Filter;

typedef struct {
    const char *path;
    Filter filters[MAX_FILTERS];
    size_t filter_count;
    char *select[MAX_COLUMNS];
    size_t selected[MAX_COLUMNS];
    size_t select_count;
    const char *sum;
    size_t sum_index;
} Plan;

/* ---- Reading ---- */

static const char *field(const Reader *reader, size_t index)
{
    return reader->bytes + reader->starts[index];
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

static void keep(Reader *reader, char byte)
{
    reader->bytes = grow(reader->bytes, reader->used, &reader->capacity, 1);
    reader->bytes[reader->used++] = byte;
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
        keep(reader, (char)byte);
    }
}

/* Gives the byte that ended the field: a comma, a line end or EOF. */
static int read_field(Reader *reader)
{
    if (reader->fields == MAX_COLUMNS)
        fail("%s, line %lu: more than %d columns", reader->path, reader->line, MAX_COLUMNS);
    reader->starts[reader->fields++] = reader->used;
    int byte = next_byte(reader);
    if (byte == '"') {
        byte = read_quoted(reader);
        if (byte != ',' && byte != '\n' && byte != EOF)
            fail("%s, line %lu: text after a closing quote", reader->path, reader->line);
    }
    while (byte != ',' && byte != '\n' && byte != EOF) {
        if (byte == '"')
            fail("%s, line %lu: a quote inside an unquoted field", reader->path, reader->line);
        keep(reader, (char)byte);
        byte = next_byte(reader);
    }
    keep(reader, '\0');
    return byte;
}

/* False at the end of the file. Empty lines are no records. */
static bool read_record(Reader *reader)
{
    int end;
    do {
        reader->used = reader->fields = 0;
        while ((end = read_field(reader)) == ',')
            ;
    } while (end == '\n' && reader->used == 1);
    return reader->used > 1;
}

static void skip_byte_order_mark(FILE *file)
{
    char mark[3];
    if (fread(mark, 1, sizeof mark, file) != sizeof mark || memcmp(mark, "\xEF\xBB\xBF", sizeof mark) != 0)
        rewind(file);
}

/* ---- Planning ---- */

static size_t find_column(const Reader *reader, const char *name)
{
    for (size_t i = 0; i < reader->fields; i++)
        if (strcmp(field(reader, i), name) == 0)
            return i;
    fail("%s has no column '%s'", reader->path, name);
}

static void add_filter(Plan *plan, char *text)
{
    char *equals = strchr(text, '=');
    if (equals == NULL || equals == text || plan->filter_count == MAX_FILTERS)
        fail_usage(USAGE);
    *equals = '\0';
    plan->filters[plan->filter_count++] = (Filter){ .column = text, .value = equals + 1 };
}

static void add_columns(Plan *plan, char *text)
{
    for (char *name = text; name != NULL;) {
        char *comma = strchr(name, ',');
        if (comma != NULL)
            *comma++ = '\0';
        if (*name == '\0' || plan->select_count == MAX_COLUMNS)
            fail_usage(USAGE);
        plan->select[plan->select_count++] = name;
        name = comma;
    }
}

static void add_option(Plan *plan, const char *option, char *value)
{
    if (strcmp(option, "--where") == 0)
        add_filter(plan, value);
    else if (strcmp(option, "--select") == 0)
        add_columns(plan, value);
    else if (strcmp(option, "--sum") == 0 && plan->sum == NULL && *value != '\0')
        plan->sum = value;
    else
        fail_usage(USAGE);
}

static void parse_arguments(Plan *plan, int argc, char **argv)
{
    if (argc < 2 || argc % 2 != 0 || argv[1][0] == '-')
        fail_usage(USAGE);
    plan->path = argv[1];
    for (int i = 2; i < argc; i += 2)
        add_option(plan, argv[i], argv[i + 1]);
}

/* Turns names into places, by the header that the reader holds. */
static void resolve_columns(Plan *plan, const Reader *header)
{
    for (size_t i = 0; i < plan->filter_count; i++)
        plan->filters[i].index = find_column(header, plan->filters[i].column);
    for (size_t i = 0; i < plan->select_count; i++)
        plan->selected[i] = find_column(header, plan->select[i]);
    if (plan->sum != NULL)
        plan->sum_index = find_column(header, plan->sum);
    else if (plan->select_count == 0)
        for (; plan->select_count < header->fields; plan->select_count++)
            plan->selected[plan->select_count] = plan->select_count;
}

static bool is_wanted(const Plan *plan, const Reader *row)
{
    for (size_t i = 0; i < plan->filter_count; i++)
        if (strcmp(field(row, plan->filters[i].index), plan->filters[i].value) != 0)
            return false;
    return true;
}

/* ---- Writing ---- */

static void write_field(FILE *out, const char *text)
{
    if (text[strcspn(text, ",\"\r\n")] == '\0') {
        fputs(text, out);
        return;
    }
    putc('"', out);
    for (; *text != '\0'; text++) {
        if (*text == '"')
            putc('"', out);
        putc(*text, out);
    }
    putc('"', out);
}

static void write_selected(FILE *out, const Plan *plan, const Reader *row)
{
    for (size_t i = 0; i < plan->select_count; i++) {
        if (i > 0)
            putc(',', out);
        write_field(out, field(row, plan->selected[i]));
    }
}

static void write_header(FILE *out, const Plan *plan, const Reader *header)
{
    write_selected(out, plan, header);
    if (plan->sum != NULL) {
        fputs(plan->select_count > 0 ? ",sum:" : "sum:", out);
        write_field(out, plan->sum);
    }
    putc('\n', out);
}

/* ---- Summing ---- */

/* A plain decimal number. An empty field adds nothing, like NULL in SQL. */
static double number_in(const Reader *row, size_t index)
{
    const char *text = field(row, index);
    char *end;
    double number = strtod(text, &end);
    /* strtod also takes blanks, hexadecimal, "inf" and "nan". */
    if (*end != '\0' || text[strspn(text, "0123456789+-.eE")] != '\0' || !isfinite(number))
        fail("%s, line %lu: '%s' is not a number", row->path, row->line, text);
    return number;
}

/* The key of a group is its selected fields, each with its zero: no field holds one. */
static void add_to_group(Table *groups, Reader *key, const Plan *plan, const Reader *row)
{
    key->used = 0;
    for (size_t i = 0; i < plan->select_count; i++)
        for (const char *byte = field(row, plan->selected[i]);; byte++) {
            keep(key, *byte);
            if (*byte == '\0')
                break;
        }
    table_entry(groups, key->bytes, key->used)->value += number_in(row, plan->sum_index);
}

static void write_groups(FILE *out, const Plan *plan, const Table *groups)
{
    for (size_t i = 0; i < groups->used; i++) {
        const char *text = groups->entries[i].key;
        for (size_t column = 0; column < plan->select_count; column++, text += strlen(text) + 1) {
            write_field(out, text);
            putc(',', out);
        }
        /* 15 digits are what a double keeps of a decimal number: 0.1 + 0.2 prints as 0.3. */
        fprintf(out, "%.15g\n", groups->entries[i].value);
    }
}

/* ---- The job ---- */

static unsigned long transform(Reader *reader, const Plan *plan, FILE *out, unsigned long *kept)
{
    Table groups = { 0 };
    Reader key = { 0 };
    unsigned long rows = 0;
    const size_t columns = reader->fields;
    while (read_record(reader)) {
        if (reader->fields != columns)
            fail("%s, line %lu: %zu fields where the header has %zu", reader->path, reader->line, reader->fields, columns);
        if (++rows % PROGRESS_ROWS == 0)
            progress("%lu rows read", rows);
        if (!is_wanted(plan, reader))
            continue;
        *kept += 1;
        if (plan->sum != NULL) {
            add_to_group(&groups, &key, plan, reader);
        } else {
            write_selected(out, plan, reader);
            putc('\n', out);
        }
    }
    write_groups(out, plan, &groups);
    return rows;
}

int main(int argc, char **argv)
{
    static Plan plan;
    static Reader reader;
    unsigned long kept = 0;
    parse_arguments(&plan, argc, argv);
    reader.path = plan.path;
    reader.line = 1;
    reader.file = open_input(plan.path);
    skip_byte_order_mark(reader.file);
    if (!read_record(&reader))
        fail("%s is empty: the first line has to name the columns", plan.path);
    resolve_columns(&plan, &reader);

    FILE *out = open_output(RESULT);
    write_header(out, &plan, &reader);
    unsigned long rows = transform(&reader, &plan, out, &kept);
    close_input(reader.file, plan.path);
    close_output(out, RESULT);
    progress("%lu rows read, %lu kept", rows, kept);
    return EXIT_SUCCESS;
}
