#include <poll.h>
#include <string.h>

#include "base/clock.h"
#include "base/files.h"
#include "base/text.h"
#include "batch/probe.h"
#include "batch/verdict.h"
#include "report/i18n.h"
#include "worker/sandbox_job.h"

/* What a batch would find, without one. */
typedef struct LookAhead {
    const Settings *settings;
    Store *store;     /* NULL: there is none */
    RecipeBook *book; /* NULL: cannot be made */
    Probe probe;
} LookAhead;

static Status ask_probe(LookAhead *look, const PlanItem *item, ProbeAnswer *answer, Error *err)
{
    Probe *probe = &look->probe;
    if (probe_ask(probe, item->input, item->output, clock_now_ms(), err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    while (probe_poll(probe, clock_now_ms(), answer) == STATUS_AGAIN) {
        struct pollfd files[] = {{.fd = probe->process.channel, .events = POLLIN},
                                 {.fd = probe->process.errors, .events = POLLIN}};
        (void)poll(files, sizeof files / sizeof files[0], 1000);
    }
    return STATUS_OK;
}

static void compare_recipes(LookAhead *look, const PlanItem *item, const VideoRow *row, ProbeAnswer *answer)
{
    char why[512];
    if (!output_is_up_to_date(row, look->book, item->input, item->source, why, sizeof why)) {
        answer->complete = false;
        answer->changed = true;
        text_copy(answer->why, sizeof answer->why, why);
    }
}

static Status judge(LookAhead *look, const PlanItem *item, const VideoRow *row, ProbeAnswer *answer,
                    Error *err)
{
    const OutputFile file = output_look(item->output);
    *answer = (ProbeAnswer){.exists = file.exists};
    if (!file.exists) {
        return STATUS_OK;
    }
    if (look->settings->restart) {
        answer->changed = true;
        text_copy(answer->why, sizeof answer->why, "--restart");
        return STATUS_OK;
    }
    Status status = STATUS_OK;
    switch (output_judge(&file, row, row->state)) {
    case OUTPUT_ASK:
        status = ask_probe(look, item, answer, err);
        if (answer->complete && output_has_recipe(&file, row, row->state)) {
            compare_recipes(look, item, row, answer);
        }
        break;
    case OUTPUT_FINISHED:
        answer->complete = true;
        compare_recipes(look, item, row, answer);
        break;
    default:
        answer->changed = true;
        text_copy(answer->why, sizeof answer->why, _("an earlier run had begun to make it anew"));
        break;
    }
    return status;
}

static bool count_chunk(void *context, const ChunkReport *chunk)
{
    ProbeAnswer *answer = context;
    if (chunk->index != answer->chunks) {
        return false;
    }
    answer->chunks++;
    answer->frames += chunk->frames;
    answer->chunk_bytes += chunk->bytes;
    return true;
}

/* What an earlier run left of it, where that is of the same input, options and models. */
static Status count_chunks(LookAhead *look, const PlanItem *item, const VideoRow *row, ProbeAnswer *answer,
                           Error *err)
{
    Recipe recipe = {0};
    Status status = STATUS_OK;
    const bool usable = look->store != NULL && row->id > 0 && !answer->complete && !look->settings->restart;
    if (usable && look->book != NULL &&
        recipe_make(look->book, item->input, item->source, &recipe, NULL) == STATUS_OK &&
        strcmp(recipe.key, row->key) == 0) {
        status = store_each_chunk(look->store, row->id, count_chunk, answer, err);
    }
    recipe_free(&recipe);
    return status;
}

static Status look_at(LookAhead *look, const PlanItem *item, ProbeAnswer *answer, Error *err)
{
    VideoRow row = {0};
    Status status = STATUS_OK;
    if (look->store != NULL) {
        status = store_video_find(look->store, path_name(item->output), &row, err);
    }
    if (status != STATUS_FAILED) {
        status = judge(look, item, &row, answer, err);
    }
    if (status == STATUS_OK || status == STATUS_AGAIN) {
        status = count_chunks(look, item, &row, answer, err);
    }
    video_row_free(&row);
    return status;
}

Status batch_probe(const Settings *settings, const Plan *plan, const BatchHooks *hooks, ProbeAnswer *answers,
                   Error *err)
{
    LookAhead look = {.settings = settings};
    TextList unguarded = {0}; /* a batch tells of that */
    Status status = sandbox_check(settings->sandbox, hooks != NULL ? hooks->sandbox : NULL, &unguarded, err);
    text_list_free(&unguarded);
    if (status == STATUS_OK) {
        status = store_open(&look.store, plan->state_dir, STORE_READ, NULL, NULL, err);
    }
    if (status == STATUS_FAILED) {
        return STATUS_FAILED;
    }
    (void)recipe_book_new(&look.book, settings, &plan->sources, plan->people, NULL);
    probe_init(&look.probe, hooks != NULL ? hooks->worker_executable : NULL, settings->sandbox,
               hooks != NULL ? hooks->probe_timeout_ms : 0);
    status = STATUS_OK;
    for (size_t i = 0; i < plan->count && status == STATUS_OK; i++) {
        status = look_at(&look, &plan->items[i], &answers[i], err);
    }
    probe_close(&look.probe);
    recipe_book_free(&look.book);
    store_close(&look.store);
    return status;
}
