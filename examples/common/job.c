#include "job.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_USAGE = 2, FIRST_CAPACITY = 64 };

void fail(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    fputs("Error: ", stderr);
    vfprintf(stderr, format, values);
    fputc('\n', stderr);
    va_end(values);
    exit(EXIT_FAILURE);
}

void fail_usage(const char *text)
{
    fprintf(stderr, "Usage: %s\n", text);
    exit(EXIT_USAGE);
}

void progress(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    vprintf(format, values);
    va_end(values);
    putchar('\n');
    if (fflush(stdout) != 0)
        fail("cannot write to standard output: %s", strerror(errno));
}

void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    if (memory == NULL)
        fail("out of memory: %zu times %zu bytes", count, size);
    return memory;
}

void *grow(void *items, size_t used, size_t *capacity, size_t size)
{
    if (used < *capacity)
        return items;
    if (*capacity > SIZE_MAX / 2 / size)
        fail("out of memory: more than %zu items", *capacity);
    *capacity = *capacity == 0 ? FIRST_CAPACITY : *capacity * 2;
    void *memory = realloc(items, *capacity * size);
    if (memory == NULL)
        fail("out of memory: %zu times %zu bytes", *capacity, size);
    return memory;
}

FILE *open_input(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        fail("cannot read %s: %s", path, strerror(errno));
    return file;
}

FILE *open_output(const char *path)
{
    FILE *file = fopen(path, "wb");
    if (file == NULL)
        fail("cannot write %s: %s", path, strerror(errno));
    return file;
}

void close_input(FILE *file, const char *path)
{
    if (ferror(file))
        fail("cannot read %s: %s", path, strerror(errno));
    fclose(file);
}

void close_output(FILE *file, const char *path)
{
    bool written = !ferror(file);
    bool closed = fclose(file) == 0;
    if (!written || !closed)
        fail("cannot write %s: %s", path, strerror(errno));
}

bool parse_number(const char *text, unsigned long least, unsigned long most, unsigned long *number)
{
    /* strtoul alone would take blanks and a minus sign. */
    if (*text == '\0' || text[strspn(text, "0123456789")] != '\0')
        return false;
    errno = 0;
    *number = strtoul(text, NULL, 10);
    return errno == 0 && *number >= least && *number <= most;
}
