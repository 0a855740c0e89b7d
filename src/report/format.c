#include "report/format.h"

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

void format_name(Text *text, const char *path)
{
    char *name = text_duplicate(path_name(path));
    text_strip_control(name);
    text_append(text, name);
    memory_free(name);
}

const char *format_reason(const Error *error, const char *video, char *buffer, size_t size)
{
    Error short_ = *error;
    /* an error keeps only the beginning of a very long path */
    if (strncmp(short_.file, video, sizeof short_.file - 1) == 0) {
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
