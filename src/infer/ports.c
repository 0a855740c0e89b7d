#include "infer/ports.h"

#include <string.h>

static const char does_not_fit[] = "the model does not fit";

bool port_type_from_onnx(int onnx, PortType *type)
{
    enum { ONNX_FLOAT = 1, ONNX_FLOAT16 = 10, ONNX_DOUBLE = 11 };
    if (onnx != ONNX_FLOAT && onnx != ONNX_FLOAT16 && onnx != ONNX_DOUBLE) {
        return false;
    }
    *type = onnx == ONNX_FLOAT ? PORT_FLOAT : onnx == ONNX_FLOAT16 ? PORT_HALF : PORT_DOUBLE;
    return true;
}

const char *port_onnx_type_name(int onnx)
{
    static const char *const names[] = {"nothing", "float",  "uint8",     "int8",       "uint16",  "int16",
                                        "int32",   "int64",  "text",      "bool",       "float16", "double",
                                        "uint32",  "uint64", "complex64", "complex128", "bfloat16"};
    return onnx >= 0 && onnx < (int)(sizeof names / sizeof names[0]) ? names[onnx] : "an unknown type";
}

void text_append_shape(Text *text, int rank, const int64_t *shape)
{
    text_append(text, "[");
    for (int i = 0; i < rank; i++) {
        if (shape[i] < 0) {
            text_appendf(text, "%s?", i > 0 ? "," : "");
        } else {
            text_appendf(text, "%s%lld", i > 0 ? "," : "", (long long)shape[i]);
        }
    }
    text_append(text, "]");
}

bool shapes_agree(int rank, const int64_t *shape, int other_rank, const int64_t *other)
{
    if (rank != other_rank) {
        return false;
    }
    for (int i = 0; i < rank; i++) {
        if (shape[i] >= 0 && other[i] >= 0 && shape[i] != other[i]) {
            return false;
        }
    }
    return true;
}

/* A single value may be a tensor without dimensions. */
static bool port_fits(const Port *found, const Port *expected)
{
    if (found->rank == 0) {
        return expected->rank == 1 && expected->shape[0] == 1;
    }
    return shapes_agree(found->rank, found->shape, expected->rank, expected->shape);
}

static int find_named(const Port *ports, int count, const char *name)
{
    for (int i = 0; i < count && name[0] != '\0'; i++) {
        if (strcmp(ports[i].name, name) == 0) {
            return i;
        }
    }
    return -1;
}

static int find_fitting(const Port *found, int count, const bool *taken, const Port *expected)
{
    for (int i = 0; i < count; i++) {
        if (!taken[i] && port_fits(&found[i], expected)) {
            return i;
        }
    }
    return -1;
}

static Status refuse_shape(const char *kind, const Port *found, const Port *expected, const char *file,
                           Error *err)
{
    Text text = {0};
    text_appendf(&text, "%s '%s' has the shape ", kind, found->name);
    text_append_shape(&text, found->rank, found->shape);
    text_append(&text, ", expected ");
    text_append_shape(&text, expected->rank, expected->shape);
    (void)error_set(err, ERROR_MODEL, does_not_fit, file, text.data);
    text_free(&text);
    return STATUS_FAILED;
}

static Status refuse_all(const char *kind, const Port *found, int count, const Port *expected,
                         const char *file, Error *err)
{
    Text text = {0};
    text_appendf(&text, "no %s%s%s%s has the shape ", kind, expected->name[0] != '\0' ? " (for '" : "",
                 expected->name, expected->name[0] != '\0' ? "')" : "");
    text_append_shape(&text, expected->rank, expected->shape);
    text_append(&text, "; there are ");
    for (int i = 0; i < count; i++) {
        text_appendf(&text, "%s'%s' ", i > 0 ? ", " : "", found[i].name);
        text_append_shape(&text, found[i].rank, found[i].shape);
    }
    (void)error_set(err, ERROR_MODEL, does_not_fit, file, text.data);
    text_free(&text);
    return STATUS_FAILED;
}

/* Fills `order`: which of `found` is the recipe's number i. */
static Status match(const char *kind, const Port *found, int found_count, const Port *expected, int count,
                    int *order, const char *file, Error *err)
{
    bool taken[SESSION_MAX_PORTS] = {false};
    for (int i = 0; i < count; i++) {
        order[i] = find_named(found, found_count, expected[i].name);
        if (order[i] >= 0) {
            taken[order[i]] = true;
            if (!port_fits(&found[order[i]], &expected[i])) {
                return refuse_shape(kind, &found[order[i]], &expected[i], file, err);
            }
        }
    }
    for (int i = 0; i < count; i++) {
        if (order[i] < 0) {
            order[i] = find_fitting(found, found_count, taken, &expected[i]);
            if (order[i] < 0) {
                return found_count == 1 ? refuse_shape(kind, &found[0], &expected[i], file, err)
                                        : refuse_all(kind, found, found_count, &expected[i], file, err);
            }
            taken[order[i]] = true;
        }
    }
    return STATUS_OK;
}

static void put_in_order(Port *ports, int count, const int *order, int ordered)
{
    Port before[SESSION_MAX_PORTS];
    bool taken[SESSION_MAX_PORTS] = {false};
    memcpy(before, ports, (size_t)count * sizeof *ports);
    for (int i = 0; i < ordered; i++) {
        ports[i] = before[order[i]];
        taken[order[i]] = true;
    }
    for (int i = 0, to = ordered; i < count; i++) {
        if (!taken[i]) {
            ports[to++] = before[i];
        }
    }
}

Status ports_fit(ModelPorts *found, const Port *inputs, int input_count, const Port *outputs,
                 int output_count, const char *file, Error *err)
{
    int input_order[SESSION_MAX_PORTS];
    int output_order[SESSION_MAX_PORTS];
    if (found->input_count != input_count || found->output_count < output_count) {
        return error_setf(err, ERROR_MODEL, does_not_fit, file,
                          "it has %d inputs and %d outputs, expected %d and %d", found->input_count,
                          found->output_count, input_count, output_count);
    }
    if (match("input", found->inputs, found->input_count, inputs, input_count, input_order, file, err) !=
            STATUS_OK ||
        match("output", found->outputs, found->output_count, outputs, output_count, output_order, file,
              err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    put_in_order(found->inputs, found->input_count, input_order, input_count);
    put_in_order(found->outputs, found->output_count, output_order, output_count);
    return STATUS_OK;
}
