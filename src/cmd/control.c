#include <jansson.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/files.h"
#include "batch/cleaner.h"
#include "batch/lock.h"
#include "batch/naming.h"
#include "batch/store.h"
#include "cmd/command.h"
#include "cmd/terminal.h"
#include "cmd/view.h"
#include "report/json_text.h"
#include "ui/cells.h"
#include "ui/promise.h"
#include "ui/snapshot_json.h"

/* What is asked for, and of whom. */
typedef struct Asking {
    RequestKind kind;
    const View *view;
    bool all; /* no video is named */
    double chunk_seconds;
    int asked;
    Text lines;     /* the promises, for people */
    json_t *videos; /* and for programs */
} Asking;

/* Of the run; what its options say. */
static double chunk_seconds_of(const RunRow *run)
{
    json_t *options = run->options != NULL ? json_loads(run->options, 0, NULL) : NULL;
    const double seconds = json_number_value(json_object_get(options, "chunk-seconds"));
    json_decref(options);
    return seconds;
}

static void tell(Asking *asking, const VideoView *video, const Promise *promise)
{
    (void)cell_append(&asking->lines, video->row.output, SIZE_MAX, CELL_CUT_END);
    text_appendf(&asking->lines, ": %s\n", promise->text);
    json_t *object = json_object();
    (void)json_object_set_new(object, "position", json_integer(video->row.position));
    (void)json_object_set_new(object, "output", json_text(video->row.output));
    (void)json_object_set_new(object, "asked", json_boolean(promise->asks));
    (void)json_object_set_new(object, "within_s",
                              promise->within_s >= 0 ? json_rounded(promise->within_s) : json_null());
    (void)json_object_set_new(object, "text", json_text(promise->text));
    (void)json_array_append_new(asking->videos, object);
    asking->asked += promise->asks;
}

/* ---- a batch that runs ---- */

/* Does to a video what was asked for. */
typedef Status (*Act)(const Asking *asking, Store *store, const char *output, Error *err);

static Status ask_one(const Asking *asking, Store *store, const char *output, Error *err)
{
    return store_ask(store, asking->kind, output, err);
}

static Status act_on_chosen(Asking *asking, Store *store, Act act, Error *err)
{
    const Snapshot *snapshot = &asking->view->snapshot;
    for (size_t i = 0; i < snapshot->count; i++) {
        const VideoView *video = &snapshot->videos[i];
        if (!asking->view->chosen[i]) {
            continue;
        }
        const Promise promise = promise_of(snapshot, video, asking->kind, asking->chunk_seconds);
        if (promise.asks && act(asking, store, video->row.output, err) != STATUS_OK) {
            return STATUS_FAILED;
        }
        tell(asking, video, &promise);
    }
    return STATUS_OK;
}

/* Of the videos only those that run are told of: the others just wait. */
static Status ask_all(Asking *asking, Store *store, Error *err)
{
    const Snapshot *snapshot = &asking->view->snapshot;
    const Promise whole = promise_of_all(snapshot, asking->kind);
    if (whole.asks && store_ask(store, asking->kind, NULL, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    text_appendf(&asking->lines, "%s\n", whole.text);
    asking->asked += whole.asks;
    for (size_t i = 0; i < snapshot->count && whole.asks; i++) {
        const VideoView *video = &snapshot->videos[i];
        if (video->state == VIDEO_RUNNING) {
            const Promise promise = promise_of(snapshot, video, asking->kind, asking->chunk_seconds);
            tell(asking, video, &promise);
        }
    }
    return STATUS_OK;
}

static Status ask(Asking *asking, Error *err)
{
    Store *store = NULL;
    Status status = store_open(&store, asking->view->snapshot.state_dir, STORE_READ, NULL, NULL, err);
    if (status == STATUS_OK) {
        status = asking->all ? ask_all(asking, store, err) : act_on_chosen(asking, store, ask_one, err);
        store_close(&store);
    }
    return status;
}

/* ---- cancelling where no batch runs ---- */

static Status remove_work(const Snapshot *snapshot, const char *output, Error *err)
{
    char *work = text_format("%s/work/%s", snapshot->state_dir, output);
    char *unfinished = text_format("%s/.%s" NAMING_TEMPORARY_SUFFIX, snapshot->output_dir, output);
    const CleanItem items[] = {{.kind = CLEAN_WORK, .path = work, .output = (char *)(uintptr_t)output},
                               {.kind = CLEAN_UNFINISHED, .path = unfinished}};
    Status status = cleaner_remove(snapshot->state_dir, &items[0], err);
    if (cleaner_remove(snapshot->state_dir, &items[1], err) != STATUS_OK) {
        status = STATUS_FAILED;
    }
    memory_free(work);
    memory_free(unfinished);
    return status;
}

/* The row says so before its files go: a kill between the two leaves what the next run or `clean` removes. */
static Status cancel_row(const Asking *asking, Store *store, const char *output, Error *err)
{
    VideoRow row = {0};
    Status status = store_video_find(store, output, &row, err);
    if (status != STATUS_OK) {
        return status == STATUS_AGAIN ? STATUS_OK : status;
    }
    row.state = VIDEO_CANCELLED;
    row.changed_s = clock_wall_s();
    row.worker = 0;
    row.frames_done = 0;
    row.note[0] = '\0';
    error_clear(&row.error);
    store_begin(store);
    (void)store_video_save(store, &row, NULL);
    (void)store_chunks_forget(store, row.id, NULL);
    status = store_commit(store, true, err);
    if (status == STATUS_OK) {
        status = remove_work(&asking->view->snapshot, output, err);
    }
    video_row_free(&row);
    return status;
}

static Status cancel_alone(Asking *asking, Error *err)
{
    Lock lock;
    Store *store = NULL;
    const Snapshot *snapshot = &asking->view->snapshot;
    if (lock_take(&lock, snapshot->state_dir, err) != STATUS_OK) {
        return STATUS_FAILED; /* a run began meanwhile */
    }
    Status status = store_open(&store, snapshot->state_dir, STORE_WRITE, NULL, NULL, err);
    if (status == STATUS_OK) {
        status = act_on_chosen(asking, store, cancel_row, err);
        store_close(&store);
    }
    lock_release(&lock);
    return status;
}

/* ---- the three commands ---- */

static Status refuse_alone(const Snapshot *snapshot, Error *err)
{
    if (snapshot->run_state == RUN_STARTING) {
        return error_setf(err, ERROR_ENVIRONMENT, "no batch can be asked yet", snapshot->output_dir,
                          "process %ld holds the folder and has told nothing", snapshot->holder);
    }
    (void)error_set(err, ERROR_ENVIRONMENT, "no batch runs here", snapshot->output_dir,
                    "there is nobody to ask");
    error_advise(err, snapshot->run_state == RUN_NONE ? "runbatch begins one"
                                                      : "runbatch resume goes on with what is not finished");
    return STATUS_FAILED;
}

static Status serve(Asking *asking, Error *err)
{
    const Snapshot *snapshot = &asking->view->snapshot;
    const bool over = snapshot->run_state == RUN_KILLED || snapshot->run_state == RUN_OVER;
    if (snapshot_is_live(snapshot)) {
        return ask(asking, err);
    }
    return over && asking->kind == REQUEST_CANCEL && !asking->all ? cancel_alone(asking, err)
                                                                  : refuse_alone(snapshot, err);
}

static int print_promises(Asking *asking, const Settings *settings)
{
    const int code = asking->asked > 0 || asking->all ? EXIT_CODE_DONE : EXIT_CODE_USAGE;
    Text page = {0};
    if (settings->json) {
        json_t *object = json_object();
        (void)json_object_set_new(object, "request", json_string(request_name(asking->kind)));
        (void)json_object_set_new(object, "all", json_boolean(asking->all));
        (void)json_object_set(object, "videos", asking->videos);
        json_append_line(&page, object);
        json_decref(object);
    } else {
        text_append(&page, asking->lines.data != NULL ? asking->lines.data : "");
    }
    const int printed = print_page(&page, code);
    text_free(&page);
    return printed;
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
    if (view_open(&view, &settings, false, &err) == STATUS_OK) {
        Asking asking = {.kind = kind,
                         .view = &view,
                         .all = settings.videos.count == 0,
                         .chunk_seconds = chunk_seconds_of(&view.snapshot.run),
                         .videos = json_array()};
        const Status status = serve(&asking, &err);
        code = asking.lines.length > 0 ? print_promises(&asking, &settings) : code;
        code = status == STATUS_OK ? code : print_error(&err);
        text_free(&asking.lines);
        json_decref(asking.videos);
        view_close(&view);
    } else {
        code = print_error(&err);
    }
    settings_free(&settings);
    return code;
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
