#include "batch/leftovers.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/files.h"
#include "batch/store.h"

static void keep_what_nobody_uses(CleanList *list)
{
    size_t kept = 0;
    list->bytes = 0;
    for (size_t i = 0; i < list->count; i++) {
        CleanItem *item = &list->items[i];
        if (item->kind == CLEAN_LOG || item->kind == CLEAN_STORE) {
            list->bytes += item->bytes;
            list->items[kept++] = *item;
        } else {
            memory_free(item->path);
            memory_free(item->output);
        }
    }
    list->count = kept;
}

Status leftovers_find(const char *output_dir, const char *state_dir, bool held, CleanList *list, Error *err)
{
    Store *store = NULL;
    *list = (CleanList){0};
    if (store_open(&store, state_dir, STORE_READ, NULL, NULL, err) == STATUS_FAILED) {
        return STATUS_FAILED;
    }
    const Status status = cleaner_find(output_dir, state_dir, store, clock_wall_s(), list, err);
    store_close(&store);
    if (held) {
        keep_what_nobody_uses(list);
    }
    return status;
}
