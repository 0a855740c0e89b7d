#include "face/source.h"

#include <math.h>

#include "base/alloc.h"
#include "base/log.h"
#include "face/colour.h"
#include "face/models.h"
#include "face/skin.h"
#include "image/resample.h"
#include "media/frame_view.h"
#include "media/still.h"

static const float crop_margin = 0.06F;     /* around the mesh, of its larger side */
static const float largest_enlargement = 4; /* beyond it there is nothing to gain */
static const float black_knee = 0.42F;      /* of the skin's luma */
static const float black_lift = 0.8F;
static const float skin_widen = 4; /* skin's spread over light and shadow, against that of SkinStats */
static const float skin_noise = 10;
/* Squared distances from the widened skin: surely skin, and surely not. */
static const float skin_near = 3;
static const float skin_far = 8;
enum { VALID_BLUR = 2, STILL_FACES = 32 }; /* texels of the canonical plane */

typedef struct Bounds {
    float x0, y0, x1, y1;
} Bounds;

static Bounds mesh_bounds(const Mesh *mesh)
{
    Bounds b = {mesh->x[0], mesh->y[0], mesh->x[0], mesh->y[0]};
    for (int i = 1; i < MESH_POINTS; i++) {
        b.x0 = fminf(b.x0, mesh->x[i]);
        b.y0 = fminf(b.y0, mesh->y[i]);
        b.x1 = fmaxf(b.x1, mesh->x[i]);
        b.y1 = fmaxf(b.y1, mesh->y[i]);
    }
    return b;
}

/* The face's part of the picture, at the picture's own scale or smaller. */
static Status crop_face(const AVFrame *frame, const Mesh *mesh, Image *crop, Mesh *in_crop, Error *err)
{
    const Bounds b = mesh_bounds(mesh);
    const float side = fmaxf(b.x1 - b.x0, b.y1 - b.y0);
    const float margin = side * crop_margin;
    const float shrink = fmaxf(side / (float)SOURCE_FACE, 1);
    const Affine map = {shrink, 0, b.x0 - margin, 0, shrink, b.y0 - margin};
    const int width = (int)ceilf((b.x1 - b.x0 + 2 * margin) / shrink) + 1;
    const int height = (int)ceilf((b.y1 - b.y0 + 2 * margin) / shrink) + 1;
    for (int i = 0; i < MESH_POINTS; i++) {
        in_crop->x[i] = (mesh->x[i] - map.c) / shrink;
        in_crop->y[i] = (mesh->y[i] - map.f) / shrink;
        in_crop->z[i] = mesh->z[i] / shrink;
    }
    return frame_view_warp(frame, &map, width, height, -1, crop, err);
}

static void sample_plane(const TextureLevel *level, const Mesh *mesh, MeshPlace place, float rgb[3])
{
    const Point at = mesh_place_point(mesh, place);
    const Float4 texel = texture_sample(level, at.x, at.y);
    for (int i = 0; i < 3; i++) {
        rgb[i] = texel[i];
    }
}

/* Lifts what is far darker than the skin (painted or photographed black): no video shows a face so dark. */
static void lift_blacks(Image *rgb, const SkinStats *skin)
{
    const float knee = black_knee * colour_luma(skin->mean);
    for (int y = 0; y < rgb->height && skin->weight > 0; y++) {
        float *row[3];
        for (int i = 0; i < 3; i++) {
            row[i] = rgb->plane[i] + y * rgb->stride;
        }
        for (int x = 0; x < rgb->width; x++) {
            const float pixel[3] = {row[0][x], row[1][x], row[2][x]};
            const float below = knee - colour_luma(pixel);
            for (int i = 0; i < 3 && below > 0; i++) {
                row[i][x] += black_lift * below * skin->mean[i] / colour_luma(skin->mean);
            }
        }
    }
}

/* Box blur of the canonical plane, in place through `scratch`. */
static void blur_plane(float *values, float *scratch)
{
    for (int pass = 0; pass < 2; pass++) {
        for (int y = 0; y < PLANE_HEIGHT; y++) {
            for (int x = 0; x < PLANE_WIDTH; x++) {
                float sum = 0;
                for (int k = -VALID_BLUR; k <= VALID_BLUR; k++) {
                    const int column = x + k < 0 ? 0 : (x + k < PLANE_WIDTH ? x + k : PLANE_WIDTH - 1);
                    sum += values[y * PLANE_WIDTH + column];
                }
                scratch[y * PLANE_WIDTH + x] = sum / (2 * VALID_BLUR + 1);
            }
        }
        for (int y = 0; y < PLANE_HEIGHT; y++) {
            for (int x = 0; x < PLANE_WIDTH; x++) {
                float sum = 0;
                for (int k = -VALID_BLUR; k <= VALID_BLUR; k++) {
                    const int row = y + k < 0 ? 0 : (y + k < PLANE_HEIGHT ? y + k : PLANE_HEIGHT - 1);
                    sum += scratch[row * PLANE_WIDTH + x];
                }
                values[y * PLANE_WIDTH + x] = sum / (2 * VALID_BLUR + 1);
            }
        }
    }
}

/* Hair and background are told from the face by colour, near its edge more strictly than inside. */
static float texel_validity(const SkinDistance *skin, float skin_luma, const float rgb[3], float core,
                            float openings)
{
    const float distance = skin_distance(skin, rgb);
    const float share = fminf(fmaxf((skin_far - distance) / (skin_far - skin_near), 0), 1);
    return fmaxf(share, colour_luma(rgb) > skin_luma ? openings : core);
}

static void find_valid(Source *source, const CanonicalPlane *plane, const TextureLevel *level)
{
    const SkinDistance skin = skin_distance_prepare(&source->skin, skin_widen, 0, skin_noise);
    const float skin_luma = colour_luma(source->skin.mean);
    const bool measured = source->skin.weight > 0;
    for (int i = 0; i < PLANE_TEXELS; i++) {
        source->valid[i] = 1;
        if (plane->place[i].triangle >= 0 && measured) {
            float rgb[3];
            sample_plane(level, &source->mesh, plane->place[i], rgb);
            source->valid[i] = texel_validity(&skin, skin_luma, rgb, plane->core[i], plane->openings[i]);
        }
    }
    float *scratch = memory_alloc(PLANE_TEXELS, sizeof *scratch);
    blur_plane(source->valid, scratch);
    memory_free(scratch);
    for (int i = 0; i < PLANE_TEXELS; i++) {
        /* Only where all around is good: from there the mask falls off inside what is shown. */
        const float t = fminf(fmaxf((source->valid[i] - 0.45F) / 0.4F, 0), 1);
        source->valid[i] = t * t * (3 - 2 * t);
        source->blend[i] = source->valid[i] * plane->blend[i];
    }
}

/* Means over a node's cell by what is valid in it, so that no background bleeds in. */
static void measure_nodes(Source *source, const CanonicalPlane *plane, const TextureLevel *level)
{
    for (int node = 0; node < NODES; node++) {
        const int corner = node / NODES_X * NODE_STEP * PLANE_WIDTH + node % NODES_X * NODE_STEP;
        float sum[3] = {0};
        float total = 0;
        float edge = 0;
        for (int k = 0; k < NODE_STEP * NODE_STEP; k++) {
            const int i = corner + k / NODE_STEP * PLANE_WIDTH + k % NODE_STEP;
            if (plane->place[i].triangle < 0) {
                continue;
            }
            const float weight = source->valid[i] * plane->skin[i];
            float rgb[3];
            sample_plane(level, &source->mesh, plane->place[i], rgb);
            for (int j = 0; j < 3; j++) {
                sum[j] += weight * rgb[j];
            }
            total += weight;
            edge += source->valid[i] * plane->edge[i];
        }
        const float texels = NODE_STEP * NODE_STEP;
        source->node_weight[node] = total / texels;
        source->node_rim[node] = 4 * edge / texels * (1 - edge / texels);
        for (int j = 0; j < 3 && total > 0; j++) {
            source->node_rgb[node][j] = sum[j] / total;
        }
    }
}

/* The level on which the face is about `texels` wide. */
static const TextureLevel *level_for_face(const Source *source, float texels)
{
    const Bounds b = mesh_bounds(&source->mesh);
    return texture_level(&source->texture, (b.x1 - b.x0) / texels);
}

Status source_from_image(Source **out, const CanonicalPlane *plane, const Image *rgb, const Mesh *mesh,
                         Error *err)
{
    Source *source = memory_alloc_aligned(sizeof *source);
    Image large = {0};
    Image weight = {0};
    const Bounds b = mesh_bounds(mesh);
    const float side = fmaxf(b.x1 - b.x0, b.y1 - b.y0);
    const float factor = fminf(fmaxf((float)SOURCE_FACE / side, 1), largest_enlargement);
    *out = NULL;
    if (source == NULL) {
        return error_set(err, ERROR_MEMORY, "cannot prepare the source face", NULL, "no memory");
    }
    Status status = image_enlarge(rgb, factor, &large, err);
    if (status == STATUS_OK) {
        status = image_resize(&weight, large.width, large.height, 1, err);
    }
    if (status == STATUS_OK) {
        status = texture_resize(&source->texture, large.width, large.height, TEXTURE_MAX_LEVELS, err);
    }
    if (status == STATUS_OK) {
        for (int i = 0; i < MESH_POINTS; i++) {
            source->mesh.x[i] = (mesh->x[i] + 0.5F) * factor - 0.5F;
            source->mesh.y[i] = (mesh->y[i] + 0.5F) * factor - 0.5F;
            source->mesh.z[i] = mesh->z[i] * factor;
        }
        source->skin = skin_stats_from_image(&large, &source->mesh);
        lift_blacks(&large, &source->skin);
        image_fill(&weight, 1);
        texture_load(&source->texture, &large, &weight);
        find_valid(source, plane, level_for_face(source, PLANE_SCALE));
        measure_nodes(source, plane, level_for_face(source, PLANE_SCALE));
        *out = source;
        source = NULL;
    }
    image_free(&large);
    image_free(&weight);
    source_free(&source);
    return status;
}

static Status largest_face(const FaceModels *models, const AVFrame *frame, Orientation orientation,
                           const char *path, Mesh *mesh, Error *err)
{
    StillFace *faces = memory_alloc(STILL_FACES, sizeof *faces);
    int count = 0;
    Status status =
        face_find_in_frame(models, frame, orientation, (AVRational){1, 1}, faces, STILL_FACES, &count, err);
    if (status == STATUS_OK && count == 0) {
        status =
            error_set(err, ERROR_INPUT, "cannot use the source picture", path, "no face was found in it");
        error_advise(err, "give a picture in which one face is seen from the front, sharp and well lit");
    } else if (status == STATUS_OK) {
        *mesh = faces[0].mesh;
        if (count > 1) {
            log_warn("%s shows %d faces: the largest is used as the source", path, count);
        }
    }
    memory_free(faces);
    return status;
}

Status source_face_read(AVFrame **frame, Mesh *mesh, const FaceModels *models, const char *path, Error *err)
{
    *frame = NULL;
    if (path == NULL) {
        (void)error_set(err, ERROR_USAGE, "cannot swap faces", NULL, "there is no source picture");
        error_advise(err, "put a picture with one face into the source folder, or name one with -s");
        return STATUS_FAILED;
    }
    *frame = av_frame_alloc();
    if (*frame == NULL) {
        return error_set(err, ERROR_MEMORY, "cannot read the source picture", path, "no memory");
    }
    Orientation orientation = {0};
    Status status = still_read(path, *frame, &orientation, err);
    if (status == STATUS_OK) {
        status = largest_face(models, *frame, orientation, path, mesh, err);
    }
    if (status != STATUS_OK) {
        av_frame_free(frame);
    }
    return status;
}

Status source_open(Source **source, const FaceModels *models, const CanonicalPlane *plane, const char *path,
                   Error *err)
{
    *source = NULL;
    AVFrame *frame = NULL;
    Image crop = {0};
    Mesh mesh = {0};
    Mesh in_crop = {0};
    Status status = source_face_read(&frame, &mesh, models, path, err);
    if (status == STATUS_OK) {
        status = crop_face(frame, &mesh, &crop, &in_crop, err);
    }
    if (status == STATUS_OK) {
        status = source_from_image(source, plane, &crop, &in_crop, err);
    }
    if (status == STATUS_OK && *source != NULL && !((*source)->skin.weight > 0)) {
        log_warn("%s: the skin's colour could not be measured; the swapped face keeps the source's colours",
                 path);
    }
    image_free(&crop);
    av_frame_free(&frame);
    return status;
}

void source_free(Source **source)
{
    if (*source != NULL) {
        texture_free(&(*source)->texture);
        memory_free(*source);
        *source = NULL;
    }
}
