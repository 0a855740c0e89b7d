/* Puts items that come in any order back into the order of their numbers.
 *
 * Items are numbered 0, 1, 2, … without gaps. Putting never waits: whoever hands out the numbers sees to it
 * that an item's number is below (items taken and done with) + window. Many threads put, one takes. Memory:
 * `window` pointers.
 */
#ifndef RUNBATCH_PIPELINE_REORDER_H
#define RUNBATCH_PIPELINE_REORDER_H

#include <stdint.h>

#include "base/error.h"

typedef struct Reorder Reorder;

Reorder *reorder_new(int window); /* >= 1 */
/* Nobody may be inside a call. */
void reorder_free(Reorder **reorder);

/* STATUS_STOPPED after reorder_stop: the item stays with the caller. STATUS_FAILED: the number is outside the
 * window or was there already, a defect of the caller. */
Status reorder_put(Reorder *reorder, int64_t number, void *item);
/* Waits for the next number's item. STATUS_EOF when all were taken, STATUS_STOPPED after reorder_stop. */
Status reorder_take(Reorder *reorder, void **item);

/* There are `total` items and no more. */
void reorder_finish(Reorder *reorder, int64_t total);
void reorder_stop(Reorder *reorder);

#endif
