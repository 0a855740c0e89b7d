/* Tells a worker that hangs from one that works: neither frames nor processor time go on. Pure but for the
 * reading of the processor time. One thread.
 *
 * A worker tells that it lives whatever its job does, so that living is no sign of work. Time in which the
 * caller itself did not run (stopped, or the machine asleep) does not count: a look counts for at most a
 * second.
 */
#ifndef RUNBATCH_BATCH_STALL_H
#define RUNBATCH_BATCH_STALL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Zero-initialise. */
typedef struct Stall {
    int64_t looked_ms; /* 0: never */
    int64_t still_ms;  /* how long nothing has gone on */
    int64_t frames;    /* when it last did */
    int64_t processor_ms;
} Stall;

/* Takes one look; how long, in ms, nothing has gone on. Processor time that a waiting worker needs to tell
 * that it lives (up to a hundredth of the time) is no work. */
int64_t stall_look(Stall *stall, int64_t now_ms, int64_t frames, int64_t processor_ms);

/* User and system time of a process so far, from `proc_root`/PID/stat (proc(5)); -1 when it cannot be read.
 */
int64_t stall_processor_ms(const char *proc_root, pid_t pid);

#endif
