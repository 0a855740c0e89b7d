#include "face_measure.h"

#include <math.h>

#include "media/frame_view.h"

enum { FOUND_MAX = 16, PATCH = 16, GROUND_WIDTH = 96, GROUND_HEIGHT = 72 };

/* The middle of a face: this share of its box, looked at coarsely, where encoding leaves little trace. */
static const float inner_share = 0.6f;
/* A change up to the first (and as much again as half of what encoding did around the faces) is no swap; one
 * from the last on is; between them the identity decides. */
static const float change_none = 1.0f;
static const float change_sure = 8.0f;
static const float same_identity = 0.85f;

static float area(const Detection *detection)
{
    return detection->width * detection->height;
}

static Status find_faces(const MeasureConfig *config, const AVFrame *frame, Detection found[FOUND_MAX],
                         int *count, Error *err)
{
    Status status = models_detect(config->models, frame, config->orientation, config->sample_aspect_ratio, 0,
                                  found, FOUND_MAX, count, err);
    if (status == STATUS_OK && *count == 0) {
        status =
            models_detect_rotated(config->models, frame, config->orientation, config->sample_aspect_ratio,
                                  TURNED_NOT, 0, found, FOUND_MAX, count, err);
    }
    return status;
}

static int largest(const Detection *found, int count)
{
    int best = 0;
    for (int i = 1; i < count; i++) {
        best = area(&found[i]) > area(&found[best]) ? i : best;
    }
    return best;
}

/* Mean absolute difference of two pictures over the pixels where `weight` is set (NULL: all). */
static float difference(const Image *a, const Image *b, const unsigned char *weight)
{
    double sum = 0;
    int64_t count = 0;
    for (int p = 0; p < 3; p++) {
        for (int y = 0; y < a->height; y++) {
            for (int x = 0; x < a->width; x++) {
                if (weight == NULL || weight[y * a->width + x] != 0) {
                    sum += (double)fabsf(a->plane[p][a->stride * y + x] - b->plane[p][b->stride * y + x]);
                    count++;
                }
            }
        }
    }
    return count > 0 ? (float)(sum / (double)count) : 0;
}

static Status compare(const AVFrame *frame, const AVFrame *original, const Affine *map, int width, int height,
                      const unsigned char *weight, float *change, Error *err)
{
    Image after = {0};
    Image before = {0};
    Status status = frame_view_warp(frame, map, width, height, 0, &after, err);
    if (status == STATUS_OK) {
        status = frame_view_warp(original, map, width, height, 0, &before, err);
    }
    if (status == STATUS_OK) {
        *change = difference(&after, &before, weight);
    }
    image_free(&after);
    image_free(&before);
    return status;
}

static Status measure_change(const AVFrame *frame, const AVFrame *original, const Detection *found, int count,
                             Measure *measure, Error *err)
{
    const Detection *face = &found[largest(found, count)];
    const Affine crop = models_crop_from_detection(face);
    /* The crop's side is 1.4 boxes. */
    const float scale = inner_share / 1.4f * MESH_CROP_SIZE / PATCH;
    const float offset = (MESH_CROP_SIZE - 1) / 2.0f - scale * (PATCH - 1) / 2.0f;
    const Affine inner = {.a = scale, .c = offset, .e = scale, .f = offset};
    const Affine face_map = affine_multiply(&crop, &inner);
    Status status = compare(frame, original, &face_map, PATCH, PATCH, NULL, &measure->face_change, err);

    const float step_x = (float)frame->width / GROUND_WIDTH;
    const float step_y = (float)frame->height / GROUND_HEIGHT;
    const Affine ground = {.a = step_x, .c = step_x / 2 - 0.5f, .e = step_y, .f = step_y / 2 - 0.5f};
    unsigned char weight[GROUND_WIDTH * GROUND_HEIGHT];
    for (int i = 0; i < GROUND_WIDTH * GROUND_HEIGHT; i++) {
        const int x = i % GROUND_WIDTH;
        const int y = i / GROUND_WIDTH;
        const Point at = affine_apply(&ground, (Point){(float)x, (float)y});
        weight[i] = 1;
        for (int k = 0; k < count; k++) {
            const float reach = fmaxf(found[k].width, found[k].height);
            if (fabsf(at.x - found[k].centre.x) < reach && fabsf(at.y - found[k].centre.y) < reach) {
                weight[i] = 0;
            }
        }
    }
    if (status == STATUS_OK) {
        status = compare(frame, original, &ground, GROUND_WIDTH, GROUND_HEIGHT, weight,
                         &measure->ground_change, err);
    }
    return status;
}

/* Two passes; false in `found` when the flag says that there is no face. */
static Status find_mesh(const MeasureConfig *config, const AVFrame *frame, const Detection *face, Mesh *mesh,
                        bool *found, Error *err)
{
    float flag = 0;
    Affine crop = models_crop_from_detection(face);
    Status status = models_mesh(config->models, frame, &crop, mesh, &flag, err);
    if (status == STATUS_OK && flag >= MESH_FLAG_MIN) {
        crop = models_crop_from_mesh(mesh, face->mirrored, config->sample_aspect_ratio);
        status = models_mesh(config->models, frame, &crop, mesh, &flag, err);
    }
    *found = flag >= MESH_FLAG_MIN;
    return status;
}

/* Whether the face is still the original's. */
static Status judge_swap(const MeasureConfig *config, const AVFrame *frame, const AVFrame *original,
                         const Detection *face, Measure *measure, Error *err)
{
    if (measure->face_change < change_none + 1.5f * measure->ground_change ||
        measure->face_change >= change_sure) {
        measure->unswapped = measure->face_change < change_sure;
        return STATUS_OK;
    }
    Mesh mesh;
    bool found = false;
    float before[EMBEDDING_SIZE];
    float after[EMBEDDING_SIZE];
    Status status = find_mesh(config, original, face, &mesh, &found, err);
    if (status == STATUS_OK) {
        status = face_embed(config->models, original, &mesh, before, err);
    }
    if (status == STATUS_OK) {
        status = face_embed(config->models, frame, &mesh, after, err);
    }
    measure->unswapped = status == STATUS_OK && face_cosine(before, after) >= same_identity;
    return status;
}

static Status measure_identity(const MeasureConfig *config, const AVFrame *frame, const Mesh *mesh,
                               const AVFrame *original, const Mesh *original_mesh, Measure *measure,
                               Error *err)
{
    float after[EMBEDDING_SIZE];
    float before[EMBEDDING_SIZE];
    Status status = face_embed(config->models, frame, mesh, after, err);
    if (status == STATUS_OK && original != NULL) {
        status = face_embed(config->models, original, original_mesh, before, err);
    }
    if (status != STATUS_OK) {
        return status;
    }
    measure->has_cosine = true;
    measure->cosine = face_cosine(after, config->source);
    if (original != NULL) {
        measure->before = face_cosine(before, config->source);
        measure->kept = face_cosine(before, after);
    }
    return STATUS_OK;
}

Status measure_frame(const MeasureConfig *config, int64_t number, const AVFrame *frame,
                     const AVFrame *original, Measure *measure, Error *err)
{
    *measure = (Measure){0};
    const bool sampled = number % config->every == 0;
    const AVFrame *place = original != NULL ? original : frame;
    Detection found[FOUND_MAX];
    int count = 0;
    if (original == NULL && !sampled && !config->jitter) {
        return STATUS_OK;
    }
    Status status = find_faces(config, place, found, &count, err);
    if (status != STATUS_OK || count == 0) {
        return status;
    }
    measure->has_face = true;
    if (original != NULL) {
        status = measure_change(frame, original, found, count, measure, err);
    }
    if (status == STATUS_OK && original != NULL) {
        status = judge_swap(config, frame, original, &found[largest(found, count)], measure, err);
    }
    if (status != STATUS_OK || (!sampled && !config->jitter)) {
        return status;
    }
    Mesh mesh;
    Mesh original_mesh;
    const Detection *face = &found[largest(found, count)];
    bool found_mesh = false;
    status = find_mesh(config, place, face, &original_mesh, &found_mesh, err);
    measure->has_face = measure->has_face && found_mesh;
    if (status != STATUS_OK || !found_mesh) {
        return status;
    }
    mesh = original_mesh;
    if (original != NULL) {
        /* A result that spoils the face so that its mesh is lost is judged at the original's place. */
        status = find_mesh(config, frame, face, &mesh, &found_mesh, err);
        mesh = found_mesh ? mesh : original_mesh;
    }
    measure->has_mesh = true;
    mesh_five_points(&mesh, measure->five);
    mesh_five_points(&original_mesh, measure->before_five);
    measure->side = fmaxf(face->width, face->height);
    return status == STATUS_OK && sampled
               ? measure_identity(config, frame, &mesh, original, &original_mesh, measure, err)
               : status;
}
