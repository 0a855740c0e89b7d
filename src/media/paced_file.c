#include "media/paced_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"

enum { WINDOW = 1 << 20 }; /* bytes that are left dirty */

struct PacedFile {
    int fd;
    bool is_new;
    int64_t position;
    int64_t pushed; /* all before it is on its way to the disk */
};

static Status open_file(PacedFile **file, const char *path, int flags, bool is_new, Error *err)
{
    /* Non-blocking: a pipe under that name is told, not waited for. */
    const int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | flags, 0666);
    if (fd < 0) {
        return error_set_errno(err, ERROR_ENVIRONMENT, "cannot write the file", path, errno);
    }
    *file = memory_alloc(1, sizeof **file);
    **file = (PacedFile){.fd = fd, .is_new = is_new};
    return STATUS_OK;
}

Status paced_file_make(PacedFile **file, const char *path, Error *err)
{
    *file = NULL;
    return open_file(file, path, O_CREAT | O_EXCL, true, err);
}

Status paced_file_reuse(PacedFile **file, const char *path, Error *err)
{
    *file = NULL;
    struct stat status;
    if (lstat(path, &status) != 0 && errno == ENOENT) {
        return paced_file_make(file, path, err);
    }
    return open_file(file, path, O_TRUNC, false, err);
}

bool paced_file_is_new(const PacedFile *file)
{
    return file->is_new;
}

int paced_file_write(PacedFile *file, const void *data, size_t size)
{
    const char *bytes = data;
    while (size > 0) {
        const ssize_t count = write(file->fd, bytes, size);
        if (count < 0) {
            if (errno == EINTR) {
                continue;
            }
            return errno;
        }
        bytes += count;
        size -= (size_t)count;
        file->position += count;
    }
    /* Only asked for: that a file system cannot do it, or fails, is told by fsync. */
    if (file->position - file->pushed >= WINDOW) {
        (void)sync_file_range(file->fd, file->pushed, file->position - file->pushed, SYNC_FILE_RANGE_WRITE);
        file->pushed = file->position;
    }
    return 0;
}

int64_t paced_file_seek(PacedFile *file, int64_t offset, int whence)
{
    const off_t position = lseek(file->fd, offset, whence);
    if (position < 0) {
        return -errno;
    }
    file->position = position;
    return position;
}

int64_t paced_file_size(const PacedFile *file)
{
    struct stat status;
    return fstat(file->fd, &status) == 0 ? (int64_t)status.st_size : -errno;
}

int paced_file_sync(PacedFile *file)
{
    return fsync(file->fd) == 0 ? 0 : errno;
}

int paced_file_close(PacedFile **file)
{
    int result = 0;
    if (*file != NULL) {
        result = close((*file)->fd) == 0 ? 0 : errno;
        memory_free(*file);
        *file = NULL;
    }
    return result;
}
