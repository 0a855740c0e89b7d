#include "face/swapper_paint.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "image/raster.h"

/* How flat a place is seen, against the same place of the frontal face: cosine by cosine. */
static const float facing_low = 0.15F;
static const float facing_high = 0.55F;
/* Around the canonical face's middle, in face widths. */
static const float nose_width = 0.14F;
static const float nose_height = 0.2F;

/* The raster's attributes: texture and plane coordinates as texture_fetch takes them, and the weight. */
enum { U, V, PLANE_X, PLANE_Y, WEIGHT };

typedef struct Order {
    float z;
    short triangle;
    bool front; /* looks at the camera */
} Order;

struct Paint {
    float frontal[MESH_POINTS]; /* how much the canonical face's points look at the camera: cosine */
    float nose[MESH_POINTS];    /* 0..1: on the nose, whose parts hide each other at any pose */
    float facing[MESH_POINTS];
    RasterVertex vertex[MESH_POINTS];
    RasterTriangle triangle[TOPOLOGY_MAX_TRIANGLES]; /* far to near */
    int triangles;
    const TextureLevel *level; /* of the source's texture */
    Float4 *pixels;
    size_t capacity;
};

/* The cosine between the view and the normal of each point (mean over its triangles by area), negative when
 * it looks away. */
static void point_cosines(const Mesh *mesh, float cosine[MESH_POINTS])
{
    float normal[MESH_POINTS][3] = {0};
    float turn = 0;
    for (int t = 0; t < topology_triangle_count; t++) {
        const short *c = topology_triangles[t];
        const float ax = mesh->x[c[1]] - mesh->x[c[0]];
        const float ay = mesh->y[c[1]] - mesh->y[c[0]];
        const float az = mesh->z[c[1]] - mesh->z[c[0]];
        const float bx = mesh->x[c[2]] - mesh->x[c[0]];
        const float by = mesh->y[c[2]] - mesh->y[c[0]];
        const float bz = mesh->z[c[2]] - mesh->z[c[0]];
        const float n[3] = {ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx};
        turn += n[2];
        for (int i = 0; i < 3; i++) {
            for (int k = 0; k < 3; k++) {
                normal[c[i]][k] += n[k];
            }
        }
    }
    const float side = turn < 0 ? -1 : 1;
    for (int i = 0; i < MESH_POINTS; i++) {
        const float length =
            sqrtf(normal[i][0] * normal[i][0] + normal[i][1] * normal[i][1] + normal[i][2] * normal[i][2]);
        cosine[i] = length > 0 ? side * normal[i][2] / length : 0;
    }
}

/* 1 up to `reach`, then down to 0 at 1.5 times as much. */
static float fall_off(float distance, float reach)
{
    return fminf(fmaxf(3 - 2 * distance / reach, 0), 1);
}

Status paint_make(Paint **out, Error *err)
{
    Paint *paint = memory_alloc_aligned(sizeof *paint);
    *out = paint;
    if (paint == NULL) {
        return error_set(err, ERROR_MEMORY, "cannot prepare the face swapper", NULL, "no memory");
    }
    Mesh canonical;
    for (int i = 0; i < MESH_POINTS; i++) {
        canonical.x[i] = topology_points[i][0];
        canonical.y[i] = topology_points[i][1];
        canonical.z[i] = topology_points[i][2];
    }
    point_cosines(&canonical, paint->frontal);
    for (int i = 0; i < MESH_POINTS; i++) {
        const Point p = topology_canonical(i);
        paint->nose[i] = fall_off(fabsf(p.x), nose_width) * fall_off(fabsf(p.y), nose_height);
    }
    return STATUS_OK;
}

void paint_free(Paint **paint)
{
    if (*paint != NULL) {
        memory_free((*paint)->pixels);
        memory_free(*paint);
        *paint = NULL;
    }
}

const float *paint_facing(const Paint *paint)
{
    return paint->facing;
}

static void fill_vertices(Paint *paint, const Source *source, const Face *face)
{
    float cosine[MESH_POINTS];
    point_cosines(&face->mesh, cosine);
    for (int i = 0; i < MESH_POINTS; i++) {
        const float relative = cosine[i] / fmaxf(paint->frontal[i], 0.2F);
        const float t = fminf(fmaxf((relative - facing_low) / (facing_high - facing_low), 0), 1);
        paint->facing[i] = fmaxf(t * t * (3 - 2 * t), paint->nose[i]);
        const Point on_plane = canonical_plane_point(i);
        RasterVertex *vertex = &paint->vertex[i];
        vertex->x = face->mesh.x[i];
        vertex->y = face->mesh.y[i];
        vertex->attribute[U] = texture_coordinate(paint->level, source->mesh.x[i]);
        vertex->attribute[V] = texture_coordinate(paint->level, source->mesh.y[i]);
        vertex->attribute[PLANE_X] = on_plane.x + 1; /* the plane's only level has the scale 1 */
        vertex->attribute[PLANE_Y] = on_plane.y + 1;
        vertex->attribute[WEIGHT] = paint->facing[i] * fminf(face->opacity, 1);
    }
}

/* Those that look away come before all others: they fill gaps at the edges of what hides them. */
static int far_first(const void *a, const void *b)
{
    const Order *first = a;
    const Order *second = b;
    if (first->front != second->front) {
        return first->front ? 1 : -1;
    }
    if (first->z != second->z) {
        return first->z < second->z ? 1 : -1;
    }
    return first->triangle - second->triangle;
}

static float mesh_turn(const Mesh *mesh)
{
    float turn = 0;
    for (int t = 0; t < topology_triangle_count; t++) {
        const short *c = topology_triangles[t];
        turn += (mesh->x[c[1]] - mesh->x[c[0]]) * (mesh->y[c[2]] - mesh->y[c[0]]) -
                (mesh->y[c[1]] - mesh->y[c[0]]) * (mesh->x[c[2]] - mesh->x[c[0]]);
    }
    return turn;
}

static Rect vertex_bounds(const Paint *paint)
{
    float x0 = INFINITY, y0 = INFINITY, x1 = -INFINITY, y1 = -INFINITY;
    for (int i = 0; i < MESH_POINTS; i++) {
        x0 = fminf(x0, paint->vertex[i].x);
        y0 = fminf(y0, paint->vertex[i].y);
        x1 = fmaxf(x1, paint->vertex[i].x);
        y1 = fmaxf(y1, paint->vertex[i].y);
    }
    if (!(x0 > -1e6F && y0 > -1e6F && x1 < 1e6F && y1 < 1e6F)) {
        return (Rect){0};
    }
    return (Rect){(int)floorf(x0), (int)floorf(y0), (int)ceilf(x1) + 1, (int)ceilf(y1) + 1};
}

Rect paint_prepare(Paint *paint, const Source *source, const Face *face)
{
    const float turn = mesh_turn(&face->mesh);
    const float side = turn < 0 ? -1 : 1;
    const float source_turn = fabsf(mesh_turn(&source->mesh));
    paint->triangles = 0;
    if (!(fabsf(turn) > 1)) {
        return (Rect){0};
    }
    paint->level = texture_level(&source->texture, sqrtf(source_turn / fabsf(turn)));
    fill_vertices(paint, source, face);
    Order order[TOPOLOGY_MAX_TRIANGLES];
    int count = 0;
    for (int t = 0; t < topology_triangle_count; t++) {
        const short *c = topology_triangles[t];
        const RasterVertex *v = paint->vertex;
        const float weight =
            v[c[0]].attribute[WEIGHT] + v[c[1]].attribute[WEIGHT] + v[c[2]].attribute[WEIGHT];
        if (weight > 0) {
            const bool front = side * raster_area2(&v[c[0]], &v[c[1]], &v[c[2]]) > 0;
            order[count++] =
                (Order){face->mesh.z[c[0]] + face->mesh.z[c[1]] + face->mesh.z[c[2]], (short)t, front};
        }
    }
    if (count == 0) {
        return (Rect){0};
    }
    qsort(order, (size_t)count, sizeof order[0], far_first);
    for (int i = 0; i < count; i++) {
        const short *c = topology_triangles[order[i].triangle];
        paint->triangles += raster_prepare(&paint->vertex[c[0]], &paint->vertex[c[1]], &paint->vertex[c[2]],
                                           &paint->triangle[paint->triangles]);
    }
    return paint->triangles > 0 ? vertex_bounds(paint) : (Rect){0};
}

typedef int Int4 __attribute__((vector_size(16)));

typedef struct Shader {
    const TextureLevel *texture;
    const TextureLevel *field;
    Float4 largest;   /* coordinates */
    Float4 column[3]; /* of the colour matrix; the last element 0 */
    Float4 offset;
    Float4 *pixels;
    Rect band;
} Shader;

/* Held within 0..largest, without a jump. */
SIMD_INLINE Float4 float4_clamp(Float4 value, Float4 largest)
{
    const Int4 positive = (Int4)value & (value > float4_all(0));
    const Int4 fits = (Float4)positive < largest;
    return (Float4)((positive & fits) | ((Int4)largest & ~fits));
}

SIMD_CLONES
static void shade_span(void *context, int y, int x0, int x1, const float at[RASTER_ATTRIBUTES],
                       const float step[RASTER_ATTRIBUTES])
{
    const Shader s = *(const Shader *)context;
    Float4 *out = s.pixels + (ptrdiff_t)(y - s.band.y0) * (s.band.x1 - s.band.x0) - s.band.x0;
    const Float4 start = {at[U], at[V], at[PLANE_X], at[PLANE_Y]};
    const Float4 change = {step[U], step[V], step[PLANE_X], step[PLANE_Y]};
    for (int x = x0; x < x1; x++) {
        const float along = (float)(x - x0);
        Float4 place = start + change * float4_all(along);
        place = float4_clamp(place, s.largest);
        const Int4 whole = __builtin_convertvector(place, Int4);
        const Float4 part = place - __builtin_convertvector(whole, Float4);
        const Float4 texel = texture_fetch(s.texture, whole[0], whole[1], part[0], part[1]);
        const Float4 gain = texture_fetch(s.field, whole[2], whole[3], part[2], part[3]);
        Float4 colour = s.offset + s.column[0] * float4_all(texel[0]) + s.column[1] * float4_all(texel[1]) +
                        s.column[2] * float4_all(texel[2]);
        colour *= gain;
        float weight = at[WEIGHT] + step[WEIGHT] * along;
        weight = weight > 0 ? weight : 0;
        colour[3] = (weight < 1 ? weight : 1) * gain[3];
        out[x] = colour;
    }
}

const Float4 *paint_band(Paint *paint, const Texture *field, const ColourMap *colours, Rect band, Error *err)
{
    const size_t count = (size_t)(band.x1 - band.x0) * (size_t)(band.y1 - band.y0);
    if (count > paint->capacity) {
        memory_free(paint->pixels);
        paint->capacity = 0;
        paint->pixels = memory_alloc_aligned(count * sizeof(Float4));
        if (paint->pixels == NULL) {
            (void)error_set(err, ERROR_MEMORY, "cannot swap a face", NULL, "no memory for its pixels");
            return NULL;
        }
        paint->capacity = count;
    }
    memset(paint->pixels, 0, count * sizeof(Float4));
    const float *m = colours->matrix;
    const float *o = colours->offset;
    Shader shader = {
        .texture = paint->level,
        .field = &field->level[0],
        .largest = {(float)paint->level->width, (float)paint->level->height, (float)field->level[0].width,
                    (float)field->level[0].height},
        .column = {{m[0], m[3], m[6], 0}, {m[1], m[4], m[7], 0}, {m[2], m[5], m[8], 0}},
        .offset = {o[0], o[1], o[2], 0},
        .pixels = paint->pixels,
        .band = band,
    };
    for (int i = 0; i < paint->triangles; i++) {
        raster_draw(&paint->triangle[i], band, shade_span, &shader);
    }
    return paint->pixels;
}
