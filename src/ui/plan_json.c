#include "ui/plan_json.h"

#include "base/files.h"
#include "options/explain.h"
#include "report/json_text.h"
#include "report/memory_json.h"
#include "report/phrase.h"

static void set(json_t *object, const char *key, json_t *value)
{
    (void)json_object_set_new(object, key, value);
}

static json_t *known(int64_t number)
{
    return number > 0 ? json_integer(number) : json_null();
}

static json_t *known_real(double number)
{
    return number > 0 ? json_rounded(number) : json_null();
}

static json_t *look_to_json(const InputLook *input)
{
    const MediaLook *look = &input->look;
    if (!input->known) {
        return json_null();
    }
    json_t *object = json_object();
    set(object, "container", json_text(look->container));
    set(object, "codec", json_text(look->codec));
    set(object, "pixel_format", json_text(look->pixel_format));
    set(object, "bit_depth", known(look->bit_depth));
    set(object, "width", json_integer(look->width));
    set(object, "height", json_integer(look->height));
    set(object, "rotation", json_integer(look->rotation));
    set(object, "frame_rate", known_real(look->frame_rate));
    set(object, "frames", known(look->frames));
    set(object, "duration_s", known_real(look->duration_s));
    set(object, "audio_streams", json_integer(look->audio_streams));
    return object;
}

static json_t *why_to_json(const ForecastFacts *facts, size_t index, ForecastState state)
{
    char text[512];
    switch (state) {
    case FORECAST_CLASH:
        return json_text(facts->plan->items[index].clash);
    case FORECAST_AGAIN:
        return json_text(phrase_english(facts->answers[index].why, text, sizeof text));
    default:
        return json_null();
    }
}

static json_t *need_to_json(const SpaceNeed *need)
{
    static const char *const names[SPACE_PLACES] = {
        [SPACE_WORK] = "work", [SPACE_OUTPUT] = "output", [SPACE_FRAMES] = "frames"};
    json_t *object = json_object();
    for (int place = 0; place < SPACE_PLACES; place++) {
        set(object, names[place], json_integer(need->bytes[place]));
    }
    return object;
}

static json_t *video_to_json(const ForecastFacts *facts, const Forecast *forecast, size_t index)
{
    const PlanItem *item = &facts->plan->items[index];
    const ProbeAnswer *answer = &facts->answers[index];
    const InputLook *look = &facts->looks[index];
    const ForecastVideo *video = &forecast->videos[index];
    json_t *object = json_object();
    set(object, "position", json_integer(item->position));
    set(object, "input", json_text(item->input));
    set(object, "output", json_text(path_name(item->output)));
    set(object, "state", json_string(forecast_state_name(video->state)));
    set(object, "why", why_to_json(facts, index, video->state));
    const Error *error = video->refused != NULL ? video->refused : look->error;
    set(object, "error", error != NULL ? json_error(error) : json_null());
    set(object, "input_bytes", item->size_bytes >= 0 ? json_integer(item->size_bytes) : json_null());
    set(object, "video", look_to_json(look));
    set(object, "chunks", json_integer(answer->chunks));
    set(object, "chunk_frames", json_integer(answer->frames));
    set(object, "memory",
        video->memory.total_bytes > 0 ? memory_estimate_to_json(&video->memory) : json_null());
    set(object, "memory_factor",
        video->memory.total_bytes > 0 ? json_rounded(video->memory_factor) : json_null());
    set(object, "disk_bytes", need_to_json(&video->need));
    set(object, "output_bytes", known(video->output_bytes));
    set(object, "time_s", known_real(video->seconds));
    return object;
}

static json_t *jobs_to_json(const PlannerJobs *jobs)
{
    json_t *object = json_object();
    json_t *allows = json_object();
    for (int limit = PLANNER_LIMIT_NONE + 1; limit < PLANNER_LIMITS; limit++) {
        set(allows, planner_limit_name((PlannerLimit)limit),
            jobs->allows[limit] >= 0 ? json_rounded(jobs->allows[limit]) : json_null());
    }
    set(object, "videos", json_integer(jobs->jobs));
    set(object, "limit", json_string(planner_limit_name(jobs->limit)));
    set(object, "allows", allows);
    return object;
}

static json_t *options_to_json(const Settings *settings)
{
    OptionLine lines[OPTION_MOST];
    const size_t count = options_explain(settings, lines);
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *object = json_object();
        set(object, "option", json_string(lines[i].option->name));
        set(object, "value", json_text(lines[i].value));
        set(object, "from", json_string(settings_from_name(lines[i].from)));
        (void)json_array_append_new(list, object);
    }
    option_lines_free(lines, count);
    return list;
}

static json_t *volumes_to_json(const ForecastFacts *facts)
{
    json_t *list = json_array();
    for (int place = 0; place < SPACE_PLACES; place++) {
        const SpaceVolume *volume = &facts->volumes[place];
        bool told = !volume->known;
        for (int before = 0; before < place; before++) {
            told = told || (facts->volumes[before].known && facts->volumes[before].device == volume->device);
        }
        if (!told) {
            json_t *object = json_object();
            set(object, "folder", json_text(volume->folder));
            set(object, "total_bytes", json_integer(volume->total));
            set(object, "free_bytes", json_integer(volume->free));
            set(object, "reserve_bytes",
                json_integer(space_reserve(&facts->settings->disk_reserve, volume->total)));
            (void)json_array_append_new(list, object);
        }
    }
    return list;
}

json_t *plan_to_json(const ForecastFacts *facts, const Forecast *forecast)
{
    json_t *object = json_object();
    json_t *counts = json_object();
    json_t *videos = json_array();
    for (int state = 0; state < FORECAST_STATES; state++) {
        set(counts, forecast_state_name((ForecastState)state), json_integer(forecast->states[state]));
    }
    for (size_t i = 0; i < forecast->count; i++) {
        (void)json_array_append_new(videos, video_to_json(facts, forecast, i));
    }
    set(object, "output_dir", json_text(facts->plan->output_dir));
    set(object, "found", json_integer((json_int_t)facts->plan->found));
    set(object, "all_go", json_boolean(forecast->all_go));
    set(object, "counts", counts);
    set(object, "to_make", json_integer(forecast->to_make));
    set(object, "frames", json_integer(forecast->frames));
    set(object, "output_bytes", json_integer(forecast->output_bytes));
    set(object, "disk_bytes", need_to_json(&forecast->need));
    set(object, "enough_space", json_boolean(forecast->to_make == 0 || forecast->space.enough));
    set(object, "volumes", volumes_to_json(facts));
    set(object, "time_s", json_rounded(forecast->seconds));
    set(object, "time_from", json_string(facts->pace.tries > 0 ? "history" : "guess"));
    set(object, "time_tries", json_integer(facts->pace.tries));
    set(object, "untimed", json_integer(forecast->untimed));
    set(object, "at_once", jobs_to_json(&forecast->jobs));
    set(object, "memory_total_bytes", known(facts->machine.total_bytes));
    set(object, "memory_used_bytes", known(facts->machine.others_bytes));
    set(object, "preset", facts->settings->preset != NULL ? json_text(facts->settings->preset) : json_null());
    set(object, "options", options_to_json(facts->settings));
    set(object, "videos", videos);
    return object;
}
