#include "batch/lock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/files.h"
#include "base/text.h"
#include "batch/naming.h"

static long read_holder(int fd)
{
    char text[32] = "";
    const ssize_t count = pread(fd, text, sizeof text - 1, 0);
    const long holder = count > 0 ? strtol(text, NULL, 10) : 0;
    return holder > 0 ? holder : 0;
}

static Status tell_holder(int fd, const char *path, Error *err)
{
    const long holder = read_holder(fd);
    if (holder > 0) {
        (void)error_setf(err, ERROR_ENVIRONMENT, "another runbatch works in this output folder", path,
                         "process %ld holds it", holder);
    } else {
        (void)error_set(err, ERROR_ENVIRONMENT, "another runbatch works in this output folder", path,
                        "its lock is held");
    }
    error_advise(err, "wait until it has ended, or choose another folder with --output-dir");
    return STATUS_FAILED;
}

/* One who only looks (lock_is_held) holds the lock shared for a moment: that is waited for. */
static bool try_lock(int fd)
{
    enum { TRIES = 25, PAUSE_NS = 10 * 1000 * 1000 };
    for (int i = 0; i < TRIES; i++) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
            return true;
        }
        if (errno != EWOULDBLOCK) {
            return false;
        }
        (void)nanosleep(&(struct timespec){.tv_nsec = PAUSE_NS}, NULL);
        errno = EWOULDBLOCK;
    }
    return false;
}

Status lock_take(Lock *lock, const char *state_dir, Error *err)
{
    lock->fd = -1;
    if (folder_make(state_dir, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    char *path = path_join(state_dir, "lock");
    Status status = STATUS_OK;
    const int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0666);
    if (fd < 0) {
        status = error_set_errno(err, ERROR_ENVIRONMENT, "cannot open the lock", path, errno);
    } else if (!try_lock(fd)) {
        status = errno == EWOULDBLOCK
                     ? tell_holder(fd, path, err)
                     : error_set_errno(err, ERROR_ENVIRONMENT, "cannot take the lock", path, errno);
        (void)close(fd);
    } else {
        char text[32];
        const int length = snprintf(text, sizeof text, "%ld\n", (long)getpid());
        if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)length, 0) != length) {
            /* the lock holds all the same; only its holder's name is missing */
        }
        lock->fd = fd;
    }
    memory_free(path);
    return status;
}

void lock_release(Lock *lock)
{
    if (lock->fd >= 0) {
        (void)!ftruncate(lock->fd, 0);
        (void)close(lock->fd);
        lock->fd = -1;
    }
}

bool lock_is_held(const char *state_dir, long *holder)
{
    char *path = path_join(state_dir, "lock");
    const int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    memory_free(path);
    *holder = 0;
    if (fd < 0) {
        return false;
    }
    const bool held = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    *holder = held ? read_holder(fd) : 0;
    (void)close(fd);
    return held;
}

bool lock_is_temporary_name(const char *name)
{
    static const char part[] = NAMING_TEMPORARY_SUFFIX;
    const size_t length = strlen(name);
    const size_t tail = sizeof part - 1;
    if (name[0] != '.' || length <= tail + 1 || strcmp(name + length - tail, part) != 0) {
        return false;
    }
    char *inner = text_duplicate(name + 1);
    inner[length - 1 - tail] = '\0';
    const bool known = naming_is_container(path_extension(inner));
    memory_free(inner);
    return known;
}

int lock_remove_stale(const char *output_dir)
{
    DIR *folder = opendir(output_dir);
    int removed = 0;
    if (folder == NULL) {
        return 0;
    }
    for (const struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        struct stat status;
        if (lock_is_temporary_name(entry->d_name) &&
            fstatat(dirfd(folder), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(status.st_mode) && unlinkat(dirfd(folder), entry->d_name, 0) == 0) {
            removed++;
        }
    }
    (void)closedir(folder);
    return removed;
}
