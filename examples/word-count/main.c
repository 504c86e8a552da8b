/*
 * word-count [--top N] [FOLDER]: counts the words of every file below FOLDER (default /inputs).
 *
 * Writes /outputs/counts.csv (all words, most frequent first) and /outputs/summary.txt. A word is a run of letters and
 * digits of any script, lower-cased; an apostrophe belongs to it where it stands between two of them. Input is UTF-8;
 * a byte that is not ends a word.
 */
#include "../common/job.h"
#include "../common/table.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <wchar.h>
#include <wctype.h>

enum {
    PATH_MAX_BYTES = 4096,
    WORD_MAX_BYTES = 256, /* what is longer is no word of a language and is cut here */
    FOLDER_MAX_DEPTH = 64,
    DEFAULT_TOP = 5,
};

static const char USAGE[] = "word-count [--top N] [FOLDER]";
static const char COUNTS[] = "/outputs/counts.csv";
static const char SUMMARY[] = "/outputs/summary.txt";
static const wint_t NOT_TEXT = 0xFFFD;
static const wint_t END = (wint_t)WEOF; /* which of them is signed differs between C libraries */

typedef struct {
    char **paths;
    size_t used, capacity;
} FileList;

typedef struct {
    char bytes[WORD_MAX_BYTES + 1 + MB_LEN_MAX]; /* room for an apostrophe and a letter more */
    size_t length;
    bool apostrophe; /* one was read and counts only if a letter follows */
} Word;

/* ---- Finding the files ---- */

static void join_path(char *joined, const char *folder, const char *name)
{
    int length = snprintf(joined, PATH_MAX_BYTES, "%s/%s", folder, name);
    if (length < 0 || length >= PATH_MAX_BYTES)
        fail("path too long below %s", folder);
}

static void add_file(FileList *list, const char *path)
{
    list->paths = grow(list->paths, list->used, &list->capacity, sizeof *list->paths);
    list->paths[list->used] = strdup(path);
    if (list->paths[list->used++] == NULL)
        fail("out of memory");
}

/* Links are left alone: what they point to is counted where it stands, and a loop of links cannot catch us. */
static void list_files(FileList *list, const char *folder, int depth)
{
    if (depth > FOLDER_MAX_DEPTH)
        fail("folders nest deeper than %d at %s", FOLDER_MAX_DEPTH, folder);
    DIR *entries = opendir(folder);
    if (entries == NULL)
        fail("cannot list %s: %s", folder, strerror(errno));
    char *path = allocate(PATH_MAX_BYTES, 1);
    for (struct dirent *entry; (entry = readdir(entries)) != NULL;) {
        struct stat status;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        join_path(path, folder, entry->d_name);
        if (lstat(path, &status) != 0)
            fail("cannot look at %s: %s", path, strerror(errno));
        if (S_ISDIR(status.st_mode))
            list_files(list, path, depth + 1);
        else if (S_ISREG(status.st_mode))
            add_file(list, path);
    }
    free(path);
    closedir(entries);
}

static int compare_paths(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

/* ---- Counting ---- */

/* The next character of a UTF-8 stream; NOT_TEXT for a malformed one, END at the end. */
static wint_t next_character(FILE *in)
{
    mbstate_t state = { 0 };
    for (int length = 0;; length++) {
        int byte = getc(in);
        if (byte == EOF)
            return length == 0 ? END : NOT_TEXT;
        char raw = (char)byte;
        wchar_t character;
        size_t result = mbrtowc(&character, &raw, 1, &state);
        if (result == (size_t)-2)
            continue;
        if (result != (size_t)-1)
            return (wint_t)character;
        /* The byte that broke a sequence may begin the next character. */
        if (length > 0)
            ungetc(byte, in);
        return NOT_TEXT;
    }
}

static void end_word(Word *word, Table *table, unsigned long *words)
{
    if (word->length > 0) {
        table_entry(table, word->bytes, word->length)->value += 1;
        *words += 1;
    }
    word->length = 0;
    word->apostrophe = false;
}

static void extend_word(Word *word, wint_t letter)
{
    mbstate_t state = { 0 };
    if (word->apostrophe)
        word->bytes[word->length++] = '\'';
    word->apostrophe = false;
    word->length += wcrtomb(word->bytes + word->length, (wchar_t)towlower(letter), &state);
}

static bool is_apostrophe(wint_t character)
{
    return character == L'\'' || character == 0x2019;
}

static unsigned long count_file(const char *path, Table *table)
{
    unsigned long words = 0;
    Word word = { .length = 0 };
    FILE *in = open_input(path);
    for (wint_t character; (character = next_character(in)) != END;) {
        if (word.length >= WORD_MAX_BYTES)
            end_word(&word, table, &words);
        if (iswalnum(character))
            extend_word(&word, character);
        else if (is_apostrophe(character) && word.length > 0 && !word.apostrophe)
            word.apostrophe = true;
        else
            end_word(&word, table, &words);
    }
    end_word(&word, table, &words);
    close_input(in, path);
    return words;
}

/* ---- Reporting ---- */

static int compare_entries(const void *left, const void *right)
{
    const Entry *a = left, *b = right;
    if (a->value != b->value)
        return a->value > b->value ? -1 : 1;
    return strcmp(a->key, b->key);
}

/* Words hold neither commas nor quotes, so no field needs quoting. */
static void write_counts(const Table *table)
{
    FILE *out = open_output(COUNTS);
    fputs("word,count\n", out);
    for (size_t i = 0; i < table->used; i++)
        fprintf(out, "%s,%.0f\n", table->entries[i].key, table->entries[i].value);
    close_output(out, COUNTS);
}

static void print_summary(FILE *out, const Table *table, size_t files, unsigned long words, size_t top)
{
    fprintf(out, "%zu files, %lu words, %zu different\n", files, words, table->used);
    for (size_t i = 0; i < table->used && i < top; i++)
        fprintf(out, "%6.0f %s\n", table->entries[i].value, table->entries[i].key);
}

static void write_summary(const Table *table, size_t files, unsigned long words, size_t top)
{
    FILE *out = open_output(SUMMARY);
    print_summary(out, table, files, words, top);
    close_output(out, SUMMARY);
    print_summary(stdout, table, files, words, top);
    if (fflush(stdout) != 0)
        fail("cannot write to standard output: %s", strerror(errno));
}

/* ---- Command line ---- */

static void parse_arguments(int argc, char **argv, const char **folder, unsigned long *top)
{
    int next = 1;
    if (next < argc && strcmp(argv[next], "--top") == 0) {
        if (next + 1 == argc || !parse_number(argv[next + 1], 0, 1000, top))
            fail_usage(USAGE);
        next += 2;
    }
    if (next < argc && argv[next][0] != '-')
        *folder = argv[next++];
    if (next != argc)
        fail_usage(USAGE);
}

int main(int argc, char **argv)
{
    const char *folder = "/inputs";
    unsigned long top = DEFAULT_TOP, words = 0;
    parse_arguments(argc, argv, &folder, &top);
    if (setlocale(LC_CTYPE, "C.UTF-8") == NULL)
        fail("this C library knows no UTF-8");

    FileList list = { 0 };
    Table table = { 0 };
    list_files(&list, folder, 0);
    qsort(list.paths, list.used, sizeof *list.paths, compare_paths);
    for (size_t i = 0; i < list.used; i++) {
        unsigned long found = count_file(list.paths[i], &table);
        words += found;
        progress("[%zu/%zu] %s: %lu words", i + 1, list.used, list.paths[i] + strlen(folder) + 1, found);
    }
    qsort(table.entries, table.used, sizeof *table.entries, compare_entries);
    write_counts(&table);
    write_summary(&table, list.used, words, top);
    return EXIT_SUCCESS;
}
