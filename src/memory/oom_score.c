#include "memory/oom_score.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void oom_score_raise(int score)
{
    char text[16] = "";
    const int fd = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        return;
    }
    if (read(fd, text, sizeof text - 1) > 0 && strtol(text, NULL, 10) < score) {
        const int length = snprintf(text, sizeof text, "%d", score);
        (void)!pwrite(fd, text, (size_t)length, 0);
    }
    (void)close(fd);
}
