/* Tells a worker that hangs from one that gets on. Pure but for the reading of what the kernel knows. One
 * thread.
 *
 * A worker tells that it lives whatever its job does, so that living is no sign of work; its `work` counter
 * is. Only while it loads its models (input open, no work yet: a runtime may compile for minutes) processor
 * time counts too. Time in which the worker was held or stopped, or in which the caller itself did not run
 * (stopped, or the machine asleep), does not count: a look counts for at most a second.
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
    int64_t work;      /* when it last did */
    int64_t processor_ms;
    int64_t stopped_ms; /* how long it has been stopped, by one who is not the supervisor */
} Stall;

typedef struct StallReading {
    int64_t work;         /* told by the worker */
    bool loading;         /* the input is open, work has not begun */
    bool held;            /* by the supervisor: no time passes */
    bool stopped;         /* by a signal: neither */
    int64_t processor_ms; /* user and system time so far; -1 unknown */
} StallReading;

/* Takes one look; how long, in ms, nothing has gone on. Processor time that a waiting worker needs to tell
 * that it lives (up to a hundredth of the time) is no work. */
int64_t stall_look(Stall *stall, int64_t now_ms, const StallReading *reading);

/* Fills `stopped` and `processor_ms` from /proc/PID/stat (proc(5)); `root` stands for "/". */
void stall_read_process(const char *root, pid_t pid, StallReading *reading);

#endif
