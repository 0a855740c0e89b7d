/* A forecast as JSON: what `plan --json` writes. docs/json.md describes every field. Pure. */
#ifndef RUNBATCH_UI_PLAN_JSON_H
#define RUNBATCH_UI_PLAN_JSON_H

#include <jansson.h>

#include "batch/forecast.h"

/* A new object. */
json_t *plan_to_json(const ForecastFacts *facts, const Forecast *forecast);

#endif
