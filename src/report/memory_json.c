#include "report/memory_json.h"

#include <stdio.h>

/* Integers that a double holds exactly; no size of ours comes near. */
#define LARGEST_INTEGER (INT64_C(1) << 53)

static void set(json_t *object, const char *key, int64_t value)
{
    (void)json_object_set_new(object, key, json_integer(value));
}

static bool get(const json_t *object, const char *key, int64_t most, int64_t *value)
{
    const json_t *number = json_object_get(object, key);
    *value = (int64_t)json_integer_value(number);
    return json_is_integer(number) && *value >= 0 && *value <= most;
}

static bool get_int(const json_t *object, const char *key, int *value)
{
    int64_t wide = 0;
    const bool good = get(object, key, INT32_MAX, &wide);
    *value = good ? (int)wide : 0;
    return good;
}

static const char *part_key(MemoryPart part, char *buffer, size_t size)
{
    (void)snprintf(buffer, size, "%s_bytes", memory_part_name(part));
    return buffer;
}

json_t *memory_estimate_to_json(const MemoryEstimate *estimate)
{
    json_t *object = json_object();
    char key[32];
    set(object, "total_bytes", estimate->total_bytes);
    for (MemoryPart part = 0; part < MEMORY_PART_COUNT; part++) {
        set(object, part_key(part, key, sizeof key), estimate->part_bytes[part]);
    }
    return object;
}

bool memory_estimate_from_json(const json_t *object, MemoryEstimate *estimate)
{
    char key[32];
    *estimate = (MemoryEstimate){0};
    bool good = get(object, "total_bytes", LARGEST_INTEGER, &estimate->total_bytes);
    for (MemoryPart part = 0; part < MEMORY_PART_COUNT; part++) {
        good = get(object, part_key(part, key, sizeof key), LARGEST_INTEGER, &estimate->part_bytes[part]) &&
               good;
    }
    return good;
}

json_t *worker_shape_to_json(const WorkerShape *shape)
{
    json_t *object = json_object();
    set(object, "execution_threads", shape->execution_threads);
    set(object, "decoder_threads", shape->decoder_threads);
    set(object, "encoder_threads", shape->encoder_threads);
    set(object, "frame_budget_bytes", shape->frame_budget_bytes);
    return object;
}

bool worker_shape_from_json(const json_t *object, WorkerShape *shape)
{
    *shape = (WorkerShape){0};
    return get_int(object, "execution_threads", &shape->execution_threads) &&
           get_int(object, "decoder_threads", &shape->decoder_threads) &&
           get_int(object, "encoder_threads", &shape->encoder_threads) &&
           get(object, "frame_budget_bytes", LARGEST_INTEGER, &shape->frame_budget_bytes);
}
