/* Frames that wait in files: what comes back, and what lies there when. */
#include "frame_fixtures.h"

static void assert_differs_by(const AVFrame *a, const AVFrame *b, int most)
{
    FrameDifference difference = {0};
    frame_difference_add(&difference, a, b);
    if (difference.most > most) {
        Text text = {0};
        frame_difference_tell(&difference, &text);
        fail_msg("%s: %s", av_get_pix_fmt_name((enum AVPixelFormat)a->format), text.data);
    }
}

static void every_frame_comes_back(void **state)
{
    (void)state;
    FOR_EACH_FORMAT(format)
    {
        Source source = make_source(format, 7, 3);
        const FrameFilesConfig config = config_of(&source);
        FrameFiles *files = open_files(&config);
        for (int i = 0; i < source.count; i++) {
            uint64_t note = 0;
            AVFrame *frame = next_frame(files, &note);
            assert_non_null(frame);
            assert_int_equal(note, 1000 + i);
            assert_int_equal(frame->pts, 10 * i);
            assert_int_equal(frame->format, format);
            assert_int_equal(frame->colorspace, AVCOL_SPC_BT709);
            assert_int_equal(frame->color_range, AVCOL_RANGE_MPEG);
            assert_int_equal(frame->sample_aspect_ratio.num, 4);
            assert_differs_by(source.frames[i], frame, 0);
            AVFrame *picture = taken(files, frame);
            assert_int_equal(picture->pts, 10 * i);
            assert_int_equal(picture->format, format);
            assert_differs_by(source.frames[i], picture, 0);
            av_frame_free(&picture);
            av_frame_free(&frame);
        }
        assert_null(next_frame(files, &(uint64_t){0}));
        frame_files_free(&files);
        assert_false(file_exists(folder));
        free_source(&source);
    }
}

/* The frames in flight are those of a pipeline: given, but not taken yet. */
static void never_more_than_two_chunks(void **state)
{
    (void)state;
    enum { IN_FLIGHT = 6 };
    static const int lengths[] = {1, 2, 5, 13, 100};
    for (size_t k = 0; k < sizeof lengths / sizeof lengths[0]; k++) {
        Source source = make_source(AV_PIX_FMT_GRAY8, 40, lengths[k]);
        const FrameFilesConfig config = config_of(&source);
        FrameFiles *files = open_files(&config);
        AVFrame *flight[IN_FLIGHT];
        int given = 0;
        int done = 0;
        char names[MOST_FRAMES][64];
        while (done < source.count) {
            AVFrame *frame = av_frame_alloc();
            uint64_t note = 0;
            const Status status =
                given - done < IN_FLIGHT ? frame_files_next(files, frame, &note, NULL) : STATUS_AGAIN;
            assert_true(status == STATUS_OK || status == STATUS_AGAIN || status == STATUS_EOF);
            const int count = names_sorted(names);
            assert_in_range(count, 0, 2 * lengths[k]);
            if (status == STATUS_OK) {
                flight[given++ % IN_FLIGHT] = frame;
                /* its whole chunk was written before */
                const int last = (given - 1) / lengths[k] * lengths[k] + lengths[k];
                assert_true(source.next >= (last < source.count ? last : source.count));
                continue;
            }
            av_frame_free(&frame);
            if (given > done && (given - done == IN_FLIGHT || status != STATUS_AGAIN ||
                                 source.next > given + 2 * lengths[k] - IN_FLIGHT)) {
                AVFrame *picture = taken(files, flight[done % IN_FLIGHT]);
                assert_int_equal(picture->pts, 10 * done);
                av_frame_free(&picture);
                av_frame_free(&flight[done++ % IN_FLIGHT]);
            }
        }
        const FrameFilesStats stats = frame_files_stats(files);
        assert_int_equal(stats.files, 0);
        assert_int_equal(stats.bytes, 0);
        assert_in_range(stats.peak_files, 1, 2 * lengths[k]);
        frame_files_free(&files);
        free_source(&source);
    }
}

static void names_and_deletion(void **state)
{
    (void)state;
    Source source = make_source(AV_PIX_FMT_YUV420P, 5, 2);
    FrameFilesConfig config = config_of(&source);
    config.kind = STILL_JPG;
    config.first = 99999998; /* a run that goes on there */
    FrameFiles *files = open_files(&config);
    assert_holds("");
    AVFrame *first = next_frame(files, &(uint64_t){0});
    assert_holds("frame-100000000.jpg frame-100000001.jpg frame-100000002.jpg frame-99999999.jpg");
    AVFrame *second = next_frame(files, &(uint64_t){0});
    AVFrame *picture = av_frame_alloc();
    assert_int_equal(frame_files_take(files, second, picture, NULL), STATUS_FAILED); /* out of turn */
    av_frame_free(&picture);
    picture = taken(files, first);
    av_frame_free(&picture);
    assert_holds("frame-100000000.jpg frame-100000001.jpg frame-100000002.jpg");
    assert_int_equal(frame_files_take(files, first, second, NULL), STATUS_FAILED); /* twice */
    frame_files_free(&files);
    assert_false(file_exists(folder));
    av_frame_free(&first);
    av_frame_free(&second);
    free_source(&source);
}

static void a_changed_frame_is_in_its_file(void **state)
{
    (void)state;
    Source source = make_source(AV_PIX_FMT_YUV420P10LE, 4, 4);
    const FrameFilesConfig config = config_of(&source);
    FrameFiles *files = open_files(&config);
    AVFrame *frames[4];
    for (int i = 0; i < 4; i++) {
        frames[i] = next_frame(files, &(uint64_t){0});
    }
    AVFrame *other =
        make_moderate_frame(AV_PIX_FMT_YUV420P10LE, WIDTH, HEIGHT, AVCOL_RANGE_MPEG, AVCOL_SPC_BT709);
    other->pts = 20;
    assert_int_equal(frame_files_replace(files, other, NULL), STATUS_OK);
    other->pts = 21;
    assert_int_equal(frame_files_replace(files, other, NULL), STATUS_FAILED);
    assert_holds("frame-00000001.png frame-00000002.png frame-00000003.png frame-00000004.png");
    for (int i = 0; i < 4; i++) {
        AVFrame *picture = taken(files, frames[i]);
        assert_differs_by(i == 2 ? other : source.frames[i], picture, 0);
        av_frame_free(&picture);
        av_frame_free(&frames[i]);
    }
    assert_int_equal(frame_files_stats(files).bytes, 0);
    frame_files_free(&files);
    av_frame_free(&other);
    free_source(&source);
}

static void kept_files_are_the_users(void **state)
{
    (void)state;
    Source source = make_source(AV_PIX_FMT_RGB24, 6, 2);
    FrameFilesConfig config = config_of(&source);
    config.keep = true;
    FrameFiles *files = open_files(&config);
    for (int i = 0; i < 3; i++) {
        AVFrame *frame = next_frame(files, &(uint64_t){0});
        AVFrame *picture = taken(files, frame);
        av_frame_free(&picture);
        av_frame_free(&frame);
    }
    const FrameFilesStats stats = frame_files_stats(files);
    assert_int_equal(stats.kept_files, 3);
    assert_int_equal(stats.kept_bytes, file_size(file_path("frame-00000001.png")) +
                                           file_size(file_path("frame-00000002.png")) +
                                           file_size(file_path("frame-00000003.png")));
    frame_files_free(&files); /* as after Ctrl+C: what was not taken goes */
    assert_holds("frame-00000001.png frame-00000002.png frame-00000003.png");
    /* goes on behind the first chunk */
    put_file("frame-00000009.jpg", "old", 3);
    put_file("frame-00000001.png.part", "old", 3);
    put_file("notes.txt", "mine", 4);
    put_file("frame-1.png", "mine", 4);
    config.first = source.next = 2;
    files = open_files(&config);
    assert_holds("frame-00000001.png frame-00000002.png frame-1.png notes.txt");
    AVFrame *frame = next_frame(files, &(uint64_t){0});
    assert_differs_by(source.frames[2], frame, 0);
    av_frame_free(&frame);
    frame_files_free(&files);
    assert_holds("frame-00000001.png frame-00000002.png frame-1.png notes.txt");
    /* without keep all frame files go, and nothing else */
    config.keep = false;
    files = open_files(&config);
    assert_holds("frame-1.png notes.txt");
    frame_files_free(&files);
    assert_holds("frame-1.png notes.txt");
    assert_int_equal(unlink(file_path("frame-1.png")), 0);
    assert_int_equal(unlink(file_path("notes.txt")), 0);
    assert_int_equal(rmdir(folder), 0);
    free_source(&source);
}

static void files_may_be_changed_by_hand(void **state)
{
    (void)state;
    static const char *const kinds[] = {"37:21 -pix_fmt rgba -c:v png", "37:21 -pix_fmt pal8 -c:v png",
                                        "37:21 -pix_fmt rgb48be -c:v png",
                                        "37:21 -pix_fmt yuvj444p -q:v 1 -c:v mjpeg"};
    enum { KINDS = sizeof kinds / sizeof kinds[0] };
    Source source = make_source(AV_PIX_FMT_YUV444P, KINDS, KINDS);
    const FrameFilesConfig config = config_of(&source);
    FrameFiles *files = open_files(&config);
    AVFrame *frames[KINDS];
    for (int i = 0; i < KINDS; i++) {
        frames[i] = next_frame(files, &(uint64_t){0});
    }
    for (int i = 0; i < KINDS; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "frame-%08d.png", i + 1);
        draw(name, kinds[i]);
        AVFrame *picture = taken(files, frames[i]);
        /* BT.709, limited range, of 0x24, 0x6c, 0xaa */
        assert_in_range(code_of(picture, 0, 5, 5), 98, 101);
        assert_in_range(code_of(picture, 1, 5, 5), 161, 164);
        assert_in_range(code_of(picture, 2, 5, 5), 93, 95);
        av_frame_free(&picture);
        av_frame_free(&frames[i]);
    }
    frame_files_free(&files);
    free_source(&source);
}

static AVFrame *smooth_frame(enum AVPixelFormat format, enum AVColorRange range, enum AVColorSpace space)
{
    AVFrame *frame = make_moderate_frame(format, 160, 96, range, space);
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(format);
    const int unit = 1 << (desc->comp[0].depth - 8);
    for (int i = 0; i < desc->nb_components; i++) {
        const bool chroma = i > 0 && (desc->flags & AV_PIX_FMT_FLAG_RGB) == 0;
        const int width = AV_CEIL_RSHIFT(160, chroma ? desc->log2_chroma_w : 0);
        const int height = AV_CEIL_RSHIFT(96, chroma ? desc->log2_chroma_h : 0);
        for (int k = 0; k < width * height; k++) {
            const double x = (double)(k % width) / width;
            const double y = (double)(k / width) / height; // NOLINT(bugprone-integer-division)
            const double wave = chroma ? 128 + 20 * sin(6 * x + i) : 120 + 30 * sin(7 * x + 3 * y);
            set_code(frame, i, k % width, k / width, (int)(wave * unit));
        }
    }
    return frame;
}

/* JPEG is lossy, but it shifts no colours; roop's quality is the encoder's scale. */
static void jpg_keeps_the_colours(void **state)
{
    (void)state;
    static const struct {
        enum AVPixelFormat format;
        enum AVColorRange range;
        enum AVColorSpace space;
    } cases[] = {
        {AV_PIX_FMT_YUV420P, AVCOL_RANGE_MPEG, AVCOL_SPC_BT709},
        {AV_PIX_FMT_YUV420P, AVCOL_RANGE_JPEG, AVCOL_SPC_SMPTE170M},
        {AV_PIX_FMT_YUV422P10LE, AVCOL_RANGE_MPEG, AVCOL_SPC_BT2020_NCL},
        {AV_PIX_FMT_YUV444P, AVCOL_RANGE_MPEG, AVCOL_SPC_SMPTE170M},
        {AV_PIX_FMT_GRAY8, AVCOL_RANGE_MPEG, AVCOL_SPC_UNSPECIFIED},
        {AV_PIX_FMT_GBRP, AVCOL_RANGE_JPEG, AVCOL_SPC_RGB},
        {AV_PIX_FMT_NV12, AVCOL_RANGE_MPEG, AVCOL_SPC_BT709},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        double before = 0;
        for (int quality = 0; quality <= 100; quality += 50) {
            Source source = {.count = 1, .chunk = 1, .pool = frame_pool_new(1 << 24)};
            source.frames[0] = smooth_frame(cases[i].format, cases[i].range, cases[i].space);
            source.frames[0]->pts = 0;
            FrameFilesConfig config = config_of(&source);
            config.kind = STILL_JPG;
            config.quality = quality;
            FrameFiles *files = open_files(&config);
            AVFrame *frame = next_frame(files, &(uint64_t){0});
            FrameDifference difference = {0};
            frame_difference_add(&difference, source.frames[0], frame);
            const double unit = (difference.peak + 1) / 256.0;
            const double psnr = frame_difference_psnr(&difference);
            if (fabs(difference.sum / (double)difference.samples) > 0.15 * unit ||
                psnr < (quality == 0 ? 45 : 30) || (quality > 0 && psnr > before)) {
                Text text = {0};
                frame_difference_tell(&difference, &text);
                fail_msg("%s, quality %d: %s", av_get_pix_fmt_name(cases[i].format), quality, text.data);
            }
            before = psnr;
            av_frame_free(&frame);
            frame_files_free(&files);
            free_source(&source);
        }
    }
}

static void differences_are_counted(void **state)
{
    (void)state;
    AVFrame *was = make_moderate_frame(AV_PIX_FMT_YUV420P10LE, 8, 4, AVCOL_RANGE_MPEG, AVCOL_SPC_BT709);
    AVFrame *is = make_moderate_frame(AV_PIX_FMT_YUV420P10LE, 8, 4, AVCOL_RANGE_MPEG, AVCOL_SPC_BT709);
    assert_int_equal(av_frame_copy(is, was), 0);
    FrameDifference difference = {0};
    frame_difference_add(&difference, was, is);
    assert_int_equal(difference.samples, 8 * 4 + 2 * 4 * 2);
    assert_true(isinf(frame_difference_psnr(&difference)));
    set_code(is, 0, 7, 3, code_of(was, 0, 7, 3) + 4);
    set_code(is, 2, 3, 1, code_of(was, 2, 3, 1) - 2);
    frame_difference_add(&difference, was, is);
    assert_int_equal(difference.frames, 2);
    assert_int_equal(difference.differing, 2);
    assert_int_equal(difference.most, 4);
    assert_float_equal(difference.sum, 2, 1e-9);
    assert_float_equal(difference.total, 6, 1e-9);
    assert_true(fabs(frame_difference_psnr(&difference) - 10 * log10(1023.0 * 1023 * 96 / 20)) < 1e-9);
    Text text = {0};
    frame_difference_tell(&difference, &text);
    assert_string_equal(text.data,
                        "2.08 % of the samples off by up to 4 of 1023 levels, by 0.062 on average; "
                        "shift of the mean +0.021 levels, PSNR 67.0 dB");
    text_free(&text);
    av_frame_free(&was);
    av_frame_free(&is);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_frame_comes_back),   cmocka_unit_test(never_more_than_two_chunks),
        cmocka_unit_test(names_and_deletion),       cmocka_unit_test(a_changed_frame_is_in_its_file),
        cmocka_unit_test(kept_files_are_the_users), cmocka_unit_test(files_may_be_changed_by_hand),
        cmocka_unit_test(jpg_keeps_the_colours),    cmocka_unit_test(differences_are_counted),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
