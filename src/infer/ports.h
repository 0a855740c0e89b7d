/* A model's inputs and outputs, and whether they are those of a recipe. Pure. */
#ifndef RUNBATCH_INFER_PORTS_H
#define RUNBATCH_INFER_PORTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"

enum { TENSOR_MAX_RANK = 6, SESSION_MAX_PORTS = 16 };

/* What a tensor holds, as far as it can be made of floats and back. */
typedef enum PortType {
    PORT_FLOAT,
    PORT_HALF,
    PORT_DOUBLE,
} PortType;

typedef struct Port {
    char name[64];
    int rank;
    int64_t shape[TENSOR_MAX_RANK]; /* -1: free */
    PortType type;                  /* of no account in a recipe */
} Port;

typedef struct ModelPorts {
    int input_count;
    int output_count;
    Port inputs[SESSION_MAX_PORTS];
    Port outputs[SESSION_MAX_PORTS];
} ModelPorts;

/* False when it is none of them. `onnx` is a TensorProto.DataType. */
bool port_type_from_onnx(int onnx, PortType *type);
/* "float", "int64", … static memory */
const char *port_onnx_type_name(int onnx);

/* The rank is the same, and every size that is fixed on both sides (-1: free). */
bool shapes_agree(int rank, const int64_t *shape, int other_rank, const int64_t *other);

/* "[1,3,?,?]" */
void text_append_shape(Text *text, int rank, const int64_t *shape);

/* Whether a model, whose ports are `found`, is one of the recipe: exactly as many inputs, at least as many
 * outputs, each of the recipe's by its name or, where the model has none of that name, the next one whose
 * shape agrees. On success `found` is in the recipe's order, what the recipe does not name behind.
 * ERROR_MODEL on `file` tells what was found and what was expected. */
Status ports_fit(ModelPorts *found, const Port *inputs, int input_count, const Port *outputs,
                 int output_count, const char *file, Error *err);

#endif
