#include "batch/unfinished.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "batch/cleaner_internal.h"

Status unfinished_make_output(const char *path, FileId *id, Error *err)
{
    /* what lies under that name may be a link to something else, which must not be written to */
    const bool gone = unlink(path) == 0 || errno == ENOENT;
    const int fd = gone ? open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666) : -1;
    struct stat status;
    if (fd < 0 || fstat(fd, &status) != 0) {
        const int failure = errno;
        if (fd >= 0) {
            (void)close(fd);
        }
        return error_set_errno(err, ERROR_DISK, "cannot make the output", path, failure);
    }
    (void)close(fd);
    *id = (FileId){status.st_dev, status.st_ino};
    return STATUS_OK;
}

static int make_folder(int parent, const char *name)
{
    if (mkdirat(parent, name, 0777) == 0) {
        (void)fsync(parent); /* chunks that are synced in it do not last longer than its name */
    } else if (errno != EEXIST) {
        return -1;
    }
    return cleaner_open_folder(parent, name);
}

Status unfinished_make_folder(const char *state_dir, const char *path, Error *err)
{
    (void)mkdir(state_dir, 0777); /* somebody may have tidied up */
    const int state = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const int work = state >= 0 ? make_folder(state, "work") : -1;
    const int folder = work >= 0 ? make_folder(work, path_name(path)) : -1;
    const int failure = errno;
    const int all[] = {state, work, folder};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (all[i] >= 0) {
            (void)close(all[i]);
        }
    }
    if (folder >= 0) {
        return STATUS_OK;
    }
    if (failure == ENOTDIR || failure == ELOOP) {
        return error_set(err, ERROR_ENVIRONMENT, "cannot make the work folder", path,
                         "there is a file or a link in its place");
    }
    return error_set_errno(err, ERROR_DISK, "cannot make the work folder", path, failure);
}

Status unfinished_publish(const PlanItem *item, const FileId *id, Error *err)
{
    struct stat status;
    if (lstat(item->temporary, &status) != 0) {
        return error_set_errno(err, ERROR_ENVIRONMENT, "cannot give the finished file its name",
                               item->temporary, errno);
    }
    if (!S_ISREG(status.st_mode) || status.st_dev != id->device || status.st_ino != id->inode) {
        return error_set(err, ERROR_INTERNAL, "cannot give the finished file its name", item->temporary,
                         "the worker left something else in its place");
    }
    return file_publish(item->temporary, item->output, err);
}
