/* The order in which people count: clip2 before clip10. Pure. */
#ifndef RUNBATCH_BATCH_NATURAL_H
#define RUNBATCH_BATCH_NATURAL_H

#include "base/text.h"

/* Below, at, or above 0. Runs of digits compare as numbers of any length, ASCII letters without their case,
 * all other bytes by value (which is code point order for UTF-8). Texts that are equal so compare byte by
 * byte, so the order is total: 0 means the same bytes. */
int natural_compare(const char *a, const char *b);

void natural_sort(TextList *list);

#endif
