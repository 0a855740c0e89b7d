#include "face/face_mask.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "face/align.h"
#include "face/crop_model.h"
#include "face/crop_tensor.h"
#include "image/resample.h"
#include "media/frame_view.h"

/* The mask has half the parser's side, the occluder's own. */
enum { SIDE = 256, PARSER_SIDE = 2 * SIDE, CLASSES = 19, FIRST_REGION_CLASS = 1, CORNERS = MESH_POINTS + 1 };

const char *const face_mask_regions[] = {"skin",    "left-eyebrow", "right-eyebrow", "left-eye", "right-eye",
                                         "glasses", "left-ear",     "right-ear",     "earring",  "nose",
                                         "mouth",   "upper-lip",    "lower-lip",     NULL};

typedef struct Wanted {
    bool box;
    bool hull;
    const KnownModel *occluder; /* NULL: not wanted */
    const KnownModel *parser;
    float blur;
    float padding[4]; /* top, right, bottom, left; 0..1 */
    bool class_[CLASSES];
} Wanted;

typedef struct Scratch {
    bool shown;
    Affine from_frame;
    Image rgb;
    Image mask;
    Image more; /* what is combined with it */
    Image soft;
    float *in;
    float *out;
} Scratch;

struct FaceMask {
    Wanted wanted;
    AVRational aspect;
    Session *occluder;
    Session *parser;
    int threads;
    Scratch *scratch;
};

/* ---- options ---- */

static bool has(const TextList *list, const char *word)
{
    for (size_t i = 0; list != NULL && i < list->count; i++) {
        if (strcmp(list->items[i], word) == 0) {
            return true;
        }
    }
    return false;
}

/* One to four numbers, as in style sheets. */
static Status read_padding(const char *text, float padding[4], Error *err)
{
    float value[4] = {0};
    int count = 0;
    const char *at = text != NULL ? text : "0";
    bool good = true;
    for (bool more = true; good && more;) {
        char *end = NULL;
        const double number = strtod(at, &end);
        good = end != at && count < 4 && number >= 0 && number < 100 && (*end == ',' || *end == '\0');
        if (good) {
            value[count++] = (float)number / 100;
        }
        more = *end == ',';
        at = end + 1;
    }
    padding[0] = value[0];
    padding[1] = count > 1 ? value[1] : value[0];
    padding[2] = count > 2 ? value[2] : value[0];
    padding[3] = count > 3 ? value[3] : padding[1];
    if (good && padding[0] + padding[2] < 1 && padding[1] + padding[3] < 1) {
        return STATUS_OK;
    }
    (void)error_setf(err, ERROR_USAGE, "cannot mask faces", NULL, "\"%s\" is no padding of a box", text);
    error_advise(err,
                 "--face-mask-padding takes one to four percentages: top,right,bottom,left, as 0,5,10,5; "
                 "opposite ones make less than 100 together");
    return STATUS_FAILED;
}

static Status find_model(const char *name, ModelRole role, const char *option, const KnownModel **model,
                         Error *err)
{
    *model = crop_model_named(name != NULL ? name : "", role, "cannot mask faces", option, NULL, err);
    return *model != NULL ? STATUS_OK : STATUS_FAILED;
}

static Status read_options(const FaceMaskOptions *options, Wanted *wanted, Error *err)
{
    *wanted = (Wanted){
        .box = has(options->kinds, "box"), .hull = has(options->kinds, "hull"), .blur = options->blur};
    const bool all = options->regions == NULL || options->regions->count == 0;
    for (int i = 0; face_mask_regions[i] != NULL; i++) {
        wanted->class_[FIRST_REGION_CLASS + i] = all || has(options->regions, face_mask_regions[i]);
    }
    Status status = read_padding(options->padding, wanted->padding, err);
    if (status == STATUS_OK && has(options->kinds, "occlusion")) {
        status = find_model(options->occluder, MODEL_OCCLUDER, "face-occluder-model", &wanted->occluder, err);
    }
    if (status == STATUS_OK && has(options->kinds, "region")) {
        status = find_model(options->parser, MODEL_PARSER, "face-parser-model", &wanted->parser, err);
    }
    return status;
}

static bool is_wanted(const FaceMaskOptions *options)
{
    return options->kinds != NULL && options->kinds->count > 0;
}

static size_t input_floats(const Wanted *wanted)
{
    const size_t side = wanted->parser != NULL ? PARSER_SIDE : SIDE;
    return 3 * side * side;
}

static size_t output_floats(const Wanted *wanted)
{
    return wanted->parser != NULL ? (size_t)CLASSES * PARSER_SIDE * PARSER_SIDE : (size_t)SIDE * SIDE;
}

Status face_mask_models(const FaceMaskOptions *options, const KnownModel *models[FACE_MASK_MODELS_MOST],
                        int *count, int64_t *thread_bytes, Error *err)
{
    /* What such networks keep while they run, floats a pixel of their picture: a U-Net has some layers of 32
     * to 64 channels at its full size, a BiSeNet begins at half of it. */
    enum { OCCLUDER_FLOATS = 7 * 64, PARSER_FLOATS = 150, MASK_FLOATS = 3 };
    Wanted wanted;
    *count = 0;
    *thread_bytes = 0;
    if (!is_wanted(options)) {
        return STATUS_OK;
    }
    if (read_options(options, &wanted, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    int64_t floats = MASK_FLOATS * SIDE * SIDE;
    if (wanted.occluder != NULL) {
        models[(*count)++] = wanted.occluder;
        floats += OCCLUDER_FLOATS * SIDE * SIDE;
    }
    if (wanted.parser != NULL) {
        models[(*count)++] = wanted.parser;
        floats += PARSER_FLOATS * PARSER_SIDE * PARSER_SIDE;
    }
    if (*count > 0) {
        floats += (int64_t)(2 * input_floats(&wanted) + output_floats(&wanted));
    }
    *thread_bytes = floats * (int64_t)sizeof(float);
    return STATUS_OK;
}

void face_mask_free(FaceMask **mask)
{
    FaceMask *m = *mask;
    if (m == NULL) {
        return;
    }
    for (int i = 0; i < m->threads; i++) {
        Scratch *s = &m->scratch[i];
        image_free(&s->rgb);
        image_free(&s->mask);
        image_free(&s->more);
        image_free(&s->soft);
        memory_free(s->in);
        memory_free(s->out);
    }
    memory_free(m->scratch);
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
    Status status = read_options(&config->options, &m->wanted, err);
    const Wanted *w = &m->wanted;
    if (status == STATUS_OK && w->occluder != NULL) {
        status = known_model_open(&m->occluder, w->occluder, config->models_dir, config->provider, 1, err);
    }
    if (status == STATUS_OK && w->parser != NULL) {
        status = known_model_open(&m->parser, w->parser, config->models_dir, config->provider, 1, err);
    }
    if (status != STATUS_OK) {
        face_mask_free(&m);
        return status;
    }
    m->threads = config->threads > 0 ? config->threads : 1;
    m->scratch = memory_alloc((size_t)m->threads, sizeof *m->scratch);
    for (int i = 0; (w->occluder != NULL || w->parser != NULL) && i < m->threads; i++) {
        m->scratch[i].in = memory_alloc(input_floats(w), sizeof(float));
        m->scratch[i].out = memory_alloc(output_floats(w), sizeof(float));
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

static void lower(float *value, float limit)
{
    *value = *value < limit ? *value : limit;
}

static void limit_to_box(const Wanted *w, Image *mask)
{
    const float low = -0.5F;
    const float x0 = low + w->padding[3] * SIDE;
    const float x1 = SIDE + low - w->padding[1] * SIDE;
    const float y0 = low + w->padding[0] * SIDE;
    const float y1 = SIDE + low - w->padding[2] * SIDE;
    const float width = w->blur * fminf(x1 - x0, y1 - y0) / 2;
    for (int y = 0; y < SIDE; y++) {
        const float down = rising(fminf((float)y - y0, y1 - (float)y), width);
        for (int x = 0; x < SIDE; x++) {
            lower(&mask->plane[0][y * mask->stride + x],
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
            while (count - first >= 2 && turn_of(corner[count - 2], corner[count - 1], p) <= 0) {
                count--;
            }
            if (i > 0 || pass == 0) {
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

static void limit_to_hull(const Wanted *w, const Mesh *mesh, const Affine *from_frame, Image *mask)
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
    for (int y = 0; y < SIDE; y++) {
        for (int x = 0; x < SIDE; x++) {
            const float depth = depth_in_hull(corner, count, (Point){(float)x, (float)y});
            lower(&mask->plane[0][y * mask->stride + x], rising(depth, width));
        }
    }
}

/* ---- by models ---- */

static void mean_of_five(const float *from, ptrdiff_t step, int at, float *to)
{
    enum { REACH = 2 };
    float sum = 0;
    for (int i = at - REACH; i <= at + REACH; i++) {
        sum += from[step * (i < 0 ? 0 : i < SIDE ? i : SIDE - 1)];
    }
    *to = sum / (2 * REACH + 1);
}

/* What the models tell ends softly, and inside what they told: 0.5, in the middle of a softened edge, is 0.
 */
static Status combine_softly(Scratch *s, Error *err)
{
    Image *from = &s->more;
    Image *soft = &s->soft;
    if (image_resize(soft, SIDE, SIDE, 1, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    for (int pass = 0; pass < 3; pass++) {
        for (int y = 0; y < SIDE; y++) {
            for (int x = 0; x < SIDE; x++) {
                mean_of_five(from->plane[0] + y * from->stride, 1, x, &soft->plane[0][y * soft->stride + x]);
            }
        }
        for (int y = 0; y < SIDE; y++) {
            for (int x = 0; x < SIDE; x++) {
                mean_of_five(soft->plane[0] + x, soft->stride, y, &from->plane[0][y * from->stride + x]);
            }
        }
    }
    for (int y = 0; y < SIDE; y++) {
        for (int x = 0; x < SIDE; x++) {
            const float value = from->plane[0][y * from->stride + x];
            lower(&s->mask.plane[0][y * s->mask.stride + x], fminf(fmaxf(2 * value - 1, 0), 1));
        }
    }
    return STATUS_OK;
}

static void interleave(const KnownModel *k, const Image *rgb, float *data)
{
    for (int y = 0; y < rgb->height; y++) {
        for (int x = 0; x < rgb->width; x++) {
            for (int i = 0; i < 3; i++) {
                const float value = rgb->plane[k->bgr ? 2 - i : i][y * rgb->stride + x];
                *data++ = (value - k->mean[i]) * k->scale[i];
            }
        }
    }
}

static Status limit_to_seen(const FaceMask *m, Scratch *s, const AVFrame *frame, const Affine *to_frame,
                            Error *err)
{
    const Tensor input = {.data = s->in, .rank = 4, .shape = {1, SIDE, SIDE, 3}};
    const Tensor output = {.data = s->out, .rank = 4, .shape = {1, SIDE, SIDE, 1}};
    Status status = frame_view_warp(frame, to_frame, SIDE, SIDE, -1, &s->rgb, err);
    if (status == STATUS_OK) {
        image_clamp(&s->rgb, 0, 255);
        interleave(m->wanted.occluder, &s->rgb, s->in);
        status = session_run(m->occluder, &input, 1, &output, 1, err);
    }
    if (status == STATUS_OK) {
        status = image_resize(&s->more, SIDE, SIDE, 1, err);
    }
    if (status != STATUS_OK) {
        return status;
    }
    for (int y = 0; y < SIDE; y++) {
        for (int x = 0; x < SIDE; x++) {
            const float value = s->out[y * SIDE + x];
            s->more.plane[0][y * s->more.stride + x] = value > 0 ? fminf(value, 1) : 0;
        }
    }
    return combine_softly(s, err);
}

static int largest_class(const float *out)
{
    int best = 0;
    for (int i = 1; i < CLASSES; i++) {
        const ptrdiff_t plane = (ptrdiff_t)PARSER_SIDE * PARSER_SIDE;
        best = out[i * plane] > out[best * plane] ? i : best;
    }
    return best;
}

static Status limit_to_regions(const FaceMask *m, Scratch *s, const AVFrame *frame, const Affine *to_frame,
                               Error *err)
{
    const KnownModel *k = m->wanted.parser;
    const Tensor input = {.data = s->in, .rank = 4, .shape = {1, 3, PARSER_SIDE, PARSER_SIDE}};
    const Tensor output = {.data = s->out, .rank = 4, .shape = {1, CLASSES, PARSER_SIDE, PARSER_SIDE}};
    Status status = frame_view_warp(frame, to_frame, PARSER_SIDE, PARSER_SIDE, -1, &s->rgb, err);
    if (status == STATUS_OK) {
        image_clamp(&s->rgb, 0, 255);
        crop_to_tensor(&s->rgb, k->bgr, k->mean, k->scale, s->in);
        status = session_run(m->parser, &input, 1, &output, 1, err);
    }
    if (status == STATUS_OK) {
        status = image_resize(&s->more, PARSER_SIDE, PARSER_SIDE, 1, err);
    }
    if (status != STATUS_OK) {
        return status;
    }
    for (int y = 0; y < PARSER_SIDE; y++) {
        for (int x = 0; x < PARSER_SIDE; x++) {
            const int found = largest_class(s->out + (ptrdiff_t)y * PARSER_SIDE + x);
            s->more.plane[0][y * s->more.stride + x] = (float)m->wanted.class_[found];
        }
    }
    image_shrink(&s->more, PARSER_SIDE / SIDE);
    return combine_softly(s, err);
}

/* ---- */

Status face_mask_take(FaceMask *mask, int thread, const AVFrame *frame, const Face *face, Error *err)
{
    /* Pixel (x, y) of the mask is the middle of four of the parser's. */
    static const Affine to_parser = {.a = 2, .c = 0.5F, .e = 2, .f = 0.5F};
    if (mask == NULL) {
        return STATUS_OK;
    }
    const Wanted *w = &mask->wanted;
    Scratch *s = &mask->scratch[thread];
    Affine parser_to_frame;
    s->shown = false;
    if (!align_mesh(&face->mesh, ALIGN_FFHQ_512, PARSER_SIDE, mask->aspect, &parser_to_frame)) {
        return STATUS_OK;
    }
    const Affine to_frame = affine_multiply(&parser_to_frame, &to_parser);
    if (!affine_invert(&to_frame, &s->from_frame)) {
        return STATUS_OK;
    }
    Status status = image_resize(&s->mask, SIDE, SIDE, 1, err);
    if (status == STATUS_OK) {
        image_fill(&s->mask, 1);
        if (w->box) {
            limit_to_box(w, &s->mask);
        }
        if (w->hull) {
            limit_to_hull(w, &face->mesh, &s->from_frame, &s->mask);
        }
    }
    if (status == STATUS_OK && w->occluder != NULL) {
        status = limit_to_seen(mask, s, frame, &to_frame, err);
    }
    if (status == STATUS_OK && w->parser != NULL) {
        status = limit_to_regions(mask, s, frame, &parser_to_frame, err);
    }
    s->shown = status == STATUS_OK;
    return status;
}

static float texel(const Image *mask, int x, int y)
{
    return x >= 0 && y >= 0 && x < SIDE && y < SIDE ? mask->plane[0][y * mask->stride + x] : 0;
}

/* Bilinear; nothing is shown outside. */
static float mask_at(const Image *mask, Point at)
{
    if (!(at.x > -1 && at.y > -1 && at.x < SIDE && at.y < SIDE)) {
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
    const Scratch *s = &mask->scratch[thread];
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
