/*
 * hello [FILE]: greets every line of FILE (default /inputs/name.txt) on standard output and in /outputs/greeting.txt.
 * Stays away from printf: that keeps the module small enough to be written into a job spec.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_USAGE = 2 };

static const char OUTPUT[] = "/outputs/greeting.txt";

static int report(const char *action, const char *path)
{
    const char *const words[] = { "Error: cannot ", action, " ", path, ": ", strerror(errno), "\n" };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        fputs(words[i], stderr);
    return EXIT_FAILURE;
}

static void greet(const char *name, FILE *out)
{
    fputs("Hello, ", out);
    fputs(name, out);
    fputs("!\n", out);
}

/* False if reading or writing went wrong. */
static bool greet_all(FILE *in, FILE *out)
{
    char *name = NULL;
    size_t capacity = 0;
    while (getline(&name, &capacity, in) >= 0) {
        name[strcspn(name, "\r\n")] = '\0';
        if (*name == '\0')
            continue;
        greet(name, stdout);
        greet(name, out);
    }
    free(name);
    return !ferror(in) && !ferror(out) && fflush(stdout) == 0;
}

int main(int argc, char **argv)
{
    if (argc > 2) {
        fputs("Usage: hello [FILE]\n", stderr);
        return EXIT_USAGE;
    }
    const char *path = argc == 2 ? argv[1] : "/inputs/name.txt";
    FILE *in = fopen(path, "r");
    if (in == NULL)
        return report("read", path);
    FILE *out = fopen(OUTPUT, "w");
    if (out == NULL)
        return report("write", OUTPUT);
    bool done = greet_all(in, out);
    if (fclose(out) != 0 || !done)
        return report("greet everyone in", path);
    return EXIT_SUCCESS;
}
