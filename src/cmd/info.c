#include <string.h>

#include "base/alloc.h"
#include "base/apart.h"
#include "base/files.h"
#include "base/utf8.h"
#include "cmd/command.h"
#include "cmd/terminal.h"
#include "media/describe.h"
#include "report/i18n.h"
#include "report/json_text.h"
#include "ui/info_page.h"
#include "ui/snapshot_json.h"
#include "worker/provenance.h"
#include "worker/sandbox_job.h"

enum { LONGEST_MS = 60 * 1000 };

typedef struct Question {
    const char *path;
    const char *sandbox;
} Question;

/* In the child. */
static void describe(const void *context, Text *answer)
{
    const Question *question = context;
    Error err = {0};
    json_t *object = NULL;
    Status status = sandbox_enter_for_probe(question->sandbox, question->path, question->path, &err);
    if (status == STATUS_OK) {
        status = media_describe(question->path, &object, &err);
    }
    if (status != STATUS_OK) {
        object = json_pack("{s:o}", "error", json_error(&err));
    }
    text_append(answer, memory_check(json_dumps(object, JSON_COMPACT)));
    json_decref(object);
}

static Status take_error(const json_t *object, Error *err)
{
    const json_t *error = json_object_get(object, "error");
    char what[256] = "cannot read the file";
    char why[512] = "";
    char file[512] = "";
    if (error == NULL) {
        return STATUS_OK;
    }
    (void)json_get_text(error, "what", what, sizeof what);
    (void)json_get_text(error, "why", why, sizeof why);
    (void)json_get_text(error, "file", file, sizeof file);
    return error_set(err, ERROR_INPUT, what, file, why);
}

static Status ask(const char *path, const char *sandbox, json_t **object, Error *err)
{
    Text answer = {0};
    int wait_status = 0;
    const ApartEnding ending =
        apart_ask(describe, &(Question){path, sandbox}, LONGEST_MS, &answer, &wait_status);
    *object = ending == APART_GOOD ? json_loadb(answer.data, answer.length, 0, NULL) : NULL;
    text_free(&answer);
    if (!json_is_object(*object)) {
        json_decref(*object);
        *object = NULL;
        return error_set(err, ERROR_INPUT, "cannot read the file", path,
                         ending == APART_LATE ? "it was not read in 60 s" : "what reads it crashed of it");
    }
    const Status status = take_error(*object, err);
    if (status != STATUS_OK) {
        json_decref(*object);
        *object = NULL;
    }
    return status;
}

static int show(const Settings *settings, json_t *object)
{
    const PageFrame frame = terminal_frame();
    Text page = {0};
    (void)json_object_set_new(object, "provenance", provenance_read(object));
    if (settings->json) {
        json_append_line(&page, object);
    } else {
        info_page(object, &frame, &page);
    }
    const int code = print_page(&page, EXIT_CODE_DONE);
    text_free(&page);
    return code;
}

int cmd_info(int argc, char **argv)
{
    Settings settings;
    int code = EXIT_CODE_DONE;
    if (!command_begin("info", argc, argv, &settings, &code)) {
        return code;
    }
    Error err = {0};
    json_t *object = NULL;
    if (settings.files.count != 1) {
        (void)error_set(&err, ERROR_USAGE, "info", NULL, "it takes one file");
        error_advise(&err, "runbatch info FILE");
    } else if (file_size(settings.files.items[0]) < 0) {
        (void)error_set(&err, ERROR_INPUT, "cannot read the file", settings.files.items[0],
                        "there is no such file");
    } else if (ask(settings.files.items[0], settings.sandbox, &object, &err) == STATUS_OK) {
        (void)json_object_set_new(object, "file", json_text(settings.files.items[0]));
    }
    code = object != NULL ? show(&settings, object) : print_error(&err);
    json_decref(object);
    settings_free(&settings);
    return code;
}
