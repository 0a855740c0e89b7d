/* `runbatch plan` for people: a table of the videos, what will fail and why, and what the batch takes. Pure,
 * but for the language.
 */
#ifndef RUNBATCH_UI_PLAN_PAGE_H
#define RUNBATCH_UI_PLAN_PAGE_H

#include "base/text.h"
#include "batch/forecast.h"
#include "ui/page.h"

void plan_page(const ForecastFacts *facts, const Forecast *forecast, const PageFrame *frame, Text *page);

#endif
