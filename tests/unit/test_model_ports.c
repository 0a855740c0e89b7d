/* Inputs and outputs as a file tells them: all of them, or that it has to be loaded, or that it is none. */
#include "onnx_bytes.h"

#include <stdbool.h>
#include <sys/mman.h>
#include <unistd.h>

#include "infer/model_ports.h"

enum { INITIALIZER = 5, INPUT = 11, OUTPUT = 12, FLOAT = 1, INT64 = 7, HALF = 10 };

static Bytes part(unsigned field, const Bytes *inside)
{
    Bytes made = {0};
    put_part(&made, field, inside->data, inside->count);
    return made;
}

/* A size of 0 is one with a name; `rank` < 0: no shape. */
static Bytes value(const char *name, int element, int rank, const int *sizes)
{
    Bytes shape = {0};
    for (int i = 0; i < rank; i++) {
        Bytes dim = {0};
        if (sizes[i] > 0) {
            put_number(&dim, 1, (uint64_t)sizes[i]);
        } else {
            put_part(&dim, 2, "height", 6);
        }
        put_part(&shape, 1, dim.data, dim.count);
    }
    Bytes tensor = {0};
    put_number(&tensor, 1, (uint64_t)element);
    if (rank >= 0) {
        put_part(&tensor, 2, shape.data, shape.count);
    }
    const Bytes type = part(1, &tensor);
    Bytes made = {0};
    put_part(&made, 1, name, strlen(name));
    put_part(&made, 2, type.data, type.count);
    return made;
}

static void add(Bytes *graph, unsigned field, Bytes inside)
{
    put_part(graph, field, inside.data, inside.count);
}

static Bytes initializer(const char *name)
{
    Bytes made = {0};
    put_number(&made, 1, 2);
    put_part(&made, 8, name, strlen(name));
    return made;
}

static Status read_graph(const Bytes *graph, size_t cut, ModelPorts *ports, Error *err)
{
    const Bytes made = part(7, graph);
    const int fd = memfd_create("model", 0);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, made.data, made.count - cut), (ssize_t)(made.count - cut));
    const Status status = model_ports_read_fd(fd, "m.onnx", ports, err);
    assert_int_equal(close(fd), 0);
    return status;
}

static const int picture[] = {1, 3, 0, 128};

static void all_that_the_file_tells_is_read(void **state)
{
    (void)state;
    Bytes graph = {0};
    add(&graph, INPUT, value("target", HALF, 4, picture));
    add(&graph, INPUT, value("weights", FLOAT, 1, (const int[]){9})); /* as old files have it */
    add(&graph, INPUT, value("one", FLOAT, 0, NULL));
    add(&graph, INITIALIZER, initializer("weights"));
    add(&graph, OUTPUT, value("weights", FLOAT, 2, (const int[]){1, 512}));
    ModelPorts ports;
    Error err = {0};
    assert_int_equal(read_graph(&graph, 0, &ports, &err), STATUS_OK);
    assert_int_equal(ports.input_count, 2);
    assert_string_equal(ports.inputs[0].name, "target");
    assert_int_equal(ports.inputs[0].rank, 4);
    assert_int_equal(ports.inputs[0].shape[2], -1);
    assert_int_equal(ports.inputs[0].shape[3], 128);
    assert_int_equal(ports.inputs[0].type, PORT_HALF);
    assert_int_equal(ports.inputs[1].rank, 0);
    assert_int_equal(ports.output_count, 1);
    assert_int_equal(ports.outputs[0].shape[1], 512);
}

static void what_it_does_not_tell_is_left_to_loading(void **state)
{
    (void)state;
    ModelPorts ports;
    Error err = {0};
    Bytes graph = {0};
    add(&graph, INPUT, value("target", FLOAT, 4, picture));
    add(&graph, OUTPUT, value("output", FLOAT, -1, NULL));
    assert_int_equal(read_graph(&graph, 0, &ports, &err), STATUS_AGAIN);
    graph = (Bytes){0};
    Bytes untyped = {0};
    put_part(&untyped, 1, "target", 6);
    add(&graph, INPUT, untyped);
    assert_int_equal(read_graph(&graph, 0, &ports, &err), STATUS_AGAIN);
    assert_false(error_is_set(&err));
}

static void expect_refusal(const Bytes *graph, size_t cut, const char *why)
{
    ModelPorts ports;
    Error err = {0};
    assert_int_equal(read_graph(graph, cut, &ports, &err), STATUS_FAILED);
    assert_int_equal(err.class_, ERROR_MODEL);
    assert_string_equal(err.file, "m.onnx");
    if (strstr(err.why, why) == NULL) {
        fail_msg("\"%s\" is not in: %s", why, err.why);
    }
}

static void what_is_none_is_refused(void **state)
{
    (void)state;
    Bytes graph = {0};
    add(&graph, INPUT, value("target", INT64, 4, picture));
    expect_refusal(&graph, 0, "int64");
    graph = (Bytes){0};
    add(&graph, INPUT, value("target", FLOAT, 4, picture));
    expect_refusal(&graph, 1, "cut off");
    graph = (Bytes){0};
    add(&graph, INPUT, value("target", FLOAT, 7, (const int[]){1, 1, 1, 1, 1, 1, 1}));
    expect_refusal(&graph, 0, "dimensions");
    graph = (Bytes){0};
    for (int i = 0; i <= SESSION_MAX_PORTS; i++) {
        add(&graph, OUTPUT, value("o", FLOAT, 1, picture));
    }
    expect_refusal(&graph, 0, "more than 16");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_that_the_file_tells_is_read),
        cmocka_unit_test(what_it_does_not_tell_is_left_to_loading),
        cmocka_unit_test(what_is_none_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
