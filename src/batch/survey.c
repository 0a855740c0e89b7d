#include "batch/survey.h"

#include <unistd.h>

#include "base/alloc.h"
#include "base/files.h"
#include "batch/lock.h"
#include "batch/planning.h"
#include "memory/machine.h"
#include "report/i18n.h"

/* ---- the store, written by whoever holds the lock ---- */

static void note(TextList *notes, char *text)
{
    text_list_add(notes, text);
    memory_free(text);
}

/* NULL where somebody works in the folder, or nothing can be written. As the supervisor does, it makes,
 * migrates, rescues and rebuilds. */
static Store *open_for_writing(const Plan *plan, Lock *lock, TextList *notes)
{
    Store *store = NULL;
    StoreOpened how;
    int videos = 0;
    char aside[STORE_ASIDE_SIZE];
    if (lock_take(lock, plan->state_dir, NULL) != STATUS_OK) {
        return NULL;
    }
    if (store_open(&store, plan->state_dir, STORE_WRITE, &how, aside, NULL) != STATUS_OK) {
        lock_release(lock);
        return NULL;
    }
    if (how == STORE_RESCUED) {
        note(notes, text_format(_("the store was damaged: it is kept as %s, a new one is made"), aside));
    }
    if (how == STORE_MADE || how == STORE_RESCUED) {
        (void)store_rebuild(store, plan->state_dir, &videos, NULL);
    }
    if (videos > 0) {
        note(notes,
             text_format(_("unfinished videos that were found on disk without the store: %d"), videos));
    }
    return store;
}

static void bring_up_to_date(const Plan *plan, TextList *notes)
{
    Lock lock;
    Store *store = open_for_writing(plan, &lock, notes);
    if (store != NULL) {
        store_close(&store);
        lock_release(&lock);
    }
}

static void save_looks(const Plan *plan, Survey *survey)
{
    Lock lock;
    Store *store = survey->looked > 0 ? open_for_writing(plan, &lock, &survey->notes) : NULL;
    if (store != NULL) {
        (void)inputs_save(store, plan, survey->looks, NULL); /* otherwise they are looked at again */
        store_close(&store);
        lock_release(&lock);
    }
}

/* ---- what there is ---- */

static void look_at_card(const Settings *settings, const BatchHooks *hooks, PlannerMachine *planner)
{
    Gpu *gpu = NULL;
    GpuReading card = {0};
    const char *library = hooks != NULL ? hooks->gpu_library : NULL;
    if (!settings_use_gpu(settings) || gpu_open(library, &gpu, NULL) != STATUS_OK) {
        return;
    }
    if (gpu_count(gpu) > 0 && gpu_read(gpu, 0, &card, NULL) == STATUS_OK) {
        planning_add_card(planner, settings, &card, 0);
    }
    gpu_free(&gpu);
}

static void look_at_machine(const Settings *settings, const BatchHooks *hooks, PlannerMachine *planner)
{
    Machine machine;
    MemoryReading reading = {0};
    machine_open(&machine, "/");
    (void)machine_read(&machine, &reading, NULL); /* not known: it limits nothing */
    *planner = planning_machine(settings, &reading, 0);
    look_at_card(settings, hooks, planner);
}

/* What outputs took that are there and would be made the same way now. */
static void learn_sizes(const Plan *plan, const Survey *survey, SpaceHistory *history)
{
    for (size_t i = 0; i < plan->count; i++) {
        const MediaLook *look = &survey->looks[i].look;
        const SpaceVideo video = {.input_bytes = plan->items[i].size_bytes,
                                  .width = look->width,
                                  .height = look->height,
                                  .frame_rate = look->frame_rate,
                                  .duration_s = look->duration_s};
        if (survey->answers[i].complete) {
            space_learn(history, &video, file_size(plan->items[i].output));
        }
    }
}

Status survey_make(const Settings *settings, const Plan *plan, const BatchHooks *hooks, Survey *survey,
                   Error *err)
{
    *survey = (Survey){.answers = memory_alloc(plan->count, sizeof *survey->answers),
                       .looks = memory_alloc(plan->count, sizeof *survey->looks)};
    ForecastFacts *facts = &survey->facts;
    facts->settings = settings;
    facts->plan = plan;
    facts->answers = survey->answers;
    facts->looks = survey->looks;
    facts->past = &survey->past;
    bring_up_to_date(plan, &survey->notes);
    Store *store = NULL;
    Status status = store_open(&store, plan->state_dir, STORE_READ, NULL, NULL, err);
    if (status != STATUS_FAILED) {
        status = inputs_look(settings, plan, store, hooks, survey->looks, err);
    }
    if (status == STATUS_OK) {
        status = pace_learn(store, settings, machine_cores(), &facts->pace, err);
    }
    if (status == STATUS_OK) {
        status = past_memory_learn(&survey->past, store, settings, err);
    }
    store_close(&store);
    for (size_t i = 0; i < plan->count; i++) {
        survey->looked += survey->looks[i].known && !survey->looks[i].stored;
    }
    save_looks(plan, survey);
    if (status == STATUS_OK) {
        status = batch_probe(settings, plan, hooks, survey->answers, err);
    }
    learn_sizes(plan, survey, &facts->history);
    look_at_machine(settings, hooks, &facts->machine);
    space_look_all(settings, plan->state_dir, plan->output_dir, space_look, facts->volumes);
    return status;
}

void survey_free(Survey *survey)
{
    if (survey->looks != NULL) {
        inputs_free(survey->looks, survey->facts.plan->count);
    }
    memory_free(survey->looks);
    memory_free(survey->answers);
    text_list_free(&survey->notes);
    *survey = (Survey){0};
}
