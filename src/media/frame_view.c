#include "media/frame_view.h"

#include <libavutil/pixdesc.h>

#include "media/convert.h"
#include "media/frame_view_internal.h"

static bool is_packed_oddly(enum AVPixelFormat format)
{
    switch (format) {
    case AV_PIX_FMT_UYYVYY411: /* luma is not evenly spaced */
    case AV_PIX_FMT_XYZ12LE:   /* not RGB */
        return true;
    default:
        return false;
    }
}

bool frame_view_supports(enum AVPixelFormat format)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(format);
    const uint64_t unusable = AV_PIX_FMT_FLAG_BE | AV_PIX_FMT_FLAG_PAL | AV_PIX_FMT_FLAG_BITSTREAM |
                              AV_PIX_FMT_FLAG_HWACCEL | AV_PIX_FMT_FLAG_BAYER | AV_PIX_FMT_FLAG_FLOAT;
    if (desc == NULL || (desc->flags & unusable) != 0 || desc->nb_components == 0 ||
        is_packed_oddly(format)) {
        return false;
    }
    const int used = desc->nb_components < 3 ? 1 : 3;
    for (int i = 0; i < used; i++) {
        const AVComponentDescriptor *c = &desc->comp[i];
        const bool wide = c->depth + c->shift > 8;
        if (c->depth < 8 || c->depth + c->shift > 16 || c->depth != desc->comp[0].depth ||
            (wide && (c->step % 2 != 0 || c->offset % 2 != 0))) {
            return false;
        }
    }
    return true;
}

static bool is_yuvj(enum AVPixelFormat format)
{
    return format == AV_PIX_FMT_YUVJ420P || format == AV_PIX_FMT_YUVJ422P || format == AV_PIX_FMT_YUVJ444P ||
           format == AV_PIX_FMT_YUVJ440P || format == AV_PIX_FMT_YUVJ411P;
}

/* Where chroma sample (0, 0) lies, as a share 0..1 of the way over the luma samples it stands for. Unknown
 * means left as in MPEG-2 and later, for the yuvj kind the middle as in JPEG. */
static void chroma_site(const AVFrame *frame, float *x, float *y)
{
    enum AVChromaLocation location = frame->chroma_location;
    if (location == AVCHROMA_LOC_UNSPECIFIED) {
        location = is_yuvj((enum AVPixelFormat)frame->format) ? AVCHROMA_LOC_CENTER : AVCHROMA_LOC_LEFT;
    }
    const bool middle_x =
        location == AVCHROMA_LOC_CENTER || location == AVCHROMA_LOC_TOP || location == AVCHROMA_LOC_BOTTOM;
    *x = middle_x ? 0.5F : 0.0F;
    if (location == AVCHROMA_LOC_TOP || location == AVCHROMA_LOC_TOPLEFT) {
        *y = 0.0F;
    } else if (location == AVCHROMA_LOC_BOTTOM || location == AVCHROMA_LOC_BOTTOMLEFT) {
        *y = 1.0F;
    } else {
        *y = 0.5F;
    }
}

static void describe_component(const AVFrame *frame, const AVPixFmtDescriptor *desc, int index, bool chroma,
                               ViewComponent *out)
{
    const AVComponentDescriptor *c = &desc->comp[index];
    out->data = frame->data[c->plane] + c->offset;
    out->linesize = frame->linesize[c->plane];
    out->step = c->step;
    out->shift = c->shift;
    out->max = (1 << c->depth) - 1;
    out->wide = c->depth + c->shift > 8;
    out->log2_w = chroma ? desc->log2_chroma_w : 0;
    out->log2_h = chroma ? desc->log2_chroma_h : 0;
    out->width = AV_CEIL_RSHIFT(frame->width, out->log2_w);
    out->height = AV_CEIL_RSHIFT(frame->height, out->log2_h);
    if (chroma) {
        chroma_site(frame, &out->site_x, &out->site_y);
    }
    out->site_x *= (float)((1 << out->log2_w) - 1);
    out->site_y *= (float)((1 << out->log2_h) - 1);
}

/* The shares of red and blue in luma. Source: ITU-T H.273 (07/2021), table 4. Constant luminance and ICtCp
 * are not matrices of R'G'B'; they get BT.2020's, which is near enough for differences. */
static void luma_shares(const AVFrame *frame, double *red, double *blue)
{
    switch (frame->colorspace) {
    case AVCOL_SPC_BT709:
        *red = 0.2126;
        *blue = 0.0722;
        return;
    case AVCOL_SPC_FCC:
        *red = 0.30;
        *blue = 0.11;
        return;
    case AVCOL_SPC_BT470BG:
    case AVCOL_SPC_SMPTE170M:
        *red = 0.299;
        *blue = 0.114;
        return;
    case AVCOL_SPC_SMPTE240M:
        *red = 0.212;
        *blue = 0.087;
        return;
    case AVCOL_SPC_BT2020_NCL:
    case AVCOL_SPC_BT2020_CL:
    case AVCOL_SPC_ICTCP:
        *red = 0.2627;
        *blue = 0.0593;
        return;
    default:
        *red = frame->height <= 576 ? 0.299 : 0.2126;
        *blue = frame->height <= 576 ? 0.114 : 0.0722;
        return;
    }
}

/* Normalised matrices: luma and RGB 0..1, chroma -0.5..0.5. */
static void yuv_matrices(const AVFrame *frame, double to_rgb[3][3], double from_rgb[3][3])
{
    if (frame->colorspace == AVCOL_SPC_YCGCO) {
        const double to[3][3] = {{1, -1, 1}, {1, 1, 0}, {1, -1, -1}};
        const double from[3][3] = {{0.25, 0.5, 0.25}, {-0.25, 0.5, -0.25}, {0.5, 0, -0.5}};
        for (int i = 0; i < 9; i++) {
            to_rgb[i / 3][i % 3] = to[i / 3][i % 3];
            from_rgb[i / 3][i % 3] = from[i / 3][i % 3];
        }
        return;
    }
    double red = 0;
    double blue = 0;
    luma_shares(frame, &red, &blue);
    const double green = 1 - red - blue;
    const double to[3][3] = {
        {1, 0, 2 * (1 - red)},
        {1, -2 * (1 - blue) * blue / green, -2 * (1 - red) * red / green},
        {1, 2 * (1 - blue), 0},
    };
    const double from[3][3] = {
        {red, green, blue},
        {-red / (2 * (1 - blue)), -green / (2 * (1 - blue)), 0.5},
        {0.5, -green / (2 * (1 - red)), -blue / (2 * (1 - red))},
    };
    for (int i = 0; i < 9; i++) {
        to_rgb[i / 3][i % 3] = to[i / 3][i % 3];
        from_rgb[i / 3][i % 3] = from[i / 3][i % 3];
    }
}

static bool is_full_range(const AVFrame *frame, bool grey)
{
    switch (frame->color_range) {
    case AVCOL_RANGE_JPEG:
        return true;
    case AVCOL_RANGE_MPEG:
        return false;
    default:
        return grey || is_yuvj((enum AVPixelFormat)frame->format);
    }
}

static void describe_colour(const AVFrame *frame, const AVPixFmtDescriptor *desc, ViewLayout *layout)
{
    const bool rgb_format = (desc->flags & AV_PIX_FMT_FLAG_RGB) != 0;
    const bool identity = rgb_format || (layout->components == 3 && frame->colorspace == AVCOL_SPC_RGB);
    const bool full = rgb_format || is_full_range(frame, layout->components == 1);
    const double max = layout->component[0].max;
    const double unit = (max + 1) / 256; /* what one step of 8 bits is */
    const double luma = full ? max : 219 * unit;
    const double chroma = full ? max : 224 * unit;

    double to[3][3] = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}};
    double from[3][3] = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}};
    if (identity && !rgb_format) {
        /* H.273 MatrixCoefficients 0: Y is green, Cb blue, Cr red. */
        const int carries[3] = {1, 2, 0};
        for (int i = 0; i < 3; i++) {
            for (int j = 0; j < 3; j++) {
                to[j][i] = from[i][j] = j == carries[i] ? 1 : 0;
            }
        }
    } else if (!identity) {
        yuv_matrices(frame, to, from);
    }
    for (int i = 0; i < 3; i++) {
        layout->offset[i] = 0;
    }
    for (int j = 0; j < 3; j++) {
        const bool difference = j > 0 && !identity;
        const double span = difference ? chroma : luma;
        const double black = difference ? (max + 1) / 2 : (full ? 0 : 16 * unit);
        layout->black[j] = (float)black;
        for (int i = 0; i < 3; i++) {
            const bool used = j < layout->components;
            layout->to_rgb[i][j] = used ? (float)(to[i][j] * 255 / span) : 0.0F;
            layout->from_rgb[j][i] = used ? (float)(from[j][i] * span / 255) : 0.0F;
            layout->offset[i] -= used ? (float)(to[i][j] * 255 / span * black) : 0.0F;
        }
    }
}

Status view_layout(const AVFrame *frame, ViewLayout *layout, Error *err)
{
    const enum AVPixelFormat format = (enum AVPixelFormat)frame->format;
    if (!frame_view_supports(format)) {
        const char *name = av_get_pix_fmt_name(format);
        return error_setf(err, ERROR_INTERNAL, "cannot work on a frame", NULL,
                          "its pixel format %s is not supported", name != NULL ? name : "(unknown)");
    }
    if (frame->width < 1 || frame->height < 1 || frame->data[0] == NULL) {
        return error_set(err, ERROR_INTERNAL, "cannot work on a frame", NULL, "it is empty");
    }
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(format);
    *layout = (ViewLayout){.width = frame->width, .height = frame->height};
    layout->components = desc->nb_components < 3 ? 1 : 3;
    for (int i = 0; i < layout->components; i++) {
        const bool chroma = i > 0 && (desc->flags & AV_PIX_FMT_FLAG_RGB) == 0;
        describe_component(frame, desc, i, chroma, &layout->component[i]);
    }
    describe_colour(frame, desc, layout);
    return STATUS_OK;
}

enum AVColorSpace frame_view_matrix(const AVFrame *frame)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get((enum AVPixelFormat)frame->format);
    if (frame->colorspace != AVCOL_SPC_UNSPECIFIED) {
        return frame->colorspace;
    }
    return (desc->flags & AV_PIX_FMT_FLAG_RGB) != 0 ? AVCOL_SPC_RGB : default_matrix(frame->height);
}
