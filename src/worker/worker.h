/* The worker's side of the process boundary: `runbatch worker [--probe SANDBOX]`.
 *
 * Started by the supervisor only, with the message channel as file descriptor PROCESS_CHANNEL_FD. Without
 * --probe it takes one job, makes one video and ends; with --probe it answers "is this output complete?"
 * until the channel is closed, from inside a sandbox as Settings.sandbox has it. Ends when its supervisor
 * does (end-of-file, and SIGKILL by PR_SET_PDEATHSIG).
 */
#ifndef RUNBATCH_WORKER_WORKER_H
#define RUNBATCH_WORKER_WORKER_H

/* What they call themselves, as ps shows it. */
#define WORKER_PROCESS_NAME "runbatch-worker"
#define WORKER_PROBE_NAME "runbatch-probe"

/* Exit codes: 0 a result was told (done or failed), 2 not started by runbatch, EXIT_OUT_OF_MEMORY,
 * EXIT_OVER_DATA_LIMIT. */
int worker_main(int argc, char **argv);

#endif
