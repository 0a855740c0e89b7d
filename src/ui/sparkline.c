#include "ui/sparkline.h"

#include <langinfo.h>
#include <math.h>
#include <string.h>

void sparkline_append(Text *text, const int64_t *values, int count, int64_t top)
{
    static const char *const blocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    static const char *const plain[] = {".", ":", "-", "=", "+", "*", "#", "@"};
    enum { LEVELS = sizeof blocks / sizeof blocks[0] };
    const char *const *levels = strcmp(nl_langinfo(CODESET), "UTF-8") == 0 ? blocks : plain;
    for (int i = 0; i < count; i++) {
        /* as a bar: so many eighths, begun ones count */
        const double eighths = ceil((double)LEVELS * (double)values[i] / (double)top);
        const int level = eighths < 1 ? 0 : eighths > LEVELS ? LEVELS - 1 : (int)eighths - 1;
        text_append(text, values[i] < 0 ? "_" : levels[level]);
    }
}
