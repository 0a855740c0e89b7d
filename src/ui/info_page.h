/* `runbatch info`: what a file says of itself, for people. Pure, but for the language. */
#ifndef RUNBATCH_UI_INFO_PAGE_H
#define RUNBATCH_UI_INFO_PAGE_H

#include <jansson.h>

#include "ui/page.h"

/* `object` as docs/json.md has it. */
void info_page(const json_t *object, const PageFrame *frame, Text *page);

#endif
