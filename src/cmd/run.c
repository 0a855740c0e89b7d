#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/files.h"
#include "batch/naming.h"
#include "batch/plan.h"
#include "batch/snapshot.h"
#include "batch/store.h"
#include "batch/supervisor.h"
#include "cmd/available.h"
#include "cmd/command.h"
#include "cmd/dry_run.h"
#include "cmd/terminal.h"
#include "options/json_text.h"
#include "options/parse.h"
#include "report/i18n.h"
#include "ui/status_page.h"
#include "ui/ui.h"
#include "worker/needed_models.h"

static int run_plan(const Settings *settings, const Plan *plan)
{
    const UiConfig config = {.quiet = settings->quiet, .verbose = settings->verbose, .json = settings->json};
    Ui *ui = ui_new(&config);
    const char *limits = getenv("RUNBATCH_LIMITS");
    BatchHooks hooks = ui_hooks(ui);
    hooks.without_groups = limits != NULL && strcmp(limits, "watch") == 0;
    BatchResult result = {0};
    Error err = {0};
    const Status status = batch_run(settings, plan, &hooks, &result, &err);
    ui_free(&ui);
    int code = EXIT_CODE_DONE;
    if (status != STATUS_OK) {
        code = print_error(&err);
    } else if (result.interrupted) {
        code = EXIT_CODE_INTERRUPTED;
    } else if (result.failed > 0 || result.statistics.refused > 0) {
        code = EXIT_CODE_SOME_FAILED;
    }
    batch_result_free(&result);
    return code;
}

static int run_settings(const Settings *settings)
{
    Plan plan;
    Error err = {0};
    if (needed_models_check(settings, &err) != STATUS_OK || plan_make(settings, &plan, &err) != STATUS_OK) {
        return print_error(&err);
    }
    for (size_t i = 0; i < plan.notes.count && !settings->quiet; i++) {
        print_note(plan.notes.items[i]);
    }
    const int code = settings->dry_run ? dry_run(settings, &plan) : run_plan(settings, &plan);
    plan_free(&plan);
    return code;
}

/* The outputs stay where they are found, also when their folder was moved since. */
static void stay_in(json_t *options, const char *output_dir)
{
    char *output = json_to_text(json_object_get(options, "output"));
    (void)json_object_set_new(options, "output-dir", json_from_text(output_dir));
    if (output != NULL && naming_is_container(path_extension(output)) && !file_is_folder(output)) {
        char *there = path_join(output_dir, path_name(output));
        (void)json_object_set_new(options, "output", json_from_text(there));
        memory_free(there);
    } else {
        (void)json_object_set_new(options, "output", json_null()); /* it was this folder */
    }
    memory_free(output);
}

/* The options of the last run on this folder; NULL when there was none. */
static json_t *last_options(const char *output_dir, Error *err)
{
    char *state_dir = path_join(output_dir, ".runbatch");
    Store *store = NULL;
    RunRow run = {0};
    json_t *options = NULL;
    Status status = store_open(&store, state_dir, STORE_READ, NULL, NULL, err);
    if (status == STATUS_OK) {
        status = store_last_run(store, &run, err);
    }
    if (status == STATUS_OK && run.options != NULL) {
        options = json_loads(run.options, 0, NULL);
    }
    if (status != STATUS_FAILED && options == NULL) {
        (void)error_set(err, ERROR_ENVIRONMENT, "cannot go on", output_dir, "no batch was run into it yet");
        error_advise(err, "runbatch begins one; --output-dir names another folder");
    }
    if (options != NULL) {
        stay_in(options, output_dir);
    }
    memory_free(run.options);
    store_close(&store);
    memory_free(state_dir);
    return options;
}

/* On standard error: with --json only events go to standard output. */
static void tell_what_goes_on(const char *output_dir)
{
    Snapshot snapshot;
    char began[32];
    if (snapshot_take(output_dir, false, &snapshot, NULL) != STATUS_OK) {
        return; /* the run itself tells what is wrong */
    }
    const Standing standing = snapshot_standing(&snapshot);
    int chunks = 0;
    for (size_t i = 0; i < snapshot.count; i++) {
        chunks += snapshot.videos[i].chunks;
    }
    char *note = text_format(_("goes on with the run of %s: done: %d of %zu, chunks kept of the others: %d"),
                             page_time(snapshot.run.began_s, began, sizeof began),
                             standing.counts[VIDEO_DONE], snapshot.count, chunks);
    print_note(note);
    memory_free(note);
    snapshot_free(&snapshot);
}

int cmd_resume(int argc, char **argv)
{
    Settings settings;
    int code = EXIT_CODE_DONE;
    if (!command_begin("resume", argc, argv, &settings, &code)) {
        return code; /* only where to look is taken from this first reading */
    }
    Error err = {0};
    json_t *before = last_options(settings.output_dir, &err);
    settings_free(&settings);
    if (before == NULL) {
        return print_error(&err);
    }
    Config config = {0};
    OptionsAction action;
    Status status = config_read_standard(&config, &err);
    if (status == STATUS_OK) {
        const CommandLine line = {.command = "resume",
                                  .argc = argc,
                                  .argv = (const char *const *)argv,
                                  .available = available_here,
                                  .config = &config};
        status = options_parse_over(&line, before, &settings, &action, &err);
    }
    config_free(&config);
    json_decref(before);
    if (status != STATUS_OK) {
        return print_error(&err);
    }
    if (!settings.quiet) {
        tell_what_goes_on(settings.output_dir);
    }
    code = run_settings(&settings);
    settings_free(&settings);
    return code;
}

int cmd_run(int argc, char **argv)
{
    Settings settings;
    int code = EXIT_CODE_DONE;
    if (!command_begin("run", argc, argv, &settings, &code)) {
        return code;
    }
    code = run_settings(&settings);
    settings_free(&settings);
    return code;
}
