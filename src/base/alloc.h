/* Small allocations that cannot fail.
 *
 * Policy: a small allocation that fails ends the process with a message (exit code EXIT_OUT_OF_MEMORY or
 * EXIT_OVER_DATA_LIMIT; the supervisor reads both as class "memory"). Large ones (frames, tensors) do not
 * come from here: they are reserved against a budget and may be told STATUS_OVER_BUDGET. Any thread may call.
 *
 * In a worker none may fail, be it ours or a library's (memory_guard). Libraries do not get over it: a
 * decoder leaves out a frame without a word, a demuxer calls the file damaged, others free twice or wait for
 * ever.
 */
#ifndef RUNBATCH_BASE_ALLOC_H
#define RUNBATCH_BASE_ALLOC_H

#include <stdbool.h>
#include <stddef.h>

/* The exit codes of a process that could not get memory: there was none, or not for it (RLIMIT_DATA). */
#define EXIT_OUT_OF_MEMORY 71
#define EXIT_OVER_DATA_LIMIT 72

/* From now on each allocation that fails anywhere in the process ends it, and each thread that cannot be
 * started for want of memory or of threads. */
void memory_guard(void);

/* It cannot be done under the sanitisers, nor without glibc. */
bool memory_can_be_guarded(void);

/* Ends the process for want of so many bytes; 0: unknown. */
_Noreturn void memory_exhausted(size_t bytes);

/* Zeroed memory for `count` elements of `size` bytes; never NULL. */
void *memory_alloc(size_t count, size_t size);

/* Grows or shrinks like reallocarray; new bytes are not zeroed; never NULL. */
void *memory_resize(void *pointer, size_t count, size_t size);

/* `pointer` itself, from a library's own allocator; NULL ends the process as above. */
void *memory_check(void *pointer);

void memory_free(void *pointer);

/* Memory for pixel kernels: 64-byte aligned, zeroed, size in bytes; NULL when there is none (large: may
 * fail). Free with memory_free. */
void *memory_alloc_aligned(size_t bytes);

#endif
