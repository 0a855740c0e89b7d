#include "batch/forecast.h"

#include <math.h>

#include "base/alloc.h"
#include "worker/job_shape.h"

const char *forecast_state_name(ForecastState state)
{
    static const char *const names[FORECAST_STATES] = {"new",   "again",      "resumable", "done",
                                                       "clash", "unreadable", "too_large"};
    return names[state];
}

static ForecastState state_of(const PlanItem *item, const ProbeAnswer *answer, const InputLook *look)
{
    if (item->clash != NULL) {
        return FORECAST_CLASH;
    }
    if (answer->complete) {
        return FORECAST_DONE; /* even if the input is gone bad: it is skipped */
    }
    if (!look->known) {
        return FORECAST_UNREADABLE;
    }
    if (answer->chunks > 0) {
        return FORECAST_RESUMABLE;
    }
    return answer->exists ? FORECAST_AGAIN : FORECAST_NEW;
}

static bool is_to_make(ForecastState state)
{
    return state == FORECAST_NEW || state == FORECAST_AGAIN || state == FORECAST_RESUMABLE;
}

static int64_t frames_left(const ProbeAnswer *answer, const MediaLook *look)
{
    return look->frames > answer->frames ? look->frames - answer->frames : 0;
}

/* What its worker will be like and take; false where --max-memory is too little for it. */
static bool foretell_memory(const ForecastFacts *facts, const MediaLook *look, ForecastVideo *video)
{
    const Settings *settings = facts->settings;
    const MemoryTask task = job_memory_task(settings, look);
    WorkerShape shape;
    Error refused = {0};
    if (job_shape_choose(settings, &task, (int)facts->machine.cores,
                         planner_worker_most(&facts->machine, settings->max_memory_bytes), &shape,
                         &refused) != STATUS_OK) {
        video->refused = memory_alloc(1, sizeof *video->refused);
        *video->refused = refused;
        return false;
    }
    const MemoryEstimate estimate = memory_estimate(&task, &shape);
    video->memory_factor = 1.0;
    if (facts->past != NULL) {
        const int kind = past_memory_kind(facts->past, look->codec, look->width, look->height);
        video->memory_factor = past_memory_factor(facts->past, kind);
    }
    video->memory = memory_corrected(&estimate, video->memory_factor);
    return true;
}

static void fill_video(const ForecastFacts *facts, size_t index, ForecastVideo *video)
{
    const ProbeAnswer *answer = &facts->answers[index];
    const MediaLook *look = &facts->looks[index].look;
    video->state = state_of(&facts->plan->items[index], answer, &facts->looks[index]);
    if (is_to_make(video->state) && !foretell_memory(facts, look, video)) {
        video->state = FORECAST_TOO_LARGE;
    }
    if (!is_to_make(video->state)) {
        return;
    }
    const SpaceVideo size = {.input_bytes = facts->plan->items[index].size_bytes,
                             .width = look->width,
                             .height = look->height,
                             .frame_rate = look->frame_rate,
                             .duration_s = look->duration_s,
                             .chunk_bytes = answer->chunk_bytes};
    video->output_bytes = space_encoded_bytes(&size, facts->settings, &facts->history);
    video->need = space_need(&size, facts->settings, &facts->history);
    video->seconds =
        pace_seconds(&facts->pace, (double)frames_left(answer, look) * look->width * look->height);
}

/* ---- all together ---- */

static void choose_jobs(const ForecastFacts *facts, Forecast *forecast)
{
    PlannerVideo *waiting = memory_alloc(forecast->count, sizeof *waiting);
    PlannerMachine machine = facts->machine;
    size_t count = 0;
    for (size_t i = 0; i < forecast->count; i++) {
        const ForecastVideo *video = &forecast->videos[i];
        if (!is_to_make(video->state)) {
            continue;
        }
        PlannerVideo *one = &waiting[count++];
        *one = (PlannerVideo){.bytes = video->memory.total_bytes,
                              .video_bytes = machine.video_total_bytes > 0 ? PLANNER_CARD_BYTES : 0,
                              .cores = planner_cores(facts->settings->execution_threads,
                                                     facts->settings->encoder_threads, machine.cores),
                              .length = video->seconds};
        for (int place = 0; place < SPACE_PLACES; place++) {
            one->disk_bytes += video->need.bytes[place];
        }
    }
    const SpaceVolume *work = &facts->volumes[SPACE_WORK];
    machine.disk_bytes =
        work->known ? work->free - space_reserve(&facts->settings->disk_reserve, work->total) : -1;
    machine.disk_bytes = work->known && machine.disk_bytes < 0 ? 0 : machine.disk_bytes;
    forecast->jobs = planner_jobs(&machine, planner_order(facts->settings->order), NULL, 0, waiting, count);
    memory_free(waiting);
}

/* Outputs stay; chunks go when their video is done, frame files too unless they are kept: of these there are
 * those of the videos at once, the largest to be careful. */
static void sum_space(const ForecastFacts *facts, Forecast *forecast)
{
    SpaceNeed largest = {0};
    SpaceNeed sum = {0};
    for (size_t i = 0; i < forecast->count; i++) {
        const SpaceNeed *need = &forecast->videos[i].need;
        space_add(&sum, need);
        for (int place = 0; place < SPACE_PLACES; place++) {
            largest.bytes[place] =
                need->bytes[place] > largest.bytes[place] ? need->bytes[place] : largest.bytes[place];
        }
    }
    forecast->need = sum;
    for (int place = 0; place < SPACE_PLACES; place++) {
        const bool stays = place == SPACE_OUTPUT || (place == SPACE_FRAMES && facts->settings->keep_frames);
        const double most = (double)largest.bytes[place] * forecast->jobs.jobs;
        if (!stays && most < (double)sum.bytes[place]) {
            forecast->need.bytes[place] = (int64_t)most;
        }
    }
    const SpaceNeed none = {0};
    forecast->space = space_fits(facts->volumes, &forecast->need, &none, &facts->settings->disk_reserve);
}

static void sum_up(const ForecastFacts *facts, Forecast *forecast)
{
    double sum_s = 0;
    double longest_s = 0;
    for (size_t i = 0; i < forecast->count; i++) {
        const ForecastVideo *video = &forecast->videos[i];
        forecast->states[video->state]++;
        if (is_to_make(video->state)) {
            forecast->to_make++;
            forecast->frames += frames_left(&facts->answers[i], &facts->looks[i].look);
            forecast->output_bytes += video->output_bytes;
            forecast->untimed += video->seconds <= 0;
            sum_s += video->seconds;
            longest_s = fmax(longest_s, video->seconds);
        }
    }
    choose_jobs(facts, forecast);
    sum_space(facts, forecast);
    forecast->seconds = pace_batch_seconds(&facts->pace, sum_s, longest_s, forecast->jobs.jobs);
    forecast->all_go = forecast->states[FORECAST_CLASH] == 0 && forecast->states[FORECAST_UNREADABLE] == 0 &&
                       forecast->states[FORECAST_TOO_LARGE] == 0 &&
                       (forecast->to_make == 0 || forecast->space.enough);
}

void forecast_make(const ForecastFacts *facts, Forecast *forecast)
{
    *forecast = (Forecast){.videos = memory_alloc(facts->plan->count, sizeof *forecast->videos),
                           .count = facts->plan->count};
    for (size_t i = 0; i < forecast->count; i++) {
        fill_video(facts, i, &forecast->videos[i]);
    }
    sum_up(facts, forecast);
}

void forecast_free(Forecast *forecast)
{
    for (size_t i = 0; i < forecast->count; i++) {
        memory_free(forecast->videos[i].refused);
    }
    memory_free(forecast->videos);
    *forecast = (Forecast){0};
}
