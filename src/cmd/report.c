#include "ui/report_page.h"

#include "base/alloc.h"
#include "batch/leftovers.h"
#include "cmd/command.h"
#include "cmd/terminal.h"
#include "cmd/view.h"
#include "ui/snapshot_json.h"

/* What there is on disk of the videos that are asked about: one for each video. */
static WorkFiles *look_at_work(const View *view)
{
    const Snapshot *snapshot = &view->snapshot;
    WorkFiles *work = memory_alloc(snapshot->count + 1, sizeof *work);
    for (size_t i = 0; i < snapshot->count; i++) {
        if (view->chosen[i]) {
            work[i].bytes =
                cleaner_work_bytes(snapshot->state_dir, snapshot->videos[i].row.output, &work[i].files);
        }
    }
    return work;
}

static Status append_report(const View *view, const Settings *settings, Text *page, Error *err)
{
    const Snapshot *snapshot = &view->snapshot;
    const bool held = snapshot_is_live(snapshot) || snapshot->run_state == RUN_STARTING;
    CleanList removable = {0};
    const Status status = leftovers_find(snapshot->output_dir, snapshot->state_dir, held, &removable, err);
    if (status == STATUS_OK) {
        WorkFiles *work = look_at_work(view);
        const PageFrame frame = terminal_frame();
        const Report report = {.snapshot = snapshot,
                               .chosen = view->chosen,
                               .work = work,
                               .removable = &removable,
                               .every_log = settings->verbose};
        if (settings->json) {
            json_t *object = report_to_json(&report);
            json_append_line(page, object);
            json_decref(object);
        } else {
            report_page(&report, &frame, page);
        }
        memory_free(work);
    }
    clean_list_free(&removable);
    return status;
}

int cmd_report(int argc, char **argv)
{
    Settings settings;
    int code = EXIT_CODE_DONE;
    if (!command_begin("report", argc, argv, &settings, &code)) {
        return code;
    }
    View view;
    Text page = {0};
    Error err = {0};
    Status status = view_open(&view, &settings, true, &err);
    if (status == STATUS_OK) {
        status = append_report(&view, &settings, &page, &err);
        view_close(&view);
    }
    code = status == STATUS_OK ? print_page(&page, EXIT_CODE_DONE) : print_error(&err);
    text_free(&page);
    settings_free(&settings);
    return code;
}
