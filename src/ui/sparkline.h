/* Figures as a line of blocks, each as high as its figure: "▁▂▅▇█". Any thread; goes by LC_CTYPE: where that
 * is not UTF-8, plain characters that get darker: ".:-=+*#@".
 */
#ifndef RUNBATCH_UI_SPARKLINE_H
#define RUNBATCH_UI_SPARKLINE_H

#include <stdint.h>

#include "base/text.h"

/* Appends one character for each of `count` values. `top` > 0 gives the highest one, 0 the lowest; below 0
 * stands for nothing at all: a blank that is not one ("_"), so that a line is never wrapped there. */
void sparkline_append(Text *text, const int64_t *values, int count, int64_t top);

#endif
