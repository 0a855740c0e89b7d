#include "worker/log_limit.h"

LogLimitAnswer log_limit_ask(LogLimit *limit, LogLevel level, int64_t now_ms)
{
    const int64_t second = now_ms / 1000;
    if (limit->levels[level].second != second) {
        limit->levels[level].second = second;
        limit->levels[level].in_second = 0;
    }
    if (limit->levels[level].in_second < LOG_LIMIT_A_SECOND &&
        limit->levels[level].in_job < LOG_LIMIT_A_JOB) {
        limit->levels[level].in_second++;
        limit->levels[level].in_job++;
        return LOG_LIMIT_SEND;
    }
    const bool told = limit->levels[level].told;
    limit->levels[level].told = true;
    return told ? LOG_LIMIT_DROP : LOG_LIMIT_TELL;
}
