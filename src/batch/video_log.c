#include "batch/video_log.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/files.h"
#include "base/text.h"

void video_log_open(VideoLog *log, const char *path, bool append)
{
    *log = (VideoLog){0};
    char *folder = path_folder(path);
    (void)folder_make(folder, NULL);
    memory_free(folder);
    /* what lies under that name may be a link, or a pipe that nobody reads */
    log->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666);
    struct stat status;
    if (log->fd >= 0 && (fstat(log->fd, &status) != 0 || !S_ISREG(status.st_mode) ||
                         (!append && ftruncate(log->fd, 0) != 0))) {
        (void)close(log->fd);
        log->fd = -1;
    }
    log->written = log->fd >= 0 && append ? status.st_size : 0;
}

static void write_line(VideoLog *log, const char *kind, const char *text)
{
    char time[32];
    clock_format_utc(clock_wall_s(), time, sizeof time);
    Text line = {0};
    text_appendf(&line, "%s %s: ", time, kind);
    const size_t begin = line.length;
    text_append(&line, text);
    text_strip_control(line.data + begin);
    text_append(&line, "\n");
    const ssize_t count = write(log->fd, line.data, line.length);
    log->written += count > 0 ? count : 0;
    text_free(&line);
}

void video_log_line(VideoLog *log, const char *kind, const char *text)
{
    if (log->fd < 0 || log->written > VIDEO_LOG_MAX_BYTES) {
        return;
    }
    write_line(log, kind, text);
    if (log->written > VIDEO_LOG_MAX_BYTES) {
        write_line(log, "runbatch", "the log is full, the rest is left out");
    }
}

static void end_partial(VideoLog *log)
{
    if (log->partial_length == 0) {
        return;
    }
    log->partial[log->partial_length] = '\0';
    log->partial_length = 0;
    text_strip_control(log->partial);
    text_copy(log->last_line, sizeof log->last_line, log->partial);
    video_log_line(log, "stderr", log->partial);
}

void video_log_stderr(VideoLog *log, const char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (bytes[i] == '\n' || log->partial_length == sizeof log->partial - 1) {
            end_partial(log);
        }
        if (bytes[i] != '\n') {
            log->partial[log->partial_length++] = bytes[i] != '\0' ? bytes[i] : '?';
        }
    }
}

void video_log_close(VideoLog *log)
{
    end_partial(log);
    if (log->fd >= 0) {
        (void)close(log->fd);
        log->fd = -1;
    }
}
