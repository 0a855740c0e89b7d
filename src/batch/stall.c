#include "batch/stall.h"

#include <stdlib.h>
#include <unistd.h>

#include "memory/sensor_file.h"

enum { LONGEST_LOOK_MS = 1000, SLACK_MS = 50, IDLE_SHARE = 100 };

int64_t stall_look(Stall *stall, int64_t now_ms, const StallReading *reading)
{
    int64_t passed_ms = stall->looked_ms > 0 ? now_ms - stall->looked_ms : 0;
    passed_ms = passed_ms < LONGEST_LOOK_MS ? passed_ms : LONGEST_LOOK_MS;
    stall->looked_ms = now_ms;
    stall->still_ms += reading->stopped || reading->held ? 0 : passed_ms;
    stall->stopped_ms = reading->stopped && !reading->held ? stall->stopped_ms + passed_ms : 0;
    const int64_t idle_ms = SLACK_MS + stall->still_ms / IDLE_SHARE;
    const bool loads = reading->loading && reading->processor_ms - stall->processor_ms > idle_ms;
    if (reading->work != stall->work || loads) {
        stall->still_ms = 0;
        stall->work = reading->work;
        stall->processor_ms = reading->processor_ms;
    }
    return stall->still_ms;
}

void stall_read_process(const char *root, pid_t pid, StallReading *reading)
{
    enum { STATE_FIELD = 3, USER_FIELD = 14 };
    char path[SENSOR_PATH_BYTES];
    char text[SENSOR_TEXT_BYTES];
    reading->stopped = false;
    reading->processor_ms = -1;
    if (!sensor_process_path(path, root, pid, "stat") || sensor_read(path, text) != 0) {
        return;
    }
    const char *state = sensor_stat_field(text, STATE_FIELD);
    const char *times = sensor_stat_field(text, USER_FIELD);
    reading->stopped = state != NULL && (state[0] == 'T' || state[0] == 't');
    const long ticks_a_second = sysconf(_SC_CLK_TCK);
    if (times != NULL && ticks_a_second > 0) {
        char *end = NULL;
        const long long user = strtoll(times, &end, 10);
        const long long system = strtoll(end, NULL, 10);
        reading->processor_ms = (int64_t)((user + system) * 1000 / ticks_a_second);
    }
}
