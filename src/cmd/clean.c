#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/files.h"
#include "base/text.h"
#include "batch/cleaner.h"
#include "batch/lock.h"
#include "cmd/command.h"
#include "cmd/terminal.h"
#include "report/format.h"
#include "report/i18n.h"
#include "report/json_text.h"
#include "ui/snapshot_json.h"

static void append_item(Text *page, const CleanItem *item)
{
    char size[32];
    char *path = text_duplicate(item->path);
    text_strip_control(path);
    format_bytes(item->bytes, size, sizeof size);
    text_appendf(page, "%10s  %s (%s)%s\n", size, path, item->why != NULL ? item->why : "",
                 item->foreign ? _("; what is not ours in it stays") : "");
    memory_free(path);
}

static void append_text(Text *page, const CleanList *list, bool dry)
{
    char size[32];
    for (size_t i = 0; i < list->count; i++) {
        append_item(page, &list->items[i]);
    }
    format_bytes(list->bytes, size, sizeof size);
    if (list->count == 0) {
        text_append(page, _("Nothing to remove.\n"));
    } else if (dry) {
        text_appendf(page, _("%s would be freed. Nothing was removed (--dry-run).\n"), size);
    } else {
        text_appendf(page, _("%s freed.\n"), size);
    }
}

static void append_json(Text *page, const CleanList *list, bool dry)
{
    json_t *items = json_array();
    for (size_t i = 0; i < list->count; i++) {
        const CleanItem *item = &list->items[i];
        (void)json_array_append_new(
            items, json_pack("{s:s, s:o, s:o, s:I, s:i, s:b, s:s}", "kind", clean_kind_name(item->kind),
                             "path", json_text(item->path), "output",
                             item->output != NULL ? json_text(item->output) : json_null(), "bytes",
                             (json_int_t)item->bytes, "files", item->files, "foreign", item->foreign, "why",
                             item->why != NULL ? item->why : ""));
    }
    json_t *object =
        json_pack("{s:b, s:I, s:o}", "dry_run", dry, "bytes", (json_int_t)list->bytes, "items", items);
    json_append_line(page, object);
    json_decref(object);
}

static Status remove_all(const char *state_dir, const CleanList *list, Error *err)
{
    Status status = STATUS_OK;
    for (size_t i = 0; i < list->count; i++) {
        /* one that cannot be removed does not keep the others */
        if (cleaner_remove(state_dir, &list->items[i], err) != STATUS_OK) {
            status = STATUS_FAILED;
        }
    }
    return status;
}

static Status find_and_remove(const Settings *settings, const char *state_dir, CleanList *list, Error *err)
{
    Lock lock = {.fd = -1};
    Store *store = NULL;
    if (!settings->dry_run && lock_take(&lock, state_dir, err) != STATUS_OK) {
        return STATUS_FAILED; /* a batch that runs cleans by itself */
    }
    Status status = store_open(&store, state_dir, STORE_READ, NULL, NULL, err);
    if (status != STATUS_FAILED) {
        status = cleaner_find(settings->output_dir, state_dir, store, clock_wall_s(), list, err);
    }
    if (status == STATUS_OK && !settings->dry_run) {
        status = remove_all(state_dir, list, err);
    }
    store_close(&store);
    lock_release(&lock);
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
    CleanList list = {0};
    char *state_dir = path_join(settings.output_dir, ".runbatch");
    const Status status =
        file_exists(state_dir) ? find_and_remove(&settings, state_dir, &list, &err) : STATUS_OK;
    if (status == STATUS_OK || list.count > 0) {
        Text page = {0};
        (settings.json ? append_json : append_text)(&page, &list, settings.dry_run);
        code = print_page(&page, EXIT_CODE_DONE);
        text_free(&page);
    }
    if (status != STATUS_OK) {
        code = print_error(&err);
    }
    clean_list_free(&list);
    memory_free(state_dir);
    settings_free(&settings);
    return code;
}
