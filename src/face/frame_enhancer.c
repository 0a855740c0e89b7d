#include "face/frame_enhancer.h"

#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "face/crop_model.h"
#include "face/crop_tensor.h"
#include "image/tiles.h"
#include "media/frame_view.h"

static const char cannot[] = "cannot enhance the frames";

/* On each side of a tile: what a pixel is made of beyond that does not show. */
enum { OVERLAP = 16 };

typedef struct Scratch {
    Image before; /* a tile */
    Image plain;  /* its middle, enlarged without the model */
    Image after;
    float *in;
    float *out;
    size_t capacity; /* floats of `in` */
    AVFrame *deep;   /* the middle of a tile after the model, as integers */
    AVFrame *piece;  /* the same in the frame's format */
} Scratch;

typedef struct FrameEnhancer {
    const KnownModel *model;
    Session *session;
    FramePool *pool;
    float blend;
    int tile;
    int threads;
    Scratch *scratch;
} FrameEnhancer;

/* ---- how large ---- */

int frame_enhancer_factor(const char *model)
{
    const KnownModel *known = model != NULL ? known_model_find(model) : NULL;
    return known != NULL && known->role == MODEL_FRAME_ENHANCER ? known->factor : 1;
}

/* Of a tile before, after, and within the network: some three layers of 64 channels as large as what comes
 * out, which is where Real-ESRGAN's ends. Measured over generated models; history corrects it. */
static int64_t tile_bytes(int tile, int factor)
{
    enum { LAYERS = 3, CHANNELS = 64, PICTURES = 6 };
    const int64_t large = (int64_t)tile * factor * tile * factor;
    return large * (LAYERS * CHANNELS + 3 * PICTURES) * (int64_t)sizeof(float);
}

int frame_enhancer_tile(int asked, const char *model)
{
    enum { MOST = 256000000 };
    static const int sizes[] = {256, 192, 128, 96, 64};
    size_t i = 0;
    if (asked > 0) {
        return asked;
    }
    while (i + 1 < sizeof sizes / sizeof sizes[0] &&
           tile_bytes(sizes[i], frame_enhancer_factor(model)) > MOST) {
        i++;
    }
    return sizes[i];
}

static const KnownModel *find_model(const ProcessorOptions *options, Error *err)
{
    return crop_model_named(options->frame_enhancer_model, MODEL_FRAME_ENHANCER, cannot,
                            "frame-enhancer-model", NULL, err);
}

static Status kind_needs(const ProcessorOptions *options, ProcessorNeeds *needs, Error *err)
{
    const KnownModel *model = find_model(options, err);
    if (model == NULL) {
        return STATUS_FAILED;
    }
    processor_needs_model(needs, model, false);
    needs->thread_bytes += tile_bytes(options->tile, model->factor);
    return STATUS_OK;
}

/* ---- a tile ---- */

static Status run_model(const FrameEnhancer *e, Scratch *s, Error *err)
{
    const KnownModel *model = e->model;
    const int64_t width = s->before.width;
    const int64_t height = s->before.height;
    const size_t floats = (size_t)(3 * width * height);
    const size_t area = (size_t)model->factor * (size_t)model->factor;
    if (floats > s->capacity) {
        memory_free(s->in);
        memory_free(s->out);
        s->in = memory_alloc(floats, sizeof *s->in);
        s->out = memory_alloc(floats * area, sizeof *s->out);
        s->capacity = floats;
    }
    const Tensor input = {.data = s->in, .rank = 4, .shape = {1, 3, height, width}};
    const Tensor output = {
        .data = s->out, .rank = 4, .shape = {1, 3, height * model->factor, width * model->factor}};
    crop_to_tensor(&s->before, model->bgr, model->mean, model->scale, s->in);
    Status status = session_run(e->session, &input, 1, &output, 1, err);
    if (status == STATUS_OK) {
        status = image_resize(&s->after, s->before.width * model->factor, s->before.height * model->factor, 3,
                              err);
    }
    if (status == STATUS_OK) {
        crop_from_tensor(s->out, model->bgr, model->out_scale, model->out_mean, &s->after);
    }
    return status;
}

/* Some of the plain picture with it. `middle` is in the frame's pixels. */
static Status mix(const FrameEnhancer *e, Scratch *s, const AVFrame *frame, Rect middle, Point corner,
                  Error *err)
{
    const int factor = e->model->factor;
    const float step = 1.0F / (float)factor;
    const float shift = (step - 1) / 2;
    const Affine map = {step, 0, (float)middle.x0 + shift, 0, step, (float)middle.y0 + shift};
    const int width = (middle.x1 - middle.x0) * factor;
    const int height = (middle.y1 - middle.y0) * factor;
    if (frame_view_warp(frame, &map, width, height, -1, &s->plain, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    for (int p = 0; p < 3; p++) {
        for (int y = 0; y < height; y++) {
            float *row =
                s->after.plane[p] + ((ptrdiff_t)corner.y + y) * s->after.stride + (ptrdiff_t)corner.x;
            const float *plain = s->plain.plane[p] + y * s->plain.stride;
            for (int x = 0; x < width; x++) {
                row[x] = plain[x] + e->blend * (row[x] - plain[x]);
            }
        }
    }
    return STATUS_OK;
}

static Status fit_frame(AVFrame **frame, enum AVPixelFormat format, int width, int height, Error *err)
{
    if (*frame != NULL && (*frame)->width == width && (*frame)->height == height &&
        (*frame)->format == (int)format) {
        return STATUS_OK;
    }
    av_frame_free(frame);
    *frame = memory_check(av_frame_alloc());
    (*frame)->format = (int)format;
    (*frame)->width = width;
    (*frame)->height = height;
    return av_frame_get_buffer(*frame, 0) >= 0 ? STATUS_OK
                                               : error_set(err, ERROR_MEMORY, cannot, NULL, "out of memory");
}

/* The middle of the tile as integers of 16 bits: RGB of any depth goes into the frame's format from there. */
static void deepen(const Image *after, int left, int top, AVFrame *deep)
{
    static const int plane_of[3] = {2, 0, 1}; /* green, blue, red */
    for (int p = 0; p < 3; p++) {
        for (int y = 0; y < deep->height; y++) {
            const float *row = after->plane[p] + (ptrdiff_t)(top + y) * after->stride + left;
            uint16_t *out =
                (uint16_t *)(void *)(deep->data[plane_of[p]] + (ptrdiff_t)y * deep->linesize[plane_of[p]]);
            for (int x = 0; x < deep->width; x++) {
                out[x] = (uint16_t)lrintf(fminf(fmaxf(row[x], 0), 255) * 257);
            }
        }
    }
}

static void put(const AVFrame *piece, AVFrame *larger, int left, int top)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get((enum AVPixelFormat)larger->format);
    const int planes = av_pix_fmt_count_planes((enum AVPixelFormat)larger->format);
    for (int p = 0; p < planes; p++) {
        const bool chroma = p == 1 || p == 2;
        const int shift = chroma ? desc->log2_chroma_h : 0;
        const int bytes = av_image_get_linesize((enum AVPixelFormat)larger->format, piece->width, p);
        const int from = left > 0 ? av_image_get_linesize((enum AVPixelFormat)larger->format, left, p) : 0;
        const int rows = -(-piece->height >> shift);
        av_image_copy_plane(larger->data[p] + (ptrdiff_t)(top >> shift) * larger->linesize[p] + from,
                            larger->linesize[p], piece->data[p], piece->linesize[p], bytes, rows);
    }
}

static Status enhance_tile(const FrameEnhancer *e, Scratch *s, const Tiling *tiling, int number,
                           const AVFrame *frame, AVFrame *larger, Error *err)
{
    const int factor = e->model->factor;
    const Rect whole = tiling_whole(tiling, number);
    const Rect middle = tiling_middle(tiling, number);
    const Affine map = {1, 0, (float)whole.x0, 0, 1, (float)whole.y0};
    const int left = (middle.x0 - whole.x0) * factor;
    const int top = (middle.y0 - whole.y0) * factor;
    const int width = (middle.x1 - middle.x0) * factor;
    const int height = (middle.y1 - middle.y0) * factor;
    Status status =
        frame_view_warp(frame, &map, whole.x1 - whole.x0, whole.y1 - whole.y0, -1, &s->before, err);
    if (status == STATUS_OK) {
        status = run_model(e, s, err);
    }
    if (status == STATUS_OK && e->blend < 1) {
        status = mix(e, s, frame, middle, (Point){(float)left, (float)top}, err);
    }
    if (status == STATUS_OK) {
        status = fit_frame(&s->deep, AV_PIX_FMT_GBRP16, width, height, err);
    }
    if (status == STATUS_OK) {
        status = fit_frame(&s->piece, (enum AVPixelFormat)larger->format, width, height, err);
    }
    if (status == STATUS_OK) {
        s->deep->colorspace = AVCOL_SPC_RGB;
        s->deep->color_range = AVCOL_RANGE_JPEG;
        s->piece->colorspace = larger->colorspace;
        s->piece->color_range = larger->color_range;
        deepen(&s->after, left, top, s->deep);
        status = frame_view_convert(s->deep, s->piece, err);
    }
    if (status == STATUS_OK) {
        put(s->piece, larger, middle.x0 * factor, middle.y0 * factor);
    }
    return status;
}

/* ---- a frame ---- */

static Status new_larger(const FrameEnhancer *e, const AVFrame *frame, AVFrame *larger, Error *err)
{
    const int factor = e->model->factor;
    const enum AVPixelFormat format = (enum AVPixelFormat)frame->format;
    Status status = STATUS_OK;
    if (e->pool != NULL) {
        status =
            frame_pool_new_frame(e->pool, format, frame->width * factor, frame->height * factor, larger, err);
    } else {
        larger->format = format;
        larger->width = frame->width * factor;
        larger->height = frame->height * factor;
        status = av_frame_get_buffer(larger, 0) >= 0
                     ? STATUS_OK
                     : error_set(err, ERROR_MEMORY, cannot, NULL, "out of memory");
    }
    if (status == STATUS_OK && av_frame_copy_props(larger, frame) < 0) {
        status = error_set(err, ERROR_MEMORY, cannot, NULL, "out of memory");
    }
    larger->crop_left = larger->crop_right = larger->crop_top = larger->crop_bottom = 0;
    larger->colorspace = frame_view_matrix(frame); /* what it was taken for, whatever its new size says */
    return status;
}

static Status kind_process(void *state, int thread, AVFrame *frame, const FrameFaces *faces, Error *err)
{
    (void)faces;
    const FrameEnhancer *e = state;
    const Tiling tiling = tiling_of(frame->width, frame->height, e->tile, OVERLAP);
    AVFrame *larger = memory_check(av_frame_alloc());
    Status status = new_larger(e, frame, larger, err);
    if (av_pix_fmt_desc_get((enum AVPixelFormat)frame->format)->nb_components < 3) {
        frame->color_range = AVCOL_RANGE_JPEG; /* pieces of grey are written code by code */
    }
    for (int i = 0; i < tiling.columns * tiling.rows && status == STATUS_OK; i++) {
        status = enhance_tile(e, &e->scratch[thread], &tiling, i, frame, larger, err);
    }
    if (status == STATUS_OK) {
        av_frame_unref(frame);
        av_frame_move_ref(frame, larger);
    }
    av_frame_free(&larger);
    return status;
}

static void kind_free(void **state)
{
    FrameEnhancer *e = *state;
    if (e == NULL) {
        return;
    }
    for (int i = 0; i < e->threads; i++) {
        Scratch *s = &e->scratch[i];
        image_free(&s->before);
        image_free(&s->plain);
        image_free(&s->after);
        memory_free(s->in);
        memory_free(s->out);
        av_frame_free(&s->deep);
        av_frame_free(&s->piece);
    }
    memory_free(e->scratch);
    session_free(&e->session);
    memory_free(e);
    *state = NULL;
}

static Status kind_open(void **state, const ProcessorConfig *config, Error *err)
{
    FrameEnhancer *e = memory_alloc(1, sizeof *e);
    *state = e;
    e->pool = config->pool;
    e->blend = config->options.frame_enhancer_blend;
    e->tile = config->options.tile;
    e->threads = config->threads > 0 ? config->threads : 1;
    e->scratch = memory_alloc((size_t)e->threads, sizeof *e->scratch);
    e->model = find_model(&config->options, err);
    Status status = e->model != NULL ? STATUS_OK : STATUS_FAILED;
    if (status == STATUS_OK) {
        status = known_model_open(&e->session, e->model, config->models_dir, config->provider, 1, err);
    }
    if (status != STATUS_OK) {
        kind_free(state);
    }
    return status;
}

const ProcessorKind frame_enhancer_kind = {
    .name = "frame_enhancer",
    .help = "make whole frames larger and finer by a model of yours",
    .whole_frame = true,
    .needs = kind_needs,
    .open = kind_open,
    .process = kind_process,
    .free = kind_free,
};
