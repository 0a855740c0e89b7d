#include "infer/initializer.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "infer/half.h"
#include "infer/onnx_file.h"

/* Numbers of fields and types. Source: onnx.proto (ONNX 1.16). */
enum {
    GRAPH_INITIALIZER = 5,
    TENSOR_DIMS = 1,
    TENSOR_DATA_TYPE = 2,
    TENSOR_FLOAT_DATA = 4,
    TENSOR_INT32_DATA = 5,
    TENSOR_RAW_DATA = 9,
    TENSOR_DATA_LOCATION = 14,
    TYPE_FLOAT = 1,
    TYPE_FLOAT16 = 10,
};
enum { DIMS_MOST = 4 };

static const char what[] = "cannot read the model's table";

typedef struct Table {
    uint64_t dims[DIMS_MOST];
    int dim_count;
    uint64_t type;
    bool elsewhere;  /* its numbers lie in another file */
    OnnxPart raw;    /* little-endian */
    OnnxPart floats; /* packed */
    OnnxPart halves; /* packed varints */
} Table;

static void add_dim(Table *table, uint64_t dim)
{
    if (table->dim_count < DIMS_MOST) {
        table->dims[table->dim_count] = dim;
    }
    table->dim_count += table->dim_count <= DIMS_MOST ? 1 : 0;
}

/* Packed, or one a field. */
static Status read_dims(const OnnxFile *file, const OnnxField *field, Table *table, Error *err)
{
    if (field->wire == ONNX_VARINT) {
        add_dim(table, field->value);
        return STATUS_OK;
    }
    OnnxPart bytes = field->bytes;
    uint64_t dim = 0;
    while (bytes.at < bytes.end && table->dim_count <= DIMS_MOST) {
        if (onnx_varint(file, &bytes, &dim, err) != STATUS_OK) {
            return STATUS_FAILED;
        }
        add_dim(table, dim);
    }
    return STATUS_OK;
}

static Status read_table(OnnxFile *file, OnnxPart message, Table *table, Error *err)
{
    OnnxField field;
    Status status = STATUS_OK;
    while ((status = onnx_next(file, &message, &field, err)) == STATUS_OK) {
        const bool bytes = field.wire == ONNX_BYTES;
        if (field.number == TENSOR_DIMS) {
            status = read_dims(file, &field, table, err);
        } else if (field.number == TENSOR_DATA_TYPE) {
            table->type = field.value;
        } else if (field.number == TENSOR_RAW_DATA && bytes) {
            table->raw = field.bytes;
        } else if (field.number == TENSOR_FLOAT_DATA && bytes) {
            table->floats = field.bytes;
        } else if (field.number == TENSOR_INT32_DATA && bytes) {
            table->halves = field.bytes;
        } else if (field.number == TENSOR_DATA_LOCATION) {
            table->elsewhere = field.value != 0;
        }
        if (status != STATUS_OK) {
            return status;
        }
    }
    return status == STATUS_EOF ? STATUS_OK : status;
}

static Status read_raw_halves(const OnnxFile *file, OnnxPart part, size_t count, float *values, Error *err)
{
    uint16_t *halves = memory_alloc(count, sizeof *halves);
    const Status status = onnx_read(file, part.at, halves, count * sizeof *halves, err);
    for (size_t i = 0; status == STATUS_OK && i < count; i++) {
        values[i] = half_to_float(halves[i]);
    }
    memory_free(halves);
    return status;
}

static Status read_packed_halves(const OnnxFile *file, OnnxPart part, size_t count, float *values, Error *err)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t value = 0;
        if (part.at == part.end || onnx_varint(file, &part, &value, err) != STATUS_OK) {
            return onnx_damaged(file, err);
        }
        values[i] = half_to_float((uint16_t)value);
    }
    return part.at == part.end ? STATUS_OK : onnx_damaged(file, err);
}

static int64_t part_size(OnnxPart part)
{
    return part.end - part.at;
}

static Status read_values(const OnnxFile *file, const Table *table, size_t count, float *values, Error *err)
{
    const int64_t single = (int64_t)(count * sizeof(float));
    const int64_t half = (int64_t)(count * sizeof(uint16_t));
    if (table->elsewhere) {
        return onnx_refuse(file, "it keeps its numbers in another file", err);
    }
    if (table->type == TYPE_FLOAT && part_size(table->raw) == single) {
        return onnx_read(file, table->raw.at, values, (size_t)single, err);
    }
    if (table->type == TYPE_FLOAT && part_size(table->floats) == single) {
        return onnx_read(file, table->floats.at, values, (size_t)single, err);
    }
    if (table->type == TYPE_FLOAT16 && part_size(table->raw) == half) {
        return read_raw_halves(file, table->raw, count, values, err);
    }
    if (table->type == TYPE_FLOAT16 && part_size(table->halves) > 0) {
        return read_packed_halves(file, table->halves, count, values, err);
    }
    return onnx_refuse(file, "the last initialiser's numbers are of another type, or not all there", err);
}

static Status check_finite(const OnnxFile *file, const float *values, size_t count, Error *err)
{
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(values[i])) {
            return onnx_refuse(file, "not all of the last initialiser's numbers are finite", err);
        }
    }
    return STATUS_OK;
}

Status last_initializer_read_fd(int fd, const char *path, int rows, int columns, float *values, Error *err)
{
    OnnxFile file;
    const size_t count = (size_t)rows * (size_t)columns;
    OnnxPart graph;
    OnnxPart tensor;
    Table table = {0};
    Status status = onnx_open(&file, fd, path, what, &graph, err);
    if (status == STATUS_OK) {
        status = onnx_find_last(&file, graph, GRAPH_INITIALIZER, &tensor, "it has no initialisers", err);
    }
    if (status == STATUS_OK) {
        status = read_table(&file, tensor, &table, err);
    }
    if (status == STATUS_OK &&
        (table.dim_count != 2 || table.dims[0] != (uint64_t)rows || table.dims[1] != (uint64_t)columns)) {
        return error_setf(err, ERROR_MODEL, what, path, "its last initialiser is not of %d x %d numbers",
                          rows, columns);
    }
    if (status == STATUS_OK) {
        status = read_values(&file, &table, count, values, err);
    }
    return status == STATUS_OK ? check_finite(&file, values, count, err) : status;
}

Status last_initializer_read(const char *path, int rows, int columns, float *values, Error *err)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return error_set_errno(err, ERROR_MODEL, what, path, errno);
    }
    const Status status = last_initializer_read_fd(fd, path, rows, columns, values, err);
    (void)close(fd);
    return status;
}
