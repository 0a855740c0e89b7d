#include "ui/plan_page.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/files.h"
#include "options/explain.h"
#include "report/format.h"
#include "report/i18n.h"
#include "report/phrase.h"
#include "ui/table.h"
#include "worker/job_shape.h"

enum { NUMBER_BYTES = 48, REASON_BYTES = 1600, MEMORY_BYTES = 400 };

static const char *state_word(ForecastState state)
{
    static const char *const words[FORECAST_STATES] = {
        [FORECAST_NEW] = N_("new"),
        [FORECAST_AGAIN] = N_("again"),
        [FORECAST_RESUMABLE] = N_("begun"),
        [FORECAST_DONE] = N_("done"),
        [FORECAST_CLASH] = N_("clash"),
        [FORECAST_UNREADABLE] = N_("unreadable"),
        [FORECAST_TOO_LARGE] = N_("too large"),
    };
    return _(words[state]);
}

static const char *colour_of(ForecastState state)
{
    static const char *const colours[FORECAST_STATES] = {
        [FORECAST_AGAIN] = COLOUR_WARN,     [FORECAST_DONE] = COLOUR_GOOD,     [FORECAST_CLASH] = COLOUR_BAD,
        [FORECAST_UNREADABLE] = COLOUR_BAD, [FORECAST_TOO_LARGE] = COLOUR_BAD,
    };
    return colours[state];
}

static const char *format_time(double seconds, char *buffer, size_t size)
{
    static const double days_from = 4 * 86400.0;
    if (seconds >= days_from) {
        (void)snprintf(buffer, size, _("%.1f days"), seconds / 86400.0);
    } else {
        clock_format_duration(seconds, buffer, size);
    }
    return buffer;
}

/* "0.62 GB: decoder 0.21, encoder 0.25, …", and how far earlier videos corrected that. */
static const char *memory_words(const ForecastVideo *video, char *buffer, size_t size)
{
    char parts[256];
    const double percent = 100.0 * (video->memory_factor - 1.0);
    (void)job_memory_text(&video->memory, parts, sizeof parts);
    if (fabs(percent) < 0.5) {
        text_copy(buffer, size, parts);
    } else {
        (void)snprintf(buffer, size, _("%s (corrected by %+.0f %%, as earlier ones of its kind were)"), parts,
                       percent);
    }
    return buffer;
}

/* ---- the table ---- */

/* NULL where there is nothing to say. */
static const char *describe(const ForecastFacts *facts, size_t index, const ForecastVideo *video,
                            char *buffer, size_t size)
{
    const ProbeAnswer *answer = &facts->answers[index];
    const PlanItem *item = &facts->plan->items[index];
    switch (video->state) {
    case FORECAST_TOO_LARGE:
        return format_reason(video->refused, item->input, buffer, size);
    case FORECAST_CLASH:
        return item->clash;
    case FORECAST_UNREADABLE:
        return format_reason(facts->looks[index].error, item->input, buffer, size);
    case FORECAST_AGAIN:
        return phrase_text(answer->why, buffer, size);
    case FORECAST_RESUMABLE:
        (void)snprintf(buffer, size, _("goes on behind %d chunks, at frame %lld"), answer->chunks,
                       (long long)answer->frames);
        return buffer;
    default:
        return NULL;
    }
}

/* With --verbose also the parts of its memory. NULL where there is nothing to say; the caller frees it. */
static char *describe_more(const ForecastFacts *facts, size_t index, const ForecastVideo *video)
{
    char reason[REASON_BYTES];
    char memory[MEMORY_BYTES];
    Text words = {0};
    const char *why = describe(facts, index, video, reason, sizeof reason);
    text_append(&words, why != NULL ? why : "");
    if (facts->settings->verbose && video->memory.total_bytes > 0) {
        text_append(&words, why != NULL ? "; " : "");
        text_appendf(&words, _("memory %s"), memory_words(video, memory, sizeof memory));
    }
    if (words.length == 0) {
        text_free(&words);
    }
    return words.data;
}

static int64_t disk_of(const SpaceNeed *need)
{
    int64_t bytes = 0;
    for (int place = 0; place < SPACE_PLACES; place++) {
        bytes += need->bytes[place];
    }
    return bytes;
}

/* Empty where it is not known. */
static const char *bytes_or_none(int64_t bytes, char *buffer, size_t size)
{
    if (bytes > 0) {
        return format_bytes(bytes, buffer, size);
    }
    buffer[0] = '\0';
    return buffer;
}

static void add_video(Table *table, const ForecastFacts *facts, const Forecast *forecast, size_t index)
{
    const ForecastVideo *video = &forecast->videos[index];
    const PlanItem *item = &facts->plan->items[index];
    const MediaLook *look = &facts->looks[index].look;
    char position[NUMBER_BYTES];
    char size[NUMBER_BYTES] = "";
    char pixels[NUMBER_BYTES] = "";
    char frames[NUMBER_BYTES] = "";
    char length[NUMBER_BYTES] = "";
    char memory[NUMBER_BYTES];
    char disk[NUMBER_BYTES];
    char time[NUMBER_BYTES] = "";
    (void)snprintf(position, sizeof position, "%d", item->position);
    if (look->width > 0) {
        (void)snprintf(pixels, sizeof pixels, "%dx%d", look->width, look->height);
    }
    if (look->frames > 0) {
        (void)snprintf(frames, sizeof frames, "%lld", (long long)look->frames);
    }
    if (look->duration_s > 0) {
        (void)format_time(look->duration_s, length, sizeof length);
    }
    if (video->seconds > 0) {
        (void)format_time(video->seconds, time, sizeof time);
    }
    const char *const cells[] = {
        position,
        path_name(item->input),
        state_word(video->state),
        pixels,
        look->codec,
        frames,
        length,
        bytes_or_none(item->size_bytes, size, sizeof size),
        bytes_or_none(video->memory.total_bytes, memory, sizeof memory),
        bytes_or_none(disk_of(&video->need), disk, sizeof disk),
        time,
        path_name(item->output),
    };
    char *note = describe_more(facts, index, video);
    table_add(table, cells, note, colour_of(video->state));
    memory_free(note);
}

static void append_table(const ForecastFacts *facts, const Forecast *forecast, const PageFrame *frame,
                         Text *page)
{
    enum { NAME_LEAST = 12 };
    const TableColumn columns[] = {
        {.title = "#", .right = true},
        {.title = _("video"), .least = NAME_LEAST, .cut = CELL_CUT_MIDDLE},
        {.title = _("state")},
        {.title = _("picture"), .right = true, .leaves = 9},
        {.title = _("codec"), .leaves = 2},
        {.title = _("frames"), .right = true, .leaves = 4},
        {.title = _("length"), .right = true, .leaves = 5},
        {.title = _("size"), .right = true, .leaves = 3},
        {.title = _("memory"), .right = true, .leaves = 7},
        {.title = _("disk"), .right = true, .leaves = 6},
        {.title = _("time"), .right = true, .leaves = 8},
        {.title = _("output"), .least = NAME_LEAST, .cut = CELL_CUT_MIDDLE, .leaves = 1},
    };
    Table table = {
        .columns = columns, .column_count = sizeof columns / sizeof columns[0], .whole_notes = true};
    for (size_t i = 0; i < forecast->count; i++) {
        add_video(&table, facts, forecast, i);
    }
    table_append(&table, page, frame->columns, frame->colour);
    table_free(&table);
}

/* ---- what will fail ---- */

typedef struct Fault {
    const char *why;
    size_t index;
} Fault;

static int compare_faults(const void *left, const void *right)
{
    const Fault *a = left;
    const Fault *b = right;
    const int order = strcmp(a->why, b->why);
    return order != 0 ? order : (a->index > b->index) - (a->index < b->index);
}

/* "  the file is cut off (3): #4 a.mp4, #9 b.mp4, #12 c.mp4" */
static size_t append_fault(const ForecastFacts *facts, const Fault *faults, size_t count,
                           const PageFrame *frame, Text *page)
{
    enum { NAMES_MOST = 5 };
    Text line = {0};
    size_t same = 1;
    while (same < count && strcmp(faults[same].why, faults[0].why) == 0) {
        same++;
    }
    text_appendf(&line, "%s (%zu): ", faults[0].why, same);
    for (size_t i = 0; i < same && i < NAMES_MOST; i++) {
        const PlanItem *item = &facts->plan->items[faults[i].index];
        text_appendf(&line, "%s%s", i > 0 ? ", " : "", path_name(item->input));
    }
    text_append(&line, same > NAMES_MOST ? ", …" : "");
    page_append_wrapped(page, line.data, frame->columns, 2);
    text_free(&line);
    return same;
}

static void append_faults(const ForecastFacts *facts, const Forecast *forecast, const PageFrame *frame,
                          Text *page)
{
    Text line = {0};
    Fault *faults = memory_alloc(forecast->count + 1, sizeof *faults);
    size_t count = 0;
    for (size_t i = 0; i < forecast->count; i++) {
        const ForecastVideo *video = &forecast->videos[i];
        if (video->state == FORECAST_UNREADABLE || video->state == FORECAST_TOO_LARGE) {
            faults[count++] =
                (Fault){(video->refused != NULL ? video->refused : facts->looks[i].error)->why, i};
        }
    }
    if (count > 0) {
        qsort(faults, count, sizeof *faults, compare_faults);
        text_appendf(&line, _("%zu of %zu will fail:"), count, forecast->count);
        page_append_wrapped(page, line.data, frame->columns, 0);
    }
    for (size_t at = 0; at < count;) {
        at += append_fault(facts, &faults[at], count - at, frame, page);
    }
    memory_free(faults);
    text_free(&line);
    if (forecast->states[FORECAST_CLASH] > 0) {
        page_append_wrapped(page,
                            _("Outputs clash: runbatch begins no batch until each has a name of its own "
                              "(--output-name)."),
                            frame->columns, 0);
    }
}

/* ---- the batch ---- */

/* "Options: --jobs 2 (preset), --max-memory 4GB (preset), --sandbox off (command line)" */
static void append_options(const Settings *settings, const PageFrame *frame, Text *page)
{
    static const char *const sources[] = {
        [SETTINGS_FROM_TABLE] = N_("default"),       [SETTINGS_FROM_CONFIG] = N_("runbatch.ini"),
        [SETTINGS_FROM_EARLIER] = N_("earlier run"), [SETTINGS_FROM_PRESET] = N_("preset"),
        [SETTINGS_FROM_LINE] = N_("command line"),
    };
    OptionLine options[OPTION_MOST];
    const size_t count = options_explain(settings, options);
    Text line = {0};
    if (settings->preset != NULL) {
        text_appendf(&line, _("Preset %s. "), settings->preset);
    }
    for (size_t i = 0; i < count; i++) {
        text_appendf(&line, "%s--%s %s (%s)", i > 0 ? ", " : _("Options: "), options[i].option->name,
                     options[i].value, _(sources[options[i].from]));
    }
    if (line.length > 0) {
        page_append_wrapped(page, line.data, frame->columns, 0);
    }
    option_lines_free(options, count);
    text_free(&line);
}

static void append_counts(const ForecastFacts *facts, const Forecast *forecast, const PageFrame *frame,
                          Text *page)
{
    Text line = {0};
    char size[NUMBER_BYTES];
    text_appendf(&line, _("%zu of %zu videos into %s"), forecast->count, facts->plan->found,
                 facts->plan->output_dir);
    for (int state = 0, told = 0; state < FORECAST_STATES; state++) {
        if (forecast->states[state] > 0) {
            text_appendf(&line, "%s%d %s", told++ > 0 ? ", " : ": ", forecast->states[state],
                         state_word((ForecastState)state));
        }
    }
    page_append_wrapped(page, line.data, frame->columns, 0);
    text_free(&line);
    if (forecast->to_make > 0) {
        text_appendf(&line, _("To make: %d, with %lld frames, %s of outputs"), forecast->to_make,
                     (long long)forecast->frames, format_bytes(forecast->output_bytes, size, sizeof size));
        page_append_wrapped(page, line.data, frame->columns, 0);
        text_free(&line);
    }
}

static void append_time(const ForecastFacts *facts, const Forecast *forecast, const PageFrame *frame,
                        Text *page)
{
    Text line = {0};
    char time[NUMBER_BYTES];
    text_appendf(&line, _("Time: about %s"), format_time(forecast->seconds, time, sizeof time));
    if (facts->pace.tries > 0) {
        text_appendf(&line,
                     dngettext(I18N_DOMAIN,
                               ", as fast as %d earlier try with this encoder and these processors",
                               ", as fast as %d earlier tries with this encoder and these processors",
                               (unsigned long)facts->pace.tries),
                     facts->pace.tries);
    } else {
        text_append(&line,
                    _(", a first guess: nothing was made here yet with this encoder and these processors"));
    }
    if (forecast->untimed > 0) {
        text_appendf(&line, _("; without %d whose length is not known"), forecast->untimed);
    }
    page_append_wrapped(page, line.data, frame->columns, 0);
    text_free(&line);
}

static const char *limit_word(PlannerLimit limit)
{
    static const char *const words[PLANNER_LIMITS] = {
        [PLANNER_LIMIT_NONE] = "",
        [PLANNER_LIMIT_VIDEOS] = N_("there are no more videos"),
        [PLANNER_LIMIT_ASKED] = N_("so many were asked for (--jobs)"),
        [PLANNER_LIMIT_MEMORY] = N_("memory"),
        [PLANNER_LIMIT_VIDEO_MEMORY] = N_("the graphics card's memory"),
        [PLANNER_LIMIT_CORES] = N_("processor cores"),
        [PLANNER_LIMIT_DISK] = N_("disk space"),
    };
    return limit != PLANNER_LIMIT_NONE ? _(words[limit]) : "";
}

/* "At once: 2, because of memory (it would allow 2.3; processor cores 4.0)" */
static void append_jobs(const Forecast *forecast, const PageFrame *frame, Text *page)
{
    static const PlannerLimit order[] = {PLANNER_LIMIT_MEMORY, PLANNER_LIMIT_VIDEO_MEMORY,
                                         PLANNER_LIMIT_CORES, PLANNER_LIMIT_DISK, PLANNER_LIMIT_ASKED};
    const PlannerJobs *jobs = &forecast->jobs;
    Text line = {0};
    text_appendf(&line, _("At once: %d"), jobs->jobs);
    if (jobs->limit != PLANNER_LIMIT_NONE) {
        text_appendf(&line, _("; what keeps it from more: %s"), limit_word(jobs->limit));
    }
    for (size_t i = 0, told = 0; i < sizeof order / sizeof order[0]; i++) {
        if (jobs->allows[order[i]] >= 0 && order[i] != PLANNER_LIMIT_ASKED) {
            text_append(&line, told++ == 0 ? _(". By itself would allow: ") : ", ");
            text_appendf(&line, "%s %.1f", limit_word(order[i]), jobs->allows[order[i]]);
        }
    }
    page_append_wrapped(page, line.data, frame->columns, 0);
    text_free(&line);
}

static void append_memory(const ForecastFacts *facts, const Forecast *forecast, const PageFrame *frame,
                          Text *page)
{
    Text line = {0};
    char total[NUMBER_BYTES];
    char used[NUMBER_BYTES];
    char most[MEMORY_BYTES];
    const ForecastVideo *largest = &forecast->videos[0];
    for (size_t i = 1; i < forecast->count; i++) {
        const ForecastVideo *video = &forecast->videos[i];
        largest = video->memory.total_bytes > largest->memory.total_bytes ? video : largest;
    }
    text_appendf(&line, _("Memory: %s, of which %s are used now"),
                 format_bytes(facts->machine.total_bytes, total, sizeof total),
                 format_bytes(facts->machine.others_bytes, used, sizeof used));
    text_appendf(&line, _("; the largest video takes %s"), memory_words(largest, most, sizeof most));
    page_append_wrapped(page, line.data, frame->columns, 0);
    text_free(&line);
}

/* A line for each volume. */
static void append_disk(const ForecastFacts *facts, const Forecast *forecast, const PageFrame *frame,
                        Text *page)
{
    for (int place = 0; place < SPACE_PLACES; place++) {
        const SpaceVolume *volume = &facts->volumes[place];
        int64_t need = 0;
        bool told = !volume->known;
        for (int other = 0; other < SPACE_PLACES; other++) {
            const bool same = facts->volumes[other].known && facts->volumes[other].device == volume->device;
            need += same ? forecast->need.bytes[other] : 0;
            told = told || (same && other < place);
        }
        if (told) {
            continue;
        }
        const SpaceVerdict figures = {.volume = *volume,
                                      .need = need > 0 ? need : 1,
                                      .reserve =
                                          space_reserve(&facts->settings->disk_reserve, volume->total)};
        char phrase[256];
        char text[256];
        Text line = {0};
        text_appendf(&line, _("Disk: %s"),
                     phrase_text(space_text(&figures, phrase, sizeof phrase), text, sizeof text));
        page_append_wrapped(page, line.data, frame->columns, 0);
        text_free(&line);
    }
    if (!forecast->space.enough && forecast->to_make > 0) {
        page_append_wrapped(
            page, _("That is not enough: the batch would wait for space, and go on when there is more."),
            frame->columns, 0);
    }
}

void plan_page(const ForecastFacts *facts, const Forecast *forecast, const PageFrame *frame, Text *page)
{
    append_table(facts, forecast, frame, page);
    text_append(page, "\n");
    append_counts(facts, forecast, frame, page);
    append_options(facts->settings, frame, page);
    append_faults(facts, forecast, frame, page);
    if (forecast->to_make > 0) {
        append_time(facts, forecast, frame, page);
        append_jobs(forecast, frame, page);
        append_memory(facts, forecast, frame, page);
        append_disk(facts, forecast, frame, page);
    }
    page_append_wrapped(page, forecast->all_go ? _("All will go.") : _("Not all will go."), frame->columns,
                        0);
}
