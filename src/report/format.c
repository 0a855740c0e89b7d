#include "report/format.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/files.h"
#include "report/i18n.h"

#define GIB (1024.0 * 1024.0 * 1024.0)

const char *format_bytes(int64_t bytes, char *buffer, size_t size)
{
    const double value = (double)bytes;
    if (value < 1024.0 && value > -1024.0) {
        (void)snprintf(buffer, size, "%d B", (int)bytes);
    } else if (value < 1024.0 * 1024.0) {
        (void)snprintf(buffer, size, "%.1f kB", value / 1024.0);
    } else if (value < GIB) {
        (void)snprintf(buffer, size, "%.1f MB", value / (1024.0 * 1024.0));
    } else {
        (void)snprintf(buffer, size, "%.2f GB", value / GIB);
    }
    return buffer;
}

const char *format_gigabytes(int64_t bytes, char *buffer, size_t size)
{
    (void)snprintf(buffer, size, "%.2f GB", (double)bytes / 1e9);
    return buffer;
}

void format_name(Text *text, const char *path)
{
    char *name = text_duplicate(path_name(path));
    text_strip_control(name);
    text_append(text, name);
    memory_free(name);
}

/* Whether `file` is the beginning of the path `video` (an error keeps only that of a very long one), or,
 * where it is relative, the end of it. */
static bool names(const char *file, const char *video, size_t most)
{
    const size_t length = strlen(file);
    const size_t whole = strlen(video);
    return strncmp(file, video, most) == 0 ||
           (length > 0 && whole > length && video[whole - length - 1] == '/' &&
            strcmp(video + whole - length, file) == 0);
}

const char *format_reason(const Error *error, const char *video, char *buffer, size_t size)
{
    Error short_ = *error;
    if (names(short_.file, video, sizeof short_.file - 1)) {
        short_.file[0] = '\0';
    }
    return error_text(&short_, buffer, size);
}

void format_memory(Text *text, const MemoryReading *reading)
{
    text_appendf(text, _("Memory: %.1f GB / %.1f GB (%.1f %%)"), (double)reading->used_bytes / GIB,
                 (double)reading->total_bytes / GIB, memory_used_percent(reading));
    if (reading->group[0] != '\0') {
        text_appendf(text, _(", control group %s"), reading->group);
    }
}
