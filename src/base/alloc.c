#include "base/alloc.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void out_of_memory(void)
{
    static const char message[] = "runbatch: out of memory\n";
    (void)!write(STDERR_FILENO, message, sizeof message - 1);
    _exit(EXIT_OUT_OF_MEMORY);
}

void *memory_check(void *pointer)
{
    if (pointer == NULL) {
        out_of_memory();
    }
    return pointer;
}

void *memory_alloc(size_t count, size_t size)
{
    return memory_check(calloc(count > 0 ? count : 1, size > 0 ? size : 1));
}

void *memory_resize(void *pointer, size_t count, size_t size)
{
    return memory_check(reallocarray(pointer, count > 0 ? count : 1, size > 0 ? size : 1));
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
