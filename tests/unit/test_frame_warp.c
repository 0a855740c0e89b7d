/* Sampling frames of every supported format, against the plain reference. */
#include "frame_reference.h"

static int block_for(double samples)
{
    return clamped((int)ceil(samples / 1.5 - 1e-6), 1, 64);
}

static double block_mean(const Reference *r, int component, int block_w, int block_h, int column, int row)
{
    const bool chroma = is_chroma(r, component);
    const int width = chroma ? AV_CEIL_RSHIFT(r->frame->width, r->desc->log2_chroma_w) : r->frame->width;
    const int height = chroma ? AV_CEIL_RSHIFT(r->frame->height, r->desc->log2_chroma_h) : r->frame->height;
    column = clamped(column, 0, (width + block_w - 1) / block_w - 1);
    row = clamped(row, 0, (height + block_h - 1) / block_h - 1);
    double sum = 0;
    for (int j = 0; j < block_h; j++) {
        for (int i = 0; i < block_w; i++) {
            sum += code_of(r->frame, component, clamped(column * block_w + i, 0, width - 1),
                           clamped(row * block_h + j, 0, height - 1));
        }
    }
    return sum / (block_w * block_h);
}

static double reference_warped(const Reference *r, int component, const Affine *map, int u, int v,
                               double border)
{
    const bool chroma = is_chroma(r, component);
    const double div_x = chroma ? 1 << r->desc->log2_chroma_w : 1;
    const double div_y = chroma ? 1 << r->desc->log2_chroma_h : 1;
    const double x = (double)map->a * u + (double)map->b * v + map->c;
    const double y = (double)map->d * u + (double)map->e * v + map->f;
    if (border >= 0 && (x < -0.5 || x >= r->frame->width - 0.5 || y < -0.5 || y >= r->frame->height - 0.5)) {
        double grey = r->black[component];
        for (int k = 0; k < 3; k++) {
            grey += r->from[component][k] * border;
        }
        return grey;
    }
    const int block_w = block_for(hypot(map->a, map->b) / div_x);
    const int block_h = block_for(hypot(map->d, map->e) / div_y);
    const double in_x = ((x - (chroma ? r->site_x : 0)) / div_x - (block_w - 1) / 2.0) / block_w;
    const double in_y = ((y - (chroma ? r->site_y : 0)) / div_y - (block_h - 1) / 2.0) / block_h;
    const int column = (int)floor(fmin(fmax(in_x, -10), 1e6));
    const int row = (int)floor(fmin(fmax(in_y, -10), 1e6));
    const double fx = column == -10 || in_x > 1e6 ? 0 : in_x - column;
    const double fy = row == -10 || in_y > 1e6 ? 0 : in_y - row;
    double sum = 0;
    for (int k = 0; k < 4; k++) {
        sum += (k % 2 == 0 ? 1 - fx : fx) * (k / 2 == 0 ? 1 - fy : fy) *
               block_mean(r, component, block_w, block_h, column + k % 2, row + k / 2);
    }
    return sum;
}

/* Samples that lie on the frame's very border may fall to either side of it; `strays` says how many pixels of
 * a thousand may differ. */
static void check_warp(const AVFrame *frame, Affine map, int width, int height, float border, int strays)
{
    const Reference r = reference_of(frame);
    Image rgb = {0};
    assert_int_equal(frame_view_warp(frame, &map, width, height, border, &rgb, NULL), STATUS_OK);
    int wrong = 0;
    for (int v = 0; v < height; v++) {
        for (int u = 0; u < width; u++) {
            double codes[3] = {0};
            double want[3];
            for (int i = 0; i < r.components; i++) {
                codes[i] = reference_warped(&r, i, &map, u, v, border);
            }
            codes_to_rgb(&r, codes, want);
            double error = 0;
            for (int i = 0; i < 3; i++) {
                error = fmax(error, fabs(pixel(&rgb, i, u, v) - want[i]));
            }
            wrong += error > 0.1;
        }
    }
    if (wrong * 1000 > strays * width * height) {
        fail_msg("%s: %d of %d pixels differ (%f %f %f %f %f %f, border %f)", r.desc->name, wrong,
                 width * height, (double)map.a, (double)map.b, (double)map.c, (double)map.d, (double)map.e,
                 (double)map.f, (double)border);
    }
    image_free(&rgb);
}

static Affine random_map(float scale, bool upright, const AVFrame *frame, int width, int height)
{
    const float angle = upright ? 0 : random_float(-3.2F, 3.2F);
    Affine map = {scale * cosf(angle), -scale * sinf(angle), 0, scale * sinf(angle), scale * cosf(angle), 0};
    if (random_bits() % 4 == 0) {
        map.a = -map.a;
        map.d = -map.d;
    }
    if (random_bits() % 4 == 0) {
        map.e *= 0.6F;
        map.b *= 0.6F;
    }
    const Point centre = affine_apply(&map, (Point){(float)width / 2, (float)height / 2});
    map.c = (float)frame->width * random_float(0.3F, 0.7F) - centre.x;
    map.f = (float)frame->height * random_float(0.3F, 0.7F) - centre.y;
    return map;
}

static void warp_matches_the_reference(void **state)
{
    (void)state;
    static const float scales[] = {0.3F, 1.0F, 1.4F, 1.7F, 2.6F, 4.0F, 11.0F};
    FOR_EACH_FORMAT(format)
    {
        for (size_t i = 0; i < sizeof scales / sizeof scales[0] * 2; i++) {
            AVFrame *frame = make_frame(format, random_int(1, 60), random_int(1, 50));
            frame->chroma_location = i % 3 == 0 ? AVCHROMA_LOC_CENTER : AVCHROMA_LOC_LEFT;
            const int width = random_int(1, 24);
            const Affine map = random_map(scales[i / 2], i % 2 == 0, frame, width, 17);
            check_warp(frame, map, width, 17, -1, 0);
            check_warp(frame, map, width, 17, 77, 20);
            av_frame_free(&frame);
        }
    }
}

static void warp_by_the_identity_is_read(void **state)
{
    (void)state;
    static const enum AVPixelFormat some[] = {AV_PIX_FMT_YUV420P, AV_PIX_FMT_P010LE, AV_PIX_FMT_YUYV422,
                                              AV_PIX_FMT_RGB24};
    for (size_t k = 0; k < sizeof some / sizeof some[0]; k++) {
        AVFrame *frame = make_frame(some[k], 64, 48);
        Image read = {0};
        Image warped = {0};
        const Affine shift = {1, 0, 11, 0, 1, 7};
        assert_int_equal(frame_view_read(frame, (Rect){11, 7, 64, 48}, &read, NULL), STATUS_OK);
        assert_int_equal(frame_view_warp(frame, &shift, 53, 41, -1, &warped, NULL), STATUS_OK);
        for (int i = 0; i < 3 * 53 * 41; i++) {
            assert_true(fabsf(pixel(&read, i / 2173, i % 53, i / 53 % 41) -
                              pixel(&warped, i / 2173, i % 53, i / 53 % 41)) < 1e-2F);
        }
        image_free(&read);
        image_free(&warped);
        av_frame_free(&frame);
    }
}

/* Large shrinks of wide frames go in several tiles; far-off and degenerate maps must not read astray. */
static void warp_of_extreme_maps(void **state)
{
    (void)state;
    AVFrame *frame = make_frame(AV_PIX_FMT_YUV420P, 5003, 6);
    check_warp(frame, (Affine){4.1F, 0, 1, 0, 1, 0}, 1220, 6, -1, 0);
    check_warp(frame, (Affine){-4.1F, 0, 5000, 0, 1, 0}, 1220, 6, 0, 1);
    check_warp(frame, (Affine){900, 0, 0, 0, 3, 0}, 6, 2, -1, 0);
    av_frame_free(&frame);
    frame = make_frame(AV_PIX_FMT_NV12, 30, 20);
    check_warp(frame, (Affine){0, 0, 12.25F, 0, 0, 3.5F}, 5, 5, -1, 0);
    check_warp(frame, (Affine){1e6F, 0, -1e6F, 0, 1e6F, 1e5F}, 5, 5, 9, 0);
    check_warp(frame, (Affine){0, 1, 0, -1, 0, 0}, 9, 9, -1, 0);
    check_warp(frame, (Affine){1, 0, 1e8F, 0, 1, -1e8F}, 9, 9, -1, 0);
    av_frame_free(&frame);
}

/* Where even the largest blocks do not bring the shrink down, a tile must still not outgrow its patch. */
static void warp_of_a_huge_frame(void **state)
{
    (void)state;
    AVFrame *frame = av_frame_alloc();
    frame->format = AV_PIX_FMT_GRAY8;
    frame->width = frame->height = frame->linesize[0] = 8000;
    frame->buf[0] = av_buffer_alloc(8000 * 8000);
    assert_non_null(frame->buf[0]);
    frame->data[0] = frame->buf[0]->data;
    memset(frame->data[0], 9, 8000 * 8000);
    Image rgb = {0};
    const Affine map = {320, 0, 160, 0, 320, 160};
    assert_int_equal(frame_view_warp(frame, &map, 25, 25, -1, &rgb, NULL), STATUS_OK);
    for (int i = 0; i < 25 * 25; i++) {
        assert_true(fabsf(pixel(&rgb, 2, i % 25, i / 25) - 9) < 1e-3F);
    }
    image_free(&rgb);
    av_frame_free(&frame);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(warp_matches_the_reference),
        cmocka_unit_test(warp_by_the_identity_is_read),
        cmocka_unit_test(warp_of_extreme_maps),
        cmocka_unit_test(warp_of_a_huge_frame),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
