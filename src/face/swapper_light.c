#include "face/swapper_light.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "media/frame_view.h"

enum {
    CROP_SIZE = 80, /* pixels for the face's longer side: a node's cell is about two of them wide */
    BLUR_RADIUS = 8,
};

static const float light_sigma = 3.0F; /* nodes; a face is PLANE_SCALE / NODE_STEP = 28 nodes wide */
static const float rim_sigma = 1.3F;
static const float rim_full = 0.25F; /* blurred weight from which on the rim decides alone */
static const float rim_gain_low = 0.6F;
static const float gain_low = 0.35F;
static const float gain_high = 2.5F;
static const float dark_offset = 4.0F; /* added to both before they are divided: tames noise in the dark */
static const float skin_widen = 6;
static const float skin_shading = 0.15F;
static const float skin_noise = 12;
static const float least_weight =
    1e-3F; /* of places that look like no skin: they decide where nothing else is */

Status light_field_make(LightField **out, Error *err)
{
    LightField *field = memory_alloc_aligned(sizeof *field);
    *out = field;
    if (field == NULL) {
        return error_set(err, ERROR_MEMORY, "cannot prepare the face swapper", NULL, "no memory");
    }
    return texture_resize(&field->texture, PLANE_WIDTH, PLANE_HEIGHT, 1, err);
}

void light_field_free(LightField **field)
{
    if (*field != NULL) {
        texture_free(&(*field)->texture);
        image_free(&(*field)->crop);
        memory_free(*field);
        *field = NULL;
    }
}

/* From crop pixels to the frame: upright, whatever the face's turn, as that is the fastest to sample. */
static Affine crop_map(const Mesh *mesh, int *width, int *height)
{
    float x0 = mesh->x[0], y0 = mesh->y[0], x1 = x0, y1 = y0;
    for (int i = 1; i < MESH_POINTS; i++) {
        x0 = fminf(x0, mesh->x[i]);
        y0 = fminf(y0, mesh->y[i]);
        x1 = fmaxf(x1, mesh->x[i]);
        y1 = fmaxf(y1, mesh->y[i]);
    }
    const float scale = fmaxf(fmaxf(x1 - x0, y1 - y0) / CROP_SIZE, 1);
    *width = (int)ceilf((x1 - x0) / scale) + 2;
    *height = (int)ceilf((y1 - y0) / scale) + 2;
    return (Affine){scale, 0, x0, 0, scale, y0};
}

static float bilinear(const Image *image, int plane, float x, float y)
{
    x = fminf(fmaxf(x, 0), (float)(image->width - 1));
    y = fminf(fmaxf(y, 0), (float)(image->height - 1));
    const int left = (int)fminf(x, (float)(image->width - 2));
    const int top = (int)fminf(y, (float)(image->height - 2));
    const float fx = x - (float)left;
    const float fy = y - (float)top;
    const float *row = image->plane[plane] + top * image->stride + left;
    const float *next = row + image->stride;
    const float above = row[0] + fx * (row[1] - row[0]);
    const float below = next[0] + fx * (next[1] - next[0]);
    return above + fy * (below - above);
}

static float facing_at(const float facing[MESH_POINTS], MeshPlace place)
{
    const short *corner = topology_triangles[place.triangle];
    return facing[corner[0]] * (1 - place.second - place.third) + facing[corner[1]] * place.second +
           facing[corner[2]] * place.third;
}

static void measure(LightField *field, const CanonicalPlane *plane, const Source *source,
                    const AVFrame *frame, const Face *face, const float facing[MESH_POINTS],
                    const ColourMap *colours, const Affine *to_crop)
{
    const SkinDistance skin = skin_distance_prepare(&face->skin, skin_widen, skin_shading, skin_noise);
    for (int node = 0; node < NODES; node++) {
        field->target[node] = float4_all(0);
        field->source[node] = float4_all(0);
        field->rim_target[node] = float4_all(0);
        field->rim_source[node] = float4_all(0);
        const Point texel = canonical_node_texel(node);
        const MeshPlace place = plane->place[(int)(texel.y + 0.5F) * PLANE_WIDTH + (int)(texel.x + 0.5F)];
        if (place.triangle < 0 || !(source->node_weight[node] > 0)) {
            continue;
        }
        const Point at = mesh_place_point(&face->mesh, place);
        if (!(at.x >= 0 && at.y >= 0 && at.x <= (float)(frame->width - 1) &&
              at.y <= (float)(frame->height - 1))) {
            continue;
        }
        const Point in_crop = affine_apply(to_crop, at);
        float rgb[3];
        for (int i = 0; i < 3; i++) {
            rgb[i] = bilinear(&field->crop, i, in_crop.x, in_crop.y);
        }
        const float distance = skin_distance(&skin, rgb) / 9;
        const float likely = 1 / (1 + distance * distance) + least_weight;
        const float weight = likely * source->node_weight[node] * (facing_at(facing, place) + least_weight);
        float mapped[3];
        colour_map_apply(colours, source->node_rgb[node], mapped);
        field->target[node] = (Float4){rgb[0], rgb[1], rgb[2], 1} * float4_all(weight);
        field->source[node] = (Float4){mapped[0], mapped[1], mapped[2], 1} * float4_all(weight);
        const Float4 rim = float4_all(source->node_rim[node]);
        field->rim_target[node] = field->target[node] * rim;
        field->rim_source[node] = field->source[node] * rim;
    }
}

SIMD_CLONES
static void blur(Float4 *nodes, Float4 *scratch, const float kernel[2 * BLUR_RADIUS + 1])
{
    for (int y = 0; y < NODES_Y; y++) {
        for (int x = 0; x < NODES_X; x++) {
            Float4 sum = float4_all(0);
            const int from = x < BLUR_RADIUS ? -x : -BLUR_RADIUS;
            const int to = NODES_X - 1 - x < BLUR_RADIUS ? NODES_X - 1 - x : BLUR_RADIUS;
            for (int k = from; k <= to; k++) {
                sum += nodes[y * NODES_X + x + k] * float4_all(kernel[k + BLUR_RADIUS]);
            }
            scratch[y * NODES_X + x] = sum;
        }
    }
    for (int y = 0; y < NODES_Y; y++) {
        const int from = y < BLUR_RADIUS ? -y : -BLUR_RADIUS;
        const int to = NODES_Y - 1 - y < BLUR_RADIUS ? NODES_Y - 1 - y : BLUR_RADIUS;
        for (int x = 0; x < NODES_X; x++) {
            Float4 sum = float4_all(0);
            for (int k = from; k <= to; k++) {
                sum += scratch[(y + k) * NODES_X + x] * float4_all(kernel[k + BLUR_RADIUS]);
            }
            nodes[y * NODES_X + x] = sum;
        }
    }
}

static void fill_kernel(float kernel[2 * BLUR_RADIUS + 1], float sigma)
{
    float sum = 0;
    for (int k = -BLUR_RADIUS; k <= BLUR_RADIUS; k++) {
        kernel[k + BLUR_RADIUS] = expf(-0.5F * (float)(k * k) / (sigma * sigma));
        sum += kernel[k + BLUR_RADIUS];
    }
    for (int k = 0; k <= 2 * BLUR_RADIUS; k++) {
        kernel[k] /= sum;
    }
}

static Float4 ratio(Float4 target, Float4 source, float low, float high)
{
    Float4 gain = float4_all(1);
    for (int i = 0; i < 3 && target[3] > 1e-9F; i++) {
        const float t = target[i] / target[3] + dark_offset;
        const float s = fmaxf(source[i] / source[3], 0) + dark_offset;
        gain[i] = fminf(fmaxf(t / s, low), high);
    }
    return gain;
}

/* The gains, into field->target. */
static void divide(LightField *field, const float light_kernel[], const float rim_kernel[])
{
    blur(field->target, field->scratch, light_kernel);
    blur(field->source, field->scratch, light_kernel);
    for (int node = 0; node < NODES; node++) {
        const Float4 gain = ratio(field->target[node], field->source[node], gain_low, gain_high);
        field->target[node] = gain;
        const float weight = field->rim_source[node][3];
        field->rim_source[node] *= gain;
        field->rim_source[node][3] = weight;
    }
    blur(field->rim_target, field->scratch, rim_kernel);
    blur(field->rim_source, field->scratch, rim_kernel);
    for (int node = 0; node < NODES; node++) {
        const float near = fminf(field->rim_target[node][3] / rim_full, 1);
        const Float4 rest =
            ratio(field->rim_target[node], field->rim_source[node], rim_gain_low, 1 / rim_gain_low);
        field->target[node] *= float4_all(1) + float4_all(near) * (rest - float4_all(1));
    }
}

SIMD_CLONES
static void spread(const Float4 *nodes, const float *mask, TextureLevel *level)
{
    const float middle = (float)(NODE_STEP - 1) * 0.5F;
    for (int y = 0; y < PLANE_HEIGHT; y++) {
        const float v = fminf(fmaxf(((float)y - middle) / NODE_STEP, 0), (float)(NODES_Y - 1) - 1e-3F);
        const int row = (int)v;
        const Float4 fy = float4_all(v - (float)row);
        for (int x = 0; x < PLANE_WIDTH; x++) {
            const float u = fminf(fmaxf(((float)x - middle) / NODE_STEP, 0), (float)(NODES_X - 1) - 1e-3F);
            const int column = (int)u;
            const Float4 fx = float4_all(u - (float)column);
            const Float4 *at = nodes + row * NODES_X + column;
            const Float4 above = at[0] + fx * (at[1] - at[0]);
            const Float4 below = at[NODES_X] + fx * (at[NODES_X + 1] - at[NODES_X]);
            Float4 gain = above + fy * (below - above);
            gain[3] = mask[y * PLANE_WIDTH + x];
            level->origin[(ptrdiff_t)y * level->stride + x] = gain;
        }
    }
}

Status light_field_update(LightField *field, const CanonicalPlane *plane, const Source *source,
                          const AVFrame *frame, const Face *face, const float facing[MESH_POINTS],
                          const ColourMap *colours, Error *err)
{
    int width;
    int height;
    const Affine to_frame = crop_map(&face->mesh, &width, &height);
    Affine to_crop;
    if (!affine_invert(&to_frame, &to_crop)) {
        return STATUS_AGAIN;
    }
    if (frame_view_warp(frame, &to_frame, width, height, -1, &field->crop, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    measure(field, plane, source, frame, face, facing, colours, &to_crop);
    float light_kernel[2 * BLUR_RADIUS + 1];
    float rim_kernel[2 * BLUR_RADIUS + 1];
    fill_kernel(light_kernel, light_sigma);
    fill_kernel(rim_kernel, rim_sigma);
    divide(field, light_kernel, rim_kernel);
    spread(field->target, source->blend, &field->texture.level[0]);
    texture_pad(&field->texture.level[0]);
    return STATUS_OK;
}
