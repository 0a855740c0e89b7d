/* `runbatch models`: which models are there, and what is known of them; for people and as JSON
 * (docs/json.md). Pure, but for the language. */
#ifndef RUNBATCH_UI_MODELS_PAGE_H
#define RUNBATCH_UI_MODELS_PAGE_H

#include <jansson.h>
#include <stdbool.h>

#include "infer/inventory.h"
#include "ui/page.h"

/* A table of those that are there, and of which roles others are known; with `all` these too, each with where
 * a user gets it. */
void models_page(const InventoryEntry *entries, size_t count, bool all, const PageFrame *frame, Text *page);
/* All that is known of one. */
void models_page_one(const InventoryEntry *entry, const PageFrame *frame, Text *page);

json_t *models_to_json(const InventoryEntry *entries, size_t count);
json_t *model_to_json(const InventoryEntry *entry);

#endif
