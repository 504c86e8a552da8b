/*
 * n-body [BODIES STEPS [SEED]]: lets bodies of equal mass fall towards each other and checks that energy is kept.
 *
 * The bodies start at random places of a cube, the same ones for the same seed on every machine. Each step moves all of
 * them by the leapfrog method (kick, drift, kick), which keeps the total energy from drifting away: the change that is
 * printed at the end says how far the run can be trusted. Final places go to /outputs/bodies.csv.
 */
#include "../common/job.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

enum { MAX_BODIES = 20000, MAX_STEPS = 1000000000, PROGRESS_STEPS = 4, AXES = 3 };

static const char USAGE[] = "n-body [BODIES STEPS [SEED]]";
static const char RESULT[] = "/outputs/bodies.csv";

/* Units: the gravitational constant, the total mass and the side of the cube are 1. */
static const double STEP = 0.001;

/* Distances count as at least this: two bodies that meet must not throw each other out at any speed. */
static const double SOFTENING = 0.05;

typedef struct {
    double place[AXES], speed[AXES], pull[AXES];
} Body;

typedef struct {
    Body *bodies;
    size_t count;
    double mass; /* of each body */
} System;

/* ---- Start ---- */

/* SplitMix64: a full period and good bits from one number of state. Gives a number in [-0.5, 0.5). */
static double next_random(uint64_t *state)
{
    uint64_t mixed = (*state += 0x9E3779B97F4A7C15u);
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBu;
    mixed ^= mixed >> 31;
    return (double)(mixed >> 11) / 9007199254740992.0 - 0.5;
}

static System new_system(size_t count, uint64_t seed)
{
    System system = { allocate(count, sizeof(Body)), count, 1.0 / (double)count };
    for (size_t i = 0; i < count; i++)
        for (int axis = 0; axis < AXES; axis++) {
            system.bodies[i].place[axis] = next_random(&seed);
            system.bodies[i].speed[axis] = next_random(&seed);
        }
    return system;
}

/* ---- Physics ---- */

/* Writes the way from `a` to `b` and gives its softened length, squared. */
static double distance_squared(const Body *a, const Body *b, double way[AXES])
{
    double sum = SOFTENING * SOFTENING;
    for (int axis = 0; axis < AXES; axis++) {
        way[axis] = b->place[axis] - a->place[axis];
        sum += way[axis] * way[axis];
    }
    return sum;
}

static void attract(Body *a, Body *b, double mass)
{
    double way[AXES];
    double squared = distance_squared(a, b, way);
    double strength = mass / (squared * sqrt(squared));
    for (int axis = 0; axis < AXES; axis++) {
        a->pull[axis] += strength * way[axis];
        b->pull[axis] -= strength * way[axis];
    }
}

static void update_pulls(System *system)
{
    for (size_t i = 0; i < system->count; i++)
        for (int axis = 0; axis < AXES; axis++)
            system->bodies[i].pull[axis] = 0;
    for (size_t i = 0; i < system->count; i++)
        for (size_t j = i + 1; j < system->count; j++)
            attract(&system->bodies[i], &system->bodies[j], system->mass);
}

static void kick(System *system)
{
    for (size_t i = 0; i < system->count; i++)
        for (int axis = 0; axis < AXES; axis++)
            system->bodies[i].speed[axis] += system->bodies[i].pull[axis] * STEP / 2;
}

static void drift(System *system)
{
    for (size_t i = 0; i < system->count; i++)
        for (int axis = 0; axis < AXES; axis++)
            system->bodies[i].place[axis] += system->bodies[i].speed[axis] * STEP;
}

/* Kinetic plus potential. */
static double energy(const System *system)
{
    double sum = 0, way[AXES];
    for (size_t i = 0; i < system->count; i++) {
        const Body *body = &system->bodies[i];
        for (int axis = 0; axis < AXES; axis++)
            sum += system->mass * body->speed[axis] * body->speed[axis] / 2;
        for (size_t j = i + 1; j < system->count; j++)
            sum -= system->mass * system->mass / sqrt(distance_squared(body, &system->bodies[j], way));
    }
    return sum;
}

static void simulate(System *system, unsigned long steps)
{
    const unsigned long every = (steps + PROGRESS_STEPS - 1) / PROGRESS_STEPS;
    update_pulls(system);
    for (unsigned long done = 1; done <= steps; done++) {
        kick(system);
        drift(system);
        update_pulls(system);
        kick(system);
        if (done % every == 0 || done == steps)
            progress("%lu of %lu steps", done, steps);
    }
}

/* ---- The job ---- */

static void write_bodies(const System *system)
{
    FILE *out = open_output(RESULT);
    fputs("x,y,z\n", out);
    for (size_t i = 0; i < system->count; i++) {
        const double *place = system->bodies[i].place;
        fprintf(out, "%.9f,%.9f,%.9f\n", place[0], place[1], place[2]);
    }
    close_output(out, RESULT);
}

int main(int argc, char **argv)
{
    unsigned long bodies = 500, steps = 1000, seed = 1;
    if (argc != 1 && argc != 3 && argc != 4)
        fail_usage(USAGE);
    if (argc > 1 && (!parse_number(argv[1], 2, MAX_BODIES, &bodies) || !parse_number(argv[2], 0, MAX_STEPS, &steps)))
        fail_usage(USAGE);
    if (argc > 3 && !parse_number(argv[3], 0, UINT32_MAX, &seed))
        fail_usage(USAGE);

    System system = new_system(bodies, seed);
    const double before = energy(&system);
    progress("%lu bodies, energy %.9f", bodies, before);
    simulate(&system, steps);
    const double after = energy(&system);
    progress("after %lu steps, energy %.9f (changed by %.1e of it)", steps, after, fabs((after - before) / before));
    write_bodies(&system);
    return EXIT_SUCCESS;
}
