/*
 * image-edges FILE [--thumbnail WIDTH]: finds the edges of a binary PPM (P6) or PGM (P5) picture and makes it smaller.
 *
 * Writes /outputs/edges.pgm (Sobel filter over the brightness) and /outputs/thumbnail.ppm or .pgm (each pixel is the mean of
 * the box that it covers). Samples have 8 bits.
 */
#include "../common/job.h"

#include <ctype.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_SIDE = 16384, DEFAULT_THUMBNAIL = 32, WHITE = 255 };

static const char USAGE[] = "image-edges FILE [--thumbnail WIDTH]";

typedef struct {
    size_t width, height;
    size_t channels; /* 1: grey, 3: red, green, blue */
    uint8_t *samples; /* row by row from the top */
} Image;

static Image new_image(size_t width, size_t height, size_t channels)
{
    /* MAX_SIDE squared times 3 fits into 32 bits. */
    return (Image){ width, height, channels, allocate(width * height, channels) };
}

/* ---- Reading and writing ---- */

/* White space and comments separate the numbers of the header. */
static int next_header_byte(FILE *in)
{
    int byte = getc(in);
    if (byte == '#')
        while (byte != '\n' && byte != EOF)
            byte = getc(in);
    return byte;
}

/* Reads a number and the single byte of white space behind it. */
static size_t read_header_number(FILE *in, const char *path, const char *what, unsigned long most)
{
    char digits[8] = "";
    size_t length = 0;
    unsigned long number;
    int byte;
    do
        byte = next_header_byte(in);
    while (isspace(byte));
    for (; isdigit(byte) && length < sizeof digits - 1; byte = next_header_byte(in))
        digits[length++] = (char)byte;
    if (!isspace(byte) || !parse_number(digits, 1, most, &number))
        fail("%s: the %s has to be a number from 1 to %lu", path, what, most);
    return number;
}

static Image read_image(const char *path)
{
    FILE *in = open_input(path);
    char magic[2] = "";
    if (fread(magic, 1, sizeof magic, in) != sizeof magic || magic[0] != 'P' || (magic[1] != '5' && magic[1] != '6'))
        fail("%s is neither a binary PPM (P6) nor a binary PGM (P5)", path);
    size_t width = read_header_number(in, path, "width", MAX_SIDE);
    size_t height = read_header_number(in, path, "height", MAX_SIDE);
    if (read_header_number(in, path, "maximum", WHITE) != WHITE)
        fail("%s: only samples from 0 to %d are supported", path, WHITE);
    Image image = new_image(width, height, magic[1] == '6' ? 3 : 1);
    size_t size = width * height * image.channels;
    size_t got = fread(image.samples, 1, size, in);
    if (got != size && !ferror(in))
        fail("%s is cut short: %zu of %zu bytes of pixels", path, got, size);
    close_input(in, path);
    return image;
}

static void write_image(const Image *image, const char *path)
{
    FILE *out = open_output(path);
    fprintf(out, "P%c\n%zu %zu\n%d\n", image->channels == 3 ? '6' : '5', image->width, image->height, WHITE);
    fwrite(image->samples, image->channels, image->width * image->height, out);
    close_output(out, path);
    progress("%s: %zu x %zu", path, image->width, image->height);
}

/* ---- Edges ---- */

/* Brightness as the eye weighs the colours (ITU-R BT.601). */
static Image to_grey(const Image *image)
{
    Image grey = new_image(image->width, image->height, 1);
    for (size_t i = 0; i < image->width * image->height; i++) {
        const uint8_t *pixel = image->samples + i * image->channels;
        grey.samples[i] = image->channels == 1
            ? pixel[0]
            : (uint8_t)((299 * pixel[0] + 587 * pixel[1] + 114 * pixel[2] + 500) / 1000);
    }
    return grey;
}

/* How steep the brightness is at a pixel. `rows` are the rows above, at and below it, `columns` likewise. */
static uint8_t steepness(const uint8_t *const rows[3], const size_t columns[3])
{
    static const int weight[3] = { 1, 2, 1 };
    int across = 0, down = 0;
    for (int i = 0; i < 3; i++) {
        across += weight[i] * (rows[i][columns[2]] - rows[i][columns[0]]);
        down += weight[i] * (rows[2][columns[i]] - rows[0][columns[i]]);
    }
    double length = sqrt(across * across + down * down);
    return length < WHITE ? (uint8_t)(length + 0.5) : WHITE;
}

/* Beyond the border the picture goes on as it ends: a frame would be an edge that nobody drew. */
static Image find_edges(const Image *grey)
{
    const size_t width = grey->width, height = grey->height;
    Image edges = new_image(width, height, 1);
    for (size_t y = 0; y < height; y++) {
        const uint8_t *row = grey->samples + y * width;
        const uint8_t *const rows[3] = { y > 0 ? row - width : row, row, y + 1 < height ? row + width : row };
        for (size_t x = 0; x < width; x++) {
            const size_t columns[3] = { x > 0 ? x - 1 : x, x, x + 1 < width ? x + 1 : x };
            edges.samples[y * width + x] = steepness(rows, columns);
        }
    }
    return edges;
}

/* ---- Thumbnail ---- */

/* Where box `index` of `boxes` begins when they share `length` pixels. 64 bits: the product may pass 32. */
static size_t box_start(size_t index, size_t boxes, size_t length)
{
    return (size_t)((uint64_t)index * length / boxes);
}

static uint8_t box_mean(const Image *image, const size_t from[2], const size_t to[2], size_t channel)
{
    uint64_t sum = 0;
    uint64_t count = (uint64_t)(to[0] - from[0]) * (to[1] - from[1]);
    for (size_t y = from[1]; y < to[1]; y++)
        for (size_t x = from[0]; x < to[0]; x++)
            sum += image->samples[(y * image->width + x) * image->channels + channel];
    return (uint8_t)((sum + count / 2) / count);
}

/* `width` is at most that of the picture, so that no box is empty. */
static Image shrink(const Image *image, size_t width)
{
    size_t height = box_start(width, image->width, image->height);
    Image small = new_image(width, height > 0 ? height : 1, image->channels);
    for (size_t y = 0; y < small.height; y++)
        for (size_t x = 0; x < width; x++) {
            const size_t from[2] = { box_start(x, width, image->width), box_start(y, small.height, image->height) };
            const size_t to[2] = { box_start(x + 1, width, image->width), box_start(y + 1, small.height, image->height) };
            for (size_t channel = 0; channel < image->channels; channel++)
                small.samples[(y * width + x) * image->channels + channel] = box_mean(image, from, to, channel);
        }
    return small;
}

/* ---- The job ---- */

int main(int argc, char **argv)
{
    unsigned long width = DEFAULT_THUMBNAIL;
    if ((argc != 2 && argc != 4) || argv[1][0] == '-')
        fail_usage(USAGE);
    if (argc == 4 && (strcmp(argv[2], "--thumbnail") != 0 || !parse_number(argv[3], 1, MAX_SIDE, &width)))
        fail_usage(USAGE);

    Image image = read_image(argv[1]);
    progress("%s: %zu x %zu", argv[1], image.width, image.height);
    Image grey = to_grey(&image);
    Image edges = find_edges(&grey);
    write_image(&edges, "/outputs/edges.pgm");
    Image small = shrink(&image, width < image.width ? width : image.width);
    write_image(&small, small.channels == 3 ? "/outputs/thumbnail.ppm" : "/outputs/thumbnail.pgm");
    return EXIT_SUCCESS;
}
