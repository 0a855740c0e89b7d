#include "media/media_log.h"

#include <libavutil/log.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"

enum { LINES_MAX = 300 };

static void forward(void *object, int level, const char *format, va_list args)
{
    static atomic_int lines;
    static _Thread_local int print_prefix = 1;
    level &= 0xFF;
    if (level > AV_LOG_WARNING) {
        return;
    }
    const int count = atomic_fetch_add(&lines, 1);
    if (count >= LINES_MAX) {
        if (count == LINES_MAX) {
            log_info("FFmpeg has more to say; it is left out");
        }
        atomic_store(&lines, LINES_MAX + 1);
        return;
    }
    char line[1024];
    (void)av_log_format_line2(object, level, format, args, line, sizeof line, &print_prefix);
    line[strcspn(line, "\r\n")] = '\0';
    if (line[0] == '\0') {
        return;
    }
    if (level <= AV_LOG_ERROR) {
        log_info("FFmpeg: %s", line);
    } else {
        log_debug("FFmpeg: %s", line);
    }
}

void media_log_init(void)
{
    av_log_set_level(AV_LOG_WARNING);
    av_log_set_callback(forward);
}
