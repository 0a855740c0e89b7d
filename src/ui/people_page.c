#include "ui/people_page.h"

#include <math.h>
#include <stdio.h>

#include "base/files.h"
#include "report/format.h"
#include "report/i18n.h"
#include "report/json_text.h"
#include "ui/table.h"

const char *people_time(double seconds, char *buffer, size_t size)
{
    const double most_s = 1e6;
    const unsigned tenths = (unsigned)lround(fmin(fmax(seconds, 0), most_s) * 10);
    const unsigned whole = tenths / 10;
    if (whole >= 3600) {
        (void)snprintf(buffer, size, "%u:%02u:%02u", whole / 3600, whole / 60 % 60, whole % 60);
    } else {
        (void)snprintf(buffer, size, "%u:%02u.%u", whole / 60, whole % 60, tenths % 10);
    }
    return buffer;
}

static const char *video_name(const PeopleView *view, size_t video)
{
    return path_name(view->plan->items[video].input);
}

/* ---- the table ---- */

static void add_row(const PeopleView *view, const Person *person, const PersonVideo *in, bool first,
                    Table *table)
{
    char number[16] = "";
    char frames[32];
    char tracks[16];
    char from[32];
    char to[32];
    if (first) {
        (void)snprintf(number, sizeof number, "%d", person->who.number);
    }
    (void)snprintf(frames, sizeof frames, "%lld", (long long)in->frames);
    (void)snprintf(tracks, sizeof tracks, "%d", in->tracks);
    const char *const cells[] = {number,
                                 first ? person->who.name : "",
                                 video_name(view, in->video),
                                 people_time(in->first_s, from, sizeof from),
                                 people_time(in->last_s, to, sizeof to),
                                 frames,
                                 tracks};
    table_add(table, cells, NULL, NULL);
}

static void append_failures(const PeopleView *view, const PageFrame *frame, Text *page)
{
    char reason[1600];
    for (size_t i = 0; i < view->records->count; i++) {
        const Error *error = &view->records->items[i].error;
        if (error_is_set(error)) {
            Text line = {0};
            text_appendf(&line, "%s: %s", video_name(view, i),
                         format_reason(error, view->plan->items[i].input, reason, sizeof reason));
            page_append_wrapped(page, line.data, frame->columns, 0);
            text_free(&line);
        }
    }
}

void people_page(const PeopleView *view, const PageFrame *frame, Text *page)
{
    enum { LEAST = 12 };
    const People *people = view->people;
    const TableColumn columns[] = {
        {.title = _("person"), .right = true},
        {.title = _("name"), .leaves = 2},
        {.title = _("video"), .least = LEAST, .cut = CELL_CUT_MIDDLE},
        {.title = _("from"), .right = true},
        {.title = _("to"), .right = true},
        {.title = _("frames"), .right = true},
        {.title = _("tracks"), .right = true, .leaves = 1},
    };
    Table table = {.columns = columns, .column_count = sizeof columns / sizeof columns[0]};
    for (size_t i = 0; i < people->count && people->items[i].seen; i++) {
        for (size_t k = 0; k < people->items[i].video_count; k++) {
            add_row(view, &people->items[i], &people->items[i].videos[k], k == 0, &table);
        }
    }
    if (table.rows > 0) {
        table_append(&table, page, frame->columns, frame->colour);
    } else {
        text_appendf(page, "%s\n", _("nobody is to be seen in these videos"));
    }
    table_free(&table);
    if (people->unsure_frames > 0) {
        text_appendf(page, _("faces that cannot be told (turned away, small), by frames: %lld\n"),
                     (long long)people->unsure_frames);
    }
    append_failures(view, frame, page);
}

/* ---- JSON ---- */

static json_t *person_to_json(const PeopleView *view, const Person *person)
{
    json_t *videos = json_array();
    json_t *views = json_array();
    for (size_t i = 0; i < person->video_count; i++) {
        const PersonVideo *in = &person->videos[i];
        (void)json_array_append_new(
            videos, json_pack("{s:o, s:i, s:I, s:o, s:o}", "video", json_text(video_name(view, in->video)),
                              "tracks", in->tracks, "frames", (json_int_t)in->frames, "first_s",
                              json_rounded(in->first_s), "last_s", json_rounded(in->last_s)));
    }
    for (int i = 0; i < person->view_count; i++) {
        const PersonView *best = &person->views[i];
        (void)json_array_append_new(
            views, json_pack("{s:o, s:I, s:o, s:o}", "video", json_text(video_name(view, best->video)),
                             "frame", (json_int_t)best->frame, "at_s", json_rounded(best->at_s), "quality",
                             json_rounded((double)best->quality)));
    }
    return json_pack("{s:i, s:o, s:I, s:o, s:o}", "number", person->who.number, "name",
                     person->who.name[0] != '\0' ? json_text(person->who.name) : json_null(), "frames",
                     (json_int_t)person->frames, "videos", videos, "views", views);
}

json_t *people_to_json(const PeopleView *view)
{
    json_t *people = json_array();
    json_t *failed = json_array();
    for (size_t i = 0; i < view->people->count && view->people->items[i].seen; i++) {
        (void)json_array_append_new(people, person_to_json(view, &view->people->items[i]));
    }
    for (size_t i = 0; i < view->records->count; i++) {
        if (error_is_set(&view->records->items[i].error)) {
            (void)json_array_append_new(failed,
                                        json_pack("{s:o, s:o}", "video", json_text(video_name(view, i)),
                                                  "error", json_error(&view->records->items[i].error)));
        }
    }
    return json_pack("{s:o, s:I, s:o}", "people", people, "unsure_frames",
                     (json_int_t)view->people->unsure_frames, "failed", failed);
}
