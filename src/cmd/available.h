/* What this machine has of what options ask for. */
#ifndef RUNBATCH_CMD_AVAILABLE_H
#define RUNBATCH_CMD_AVAILABLE_H

#include "options/table.h"

/* An OptionAvailable. Whether an encoder on a device really opens is known only when it is opened; here it is
 * asked whether it is built in and its driver is installed. */
bool available_here(OptionCheck check, const char *value);

#endif
