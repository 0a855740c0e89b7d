/* Which process the kernel ends first when the machine's memory runs out. Used between fork and exec: calls
 * that are safe there, no allocation.
 */
#ifndef RUNBATCH_MEMORY_OOM_SCORE_H
#define RUNBATCH_MEMORY_OOM_SCORE_H

/* A worker's: as if it had half of the machine's memory more than it has (proc(5), oom_score_adj), so it goes
 * before the supervisor and before the user's other programs, whatever it has taken. Its video is tried
 * again. */
enum { OOM_SCORE_OF_WORKERS = 500 };

/* Raises this process's score to at least `score`, which needs no privilege; one above it stays. */
void oom_score_raise(int score);

#endif
