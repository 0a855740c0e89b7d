#include "media/frame_folder.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/files.h"
#include "base/log.h"
#include "base/text.h"

enum { NAME_MAX_BYTES = 48, LEAST_DIGITS = 8 };
static const char prefix[] = "frame-";
static const char unfinished[] = ".part";
static const int64_t largest_file = 1LL << 30;

static void name_of(const FrameFolder *folder, int64_t number, const char *ending, char name[NAME_MAX_BYTES])
{
    (void)snprintf(name, NAME_MAX_BYTES, "%s%08" PRId64 ".%s%s", prefix, number + 1, folder->extension,
                   ending);
}

char *frame_folder_file(const FrameFolder *folder, int64_t number)
{
    char name[NAME_MAX_BYTES];
    name_of(folder, number, "", name);
    return path_join(folder->path, name);
}

static Status fail(const FrameFolder *folder, int64_t number, const char *what, int code, Error *err)
{
    char *path = frame_folder_file(folder, number);
    const Status status = error_set_errno(err, ERROR_ENVIRONMENT, what, path, code);
    memory_free(path);
    return status;
}

/* ---- the folder ---- */

static Status refuse(const char *path, const char *why, Error *err)
{
    (void)error_set(err, ERROR_ENVIRONMENT, "cannot use the folder for frame files", path, why);
    error_advise(err, "move it away, or choose another place with --temp-dir");
    return STATUS_FAILED;
}

Status frame_folder_make(const char *path, bool shared, Error *err)
{
    if (mkdir(path, shared ? 0777 : 0700) != 0 && errno != EEXIST) {
        return error_set_errno(err, ERROR_ENVIRONMENT, "cannot make the folder for frame files", path, errno);
    }
    return STATUS_OK;
}

Status frame_folder_open(FrameFolder *folder, const char *path, const char *extension, Error *err)
{
    *folder = (FrameFolder){.path = text_duplicate(path), .extension = extension, .fd = -1};
    struct stat status;
    if (lstat(path, &status) == 0 && !S_ISDIR(status.st_mode)) {
        return refuse(path, S_ISLNK(status.st_mode) ? "it is a link" : "there is a file of that name", err);
    }
    folder->fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder->fd < 0 || fstat(folder->fd, &status) != 0) {
        return error_set_errno(err, ERROR_ENVIRONMENT, "cannot open the folder for frame files", path, errno);
    }
    if (status.st_uid != geteuid()) {
        (void)close(folder->fd);
        folder->fd = -1; /* so that it is not removed */
        return refuse(path, "it belongs to another user", err);
    }
    return STATUS_OK;
}

/* The number of a frame file of any kind, -1 when it is none. */
static int64_t number_of(const char *name, bool *whole)
{
    if (!text_starts_with(name, prefix)) {
        return -1;
    }
    const char *digits = name + strlen(prefix);
    char *end = NULL;
    errno = 0;
    const long long count = isdigit((unsigned char)*digits) ? strtoll(digits, &end, 10) : 0;
    if (count < 1 || errno != 0 || end - digits < LEAST_DIGITS ||
        !(text_starts_with(end, ".png") || text_starts_with(end, ".jpg"))) {
        return -1;
    }
    end += strlen(".png");
    *whole = *end == '\0';
    return *whole || strcmp(end, unfinished) == 0 ? count - 1 : -1;
}

Status frame_folder_clean(const FrameFolder *folder, int64_t first, int most, bool *done, Error *err)
{
    const int fd = openat(folder->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = fd >= 0 ? fdopendir(fd) : NULL;
    if (entries == NULL) {
        const int code = errno;
        if (fd >= 0) {
            (void)close(fd);
        }
        return error_set_errno(err, ERROR_ENVIRONMENT, "cannot look into the folder for frame files",
                               folder->path, code);
    }
    int removed = 0;
    const struct dirent *entry = NULL;
    while (removed < most && (entry = readdir(entries)) != NULL) {
        bool whole = false;
        const int64_t number = number_of(entry->d_name, &whole);
        if (number < 0 || (whole && number < first)) {
            continue;
        }
        if (unlinkat(folder->fd, entry->d_name, 0) == 0) {
            removed++;
        } else if (errno != ENOENT) {
            log_warn("%s/%s: an old frame file cannot be removed: %s", folder->path, entry->d_name,
                     strerror(errno));
        }
    }
    (void)closedir(entries);
    if (done != NULL) {
        *done = removed < most;
    }
    return STATUS_OK;
}

void frame_folder_close(FrameFolder *folder)
{
    if (folder->fd >= 0) {
        (void)close(folder->fd);
        (void)rmdir(folder->path);
    }
    memory_free(folder->path);
    *folder = (FrameFolder){.fd = -1};
}

/* ---- files ---- */

/* 0, or the errno. */
static int write_all(int fd, const uint8_t *bytes, int count)
{
    while (count > 0) {
        const ssize_t written = write(fd, bytes, (size_t)count);
        if (written < 0 && errno != EINTR) {
            return errno;
        }
        if (written > 0) {
            bytes += written;
            count -= (int)written;
        }
    }
    return 0;
}

Status frame_folder_write(const FrameFolder *folder, int64_t number, const AVPacket *content, Error *err)
{
    char name[NAME_MAX_BYTES];
    char part[NAME_MAX_BYTES];
    name_of(folder, number, "", name);
    name_of(folder, number, unfinished, part);
    const int fd = openat(folder->fd, part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (fd < 0) {
        return fail(folder, number, "cannot write a frame file", errno, err);
    }
    int code = write_all(fd, content->data, content->size);
    if (close(fd) != 0 && code == 0) {
        code = errno;
    }
    if (code == 0 && renameat(folder->fd, part, folder->fd, name) != 0) {
        code = errno;
    }
    if (code != 0) {
        (void)unlinkat(folder->fd, part, 0);
        return fail(folder, number, "cannot write a frame file", code, err);
    }
    return STATUS_OK;
}

/* 0, or the errno. */
static int read_all(int fd, AVPacket *content)
{
    struct stat status;
    if (fstat(fd, &status) != 0) {
        return errno;
    }
    if (!S_ISREG(status.st_mode) || status.st_size > largest_file) {
        return EINVAL;
    }
    if (av_new_packet(content, (int)status.st_size) < 0) {
        return ENOMEM;
    }
    for (int at = 0; at < content->size;) {
        const ssize_t got = read(fd, content->data + at, (size_t)(content->size - at));
        if (got < 0 && errno != EINTR) {
            return errno;
        }
        if (got == 0) {
            av_shrink_packet(content, at); /* became shorter meanwhile: the decoder will tell */
        }
        at += got > 0 ? (int)got : 0;
    }
    return 0;
}

Status frame_folder_read(const FrameFolder *folder, int64_t number, AVPacket *content, Error *err)
{
    char name[NAME_MAX_BYTES];
    name_of(folder, number, "", name);
    /* not blocking: somebody may have put a pipe there */
    const int fd = openat(folder->fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    const int code = fd >= 0 ? read_all(fd, content) : errno;
    if (fd >= 0) {
        (void)close(fd);
    }
    return code == 0 ? STATUS_OK : fail(folder, number, "cannot read a frame file", code, err);
}

void frame_folder_remove(const FrameFolder *folder, int64_t number)
{
    char name[NAME_MAX_BYTES];
    name_of(folder, number, "", name);
    (void)unlinkat(folder->fd, name, 0);
}
