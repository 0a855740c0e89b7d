#include "base/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/text.h"

char *path_join(const char *folder, const char *name)
{
    if (folder[0] == '\0' || strcmp(folder, ".") == 0) {
        return text_duplicate(name);
    }
    const bool slash = folder[strlen(folder) - 1] == '/';
    return text_format("%s%s%s", folder, slash ? "" : "/", name);
}

char *path_absolute(const char *path)
{
    char *folder = path[0] != '/' ? getcwd(NULL, 0) : NULL;
    char *absolute = folder != NULL ? path_join(folder, path) : text_duplicate(path);
    free(folder); /* the C library's */
    return absolute;
}

const char *path_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

char *path_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL) {
        return text_duplicate(".");
    }
    Text folder = {0};
    text_append_bytes(&folder, path, slash == path ? 1 : (size_t)(slash - path));
    return folder.data;
}

const char *path_extension(const char *path)
{
    const char *name = path_name(path);
    const char *dot = strrchr(name, '.');
    return dot != NULL && dot != name ? dot : name + strlen(name);
}

char *path_stem(const char *path)
{
    const char *name = path_name(path);
    Text stem = {0};
    text_append_bytes(&stem, name, (size_t)(path_extension(path) - name));
    return stem.data;
}

char *path_nearest(const char *path)
{
    char *nearest = text_duplicate(path);
    while (!file_exists(nearest) && strcmp(nearest, ".") != 0 && strcmp(nearest, "/") != 0) {
        char *above = path_folder(nearest);
        memory_free(nearest);
        nearest = above;
    }
    return nearest;
}

bool file_exists(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0;
}

bool file_state(const char *path, FileState *state)
{
    struct stat status;
    if (stat(path, &status) != 0) {
        return false;
    }
    *state = (FileState){.device = (int64_t)status.st_dev,
                         .inode = (int64_t)status.st_ino,
                         .bytes = status.st_size,
                         .changed_s = status.st_mtim.tv_sec,
                         .changed_ns = status.st_mtim.tv_nsec};
    return true;
}

bool file_state_same(const FileState *a, const FileState *b)
{
    return a->device == b->device && a->inode == b->inode && a->bytes == b->bytes &&
           a->changed_s == b->changed_s && a->changed_ns == b->changed_ns;
}

bool file_is_same(const char *path, const char *other)
{
    FileState a;
    FileState b;
    return file_state(path, &a) && file_state(other, &b) && a.device == b.device && a.inode == b.inode;
}

bool file_is_folder(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

int64_t file_size(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode) ? (int64_t)status.st_size : -1;
}

/* Makes the names in a folder last through a power cut. Some network file systems cannot do it, and what is
 * there stays there, so this does not fail. */
static void sync_folder(const char *path)
{
    const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || (fsync(fd) != 0 && errno == EIO)) {
        log_warn("%s: the folder cannot be synced: %s", path, strerror(errno));
    }
    if (fd >= 0) {
        (void)close(fd);
    }
}

Status folder_make(const char *path, Error *err)
{
    char *partial = text_duplicate(path);
    Status status = STATUS_OK;
    for (char *c = partial + 1; status == STATUS_OK && partial[0] != '\0'; c++) {
        if (*c != '/' && *c != '\0') {
            continue;
        }
        const char keep = *c;
        *c = '\0';
        if (mkdir(partial, 0777) == 0) {
            char *parent = path_folder(partial);
            sync_folder(parent);
            memory_free(parent);
        } else if (errno != EEXIST) {
            status = error_set_errno(err, ERROR_ENVIRONMENT, "cannot make the folder", partial, errno);
        } else if (!file_is_folder(partial)) {
            status = error_set(err, ERROR_ENVIRONMENT, "cannot make the folder", partial,
                               "there is a file of that name");
        }
        *c = keep;
        if (keep == '\0') {
            break;
        }
    }
    memory_free(partial);
    return status;
}

Status folder_check_writable(const char *path, Error *err)
{
    char *probe = text_format("%s/.runbatch-probe-%ld", path, (long)getpid());
    Status status = STATUS_OK;
    const int fd = open(probe, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    if (fd < 0) {
        status = error_set_errno(err, ERROR_ENVIRONMENT, "cannot write into the folder", path, errno);
        error_advise(err, "check its owner and permissions, or choose another with --output-dir");
    } else {
        (void)close(fd);
        (void)unlink(probe);
    }
    memory_free(probe);
    return status;
}

static Status sync_file(const char *path, Error *err)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return error_set_errno(err, ERROR_ENVIRONMENT, "cannot open for syncing", path, errno);
    }
    Status status = STATUS_OK;
    if (fsync(fd) != 0) {
        status = error_set_errno(err, ERROR_ENVIRONMENT, "cannot write to the disk", path, errno);
    }
    (void)close(fd);
    return status;
}

Status file_publish(const char *source, const char *target, Error *err)
{
    if (sync_file(source, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    if (rename(source, target) != 0) {
        return error_set_errno(err, ERROR_ENVIRONMENT, "cannot give the finished file its name", target,
                               errno);
    }
    char *folder = path_folder(target);
    sync_folder(folder);
    memory_free(folder);
    return STATUS_OK;
}

Status file_read(const char *path, int64_t limit, char **data, int64_t *size, Error *err)
{
    *data = NULL;
    *size = 0;
    FILE *file = fopen(path, "rbe");
    if (file == NULL) {
        return error_set_errno(err, ERROR_ENVIRONMENT, "cannot open", path, errno);
    }
    Text content = {0};
    text_append(&content, "");
    char block[16384];
    size_t count = 0;
    while ((count = fread(block, 1, sizeof block, file)) > 0 && (int64_t)(content.length + count) <= limit) {
        text_append_bytes(&content, block, count);
    }
    Status status = STATUS_OK;
    if (ferror(file) != 0) {
        status = error_set_errno(err, ERROR_ENVIRONMENT, "cannot read", path, errno);
    } else if (count > 0) {
        status =
            error_setf(err, ERROR_INPUT, "cannot read", path, "larger than %lld bytes", (long long)limit);
    }
    (void)fclose(file);
    if (status != STATUS_OK) {
        text_free(&content);
        return status;
    }
    *data = content.data;
    *size = (int64_t)content.length;
    return STATUS_OK;
}
