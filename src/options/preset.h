/* Which presets an encoder knows. Pure. */
#ifndef RUNBATCH_OPTIONS_PRESET_H
#define RUNBATCH_OPTIONS_PRESET_H

#include "options/settings.h"

/* ERROR_USAGE that lists the known ones; fine when no preset is set. */
Status preset_check(const Settings *settings, Error *err);

#endif
