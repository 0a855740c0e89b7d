/* `runbatch doctor`: what was checked, group by group, and what to do; for people and as JSON (docs/json.md).
 * Pure, but for the language. Memory: the page.
 */
#ifndef RUNBATCH_UI_DOCTOR_PAGE_H
#define RUNBATCH_UI_DOCTOR_PAGE_H

#include <jansson.h>
#include <stdbool.h>

#include "base/text.h"
#include "doctor/checkup.h"
#include "ui/page.h"

/* Appends all checks; with `trouble_only` those that are not ok. The last line says how many are. */
void doctor_page(const Checkup *checkup, const PageFrame *frame, bool trouble_only, Text *page);

/* A new object. `wall_s`: when it was checked. */
json_t *doctor_to_json(const Checkup *checkup, double wall_s);

#endif
