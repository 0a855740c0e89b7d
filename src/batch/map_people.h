/* Those whom a face map names, by the people that `runbatch faces` found in this folder. */
#ifndef RUNBATCH_BATCH_MAP_PEOPLE_H
#define RUNBATCH_BATCH_MAP_PEOPLE_H

#include <jansson.h>

#include "options/settings.h"

/* *numbers: {"anna": 3} in a new object, NULL where nobody is named; may itself be NULL. `people`: the file
 * of known people. ERROR_USAGE: nobody is called so. */
Status map_people(const Settings *settings, const char *people, json_t **numbers, Error *err);

#endif
