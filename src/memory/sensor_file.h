/* How the sensors read the kernel's text files: bounded, without allocation, one open and one read each.
 *
 * For src/memory/ and whoever reads a file of /proc itself. `root` stands for "/" everywhere, so that tests
 * read recorded machines. Worst case: the buffers on the caller's stack. Any thread.
 */
#ifndef RUNBATCH_MEMORY_SENSOR_FILE_H
#define RUNBATCH_MEMORY_SENSOR_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* /proc/vmstat has some 190 lines of 25 bytes, memory.stat 80, /proc/meminfo 60. */
enum { SENSOR_TEXT_BYTES = 16384, SENSOR_PATH_BYTES = 4096 };

/* `root` and what is below it, which begins with '/'. False: it does not fit. */
bool sensor_path(char path[SENSOR_PATH_BYTES], const char *root, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* /proc/PID/name below `root`; pid 0: self. */
bool sensor_process_path(char path[SENSOR_PATH_BYTES], const char *root, pid_t pid, const char *name);

/* As much of the file as `text` holds, zero-terminated. 0, or an errno and an empty text. */
int sensor_read(const char *path, char text[SENSOR_TEXT_BYTES]);

/* The same of /proc/PID/status (pid 0: self), of whose lines the beginnings are read: before those about
 * memory stands the list of the user's groups, which may be as long as 700 KB. */
int sensor_read_status(const char *root, pid_t pid, char text[SENSOR_TEXT_BYTES]);

/* When a process began, in ticks since the machine's start; -1: there is none. Its number may be used again,
 * both together are not. */
int64_t sensor_process_birth(const char *root, pid_t pid);

/* The number behind `key` at the beginning of a line, times 1024 where "kB" follows; -1: there is none or it
 * is negative. `key` ends with the separator: "MemTotal:", "oom_kill ". */
int64_t sensor_number(const char *text, const char *key);

/* The number at the beginning of `text`, by the same rule. */
int64_t sensor_first_number(const char *text);

/* Where field `number` of a /proc/PID/stat begins, counted as in proc_pid_stat(5), from 3 (the state) on;
 * NULL: there is none. The second, the program's name, may hold anything. */
const char *sensor_stat_field(const char *text, int number);

#endif
