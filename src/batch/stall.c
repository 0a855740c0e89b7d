#include "batch/stall.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LONGEST_LOOK_MS = 1000, SLACK_MS = 50, IDLE_SHARE = 100 };

int64_t stall_look(Stall *stall, int64_t now_ms, const StallReading *reading)
{
    const int64_t passed_ms = stall->looked_ms > 0 && !reading->stopped ? now_ms - stall->looked_ms : 0;
    stall->looked_ms = now_ms;
    stall->still_ms += passed_ms < LONGEST_LOOK_MS ? passed_ms : LONGEST_LOOK_MS;
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
    char path[4096];
    char text[1024];
    reading->stopped = false;
    reading->processor_ms = -1;
    (void)snprintf(path, sizeof path, "%s/proc/%ld/stat", root, (long)pid);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return;
    }
    const ssize_t count = read(fd, text, sizeof text - 1);
    (void)close(fd);
    text[count > 0 ? count : 0] = '\0';
    /* the second field is the program's name in parentheses, which may hold anything */
    char *field = strrchr(text, ')');
    field = field != NULL ? strchr(field, ' ') : NULL;
    reading->stopped = field != NULL && (field[1] == 'T' || field[1] == 't');
    for (int i = STATE_FIELD; i < USER_FIELD && field != NULL; i++) {
        field = strchr(field + 1, ' ');
    }
    const long ticks_a_second = sysconf(_SC_CLK_TCK);
    if (field != NULL && ticks_a_second > 0) {
        const long long user = strtoll(field, &field, 10);
        const long long system = strtoll(field, NULL, 10);
        reading->processor_ms = (int64_t)((user + system) * 1000 / ticks_a_second);
    }
}
