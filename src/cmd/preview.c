#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/files.h"
#include "base/text.h"
#include "batch/one_job.h"
#include "batch/places.h"
#include "batch/plan.h"
#include "cmd/command.h"
#include "cmd/terminal.h"
#include "face/known_people.h"
#include "options/json_text.h"
#include "report/i18n.h"
#include "ui/snapshot_json.h"
#include "worker/needed_models.h"
#include "worker/preview_job.h"

static volatile sig_atomic_t stop;

static void ask_to_stop(int number)
{
    (void)number;
    stop = 1;
}

static const char *picture_of(const Settings *settings)
{
    return settings->output != NULL ? settings->output : "preview.png";
}

static Status refuse(const char *what, const char *why, const char *todo, Error *err)
{
    (void)error_set(err, ERROR_USAGE, what, NULL, why);
    error_advise(err, "%s", todo);
    return STATUS_FAILED;
}

/* The video, or a picture that the settings name. */
static bool is_needed(const Settings *settings, const char *path)
{
    TextList files = {0};
    settings_files(settings, &files);
    for (size_t i = 0; i < settings->files.count; i++) {
        text_list_add(&files, settings->files.items[i]);
    }
    for (size_t i = 0; i < settings->sources.count; i++) {
        text_list_add(&files, settings->sources.items[i]);
    }
    if (settings->target != NULL) {
        text_list_add(&files, settings->target);
    }
    bool found = false;
    for (size_t i = 0; i < files.count; i++) {
        found = found || file_is_same(files.items[i], path);
    }
    text_list_free(&files);
    return found;
}

static Status check_line(const Settings *settings, Error *err)
{
    const char *picture = picture_of(settings);
    double seconds = 0;
    int64_t frame = 0;
    if (settings->files.count + (settings->target != NULL) != 1) {
        return refuse("runbatch preview", "it shows one video", "runbatch preview VIDEO", err);
    }
    if (settings->at != NULL && settings->sheet > 0) {
        return refuse("options that exclude each other", "--at and --sheet",
                      "--at shows one moment, --sheet several", err);
    }
    if (settings->at != NULL && !preview_read_time(settings->at, &seconds, &frame)) {
        return refuse("--at", "it is no time", "such as 90, 1:30, 0:01:30.5, frame:2250", err);
    }
    if (!text_ends_with_nocase(picture, ".png") && !text_ends_with_nocase(picture, ".jpg") &&
        !text_ends_with_nocase(picture, ".jpeg")) {
        return refuse("--output", "the picture's name ends neither in .png nor in .jpg", "-o preview.png",
                      err);
    }
    if (file_is_folder(picture)) {
        return error_set(err, ERROR_ENVIRONMENT, "cannot write the picture", picture, "it is a folder");
    }
    if (is_needed(settings, picture)) {
        (void)error_set(err, ERROR_USAGE, "cannot write the picture", picture,
                        "that is a file which the preview is made from");
        error_advise(err, "-o gives the picture another name");
        return STATUS_FAILED;
    }
    return STATUS_OK;
}

/* What cannot be is told before anything is started; of all that are set side by side. */
static Status check_variants(const Settings *settings, Error *err)
{
    Settings variants[PREVIEW_VARIANTS];
    int count = 0;
    Status status = preview_variants(settings, variants, &count, err);
    for (int i = 0; i < count; i++) {
        Places places = {0};
        status = status == STATUS_OK ? needed_models_check(&variants[i], err) : status;
        status = status == STATUS_OK ? places_find_source(&variants[i], &places, err) : status;
        places_free(&places);
        settings_free(&variants[i]);
    }
    return status;
}

/* By its path, or by its name in the folder of the videos. */
static Status find_video(const Settings *settings, char **input, Error *err)
{
    *input = text_duplicate(settings->target != NULL ? settings->target : settings->files.items[0]);
    if (!file_exists(*input) && strchr(*input, '/') == NULL) {
        char *inside = path_join(settings->input_dir, *input);
        if (file_exists(inside)) {
            memory_free(*input);
            *input = inside;
            return STATUS_OK;
        }
        memory_free(inside);
    }
    return access(*input, R_OK) == 0
               ? STATUS_OK
               : error_set_errno(err, ERROR_INPUT, "cannot read the video", *input, errno);
}

static Status make(const Settings *settings, const char *input, const char *source, const char *folder,
                   VideoResult *result, Error *err)
{
    char *picture = path_join(folder, "picture");
    char *state_dir = path_join(settings->output_dir, PLAN_STATE_FOLDER);
    char *people = known_people_file(state_dir, settings->face_embedder_model);
    json_t *json = settings_to_json(settings);
    FILE *file = fopen(picture, "we"); /* the sandbox opens what is there */
    Status status = file != NULL
                        ? STATUS_OK
                        : error_set_errno(err, ERROR_ENVIRONMENT, "cannot write the picture", picture, errno);
    if (file != NULL) {
        (void)fclose(file);
    }
    const Message job = {.kind = MESSAGE_JOB,
                         .settings = json,
                         .input = (char *)(uintptr_t)input,
                         .output = (char *)(uintptr_t)picture_of(settings),
                         .temporary = picture,
                         .folder = (char *)(uintptr_t)folder,
                         .source = (char *)(uintptr_t)source,
                         .people = people,
                         .memory_bytes = settings->max_memory_bytes,
                         .key = "00000000000000000000000000000000",
                         .preview = true};
    if (status == STATUS_OK) {
        status = one_job_run(settings, &job, &stop, result, err);
    }
    if (status == STATUS_OK) {
        status = file_publish(picture, picture_of(settings), err);
    }
    (void)unlink(picture);
    json_decref(json);
    memory_free(picture);
    memory_free(state_dir);
    memory_free(people);
    return status;
}

/* In a folder beside the picture, so that this gets its name in one step. */
static Status make_in_folder(const Settings *settings, const char *input, VideoResult *result, Error *err)
{
    Places places = {0};
    char *beside = path_folder(picture_of(settings));
    char *folder = path_join(beside, ".runbatch-preview-XXXXXX");
    Status status = places_find_source(settings, &places, err);
    if (status == STATUS_OK && mkdtemp(folder) == NULL) {
        status = error_set_errno(err, ERROR_ENVIRONMENT, "cannot write into the folder", beside, errno);
    } else if (status == STATUS_OK) {
        status = make(settings, input, places.sources.count > 0 ? places.sources.items[0] : NULL, folder,
                      result, err);
        char *record = path_join(folder, FACE_RECORD_NAME);
        (void)unlink(record);
        memory_free(record);
        (void)rmdir(folder);
    }
    memory_free(folder);
    memory_free(beside);
    places_free(&places);
    return status;
}

static int tell(const Settings *settings, const VideoResult *result)
{
    Text line = {0};
    if (result->frames_changed == 0) {
        text_appendf(&line, _("%s is made; no face is changed there"), picture_of(settings));
    } else if (result->frames_changed < result->frames) {
        text_appendf(&line, _("%s is made; a face is changed in %lld moments of %lld"), picture_of(settings),
                     (long long)result->frames_changed, (long long)result->frames);
    } else {
        text_appendf(&line, _("%s is made"), picture_of(settings));
    }
    int code = EXIT_CODE_DONE;
    if (settings->json) {
        Text page = {0};
        json_t *object =
            json_pack("{s:o, s:I, s:I}", "picture", json_from_text(picture_of(settings)), "moments",
                      (json_int_t)result->frames, "changed", (json_int_t)result->frames_changed);
        json_append_line(&page, object);
        code = print_page(&page, EXIT_CODE_DONE);
        json_decref(object);
        text_free(&page);
    } else if (!settings->quiet) {
        print_note(line.data);
    }
    text_free(&line);
    return code;
}

int cmd_preview(int argc, char **argv)
{
    Settings settings;
    VideoResult result = {0};
    char *input = NULL;
    Error err = {0};
    int code = EXIT_CODE_DONE;
    const struct sigaction action = {.sa_handler = ask_to_stop};
    if (!command_begin("preview", argc, argv, &settings, &code)) {
        return code;
    }
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    Status status = check_line(&settings, &err);
    status = status == STATUS_OK ? check_variants(&settings, &err) : status;
    status = status == STATUS_OK ? find_video(&settings, &input, &err) : status;
    status = status == STATUS_OK ? make_in_folder(&settings, input, &result, &err) : status;
    if (status == STATUS_OK) {
        code = tell(&settings, &result);
    } else {
        code = status == STATUS_STOPPED ? EXIT_CODE_INTERRUPTED : print_error(&err);
    }
    memory_free(input);
    settings_free(&settings);
    return code;
}
