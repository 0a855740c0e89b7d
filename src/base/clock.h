/* Time. Decisions take a time as an argument; only the outermost code asks the clock. */
#ifndef RUNBATCH_BASE_CLOCK_H
#define RUNBATCH_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

/* Milliseconds of CLOCK_MONOTONIC. */
int64_t clock_now_ms(void);

/* Seconds since the epoch, with a fraction. */
double clock_wall_s(void);

/* "2026-11-24T02:09:31Z" for `wall_s`; `size` >= 21. */
void clock_format_utc(double wall_s, char *buffer, size_t size);

/* "1:02:03" or "2:03" for a duration in seconds; "-:--" for a negative or unknown one; `size` >= 16. */
void clock_format_duration(double seconds, char *buffer, size_t size);

#endif
