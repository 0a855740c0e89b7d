#include "face/classical_enhancer.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "face/fineness.h"
#include "face/select.h"
#include "image/simd.h"
#include "media/coding_loss.h"
#include "media/frame_view.h"

enum { MEASURED_REACH = 6 /* of the first two octaves */ };
enum { BAND_ROWS = 32, WINDOW_ROWS = BAND_ROWS + 2 * OCTAVES_REACH };

/* In half axes of the face's ellipse. */
static const float changed_to = 1.15F; /* softly from 1 on */
static const float around_from = 1.25F;
static const float around_to = 1.7F;

/* What is taken of the first two octaves where there is only noise: least squares over faces with white noise
 * of 3 to 10 levels, and compressed by JPEG and H.264. */
static const float noise_gain[2] = {-0.95F, 0.33F};
static const float white_energy = 0.79F; /* of the first octave of white noise of variance 1 */

/* Of the window: picture, smoothings, scratch and RGB; of the band: what is added. */
const int64_t classical_enhancer_column_bytes =
    (int64_t)(WINDOW_ROWS * (OCTAVES_MOST + 2 + 3) + BAND_ROWS * 3) * (int64_t)sizeof(float);

typedef struct Scratch {
    Octaves window; /* rows y0 .. y0 + height of the frame, from column x0 on */
    int x0;
    int y0;
    Image rgb;
    Image delta;
} Scratch;

struct ClassicalEnhancer {
    bool after_swap;
    FaceMask *mask; /* may be NULL */
    int threads;
    Scratch *scratch;
};

ClassicalEnhancer *classical_enhancer_new(int threads, bool after_swap, FaceMask *mask)
{
    ClassicalEnhancer *e = memory_alloc(1, sizeof *e);
    e->after_swap = after_swap;
    e->mask = mask;
    e->threads = threads > 0 ? threads : 1;
    e->scratch = memory_alloc((size_t)e->threads, sizeof *e->scratch);
    return e;
}

void classical_enhancer_free(ClassicalEnhancer **enhancer)
{
    ClassicalEnhancer *e = *enhancer;
    if (e == NULL) {
        return;
    }
    for (int i = 0; i < e->threads; i++) {
        octaves_free(&e->scratch[i].window);
        image_free(&e->scratch[i].rgb);
        image_free(&e->scratch[i].delta);
    }
    memory_free(e->scratch);
    memory_free(e);
    *enhancer = NULL;
}

/* ---- a window that goes down over the face ---- */

typedef struct Pass Pass;

/* Is shown a band of rows, with as many rows around it as count for it. */
struct Pass {
    int reach;     /* rows and columns around a band that count for it */
    int band_step; /* of so many bands one is visited */
    Status (*visit)(Pass *pass, Scratch *scratch, AVFrame *frame, Rect band, Error *err);
    const FaceEllipse *at;
    Fineness face;
    Fineness around;
    bool look_around;
    const Restoration *restoration;
    float opacity;
    const FaceMask *mask;
    int thread;
};

SIMD_CLONES static void luma_row(const float *restrict red, const float *restrict green,
                                 const float *restrict blue, int count, float *restrict luma)
{
    SIMD_LOOP
    for (int x = 0; x < count; x++) {
        luma[x] = 0.299F * red[x] + 0.587F * green[x] + 0.114F * blue[x];
    }
}

/* Rows that were read for the band above stay as they were then: some have been changed since. */
static Status slide(Scratch *scratch, const AVFrame *frame, Rect rows, Error *err)
{
    Octaves *window = &scratch->window;
    float *luma = window->plane[0];
    const int end = scratch->y0 + window->height;
    const int kept = end > rows.y0 ? end - rows.y0 : 0;
    memmove(luma, luma + (rows.y0 - scratch->y0) * (kept > 0 ? window->stride : 0),
            (size_t)kept * (size_t)window->stride * sizeof *luma);
    scratch->y0 = rows.y0;
    window->height = rows.y1 - rows.y0;
    const Rect fresh = {rows.x0, rows.y0 + kept, rows.x1, rows.y1};
    if (rect_is_empty(fresh)) {
        return STATUS_OK;
    }
    const Status status = frame_view_read(frame, fresh, &scratch->rgb, err);
    const Image *rgb = &scratch->rgb;
    for (int y = 0; status == STATUS_OK && y < fresh.y1 - fresh.y0; y++) {
        const ptrdiff_t row = y * rgb->stride;
        luma_row(rgb->plane[0] + row, rgb->plane[1] + row, rgb->plane[2] + row, window->width,
                 luma + (kept + y) * window->stride);
    }
    return status;
}

static Status walk(Pass *pass, Scratch *scratch, AVFrame *frame, Rect area, Error *err)
{
    const Rect all = {0, 0, frame->width, frame->height};
    const Rect columns = {area.x0 - pass->reach, 0, area.x1 + pass->reach, frame->height};
    const Rect reach = rect_intersect(columns, all);
    Status status = octaves_resize(&scratch->window, reach.x1 - reach.x0, WINDOW_ROWS, err);
    scratch->x0 = reach.x0;
    scratch->y0 = 0;
    scratch->window.height = 0;
    for (int y = area.y0; y < area.y1 && status == STATUS_OK; y += BAND_ROWS * pass->band_step) {
        const Rect band = {area.x0, y, area.x1, y + BAND_ROWS < area.y1 ? y + BAND_ROWS : area.y1};
        const Rect rows = {reach.x0, band.y0 - pass->reach, reach.x1, band.y1 + pass->reach};
        status = slide(scratch, frame, rect_intersect(rows, all), err);
        if (status == STATUS_OK) {
            status = pass->visit(pass, scratch, frame, band, err);
        }
    }
    return status;
}

/* ---- measuring ---- */

static void measure_span(Fineness *fineness, const Scratch *scratch, int y, int begin, int end)
{
    if (begin < end) {
        fineness_add_row(fineness, &scratch->window, scratch->x0, scratch->y0, y, begin, end);
    }
}

static Status measure_band(Pass *pass, Scratch *scratch, AVFrame *frame, Rect band, Error *err)
{
    (void)frame;
    (void)err;
    octaves_smooth(&scratch->window, 0, 2);
    for (int y = band.y0; y < band.y1; y++) {
        int span[2];
        int hole[2];
        if (fineness_span(pass->at, 1, y, band.x0, band.x1, span)) {
            measure_span(&pass->face, scratch, y, span[0], span[1]);
        }
        if (pass->look_around && fineness_span(pass->at, around_to, y, band.x0, band.x1, span)) {
            if (!fineness_span(pass->at, around_from, y, band.x0, band.x1, hole)) {
                hole[0] = hole[1] = span[1];
            }
            measure_span(&pass->around, scratch, y, span[0], hole[0]);
            measure_span(&pass->around, scratch, y, hole[1], span[1]);
        }
    }
    return STATUS_OK;
}

/* ---- changing ---- */

/* 1 inside, 0 from changed_to on. */
static float weight_at(const FaceEllipse *at, float cosine, float sine, float x, float y)
{
    const float dx = x - at->cx;
    const float dy = y - at->cy;
    const float u = (dx * cosine + dy * sine) / at->rx;
    const float v = (dy * cosine - dx * sine) / at->ry;
    const float t = (changed_to - sqrtf(u * u + v * v)) / (changed_to - 1);
    const float inside = t < 0 ? 0 : t < 1 ? t : 1;
    return inside * inside * (3 - 2 * inside);
}

/* Nearly normal, of variance 1; the same for the same place and time. */
static float grain_at(int x, int y, int64_t pts)
{
    uint64_t h = (uint64_t)pts * 0x9E3779B97F4A7C15U + ((uint64_t)(uint32_t)x << 32 | (uint32_t)y);
    h = (h ^ (h >> 30)) * 0xBF58476D1CE4E5B9U; /* splitmix64, Steele et al. 2014 */
    h = (h ^ (h >> 27)) * 0x94D049BB133111EBU;
    h ^= h >> 31;
    const float sum =
        (float)(h & 0xFFFF) + (float)(h >> 16 & 0xFFFF) + (float)(h >> 32 & 0xFFFF) + (float)(h >> 48);
    return (sum - 2.0F * 65535.0F) / (65536.0F * 0.57735F); /* four of variance 1/12 */
}

static void change_span(const Pass *pass, const Scratch *scratch, int64_t pts, int y, const int span[2],
                        float *out)
{
    const Restoration *r = pass->restoration;
    const Octaves *w = &scratch->window;
    const ptrdiff_t line = (y - scratch->y0) * w->stride - scratch->x0;
    const float cosine = cosf(pass->at->angle);
    const float sine = sinf(pass->at->angle);
    const float grain = sqrtf(r->grain / white_energy);
    for (int x = span[0]; x < span[1]; x++) {
        const float first = w->plane[0][line + x] - w->plane[1][line + x];
        const float second = w->plane[1][line + x] - w->plane[2][line + x];
        float change = r->gain[0] * first + r->gain[1] * second;
        if (r->noise > 0) {
            const float energy = w->plane[3][line + x];
            const float share = energy > r->noise ? r->noise / energy : 1;
            change += share * (noise_gain[0] * first + noise_gain[1] * second);
        } else {
            change += r->gain[2] * (w->plane[2][line + x] - w->plane[3][line + x]);
        }
        if (grain > 0) {
            change += grain * grain_at(x, y, pts);
        }
        out[x] = change * pass->opacity * weight_at(pass->at, cosine, sine, (float)x, (float)y);
    }
}

static Status change_band(Pass *pass, Scratch *scratch, AVFrame *frame, Rect band, Error *err)
{
    Image *delta = &scratch->delta;
    const Status status = image_resize(delta, band.x1 - band.x0, band.y1 - band.y0, 3, err);
    if (status != STATUS_OK) {
        return status;
    }
    if (pass->restoration->noise > 0) {
        octaves_smooth(&scratch->window, 0, 2);
        octaves_energy(&scratch->window);
    } else {
        octaves_smooth(&scratch->window, 0, OCTAVES_MOST);
    }
    image_fill(delta, 0);
    for (int y = band.y0; y < band.y1; y++) {
        int span[2];
        if (fineness_span(pass->at, changed_to, y, band.x0, band.x1, span)) {
            float *row = delta->plane[0] + (y - band.y0) * delta->stride - band.x0;
            change_span(pass, scratch, frame->pts, y, span, row);
        }
    }
    const size_t bytes = (size_t)delta->height * (size_t)delta->stride * sizeof(float);
    memcpy(delta->plane[1], delta->plane[0], bytes);
    memcpy(delta->plane[2], delta->plane[0], bytes);
    face_mask_limit(pass->mask, pass->thread, band, delta);
    return frame_view_add(frame, band, delta, err);
}

/* ---- */

/* Of a large face, and much around it, a part tells as much: of so many bands one is measured. */
static int measured_bands(Rect area)
{
    enum { PIXELS = 120000, MOST = 4 };
    const int64_t pixels = (int64_t)(area.x1 - area.x0) * (area.y1 - area.y0);
    const int64_t step = 1 + pixels / PIXELS;
    return step < MOST ? (int)step : MOST;
}

static bool area_of(const FaceEllipse *at, float scale, const AVFrame *frame, Rect *area)
{
    const float cosine = cosf(at->angle);
    const float sine = sinf(at->angle);
    const float across = scale * hypotf(at->rx * cosine, at->ry * sine);
    const float down = scale * hypotf(at->rx * sine, at->ry * cosine);
    const float most = 1e6F;
    if (!(at->rx > 1) || !(at->ry > 1) || !(fabsf(at->cx) + fabsf(at->cy) + across + down < most)) {
        return false;
    }
    const Rect box = {(int)floorf(at->cx - across), (int)floorf(at->cy - down),
                      (int)ceilf(at->cx + across) + 1, (int)ceilf(at->cy + down) + 1};
    *area = rect_intersect(box, (Rect){0, 0, frame->width, frame->height});
    return !rect_is_empty(*area);
}

static Status enhance(const ClassicalEnhancer *e, int thread, AVFrame *frame, const Face *face, Error *err)
{
    Scratch *scratch = &e->scratch[thread];
    const FaceEllipse at = face_ellipse_of_mesh(&face->mesh);
    Pass pass = {.visit = measure_band,
                 .reach = MEASURED_REACH,
                 .at = &at,
                 .look_around = e->after_swap,
                 .opacity = face->opacity,
                 .mask = e->mask,
                 .thread = thread};
    Rect area;
    if (!(face->opacity > 0) || !area_of(&at, e->after_swap ? around_to : 1, frame, &area)) {
        return STATUS_OK;
    }
    pass.band_step = measured_bands(area);
    Status status = walk(&pass, scratch, frame, area, err);
    if (status != STATUS_OK) {
        return status;
    }
    const Restoration restoration = e->after_swap ? fineness_match(&pass.face, &pass.around)
                                                  : fineness_restoration(&pass.face, coding_quantiser(frame));
    if (restoration_is_nothing(&restoration) || !area_of(&at, changed_to, frame, &area)) {
        return STATUS_OK;
    }
    if (face_mask_take(e->mask, thread, frame, face, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    pass.restoration = &restoration;
    pass.visit = change_band;
    pass.reach = OCTAVES_REACH;
    pass.band_step = 1;
    return walk(&pass, scratch, frame, area, err);
}

Status classical_enhancer_process(ClassicalEnhancer *enhancer, int thread, AVFrame *frame,
                                  const FrameFaces *faces, Error *err)
{
    int order[FACES_MAX];
    const int count = select_far_first(faces, order);
    Status status = STATUS_OK;
    for (int i = 0; i < count && status == STATUS_OK; i++) {
        status = enhance(enhancer, thread, frame, &faces->face[order[i]], err);
    }
    return status;
}
