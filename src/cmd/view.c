#include "cmd/view.h"

#include "base/alloc.h"
#include "base/files.h"
#include "batch/select.h"

Status view_open(View *view, const Settings *settings, bool history, Error *err)
{
    *view = (View){0};
    if (file_exists(settings->output_dir) && !file_is_folder(settings->output_dir)) {
        return error_set(err, ERROR_ENVIRONMENT, "the output folder", settings->output_dir, "is no folder");
    }
    if (snapshot_take(settings->output_dir, history, &view->snapshot, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    view->chosen = memory_alloc(view->snapshot.count + 1, sizeof *view->chosen);
    const Status status = select_videos(&view->snapshot, &settings->videos, view->chosen, err);
    if (status != STATUS_OK) {
        view_close(view);
    }
    return status;
}

void view_close(View *view)
{
    snapshot_free(&view->snapshot);
    memory_free(view->chosen);
    *view = (View){0};
}
