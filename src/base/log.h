/* The log of this process: one sink, one line a call.
 *
 * Levels are defined by the reaction they ask for. The sink is set once at start (a worker sends lines to its
 * supervisor, the supervisor writes log files); without one, warnings and errors go to standard error. Any
 * thread.
 */
#ifndef RUNBATCH_BASE_LOG_H
#define RUNBATCH_BASE_LOG_H

typedef enum LogLevel {
    LOG_LEVEL_NONE = 0,
    LOG_LEVEL_ERROR, /* this video will not be finished */
    LOG_LEVEL_WARN,  /* it will be, but not as asked or not as well: the user should know */
    LOG_LEVEL_INFO,  /* worth a line in the video's log */
    LOG_LEVEL_DEBUG, /* for whoever looks for a defect */
} LogLevel;

/* `line` has no newline and no control characters. May be called from any thread, one call at a time. */
typedef void (*LogSink)(void *context, LogLevel level, const char *line);

void log_set_sink(LogSink sink, void *context);
void log_set_level(LogLevel most_detailed);

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* "error", "warning", "info", "debug". */
const char *log_level_name(LogLevel level);

#endif
