#include "cmd/dry_run.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/text.h"
#include "cmd/terminal.h"
#include "report/format.h"
#include "report/json_text.h"

static const char *state_of(const ProbeAnswer *answer)
{
    if (answer->complete) {
        return "skip";
    }
    if (answer->chunks > 0) {
        return "go on";
    }
    return answer->exists ? "again" : "new";
}

static void append_path(Text *page, const char *path)
{
    char *shown = text_duplicate(path);
    text_strip_control(shown);
    text_append(page, shown);
    memory_free(shown);
}

static void append_item(Text *page, const PlanItem *item, const ProbeAnswer *answer)
{
    char size[32] = "size unknown";
    if (item->size_bytes >= 0) {
        format_bytes(item->size_bytes, size, sizeof size);
    }
    text_appendf(page, "%5d  %-5s  ", item->position, state_of(answer));
    append_path(page, item->input);
    text_appendf(page, " (%s) → ", size);
    append_path(page, item->output);
    if (answer->exists) {
        text_append(page, answer->complete  ? " (complete)"
                          : answer->changed ? " (made anew: "
                                            : " (incomplete: ");
        if (!answer->complete) {
            append_path(page, answer->why);
            text_append(page, ")");
        }
    }
    if (answer->chunks > 0) {
        text_appendf(page, " (chunks kept: %d, at frame %lld)", answer->chunks, (long long)answer->frames);
    }
    text_append(page, "\n");
}

void dry_run_text(const Plan *plan, const ProbeAnswer *answers, Text *page)
{
    size_t skipped = 0;
    for (size_t i = 0; i < plan->sources.count; i++) {
        text_append(page, "Source: ");
        append_path(page, plan->sources.items[i]);
        text_append(page, "\n");
    }
    for (size_t i = 0; i < plan->count; i++) {
        append_item(page, &plan->items[i], &answers[i]);
        skipped += answers[i].exists && answers[i].complete;
    }
    text_appendf(page, "%zu of %zu: %zu to do, %zu to skip. Nothing was done (--dry-run).\n", plan->count,
                 plan->found, plan->count - skipped, skipped);
}

void dry_run_json(const Plan *plan, const ProbeAnswer *answers, Text *page)
{
    for (size_t i = 0; i < plan->count; i++) {
        const PlanItem *item = &plan->items[i];
        json_t *object =
            json_pack("{s:s, s:i, s:o, s:o, s:o, s:s}", "event", "planned", "position", item->position,
                      "input", json_text(item->input), "output", json_text(item->output), "size_bytes",
                      item->size_bytes >= 0 ? json_integer(item->size_bytes) : json_null(), "action",
                      state_of(&answers[i]));
        if (answers[i].exists && !answers[i].complete) {
            (void)json_object_set_new(object, "why", json_text(answers[i].why));
        }
        (void)json_object_set_new(object, "chunks", json_integer(answers[i].chunks));
        (void)json_object_set_new(object, "frames", json_integer(answers[i].frames));
        char *line = json_dumps(object, JSON_COMPACT);
        text_appendf(page, "%s\n", line);
        free(line);
        json_decref(object);
    }
}

int dry_run(const Settings *settings, const Plan *plan)
{
    ProbeAnswer *answers = memory_alloc(plan->count, sizeof *answers);
    Error err = {0};
    Text page = {0};
    int code = EXIT_CODE_DONE;
    if (batch_probe(settings, plan, NULL, answers, &err) != STATUS_OK) {
        code = print_error(&err);
    } else {
        (settings->json ? dry_run_json : dry_run_text)(plan, answers, &page);
        code = print_page(&page, EXIT_CODE_DONE);
    }
    text_free(&page);
    memory_free(answers);
    return code;
}
