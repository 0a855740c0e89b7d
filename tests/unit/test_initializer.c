/* Tables out of files that are ONNX models, nearly, or not at all. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "infer/initializer.h"
#include "onnx_bytes.h"

enum { ROWS = 2, COLUMNS = 3 };

typedef enum Form { RAW_SINGLE, PACKED_SINGLE, RAW_HALF, PACKED_HALF } Form;

static const float values[ROWS * COLUMNS] = {0.5F, -1, 2, 0.25F, 65504, -0.125F};
static const uint16_t halves[ROWS * COLUMNS] = {0x3800, 0xbc00, 0x4000, 0x3400, 0x7bff, 0xb000};

static Bytes tensor(Form form, bool packed_dims)
{
    Bytes made = {0};
    Bytes packed = {0};
    if (packed_dims) {
        const unsigned char dims[2] = {ROWS, COLUMNS};
        put_part(&made, 1, dims, sizeof dims);
    } else {
        put_number(&made, 1, ROWS);
        put_number(&made, 1, COLUMNS);
    }
    put_number(&made, 2, form == RAW_SINGLE || form == PACKED_SINGLE ? 1 : 10);
    put_part(&made, 8, "emap", 4);
    switch (form) {
    case RAW_SINGLE:
        put_part(&made, 9, values, sizeof values);
        break;
    case PACKED_SINGLE:
        put_part(&made, 4, values, sizeof values);
        break;
    case RAW_HALF:
        put_part(&made, 9, halves, sizeof halves);
        break;
    case PACKED_HALF:
        for (int i = 0; i < ROWS * COLUMNS; i++) {
            put_varint(&packed, halves[i]);
        }
        put_part(&made, 5, packed.data, packed.count);
        break;
    }
    return made;
}

static Bytes other_tensor(void)
{
    Bytes made = {0};
    put_number(&made, 1, 1);
    put_number(&made, 2, 7);
    put_part(&made, 9, "12345678", 8);
    return made;
}

/* Initialisers after each other, with a node before and an input behind them. */
static Bytes model(const Bytes *tensors, int count)
{
    Bytes graph = {0};
    put_part(&graph, 1, "\x0a\x01x", 3);
    for (int i = 0; i < count; i++) {
        put_part(&graph, 5, tensors[i].data, tensors[i].count);
    }
    put_part(&graph, 11, "\x0a\x01x", 3);
    Bytes made = {0};
    put_number(&made, 1, 7);
    put_part(&made, 2, "maker", 5);
    put_part(&made, 7, graph.data, graph.count);
    put_part(&made, 8, "\x10\x0d", 2);
    return made;
}

static Status read_made(const Bytes *bytes, size_t count, float *to, Error *err)
{
    const int fd = memfd_create("model", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes->data, count), (ssize_t)count);
    const Status status = last_initializer_read_fd(fd, "m.onnx", ROWS, COLUMNS, to, err);
    assert_int_equal(close(fd), 0);
    return status;
}

static void every_way_of_writing_the_numbers_is_read(void **state)
{
    (void)state;
    for (int form = RAW_SINGLE; form <= PACKED_HALF; form++) {
        for (int packed = 0; packed < 2; packed++) {
            const Bytes parts[2] = {other_tensor(), tensor((Form)form, packed == 1)};
            const Bytes made = model(parts, 2);
            float got[ROWS * COLUMNS] = {0};
            Error err = {0};
            assert_int_equal(read_made(&made, made.count, got, &err), STATUS_OK);
            assert_memory_equal(got, values, sizeof values);
        }
    }
}

static void expect_refusal(const Bytes *made, const char *why)
{
    float got[ROWS * COLUMNS];
    Error err = {0};
    assert_int_equal(read_made(made, made->count, got, &err), STATUS_FAILED);
    assert_int_equal(err.class_, ERROR_MODEL);
    assert_string_equal(err.file, "m.onnx");
    if (strstr(err.why, why) == NULL) {
        fail_msg("\"%s\" is not in: %s", why, err.why);
    }
}

static void another_table_is_refused(void **state)
{
    (void)state;
    const Bytes last_is_other[2] = {tensor(RAW_SINGLE, false), other_tensor()};
    Bytes made = model(last_is_other, 2);
    expect_refusal(&made, "not of 2 x 3 numbers");
    made = model(NULL, 0);
    expect_refusal(&made, "no initialisers");
    Bytes part = tensor(RAW_SINGLE, false);
    put_number(&part, 14, 1);
    made = model(&part, 1);
    expect_refusal(&made, "another file");
    part = tensor(RAW_SINGLE, false);
    put_number(&part, 2, 11); /* doubles */
    made = model(&part, 1);
    expect_refusal(&made, "another type");
    part = tensor(RAW_SINGLE, false);
    put_part(&part, 9, values, sizeof values - 4);
    made = model(&part, 1);
    expect_refusal(&made, "not all there");
    float odd[ROWS * COLUMNS] = {1, 2, NAN, 4, 5, 6};
    part = tensor(RAW_SINGLE, false);
    put_part(&part, 9, odd, sizeof odd);
    made = model(&part, 1);
    expect_refusal(&made, "finite");
    made = (Bytes){0};
    expect_refusal(&made, "not an ONNX model");
    put(&made, "version https://git-lfs.github.com/spec/v1\n", 43);
    expect_refusal(&made, "not an ONNX model");
}

/* Two bytes a field, without end. */
static void more_fields_than_a_model_has_are_soon_refused(void **state)
{
    (void)state;
    const int fd = memfd_create("fields", MFD_CLOEXEC);
    assert_true(fd >= 0);
    unsigned char fields[1 << 16];
    memset(fields, 8, sizeof fields);
    for (int i = 0; i < 64; i++) {
        assert_int_equal(write(fd, fields, sizeof fields), (ssize_t)sizeof fields);
    }
    float got[ROWS * COLUMNS];
    Error err = {0};
    assert_int_equal(last_initializer_read_fd(fd, "m.onnx", ROWS, COLUMNS, got, &err), STATUS_FAILED);
    assert_non_null(strstr(err.why, "damaged"));
    assert_int_equal(close(fd), 0);
}

/* Zeros without end, as in a file that was never filled. */
static void a_huge_file_of_zeros_is_soon_refused(void **state)
{
    (void)state;
    const int fd = memfd_create("zeros", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)1 << 31), 0);
    float got[ROWS * COLUMNS];
    Error err = {0};
    assert_int_equal(last_initializer_read_fd(fd, "m.onnx", ROWS, COLUMNS, got, &err), STATUS_FAILED);
    assert_int_equal(close(fd), 0);
}

static void what_is_cut_off_is_refused_at_every_place(void **state)
{
    (void)state;
    const Bytes part = tensor(RAW_SINGLE, false);
    const Bytes made = model(&part, 1);
    float got[ROWS * COLUMNS];
    Error err = {0};
    for (size_t count = 0; count + 4 < made.count; count++) { /* the last four bytes are another field */
        assert_int_equal(read_made(&made, count, got, &err), STATUS_FAILED);
    }
}

static void what_is_changed_anywhere_does_no_harm(void **state)
{
    (void)state;
    const Bytes part = tensor(PACKED_HALF, true);
    for (size_t at = 0; at < MOST; at++) {
        for (int bit = 0; bit < 8; bit++) {
            Bytes made = model(&part, 1);
            if (at >= made.count) {
                return;
            }
            made.data[at] ^= (unsigned char)(1U << bit);
            float got[ROWS * COLUMNS] = {0};
            const Status status = read_made(&made, made.count, got, NULL);
            for (int i = 0; status == STATUS_OK && i < ROWS * COLUMNS; i++) {
                assert_true(isfinite(got[i]));
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_way_of_writing_the_numbers_is_read),
        cmocka_unit_test(another_table_is_refused),
        cmocka_unit_test(more_fields_than_a_model_has_are_soon_refused),
        cmocka_unit_test(a_huge_file_of_zeros_is_soon_refused),
        cmocka_unit_test(what_is_cut_off_is_refused_at_every_place),
        cmocka_unit_test(what_is_changed_anywhere_does_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
