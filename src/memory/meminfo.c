#include "memory/meminfo.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* /proc/meminfo has some 60 lines of 28 bytes, /proc/PID/status some 60 lines, the longest (groups, cpus
 * allowed) behind the memory lines. */
enum { SENSOR_BYTES = 8192, PATH_BYTES = 4096 };

static Status read_text(const char *path, char text[SENSOR_BYTES], Error *err)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return error_set_errno(err, ERROR_ENVIRONMENT, "cannot read memory use", path, errno);
    }
    size_t length = 0;
    ssize_t count = 0;
    while (length < SENSOR_BYTES - 1 && (count = read(fd, text + length, SENSOR_BYTES - 1 - length)) > 0) {
        length += (size_t)count;
    }
    const int failed = count < 0 ? errno : 0;
    (void)close(fd);
    text[length] = '\0';
    if (failed != 0) {
        return error_set_errno(err, ERROR_ENVIRONMENT, "cannot read memory use", path, failed);
    }
    return STATUS_OK;
}

/* The bytes of a line "Key:   123 kB", or -1 when there is none. */
static int64_t find_kilobytes(const char *text, const char *key)
{
    const size_t length = strlen(key);
    for (const char *line = text; line != NULL && *line != '\0';) {
        if (strncmp(line, key, length) == 0 && line[length] == ':') {
            char *end = NULL;
            errno = 0;
            const long long value = strtoll(line + length + 1, &end, 10);
            const bool usable = end != line + length + 1 && errno == 0 && value >= 0;
            return usable && value <= INT64_MAX / 1024 ? (int64_t)value * 1024 : -1;
        }
        line = strchr(line, '\n');
        line = line != NULL ? line + 1 : NULL;
    }
    return -1;
}

static int64_t at_least_zero(int64_t value)
{
    return value > 0 ? value : 0;
}

Status memory_read(const char *proc_root, MemoryReading *reading, Error *err)
{
    *reading = (MemoryReading){0};
    char path[PATH_BYTES];
    char text[SENSOR_BYTES] = "";
    (void)snprintf(path, sizeof path, "%s/meminfo", proc_root);
    if (read_text(path, text, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    const int64_t total = find_kilobytes(text, "MemTotal");
    int64_t available = find_kilobytes(text, "MemAvailable");
    if (available < 0) {
        available = at_least_zero(find_kilobytes(text, "MemFree")) +
                    at_least_zero(find_kilobytes(text, "Buffers")) +
                    at_least_zero(find_kilobytes(text, "Cached"));
    }
    if (total <= 0) {
        return error_set(err, ERROR_ENVIRONMENT, "cannot read memory use", path, "it has no MemTotal");
    }
    reading->total_bytes = total;
    reading->available_bytes = available < total ? available : total;
    reading->used_bytes = total - reading->available_bytes;
    return STATUS_OK;
}

Status memory_read_process(const char *proc_root, pid_t pid, ProcessMemory *memory, Error *err)
{
    *memory = (ProcessMemory){0};
    char path[PATH_BYTES];
    char text[SENSOR_BYTES] = "";
    if (pid == 0) {
        (void)snprintf(path, sizeof path, "%s/self/status", proc_root);
    } else {
        (void)snprintf(path, sizeof path, "%s/%ld/status", proc_root, (long)pid);
    }
    if (read_text(path, text, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    memory->rss_bytes = at_least_zero(find_kilobytes(text, "VmRSS"));
    memory->peak_rss_bytes = at_least_zero(find_kilobytes(text, "VmHWM"));
    return STATUS_OK;
}

double memory_used_percent(const MemoryReading *reading)
{
    return reading->total_bytes > 0 ? 100.0 * (double)reading->used_bytes / (double)reading->total_bytes
                                    : 0.0;
}
