/* The presets that come with the program (--preset): names for several options at once, as data. A preset of
 * the same name in the user's runbatch.ini counts before them (options/config_file.h). Read-only; any thread.
 */
#ifndef RUNBATCH_OPTIONS_SCENARIO_H
#define RUNBATCH_OPTIONS_SCENARIO_H

#include <stddef.h>

typedef struct ScenarioValue {
    const char *option; /* its name in the table */
    const char *value;  /* as the user would write it */
} ScenarioValue;

enum { SCENARIO_VALUES = 8 };

typedef struct Scenario {
    const char *name;
    ScenarioValue values[SCENARIO_VALUES]; /* closed by a NULL option */
} Scenario;

extern const Scenario scenario_table[];
extern const size_t scenario_count;

/* NULL when there is none of that name. */
const Scenario *scenario_find(const char *name);

#endif
