/* All faces of one picture: thorough detection, the mesh in passes, identity. */
#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "face/models.h"
#include "face/models_internal.h"

/* A flag from which no further pass leads to a face. */
static const float hopeless = 0.03f;
/* Two meshes that share more of their boxes are one face seen twice. */
static const float same_face = 0.4f;

static UprightBox bounds(const Mesh *mesh)
{
    UprightBox box = {.x0 = FLT_MAX, .y0 = FLT_MAX, .x1 = -FLT_MAX, .y1 = -FLT_MAX};
    for (int i = 0; i < MESH_POINTS; i++) {
        box.x0 = fminf(box.x0, mesh->x[i]);
        box.y0 = fminf(box.y0, mesh->y[i]);
        box.x1 = fmaxf(box.x1, mesh->x[i]);
        box.y1 = fmaxf(box.y1, mesh->y[i]);
    }
    return box;
}

static Rect to_rect(const UprightBox *box)
{
    return (Rect){(int)floorf(box->x0), (int)floorf(box->y0), (int)ceilf(box->x1) + 1,
                  (int)ceilf(box->y1) + 1};
}

static float rect_area(const Rect *rect)
{
    return (float)(rect->x1 - rect->x0) * (float)(rect->y1 - rect->y0);
}

/* The crop of the first pass follows the detector's box, those of the others the face itself. Only the last
 * flag counts: on a hand or a knee that passes once the mesh soon loses its hold, while a face in profile
 * that the detector's box shows badly gains. */
static Status mesh_in_passes(const FaceModels *models, const AVFrame *frame, const Detection *detection,
                             AVRational sar, Mesh *mesh, float *flag, Error *err)
{
    enum { PASSES = 3 };
    Affine crop = models_crop_from_detection(detection);
    Status status = models_mesh(models, frame, &crop, mesh, flag, err);
    for (int pass = 1; pass < PASSES && status == STATUS_OK && *flag >= hopeless; pass++) {
        crop = models_crop_from_mesh(mesh, detection->mirrored, sar);
        status = models_mesh(models, frame, &crop, mesh, flag, err);
    }
    return status;
}

static bool is_known(const StillFace *faces, int count, const Mesh *mesh)
{
    const UprightBox box = bounds(mesh);
    for (int i = 0; i < count; i++) {
        const UprightBox other = bounds(&faces[i].mesh);
        if (box_overlap(&box, &other) > same_face) {
            return true;
        }
    }
    return false;
}

static int larger_first(const void *a, const void *b)
{
    const float first = rect_area(&((const StillFace *)a)->box);
    const float second = rect_area(&((const StillFace *)b)->box);
    return (first < second) - (first > second);
}

static Status find(const FaceModels *models, const AVFrame *frame, Orientation orientation, AVRational sar,
                   StillFace *found, int *count, Error *err)
{
    Detection detections[BOXES_MAX];
    int detected = 0;
    *count = 0;
    Status status = models_detect_thorough(models, frame, orientation, sar, TURNED_ALL, 0, detections,
                                           BOXES_MAX, &detected, err);
    for (int i = 0; i < detected && status == STATUS_OK; i++) {
        StillFace *face = &found[*count];
        status = models_find_turn(models, frame, &detections[i], err);
        if (status == STATUS_OK) {
            status = mesh_in_passes(models, frame, &detections[i], sar, &face->mesh, &face->score, err);
        }
        if (status == STATUS_OK && face->score >= MESH_FLAG_MIN && !is_known(found, *count, &face->mesh)) {
            const UprightBox box = bounds(&face->mesh);
            face->box = to_rect(&box);
            (*count)++;
        }
    }
    return status;
}

Status face_find_in_frame(const FaceModels *models, const AVFrame *frame, Orientation orientation,
                          AVRational sar, StillFace *faces, int capacity, int *count, Error *err)
{
    StillFace *found = memory_alloc(BOXES_MAX, sizeof *found);
    int found_count = 0;
    Status status = find(models, frame, orientation, sar, found, &found_count, err);
    *count = 0;
    if (status == STATUS_OK) {
        qsort(found, (size_t)found_count, sizeof *found, larger_first);
        *count = found_count < capacity ? found_count : capacity;
    }
    for (int i = 0; i < *count && status == STATUS_OK; i++) {
        if (models->embedder != NULL) {
            status = face_embed(models, frame, &found[i].mesh, found[i].embedding, err);
        }
        faces[i] = found[i];
    }
    memory_free(found);
    *count = status == STATUS_OK ? *count : 0;
    return status;
}

Status face_find_in_still(const FaceModels *models, const AVFrame *still, Orientation orientation,
                          StillFace *faces, int capacity, int *count, Error *err)
{
    return face_find_in_frame(models, still, orientation, (AVRational){1, 1}, faces, capacity, count, err);
}
