// Compute-bound work of three kinds, chosen by the first argument. Each prints a checksum, so that nothing is left out.
//   sieve   primes below 8 million: a byte array, simple loops
//   matrix  product of two 320 x 320 matrices of doubles
//   loop    points of the Mandelbrot set in one long loop, in a single call of a single function: an engine that optimises
//           a function only when it is called again never gets to its optimised form here
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIMIT 8000000
#define SIZE 320

static unsigned sieve(int rounds) {
  static char composite[LIMIT];
  unsigned count = 0;
  for (int round = 0; round < rounds; round++) {
    memset(composite, 0, LIMIT);
    for (unsigned i = 2; i < LIMIT; i++) {
      if (composite[i]) continue;
      count++;
      for (unsigned j = 2 * i; j < LIMIT; j += i) composite[j] = 1;
    }
  }
  return count;
}

static unsigned matrix(int rounds) {
  static double a[SIZE][SIZE], b[SIZE][SIZE], c[SIZE][SIZE];
  for (int i = 0; i < SIZE; i++)
    for (int j = 0; j < SIZE; j++) a[i][j] = i + j, b[i][j] = i - j;
  for (int round = 0; round < rounds; round++)
    for (int i = 0; i < SIZE; i++)
      for (int j = 0; j < SIZE; j++) {
        double sum = 0;
        for (int k = 0; k < SIZE; k++) sum += a[i][k] * b[k][j];
        c[i][j] = sum;
      }
  return (unsigned)(int64_t)c[17][23];
}

static unsigned loop(int rounds) {
  unsigned inside = 0;
  for (unsigned i = 0; i < (unsigned)rounds * 10000; i++) {
    double cr = (i % 1000) / 400.0 - 2.0, ci = (i / 1000 % 1000) / 500.0 - 1.0, zr = 0, zi = 0;
    unsigned step = 0;
    for (; step < 200 && zr * zr + zi * zi < 4; step++) {
      double next = zr * zr - zi * zi + cr;
      zi = 2 * zr * zi + ci;
      zr = next;
    }
    inside += step;
  }
  return inside;
}

int main(int argc, char **argv) {
  const char *kind = argc > 1 ? argv[1] : "sieve";
  int rounds = argc > 2 ? atoi(argv[2]) : 1;
  unsigned result = !strcmp(kind, "matrix") ? matrix(rounds) : !strcmp(kind, "loop") ? loop(rounds) : sieve(rounds);
  printf("%u\n", result);
  return 0;
}
