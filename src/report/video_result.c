#include <math.h>

#include "report/statistics.h"

/* Integers that a double holds exactly; no count of ours comes near. */
#define LARGEST_INTEGER (INT64_C(1) << 53)

/* The members of a VideoResult, once for both directions. */
typedef struct ResultField {
    const char *name;
    size_t offset;
    enum { FIELD_INT, FIELD_INT64, FIELD_DOUBLE } type;
} ResultField;

#define RESULT_FIELD(member, kind)                                                                           \
    {                                                                                                        \
        .name = #member, .offset = offsetof(VideoResult, member), .type = (kind)                             \
    }

static const ResultField result_fields[] = {
    RESULT_FIELD(frames, FIELD_INT64),
    RESULT_FIELD(frames_with_face, FIELD_INT64),
    RESULT_FIELD(frames_changed, FIELD_INT64),
    RESULT_FIELD(isolated_gaps, FIELD_INT64),
    RESULT_FIELD(scene_cuts, FIELD_INT64),
    RESULT_FIELD(frames_dropped, FIELD_INT64),
    RESULT_FIELD(frames_repeated, FIELD_INT64),
    RESULT_FIELD(corrupt_packets, FIELD_INT64),
    RESULT_FIELD(output_bytes, FIELD_INT64),
    RESULT_FIELD(peak_rss_bytes, FIELD_INT64),
    RESULT_FIELD(frame_budget_bytes, FIELD_INT64),
    RESULT_FIELD(pool_peak_bytes, FIELD_INT64),
    RESULT_FIELD(max_in_flight, FIELD_INT),
    RESULT_FIELD(audio_streams, FIELD_INT),
    RESULT_FIELD(audio_reencoded, FIELD_INT),
    RESULT_FIELD(streams_left_out, FIELD_INT),
    RESULT_FIELD(elapsed_s, FIELD_DOUBLE),
    RESULT_FIELD(busy_s[0], FIELD_DOUBLE),
    RESULT_FIELD(busy_s[1], FIELD_DOUBLE),
    RESULT_FIELD(busy_s[2], FIELD_DOUBLE),
    RESULT_FIELD(busy_s[3], FIELD_DOUBLE),
};

enum { RESULT_FIELD_COUNT = sizeof result_fields / sizeof result_fields[0] };

json_t *video_result_to_json(const VideoResult *result)
{
    json_t *object = json_object();
    for (size_t i = 0; i < RESULT_FIELD_COUNT; i++) {
        const ResultField *field = &result_fields[i];
        const char *source = (const char *)result + field->offset;
        json_t *value = NULL;
        if (field->type == FIELD_INT) {
            value = json_integer(*(const int *)(const void *)source);
        } else if (field->type == FIELD_INT64) {
            value = json_integer(*(const int64_t *)(const void *)source);
        } else {
            value = json_real(*(const double *)(const void *)source);
        }
        (void)json_object_set_new(object, field->name, value);
    }
    (void)json_object_set_new(object, "doubts", doubts_to_json(&result->doubts));
    return object;
}

static bool get_field(const json_t *value, const ResultField *field, char *target)
{
    if (field->type == FIELD_DOUBLE) {
        const double number = json_number_value(value);
        *(double *)(void *)target = number;
        return json_is_number(value) && isfinite(number) && number >= 0;
    }
    const json_int_t number = json_integer_value(value);
    if (!json_is_integer(value) || number < 0 || number > LARGEST_INTEGER) {
        return false;
    }
    if (field->type == FIELD_INT64) {
        *(int64_t *)(void *)target = number;
        return true;
    }
    *(int *)(void *)target = number <= INT32_MAX ? (int)number : 0;
    return number <= INT32_MAX;
}

bool video_result_from_json(const json_t *object, VideoResult *result)
{
    for (size_t i = 0; i < RESULT_FIELD_COUNT; i++) {
        const ResultField *field = &result_fields[i];
        if (!get_field(json_object_get(object, field->name), field, (char *)result + field->offset)) {
            return false;
        }
    }
    /* what an older version stored has none */
    const json_t *doubts = json_object_get(object, "doubts");
    result->doubts = (Doubts){0};
    return doubts == NULL || doubts_from_json(doubts, &result->doubts);
}
