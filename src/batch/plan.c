#include "batch/plan.h"

#include <string.h>

#include "base/alloc.h"
#include "base/files.h"
#include "batch/clash.h"
#include "batch/map_people.h"
#include "batch/naming.h"
#include "batch/places.h"
#include "batch/range.h"
#include "face/known_people.h"
#include "report/i18n.h"
#include "worker/provenance.h"

static Status read_ranges(const Settings *settings, const Places *places, RangeSet *ranges, TextList *notes,
                          Error *err)
{
    if (places->single && settings->ranges.count > 0) {
        return error_set(err, ERROR_USAGE, "range", settings->ranges.items[0],
                         "a range selects from a folder, and the target is one video");
    }
    for (size_t i = 0; i < settings->ranges.count; i++) {
        if (range_parse(ranges, settings->ranges.items[i], err) != STATUS_OK) {
            return STATUS_FAILED;
        }
    }
    return range_check(ranges, places->videos.count, notes, err);
}

/* With a face map, which has many sources or none, the map's name stands for them. */
static const char *source_of_name(const Settings *settings, const char *source)
{
    return settings->face_map != NULL ? settings->face_map : source;
}

/* How many outputs a video has. */
static size_t outputs_each(const Places *places)
{
    return places->sources.count > 1 ? places->sources.count : 1;
}

/* Of output `number`: each video's, source by source. */
static const char *source_of(const Places *places, size_t number)
{
    return places->sources.count > 0 ? places->sources.items[number % places->sources.count] : NULL;
}

/* The default names the source picture; where there is none, it is the video's name. */
static const char *name_template(const Settings *settings, const char *source)
{
    const char *usual = option_find("output-name")->fallback;
    return source_of_name(settings, source) == NULL && strcmp(settings->output_name, usual) == 0
               ? "{stem}"
               : settings->output_name;
}

static Status name_output(const Settings *settings, const Places *places, size_t number, char **name,
                          Error *err)
{
    if (places->output_name != NULL) {
        *name = text_duplicate(places->output_name);
    } else {
        const char *source = source_of(places, number);
        const size_t index = number / outputs_each(places);
        const NameParts parts = {source_of_name(settings, source), places->videos.items[index],
                                 (int64_t)index + 1};
        if (naming_expand(name_template(settings, source), &parts, name, err) != STATUS_OK) {
            return STATUS_FAILED;
        }
    }
    return naming_check(*name, settings->output_video_encoder, err);
}

/* Names every video of the folder, so that clashes with those outside of the range are seen too; only what is
 * selected must have a good name. */
static Status name_all(const Settings *settings, const Places *places, const RangeSet *ranges,
                       ClashEntry *entries, Error *err)
{
    const size_t each = outputs_each(places);
    for (size_t i = 0; i < places->videos.count * each; i++) {
        const bool selected = range_contains(ranges, (int64_t)(i / each) + 1);
        char *name = NULL;
        if (name_output(settings, places, i, &name, selected ? err : NULL) != STATUS_OK && selected) {
            memory_free(name);
            return STATUS_FAILED;
        }
        entries[i] = (ClashEntry){places->videos.items[i / each], name, selected, NULL};
    }
    return STATUS_OK;
}

/* With several sources the name has to tell which. */
static Status check_template(const Settings *settings, const Places *places, Error *err)
{
    if (places->sources.count < 2 || strstr(settings->output_name, "{source}") != NULL) {
        return STATUS_OK;
    }
    (void)error_setf(err, ERROR_USAGE, "--output-name", NULL,
                     "\"%.100s\" gives the outputs of all sources one name", settings->output_name);
    error_advise(err, "put {source} into it: --output-name '{source}_{number}'");
    return STATUS_FAILED;
}

static void add_item(Plan *plan, const Places *places, const ClashEntry *entry, size_t number)
{
    char *stem = path_stem(entry->output);
    char *log_name = text_format("logs/%s.log", stem);
    char *folder_name = text_format("work/%s", entry->output);
    char *temporary_name = text_format(".%s" NAMING_TEMPORARY_SUFFIX, entry->output);
    PlanItem *item = &plan->items[plan->count++];
    item->position = (int)(number / outputs_each(places)) + 1;
    item->source =
        source_of(places, number) != NULL ? plan->sources.items[number % plan->sources.count] : NULL;
    item->input = path_join(places->input_dir, entry->video);
    item->output = path_join(places->output_dir, entry->output);
    item->temporary = path_join(places->output_dir, temporary_name);
    item->folder = path_join(plan->state_dir, folder_name);
    item->log = path_join(plan->state_dir, log_name);
    item->size_bytes = file_size(item->input);
    memory_free(temporary_name);
    memory_free(folder_name);
    memory_free(log_name);
    memory_free(stem);
}

static void note_clash(PlanItem *item, char *text)
{
    if (item->clash == NULL) {
        item->clash = text;
    } else {
        memory_free(text);
    }
}

static Status check_disk(const Settings *settings, Plan *plan, const Places *places, bool look_only,
                         Error *err)
{
    const size_t count = places->videos.count;
    FileId *inputs = memory_alloc(count, sizeof *inputs);
    for (size_t i = 0; i < count; i++) {
        char *path = path_join(places->input_dir, places->videos.items[i]);
        inputs[i] = file_id(path);
        memory_free(path);
    }
    Status status = STATUS_OK;
    for (size_t i = 0; i < plan->count && status == STATUS_OK; i++) {
        Error clash = {0};
        status = clash_on_disk(plan->items[i].output, inputs, count, &clash);
        if (status == STATUS_OK && settings->provenance_sidecar) {
            status = provenance_check_sidecar(plan->items[i].output, &clash);
        }
        if (status == STATUS_FAILED && look_only) {
            note_clash(&plan->items[i], text_duplicate(clash.why));
            status = STATUS_OK;
        } else if (status == STATUS_FAILED && err != NULL) {
            *err = clash;
        }
    }
    memory_free(inputs);
    return status;
}

static Status fill(const Settings *settings, const Places *places, Plan *plan, bool look_only, Error *err)
{
    const size_t found = places->videos.count * outputs_each(places);
    RangeSet ranges = {0};
    ClashEntry *entries = memory_alloc(found, sizeof *entries);
    Status status = read_ranges(settings, places, &ranges, &plan->notes, err);
    if (status == STATUS_OK) {
        status = check_template(settings, places, err);
    }
    if (status == STATUS_OK) {
        status = name_all(settings, places, &ranges, entries, err);
    }
    if (status == STATUS_OK) {
        Error clash = {0};
        status = clash_of_names(entries, found, &clash);
        if (status == STATUS_FAILED && look_only) {
            status = STATUS_OK;
        } else if (status == STATUS_FAILED && err != NULL) {
            *err = clash;
        }
    }
    if (status == STATUS_OK) {
        plan->found = found;
        for (size_t i = 0; i < places->sources.count; i++) {
            text_list_add(&plan->sources, places->sources.items[i]);
        }
        plan->output_dir = text_duplicate(places->output_dir);
        plan->state_dir = path_join(places->output_dir, PLAN_STATE_FOLDER);
        plan->people = settings->face_map != NULL
                           ? known_people_file(plan->state_dir, settings->face_embedder_model)
                           : NULL;
        plan->items = memory_alloc(found, sizeof *plan->items);
        for (size_t i = 0; i < found; i++) {
            if (entries[i].selected) {
                add_item(plan, places, &entries[i], i);
                if (entries[i].other != NULL) {
                    note_clash(
                        &plan->items[plan->count - 1],
                        text_format(_("its output would have the name of that of %s"), entries[i].other));
                }
            }
        }
        status = map_people(settings, plan->people, NULL, err);
    }
    if (status == STATUS_OK) {
        status = check_disk(settings, plan, places, look_only, err);
    }
    for (size_t i = 0; i < found; i++) {
        memory_free(entries[i].output);
    }
    memory_free(entries);
    range_set_free(&ranges);
    return status;
}

static Status make(const Settings *settings, Plan *plan, bool look_only, Error *err)
{
    *plan = (Plan){0};
    Places places;
    Status status = places_find(settings, &places, err);
    if (status == STATUS_OK) {
        status = fill(settings, &places, plan, look_only, err);
    }
    if (status == STATUS_OK) {
        status = places_prepare_output(plan->output_dir, look_only || settings->dry_run, err);
    }
    if (status != STATUS_OK) {
        plan_free(plan);
    }
    places_free(&places);
    return status;
}

Status plan_make(const Settings *settings, Plan *plan, Error *err)
{
    return make(settings, plan, false, err);
}

Status plan_look(const Settings *settings, Plan *plan, Error *err)
{
    return make(settings, plan, true, err);
}

void plan_free(Plan *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        memory_free(plan->items[i].input);
        memory_free(plan->items[i].output);
        memory_free(plan->items[i].temporary);
        memory_free(plan->items[i].folder);
        memory_free(plan->items[i].log);
        memory_free(plan->items[i].clash);
    }
    memory_free(plan->items);
    text_list_free(&plan->sources);
    memory_free(plan->output_dir);
    memory_free(plan->state_dir);
    memory_free(plan->people);
    text_list_free(&plan->notes);
    *plan = (Plan){0};
}
