#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "cmd/command.h"
#include "cmd/terminal.h"
#include "report/i18n.h"
#include "ui/models_page.h"
#include "ui/snapshot_json.h"

static void append_json(Text *page, json_t *object)
{
    json_append_line(page, object);
    json_decref(object);
}

/* What is there, looked into where it is asked for. Exit code 1: something is wrong. */
static int show_all(const Settings *settings, bool verify)
{
    InventoryEntry *entries = memory_alloc(known_model_count, sizeof *entries);
    const PageFrame frame = terminal_frame();
    Text page = {0};
    bool wrong = false;
    for (size_t i = 0; i < known_model_count; i++) {
        inventory_find(&known_models[i], settings->models_dir, &entries[i]);
        if (verify) {
            inventory_verify(&entries[i]);
        }
        const bool lacks = verify && entries[i].state == MODEL_MISSING && entries[i].model->package != NULL;
        wrong = wrong || entries[i].state == MODEL_WRONG || lacks;
    }
    if (settings->json) {
        append_json(&page, models_to_json(entries, known_model_count));
    } else {
        models_page(entries, known_model_count, settings->verbose, &frame, &page);
    }
    const int code = print_page(&page, wrong ? EXIT_CODE_SOME_FAILED : EXIT_CODE_DONE);
    for (size_t i = 0; i < known_model_count; i++) {
        inventory_entry_free(&entries[i]);
    }
    memory_free(entries);
    text_free(&page);
    return code;
}

static int show_one(const Settings *settings, const char *name)
{
    Error err = {0};
    const KnownModel *model = known_model_find(name);
    model = model != NULL ? model : known_model_of_file(name);
    if (model == NULL) {
        (void)error_setf(&err, ERROR_USAGE, "models info", NULL, "no model is called \"%.80s\"", name);
        error_advise(&err, "runbatch models list --verbose tells their names");
        return print_error(&err);
    }
    InventoryEntry entry;
    const PageFrame frame = terminal_frame();
    Text page = {0};
    inventory_find(model, settings->models_dir, &entry);
    inventory_verify(&entry);
    if (settings->json) {
        append_json(&page, model_to_json(&entry));
    } else {
        models_page_one(&entry, &frame, &page);
    }
    const int code = print_page(&page, entry.state == MODEL_WRONG ? EXIT_CODE_SOME_FAILED : EXIT_CODE_DONE);
    inventory_entry_free(&entry);
    text_free(&page);
    return code;
}

static int add(const Settings *settings, const char *file)
{
    Error err = {0};
    Text page = {0};
    const KnownModel *model = NULL;
    char *path = NULL;
    if (inventory_add(file, &model, &path, &err) != STATUS_OK) {
        return print_error(&err);
    }
    if (settings->json) {
        append_json(&page, json_pack("{s:s, s:s}", "model", model->name, "path", path));
    } else {
        text_appendf(&page, _("%s (%s) is at %s now\n"), model->name, model_role_name(model->role), path);
    }
    const int code = print_page(&page, EXIT_CODE_DONE);
    memory_free(path);
    text_free(&page);
    return code;
}

static int refuse(const char *why)
{
    Error err = {0};
    (void)error_set(&err, ERROR_USAGE, "models", NULL, why);
    error_advise(&err, "runbatch models list, verify, add FILE, or info NAME");
    return print_error(&err);
}

static int act(const Settings *settings)
{
    const TextList *words = &settings->words;
    const char *action = words->count > 0 ? words->items[0] : "list";
    const bool verify = strcmp(action, "verify") == 0;
    const bool plain = verify || strcmp(action, "list") == 0;
    const bool with_word = strcmp(action, "add") == 0 || strcmp(action, "info") == 0;
    if (!plain && !with_word) {
        return refuse("there is no such action");
    }
    if (plain) {
        return words->count > 1 ? refuse("this action takes no name") : show_all(settings, verify);
    }
    if (words->count != 2) {
        return refuse("this action takes one name");
    }
    return strcmp(action, "add") == 0 ? add(settings, words->items[1]) : show_one(settings, words->items[1]);
}

int cmd_models(int argc, char **argv)
{
    Settings settings;
    int code = EXIT_CODE_DONE;
    if (!command_begin("models", argc, argv, &settings, &code)) {
        return code;
    }
    code = act(&settings);
    settings_free(&settings);
    return code;
}
