/* The kernels that go along one row of samples. */
#include "image/simd.h"
#include "media/frame_view_internal.h"

/* `step` is a constant wherever these are called, so that each case becomes its own vector loop. */
SIMD_INLINE void fetch_bytes_by(const uint8_t *restrict p, int step, int count, float *restrict codes)
{
    SIMD_LOOP
    for (int i = 0; i < count; i++) {
        codes[i] = (float)p[i * step];
    }
}

SIMD_CLONES
static void fetch_bytes(const uint8_t *restrict p, int step, int count, float *restrict codes)
{
    switch (step) {
    case 1:
        fetch_bytes_by(p, 1, count, codes);
        break;
    case 2:
        fetch_bytes_by(p, 2, count, codes);
        break;
    case 3:
        fetch_bytes_by(p, 3, count, codes);
        break;
    case 4:
        fetch_bytes_by(p, 4, count, codes);
        break;
    default:
        fetch_bytes_by(p, step, count, codes);
        break;
    }
}

SIMD_INLINE void fetch_words_by(const uint16_t *restrict p, int step, int count, int shift, int max,
                                float *restrict codes)
{
    SIMD_LOOP
    for (int i = 0; i < count; i++) {
        codes[i] = (float)((p[i * step] >> shift) & max);
    }
}

SIMD_CLONES
static void fetch_words(const uint16_t *restrict p, int step, int count, int shift, int max,
                        float *restrict codes)
{
    switch (step) {
    case 1:
        fetch_words_by(p, 1, count, shift, max, codes);
        break;
    case 2:
        fetch_words_by(p, 2, count, shift, max, codes);
        break;
    case 3:
        fetch_words_by(p, 3, count, shift, max, codes);
        break;
    case 4:
        fetch_words_by(p, 4, count, shift, max, codes);
        break;
    default:
        fetch_words_by(p, step, count, shift, max, codes);
        break;
    }
}

static uint8_t *sample_at(const ViewComponent *c, int row, int column)
{
    return c->data + (ptrdiff_t)row * c->linesize + (ptrdiff_t)column * c->step;
}

void view_fetch(const ViewComponent *c, int row, int first, int count, float *codes)
{
    const int from = first < 0 ? 0 : (first < c->width ? first : c->width - 1);
    const int end = first + count;
    const int to = end > c->width ? c->width : (end > from ? end : from + 1);
    const int before = from - first < count ? (from - first > 0 ? from - first : 0) : count - 1;
    const int inside = to - from < count - before ? to - from : count - before;
    const uint8_t *p = sample_at(c, row, from);
    if (c->wide) {
        fetch_words((const uint16_t *)(const void *)p, c->step / 2, inside, c->shift, c->max, codes + before);
    } else {
        fetch_bytes(p, c->step, inside, codes + before);
    }
    for (int i = 0; i < before; i++) {
        codes[i] = codes[before];
    }
    for (int i = before + inside; i < count; i++) {
        codes[i] = codes[before + inside - 1];
    }
}

/* Nearest code, clamped; an unchanged code stays exactly, also one of 16 bits (24 bits of mantissa). */
SIMD_INLINE int add_to_code(int code, float delta, float max)
{
    float value = (float)code + delta + 0.5F;
    value = value > 0.0F ? value : 0.0F;
    value = value < max ? value : max;
    return (int)value;
}

SIMD_INLINE void add_bytes_by(uint8_t *restrict p, int step, int count, const float *restrict delta)
{
    SIMD_LOOP
    for (int i = 0; i < count; i++) {
        p[i * step] = (uint8_t)add_to_code(p[i * step], delta[i], 255.0F);
    }
}

SIMD_CLONES
static void add_bytes(uint8_t *restrict p, int step, int count, const float *restrict delta)
{
    switch (step) {
    case 1:
        add_bytes_by(p, 1, count, delta);
        break;
    case 2:
        add_bytes_by(p, 2, count, delta);
        break;
    case 3:
        add_bytes_by(p, 3, count, delta);
        break;
    case 4:
        add_bytes_by(p, 4, count, delta);
        break;
    default:
        add_bytes_by(p, step, count, delta);
        break;
    }
}

SIMD_INLINE void add_words_by(uint16_t *restrict p, int step, int count, int shift, int max,
                              const float *restrict delta)
{
    const int padding = 0xFFFF & ~(max << shift);
    const float limit = (float)max;
    SIMD_LOOP
    for (int i = 0; i < count; i++) {
        const int old = p[i * step];
        const int code = add_to_code((old >> shift) & max, delta[i], limit);
        p[i * step] = (uint16_t)((code << shift) | (old & padding));
    }
}

SIMD_CLONES
static void add_words(uint16_t *restrict p, int step, int count, int shift, int max,
                      const float *restrict delta)
{
    switch (step) {
    case 1:
        add_words_by(p, 1, count, shift, max, delta);
        break;
    case 2:
        add_words_by(p, 2, count, shift, max, delta);
        break;
    case 3:
        add_words_by(p, 3, count, shift, max, delta);
        break;
    case 4:
        add_words_by(p, 4, count, shift, max, delta);
        break;
    default:
        add_words_by(p, step, count, shift, max, delta);
        break;
    }
}

void view_add_codes(const ViewComponent *c, int row, int first, int count, const float *delta)
{
    uint8_t *p = sample_at(c, row, first);
    if (c->wide) {
        add_words((uint16_t *)(void *)p, c->step / 2, count, c->shift, c->max, delta);
    } else {
        add_bytes(p, c->step, count, delta);
    }
}

SIMD_CLONES
static void convert_colour(const ViewLayout *layout, int count, float *restrict r, float *restrict g,
                           float *restrict b)
{
    const float(*m)[3] = layout->to_rgb;
    const float m00 = m[0][0], m01 = m[0][1], m02 = m[0][2], k0 = layout->offset[0];
    const float m10 = m[1][0], m11 = m[1][1], m12 = m[1][2], k1 = layout->offset[1];
    const float m20 = m[2][0], m21 = m[2][1], m22 = m[2][2], k2 = layout->offset[2];
    SIMD_LOOP
    for (int i = 0; i < count; i++) {
        const float y = r[i];
        const float u = g[i];
        const float v = b[i];
        r[i] = m00 * y + m01 * u + m02 * v + k0;
        g[i] = m10 * y + m11 * u + m12 * v + k1;
        b[i] = m20 * y + m21 * u + m22 * v + k2;
    }
}

SIMD_CLONES
static void convert_grey(const ViewLayout *layout, int count, float *restrict r, float *restrict g,
                         float *restrict b)
{
    const float scale = layout->to_rgb[0][0];
    const float offset = layout->offset[0];
    SIMD_LOOP
    for (int i = 0; i < count; i++) {
        const float value = scale * r[i] + offset;
        r[i] = value;
        g[i] = value;
        b[i] = value;
    }
}

void view_convert(const ViewLayout *layout, int count, float *r, float *g, float *b)
{
    if (layout->components == 1) {
        convert_grey(layout, count, r, g, b);
    } else {
        convert_colour(layout, count, r, g, b);
    }
}
