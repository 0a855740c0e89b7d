/* Makes calls on files fail on purpose: an LD_PRELOAD library for the fault tests.
 *
 * RUNBATCH_FAULTS is a list of rules, separated by '|'; a rule is a list of words, separated by ';':
 *   call=open|read|write|sync|rename|unlink|truncate   the call, with its relatives (pwrite, fdatasync,
 * renameat …; not what the C library reads by itself for fread) path=PATTERN           fnmatch pattern of the
 * path as it was opened; of a rename the old one who=worker|supervisor  in which process; without it in both
 *   after=N                so many matching calls are good first (0)
 *   times=N                so many fail then (1); 0 all
 *   do=ERRNO|crash|kill|hang|hold   EIO, ENOSPC, EACCES, EDQUOT, EROFS; crash: SIGSEGV; kill: SIGKILL; hang:
 * for ever; hold: until the state's last byte is not zero, the call succeeds then RUNBATCH_FAULT_STATE: a
 * file of 4096 zeros. Counts of all processes are kept in it, so that a rule that has failed its times stays
 * quiet in the next worker. RUNBATCH_FAULT_LOG: a file that gets "sync PATH SIZE" and "rename OLD NEW" as
 * they succeed: what a power cut leaves of the files. Paths have no blanks in the tests.
 *
 * Nothing is looked up once the process has begun, so it works inside a worker's sandbox.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define SHOWN __attribute__((visibility("default")))

enum { RULES_MOST = 16, FILES_MOST = 1024, PATH_BYTES = 512, STATE_BYTES = 4096, LOG_FD = 900 };

typedef enum Call {
    CALL_NONE,
    CALL_OPEN,
    CALL_READ,
    CALL_WRITE,
    CALL_SYNC,
    CALL_RENAME,
    CALL_UNLINK,
    CALL_TRUNCATE
} Call;
typedef enum Deed { DEED_ERRNO, DEED_CRASH, DEED_KILL, DEED_HANG, DEED_HOLD } Deed;

typedef struct Rule {
    Call call;
    char path[PATH_BYTES];
    unsigned after;
    unsigned times;
    Deed deed;
    int number;
} Rule;

static Rule rules[RULES_MOST];
static size_t rule_count;
static _Atomic unsigned *counts; /* shared by all processes */
static int log_fd = -1;
static char paths[FILES_MOST][PATH_BYTES]; /* of open files; "" not known */

static const struct {
    const char *name;
    int number;
} words[] = {
    {"open", CALL_OPEN},     {"read", CALL_READ},     {"write", CALL_WRITE},       {"sync", CALL_SYNC},
    {"rename", CALL_RENAME}, {"unlink", CALL_UNLINK}, {"truncate", CALL_TRUNCATE}, {"EIO", EIO},
    {"ENOSPC", ENOSPC},      {"EACCES", EACCES},      {"EDQUOT", EDQUOT},          {"EROFS", EROFS},
};

/* ---- rules ---- */

static int word_number(const char *name)
{
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(words[i].name, name) == 0) {
            return words[i].number;
        }
    }
    (void)dprintf(STDERR_FILENO, "fault_shim: what is %s?\n", name);
    _exit(99);
}

static bool is_worker(void)
{
    char line[256] = "";
    const int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    const ssize_t length = fd >= 0 ? read(fd, line, sizeof line - 1) : 0;
    if (fd >= 0) {
        (void)close(fd);
    }
    return length > 0 && strcmp(line + strlen(line) + 1, "worker") == 0;
}

static bool is_supervisor(void)
{
    return strcmp(program_invocation_short_name, "runbatch") == 0 && !is_worker();
}

/* False when the rule is for the other process. */
static bool rule_read(Rule *rule, char *text)
{
    bool here = true;
    *rule = (Rule){.path = "*", .times = 1};
    char *rest = NULL;
    for (char *word = strtok_r(text, ";", &rest); word != NULL; word = strtok_r(NULL, ";", &rest)) {
        char *value = strchr(word, '=');
        if (value == NULL) {
            (void)word_number(word);
            continue;
        }
        *value++ = '\0';
        if (strcmp(word, "call") == 0) {
            rule->call = (Call)word_number(value);
        } else if (strcmp(word, "path") == 0) {
            (void)snprintf(rule->path, sizeof rule->path, "%s", value);
        } else if (strcmp(word, "who") == 0) {
            here = strcmp(value, "worker") == 0 ? is_worker() : is_supervisor();
        } else if (strcmp(word, "after") == 0) {
            rule->after = (unsigned)strtoul(value, NULL, 10);
        } else if (strcmp(word, "times") == 0) {
            rule->times = (unsigned)strtoul(value, NULL, 10);
        } else if (strcmp(value, "crash") == 0) {
            rule->deed = DEED_CRASH;
        } else if (strcmp(value, "kill") == 0) {
            rule->deed = DEED_KILL;
        } else if (strcmp(value, "hang") == 0) {
            rule->deed = DEED_HANG;
        } else if (strcmp(value, "hold") == 0) {
            rule->deed = DEED_HOLD;
        } else {
            rule->number = word_number(value);
        }
    }
    return here;
}

__attribute__((constructor)) static void begin(void)
{
    if (!is_worker() && !is_supervisor()) {
        return;
    }
    const char *log_path = getenv("RUNBATCH_FAULT_LOG");
    const int fd = log_path != NULL ? open(log_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666) : -1;
    if (fd >= 0) {
        log_fd = fcntl(fd, F_DUPFD_CLOEXEC, LOG_FD);
        (void)close(fd);
    }
    const char *state = getenv("RUNBATCH_FAULT_STATE");
    const int shared = state != NULL ? open(state, O_RDWR | O_CLOEXEC) : -1;
    void *memory =
        shared >= 0 ? mmap(NULL, STATE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, shared, 0) : MAP_FAILED;
    if (shared >= 0) {
        (void)close(shared);
    }
    const char *text = getenv("RUNBATCH_FAULTS");
    if (memory == MAP_FAILED || text == NULL) {
        return;
    }
    counts = memory;
    char *copy = strdup(text);
    char *rest = NULL;
    for (char *rule = strtok_r(copy, "|", &rest); rule != NULL && rule_count < RULES_MOST;
         rule = strtok_r(NULL, "|", &rest)) {
        if (!rule_read(&rules[rule_count], rule)) {
            rules[rule_count].call = CALL_NONE; /* keeps its place, so that counts are the same everywhere */
        }
        rule_count++;
    }
    free(copy);
}

static bool released(void)
{
    const volatile unsigned char *bytes = (const volatile unsigned char *)counts;
    return bytes[STATE_BYTES - 1] != 0;
}

/* True with errno set when this call is to fail. */
static bool fails(Call call, const char *path)
{
    for (size_t i = 0; i < rule_count; i++) {
        const Rule *rule = &rules[i];
        if (rule->call != call || path[0] == '\0' || fnmatch(rule->path, path, 0) != 0) {
            continue;
        }
        const unsigned count = atomic_fetch_add(&counts[i], 1);
        if (count < rule->after || (rule->times != 0 && count >= rule->after + rule->times)) {
            continue;
        }
        switch (rule->deed) {
        case DEED_CRASH:
            (void)signal(SIGSEGV, SIG_DFL);
            (void)raise(SIGSEGV);
            __builtin_trap();
        case DEED_KILL:
            (void)raise(SIGKILL);
            __builtin_trap();
        case DEED_HANG:
            for (;;) {
                (void)poll(NULL, 0, 1000);
            }
        case DEED_HOLD:
            while (!released()) {
                (void)poll(NULL, 0, 10);
            }
            break;
        case DEED_ERRNO:
            errno = rule->number;
            return true;
        }
    }
    return false;
}

static void tell(const char *word, const char *left, const char *right)
{
    char line[2 * PATH_BYTES + 32];
    const int length = snprintf(line, sizeof line, "%s %s %s\n", word, left, right);
    if (log_fd >= 0 && length > 0) {
        (void)!write(log_fd, line, (size_t)length);
    }
}

/* ---- open files ---- */

static const char *path_of(int fd)
{
    return fd >= 0 && fd < FILES_MOST ? paths[fd] : "";
}

static void path_at(char out[PATH_BYTES], int folder, const char *path)
{
    const char *base = path[0] == '/' || folder == AT_FDCWD ? "" : path_of(folder);
    (void)snprintf(out, PATH_BYTES, "%s%s%s", base, base[0] != '\0' ? "/" : "", path);
}

static void keep_path(int fd, const char *path)
{
    if (fd >= 0 && fd < FILES_MOST) {
        (void)snprintf(paths[fd], PATH_BYTES, "%s", path);
    }
}

/* The next definition of a symbol; looked up once. */
#define NEXT(type, name)                                                                                     \
    static type real;                                                                                        \
    if (real == NULL) {                                                                                      \
        *(void **)&real = dlsym(RTLD_NEXT, name);                                                            \
    }

typedef int (*OpenAt)(int, const char *, int, ...);

static int open_any(int folder, const char *path, int flags, mode_t mode)
{
    NEXT(OpenAt, "openat")
    char whole[PATH_BYTES];
    path_at(whole, folder, path);
    if (fails(CALL_OPEN, whole)) {
        return -1;
    }
    const int fd = real(folder, path, flags, mode);
    keep_path(fd, whole);
    return fd;
}

static mode_t mode_of(int flags, va_list list)
{
    return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(list, mode_t) : 0;
}

#define OPEN(name)                                                                                           \
    SHOWN int name(const char *path, int flags, ...)                                                         \
    {                                                                                                        \
        va_list list;                                                                                        \
        va_start(list, flags);                                                                               \
        const mode_t mode = mode_of(flags, list);                                                            \
        va_end(list);                                                                                        \
        return open_any(AT_FDCWD, path, flags, mode);                                                        \
    }
#define OPEN_AT(name)                                                                                        \
    SHOWN int name(int folder, const char *path, int flags, ...)                                             \
    {                                                                                                        \
        va_list list;                                                                                        \
        va_start(list, flags);                                                                               \
        const mode_t mode = mode_of(flags, list);                                                            \
        va_end(list);                                                                                        \
        return open_any(folder, path, flags, mode);                                                          \
    }
OPEN(open)
OPEN(open64)
OPEN_AT(openat)
OPEN_AT(openat64)

/* What the fortified headers make of open. */
SHOWN int __open_2(const char *path, int flags);
SHOWN int __open64_2(const char *path, int flags);
SHOWN int __openat_2(int folder, const char *path, int flags);
SHOWN int __openat64_2(int folder, const char *path, int flags);
int __open_2(const char *path, int flags)
{
    return open_any(AT_FDCWD, path, flags, 0);
}
int __open64_2(const char *path, int flags)
{
    return open_any(AT_FDCWD, path, flags, 0);
}
int __openat_2(int folder, const char *path, int flags)
{
    return open_any(folder, path, flags, 0);
}
int __openat64_2(int folder, const char *path, int flags)
{
    return open_any(folder, path, flags, 0);
}

SHOWN int close(int fd)
{
    typedef int (*Close)(int);
    NEXT(Close, "close")
    keep_path(fd, "");
    return real(fd);
}

/* ---- reading and writing ---- */

SHOWN ssize_t read(int fd, void *data, size_t size)
{
    typedef ssize_t (*Read)(int, void *, size_t);
    NEXT(Read, "read")
    return fails(CALL_READ, path_of(fd)) ? -1 : real(fd, data, size);
}

SHOWN ssize_t write(int fd, const void *data, size_t size)
{
    typedef ssize_t (*Write)(int, const void *, size_t);
    NEXT(Write, "write")
    return fails(CALL_WRITE, path_of(fd)) ? -1 : real(fd, data, size);
}

SHOWN ssize_t writev(int fd, const struct iovec *parts, int count)
{
    typedef ssize_t (*WriteV)(int, const struct iovec *, int);
    NEXT(WriteV, "writev")
    return fails(CALL_WRITE, path_of(fd)) ? -1 : real(fd, parts, count);
}

#define WRITE_AT(name, offset_type)                                                                          \
    SHOWN ssize_t name(int fd, const void *data, size_t size, offset_type offset)                            \
    {                                                                                                        \
        typedef ssize_t (*WriteAt)(int, const void *, size_t, offset_type);                                  \
        NEXT(WriteAt, #name)                                                                                 \
        return fails(CALL_WRITE, path_of(fd)) ? -1 : real(fd, data, size, offset);                           \
    }
WRITE_AT(pwrite, off_t)
WRITE_AT(pwrite64, off64_t)

#define TRUNCATE(name, offset_type)                                                                          \
    SHOWN int name(int fd, offset_type size)                                                                 \
    {                                                                                                        \
        typedef int (*Truncate)(int, offset_type);                                                           \
        NEXT(Truncate, #name)                                                                                \
        return fails(CALL_TRUNCATE, path_of(fd)) ? -1 : real(fd, size);                                      \
    }
TRUNCATE(ftruncate, off_t)
TRUNCATE(ftruncate64, off64_t)

#define SYNC(name)                                                                                           \
    SHOWN int name(int fd)                                                                                   \
    {                                                                                                        \
        typedef int (*Sync)(int);                                                                            \
        NEXT(Sync, #name)                                                                                    \
        struct stat status;                                                                                  \
        if (fails(CALL_SYNC, path_of(fd))) {                                                                 \
            return -1;                                                                                       \
        }                                                                                                    \
        const bool known = path_of(fd)[0] != '\0' && fstat(fd, &status) == 0;                                \
        const int result = real(fd);                                                                         \
        if (known && result == 0) {                                                                          \
            char size[32];                                                                                   \
            (void)snprintf(size, sizeof size, "%lld", (long long)status.st_size);                            \
            tell("sync", path_of(fd), size);                                                                 \
        }                                                                                                    \
        return result;                                                                                       \
    }
SYNC(fsync)
SYNC(fdatasync)

/* ---- names ---- */

static int renamed(int result, const char *old_path, const char *new_path)
{
    if (result == 0) {
        tell("rename", old_path, new_path);
    }
    return result;
}

SHOWN int rename(const char *old_path, const char *new_path)
{
    typedef int (*Rename)(const char *, const char *);
    NEXT(Rename, "rename")
    return fails(CALL_RENAME, old_path) ? -1 : renamed(real(old_path, new_path), old_path, new_path);
}

SHOWN int renameat(int old_folder, const char *old_path, int new_folder, const char *new_path)
{
    typedef int (*RenameAt)(int, const char *, int, const char *);
    NEXT(RenameAt, "renameat")
    char from[PATH_BYTES];
    char to[PATH_BYTES];
    path_at(from, old_folder, old_path);
    path_at(to, new_folder, new_path);
    return fails(CALL_RENAME, from) ? -1
                                    : renamed(real(old_folder, old_path, new_folder, new_path), from, to);
}

SHOWN int renameat2(int old_folder, const char *old_path, int new_folder, const char *new_path,
                    unsigned flags)
{
    typedef int (*RenameAt2)(int, const char *, int, const char *, unsigned);
    NEXT(RenameAt2, "renameat2")
    char from[PATH_BYTES];
    char to[PATH_BYTES];
    path_at(from, old_folder, old_path);
    path_at(to, new_folder, new_path);
    return fails(CALL_RENAME, from)
               ? -1
               : renamed(real(old_folder, old_path, new_folder, new_path, flags), from, to);
}

SHOWN int unlink(const char *path)
{
    typedef int (*Unlink)(const char *);
    NEXT(Unlink, "unlink")
    return fails(CALL_UNLINK, path) ? -1 : real(path);
}

SHOWN int unlinkat(int folder, const char *path, int flags)
{
    typedef int (*UnlinkAt)(int, const char *, int);
    NEXT(UnlinkAt, "unlinkat")
    char whole[PATH_BYTES];
    path_at(whole, folder, path);
    return fails(CALL_UNLINK, whole) ? -1 : real(folder, path, flags);
}
