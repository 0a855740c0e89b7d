#include "batch/plan.h"
#include "batch/supervisor.h"
#include "cmd/command.h"
#include "cmd/dry_run.h"
#include "cmd/terminal.h"
#include "ui/ui.h"

static int run_plan(const Settings *settings, const Plan *plan)
{
    const UiConfig config = {.quiet = settings->quiet, .verbose = settings->verbose, .json = settings->json};
    Ui *ui = ui_new(&config);
    const BatchHooks hooks = ui_hooks(ui);
    BatchResult result = {0};
    Error err = {0};
    const Status status = batch_run(settings, plan, &hooks, &result, &err);
    ui_free(&ui);
    int code = EXIT_CODE_DONE;
    if (status != STATUS_OK) {
        code = print_error(&err);
    } else if (result.interrupted) {
        code = EXIT_CODE_INTERRUPTED;
    } else if (result.failed > 0) {
        code = EXIT_CODE_SOME_FAILED;
    }
    batch_result_free(&result);
    return code;
}

static int run_settings(const Settings *settings)
{
    Plan plan;
    Error err = {0};
    if (plan_make(settings, &plan, &err) != STATUS_OK) {
        return print_error(&err);
    }
    for (size_t i = 0; i < plan.notes.count && !settings->quiet; i++) {
        print_note(plan.notes.items[i]);
    }
    const int code = settings->dry_run ? dry_run(settings, &plan) : run_plan(settings, &plan);
    plan_free(&plan);
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
