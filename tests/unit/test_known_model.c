/* Users' models of every kind beside swappers, by generated ones of their signatures
 * (tests/support/make_models.py): the right ones run and give what is known, wrong ones are refused. */
#include <ftw.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/files.h"
#include "infer/half.h"
#include "infer/inventory.h"

/* As make_models.py has them. */
static const float more[3] = {20, -12, 7};
static const float box[4] = {160, 200, 352, 456};
static const float first_point[2] = {220, 300};
enum { SIDE = 640, MADE = 20 };

static char root[] = "/tmp/runbatch-known-XXXXXX";

static int make_all(void **state)
{
    (void)state;
    const char *support = getenv("RUNBATCH_TEST_SUPPORT");
    if (support == NULL || mkdtemp(root) == NULL) {
        return -1;
    }
    char *command = text_format("'%s/make_models.py' '%s'", support, root);
    const int code = system(command); /* NOLINT(cert-env33-c) */
    memory_free(command);
    return code;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status, (void)kind, (void)walk;
    return remove(path);
}

static int remove_all(void **state)
{
    (void)state;
    return nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static Status try_open(Session **session, const KnownModel *model, const char *which, Error *err)
{
    char *folder = path_join(root, which);
    const Status status = known_model_open(session, model, folder, PROVIDER_CPU, 1, err);
    memory_free(folder);
    return status;
}

static Session *open_right(const char *name)
{
    Session *session = NULL;
    Error err = {0};
    if (try_open(&session, known_model_find(name), "right", &err) != STATUS_OK) {
        fail_msg("%s: %s: %s", name, err.what, err.why);
    }
    return session;
}

/* Calls `check` for every model that was made; says how many. */
static int for_each_made(void (*check)(const KnownModel *model))
{
    int count = 0;
    char *folder = path_join(root, "right");
    for (size_t i = 0; i < known_model_count; i++) {
        char *file = text_format("%s/%s.onnx", folder, known_models[i].name);
        if (file_exists(file)) {
            check(&known_models[i]);
            count++;
        }
        memory_free(file);
    }
    memory_free(folder);
    return count;
}

/* ---- numbers of 16 bits ---- */

static void halves_are_converted(void **state)
{
    (void)state;
    for (uint32_t bits = 0; bits <= UINT16_MAX; bits++) {
        const float value = half_to_float((uint16_t)bits);
        if (isnan(value)) {
            assert_true(isnan(half_to_float(half_from_float(value))));
        } else {
            assert_int_equal(half_from_float(value), bits);
        }
    }
    static const struct {
        float value;
        uint16_t half;
    } rounded[] = {
        {1.0F + 0x1p-11F, 0x3c00},     /* a tie goes to the even one */
        {1.0F + 0x1.8p-10F, 0x3c02},   /* the other way */
        {1.0F + 0x1.002p-11F, 0x3c01}, /* just over it */
        {2047.0F / 2048, 0x3bff},      /* held exactly */
        {4095.0F / 4096, 0x3c00},      /* the carry raises the exponent */
        {65519, 0x7bff},
        {65520, 0x7c00}, /* the largest, and too large */
        {0x1p-25F, 0},
        {0x1.8p-25F, 1}, /* half of the smallest is a tie, more is not */
        {-0x1p-24F, 0x8001},
        {1e-30F, 0},
    };
    for (size_t i = 0; i < sizeof rounded / sizeof rounded[0]; i++) {
        assert_int_equal(half_from_float(rounded[i].value), rounded[i].half);
    }
}

/* ---- right ones ---- */

static void check_opens(const KnownModel *model)
{
    Session *session = open_right(model->name);
    assert_int_equal(session_input_count(session), model->input_count);
    session_free(&session);
}

static void right_ones_open(void **state)
{
    (void)state;
    assert_int_equal(for_each_made(check_opens), MADE);
}

static float *picture(int side, size_t values, float scale)
{
    float *data = memory_alloc((size_t)side * (size_t)side * values, sizeof *data);
    for (size_t i = 0; i < (size_t)side * (size_t)side * values; i++) {
        data[i] = (float)(i * 37 % 151) * scale;
    }
    return data;
}

static void check_enhancer(const KnownModel *model)
{
    if (model->role != MODEL_FACE_ENHANCER) {
        return;
    }
    const int side = model->size;
    const size_t area = (size_t)side * (size_t)side;
    const bool weighted = model->input_count == 2;
    float *in = picture(side, 3, model->scale[0]);
    float *out = memory_alloc(3 * area, sizeof *out);
    float weight = 0.3F;
    const Tensor inputs[] = {{in, 4, {1, 3, side, side}}, {&weight, 1, {1}}};
    const Tensor output = {out, 4, {1, 3, side, side}};
    Session *session = open_right(model->name);
    Error err = {0};
    assert_int_equal(session_run(session, inputs, model->input_count, &output, 1, &err), STATUS_OK);
    for (size_t i = 0; i < 3 * area; i++) {
        const float wanted = (float)(i * 37 % 151) + more[i / area] + (weighted ? 40 * weight : 0);
        const float got =
            out[i] * model->out_scale[i / area] + model->out_mean[i / area] - model->mean[i / area];
        assert_float_equal(got, wanted, 1e-3);
    }
    session_free(&session);
    memory_free(in);
    memory_free(out);
}

static void enhancers_give_what_is_known(void **state)
{
    (void)state;
    (void)for_each_made(check_enhancer);
}

static void check_upscaler(const KnownModel *model)
{
    if (model->role != MODEL_FRAME_ENHANCER) {
        return;
    }
    enum { TILE = 24 };
    const int large = TILE * model->factor;
    float *in = picture(TILE, 3, model->scale[0]);
    float *out = memory_alloc(3 * (size_t)large * (size_t)large, sizeof *out);
    const Tensor input = {in, 4, {1, 3, TILE, TILE}};
    const Tensor output = {out, 4, {1, 3, large, large}};
    Session *session = open_right(model->name);
    const bool half = session_input(session, 0)->type == PORT_HALF;
    assert_int_equal(half, strstr(model->name, "fp16") != NULL);
    Error err = {0};
    assert_int_equal(session_run(session, &input, 1, &output, 1, &err), STATUS_OK);
    for (int i = 0; i < 3 * large * large; i++) {
        const int p = i / (large * large);
        const int y = i / large % large / model->factor;
        const int x = i % large / model->factor;
        const float wanted = (float)((p * TILE * TILE + y * TILE + x) * 37 % 151) + more[p];
        assert_float_equal(out[i] * model->out_scale[p], wanted, half ? 0.15F : 1e-3F);
    }
    session_free(&session);
    memory_free(in);
    memory_free(out);
}

static void frame_enhancers_run_in_32_and_16_bits(void **state)
{
    (void)state;
    (void)for_each_made(check_upscaler);
}

static void masks_are_by_class_and_by_place(void **state)
{
    (void)state;
    Error err = {0};
    Session *session = open_right("bisenet_resnet_34");
    float *in = picture(512, 3, 0.01F);
    float *classes = memory_alloc((size_t)19 * 512 * 512, sizeof *classes);
    assert_int_equal(session_run(session, &(Tensor){in, 4, {1, 3, 512, 512}}, 1,
                                 &(Tensor){classes, 4, {1, 19, 512, 512}}, 1, &err),
                     STATUS_OK);
    for (int x = 0; x < 512; x++) {
        assert_float_equal(classes[((size_t)(x * 19 / 512) * 512 + 300) * 512 + (size_t)x], 1, 0);
    }
    memory_free(classes);
    memory_free(in);
    session_free(&session);

    session = open_right("xseg_1");
    in = picture(256, 3, 1.0F / 255);
    float *seen = memory_alloc((size_t)256 * 256, sizeof *seen);
    assert_int_equal(session_run(session, &(Tensor){in, 4, {1, 256, 256, 3}}, 1,
                                 &(Tensor){seen, 4, {1, 256, 256, 1}}, 1, &err),
                     STATUS_OK);
    for (size_t i = 0; i < (size_t)256 * 256; i++) {
        assert_float_equal(seen[i], in[3 * i], 0);
    }
    memory_free(seen);
    memory_free(in);
    session_free(&session);
}

/* Runs a detector; gives its outputs, one after the other in memory that the caller frees. */
static float *run_detector(const char *name, Tensor outputs[SESSION_MAX_PORTS])
{
    Session *session = open_right(name);
    const KnownModel *model = known_model_find(name);
    float *in = picture(SIDE, 3, model->scale[0]);
    size_t sizes[SESSION_MAX_PORTS];
    size_t all = 0;
    for (int i = 0; i < model->output_count; i++) {
        const Port *port = session_output(session, i);
        sizes[i] = 1;
        outputs[i] = (Tensor){.rank = port->rank};
        for (int d = 0; d < port->rank; d++) {
            outputs[i].shape[d] = port->shape[d];
            sizes[i] *= (size_t)port->shape[d];
        }
        all += sizes[i];
    }
    float *data = memory_alloc(all, sizeof *data);
    for (int i = 0, at = 0; i < model->output_count; i++) {
        outputs[i].data = data + at;
        at += (int)sizes[i];
    }
    Error err = {0};
    assert_int_equal(
        session_run(session, &(Tensor){in, 4, {1, 3, SIDE, SIDE}}, 1, outputs, model->output_count, &err),
        STATUS_OK);
    memory_free(in);
    session_free(&session);
    return data;
}

static float value_at(const Tensor *tensor, int index)
{
    return tensor->data != NULL ? tensor->data[index] : NAN;
}

static void detectors_outputs_are_in_the_catalogues_order(void **state)
{
    (void)state;
    Tensor out[SESSION_MAX_PORTS] = {0};
    const int cell = 20 * (SIDE / 16) + 16; /* of stride 16, that the box's centre is in */
    float *data = run_detector("det_10g", out);
    assert_float_equal(value_at(&out[1], 2 * cell), 0.9, 1e-6);
    assert_float_equal(256 - value_at(&out[4], 8 * cell) * 16, box[0], 1e-4);
    assert_float_equal(320 + value_at(&out[4], 8 * cell + 3) * 16, box[3], 1e-4);
    assert_float_equal(256 + value_at(&out[7], 20 * cell) * 16, first_point[0], 1e-4);
    memory_free(data);

    data = run_detector("yunet", out);
    assert_float_equal(sqrtf(value_at(&out[1], cell) * value_at(&out[4], cell)), 0.9, 1e-6);
    assert_float_equal(256 + value_at(&out[7], 4 * cell) * 16, (box[0] + box[2]) / 2, 1e-4);
    assert_float_equal(expf(value_at(&out[7], 4 * cell + 3)) * 16, box[3] - box[1], 1e-3);
    assert_float_equal(320 + value_at(&out[10], 10 * cell + 1) * 16, first_point[1], 1e-4);
    memory_free(data);

    data = run_detector("retinaface_r50", out);
    int best = 0;
    for (int i = 0; i < out[1].shape[1]; i++) {
        best = value_at(&out[1], 2 * i + 1) > value_at(&out[1], 2 * best + 1) ? i : best;
    }
    assert_float_equal(value_at(&out[1], 2 * best + 1), 0.9, 1e-6);
    assert_float_equal(expf(value_at(&out[0], 4 * best + 2) * 0.2F) * 256, box[2] - box[0], 1e-3);
    memory_free(data);

    data = run_detector("yoloface_8n", out);
    assert_float_equal(value_at(&out[0], 4 * 8400 + 5000), 0.9, 1e-6);
    assert_float_equal(value_at(&out[0], 5 * 8400 + 5000), first_point[0], 1e-4);
    memory_free(data);
}

/* ---- wrong ones ---- */

static void expect_refused(const KnownModel *model, const char *which, const char *why)
{
    Session *session = NULL;
    Error err = {0};
    char *file = text_format("%s.onnx", model->name);
    if (try_open(&session, model, which, &err) == STATUS_OK) {
        fail_msg("%s, %s: taken", model->name, which);
    }
    assert_null(session);
    assert_int_equal(err.class_, ERROR_MODEL);
    if (strstr(err.file, file) == NULL || strstr(err.why, why) == NULL) {
        fail_msg("%s, %s: '%s' on '%s' does not tell '%s'", model->name, which, err.why, err.file, why);
    }
    memory_free(file);
}

static void put_broken(const KnownModel *model, const char *which, const char *data, int64_t size)
{
    char *folder = path_join(root, which);
    char *path = text_format("%s/%s.onnx", folder, model->name);
    assert_int_equal(folder_make(folder, NULL), STATUS_OK);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, (size_t)size, file), size);
    assert_int_equal(fclose(file), 0);
    memory_free(path);
    memory_free(folder);
}

static void check_wrong(const KnownModel *model)
{
    static const char not_damaged[] = "it is not an ONNX model, or it is damaged or cut off";
    expect_refused(model, "shape", "has the shape");
    expect_refused(model, "type", "holds int64, only float, float16 and double are supported");

    char *path = text_format("%s/right/%s.onnx", root, model->name);
    char *data = NULL;
    int64_t size = 0;
    assert_int_equal(file_read(path, 64 << 20, &data, &size, NULL), STATUS_OK);
    put_broken(model, "cut", data, size / 2);
    expect_refused(model, "cut", not_damaged);
    put_broken(model, "text", "<html>404</html>", 16);
    expect_refused(model, "text", not_damaged);
    memory_free(data);
    memory_free(path);
}

static void wrong_ones_are_refused(void **state)
{
    (void)state;
    assert_int_equal(for_each_made(check_wrong), MADE);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { ROOM_KB = 512 * 1024 }; /* sanitisers keep what was freed */
#else
enum { ROOM_KB = 8 * 1024 };
#endif

/* The most so far: this test is the first. */
static long most_resident_kb(void)
{
    struct rusage usage;
    assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
    return usage.ru_maxrss;
}

static void check_zeros(const KnownModel *model)
{
    char *path = text_format("%s/zeros/%s.onnx", root, model->name);
    put_broken(model, "zeros", "", 0);
    assert_int_equal(truncate(path, (off_t)2 << 30), 0);
    expect_refused(model, "zeros", "it is not an ONNX model");
    InventoryEntry entry = {.model = model, .state = MODEL_THERE, .path = text_duplicate(path)};
    inventory_verify(&entry);
    assert_int_equal(entry.state, MODEL_WRONG);
    inventory_entry_free(&entry);
    memory_free(path);
}

static void two_gigabytes_of_zeros_take_no_memory(void **state)
{
    (void)state;
    (void)session_provider_list(); /* starts the runtime */
    const long before = most_resident_kb();
    assert_int_equal(for_each_made(check_zeros), MADE);
    assert_in_range(most_resident_kb(), 0, before + ROOM_KB);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_gigabytes_of_zeros_take_no_memory),
        cmocka_unit_test(halves_are_converted),
        cmocka_unit_test(right_ones_open),
        cmocka_unit_test(enhancers_give_what_is_known),
        cmocka_unit_test(frame_enhancers_run_in_32_and_16_bits),
        cmocka_unit_test(masks_are_by_class_and_by_place),
        cmocka_unit_test(detectors_outputs_are_in_the_catalogues_order),
        cmocka_unit_test(wrong_ones_are_refused),
    };
    return cmocka_run_group_tests(tests, make_all, remove_all);
}
