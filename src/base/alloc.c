#include "base/alloc.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

_Noreturn void memory_exhausted(size_t bytes)
{
    char message[96] = "runbatch: out of memory\n";
    if (bytes > 0) {
        (void)snprintf(message, sizeof message, "runbatch: out of memory: %zu bytes more were asked for\n",
                       bytes);
    }
    (void)!write(STDERR_FILENO, message, strlen(message));
    _exit(EXIT_OUT_OF_MEMORY);
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
