#include "batch/tries.h"

typedef struct Walk {
    Store *store;
    json_t *wanted; /* options, as a recipe has them */
    TryVisitor visit;
    void *context;
    MediaLook look; /* of the video at hand */
} Walk;

/* What makes a worker slower or larger, and is part of a recipe. One that it does not know had its default:
 * it was made before there was another value. */
static bool is_like(const json_t *options, const json_t *wanted)
{
    static const char *const keys[] = {"frame-processor", "output-video-encoder", "output-video-preset"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        const json_t *value = json_object_get(options, keys[i]);
        if (value != NULL && !json_equal(value, json_object_get(wanted, keys[i]))) {
            return false;
        }
    }
    return json_is_object(options);
}

static bool add_attempt(void *context, const AttemptRow *attempt)
{
    const Walk *walk = context;
    walk->visit(walk->context, &walk->look, attempt);
    return true;
}

static bool add_video(void *context, const VideoRow *row)
{
    Walk *walk = context;
    if (row->recipe == NULL ||
        store_input_find(walk->store, row->input, -1, 0, &walk->look, NULL) != STATUS_OK) {
        return true;
    }
    json_t *recipe = json_loads(row->recipe, JSON_REJECT_DUPLICATES, NULL);
    if (is_like(json_object_get(recipe, "options"), walk->wanted)) {
        (void)store_each_attempt(walk->store, row->id, add_attempt, walk, NULL);
    }
    json_decref(recipe);
    return true;
}

Status tries_each(Store *store, const Settings *settings, TryVisitor visit, void *context, Error *err)
{
    if (store == NULL) {
        return STATUS_OK;
    }
    Walk walk = {.store = store, .wanted = settings_to_json(settings), .visit = visit, .context = context};
    const Status status = store_each_video(store, add_video, &walk, err);
    json_decref(walk.wanted);
    return status;
}
