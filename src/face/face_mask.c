#include "face/face_mask.h"

#include <math.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "face/align.h"
#include "face/face_mask_internal.h"

enum { CORNERS = MESH_POINTS + 1 };

static bool is_wanted(const FaceMaskOptions *options)
{
    return options->kinds != NULL && options->kinds->count > 0;
}

void face_mask_free(FaceMask **mask)
{
    FaceMask *m = *mask;
    if (m == NULL) {
        return;
    }
    for (int i = 0; i <= m->threads && m->scratch != NULL; i++) {
        MaskScratch *s = &m->scratch[i];
        image_free(&s->rgb);
        image_free(&s->mask);
        image_free(&s->more);
        image_free(&s->soft);
        memory_free(s->in);
        memory_free(s->out);
    }
    memory_free(m->scratch);
    for (int i = 0; m->kept != NULL && i < m->frames * FACES_MAX; i++) {
        memory_free(m->kept[i]);
    }
    memory_free(m->kept);
    for (int i = 0; i < FACES_MAX; i++) {
        memory_free(m->follow[i].mask);
    }
    session_free(&m->occluder);
    session_free(&m->parser);
    memory_free(m);
    *mask = NULL;
}

Status face_mask_open(FaceMask **mask, const FaceMaskConfig *config, Error *err)
{
    *mask = NULL;
    if (!is_wanted(&config->options)) {
        return STATUS_OK;
    }
    FaceMask *m = memory_alloc(1, sizeof *m);
    m->aspect = config->sample_aspect_ratio;
    m->time_base = config->time_base;
    m->threads = config->threads > 0 ? config->threads : 1;
    m->frames = config->frames > 0 ? config->frames : 1;
    m->scratch = memory_alloc((size_t)m->threads + 1, sizeof *m->scratch);
    m->kept = memory_alloc((size_t)m->frames * FACES_MAX, sizeof *m->kept);
    Status status = mask_read_options(&config->options, &m->wanted, err);
    const MaskWanted *w = &m->wanted;
    if (status == STATUS_OK && w->occluder != NULL) {
        status = known_model_open(&m->occluder, w->occluder, config->models_dir, config->provider, m->threads,
                                  err);
    }
    if (status == STATUS_OK && w->parser != NULL) {
        status =
            known_model_open(&m->parser, w->parser, config->models_dir, config->provider, m->threads, err);
    }
    if (status != STATUS_OK) {
        face_mask_free(&m);
        return status;
    }
    *mask = m;
    return STATUS_OK;
}

/* ---- by geometry ---- */

static float rising(float depth, float width)
{
    const float t = width > 0 ? fminf(fmaxf(depth / width, 0), 1) : (float)(depth > 0);
    return t * t * (3 - 2 * t);
}

static void limit_to_box(const MaskWanted *w, Image *mask)
{
    const float low = -0.5F;
    const float x0 = low + w->padding[3] * MASK_SIDE;
    const float x1 = MASK_SIDE + low - w->padding[1] * MASK_SIDE;
    const float y0 = low + w->padding[0] * MASK_SIDE;
    const float y1 = MASK_SIDE + low - w->padding[2] * MASK_SIDE;
    const float width = w->blur * fminf(x1 - x0, y1 - y0) / 2;
    for (int y = 0; y < MASK_SIDE; y++) {
        const float down = rising(fminf((float)y - y0, y1 - (float)y), width);
        for (int x = 0; x < MASK_SIDE; x++) {
            mask_lower(&mask->plane[0][y * mask->stride + x],
                       down * rising(fminf((float)x - x0, x1 - (float)x), width));
        }
    }
}

static int by_place(const void *a, const void *b)
{
    const Point *p = a;
    const Point *q = b;
    const float order = p->x != q->x ? p->x - q->x : p->y - q->y;
    return (order > 0) - (order < 0);
}

static float turn_of(Point a, Point b, Point c)
{
    return (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);
}

/* Andrew's monotone chain: sorts the points; the corners, wound one way, the first again as the last. */
static int convex_hull(Point points[MESH_POINTS], Point corner[CORNERS])
{
    int count = 0;
    qsort(points, MESH_POINTS, sizeof points[0], by_place);
    for (int pass = 0; pass < 2; pass++) {
        const int first = count > 0 ? count - 1 : 0;
        for (int i = 0; i < MESH_POINTS; i++) {
            const Point p = points[pass == 0 ? i : MESH_POINTS - 1 - i];
            while (count - first >= 2 && !(turn_of(corner[count - 2], corner[count - 1], p) > 0)) {
                count--;
            }
            if ((i > 0 || pass == 0) && count < CORNERS) {
                corner[count++] = p;
            }
        }
    }
    return count;
}

/* How far a place lies inside; negative outside. */
static float depth_in_hull(const Point *corner, int count, Point at)
{
    float depth = INFINITY;
    for (int i = 0; i + 1 < count; i++) {
        const float length = hypotf(corner[i + 1].x - corner[i].x, corner[i + 1].y - corner[i].y);
        if (length > 0) {
            depth = fminf(depth, turn_of(corner[i], corner[i + 1], at) / length);
        }
    }
    return depth;
}

static void limit_to_hull(const MaskWanted *w, const Mesh *mesh, const Affine *from_frame, Image *mask)
{
    Point points[MESH_POINTS];
    Point corner[CORNERS];
    float top = INFINITY;
    float bottom = -INFINITY;
    for (int i = 0; i < MESH_POINTS; i++) {
        points[i] = affine_apply(from_frame, (Point){mesh->x[i], mesh->y[i]});
        top = fminf(top, points[i].y);
        bottom = fmaxf(bottom, points[i].y);
    }
    const int count = convex_hull(points, corner);
    const float width = w->blur * fminf(points[MESH_POINTS - 1].x - points[0].x, bottom - top) / 2;
    for (int y = 0; y < MASK_SIDE; y++) {
        for (int x = 0; x < MASK_SIDE; x++) {
            const float depth = depth_in_hull(corner, count, (Point){(float)x, (float)y});
            mask_lower(&mask->plane[0][y * mask->stride + x], rising(depth, width));
        }
    }
}

/* ---- the crop ---- */

/* False: the face has no extent. */
bool mask_place_crop(const FaceMask *m, const Face *face, Affine *parser_to_frame, Affine *to_frame)
{
    /* Pixel (x, y) of the mask is the middle of four of the parser's. */
    static const Affine to_parser = {.a = 2, .c = 0.5F, .e = 2, .f = 0.5F};
    if (!align_mesh(&face->mesh, ALIGN_FFHQ_512, PARSER_SIDE, m->aspect, parser_to_frame)) {
        return false;
    }
    *to_frame = affine_multiply(parser_to_frame, &to_parser);
    return true;
}

Status mask_begin(MaskScratch *s, Error *err)
{
    const Status status = image_resize(&s->mask, MASK_SIDE, MASK_SIDE, 1, err);
    if (status == STATUS_OK) {
        image_fill(&s->mask, 1);
    }
    return status;
}

/* ---- a face ---- */

static void limit_to_kept(const uint8_t *kept, Image *mask)
{
    for (int y = 0; y < MASK_SIDE; y++) {
        for (int x = 0; x < MASK_SIDE; x++) {
            mask_lower(&mask->plane[0][y * mask->stride + x], (float)kept[y * MASK_SIDE + x] / 255);
        }
    }
}

Status face_mask_take(FaceMask *mask, int thread, const AVFrame *frame, const Face *face, Error *err)
{
    if (mask == NULL) {
        return STATUS_OK;
    }
    const MaskWanted *w = &mask->wanted;
    MaskScratch *s = &mask->scratch[thread];
    Affine parser_to_frame;
    Affine to_frame;
    s->shown = false;
    if (!mask_place_crop(mask, face, &parser_to_frame, &to_frame) ||
        !affine_invert(&to_frame, &s->from_frame)) {
        return STATUS_OK;
    }
    Status status = mask_begin(s, err);
    if (status == STATUS_OK && w->box) {
        limit_to_box(w, &s->mask);
    }
    if (status == STATUS_OK && w->hull) {
        limit_to_hull(w, &face->mesh, &s->from_frame, &s->mask);
    }
    if (status == STATUS_OK && face->kept_mask > 0 && mask_has_models(mask)) {
        limit_to_kept(mask->kept[face->kept_mask - 1], &s->mask);
    } else if (status == STATUS_OK && mask_has_models(mask)) {
        status = mask_limit_by_models(mask, s, frame, &parser_to_frame, &to_frame, err);
    }
    s->shown = status == STATUS_OK;
    return status;
}

static float texel(const Image *mask, int x, int y)
{
    return x >= 0 && y >= 0 && x < MASK_SIDE && y < MASK_SIDE ? mask->plane[0][y * mask->stride + x] : 0;
}

/* Bilinear; nothing is shown outside. */
static float mask_at(const Image *mask, Point at)
{
    if (!(at.x > -1 && at.y > -1 && at.x < MASK_SIDE && at.y < MASK_SIDE)) {
        return 0;
    }
    const int x = (int)floorf(at.x);
    const int y = (int)floorf(at.y);
    const float fx = at.x - (float)x;
    const float fy = at.y - (float)y;
    const float above = texel(mask, x, y) * (1 - fx) + texel(mask, x + 1, y) * fx;
    const float below = texel(mask, x, y + 1) * (1 - fx) + texel(mask, x + 1, y + 1) * fx;
    return above * (1 - fy) + below * fy;
}

void face_mask_limit(const FaceMask *mask, int thread, Rect band, Image *delta)
{
    if (mask == NULL) {
        return;
    }
    const MaskScratch *s = &mask->scratch[thread];
    for (int y = band.y0; y < band.y1; y++) {
        const ptrdiff_t row = (y - band.y0) * delta->stride;
        for (int x = band.x0; x < band.x1; x++) {
            const Point at = affine_apply(&s->from_frame, (Point){(float)x, (float)y});
            const float share = s->shown ? mask_at(&s->mask, at) : 0;
            for (int i = 0; i < 3; i++) {
                delta->plane[i][row + x - band.x0] *= share;
            }
        }
    }
}
