#include "infer/model_ports.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "infer/onnx_file.h"

/* Source: onnx.proto (ONNX 1.16). */
enum {
    GRAPH_INITIALIZER = 5,
    GRAPH_INPUT = 11,
    GRAPH_OUTPUT = 12,
    INITIALIZER_NAME = 8,
    VALUE_NAME = 1,
    VALUE_TYPE = 2,
    TYPE_TENSOR = 1,
    TENSOR_ELEMENT = 1,
    TENSOR_SHAPE = 2,
    SHAPE_DIM = 1,
    DIM_VALUE = 1,
};
enum { NAMES_MOST = 1 << 16 };

static const char what[] = "cannot use the model";

/* Names of initialisers: old files list them among the inputs too. As numbers: FNV-1a of 64 bits. */
typedef struct Names {
    uint64_t *items;
    size_t count;
} Names;

static Status read_name(const OnnxFile *file, OnnxPart bytes, char name[64], uint64_t *number, Error *err)
{
    char text[512];
    const int64_t length = bytes.end - bytes.at;
    const size_t most = length < (int64_t)sizeof text - 1 ? (size_t)length : sizeof text - 1;
    if (onnx_read(file, bytes.at, text, most, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    text[most] = '\0';
    *number = 0xcbf29ce484222325U;
    for (size_t i = 0; i < most; i++) {
        *number = (*number ^ (unsigned char)text[i]) * 0x100000001b3U;
    }
    if (name != NULL) {
        text_copy(name, sizeof((Port *)NULL)->name, text);
        text_strip_control(name);
    }
    return STATUS_OK;
}

static Status add_initializer(OnnxFile *file, OnnxPart message, Names *names, Error *err)
{
    OnnxPart name;
    Status status = onnx_find_last(file, message, INITIALIZER_NAME, &name, "an initialiser has no name", err);
    if (status == STATUS_OK && names->count == NAMES_MOST) {
        status = onnx_damaged(file, err);
    }
    if (status == STATUS_OK) {
        names->items = memory_resize(names->items, names->count + 1, sizeof *names->items);
        status = read_name(file, name, NULL, &names->items[names->count], err);
        names->count++;
    }
    return status;
}

static bool has_name(const Names *names, uint64_t number)
{
    for (size_t i = 0; i < names->count; i++) {
        if (names->items[i] == number) {
            return true;
        }
    }
    return false;
}

/* ---- a port ---- */

/* -1 where it has a name, or nothing. */
static Status read_dim(OnnxFile *file, OnnxPart message, Port *port, Error *err)
{
    OnnxField field;
    Status status = STATUS_OK;
    if (port->rank == TENSOR_MAX_RANK) {
        return error_setf(err, ERROR_MODEL, what, file->path, "'%s' has more than %d dimensions", port->name,
                          TENSOR_MAX_RANK);
    }
    int64_t size = -1;
    while ((status = onnx_next(file, &message, &field, err)) == STATUS_OK) {
        if (field.number == DIM_VALUE && field.wire == ONNX_VARINT && field.value > 0 &&
            field.value <= INT32_MAX) {
            size = (int64_t)field.value;
        }
    }
    port->shape[port->rank++] = size;
    return status == STATUS_EOF ? STATUS_OK : status;
}

static Status read_shape(OnnxFile *file, OnnxPart message, Port *port, Error *err)
{
    OnnxField field;
    Status status = STATUS_OK;
    while ((status = onnx_next(file, &message, &field, err)) == STATUS_OK) {
        if (field.number == SHAPE_DIM && field.wire == ONNX_BYTES &&
            read_dim(file, field.bytes, port, err) != STATUS_OK) {
            return STATUS_FAILED;
        }
    }
    return status == STATUS_EOF ? STATUS_OK : status;
}

static Status read_tensor(OnnxFile *file, OnnxPart message, Port *port, Error *err)
{
    OnnxField field;
    Status status = STATUS_OK;
    uint64_t element = 0;
    bool shaped = false;
    while ((status = onnx_next(file, &message, &field, err)) == STATUS_OK) {
        if (field.number == TENSOR_ELEMENT && field.wire == ONNX_VARINT) {
            element = field.value;
        } else if (field.number == TENSOR_SHAPE && field.wire == ONNX_BYTES) {
            shaped = true;
            if (read_shape(file, field.bytes, port, err) != STATUS_OK) {
                return STATUS_FAILED;
            }
        }
    }
    if (status != STATUS_EOF) {
        return status;
    }
    if (element == 0 || !shaped) {
        return STATUS_AGAIN;
    }
    const int type = element <= INT32_MAX ? (int)element : 0;
    return port_type_from_onnx(type, &port->type)
               ? STATUS_OK
               : error_setf(err, ERROR_MODEL, what, file->path,
                            "the tensor '%s' has the type %s, expected float", port->name,
                            port_onnx_type_name(type));
}

/* STATUS_EOF: it is an initialiser. */
static Status read_port(OnnxFile *file, OnnxPart message, const Names *names, Port *port, Error *err)
{
    OnnxPart name;
    OnnxPart type;
    OnnxPart tensor;
    uint64_t number = 0;
    *port = (Port){0};
    Status status = onnx_find_last(file, message, VALUE_NAME, &name, "one of its tensors has no name", err);
    if (status == STATUS_OK) {
        status = read_name(file, name, port->name, &number, err);
    }
    if (status == STATUS_OK && has_name(names, number)) {
        return STATUS_EOF;
    }
    if (status != STATUS_OK || onnx_find_last(file, message, VALUE_TYPE, &type, "", NULL) != STATUS_OK ||
        onnx_find_last(file, type, TYPE_TENSOR, &tensor, "", NULL) != STATUS_OK) {
        return status == STATUS_OK ? STATUS_AGAIN : status;
    }
    return read_tensor(file, tensor, port, err);
}

static Status add_port(OnnxFile *file, OnnxPart message, const Names *names, Port *ports, int *count,
                       Error *err)
{
    Port port;
    const Status status = read_port(file, message, names, &port, err);
    if (status == STATUS_EOF) {
        return STATUS_OK;
    }
    if (status == STATUS_OK && *count == SESSION_MAX_PORTS) {
        return error_setf(err, ERROR_MODEL, what, file->path, "it has more than %d inputs or outputs",
                          SESSION_MAX_PORTS);
    }
    if (status == STATUS_OK) {
        ports[(*count)++] = port;
    }
    return status;
}

/* ---- the graph ---- */

static Status read_names(OnnxFile *file, OnnxPart graph, Names *names, Error *err)
{
    OnnxField field;
    Status status = STATUS_OK;
    while ((status = onnx_next(file, &graph, &field, err)) == STATUS_OK) {
        if (field.number == GRAPH_INITIALIZER && field.wire == ONNX_BYTES) {
            status = add_initializer(file, field.bytes, names, err);
        }
        if (status != STATUS_OK) {
            return status;
        }
    }
    return status == STATUS_EOF ? STATUS_OK : status;
}

static Status read_graph(OnnxFile *file, OnnxPart graph, const Names *names, ModelPorts *ports, Error *err)
{
    OnnxField field;
    Status status = STATUS_OK;
    while ((status = onnx_next(file, &graph, &field, err)) == STATUS_OK) {
        const bool bytes = field.wire == ONNX_BYTES;
        if (field.number == GRAPH_INPUT && bytes) {
            status = add_port(file, field.bytes, names, ports->inputs, &ports->input_count, err);
        } else if (field.number == GRAPH_OUTPUT && bytes) {
            status = add_port(file, field.bytes, &(Names){0}, ports->outputs, &ports->output_count, err);
        }
        if (status != STATUS_OK) {
            return status;
        }
    }
    return status == STATUS_EOF ? STATUS_OK : status;
}

Status model_ports_read_fd(int fd, const char *path, ModelPorts *ports, Error *err)
{
    OnnxFile file;
    OnnxPart graph;
    Names names = {0};
    *ports = (ModelPorts){0};
    Status status = onnx_open(&file, fd, path, what, &graph, err);
    if (status == STATUS_OK) {
        status = read_names(&file, graph, &names, err);
    }
    if (status == STATUS_OK) {
        status = read_graph(&file, graph, &names, ports, err);
    }
    memory_free(names.items);
    return status;
}

Status model_ports_read(const char *path, ModelPorts *ports, Error *err)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return error_set_errno(err, ERROR_MODEL, what, path, errno);
    }
    const Status status = model_ports_read_fd(fd, path, ports, err);
    (void)close(fd);
    return status;
}
