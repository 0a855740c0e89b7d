#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/files.h"
#include "base/text.h"
#include "infer/catalogue.h"
#include "infer/runtime.h"
#include "infer/session.h"

/* The default model with the smallest file; made by scripts/setup.sh. */
static const char small_model[] = "fr_landmark.onnx";
enum { INPUT_SIDE = 64, OUTPUT_SIZE = 136 };

static char *folder;

static int make_folder(void **state)
{
    (void)state;
    char template[] = "/tmp/runbatch-infer-XXXXXX";
    folder = text_duplicate(mkdtemp(template));
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    static const char *const names[] = {"text.onnx", "empty.onnx", "cut.onnx",
                                        "a/m.onnx",  "b/m.onnx",   "b/runbatch/models/n.onnx"};
    static const char *const folders[] = {"a", "b/runbatch/models", "b/runbatch", "b", "."};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *path = path_join(folder, names[i]);
        (void)unlink(path);
        memory_free(path);
    }
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        char *path = text_format("%s/%s", folder, folders[i]);
        (void)rmdir(path);
        memory_free(path);
    }
    (void)rmdir(folder);
    memory_free(folder);
    return 0;
}

static char *write_file(const char *name, const char *data, size_t size)
{
    char *path = path_join(folder, name);
    char *parent = path_folder(path);
    Error err = {0};
    assert_int_equal(folder_make(parent, &err), STATUS_OK);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    memory_free(parent);
    return path;
}

static char *model_path(void)
{
    char *path = NULL;
    Error err = {0};
    if (catalogue_find(NULL, small_model, &path, &err) != STATUS_OK) {
        fail_msg("%s: %s; scripts/setup.sh gets the models", err.what, err.why);
    }
    return path;
}

static Session *open_model(void)
{
    char *path = model_path();
    Session *session = NULL;
    Error err = {0};
    assert_int_equal(session_open(&session, &(SessionConfig){.path = path, .provider = PROVIDER_CPU}, &err),
                     STATUS_OK);
    memory_free(path);
    return session;
}

static void expect_load_error(const char *path, const char *why)
{
    Session *session = NULL;
    Error err = {0};
    assert_int_equal(session_open(&session, &(SessionConfig){.path = path}, &err), STATUS_FAILED);
    assert_null(session);
    assert_int_equal(err.class_, ERROR_MODEL);
    assert_string_equal(err.file, path);
    assert_non_null(strstr(err.why, why));
}

static void bad_model_files_have_their_reasons(void **state)
{
    (void)state;
    expect_load_error("/nonexistent/model.onnx", "there is no such file");
    expect_load_error("/tmp", "not a file");

    char *empty = write_file("empty.onnx", "", 0);
    expect_load_error(empty, "empty");
    memory_free(empty);

    static const char text[] = "version https://git-lfs.github.com/spec/v1\n";
    char *pointer = write_file("text.onnx", text, sizeof text - 1);
    expect_load_error(pointer, "not an ONNX model");
    memory_free(pointer);

    char *path = model_path();
    char *data = NULL;
    int64_t size = 0;
    Error err = {0};
    assert_int_equal(file_read(path, 64 << 20, &data, &size, &err), STATUS_OK);
    char *cut = write_file("cut.onnx", data, (size_t)size / 2);
    expect_load_error(cut, "cut off");
    memory_free(cut);
    memory_free(data);
    memory_free(path);
}

static void ports_are_told(void **state)
{
    (void)state;
    Session *session = open_model();
    assert_int_equal(session_input_count(session), 1);
    assert_int_equal(session_output_count(session), 1);
    const Port *input = session_input(session, 0);
    assert_int_equal(input->rank, 4);
    assert_int_equal(input->shape[2], INPUT_SIDE);
    const Port *output = session_output(session, 0);
    assert_int_equal(session_find_output(session, output->name), 0);
    assert_int_equal(session_find_output(session, "nothing"), -1);
    session_free(&session);
    assert_null(session);
    session_free(&session);
}

static void recipes_are_compared(void **state)
{
    (void)state;
    static const Port good_in = {.rank = 4, .shape = {1, 1, INPUT_SIDE, INPUT_SIDE}};
    static const Port good_out = {.rank = 2, .shape = {-1, OUTPUT_SIZE}};
    const struct {
        Port input;
        Port output;
        int inputs;
        int outputs;
        const char *why; /* NULL: it fits */
    } cases[] = {
        {good_in, good_out, 1, 1, NULL},
        {{.rank = 4, .shape = {-1, -1, -1, -1}}, good_out, 1, 1, NULL},
        {{.rank = 4, .shape = {1, 3, INPUT_SIDE, INPUT_SIDE}},
         good_out,
         1,
         1,
         "[1,1,64,64], expected [1,3,64,64]"},
        {{.rank = 3, .shape = {1, INPUT_SIDE, INPUT_SIDE}}, good_out, 1, 1, "expected [1,64,64]"},
        {good_in, {.rank = 2, .shape = {-1, 10}}, 1, 1, "[1,136], expected [?,10]"},
        {good_in, {.name = "other", .rank = 2, .shape = {-1, -1}}, 1, 1, NULL},
        {{.name = "input", .rank = 2, .shape = {-1, -1}}, good_out, 1, 1, "input 'input' has the shape"},
        {good_in, good_out, 2, 1, "1 inputs and 1 outputs, expected 2 and 1"},
        {good_in, good_out, 1, 2, "1 inputs and 1 outputs, expected 1 and 2"},
    };
    Session *session = open_model();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const Port inputs[2] = {cases[i].input, cases[i].input};
        const Port outputs[2] = {cases[i].output, cases[i].output};
        Error err = {0};
        const Status status =
            session_fit_ports(session, inputs, cases[i].inputs, outputs, cases[i].outputs, &err);
        if (cases[i].why == NULL) {
            assert_int_equal(status, STATUS_OK);
            continue;
        }
        assert_int_equal(status, STATUS_FAILED);
        assert_int_equal(err.class_, ERROR_MODEL);
        if (strstr(err.why, cases[i].why) == NULL) {
            fail_msg("case %zu: '%s' is not in '%s'", i, cases[i].why, err.why);
        }
    }
    session_free(&session);
}

static Port port_of(const char *name, int rank, const int64_t *shape)
{
    Port port = {.rank = rank};
    text_copy(port.name, sizeof port.name, name);
    memcpy(port.shape, shape, (size_t)rank * sizeof *shape);
    return port;
}

static void ports_are_put_in_the_recipes_order(void **state)
{
    (void)state;
    static const int64_t picture[] = {1, 3, 128, 128};
    static const int64_t small[] = {1, 3, 112, 112};
    static const int64_t embedding[] = {1, 512};
    Error err = {0};
    /* by name, though the shapes are alike; what the recipe does not name comes behind */
    const ModelPorts both = {
        2,
        3,
        {port_of("source", 4, picture), port_of("target", 4, picture)},
        {port_of("more", 2, embedding), port_of("mask", 4, picture), port_of("output", 4, picture)}};
    const Port inputs[] = {port_of("target", 4, picture), port_of("source", 4, picture)};
    const Port outputs[] = {port_of("output", 4, picture), port_of("mask", 4, picture)};
    ModelPorts found = both;
    assert_int_equal(ports_fit(&found, inputs, 2, outputs, 2, "f", &err), STATUS_OK);
    assert_string_equal(found.inputs[0].name, "target");
    assert_string_equal(found.inputs[1].name, "source");
    assert_string_equal(found.outputs[0].name, "output");
    assert_string_equal(found.outputs[1].name, "mask");
    assert_string_equal(found.outputs[2].name, "more");

    /* by shape, where the names are others */
    ModelPorts other = {
        2, 1, {port_of("a", 2, embedding), port_of("b", 4, picture)}, {port_of("c", 4, picture)}};
    const Port with_embedding[] = {port_of("target", 4, picture), port_of("source", 2, embedding)};
    assert_int_equal(ports_fit(&other, with_embedding, 2, outputs, 1, "f", &err), STATUS_OK);
    assert_string_equal(other.inputs[0].name, "b");
    assert_string_equal(other.inputs[1].name, "a");

    /* one that is named keeps its place from one that is not */
    ModelPorts mixed = {
        2, 1, {port_of("target", 4, picture), port_of("x", 4, small)}, {port_of("c", 4, picture)}};
    const Port wrong[] = {port_of("other", 4, picture), port_of("target", 4, picture)};
    assert_int_equal(ports_fit(&mixed, wrong, 2, outputs, 1, "f", &err), STATUS_FAILED);
    assert_string_equal(err.file, "f");
    assert_non_null(strstr(err.why, "no input (for 'other') has the shape [1,3,128,128]; there are 'target' "
                                    "[1,3,128,128], 'x' [1,3,112,112]"));
}

static void fill_input(float *input)
{
    for (int i = 0; i < INPUT_SIDE * INPUT_SIDE; i++) {
        input[i] = (float)(i * 37 % 256) / 256.0f;
    }
}

static void a_run_is_repeatable_and_checked(void **state)
{
    (void)state;
    static float input[INPUT_SIDE * INPUT_SIDE];
    static float first[OUTPUT_SIZE];
    static float second[OUTPUT_SIZE];
    fill_input(input);
    Session *session = open_model();
    const Tensor in = {.data = input, .rank = 4, .shape = {1, 1, INPUT_SIDE, INPUT_SIDE}};
    Tensor out = {.data = first, .rank = 2, .shape = {1, OUTPUT_SIZE}};
    Error err = {0};
    assert_int_equal(session_run(session, &in, 1, &out, 1, &err), STATUS_OK);
    out.data = second;
    assert_int_equal(session_run(session, &in, 1, &out, 1, &err), STATUS_OK);
    float sum = 0;
    for (int i = 0; i < OUTPUT_SIZE; i++) {
        sum += first[i] * first[i];
    }
    assert_true(sum > 0);
    assert_memory_equal(first, second, sizeof first);

    const Tensor small = {.data = input, .rank = 4, .shape = {1, 1, 32, INPUT_SIDE}};
    assert_int_equal(session_run(session, &small, 1, &out, 1, &err), STATUS_FAILED);
    assert_int_equal(err.class_, ERROR_INTERNAL);
    assert_non_null(strstr(err.why, "[1,1,32,64], the model's is [1,1,64,64]"));
    error_clear(&err);
    out.shape[1] = OUTPUT_SIZE + 1;
    assert_int_equal(session_run(session, &in, 1, &out, 1, &err), STATUS_FAILED);
    error_clear(&err);
    assert_int_equal(session_run(session, &in, 0, &out, 1, &err), STATUS_FAILED);
    session_free(&session);
}

/* The smallest number that is no longer normal; the volatile keeps it from being folded. */
static bool thread_keeps_denormals(void)
{
    volatile float tiny = 1.2e-38f;
    volatile float half = tiny * 0.5f;
    return half > 0.0f;
}

static void the_callers_thread_keeps_its_float_mode(void **state)
{
    (void)state;
    static float input[INPUT_SIDE * INPUT_SIDE];
    static float output[OUTPUT_SIZE];
    assert_true(thread_keeps_denormals());
    Session *session = open_model();
    assert_true(thread_keeps_denormals());
    const Tensor in = {.data = input, .rank = 4, .shape = {1, 1, INPUT_SIDE, INPUT_SIDE}};
    const Tensor out = {.data = output, .rank = 2, .shape = {1, OUTPUT_SIZE}};
    Error err = {0};
    assert_int_equal(session_run(session, &in, 1, &out, 1, &err), STATUS_OK);
    assert_true(thread_keeps_denormals());
    session_free(&session);
}

static int64_t resident_kb(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    long size = 0;
    long resident = 0;
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%ld %ld", &size, &resident), 2);
    (void)fclose(file);
    return (int64_t)resident * (sysconf(_SC_PAGESIZE) / 1024);
}

static void many_runs_do_not_grow(void **state)
{
    (void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    skip(); /* a sanitiser keeps what was freed; leaks are found by itself */
#endif
    static float input[INPUT_SIDE * INPUT_SIDE];
    static float output[OUTPUT_SIZE];
    fill_input(input);
    Session *session = open_model();
    const Tensor in = {.data = input, .rank = 4, .shape = {1, 1, INPUT_SIDE, INPUT_SIDE}};
    const Tensor out = {.data = output, .rank = 2, .shape = {1, OUTPUT_SIZE}};
    Error err = {0};
    int64_t before = 0;
    size_t heap_before = 0;
    for (int i = 0; i < 400; i++) {
        if (i == 100) {
            before = resident_kb();
            heap_before = mallinfo2().uordblks;
        }
        assert_int_equal(session_run(session, &in, 1, &out, 1, &err), STATUS_OK);
    }
    /* One leaked tensor a run would be 300 x 16 KB = 4.8 MB. */
    assert_in_range(resident_kb(), 0, before + 2048);
    /* And one leaked handle 300 x 100 bytes. */
    assert_in_range(mallinfo2().uordblks, 0, heap_before + 16384);
    session_free(&session);
}

static size_t allocated_bytes(void)
{
    const struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

static void the_arena_gives_back_when_asked(void **state)
{
    (void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    skip(); /* a sanitiser's allocator does not count */
#endif
    static float input[INPUT_SIDE * INPUT_SIDE];
    static float first[OUTPUT_SIZE];
    static float second[OUTPUT_SIZE];
    fill_input(input);
    Session *session = open_model();
    const Tensor in = {.data = input, .rank = 4, .shape = {1, 1, INPUT_SIDE, INPUT_SIDE}};
    const Tensor kept = {.data = first, .rank = 2, .shape = {1, OUTPUT_SIZE}};
    const Tensor again = {.data = second, .rank = 2, .shape = {1, OUTPUT_SIZE}};
    Error err = {0};
    assert_int_equal(session_run(session, &in, 1, &kept, 1, &err), STATUS_OK);
    const size_t usual = allocated_bytes();
    session_shrink_arena();
    assert_int_equal(session_run(session, &in, 1, &again, 1, &err), STATUS_OK);
    assert_memory_equal(first, second, sizeof first);
    const size_t shrunk = allocated_bytes();
    assert_in_range(shrunk, 1, usual - 64 * 1024);
    assert_int_equal(session_run(session, &in, 1, &again, 1, &err), STATUS_OK);
    assert_in_range(allocated_bytes(), shrunk + 1, usual + 4096); /* once asked for, once done */
    session_free(&session);
}

static void providers_have_names(void **state)
{
    (void)state;
    assert_int_equal(provider_from_name("cpu"), PROVIDER_CPU);
    assert_int_equal(provider_from_name("cuda"), PROVIDER_CUDA);
    assert_int_equal(provider_from_name("tensorrt"), PROVIDER_TENSORRT);
    assert_int_equal(provider_from_name("CPUExecutionProvider"), PROVIDER_NONE);
    assert_int_equal(provider_from_name(""), PROVIDER_NONE);
    assert_non_null(strstr(session_provider_list(), "cpu"));
    assert_true(strncmp(session_runtime_version(), "1.", 2) == 0);
}

static void a_missing_provider_is_named(void **state)
{
    (void)state;
    if (strstr(session_provider_list(), "cuda") != NULL) {
        skip();
    }
    char *path = model_path();
    Session *session = NULL;
    Error err = {0};
    assert_int_equal(session_open(&session, &(SessionConfig){.path = path, .provider = PROVIDER_CUDA}, &err),
                     STATUS_FAILED);
    assert_null(session);
    assert_int_equal(err.class_, ERROR_ENVIRONMENT);
    assert_non_null(strstr(err.why, "without cuda; it has: cpu"));
    memory_free(path);
}

static void expect_found(const char *models_dir, const char *file, const char *where)
{
    char *path = NULL;
    Error err = {0};
    assert_int_equal(catalogue_find(models_dir, file, &path, &err), STATUS_OK);
    char *expected = text_format("%s/%s/%s", folder, where, file);
    assert_string_equal(path, expected);
    memory_free(expected);
    memory_free(path);
}

static void model_folders_are_searched_in_order(void **state)
{
    (void)state;
    char *old = getenv("RUNBATCH_MODELS") != NULL ? text_duplicate(getenv("RUNBATCH_MODELS")) : NULL;
    memory_free(write_file("a/m.onnx", "x", 1));
    memory_free(write_file("b/m.onnx", "x", 1));
    memory_free(write_file("b/runbatch/models/n.onnx", "x", 1));
    char *a = path_join(folder, "a");
    char *b = path_join(folder, "b");
    assert_int_equal(setenv("RUNBATCH_MODELS", b, 1), 0);
    assert_int_equal(setenv("XDG_DATA_HOME", b, 1), 0);
    expect_found(a, "m.onnx", "a");
    expect_found(NULL, "m.onnx", "b");
    expect_found(NULL, "n.onnx", "b/runbatch/models");

    char *path = NULL;
    Error err = {0};
    /* a folder that is named is the only one */
    assert_int_equal(catalogue_find(a, "n.onnx", &path, &err), STATUS_FAILED);
    assert_non_null(strstr(err.why, a));
    assert_null(strstr(err.why, b));
    error_clear(&err);
    assert_int_equal(catalogue_find("/nonexistent/models", "m.onnx", &path, &err), STATUS_FAILED);
    assert_int_equal(err.class_, ERROR_MODEL);
    assert_string_equal(err.file, "/nonexistent/models");
    error_clear(&err);
    assert_int_equal(catalogue_find(NULL, "none.onnx", &path, &err), STATUS_FAILED);
    assert_null(path);
    assert_int_equal(err.class_, ERROR_MODEL);
    assert_string_equal(err.file, "none.onnx");
    assert_non_null(strstr(err.why, b));
    assert_non_null(strstr(err.todo, "scripts/setup.sh"));
    (void)unsetenv("XDG_DATA_HOME");
    (void)(old != NULL ? setenv("RUNBATCH_MODELS", old, 1) : unsetenv("RUNBATCH_MODELS"));
    memory_free(old);
    memory_free(a);
    memory_free(b);
}

static void want_of_memory_is_told_from_a_bad_model(void **state)
{
    (void)state;
    static const struct {
        const char *message;
        ErrorClass class_;
    } table[] = {
        {"CUDA failure 2: out of memory ; GPU=0 ; hostname=x", ERROR_VIDEO_MEMORY},
        {"CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED", ERROR_VIDEO_MEMORY},
        {"Non-zero status code returned while running Conv node. Status Message: BFCArena: Failed to "
         "allocate "
         "memory for requested buffer of size 123",
         ERROR_MEMORY},
        {"std::bad_alloc", ERROR_MEMORY},
        {"Load model from x.onnx failed: Protobuf parsing failed.", ERROR_MODEL},
        {"CUDA failure 100: no CUDA-capable device is detected", ERROR_MODEL},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        assert_int_equal(runtime_error_class(table[i].message, ERROR_MODEL), table[i].class_);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(want_of_memory_is_told_from_a_bad_model),
        cmocka_unit_test(bad_model_files_have_their_reasons),
        cmocka_unit_test(ports_are_told),
        cmocka_unit_test(recipes_are_compared),
        cmocka_unit_test(ports_are_put_in_the_recipes_order),
        cmocka_unit_test(a_run_is_repeatable_and_checked),
        cmocka_unit_test(the_callers_thread_keeps_its_float_mode),
        cmocka_unit_test(many_runs_do_not_grow),
        cmocka_unit_test(the_arena_gives_back_when_asked),
        cmocka_unit_test(providers_have_names),
        cmocka_unit_test(a_missing_provider_is_named),
        cmocka_unit_test(model_folders_are_searched_in_order),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
