#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/files.h"
#include "base/text.h"
#include "batch/cleaner.h"
#include "batch/lock.h"
#include "batch/store.h"
#include "cmd/command.h"
#include "cmd/terminal.h"
#include "cmd/view.h"
#include "report/i18n.h"

/* ---- asking a batch that runs ---- */

static bool is_over(VideoState state)
{
    return state == VIDEO_DONE || state == VIDEO_FAILED || state == VIDEO_SET_ASIDE ||
           state == VIDEO_CANCELLED;
}

/* What will happen to one video, in the user's language. */
static void append_promise(Text *page, RequestKind kind, const View *view, const VideoView *video)
{
    const Snapshot *snapshot = &view->snapshot;
    char *name = text_duplicate(video->row.output);
    text_strip_control(name);
    text_appendf(page, "%s: ", name);
    memory_free(name);
    enum { USUAL_CHUNK_S = 10 };
    const double left_s = video_view_chunk_left_s(video, USUAL_CHUNK_S);
    if (is_over(video->state)) {
        text_append(page, _("is over, nothing changes"));
    } else if (kind == REQUEST_CONTINUE) {
        text_append(page, _("goes on"));
    } else if (kind == REQUEST_CANCEL) {
        text_append(page, _("is cancelled, what there is of it is removed"));
    } else if (video->state != VIDEO_RUNNING || !snapshot_is_live(snapshot)) {
        text_append(page, _("is not begun until it may go on"));
    } else if (left_s >= 0) {
        text_appendf(page, _("pauses at the end of its chunk, within about %.0f s"), left_s + 1);
    } else {
        text_append(page, _("pauses at the end of its chunk"));
    }
    text_append(page, "\n");
}

static Status ask(RequestKind kind, const View *view, bool all, Text *page, Error *err)
{
    Store *store = NULL;
    Status status = store_open(&store, view->snapshot.state_dir, STORE_READ, NULL, NULL, err);
    if (status == STATUS_OK && all) {
        status = store_ask(store, kind, NULL, err);
    }
    for (size_t i = 0; status == STATUS_OK && i < view->snapshot.count; i++) {
        const VideoView *video = &view->snapshot.videos[i];
        if (!view->chosen[i] || (all && is_over(video->state))) {
            continue;
        }
        status = all ? STATUS_OK : store_ask(store, kind, video->row.output, err);
        append_promise(page, kind, view, video);
    }
    store_close(&store);
    return status;
}

/* ---- cancelling where no batch runs ---- */

static Status cancel_row(Store *store, const View *view, const VideoView *video, Error *err)
{
    VideoRow row = {0};
    Status status = store_video_find(store, video->row.output, &row, err);
    if (status != STATUS_OK) {
        return status == STATUS_AGAIN ? STATUS_OK : status;
    }
    row.state = VIDEO_CANCELLED;
    row.changed_s = clock_wall_s();
    row.frames_done = 0;
    error_clear(&row.error);
    status = store_video_save(store, &row, err);
    if (status == STATUS_OK) {
        status = store_chunks_forget(store, row.id, err);
    }
    if (status == STATUS_OK) {
        char *path = text_format("%s/work/%s", view->snapshot.state_dir, row.output);
        const CleanItem item = {.kind = CLEAN_WORK, .path = path, .output = row.output};
        status = cleaner_remove(view->snapshot.state_dir, &item, err);
        memory_free(path);
    }
    video_row_free(&row);
    return status;
}

static Status cancel_alone(const View *view, Text *page, Error *err)
{
    Lock lock;
    Store *store = NULL;
    if (lock_take(&lock, view->snapshot.state_dir, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    Status status = store_open(&store, view->snapshot.state_dir, STORE_WRITE, NULL, NULL, err);
    for (size_t i = 0; status == STATUS_OK && i < view->snapshot.count; i++) {
        const VideoView *video = &view->snapshot.videos[i];
        if (!view->chosen[i]) {
            continue;
        }
        if (!is_over(video->state)) {
            status = cancel_row(store, view, video, err);
        }
        append_promise(page, REQUEST_CANCEL, view, video);
    }
    store_close(&store);
    lock_release(&lock);
    return status;
}

/* ---- the three commands ---- */

static Status no_batch(const View *view, Error *err)
{
    (void)error_set(err, ERROR_ENVIRONMENT, "no batch runs here", view->snapshot.output_dir,
                    "there is nobody to ask");
    error_advise(err, "runbatch resume goes on with it; runbatch status tells how it stands");
    return STATUS_FAILED;
}

static int control(const char *name, RequestKind kind, int argc, char **argv)
{
    Settings settings;
    int code = EXIT_CODE_DONE;
    if (!command_begin(name, argc, argv, &settings, &code)) {
        return code;
    }
    View view;
    Error err = {0};
    Status status = view_open(&view, &settings, false, &err);
    if (status == STATUS_OK) {
        const bool all = settings.videos.count == 0;
        Text page = {0};
        if (snapshot_is_live(&view.snapshot)) {
            status = ask(kind, &view, all, &page, &err);
        } else if (kind == REQUEST_CANCEL && !all && view.snapshot.run_state != RUN_NONE) {
            status = cancel_alone(&view, &page, &err);
        } else {
            status = no_batch(&view, &err);
        }
        code = status == STATUS_OK && page.length > 0 ? print_page(&page, EXIT_CODE_DONE) : code;
        text_free(&page);
        view_close(&view);
    }
    settings_free(&settings);
    return status == STATUS_OK ? code : print_error(&err);
}

int cmd_pause(int argc, char **argv)
{
    return control("pause", REQUEST_PAUSE, argc, argv);
}

int cmd_continue(int argc, char **argv)
{
    return control("continue", REQUEST_CONTINUE, argc, argv);
}

int cmd_cancel(int argc, char **argv)
{
    return control("cancel", REQUEST_CANCEL, argc, argv);
}
