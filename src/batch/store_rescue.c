#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/files.h"
#include "base/text.h"
#include "batch/store_internal.h"

/* ---- the head of a write-ahead log: https://sqlite.org/fileformat2.html#the_write_ahead_log ---- */

enum { LOG_HEAD = 32, LOG_VERSION = 3007000 };

static uint32_t big_endian(const unsigned char *bytes)
{
    return (uint32_t)bytes[0] << 24U | (uint32_t)bytes[1] << 16U | (uint32_t)bytes[2] << 8U | bytes[3];
}

static uint32_t little_endian(const unsigned char *bytes)
{
    return (uint32_t)bytes[3] << 24U | (uint32_t)bytes[2] << 16U | (uint32_t)bytes[1] << 8U | bytes[0];
}

static bool head_is_right(const unsigned char head[LOG_HEAD])
{
    static const uint32_t magic = 0x377F0682; /* its last bit: the checksum's words are big-endian */
    const uint32_t first = big_endian(head);
    uint32_t sum[2] = {0, 0};
    for (size_t i = 0; i < 24; i += 8) {
        const bool big = (first & 1U) != 0;
        sum[0] += (big ? big_endian(head + i) : little_endian(head + i)) + sum[1];
        sum[1] += (big ? big_endian(head + i + 4) : little_endian(head + i + 4)) + sum[0];
    }
    return (first & ~UINT32_C(1)) == magic && big_endian(head + 4) == LOG_VERSION &&
           sum[0] == big_endian(head + 24) && sum[1] == big_endian(head + 28);
}

/* A head of zeros is no damage: the first sync had not come yet, so nothing was promised. */
static bool log_is_broken(const char *path)
{
    static const unsigned char zeros[LOG_HEAD] = {0};
    unsigned char head[LOG_HEAD] = {0};
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
    if (fd < 0) {
        return false;
    }
    const ssize_t got = pread(fd, head, sizeof head, 0);
    (void)close(fd);
    return got == LOG_HEAD && memcmp(head, zeros, sizeof head) != 0 && !head_is_right(head);
}

bool store_is_torn(const char *path)
{
    char *log = text_format("%s-wal", path);
    const int64_t size = file_size(path);
    /* SQLite takes a single byte for nothing, deletes the log of an empty file, and passes over one whose
     * head is wrong. */
    const bool empty = size == 0 || size == 1;
    const bool torn = file_size(log) > LOG_HEAD && (empty || log_is_broken(log));
    memory_free(log);
    return torn;
}

/* ---- setting aside ---- */

/* The file itself last: a new one beside an old log would take that for its own. */
static const char *const suffixes[] = {"-wal", "-shm", "-journal", ""};
static const char aside_mark[] =
    ".damaged-"; /* followed by the time: 20260131T235959Z, and perhaps a number */

static Status move(const char *path, const char *suffix, const char *target, Error *err)
{
    char *from = text_format("%s%s", path, suffix);
    char *to = text_format("%s%s", target, suffix);
    Status status = STATUS_OK;
    if (rename(from, to) != 0 && errno != ENOENT) {
        status = error_set_errno(err, ERROR_ENVIRONMENT, "cannot set the damaged store aside", from, errno);
    }
    memory_free(from);
    memory_free(to);
    return status;
}

Status store_set_aside(const char *path, char aside[STORE_ASIDE_SIZE], Error *err)
{
    char time[32];
    clock_format_utc(clock_wall_s(), time, sizeof time);
    char *folder = path_folder(path);
    char *target = NULL;
    for (int i = 1; target == NULL; i++) {
        char number[16] = "";
        if (i > 1) {
            (void)snprintf(number, sizeof number, "-%d", i);
        }
        (void)snprintf(aside, STORE_ASIDE_SIZE, "%s%s%.4s%.2s%.2sT%.2s%.2s%.2sZ%s", path_name(path),
                       aside_mark, time, time + 5, time + 8, time + 11, time + 14, time + 17, number);
        target = path_join(folder, aside);
        if (file_exists(target)) {
            memory_free(target);
            target = NULL;
        }
    }
    Status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < sizeof suffixes / sizeof suffixes[0]; i++) {
        status = move(path, suffixes[i], target, err);
    }
    memory_free(target);
    memory_free(folder);
    return status;
}

/* "", "-2", …, and a suffix. */
static bool is_end(const char *text)
{
    if (text[0] == '-' && text[1] >= '1' && text[1] <= '9') {
        text += 1 + strspn(text + 1, "0123456789");
    }
    bool known = false;
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        known = known || strcmp(text, suffixes[i]) == 0;
    }
    return known;
}

bool store_is_aside(const char *name, double *wall_s)
{
    enum { TIME_LENGTH = 16 };
    if (!text_starts_with(name, STORE_NAME) || !text_starts_with(name + strlen(STORE_NAME), aside_mark)) {
        return false;
    }
    struct tm parts = {0};
    const char *time = name + strlen(STORE_NAME) + strlen(aside_mark);
    const char *end = strptime(time, "%Y%m%dT%H%M%SZ", &parts);
    if (end == NULL || end - time != TIME_LENGTH || memchr(time, ' ', TIME_LENGTH) != NULL || !is_end(end)) {
        return false;
    }
    *wall_s = (double)timegm(&parts);
    return true;
}
