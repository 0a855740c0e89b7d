#include "face/swapper.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "face/colour.h"
#include "face/select.h"
#include "face/swapper_light.h"
#include "face/swapper_paint.h"
#include "media/frame_bands.h"

typedef struct Scratch {
    LightField *light;
    Paint *paint;
    FrameBands bands;
} Scratch;

struct Swapper {
    CanonicalPlane *plane;
    Source **sources; /* by Face.source */
    int source_count;
    FaceMask *mask; /* may be NULL */
    int threads;
    Scratch *scratch;
};

void swapper_free(Swapper **swapper)
{
    Swapper *s = *swapper;
    if (s == NULL) {
        return;
    }
    for (int i = 0; s->scratch != NULL && i < s->threads; i++) {
        light_field_free(&s->scratch[i].light);
        paint_free(&s->scratch[i].paint);
        frame_bands_free(&s->scratch[i].bands);
    }
    for (int i = 0; i < s->source_count; i++) {
        source_free(&s->sources[i]);
    }
    memory_free(s->sources);
    memory_free(s->scratch);
    memory_free(s->plane);
    memory_free(s);
    *swapper = NULL;
}

static Status swapper_make(Swapper **out, int source_count, int threads, Error *err)
{
    Swapper *s = memory_alloc(1, sizeof *s);
    *out = s;
    s->threads = threads;
    s->source_count = source_count;
    s->sources = memory_alloc((size_t)source_count + 1, sizeof(Source *));
    s->plane = memory_alloc(1, sizeof *s->plane);
    canonical_plane_fill(s->plane);
    s->scratch = memory_alloc((size_t)threads, sizeof *s->scratch);
    for (int i = 0; i < threads; i++) {
        if (light_field_make(&s->scratch[i].light, err) != STATUS_OK ||
            paint_make(&s->scratch[i].paint, err) != STATUS_OK) {
            return STATUS_FAILED;
        }
    }
    return STATUS_OK;
}

Status swapper_new(Swapper **swapper, Source **source, int threads, Error *err)
{
    if (swapper_make(swapper, 1, threads, err) != STATUS_OK) {
        swapper_free(swapper);
        return STATUS_FAILED;
    }
    (*swapper)->sources[0] = *source;
    *source = NULL;
    return STATUS_OK;
}

/* delta = weight x (painted - target) */
SIMD_CLONES
static void row_difference(const Float4 *restrict painted, const float *restrict target,
                           float *restrict delta, int channel, int count)
{
    const float *p = (const float *)painted;
    SIMD_LOOP
    for (int x = 0; x < count; x++) {
        delta[x] = p[4 * x + 3] * (p[4 * x + channel] - target[x]);
    }
}

typedef struct FacePainting {
    Scratch *scratch;
    const ColourMap *colours;
    const FaceMask *mask;
    int thread;
} FacePainting;

/* Paints over the band. */
static Status difference_of_band(void *context, Rect band, const Image *target, Image *delta, Error *err)
{
    const FacePainting *painting = context;
    const Scratch *scratch = painting->scratch;
    const Float4 *painted =
        paint_band(scratch->paint, &scratch->light->texture, painting->colours, band, err);
    if (painted == NULL) {
        return STATUS_FAILED;
    }
    const int width = band.x1 - band.x0;
    for (int y = 0; y < band.y1 - band.y0; y++) {
        for (int i = 0; i < 3; i++) {
            row_difference(painted + (ptrdiff_t)y * width, target->plane[i] + y * target->stride,
                           delta->plane[i] + y * delta->stride, i, width);
        }
    }
    face_mask_limit(painting->mask, painting->thread, band, delta);
    return STATUS_OK;
}

static Status swap_face(Swapper *s, int thread, AVFrame *frame, const Face *face, Error *err)
{
    Scratch *scratch = &s->scratch[thread];
    const Source *source = s->sources[face->source];
    const Rect whole = {0, 0, frame->width, frame->height};
    const Rect area = rect_intersect(paint_prepare(scratch->paint, source, face), whole);
    if (rect_is_empty(area)) {
        return STATUS_OK;
    }
    const ColourMap colours = colour_map_between(&source->skin, &face->skin);
    const Status status = light_field_update(scratch->light, s->plane, source, frame, face,
                                             paint_facing(scratch->paint), &colours, err);
    if (status != STATUS_OK) {
        return status == STATUS_AGAIN ? STATUS_OK : status;
    }
    if (face_mask_take(s->mask, thread, frame, face, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    FacePainting painting = {scratch, &colours, s->mask, thread};
    return frame_bands_change(&scratch->bands, frame, area, difference_of_band, &painting, err);
}

Status swapper_process(Swapper *swapper, int thread, AVFrame *frame, const FrameFaces *faces, Error *err)
{
    int order[FACES_MAX];
    const int count = select_far_first(faces, order);
    Status status = STATUS_OK;
    for (int i = 0; i < count && status == STATUS_OK; i++) {
        status = swap_face(swapper, thread, frame, &faces->face[order[i]], err);
    }
    return status;
}

Status swapper_open(Swapper **swapper, const ProcessorConfig *config, Error *err)
{
    Swapper *s = NULL;
    const int sources = processor_source_count(&config->options);
    Status status = swapper_make(&s, sources, config->threads > 0 ? config->threads : 1, err);
    for (int i = 0; i < sources && status == STATUS_OK; i++) {
        const char *path = processor_source(&config->options, i);
        s->mask = config->mask;
        status = source_open(&s->sources[i], config->models, s->plane, path, err);
    }
    if (status != STATUS_OK) {
        swapper_free(&s);
    }
    *swapper = s;
    return status;
}
