#include "batch/discovery.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/files.h"
#include "batch/natural.h"

static const char *const video_extensions[] = {".mp4", ".avi", ".mov", ".mkv", ".wmv", ".webm", ".m4v", NULL};
static const char *const picture_extensions[] = {".jpg", ".jpeg", ".png", ".bmp", NULL};

const char *discovery_extensions(DiscoveryKind kind)
{
    return kind == DISCOVERY_VIDEOS ? "mp4, avi, mov, mkv, wmv, webm, m4v" : "jpg, jpeg, png, bmp";
}

static bool has_extension(const char *name, const char *const *extensions)
{
    for (; *extensions != NULL; extensions++) {
        if (text_ends_with_nocase(name, *extensions)) {
            return true;
        }
    }
    return false;
}

static bool is_regular(const char *folder, const char *name)
{
    char *path = path_join(folder, name);
    struct stat status;
    const bool regular = stat(path, &status) == 0 && S_ISREG(status.st_mode);
    memory_free(path);
    return regular;
}

Status discovery_list(const char *folder, DiscoveryKind kind, TextList *names, Error *err)
{
    const char *const *extensions = kind == DISCOVERY_VIDEOS ? video_extensions : picture_extensions;
    DIR *stream = opendir(folder);
    if (stream == NULL) {
        return error_set_errno(err, ERROR_ENVIRONMENT, "cannot read the folder", folder, errno);
    }
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(stream);
        if (entry == NULL) {
            break;
        }
        if (entry->d_name[0] == '.' || !has_extension(entry->d_name, extensions)) {
            continue;
        }
        if (kind == DISCOVERY_VIDEOS || is_regular(folder, entry->d_name)) {
            text_list_add(names, entry->d_name);
        }
    }
    const int failure = errno;
    (void)closedir(stream);
    if (failure != 0) {
        return error_set_errno(err, ERROR_ENVIRONMENT, "cannot read the folder", folder, failure);
    }
    natural_sort(names);
    return STATUS_OK;
}
