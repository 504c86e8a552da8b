// Compute-bound work of three kinds, chosen by the first argument. Each prints a checksum, so that nothing is left out.
//   sieve   primes below 8 million: a byte array, simple loops
//   matrix  product of two 320 x 320 matrices of doubles
//   loop    one long loop in a single call of a single function: the case in which an engine that optimises a function
//           only when it is called again never gets to its optimised form
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
  uint32_t state = 1;
  for (uint64_t i = 0; i < (uint64_t)rounds * 1000000; i++) {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    if (state & 1) state += (uint32_t)i;
  }
  return state;
}

int main(int argc, char **argv) {
  const char *kind = argc > 1 ? argv[1] : "sieve";
  int rounds = argc > 2 ? atoi(argv[2]) : 1;
  unsigned result = !strcmp(kind, "matrix") ? matrix(rounds) : !strcmp(kind, "loop") ? loop(rounds) : sieve(rounds);
  printf("%u\n", result);
  return 0;
}
