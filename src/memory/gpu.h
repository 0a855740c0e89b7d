/* What NVIDIA graphics cards tell of their memory, by the driver's own library, loaded at run time.
 *
 * Without the library, the driver or a card there is no Gpu, which is no error: machines without one are
 * most. A reading takes up to some ms. Worst case: what the library takes (some MB), and 8 KiB of stack. A
 * Gpu belongs to one thread.
 */
#ifndef RUNBATCH_MEMORY_GPU_H
#define RUNBATCH_MEMORY_GPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

typedef struct Gpu Gpu;

enum { GPU_NAME_BYTES = 96, GPU_PROCESSES = 128 };

typedef struct GpuProcess {
    pid_t pid;          /* in a container the driver tells the container's or the host's */
    int64_t used_bytes; /* -1: not told, as under WSL and in some containers */
} GpuProcess;

typedef struct GpuReading {
    char name[GPU_NAME_BYTES]; /* "NVIDIA GeForce RTX 3060"; control characters are replaced */
    int64_t total_bytes;
    int64_t used_bytes; /* with what the driver keeps for itself */
    size_t process_count;
    GpuProcess processes[GPU_PROCESSES]; /* each once; the first that the driver tells */
    bool processes_known;                /* false: the driver does not tell, or there are more */
} GpuReading;

/* `library`: NULL for the driver's, libnvidia-ml.so.1. STATUS_OK and NULL: there is no card. Fails
 * (ERROR_ENVIRONMENT) when there should be one, but the driver does not answer. */
Status gpu_open(const char *library, Gpu **gpu, Error *err);

/* Cards, in the order of their places on the bus; NULL has none. */
size_t gpu_count(const Gpu *gpu);

/* `index` < gpu_count. Processes that cannot be told are no failure. */
Status gpu_read(Gpu *gpu, size_t index, GpuReading *reading, Error *err);

void gpu_free(Gpu **gpu);

#endif
