#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/files.h"
#include "base/hash.h"
#include "base/text.h"
#include "batch/batch_internal.h"
#include "report/i18n.h"

/* A video may wait for hours; what it is made from may change meanwhile. */
enum { FRESH_MS = 10000 };

/* A key that no chunk has: what the video is made from cannot be told. */
static void make_unique_key(char key[HASH_SIZE])
{
    static unsigned int count;
    char text[96];
    (void)snprintf(text, sizeof text, "%ld %.6f %u", (long)getpid(), clock_wall_s(), count++);
    hash_bytes(text, strlen(text), key);
}

static Status make_recipe(Batch *batch, size_t index, Recipe *recipe, Error *err)
{
    const Plan *plan = batch->plan;
    if (batch->book == NULL &&
        recipe_book_new(&batch->book, batch->settings, &plan->sources, plan->people, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    return recipe_make(batch->book, plan->items[index].input, plan->items[index].source, recipe, err);
}

/* Forgets the chunks that the store tells of when they are of no use or gone. */
static void count_chunks(Batch *batch, Video *video, bool useless)
{
    record_count_chunks(batch, video);
    if (useless && video->report.chunks > 0) {
        record_no_chunks(batch, video);
        record_count_chunks(batch, video);
    }
}

/* Chunks are thrown away, and nobody asked for that. */
static void tell_useless(Batch *batch, const Video *video, const Recipe *recipe)
{
    char why[400];
    char text[sizeof why + 100];
    if (batch->settings->restart || !cleaner_has_chunks(batch->plan->state_dir, video->row.output)) {
        return;
    }
    if (recipe_difference(video->row.recipe, recipe->json, why, sizeof why) == 0) {
        text_copy(why, sizeof why, _("another version of runbatch made it"));
    }
    (void)snprintf(text, sizeof text, _("what there is of it is not used: %s"), why);
    batch_warn(batch, video, text);
}

Status keys_find(Batch *batch, size_t index, Error *err)
{
    const PlanItem *planned = &batch->plan->items[index];
    Video *video = batch->items[index].video;
    VideoRow *row = &video->row;
    Recipe recipe = {0};
    if (video->ready && batch->now_ms - video->ready_ms < FRESH_MS) {
        return STATUS_OK;
    }
    Error trouble = {0};
    video->recipe_known = make_recipe(batch, index, &recipe, &trouble) == STATUS_OK;
    if (!video->recipe_known && cleaner_has_chunks(batch->plan->state_dir, row->output)) {
        /* perhaps a disk that is not there for the moment: no reason to lose them */
        *err = trouble;
        return STATUS_FAILED;
    }
    if (!video->recipe_known) {
        make_unique_key(recipe.key); /* the worker will tell why */
    }
    const bool there = file_exists(planned->folder);
    const bool useless =
        strcmp(row->key, recipe.key) != 0 || (batch->settings->restart && video->report.attempt == 0);
    video->clean_first = there && (useless || video->clean_first);
    if (useless && there) {
        tell_useless(batch, video, &recipe);
    }
    video->ready = true;
    video->ready_ms = batch->now_ms;
    text_copy(row->key, sizeof row->key, recipe.key);
    memory_free(row->recipe);
    row->recipe = recipe.json;
    recipe.json = NULL;
    recipe_free(&recipe);
    count_chunks(batch, video, useless || !there);
    return STATUS_OK;
}

bool keys_folder_is_clean(Batch *batch, Video *video)
{
    if (!video->clean_first) {
        return true;
    }
    if (!video->cleaning) {
        cleaner_add_work(&batch->cleaner, video->row.output);
        video->cleaning = true;
    }
    if (cleaner_waits_for(&batch->cleaner, video->row.output)) {
        return false;
    }
    video->clean_first = false;
    video->cleaning = false;
    return true;
}
