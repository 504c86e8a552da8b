/* What the examples share: ending with a message, checked memory, checked files, strict numbers. */
#ifndef EXAMPLES_JOB_H
#define EXAMPLES_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Ends the job with exit code 1 and one line, "Error: ...", on standard error. */
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Ends the job with exit code 2: it was started with arguments that make no sense. `text` follows "Usage: ". */
_Noreturn void fail_usage(const char *text);

/* Prints one line and flushes it, so that someone who follows the log sees it now and not when a buffer is full. */
void progress(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Zeroed memory for `count` items of `size` bytes, or the end of the job. */
void *allocate(size_t count, size_t size);

/* Makes room for one more than `used` items of `size` bytes. Doubles `*capacity`, so that n calls copy O(n) items. */
void *grow(void *items, size_t used, size_t *capacity, size_t size);

FILE *open_input(const char *path);
FILE *open_output(const char *path);

/* Ends the job if reading `file` stopped for another reason than its end. */
void close_input(FILE *file, const char *path);

/* Ends the job if anything written to `file` did not arrive, a full disk for example. */
void close_output(FILE *file, const char *path);

/* Decimal digits only, between `least` and `most`; false for everything else. */
bool parse_number(const char *text, unsigned long least, unsigned long most, unsigned long *number);

#endif
