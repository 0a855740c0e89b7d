#include "base/alloc.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* What counts for RLIMIT_DATA, from /proc/self/statm, its sixth number; 0: unknown. Allocates nothing. */
static uint64_t data_bytes(void)
{
    char text[128] = "";
    unsigned long long pages = 0;
    const int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        (void)!read(fd, text, sizeof text - 1);
        (void)close(fd);
    }
    return sscanf(text, "%*s %*s %*s %*s %*s %19llu", &pages) == 1 ? pages * (uint64_t)sysconf(_SC_PAGESIZE)
                                                                   : 0;
}

/* Whether so many more are over RLIMIT_DATA: otherwise it was not that limit which refused them. */
static bool is_over_data_limit(size_t bytes)
{
    enum { ALLOCATOR_BYTES = 1 << 20 }; /* what malloc asks for beyond what it was asked for */
    struct rlimit limit;
    if (getrlimit(RLIMIT_DATA, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
        return false;
    }
    const uint64_t used = data_bytes() + ALLOCATOR_BYTES;
    return used >= limit.rlim_cur || bytes > limit.rlim_cur - used;
}

_Noreturn void memory_exhausted(size_t bytes)
{
    char message[96] = "runbatch: out of memory\n";
    if (bytes > 0) {
        (void)snprintf(message, sizeof message, "runbatch: out of memory: %zu bytes more were asked for\n",
                       bytes);
    }
    (void)!write(STDERR_FILENO, message, strlen(message));
    _exit(is_over_data_limit(bytes) ? EXIT_OVER_DATA_LIMIT : EXIT_OUT_OF_MEMORY);
}

static void *check(void *pointer, size_t count, size_t size)
{
    size_t bytes = 0;
    if (pointer == NULL) {
        memory_exhausted(__builtin_mul_overflow(count, size, &bytes) ? SIZE_MAX : bytes);
    }
    return pointer;
}

void *memory_check(void *pointer)
{
    return check(pointer, 0, 0);
}

void *memory_alloc(size_t count, size_t size)
{
    return check(calloc(count > 0 ? count : 1, size > 0 ? size : 1), count, size);
}

void *memory_resize(void *pointer, size_t count, size_t size)
{
    return check(reallocarray(pointer, count > 0 ? count : 1, size > 0 ? size : 1), count, size);
}

void memory_free(void *pointer)
{
    free(pointer);
}

void *memory_alloc_aligned(size_t bytes)
{
    enum { ALIGNMENT = 64 };
    if (bytes > SIZE_MAX - ALIGNMENT) {
        return NULL;
    }
    const size_t rounded = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    void *pointer = aligned_alloc(ALIGNMENT, rounded > 0 ? rounded : ALIGNMENT);
    if (pointer != NULL) {
        memset(pointer, 0, rounded);
    }
    return pointer;
}
