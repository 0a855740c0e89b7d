#include "base/clock.h"

#include <math.h>
#include <stdio.h>
#include <time.h>

int64_t clock_now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

double clock_wall_s(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

void clock_format_utc(double wall_s, char *buffer, size_t size)
{
    const time_t seconds = (time_t)wall_s;
    struct tm parts;
    if (gmtime_r(&seconds, &parts) == NULL || strftime(buffer, size, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0) {
        (void)snprintf(buffer, size, "?");
    }
}

void clock_format_duration(double seconds, char *buffer, size_t size)
{
    if (!(seconds >= 0) || seconds > 359999.0) {
        (void)snprintf(buffer, size, "-:--");
        return;
    }
    const int whole = (int)lround(seconds);
    const int hours = whole / 3600;
    const int minutes = whole / 60 % 60;
    if (hours > 0) {
        (void)snprintf(buffer, size, "%d:%02d:%02d", hours, minutes, whole % 60);
    } else {
        (void)snprintf(buffer, size, "%d:%02d", minutes, whole % 60);
    }
}
