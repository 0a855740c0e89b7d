#include <string.h>

#include "base/alloc.h"
#include "base/files.h"
#include "batch/leftovers.h"
#include "batch/lock.h"
#include "batch/plan.h"
#include "cmd/command.h"
#include "cmd/terminal.h"
#include "report/format.h"
#include "report/i18n.h"
#include "ui/cells.h"
#include "ui/removable.h"
#include "ui/snapshot_json.h"

/* What one call finds and does. */
typedef struct Cleaning {
    const Settings *settings;
    char *state_dir;
    CleanList list;
    Lock lock;   /* not held by a dry run, nor while a batch runs */
    bool in_use; /* somebody works in the folder */
    long holder;
    int64_t removed_bytes;
} Cleaning;

/* ---- what is printed ---- */

/* Under a heading for each video; they come video by video, then logs and damaged stores. */
static void append_items(Text *page, const CleanList *list)
{
    for (size_t i = 0; i < list->count; i++) {
        const char *output = list->items[i].output;
        const char *before = i > 0 ? list->items[i - 1].output : NULL;
        const bool same =
            output != NULL ? before != NULL && strcmp(output, before) == 0 : i > 0 && before == NULL;
        if (!same) {
            (void)cell_append(page, output != NULL ? output : _("logs and damaged stores"), SIZE_MAX,
                              CELL_CUT_END);
            text_append(page, ":\n");
            removable_append(page, list, output, &(RemovableFrame){0});
        }
    }
}

static void append_text(const Cleaning *cleaning, Text *page)
{
    char size[32];
    append_items(page, &cleaning->list);
    if (cleaning->list.count == 0) {
        text_append(page, _("Nothing to remove.\n"));
    } else if (cleaning->settings->dry_run) {
        text_appendf(page, _("%s would be freed. Nothing was removed (--dry-run).\n"),
                     format_bytes(cleaning->list.bytes, size, sizeof size));
    } else {
        text_appendf(page, _("%s freed.\n"), format_bytes(cleaning->removed_bytes, size, sizeof size));
    }
    if (cleaning->in_use) {
        text_appendf(page,
                     _("Process %ld works here: it removes work folders and unfinished outputs by "
                       "itself.\n"),
                     cleaning->holder);
    }
}

static void append_json(const Cleaning *cleaning, Text *page)
{
    json_t *object = json_object();
    (void)json_object_set_new(object, "dry_run", json_boolean(cleaning->settings->dry_run));
    (void)json_object_set_new(object, "in_use", json_boolean(cleaning->in_use));
    (void)json_object_set_new(object, "bytes", json_integer(cleaning->list.bytes));
    (void)json_object_set_new(object, "removed_bytes", json_integer(cleaning->removed_bytes));
    (void)json_object_set_new(object, "items", removable_all_to_json(&cleaning->list));
    json_append_line(page, object);
    json_decref(object);
}

/* ---- what is done ---- */

/* One that cannot be removed does not keep the others. */
static Status remove_items(Cleaning *cleaning, Error *err)
{
    Status status = STATUS_OK;
    for (size_t i = 0; i < cleaning->list.count; i++) {
        const CleanItem *item = &cleaning->list.items[i];
        if (cleaner_remove(cleaning->state_dir, item, err) == STATUS_OK) {
            cleaning->removed_bytes += item->bytes;
        } else {
            status = STATUS_FAILED;
        }
    }
    return status;
}

/* Holds the folder where it can: what is listed is still so when it is removed. */
static Status take_hold(Cleaning *cleaning, Error *err)
{
    cleaning->in_use = lock_is_held(cleaning->state_dir, &cleaning->holder);
    return cleaning->in_use || cleaning->settings->dry_run
               ? STATUS_OK
               : lock_take(&cleaning->lock, cleaning->state_dir, err);
}

static Status clean(Cleaning *cleaning, Error *err)
{
    if (!file_is_folder(cleaning->state_dir)) {
        return STATUS_OK;
    }
    Status status = take_hold(cleaning, err);
    if (status == STATUS_OK) {
        status = leftovers_find(cleaning->settings->output_dir, cleaning->state_dir, cleaning->in_use,
                                &cleaning->list, err);
    }
    if (status == STATUS_OK && !cleaning->settings->dry_run) {
        status = remove_items(cleaning, err);
    }
    lock_release(&cleaning->lock);
    return status;
}

int cmd_clean(int argc, char **argv)
{
    Settings settings;
    int code = EXIT_CODE_DONE;
    if (!command_begin("clean", argc, argv, &settings, &code)) {
        return code;
    }
    Error err = {0};
    Text page = {0};
    Cleaning cleaning = {.settings = &settings,
                         .state_dir = path_join(settings.output_dir, PLAN_STATE_FOLDER),
                         .lock = {.fd = -1}};
    const Status status = clean(&cleaning, &err);
    if (status == STATUS_OK || cleaning.list.count > 0) {
        (settings.json ? append_json : append_text)(&cleaning, &page);
        code = print_page(&page, EXIT_CODE_DONE);
    }
    code = status == STATUS_OK ? code : print_error(&err);
    text_free(&page);
    clean_list_free(&cleaning.list);
    memory_free(cleaning.state_dir);
    settings_free(&settings);
    return code;
}
