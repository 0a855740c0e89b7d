/* What face_debugger draws, and that it draws nothing else. */
#include "face_fixtures.h"

#include "canonical_face.h"
#include "face/debugger.h"
#include "media/frame_view.h"

enum { WIDTH = 320, HEIGHT = 200 };

static void *opened(int threads)
{
    void *state = NULL;
    const ProcessorConfig config = {.threads = threads, .sample_aspect_ratio = {1, 1}};
    Error err = {0};
    assert_int_equal(debugger_kind.open(&state, &config, &err), STATUS_OK);
    return state;
}

static void draw(void *state, AVFrame *frame, const FrameFaces *faces)
{
    Error err = {0};
    assert_int_equal(debugger_kind.process(state, 0, frame, faces, &err), STATUS_OK);
}

static FrameFaces one_face(float x, float y, float width)
{
    FrameFaces faces = {.count = 1};
    faces.face[0] = (Face){.track = 7, .score = 0.98F, .opacity = 1, .selected = true};
    faces.face[0].mesh = canonical_face(x, y, width, 0, 0);
    return faces;
}

/* Red, green and blue at a place. */
static void look(const AVFrame *frame, int x, int y, float rgb[3])
{
    Image image = {0};
    Error err = {0};
    assert_int_equal(frame_view_read(frame, (Rect){x, y, x + 1, y + 1}, &image, &err), STATUS_OK);
    for (int i = 0; i < 3; i++) {
        rgb[i] = image.plane[i][0];
    }
    image_free(&image);
}

static void without_faces_no_bit_changes(void **unused)
{
    (void)unused;
    void *state = opened(1);
    AVFrame *frame = noisy_frame(AV_PIX_FMT_YUV420P, WIDTH, HEIGHT, 70, 110);
    AVFrame *before = copy_frame(frame);
    FrameFaces none = {0};
    assert_false(debugger_kind.wants(state, frame, &none));
    draw(state, frame, &none);
    assert_true(same_bits(before, frame));
    av_frame_free(&before);
    av_frame_free(&frame);
    debugger_kind.free(&state);
}

static void the_box_is_where_the_face_is(void **unused)
{
    (void)unused;
    void *state = opened(1);
    AVFrame *frame = noisy_frame(AV_PIX_FMT_YUV444P, WIDTH, HEIGHT, 70, 70);
    AVFrame *before = copy_frame(frame);
    const FrameFaces faces = one_face(160, 110, 80);
    assert_true(debugger_kind.wants(state, frame, &faces));
    draw(state, frame, &faces);
    float rgb[3];
    look(frame, 120, 110, rgb); /* the box's left side, green */
    assert_true(rgb[1] > 180 && rgb[0] < 120 && rgb[2] < 120);
    look(frame, 200, 110, rgb);
    assert_true(rgb[1] > 180 && rgb[0] < 120 && rgb[2] < 120);
    for (int y = 0; y < HEIGHT; y++) { /* nothing beyond box and label */
        assert_memory_equal(frame->data[0] + y * frame->linesize[0],
                            before->data[0] + y * before->linesize[0], 100);
    }
    av_frame_free(&before);
    av_frame_free(&frame);
    debugger_kind.free(&state);
}

static void the_state_has_its_colour(void **unused)
{
    (void)unused;
    void *state = opened(1);
    static const float wanted[3][3] = {{170, 170, 170}, {255, 190, 0}, {60, 230, 60}};
    for (int i = 0; i < 3; i++) {
        AVFrame *frame = noisy_frame(AV_PIX_FMT_GBRP, WIDTH, HEIGHT, 70, 110);
        FrameFaces faces = one_face(160, 110, 80);
        faces.face[0].selected = i > 0;
        faces.face[0].opacity = i == 1 ? 0.5F : 1;
        draw(state, frame, &faces);
        float rgb[3];
        look(frame, 120, 110, rgb);
        for (int k = 0; k < 3; k++) {
            assert_true(fabsf(rgb[k] - wanted[i][k]) < 60);
        }
        av_frame_free(&frame);
    }
    debugger_kind.free(&state);
}

/* Partly and wholly outside, tiny, huge, not a number. */
static void any_face_is_drawn_safely(void **unused)
{
    (void)unused;
    void *state = opened(2);
    const float cases[][3] = {{-20, 100, 80},   {310, 195, 90}, {5000, 5000, 80}, {160, 100, 0.1F},
                              {160, 100, 4000}, {NAN, 100, 80}, {160, 1e30F, 80}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AVFrame *frame = noisy_frame(AV_PIX_FMT_YUV420P10LE, WIDTH + 1, HEIGHT - 1, 70, 110);
        const FrameFaces faces = one_face(cases[i][0], cases[i][1], cases[i][2]);
        draw(state, frame, &faces);
        av_frame_free(&frame);
    }
    debugger_kind.free(&state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_faces_no_bit_changes),
        cmocka_unit_test(the_box_is_where_the_face_is),
        cmocka_unit_test(the_state_has_its_colour),
        cmocka_unit_test(any_face_is_drawn_safely),
    };
    return cmocka_run_group_tests_name("debugger", tests, NULL, NULL);
}
