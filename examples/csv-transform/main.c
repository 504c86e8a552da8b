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
#include "reader.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FILTERS = 16, PROGRESS_ROWS = 100000 };

static const char USAGE[] = "csv-transform FILE [--where COLUMN=VALUE]... [--select COLUMN,...] [--sum COLUMN]";
static const char RESULT[] = "/outputs/result.csv";

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
        const char *text = field(row, plan->selected[i]);
        /* Alone on its line, an empty field needs quotes: an empty line is no record. */
        if (plan->select_count == 1 && *text == '\0')
            fputs("\"\"", out);
        else
            write_field(out, text);
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
        fail("%s, line %lu: '%s' is not a number", row->path, row->record_line, text);
    return number;
}

/* The key of a group is its selected fields, each with its zero: no field holds one. `buffer` lives from row to row. */
static void add_to_group(Table *groups, Buffer *buffer, const Plan *plan, const Reader *row)
{
    buffer->used = 0;
    for (size_t i = 0; i < plan->select_count; i++) {
        const char *text = field(row, plan->selected[i]);
        for (size_t at = 0, length = strlen(text) + 1; at < length; at++)
            keep_byte(buffer, text[at]);
    }
    const char *key = buffer->used > 0 ? buffer->bytes : "";
    table_entry(groups, key, buffer->used)->value += number_in(row, plan->sum_index);
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
    Buffer key = { 0 };
    unsigned long rows = 0;
    const size_t columns = reader->fields;
    while (read_record(reader)) {
        if (reader->fields != columns)
            fail("%s, line %lu: %zu fields where the header has %zu", reader->path, reader->record_line, reader->fields,
                columns);
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
    open_reader(&reader, plan.path);
    if (!read_record(&reader)) {
        close_input(reader.file, plan.path);
        fail("%s is empty: the first line has to name the columns", plan.path);
    }
    resolve_columns(&plan, &reader);

    FILE *out = open_output(RESULT);
    write_header(out, &plan, &reader);
    unsigned long rows = transform(&reader, &plan, out, &kept);
    close_input(reader.file, plan.path);
    close_output(out, RESULT);
    progress("%lu rows read, %lu kept", rows, kept);
    return EXIT_SUCCESS;
}
