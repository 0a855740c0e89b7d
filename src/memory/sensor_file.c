#include "memory/sensor_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"

bool sensor_path(char path[SENSOR_PATH_BYTES], const char *root, const char *format, ...)
{
    size_t length = strlen(root);
    length -= length > 0 && root[length - 1] == '/' ? 1 : 0;
    if (length >= SENSOR_PATH_BYTES) {
        return false;
    }
    (void)snprintf(path, SENSOR_PATH_BYTES, "%.*s", (int)length, root);
    va_list arguments;
    va_start(arguments, format);
    const int count = vsnprintf(path + length, SENSOR_PATH_BYTES - length, format, arguments);
    va_end(arguments);
    return count >= 0 && (size_t)count < SENSOR_PATH_BYTES - length;
}

bool sensor_process_path(char path[SENSOR_PATH_BYTES], const char *root, pid_t pid, const char *name)
{
    return pid == 0 ? sensor_path(path, root, "/proc/self/%s", name)
                    : sensor_path(path, root, "/proc/%ld/%s", (long)pid, name);
}

/* Of each line `line_most` bytes at most. */
static int read_lines(const char *path, size_t line_most, char text[SENSOR_TEXT_BYTES])
{
    enum { PIECE_BYTES = 4096 };
    char piece[PIECE_BYTES];
    text[0] = '\0';
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return errno;
    }
    size_t length = 0;
    size_t column = 0;
    ssize_t count = 0;
    while (length < SENSOR_TEXT_BYTES - 1 && (count = read(fd, piece, sizeof piece)) > 0) {
        for (ssize_t i = 0; i < count && length < SENSOR_TEXT_BYTES - 1; i++) {
            column = piece[i] == '\n' ? 0 : column + 1;
            if (column <= line_most) {
                text[length++] = piece[i];
            }
        }
    }
    const int failed = count < 0 ? errno : 0;
    (void)close(fd);
    text[failed == 0 ? length : 0] = '\0';
    return failed;
}

int sensor_read(const char *path, char text[SENSOR_TEXT_BYTES])
{
    return read_lines(path, SIZE_MAX, text);
}

int sensor_read_status(const char *root, pid_t pid, char text[SENSOR_TEXT_BYTES])
{
    enum { LINE_MOST = 120 };
    char path[SENSOR_PATH_BYTES];
    text[0] = '\0';
    return sensor_process_path(path, root, pid, "status") ? read_lines(path, LINE_MOST, text) : ENAMETOOLONG;
}

int64_t sensor_process_birth(const char *root, pid_t pid)
{
    enum { BIRTH_FIELD = 22 };
    char path[SENSOR_PATH_BYTES];
    char text[SENSOR_TEXT_BYTES];
    if (!sensor_process_path(path, root, pid, "stat") || sensor_read(path, text) != 0) {
        return -1;
    }
    const char *field = sensor_stat_field(text, BIRTH_FIELD);
    return field != NULL ? sensor_first_number(field) : -1;
}

int64_t sensor_first_number(const char *text)
{
    char *end = NULL;
    errno = 0;
    const long long value = strtoll(text, &end, 10);
    if (end == text || errno != 0 || value < 0) {
        return -1;
    }
    if (!text_starts_with(end, " kB")) {
        return (int64_t)value;
    }
    return value <= INT64_MAX / 1024 ? (int64_t)value * 1024 : -1;
}

int64_t sensor_number(const char *text, const char *key)
{
    const size_t length = strlen(key);
    for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
        line += line[0] == '\n' ? 1 : 0;
        if (strncmp(line, key, length) == 0) {
            /* strtoll would go on to the next line */
            return line[length + strspn(line + length, " \t")] != '\n' ? sensor_first_number(line + length)
                                                                       : -1;
        }
    }
    return -1;
}

const char *sensor_stat_field(const char *text, int number)
{
    const char *field = strrchr(text, ')');
    for (int i = 2; i < number && field != NULL; i++) {
        field = strchr(field + (i > 2 ? 1 : 0), ' ');
    }
    return field != NULL ? field + 1 : NULL;
}
