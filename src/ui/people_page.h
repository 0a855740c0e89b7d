/* The people of a batch as a table, as JSON (docs/json.md), and as a page for a browser in one file. Pure. */
#ifndef RUNBATCH_UI_PEOPLE_PAGE_H
#define RUNBATCH_UI_PEOPLE_PAGE_H

#include <jansson.h>

#include "batch/people.h"
#include "ui/page.h"

typedef struct PeopleView {
    const People *people;
    const Plan *plan;
    const FaceRecords *records;
} PeopleView;

void people_page(const PeopleView *view, const PageFrame *frame, Text *page);
/* A new object. */
json_t *people_to_json(const PeopleView *view);
void people_html(const PeopleView *view, Text *page);

/* "0:07.4", "1:02:03"; `size` >= 32. Returns `buffer`. */
const char *people_time(double seconds, char *buffer, size_t size);

#endif
