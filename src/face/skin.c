#include "face/skin.h"

#include <math.h>
#include <stdlib.h>

#include "face/models.h"
#include "face/topology.h"
#include "media/frame_view.h"

enum {
    TRIANGLE_CUTS = 3, /* a triangle is sampled in the centres of 3 x 3 equal parts */
    PLACES_PER_TRIANGLE = TRIANGLE_CUTS * TRIANGLE_CUTS,
    CROP_SIZE = 64, /* the face's length */
    FACE_CELLS = 64,
    MIN_SAMPLES = 40,
};

/* The mesh model's crop is so much larger than the face. */
static const float crop_margin = 1.5f;
static const float visible_share = 0.4f;  /* of a triangle's frontal area must be seen */
static const float trimmed_share = 0.1f;  /* at either end, by luma */
static const float outlier_limit = 7.81f; /* squared Mahalanobis distance: 95 % of a normal distribution */
static const float time_constant_s = 0.3f;

/* Triangles of mesh points that lie wholly on skin; all wound alike. */
static const short skin_triangles[][3] = {
    /* forehead */
    {108, 151, 9},
    {151, 337, 9},
    {69, 108, 9},
    {337, 299, 9},
    /* nose */
    {196, 419, 3},
    {419, 248, 3},
    {3, 248, 51},
    {248, 281, 51},
    /* the cheek on the left of an unmirrored picture */
    {117, 118, 50},
    {118, 101, 50},
    {123, 117, 50},
    {123, 50, 187},
    {50, 101, 205},
    {101, 36, 205},
    {50, 205, 187},
    {187, 205, 207},
    {205, 216, 207},
    /* the other */
    {347, 346, 280},
    {330, 347, 280},
    {346, 352, 280},
    {280, 352, 411},
    {330, 280, 425},
    {266, 330, 425},
    {425, 280, 411},
    {425, 411, 427},
    {436, 425, 427},
    /* chin */
    {201, 200, 208},
    {200, 199, 208},
    {200, 421, 428},
    {200, 428, 199},
};

enum {
    TRIANGLE_COUNT = sizeof skin_triangles / sizeof skin_triangles[0],
    PLACE_COUNT = TRIANGLE_COUNT * PLACES_PER_TRIANGLE,
};

static const short whole_face[3] = {33, 263, 152}; /* outer eye corners, chin */

typedef struct Sample {
    float rgb[3];
    float luma;
} Sample;

/* The centre of part `part` of a triangle cut into TRIANGLE_CUTS² equal ones, in barycentric coordinates. */
static void part_centre(int part, float weight[3])
{
    int row = 0;
    while ((row + 1) * (row + 1) <= part) {
        row++;
    }
    int column = part - row * row;
    float third = (float)(column % 2 == 0 ? 1 : 2) / 3.0f;
    float down = ((float)row + (column % 2 == 0 ? 2.0f / 3.0f : 1.0f / 3.0f)) / (float)TRIANGLE_CUTS;
    float across = ((float)(column / 2) + third) / (float)TRIANGLE_CUTS;
    weight[0] = 1.0f - down;
    weight[1] = down - across;
    weight[2] = across;
}

static float triangle_area(const Mesh *mesh, const short corner[3])
{
    float ax = mesh->x[corner[1]] - mesh->x[corner[0]];
    float ay = mesh->y[corner[1]] - mesh->y[corner[0]];
    float bx = mesh->x[corner[2]] - mesh->x[corner[0]];
    float by = mesh->y[corner[2]] - mesh->y[corner[0]];
    return 0.5f * (ax * by - ay * bx);
}

/* A triangle's share of the face as seen from the front. */
static float frontal_share(const short corner[3])
{
    const short *a = corner;
    float area[2];
    for (int i = 0; i < 2; i++, a = whole_face) {
        Point origin = topology_canonical(a[0]);
        Point first = topology_canonical(a[1]);
        Point second = topology_canonical(a[2]);
        area[i] = (first.x - origin.x) * (second.y - origin.y) - (first.y - origin.y) * (second.x - origin.x);
    }
    return area[0] / area[1];
}

int skin_place_count(void)
{
    return PLACE_COUNT;
}

Point skin_place(const Mesh *mesh, int index)
{
    const short *corner = skin_triangles[index / PLACES_PER_TRIANGLE];
    float weight[3];
    part_centre(index % PLACES_PER_TRIANGLE, weight);
    Point point = {0.0f, 0.0f};
    for (int i = 0; i < 3; i++) {
        point.x += weight[i] * mesh->x[corner[i]];
        point.y += weight[i] * mesh->y[corner[i]];
    }
    return point;
}

/* Mean over a square of `reach` pixels to either side, on whole pixels. False outside the picture. */
static bool sample_image(const Image *rgb, Point point, int reach, Sample *sample)
{
    int x = (int)floorf(point.x + 0.5f);
    int y = (int)floorf(point.y + 0.5f);
    if (!(point.x >= 0.0f && point.y >= 0.0f) || x >= rgb->width || y >= rgb->height) {
        return false;
    }
    int x0 = x - reach < 0 ? 0 : x - reach;
    int y0 = y - reach < 0 ? 0 : y - reach;
    int x1 = x + reach >= rgb->width ? rgb->width - 1 : x + reach;
    int y1 = y + reach >= rgb->height ? rgb->height - 1 : y + reach;
    float sum[3] = {0.0f, 0.0f, 0.0f};
    for (int plane = 0; plane < 3; plane++) {
        for (int row = y0; row <= y1; row++) {
            const float *line = rgb->plane[plane] + row * rgb->stride;
            for (int column = x0; column <= x1; column++) {
                sum[plane] += line[column];
            }
        }
        sample->rgb[plane] = sum[plane] / (float)((x1 - x0 + 1) * (y1 - y0 + 1));
    }
    sample->luma = 0.299f * sample->rgb[0] + 0.587f * sample->rgb[1] + 0.114f * sample->rgb[2];
    return true;
}

/* Where a mesh lies in the whole frame of which the picture is a part. */
typedef struct Surroundings {
    const Mesh *mesh;
    int width;
    int height;
} Surroundings;

static bool is_inside(const Surroundings *frame, int place)
{
    Point point = skin_place(frame->mesh, place);
    return point.x >= 0.0f && point.y >= 0.0f && point.x <= (float)(frame->width - 1) &&
           point.y <= (float)(frame->height - 1);
}

static int collect(const Image *rgb, const Mesh *mesh, const Surroundings *frame, Sample samples[PLACE_COUNT])
{
    float face_area = triangle_area(mesh, whole_face);
    float face_size = sqrtf(fabsf(face_area)) * 2.0f; /* about the face's width */
    int reach = (int)(face_size / (float)FACE_CELLS / 2.0f);
    if (!(face_size >= 1.0f)) {
        return 0;
    }
    int count = 0;
    for (int triangle = 0; triangle < TRIANGLE_COUNT; triangle++) {
        float share = triangle_area(mesh, skin_triangles[triangle]) / face_area;
        if (share < visible_share * frontal_share(skin_triangles[triangle])) {
            continue; /* turned away from the camera, or nearly */
        }
        for (int part = 0; part < PLACES_PER_TRIANGLE; part++) {
            int place = triangle * PLACES_PER_TRIANGLE + part;
            if (is_inside(frame, place)) {
                count += sample_image(rgb, skin_place(mesh, place), reach, &samples[count]) ? 1 : 0;
            }
        }
    }
    return count;
}

static int by_luma(const void *a, const void *b)
{
    float left = ((const Sample *)a)->luma;
    float right = ((const Sample *)b)->luma;
    return (left > right) - (left < right);
}

static SkinStats moments(const Sample *samples, int count)
{
    SkinStats stats = {0};
    if (count == 0) {
        return stats;
    }
    for (int i = 0; i < count; i++) {
        for (int plane = 0; plane < 3; plane++) {
            stats.mean[plane] += samples[i].rgb[plane] / (float)count;
        }
    }
    for (int i = 0; i < count; i++) {
        float d[3];
        for (int plane = 0; plane < 3; plane++) {
            d[plane] = samples[i].rgb[plane] - stats.mean[plane];
        }
        const float product[6] = {d[0] * d[0], d[0] * d[1], d[0] * d[2],
                                  d[1] * d[1], d[1] * d[2], d[2] * d[2]};
        for (int k = 0; k < 6; k++) {
            stats.covariance[k] += product[k] / (float)count;
        }
    }
    stats.weight = (float)count / (float)PLACE_COUNT;
    return stats;
}

/* The inverse of the covariance with a little noise added, as rr rg rb gg gb bb. */
static void invert_covariance(const float covariance[6], float inverse[6])
{
    const float noise = 1.0f;
    float rr = covariance[0] + noise;
    float rg = covariance[1];
    float rb = covariance[2];
    float gg = covariance[3] + noise;
    float gb = covariance[4];
    float bb = covariance[5] + noise;
    float minor[6] = {gg * bb - gb * gb, rb * gb - rg * bb, rg * gb - rb * gg,
                      rr * bb - rb * rb, rg * rb - rr * gb, rr * gg - rg * rg};
    float determinant = rr * minor[0] + rg * minor[1] + rb * minor[2];
    for (int k = 0; k < 6; k++) {
        inverse[k] = minor[k] / determinant;
    }
}

/* Moves the samples near the distribution to the front; returns how many. */
static int drop_outliers(Sample *samples, int count, const SkinStats *stats)
{
    float inverse[6];
    invert_covariance(stats->covariance, inverse);
    int kept = 0;
    for (int i = 0; i < count; i++) {
        float r = samples[i].rgb[0] - stats->mean[0];
        float g = samples[i].rgb[1] - stats->mean[1];
        float b = samples[i].rgb[2] - stats->mean[2];
        float distance = inverse[0] * r * r + inverse[3] * g * g + inverse[5] * b * b +
                         2.0f * (inverse[1] * r * g + inverse[2] * r * b + inverse[4] * g * b);
        if (distance <= outlier_limit) {
            samples[kept++] = samples[i];
        }
    }
    return kept;
}

static SkinStats stats_inside(const Image *rgb, const Mesh *mesh, const Surroundings *frame)
{
    Sample samples[PLACE_COUNT];
    int count = collect(rgb, mesh, frame, samples);
    if (count < MIN_SAMPLES) {
        return (SkinStats){0};
    }
    qsort(samples, (size_t)count, sizeof samples[0], by_luma);
    int trimmed = (int)(trimmed_share * (float)count);
    Sample *middle = samples + trimmed;
    int kept = count - 2 * trimmed;
    SkinStats stats = moments(middle, kept);
    return moments(middle, drop_outliers(middle, kept, &stats));
}

SkinStats skin_stats_from_image(const Image *rgb, const Mesh *mesh)
{
    const Surroundings whole = {mesh, rgb->width, rgb->height};
    return stats_inside(rgb, mesh, &whole);
}

Status skin_stats_from_frame(const AVFrame *frame, const Mesh *mesh, bool mirrored, AVRational sar,
                             Image *scratch, SkinStats *stats, Error *err)
{
    *stats = (SkinStats){0};
    const Affine mesh_crop = models_crop_from_mesh(mesh, mirrored, sar);
    const float ratio = (float)MESH_CROP_SIZE / crop_margin / (float)CROP_SIZE;
    const float offset = 0.5f * ((float)(MESH_CROP_SIZE - 1) - ratio * (float)(CROP_SIZE - 1));
    const Affine shrink = {ratio, 0.0f, offset, 0.0f, ratio, offset};
    const Affine crop_to_frame = affine_multiply(&mesh_crop, &shrink);
    Affine frame_to_crop;
    if (!affine_invert(&crop_to_frame, &frame_to_crop)) {
        return STATUS_OK;
    }
    Status status = frame_view_warp(frame, &crop_to_frame, CROP_SIZE, CROP_SIZE, -1.0f, scratch, err);
    if (status != STATUS_OK) {
        return status;
    }
    Mesh in_crop = {0};
    for (int i = 0; i < MESH_POINTS; i++) {
        Point point = affine_apply(&frame_to_crop, (Point){mesh->x[i], mesh->y[i]});
        in_crop.x[i] = point.x;
        in_crop.y[i] = point.y;
    }
    const Surroundings surroundings = {mesh, frame->width, frame->height};
    *stats = stats_inside(scratch, &in_crop, &surroundings);
    return STATUS_OK;
}

void skin_stats_follow(SkinStats *smooth, const SkinStats *now, float dt_s)
{
    if (now->weight <= 0.0f) {
        return;
    }
    if (smooth->weight <= 0.0f) {
        *smooth = *now;
        return;
    }
    float share = 1.0f - expf(-dt_s / time_constant_s);
    for (int i = 0; i < 3; i++) {
        smooth->mean[i] += share * (now->mean[i] - smooth->mean[i]);
    }
    for (int i = 0; i < 6; i++) {
        smooth->covariance[i] += share * (now->covariance[i] - smooth->covariance[i]);
    }
    smooth->weight += share * (now->weight - smooth->weight);
}
