/* malloc and its kin, and pthread_create, for the whole process: libraries call those of the executable. Each
 * is the C library's own with a look at what comes back. Not under the sanitisers, which have their own, nor
 * without glibc.
 */
#include <stdint.h>

#include "base/alloc.h"
#include "base/sanitizer.h"

#if defined(__GLIBC__) && !IS_SANITIZED

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#define SHOWN __attribute__((visibility("default")))

/* NOLINTBEGIN(bugprone-reserved-identifier): glibc's names, for those who put something around malloc */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *pointer, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
/* NOLINTEND(bugprone-reserved-identifier) */

static atomic_bool guarding;

void memory_guard(void)
{
    atomic_store(&guarding, true);
}

bool memory_can_be_guarded(void)
{
    return true;
}

/* More than there can be is never had: who asks for that does not lack memory. */
static void *look(void *pointer, size_t bytes)
{
    if (pointer == NULL && bytes > 0 && bytes <= PTRDIFF_MAX &&
        atomic_load_explicit(&guarding, memory_order_relaxed)) {
        memory_exhausted(bytes);
    }
    return pointer;
}

SHOWN void *malloc(size_t size)
{
    return look(__libc_malloc(size), size);
}

SHOWN void *calloc(size_t count, size_t size)
{
    size_t bytes = 0;
    void *pointer = __libc_calloc(count, size);
    return __builtin_mul_overflow(count, size, &bytes) ? pointer : look(pointer, bytes);
}

SHOWN void *realloc(void *pointer, size_t size)
{
    return look(__libc_realloc(pointer, size), size);
}

SHOWN void *reallocarray(void *pointer, size_t count, size_t size)
{
    size_t bytes = 0;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    return look(__libc_realloc(pointer, bytes), bytes);
}

SHOWN void *memalign(size_t alignment, size_t size);
SHOWN void *memalign(size_t alignment, size_t size)
{
    return look(__libc_memalign(alignment, size), size);
}

SHOWN void *aligned_alloc(size_t alignment, size_t size)
{
    return look(__libc_memalign(alignment, size), size);
}

SHOWN int posix_memalign(void **pointer, size_t alignment, size_t size)
{
    if (alignment % sizeof(void *) != 0 || alignment == 0 || (alignment & (alignment - 1)) != 0) {
        return EINVAL;
    }
    const int before = errno; /* it tells by its value alone */
    void *memory = look(__libc_memalign(alignment, size), size);
    errno = before;
    if (memory == NULL) {
        return ENOMEM;
    }
    *pointer = memory;
    return 0;
}

/* A thread's stack is memory too; or there are too many of them, and with fewer it may go. */
SHOWN int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                         void *argument)
{
    typedef int (*Create)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    static _Atomic(Create) found;
    Create create = atomic_load_explicit(&found, memory_order_relaxed);
    if (create == NULL) {
        *(void **)&create = dlsym(RTLD_NEXT, "pthread_create");
        atomic_store_explicit(&found, create, memory_order_relaxed);
    }
    const int result = create(thread, attributes, run, argument);
    if ((result == EAGAIN || result == ENOMEM) && atomic_load_explicit(&guarding, memory_order_relaxed)) {
        size_t stack = 0;
        (void)(attributes != NULL ? pthread_attr_getstacksize(attributes, &stack) : 0);
        memory_exhausted(stack);
    }
    return result;
}

#else

void memory_guard(void)
{
}

bool memory_can_be_guarded(void)
{
    return false;
}

#endif
