/* Which of the known models are there, where, and whether they are what they are said to be. */
#ifndef RUNBATCH_INFER_INVENTORY_H
#define RUNBATCH_INFER_INVENTORY_H

#include "base/hash.h"
#include "infer/known_model.h"

typedef enum ModelState {
    MODEL_MISSING = 0,
    MODEL_THERE, /* by its name; not looked into */
    MODEL_RIGHT, /* its sum, or of a user's own its inputs and outputs, are those that are known */
    MODEL_WRONG, /* `error` tells why */
} ModelState;

typedef struct InventoryEntry {
    const KnownModel *model;
    ModelState state;
    char *path; /* NULL: missing */
    int64_t bytes;
    char sha256[HASH_SHA256_SIZE]; /* empty: not computed */
    Error error;
} InventoryEntry;

/* Looks for it by name only; a few directory listings. `models_dir` may be NULL. Free with
 * inventory_entry_free. */
void inventory_find(const KnownModel *model, const char *models_dir, InventoryEntry *entry);

/* Reads all of a found one's file for its sum, and loads it. Of a wrong one of the user's there may be no
 * sum. */
void inventory_verify(InventoryEntry *entry);

void inventory_entry_free(InventoryEntry *entry);

/* "missing", "there", "right", "wrong"; stable, for JSON. */
const char *model_state_name(ModelState state);

/* Puts a copy of the file into the user's folder of models under its own name, after it was seen to be one
 * that is known (*model): complete and synced, or not at all. *path, in new memory, is where it is then. */
Status inventory_add(const char *file, const KnownModel **model, char **path, Error *err);

#endif
