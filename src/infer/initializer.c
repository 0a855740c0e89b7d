#include "infer/initializer.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "infer/half.h"

/* Numbers of fields and types. Source: onnx.proto (ONNX 1.16), protobuf's wire format. */
enum {
    MODEL_GRAPH = 7,
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
enum { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };
enum {
    VARINT_MOST = 10,
    DIMS_MOST = 4,
    FIELDS_MOST = 1 << 20 /* real models have thousands */
};

static const char what[] = "cannot read the model's table";

/* A part of the file. */
typedef struct Part {
    int64_t at;
    int64_t end;
} Part;

typedef struct Field {
    int number;
    int wire;
    uint64_t value; /* of a varint */
    Part bytes;
} Field;

typedef struct File {
    int fd;
    const char *path;
    int fields; /* that were read so far */
} File;

static Status refuse(const File *file, const char *why, Error *err)
{
    return error_set(err, ERROR_MODEL, what, file->path, why);
}

static Status damaged(const File *file, Error *err)
{
    return refuse(file, "it is not an ONNX model, or it is damaged or cut off", err);
}

static Status read_bytes(const File *file, int64_t at, void *buffer, size_t count, Error *err)
{
    char *to = buffer;
    while (count > 0) {
        const ssize_t got = pread(file->fd, to, count, at);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return error_set_errno(err, ERROR_MODEL, what, file->path, errno);
        }
        if (got == 0) {
            return damaged(file, err);
        }
        to += got;
        at += got;
        count -= (size_t)got;
    }
    return STATUS_OK;
}

static Status read_varint(const File *file, Part *part, uint64_t *value, Error *err)
{
    unsigned char bytes[VARINT_MOST];
    const int64_t left = part->end - part->at;
    const size_t most = left < VARINT_MOST ? (size_t)left : VARINT_MOST;
    if (read_bytes(file, part->at, bytes, most, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    *value = 0;
    for (size_t i = 0; i < most; i++) {
        *value |= (uint64_t)(bytes[i] & 0x7fU) << (7 * i);
        if ((bytes[i] & 0x80U) == 0) {
            part->at += (int64_t)i + 1;
            return STATUS_OK;
        }
    }
    return damaged(file, err);
}

/* The next field of a message; STATUS_EOF behind its last. */
static Status next_field(File *file, Part *message, Field *field, Error *err)
{
    uint64_t tag = 0;
    uint64_t length = 0;
    if (message->at == message->end) {
        return STATUS_EOF;
    }
    if (read_varint(file, message, &tag, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    *field = (Field){.number = tag >> 3 <= INT32_MAX ? (int)(tag >> 3) : 0, .wire = (int)(tag & 7U)};
    if (field->number == 0 || ++file->fields > FIELDS_MOST) {
        return damaged(file, err);
    }
    Status status = STATUS_OK;
    switch (field->wire) {
    case WIRE_VARINT:
        return read_varint(file, message, &field->value, err);
    case WIRE_BYTES:
        status = read_varint(file, message, &length, err);
        break;
    case WIRE_FIXED64:
        length = sizeof(uint64_t);
        break;
    case WIRE_FIXED32:
        length = sizeof(uint32_t);
        break;
    default:
        return damaged(file, err);
    }
    if (status != STATUS_OK || length > (uint64_t)(message->end - message->at)) {
        return status != STATUS_OK ? status : damaged(file, err);
    }
    field->bytes = (Part){message->at, message->at + (int64_t)length};
    message->at += (int64_t)length;
    return STATUS_OK;
}

/* The last field of that number that holds bytes. */
static Status find_last(File *file, Part message, int number, Part *found, const char *missing, Error *err)
{
    Field field;
    Status status = STATUS_OK;
    *found = (Part){-1, -1};
    while ((status = next_field(file, &message, &field, err)) == STATUS_OK) {
        if (field.number == number && field.wire == WIRE_BYTES) {
            *found = field.bytes;
        }
    }
    if (status == STATUS_EOF) {
        status = found->at >= 0 ? STATUS_OK : refuse(file, missing, err);
    }
    return status;
}

typedef struct Table {
    uint64_t dims[DIMS_MOST];
    int dim_count;
    uint64_t type;
    bool elsewhere; /* its numbers lie in another file */
    Part raw;       /* little-endian */
    Part floats;    /* packed */
    Part halves;    /* packed varints */
} Table;

static void add_dim(Table *table, uint64_t dim)
{
    if (table->dim_count < DIMS_MOST) {
        table->dims[table->dim_count] = dim;
    }
    table->dim_count += table->dim_count <= DIMS_MOST ? 1 : 0;
}

/* Packed, or one a field. */
static Status read_dims(const File *file, const Field *field, Table *table, Error *err)
{
    if (field->wire == WIRE_VARINT) {
        add_dim(table, field->value);
        return STATUS_OK;
    }
    Part bytes = field->bytes;
    uint64_t dim = 0;
    while (bytes.at < bytes.end && table->dim_count <= DIMS_MOST) {
        if (read_varint(file, &bytes, &dim, err) != STATUS_OK) {
            return STATUS_FAILED;
        }
        add_dim(table, dim);
    }
    return STATUS_OK;
}

static Status read_table(File *file, Part message, Table *table, Error *err)
{
    Field field;
    Status status = STATUS_OK;
    while ((status = next_field(file, &message, &field, err)) == STATUS_OK) {
        const bool bytes = field.wire == WIRE_BYTES;
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

static Status read_raw_halves(const File *file, Part part, size_t count, float *values, Error *err)
{
    uint16_t *halves = memory_alloc(count, sizeof *halves);
    const Status status = read_bytes(file, part.at, halves, count * sizeof *halves, err);
    for (size_t i = 0; status == STATUS_OK && i < count; i++) {
        values[i] = half_to_float(halves[i]);
    }
    memory_free(halves);
    return status;
}

static Status read_packed_halves(const File *file, Part part, size_t count, float *values, Error *err)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t value = 0;
        if (part.at == part.end || read_varint(file, &part, &value, err) != STATUS_OK) {
            return damaged(file, err);
        }
        values[i] = half_to_float((uint16_t)value);
    }
    return part.at == part.end ? STATUS_OK : damaged(file, err);
}

static int64_t part_size(Part part)
{
    return part.end - part.at;
}

static Status read_values(const File *file, const Table *table, size_t count, float *values, Error *err)
{
    const int64_t single = (int64_t)(count * sizeof(float));
    const int64_t half = (int64_t)(count * sizeof(uint16_t));
    if (table->elsewhere) {
        return refuse(file, "it keeps its numbers in another file", err);
    }
    if (table->type == TYPE_FLOAT && part_size(table->raw) == single) {
        return read_bytes(file, table->raw.at, values, (size_t)single, err);
    }
    if (table->type == TYPE_FLOAT && part_size(table->floats) == single) {
        return read_bytes(file, table->floats.at, values, (size_t)single, err);
    }
    if (table->type == TYPE_FLOAT16 && part_size(table->raw) == half) {
        return read_raw_halves(file, table->raw, count, values, err);
    }
    if (table->type == TYPE_FLOAT16 && part_size(table->halves) > 0) {
        return read_packed_halves(file, table->halves, count, values, err);
    }
    return refuse(file, "the last initialiser's numbers are of another type, or not all there", err);
}

static Status check_finite(const File *file, const float *values, size_t count, Error *err)
{
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(values[i])) {
            return refuse(file, "not all of the last initialiser's numbers are finite", err);
        }
    }
    return STATUS_OK;
}

Status last_initializer_read_fd(int fd, const char *path, int rows, int columns, float *values, Error *err)
{
    File file = {.fd = fd, .path = path};
    const size_t count = (size_t)rows * (size_t)columns;
    struct stat info;
    if (fstat(fd, &info) != 0) {
        return error_set_errno(err, ERROR_MODEL, what, path, errno);
    }
    const Part whole = {0, info.st_size};
    Part graph;
    Part tensor;
    Table table = {0};
    Status status = find_last(&file, whole, MODEL_GRAPH, &graph, "it is not an ONNX model", err);
    if (status == STATUS_OK) {
        status = find_last(&file, graph, GRAPH_INITIALIZER, &tensor, "it has no initialisers", err);
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
