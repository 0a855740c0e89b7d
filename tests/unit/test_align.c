/* Templates: their numbers, and faces brought onto them whatever the video's pixels are like. */
#include "face_fixtures.h"

#include "face/align.h"

static void templates_are_those_of_the_field(void **state)
{
    (void)state;
    /* as shares of the crop's side */
    static const struct {
        AlignTemplate align;
        float share[5][2];
    } cases[] = {
        {ALIGN_ARCFACE_112_V1,
         {{0.35473214F, 0.45658929F},
          {0.64526786F, 0.45658929F},
          {0.50000000F, 0.61154464F},
          {0.37913393F, 0.77687500F},
          {0.62086607F, 0.77687500F}}},
        {ALIGN_ARCFACE_112_V2,
         {{0.34191607F, 0.46157411F},
          {0.65653393F, 0.45983393F},
          {0.50022500F, 0.64050536F},
          {0.37097589F, 0.82469196F},
          {0.63151696F, 0.82325089F}}},
        {ALIGN_ARCFACE_128,
         {{0.36167656F, 0.40387734F},
          {0.63696719F, 0.40235469F},
          {0.50019687F, 0.56044219F},
          {0.38710391F, 0.72160547F},
          {0.61507734F, 0.72034453F}}},
        {ALIGN_FFHQ_512,
         {{0.37691676F, 0.46864664F},
          {0.62285697F, 0.46912813F},
          {0.50123859F, 0.61331904F},
          {0.39308822F, 0.72541100F},
          {0.61150205F, 0.72490465F}}},
        {ALIGN_MTCNN_512,
         {{0.36562865F, 0.46733799F},
          {0.63305391F, 0.46585885F},
          {0.50019127F, 0.61942959F},
          {0.39032951F, 0.77598822F},
          {0.61178945F, 0.77476328F}}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Point points[5];
        align_points(cases[i].align, 256, points);
        for (int k = 0; k < 5; k++) {
            assert_float_equal(points[k].x, 256 * cases[i].share[k][0], 1e-3F);
            assert_float_equal(points[k].y, 256 * cases[i].share[k][1], 1e-3F);
        }
    }
}

static void check_map(const Affine *placed, float aspect, AVRational sar)
{
    for (int t = ALIGN_NONE + 1; t < ALIGN_TEMPLATE_COUNT; t++) {
        const int size = 64 * t;
        Point wanted[5];
        Point points[5];
        align_points((AlignTemplate)t, size, wanted);
        for (int i = 0; i < 5; i++) {
            points[i] = affine_apply(placed, wanted[i]);
            points[i].x = (points[i].x + 0.5F) / aspect - 0.5F;
        }
        Mesh mesh = {0};
        put_points(&mesh, points);
        Affine map;
        assert_true(align_mesh(&mesh, (AlignTemplate)t, size, sar, &map));
        for (int i = 0; i < 5; i++) {
            const Point at = affine_apply(&map, wanted[i]);
            assert_float_equal(at.x, points[i].x, 2e-3F);
            assert_float_equal(at.y, points[i].y, 2e-3F);
        }
    }
}

static void a_face_comes_onto_each_template(void **state)
{
    (void)state;
    static const AVRational square = {0, 1};
    static const AVRational wide = {2, 1};
    check_map(&(Affine){1, 0, 40, 0, 1, 30}, 1, square);
    check_map(&(Affine){0.9F, -1.2F, 500, 1.2F, 0.9F, 80}, 1, square); /* turned */
    check_map(&(Affine){-0.5F, 0, 400, 0, -0.5F, 300}, 1, square);     /* upside down */
    check_map(&(Affine){-1.1F, 0.3F, 400, 0.3F, 1.1F, 30}, 1, square); /* mirrored */
    check_map(&(Affine){0.9F, -1.2F, 500, 1.2F, 0.9F, 80}, 2, wide);
}

/* The mean of the errors is least: all five count alike, none is hit exactly. */
static void a_face_of_another_shape_comes_as_near_as_it_can(void **state)
{
    (void)state;
    Point wanted[5];
    align_points(ALIGN_FFHQ_512, 512, wanted);
    Point points[5];
    for (int i = 0; i < 5; i++) {
        points[i] = wanted[i];
    }
    points[0].x += 5; /* the error is shared: a fifth of it moves all */
    Mesh mesh = {0};
    put_points(&mesh, points);
    Affine map;
    assert_true(align_mesh(&mesh, ALIGN_FFHQ_512, 512, (AVRational){1, 1}, &map));
    Point sum = {0};
    for (int i = 0; i < 5; i++) {
        const Point at = affine_apply(&map, wanted[i]);
        sum.x += at.x - points[i].x;
        sum.y += at.y - points[i].y;
    }
    assert_float_equal(sum.x, 0, 5e-3F);
    assert_float_equal(sum.y, 0, 5e-3F);
}

static void a_face_without_extent_is_refused(void **state)
{
    (void)state;
    const Mesh mesh = {0};
    Affine map;
    assert_false(align_mesh(&mesh, ALIGN_ARCFACE_128, 128, (AVRational){1, 1}, &map));
    assert_false(align_mesh(&mesh, ALIGN_NONE, 128, (AVRational){1, 1}, &map));
}

static void a_finer_crop_covers_the_same_area(void **state)
{
    (void)state;
    const Affine map = {1.5F, -0.5F, 100, 0.5F, 1.5F, 60};
    const Affine finer = align_finer(&map, 4);
    for (int i = 0; i < 2; i++) {
        const float edge = i == 0 ? -0.5F : 127.5F;
        const float fine_edge = i == 0 ? -0.5F : 511.5F;
        const Point a = affine_apply(&map, (Point){edge, edge});
        const Point b = affine_apply(&finer, (Point){fine_edge, fine_edge});
        assert_float_equal(a.x, b.x, 1e-3F);
        assert_float_equal(a.y, b.y, 1e-3F);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(templates_are_those_of_the_field),
        cmocka_unit_test(a_face_comes_onto_each_template),
        cmocka_unit_test(a_face_of_another_shape_comes_as_near_as_it_can),
        cmocka_unit_test(a_face_without_extent_is_refused),
        cmocka_unit_test(a_finer_crop_covers_the_same_area),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
