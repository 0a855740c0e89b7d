#include "report/statistics.h"

#include <libintl.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "report/format.h"
#include "report/i18n.h"
#include "report/json_text.h"

void statistics_add_done(Statistics *statistics, const VideoResult *result)
{
    statistics->done++;
    statistics->output_bytes += result->output_bytes;
    statistics->frames += result->frames;
    statistics->frames_changed += result->frames_changed;
    if (result->peak_rss_bytes > statistics->peak_rss_bytes) {
        statistics->peak_rss_bytes = result->peak_rss_bytes;
    }
}

void statistics_add_failure(Statistics *statistics, int position, const char *input, const Error *error)
{
    statistics->failed++;
    statistics->failures =
        memory_resize(statistics->failures, statistics->failure_count + 1, sizeof *statistics->failures);
    statistics->failures[statistics->failure_count++] =
        (Failure){.position = position, .input = text_duplicate(input), .error = *error};
}

void statistics_free(Statistics *statistics)
{
    for (size_t i = 0; i < statistics->failure_count; i++) {
        memory_free(statistics->failures[i].input);
    }
    memory_free(statistics->failures);
    *statistics = (Statistics){0};
}

double statistics_success_percent(const Statistics *statistics)
{
    const int tried = statistics->done + statistics->failed;
    return tried > 0 ? 100.0 * statistics->done / tried : -1.0;
}

double statistics_frames_per_second(const Statistics *statistics)
{
    return statistics->elapsed_s > 0 ? (double)statistics->frames / statistics->elapsed_s : 0.0;
}

json_t *statistics_to_json(const Statistics *statistics)
{
    json_t *failures = json_array();
    for (size_t i = 0; i < statistics->failure_count; i++) {
        const Failure *failure = &statistics->failures[i];
        json_t *entry = json_object();
        (void)json_object_set_new(entry, "position", json_integer(failure->position));
        (void)json_object_set_new(entry, "input", json_text(failure->input));
        (void)json_object_set_new(entry, "error", json_error(&failure->error));
        (void)json_array_append_new(failures, entry);
    }
    json_t *object = json_object();
    (void)json_object_set_new(object, "planned", json_integer(statistics->planned));
    (void)json_object_set_new(object, "done", json_integer(statistics->done));
    (void)json_object_set_new(object, "skipped", json_integer(statistics->skipped));
    (void)json_object_set_new(object, "failed", json_integer(statistics->failed));
    (void)json_object_set_new(object, "set_aside", json_integer(statistics->set_aside));
    (void)json_object_set_new(object, "refused", json_integer(statistics->refused));
    (void)json_object_set_new(object, "cancelled", json_integer(statistics->cancelled));
    (void)json_object_set_new(object, "retried", json_integer(statistics->retried));
    (void)json_object_set_new(object, "not_started", json_integer(statistics->not_started));
    (void)json_object_set_new(object, "interrupted", json_boolean(statistics->interrupted));
    const double success = statistics_success_percent(statistics);
    (void)json_object_set_new(object, "success_percent", success >= 0 ? json_rounded(success) : json_null());
    (void)json_object_set_new(object, "bytes", json_integer(statistics->output_bytes));
    (void)json_object_set_new(object, "frames", json_integer(statistics->frames));
    (void)json_object_set_new(object, "frames_swapped", json_integer(statistics->frames_changed));
    (void)json_object_set_new(object, "frames_per_second",
                              json_rounded(statistics_frames_per_second(statistics)));
    (void)json_object_set_new(object, "elapsed_s", json_rounded(statistics->elapsed_s));
    (void)json_object_set_new(object, "memory_warnings", json_integer(statistics->memory_warnings));
    (void)json_object_set_new(object, "renewed", json_integer(statistics->renewed));
    (void)json_object_set_new(object, "peak_rss_bytes", json_integer(statistics->peak_rss_bytes));
    (void)json_object_set_new(object, "failures", failures);
    return object;
}

static void append_failures(const Statistics *statistics, Text *text)
{
    for (size_t i = 0; i < statistics->failure_count; i++) {
        const Failure *failure = &statistics->failures[i];
        char reason[1600];
        text_append(text, "    ");
        format_name(text, failure->input);
        text_appendf(text, ": %s\n", format_reason(&failure->error, failure->input, reason, sizeof reason));
    }
}

void statistics_to_text(const Statistics *statistics, Text *text)
{
    char size[32];
    char time[32];
    char peak[32];
    format_bytes(statistics->output_bytes, size, sizeof size);
    format_bytes(statistics->peak_rss_bytes, peak, sizeof peak);
    clock_format_duration(statistics->elapsed_s, time, sizeof time);
    text_appendf(text, "%s\n", statistics->interrupted ? _("Statistics (interrupted)") : _("Statistics"));
    text_appendf(text, _("  Videos made: %d (%s on disk)\n"), statistics->done, size);
    text_appendf(text, _("  Skipped, complete already: %d\n"), statistics->skipped);
    text_appendf(text, _("  Failed: %d\n"), statistics->failed);
    append_failures(statistics, text);
    if (statistics->set_aside > 0) {
        text_appendf(text, _("  Of them set aside, because they ended their workers again and again: %d\n"),
                     statistics->set_aside);
    }
    if (statistics->refused > 0) {
        text_appendf(text, _("  Refused by the content gate: %d\n"), statistics->refused);
    }
    if (statistics->cancelled > 0) {
        text_appendf(text, _("  Cancelled: %d\n"), statistics->cancelled);
    }
    if (statistics->retried > 0) {
        text_appendf(text, _("  Tried again: %d\n"), statistics->retried);
    }
    if (statistics->not_started > 0) {
        text_appendf(text, _("  Not finished: %d\n"), statistics->not_started);
    }
    const double success = statistics_success_percent(statistics);
    if (success >= 0) {
        text_appendf(text, _("  Success rate: %.1f %%\n"), success);
    } else {
        text_append(text, _("  Success rate: -\n"));
    }
    text_appendf(text,
                 dngettext(I18N_DOMAIN, "  Time: %s; %lld frame, %.1f frames per second\n",
                           "  Time: %s; %lld frames, %.1f frames per second\n",
                           (unsigned long)statistics->frames),
                 time, (long long)statistics->frames, statistics_frames_per_second(statistics));
    text_appendf(text, _("  Frames with a changed face: %lld\n"), (long long)statistics->frames_changed);
    text_appendf(text, _("  Memory: largest worker %s, warnings: %d\n"), peak, statistics->memory_warnings);
    if (statistics->renewed > 0) {
        text_appendf(text, _("  Workers renewed because they leaked memory: %d\n"), statistics->renewed);
    }
}
