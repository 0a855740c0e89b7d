#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/files.h"
#include "batch/people.h"
#include "cmd/command.h"
#include "cmd/terminal.h"
#include "report/i18n.h"
#include "ui/people_page.h"
#include "ui/snapshot_json.h"

static void tell(void *context, const PlanItem *item, const FaceRecordFile *file, size_t done, size_t of)
{
    (void)context;
    (void)file;
    Text note = {0};
    text_appendf(&note, _("looked at %s (%zu of %zu)"), path_name(item->input), done, of);
    print_note(note.data);
    text_free(&note);
}

/* An earlier page may be replaced, nothing else. */
static bool is_other_file(const char *path)
{
    static const char begin[] = "<!doctype html>";
    char found[sizeof begin] = {0};
    struct stat status;
    if (stat(path, &status) != 0 || !S_ISREG(status.st_mode) || status.st_size == 0) {
        return false;
    }
    FILE *file = fopen(path, "re");
    if (file != NULL) {
        (void)!fread(found, 1, sizeof begin - 1, file);
        (void)fclose(file);
    }
    return strcmp(found, begin) != 0;
}

static Status write_page(const char *path, const PeopleView *view, Error *err)
{
    Text page = {0};
    if (is_other_file(path)) {
        (void)error_set(err, ERROR_USAGE, "cannot write the page", path,
                        "there is a file of that name, and it is no page");
        error_advise(err, "give it another name, or remove that file");
        return STATUS_FAILED;
    }
    people_html(view, &page);
    FILE *file = fopen(path, "we");
    bool good = file != NULL && fwrite(page.data, 1, page.length, file) == page.length;
    if (file != NULL) {
        good = fclose(file) == 0 && good;
    }
    text_free(&page);
    return good ? STATUS_OK : error_set_errno(err, ERROR_ENVIRONMENT, "cannot write the page", path, errno);
}

static int show(const Settings *settings, const PeopleView *view)
{
    Text page = {0};
    bool failed = false;
    for (size_t i = 0; i < view->records->count; i++) {
        failed = failed || error_is_set(&view->records->items[i].error);
    }
    if (settings->json) {
        json_t *object = people_to_json(view);
        json_append_line(&page, object);
        json_decref(object);
    } else {
        const PageFrame frame = terminal_frame();
        people_page(view, &frame, &page);
    }
    const int code = print_page(&page, failed ? EXIT_CODE_SOME_FAILED : EXIT_CODE_DONE);
    text_free(&page);
    return code;
}

/* Who is there, with the names that are given now; remembered. */
static Status find_people(const Settings *settings, const Plan *plan, const FaceRecords *records,
                          People *people, Error *err)
{
    Status status = people_read(plan->state_dir, settings->face_embedder_model, people, err);
    if (status == STATUS_OK) {
        status = people_find(records, people, err);
    }
    if (status == STATUS_OK && settings->person_names != NULL) {
        status = people_name(people, settings->person_names, err);
    }
    return status == STATUS_OK ? people_write(plan->state_dir, people, err) : status;
}

static int look(const Settings *settings, const Plan *plan)
{
    const FaceRecordsHooks hooks = {.told = settings->quiet ? NULL : tell};
    FaceRecords records = {0};
    People people = {0};
    Error err = {0};
    int code = EXIT_CODE_DONE;
    const PeopleView view = {.people = &people, .plan = plan, .records = &records};
    Status status = face_records_make(settings, plan, &hooks, &records, &err);
    if (status == STATUS_OK) {
        status = find_people(settings, plan, &records, &people, &err);
    }
    if (status == STATUS_OK && settings->html != NULL) {
        status = write_page(settings->html, &view, &err);
    }
    if (status == STATUS_OK) {
        code = show(settings, &view);
    } else {
        code = print_error(&err);
    }
    people_free(&people);
    face_records_free(&records);
    return code;
}

int cmd_faces(int argc, char **argv)
{
    Settings settings;
    Plan plan;
    Error err = {0};
    int code = EXIT_CODE_DONE;
    if (!command_begin("faces", argc, argv, &settings, &code)) {
        return code;
    }
    text_list_free(&settings.frame_processors); /* nothing is changed, so no source picture is needed */
    settings_reset(&settings, "face-map");      /* it may name whom this is to name */
    if (plan_look(&settings, &plan, &err) == STATUS_OK) {
        code = look(&settings, &plan);
        plan_free(&plan);
    } else {
        code = print_error(&err);
    }
    settings_free(&settings);
    return code;
}
