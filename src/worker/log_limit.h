/* Bounds what a job's log lines may cost: a broken input can give one for every packet. Pure; one thread at a
 * time. Errors, warnings and the rest are counted apart, so that chatter does not hide what matters. */
#ifndef RUNBATCH_WORKER_LOG_LIMIT_H
#define RUNBATCH_WORKER_LOG_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/log.h"

/* Of each level; all levels together stay below RUNNER_MESSAGES_A_SECOND. */
enum { LOG_LIMIT_A_SECOND = 200, LOG_LIMIT_A_JOB = 5000 };

/* Zero-initialise. */
typedef struct LogLimit {
    struct {
        int64_t second;
        int in_second;
        int in_job;
        bool told;
    } levels[LOG_LEVEL_DEBUG + 1];
} LogLimit;

typedef enum LogLimitAnswer { LOG_LIMIT_SEND, LOG_LIMIT_TELL, LOG_LIMIT_DROP } LogLimitAnswer;

/* What to do with a line: send it, tell instead that lines are left out (once a level), or drop it. */
LogLimitAnswer log_limit_ask(LogLimit *limit, LogLevel level, int64_t now_ms);

#endif
