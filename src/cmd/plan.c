#include "base/alloc.h"
#include "batch/survey.h"
#include "cmd/command.h"
#include "cmd/terminal.h"
#include "ui/plan_json.h"
#include "ui/plan_page.h"
#include "ui/snapshot_json.h"
#include "worker/needed_models.h"

static int show(const Settings *settings, const Survey *survey)
{
    Forecast forecast;
    Text page = {0};
    forecast_make(&survey->facts, &forecast);
    if (settings->json) {
        json_t *object = plan_to_json(&survey->facts, &forecast);
        json_append_line(&page, object);
        json_decref(object);
    } else {
        const PageFrame frame = terminal_frame();
        plan_page(&survey->facts, &forecast, &frame, &page);
    }
    const int code = print_page(&page, forecast.all_go ? EXIT_CODE_DONE : EXIT_CODE_SOME_FAILED);
    text_free(&page);
    forecast_free(&forecast);
    return code;
}

static int plan_settings(const Settings *settings)
{
    Plan plan;
    Survey survey;
    Error err = {0};
    int code = EXIT_CODE_DONE;
    if (needed_models_check(settings, &err) != STATUS_OK || plan_look(settings, &plan, &err) != STATUS_OK) {
        return print_error(&err);
    }
    if (survey_make(settings, &plan, NULL, &survey, &err) == STATUS_OK) {
        for (size_t i = 0; i < plan.notes.count && !settings->quiet; i++) {
            print_note(plan.notes.items[i]);
        }
        for (size_t i = 0; i < survey.notes.count && !settings->quiet; i++) {
            print_note(survey.notes.items[i]);
        }
        code = show(settings, &survey);
    } else {
        code = print_error(&err);
    }
    survey_free(&survey);
    plan_free(&plan);
    return code;
}

int cmd_plan(int argc, char **argv)
{
    Settings settings;
    int code = EXIT_CODE_DONE;
    if (command_begin("plan", argc, argv, &settings, &code)) {
        code = plan_settings(&settings);
        settings_free(&settings);
    }
    return code;
}
