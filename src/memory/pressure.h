/* Pressure stall information: for how much of the time tasks waited for memory.
 *
 * Source: Documentation/accounting/psi.rst of Linux (4.20). It is not there with psi=0, in older kernels, and
 * for control groups of version 1: that is a state, not an error. Fixed buffers, no allocation. Any thread.
 */
#ifndef RUNBATCH_MEMORY_PRESSURE_H
#define RUNBATCH_MEMORY_PRESSURE_H

#include <stdbool.h>
#include <stdint.h>

typedef struct PressureLine {
    double avg10; /* percent of the last 10 s, 0..100 */
    double avg60;
    int64_t total_us; /* since the machine or the group began */
} PressureLine;

typedef struct Pressure {
    bool known;
    PressureLine some; /* at least one task waited */
    PressureLine full; /* all of them did, so nothing got on */
} Pressure;

/* /proc/pressure/memory; `root` stands for "/". */
void pressure_read_machine(const char *root, Pressure *pressure);

/* A file of that format, such as a control group's memory.pressure. */
void pressure_read_file(const char *path, Pressure *pressure);

#endif
