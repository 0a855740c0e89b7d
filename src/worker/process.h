/* Starts a worker process and looks after its end.
 *
 * The child gets its own process group (the terminal's Ctrl+C is the supervisor's business), dies with the
 * thread that started it (PR_SET_PDEATHSIG), and has four files: /dev/null as standard input, a pipe to the
 * supervisor as standard output and error, and the message channel. All other files are closed, all signals
 * are at their defaults but SIGPIPE, which is ignored. When the machine's memory runs out, it goes before the
 * supervisor and the user's programs (memory/oom_score.h). Used by the supervisor's only thread.
 */
#ifndef RUNBATCH_WORKER_PROCESS_H
#define RUNBATCH_WORKER_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

/* The message channel in the child. */
enum { PROCESS_CHANNEL_FD = 3 };

typedef struct Process {
    pid_t pid;   /* 0: none */
    int channel; /* non-blocking socket; -1 none */
    int errors;  /* non-blocking read end of its standard output and error; -1 none */
} Process;

/* `executable` NULL: this program. `arguments` begins with argv[0] and ends with NULL. On failure `process`
 * is empty. */
Status process_spawn(const char *executable, const char *const *arguments, Process *process, Error *err);

void process_signal(const Process *process, int number);

/* Whether it ended; then `wait_status` is that of waitpid. */
bool process_ended(const Process *process, int *wait_status);

/* Kills it and waits for its end, at most `wait_ms` (a process that hangs in the kernel is left behind). */
void process_end(Process *process, int wait_ms);

/* Closes both files. The process must have ended or been killed. */
void process_close(Process *process);

#endif
