/* Earlier tries in this folder that are like what is to be done now: the same processors, encoder and preset.
 * What forecasts learn from. Reads the store; one thread; memory: a row at a time. */
#ifndef RUNBATCH_BATCH_TRIES_H
#define RUNBATCH_BATCH_TRIES_H

#include "base/error.h"
#include "batch/store.h"
#include "media/look.h"
#include "options/settings.h"

/* `look`: what the video is. */
typedef void (*TryVisitor)(void *context, const MediaLook *look, const AttemptRow *attempt);

/* Video by video, of each in the order of its tries. `store` NULL: none. */
Status tries_each(Store *store, const Settings *settings, TryVisitor visit, void *context, Error *err);

#endif
