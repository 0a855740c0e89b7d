#include "base/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/text.h"

static struct {
    pthread_mutex_t lock;
    atomic_int level;
    /* protected by lock */
    LogSink sink;
    void *context;
} log_state = {.lock = PTHREAD_MUTEX_INITIALIZER, .level = LOG_LEVEL_INFO};

void log_set_sink(LogSink sink, void *context)
{
    (void)pthread_mutex_lock(&log_state.lock);
    log_state.sink = sink;
    log_state.context = context;
    (void)pthread_mutex_unlock(&log_state.lock);
}

void log_set_level(LogLevel most_detailed)
{
    atomic_store(&log_state.level, (int)most_detailed);
}

const char *log_level_name(LogLevel level)
{
    static const char *const names[] = {"none", "error", "warning", "info", "debug"};
    return names[level];
}

__attribute__((format(printf, 2, 0))) static void log_write(LogLevel level, const char *format, va_list args)
{
    if ((int)level > atomic_load(&log_state.level)) {
        return;
    }
    char line[1024];
    (void)vsnprintf(line, sizeof line, format, args);
    text_strip_control(line);
    (void)pthread_mutex_lock(&log_state.lock);
    if (log_state.sink != NULL) {
        log_state.sink(log_state.context, level, line);
    } else if (level <= LOG_LEVEL_WARN) {
        (void)fprintf(stderr, "runbatch: %s: %s\n", log_level_name(level), line);
    }
    (void)pthread_mutex_unlock(&log_state.lock);
}

#define DEFINE_LOG(name, level)                                                                              \
    void name(const char *format, ...)                                                                       \
    {                                                                                                        \
        va_list args;                                                                                        \
        va_start(args, format);                                                                              \
        log_write(level, format, args);                                                                      \
        va_end(args);                                                                                        \
    }

DEFINE_LOG(log_error, LOG_LEVEL_ERROR)
DEFINE_LOG(log_warn, LOG_LEVEL_WARN)
DEFINE_LOG(log_info, LOG_LEVEL_INFO)
DEFINE_LOG(log_debug, LOG_LEVEL_DEBUG)
