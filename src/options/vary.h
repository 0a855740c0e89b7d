/* Settings that differ a little from others: what `runbatch preview --compare` sets side by side. */
#ifndef RUNBATCH_OPTIONS_VARY_H
#define RUNBATCH_OPTIONS_VARY_H

#include "options/settings.h"

/* `out`, which owns nothing before, becomes `base` with `changes`: "as it is", the name of a built-in preset,
 * or option=value, several with blanks between them; values of a list with commas. Only options that change
 * the picture, and the source picture. ERROR_USAGE; `out` owns nothing then. */
Status settings_vary(const Settings *base, const char *changes, Settings *out, Error *err);

#endif
