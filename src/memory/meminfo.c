#include "memory/meminfo.h"

#include "memory/sensor_file.h"

static const char cannot_read[] = "cannot read memory use";

static int64_t at_least_zero(int64_t value)
{
    return value > 0 ? value : 0;
}

static int64_t find_available(const char *text)
{
    const int64_t available = sensor_number(text, "MemAvailable:");
    return available >= 0 ? available
                          : at_least_zero(sensor_number(text, "MemFree:")) +
                                at_least_zero(sensor_number(text, "Buffers:")) +
                                at_least_zero(sensor_number(text, "Cached:"));
}

Status meminfo_read(const char *root, MemInfo *info, Error *err)
{
    char path[SENSOR_PATH_BYTES];
    char text[SENSOR_TEXT_BYTES];
    *info = (MemInfo){0};
    if (!sensor_path(path, root, "/proc/meminfo")) {
        return error_set(err, ERROR_ENVIRONMENT, cannot_read, root, "the path is too long");
    }
    const int failed = sensor_read(path, text);
    if (failed != 0) {
        return error_set_errno(err, ERROR_ENVIRONMENT, cannot_read, path, failed);
    }
    const int64_t total = sensor_number(text, "MemTotal:");
    const int64_t available = find_available(text);
    if (total <= 0) {
        return error_set(err, ERROR_ENVIRONMENT, cannot_read, path, "it has no MemTotal");
    }
    *info = (MemInfo){.total_bytes = total,
                      .available_bytes = available < total ? available : total,
                      .swap_total_bytes = at_least_zero(sensor_number(text, "SwapTotal:")),
                      .swap_free_bytes = at_least_zero(sensor_number(text, "SwapFree:"))};
    return STATUS_OK;
}

int64_t meminfo_oom_kills(const char *root)
{
    char path[SENSOR_PATH_BYTES];
    char text[SENSOR_TEXT_BYTES];
    const bool read = sensor_path(path, root, "/proc/vmstat") && sensor_read(path, text) == 0;
    return read ? sensor_number(text, "oom_kill ") : -1;
}

Status meminfo_read_process(const char *root, pid_t pid, ProcessMemory *memory, Error *err)
{
    char text[SENSOR_TEXT_BYTES];
    *memory = (ProcessMemory){0};
    const int failed = sensor_read_status(root, pid, text);
    if (failed != 0) {
        char path[SENSOR_PATH_BYTES];
        const bool fits = sensor_process_path(path, root, pid, "status");
        return error_set_errno(err, ERROR_ENVIRONMENT, cannot_read, fits ? path : root, failed);
    }
    memory->rss_bytes = at_least_zero(sensor_number(text, "VmRSS:"));
    memory->peak_rss_bytes = at_least_zero(sensor_number(text, "VmHWM:"));
    return STATUS_OK;
}
