/*
 * mandelbrot [WIDTH HEIGHT ITERATIONS]: draws the Mandelbrot set, or this execution's share of its rows.
 *
 * A job with Count: n runs n times. The environment tells each execution which one it is (BACALHAU_PARTITION_INDEX, from 0) of
 * how many (BACALHAU_PARTITION_COUNT), and it draws the strip with that number into /outputs/mandelbrot-INDEX-of-COUNT.ppm.
 */
#include "../common/job.h"

#include <stdint.h>
#include <stdlib.h>

enum { MAX_SIDE = 32768, MAX_ITERATIONS = 100000000, PROGRESS_STEPS = 4, CHANNELS = 3 };

static const char USAGE[] = "mandelbrot [WIDTH HEIGHT ITERATIONS]";

typedef struct {
    unsigned long width, height, iterations;
} Picture;

/* Rows from `from` up to, but without, `to`. */
typedef struct {
    unsigned long index, count, from, to;
} Strip;

static unsigned long number_in_environment(const char *name, unsigned long fallback, unsigned long most)
{
    const char *text = getenv(name);
    unsigned long number = fallback;
    if (text != NULL && !parse_number(text, 0, most, &number))
        fail("%s has to be a number from 0 to %lu, not '%s'", name, most, text);
    return number;
}

/* A job that runs everywhere (ops, daemon) has no count: it says 0, and each execution draws the whole picture. */
static Strip find_strip(const Picture *picture)
{
    unsigned long count = number_in_environment("BACALHAU_PARTITION_COUNT", 1, UINT32_MAX);
    if (count == 0)
        return (Strip){ 0, 1, 0, picture->height };
    unsigned long index = number_in_environment("BACALHAU_PARTITION_INDEX", 0, count - 1);
    return (Strip){
        .index = index,
        .count = count,
        .from = (unsigned long)((uint64_t)picture->height * index / count),
        .to = (unsigned long)((uint64_t)picture->height * (index + 1) / count),
    };
}

/* How often z := z * z + c may be applied before z leaves the circle of radius 2; `limit` if it does not. */
static unsigned long escape_time(double c_real, double c_imaginary, unsigned long limit)
{
    double real = 0, imaginary = 0;
    for (unsigned long n = 0; n < limit; n++) {
        double real_square = real * real, imaginary_square = imaginary * imaginary;
        if (real_square + imaginary_square > 4)
            return n;
        imaginary = 2 * real * imaginary + c_imaginary;
        real = real_square - imaginary_square + c_real;
    }
    return limit;
}

/* Sea colours that come round every 64 steps; the set itself is black. */
static void paint(uint8_t *pixel, unsigned long time, unsigned long limit)
{
    unsigned phase = (unsigned)(time % 64) * 8;
    unsigned wave = phase < 256 ? phase : 511 - phase;
    if (time == limit)
        wave = 0;
    pixel[0] = (uint8_t)(wave * wave / 255);
    pixel[1] = (uint8_t)((wave + wave * wave / 255) / 2);
    pixel[2] = (uint8_t)(time == limit ? 0 : 64 + wave * 3 / 4);
}

/* The view is 3 wide, with the middle of the set in the middle of the picture. */
static void draw_row(const Picture *picture, unsigned long y, uint8_t *row)
{
    const double step = 3.0 / (double)picture->width;
    const double imaginary = ((double)y + 0.5 - (double)picture->height / 2) * step;
    for (unsigned long x = 0; x < picture->width; x++) {
        double real = ((double)x + 0.5) * step - 2.25;
        paint(row + x * CHANNELS, escape_time(real, imaginary, picture->iterations), picture->iterations);
    }
}

static void draw_strip(const Picture *picture, const Strip *strip)
{
    char path[64];
    snprintf(path, sizeof path, "/outputs/mandelbrot-%lu-of-%lu.ppm", strip->index, strip->count);
    const unsigned long rows = strip->to - strip->from;
    const unsigned long every = (rows + PROGRESS_STEPS - 1) / PROGRESS_STEPS;
    uint8_t *row = allocate(picture->width, CHANNELS);
    FILE *out = open_output(path);
    fprintf(out, "P6\n%lu %lu\n255\n", picture->width, rows);
    for (unsigned long done = 1; done <= rows; done++) {
        draw_row(picture, strip->from + done - 1, row);
        fwrite(row, CHANNELS, picture->width, out);
        if (done % every == 0 || done == rows)
            progress("strip %lu of %lu: %lu of %lu rows", strip->index, strip->count, done, rows);
    }
    close_output(out, path);
}

int main(int argc, char **argv)
{
    Picture picture = { .width = 1200, .height = 800, .iterations = 1000 };
    if (argc != 1 && argc != 4)
        fail_usage(USAGE);
    if (argc == 4
        && (!parse_number(argv[1], 1, MAX_SIDE, &picture.width) || !parse_number(argv[2], 1, MAX_SIDE, &picture.height)
            || !parse_number(argv[3], 1, MAX_ITERATIONS, &picture.iterations)))
        fail_usage(USAGE);

    Strip strip = find_strip(&picture);
    if (strip.from == strip.to)
        progress("strip %lu of %lu: no rows are left for it", strip.index, strip.count);
    else
        draw_strip(&picture, &strip);
    return EXIT_SUCCESS;
}
