/* Makes memory run short, or leak, on purpose: an LD_PRELOAD library for the memory tests. It acts in workers
 * only, below what the program puts around malloc and pthread_create (base/alloc_guard.c), and so sees what
 * libraries ask for. RUNBATCH_MEMORY_SHIM is one of:
 *
 * sites=FILE: every allocation site is appended as it is first met: a number in hexadecimal that stands for
 * the caller and the size, the caller (its file and the place in it, for addr2line) and the size. The same
 * from run to run where addresses are (setarch -R). A thread is a site as well, of size 0.
 *
 * fail=SITE: allocations of that site fail, as often as RUNBATCH_MEMORY_TIMES says (1; 0: always).
 * RUNBATCH_MEMORY_STATE is a file of 4096 zeros in which all processes count the failures.
 *
 * leak=BYTES: so much is lost at every frame that goes to a video encoder: a processor that leaks.
 *
 * gulp=BYTES: the same, as often as RUNBATCH_MEMORY_TIMES says, counted as above.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SHOWN __attribute__((visibility("default")))

enum { SITES_MOST = 1 << 16, SITES_FD = 901, STATE_BYTES = 4096, EARLY_BYTES = 1 << 16 };

typedef enum Deed { DEED_NONE, DEED_SITES, DEED_FAIL, DEED_LEAK, DEED_GULP } Deed;

static Deed deed;
static uint64_t fail_site;
static unsigned most_times = 1; /* 0: always */
static size_t leak_bytes;
static _Atomic unsigned *happened; /* how often it failed, or gulped */
static _Atomic uint64_t sites[SITES_MOST];
static _Thread_local bool inside; /* what this library itself allocates */

typedef int (*Create)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

static void *(*real_malloc)(size_t);
static void *(*real_calloc)(size_t, size_t);
static void *(*real_realloc)(void *, size_t);
static void *(*real_memalign)(size_t, size_t);
static Create real_create;

/* dlsym allocates before it has told where calloc is. */
static char early[EARLY_BYTES];
static size_t early_used;

static bool is_early(const void *pointer)
{
    return (const char *)pointer >= early && (const char *)pointer < early + sizeof early;
}

static void *take_early(size_t bytes)
{
    const size_t begin = (early_used + 15) / 16 * 16;
    if (bytes > sizeof early - begin) {
        abort();
    }
    early_used = begin + bytes;
    return early + begin;
}

static void find_real(void)
{
    static atomic_bool finding;
    if (real_memalign != NULL || atomic_exchange(&finding, true)) {
        return;
    }
    *(void **)&real_malloc = dlsym(RTLD_NEXT, "__libc_malloc");
    *(void **)&real_calloc = dlsym(RTLD_NEXT, "__libc_calloc");
    *(void **)&real_realloc = dlsym(RTLD_NEXT, "__libc_realloc");
    *(void **)&real_create = dlsym(RTLD_NEXT, "pthread_create");
    *(void **)&real_memalign = dlsym(RTLD_NEXT, "__libc_memalign");
}

/* ---- what is to be done ---- */

/* "…/runbatch worker", and not one that only probes. */
static bool in_worker(void)
{
    char line[512] = {0};
    const int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    const ssize_t size = fd >= 0 ? read(fd, line, sizeof line - 2) : 0;
    (void)close(fd);
    const char *second = size > 0 ? line + strlen(line) + 1 : line;
    return strcmp(second, "worker") == 0 && second[strlen(second) + 1] == '\0';
}

static const char *value_of(const char *text, const char *name)
{
    const size_t length = strlen(name);
    return text != NULL && strncmp(text, name, length) == 0 ? text + length : NULL;
}

static void open_state(void)
{
    const char *path = getenv("RUNBATCH_MEMORY_STATE");
    const int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *shared = fd >= 0 ? mmap(NULL, STATE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;
    (void)close(fd);
    happened = shared != MAP_FAILED ? shared : NULL;
}

__attribute__((constructor)) static void begin(void)
{
    inside = true;
    find_real();
    const char *text = getenv("RUNBATCH_MEMORY_SHIM");
    const char *times = getenv("RUNBATCH_MEMORY_TIMES");
    const char *value = NULL;
    if (text == NULL || !in_worker()) {
        inside = false;
        return;
    }
    if ((value = value_of(text, "sites=")) != NULL) {
        const int fd = open(value, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
        (void)dup3(fd, SITES_FD, O_CLOEXEC);
        (void)close(fd);
        deed = DEED_SITES;
    } else if ((value = value_of(text, "fail=")) != NULL) {
        open_state();
        fail_site = strtoull(value, NULL, 16);
        most_times = times != NULL ? (unsigned)strtoul(times, NULL, 10) : 1;
        deed = happened != NULL ? DEED_FAIL : DEED_NONE;
    } else if ((value = value_of(text, "leak=")) != NULL) {
        leak_bytes = strtoull(value, NULL, 10);
        deed = DEED_LEAK;
    } else if ((value = value_of(text, "gulp=")) != NULL) {
        open_state();
        leak_bytes = strtoull(value, NULL, 10);
        most_times = times != NULL ? (unsigned)strtoul(times, NULL, 10) : 1;
        deed = happened != NULL ? DEED_GULP : DEED_NONE;
    }
    inside = false;
}

/* ---- sites ---- */

/* FNV-1a over who asks and for how much: av_malloc and operator new ask for everybody. Walking up the stack
 * would take minutes for the millions of allocations of a model. */
static uint64_t site_of(const void *caller, size_t size)
{
    const uint64_t parts[] = {(uint64_t)(uintptr_t)caller, size};
    uint64_t hash = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < 2; i++) {
        hash = (hash ^ parts[i]) * UINT64_C(1099511628211);
    }
    return hash | 1;
}

static bool is_new(uint64_t site)
{
    for (size_t i = site >> 20;; i++) {
        uint64_t expected = 0;
        _Atomic uint64_t *place = &sites[i % SITES_MOST];
        if (atomic_compare_exchange_strong(place, &expected, site)) {
            return true;
        }
        if (expected == site) {
            return false;
        }
    }
}

static void tell_site(uint64_t site, const void *caller, size_t size)
{
    char line[512];
    Dl_info place = {0};
    const bool known = dladdr(caller, &place) != 0;
    const size_t offset = (size_t)((const char *)caller - (known ? (const char *)place.dli_fbase : NULL));
    const int length = snprintf(line, sizeof line, "%016llx %.400s+0x%zx %zu\n", (unsigned long long)site,
                                known ? place.dli_fname : "?", offset, size);
    (void)!write(SITES_FD, line, (size_t)length);
}

/* Counts as well. */
static bool is_wanted(void)
{
    return atomic_fetch_add(happened, 1) < most_times || most_times == 0;
}

/* Whether this allocation is to fail. */
static bool fails(const void *caller, size_t size)
{
    if (inside || (deed != DEED_SITES && deed != DEED_FAIL)) {
        return false;
    }
    inside = true;
    bool failing = false;
    const uint64_t site = site_of(caller, size);
    if (deed == DEED_SITES) {
        if (is_new(site)) {
            tell_site(site, caller, size);
        }
    } else if (site == fail_site) {
        failing = is_wanted();
    }
    inside = false;
    if (failing) {
        errno = ENOMEM;
    }
    return failing;
}

/* ---- allocation ---- */

/* Who called the program's malloc. That one keeps its frame pointer for it. */
#pragma GCC diagnostic ignored "-Wframe-address"
#define CALLER __builtin_return_address(1)

/* NOLINTBEGIN(bugprone-reserved-identifier): glibc's names */
SHOWN void *__libc_malloc(size_t size);
SHOWN void *__libc_calloc(size_t count, size_t size);
SHOWN void *__libc_realloc(void *pointer, size_t size);
SHOWN void *__libc_memalign(size_t alignment, size_t size);

SHOWN void *__libc_malloc(size_t size)
{
    find_real();
    if (real_malloc == NULL) {
        return take_early(size);
    }
    return fails(CALLER, size) ? NULL : real_malloc(size);
}

SHOWN void *__libc_calloc(size_t count, size_t size)
{
    find_real();
    if (real_calloc == NULL) {
        return take_early(count * size);
    }
    return fails(CALLER, count * size) ? NULL : real_calloc(count, size);
}

SHOWN void *__libc_realloc(void *pointer, size_t size)
{
    find_real();
    return fails(CALLER, size) ? NULL : real_realloc(pointer, size);
}

SHOWN void *__libc_memalign(size_t alignment, size_t size)
{
    find_real();
    return fails(CALLER, size) ? NULL : real_memalign(alignment, size);
}
/* NOLINTEND(bugprone-reserved-identifier) */

SHOWN int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                         void *argument)
{
    find_real();
    return fails(CALLER, 0) ? EAGAIN : real_create(thread, attributes, run, argument);
}

SHOWN void free(void *pointer)
{
    static void (*real_free)(void *);
    if (is_early(pointer)) {
        return;
    }
    if (real_free == NULL) {
        *(void **)&real_free = dlsym(RTLD_NEXT, "free");
    }
    real_free(pointer);
}

/* ---- leaking ---- */

/* Of AVFrame only whether there is one; of AVCodecContext nothing. */
SHOWN int avcodec_send_frame(void *encoder, const void *frame);
SHOWN int avcodec_send_frame(void *encoder, const void *frame)
{
    static int (*real)(void *, const void *);
    if (real == NULL) {
        *(void **)&real = dlsym(RTLD_NEXT, "avcodec_send_frame");
    }
    if (frame != NULL && (deed == DEED_LEAK || (deed == DEED_GULP && is_wanted()))) {
        char *lost = real_malloc(leak_bytes);
        if (lost != NULL) {
            memset(lost, 1, leak_bytes);
        }
    }
    return real(encoder, frame);
}
