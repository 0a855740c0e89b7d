#include <stdatomic.h>
#include <string.h>

#include <onnxruntime_run_options_config_keys.h>
#if defined(__SSE2__)
#include <immintrin.h>
#endif

#include "base/alloc.h"
#include "base/text.h"
#include "infer/half.h"
#include "infer/session_internal.h"

static const char cannot_run[] = "cannot run the model";

/* A tensor of the caller's while the model runs; where the model holds other numbers than floats, a copy of
 * it. */
typedef struct Binding {
    const Tensor *tensor;
    PortType type;
    void *copy;
    OrtValue *value;
} Binding;

unsigned int session_denormals_off(void)
{
#if defined(__SSE2__)
    const unsigned int before = _mm_getcsr();
    _mm_setcsr(before | _MM_FLUSH_ZERO_ON | 0x40U /* denormals are zero */);
    return before;
#else
    return 0;
#endif
}

void session_denormals_restore(unsigned int before)
{
#if defined(__SSE2__)
    _mm_setcsr(before);
#else
    (void)before;
#endif
}

static size_t tensor_count(const Tensor *tensor)
{
    size_t count = 1;
    for (int i = 0; i < tensor->rank; i++) {
        count *= (size_t)tensor->shape[i];
    }
    return count;
}

static Status check_tensor(const Session *session, const Port *port, const Tensor *tensor, Error *err)
{
    bool whole = true;
    for (int i = 0; whole && i < tensor->rank; i++) {
        whole = tensor->shape[i] >= 0;
    }
    const bool one = port->rank == 0 && whole && tensor_count(tensor) == 1;
    if (one || (whole && shapes_agree(tensor->rank, tensor->shape, port->rank, port->shape))) {
        return STATUS_OK;
    }
    Text text = {0};
    text_append_shape(&text, tensor->rank, tensor->shape);
    text_append(&text, ", the model's is ");
    text_append_shape(&text, port->rank, port->shape);
    (void)error_setf(err, ERROR_INTERNAL, cannot_run, session->path, "the tensor for '%s' has the shape %s",
                     port->name, text.data);
    text_free(&text);
    return STATUS_FAILED;
}

static void pack(const Binding *binding)
{
    const float *data = binding->tensor->data;
    const size_t count = tensor_count(binding->tensor);
    for (size_t i = 0; i < count; i++) {
        if (binding->type == PORT_HALF) {
            ((uint16_t *)binding->copy)[i] = half_from_float(data[i]);
        } else {
            ((double *)binding->copy)[i] = (double)data[i];
        }
    }
}

static void unpack(const Binding *binding)
{
    float *data = binding->tensor->data;
    const size_t count = tensor_count(binding->tensor);
    for (size_t i = 0; i < count; i++) {
        if (binding->type == PORT_HALF) {
            data[i] = half_to_float(((const uint16_t *)binding->copy)[i]);
        } else {
            data[i] = (float)((const double *)binding->copy)[i];
        }
    }
}

static Status bind(const Session *session, const Port *port, const Tensor *tensor, Binding *binding,
                   Error *err)
{
    static const struct {
        ONNXTensorElementDataType element;
        size_t bytes;
    } types[] = {
        [PORT_FLOAT] = {ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, sizeof(float)},
        [PORT_HALF] = {ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16, sizeof(uint16_t)},
        [PORT_DOUBLE] = {ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE, sizeof(double)},
    };
    if (check_tensor(session, port, tensor, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    const size_t count = tensor_count(tensor);
    const size_t bytes = types[port->type].bytes;
    binding->tensor = tensor;
    binding->type = port->type;
    binding->copy = port->type != PORT_FLOAT ? memory_alloc(count, bytes) : NULL;
    const Runtime *runtime = session->runtime;
    return runtime_check(runtime,
                         runtime->api->CreateTensorWithDataAsOrtValue(
                             runtime->cpu, binding->copy != NULL ? binding->copy : tensor->data,
                             count * bytes, tensor->shape, port->rank > 0 ? (size_t)tensor->rank : 0,
                             types[port->type].element, &binding->value),
                         ERROR_INTERNAL, cannot_run, session->path, err);
}

static atomic_bool shrink_wanted;

void session_shrink_arena(void)
{
    atomic_store(&shrink_wanted, true);
}

/* NULL, unless this run is to shrink the arena: one that ends on a graphics card may not know of it, and
 * would fail. */
static Status make_run_options(const Session *session, OrtRunOptions **options, Error *err)
{
    const Runtime *runtime = session->runtime;
    *options = NULL;
    if (!session->on_cpu || !atomic_exchange(&shrink_wanted, false)) {
        return STATUS_OK;
    }
    Status status = runtime_check(runtime, runtime->api->CreateRunOptions(options), ERROR_INTERNAL,
                                  cannot_run, NULL, err);
    if (status == STATUS_OK) {
        status = runtime_check(runtime,
                               runtime->api->AddRunConfigEntry(
                                   *options, kOrtRunOptionsConfigEnableMemoryArenaShrinkage, "cpu:0"),
                               ERROR_INTERNAL, cannot_run, NULL, err);
    }
    return status;
}

/* What one run is given and gives. */
typedef struct Run {
    size_t input_count;
    size_t output_count;
    const char *input_names[SESSION_MAX_PORTS];
    const char *output_names[SESSION_MAX_PORTS];
    Binding inputs[SESSION_MAX_PORTS];
    Binding outputs[SESSION_MAX_PORTS];
} Run;

static Status bind_all(const Session *session, Run *run, const Tensor *inputs, int input_count,
                       const Tensor *outputs, int output_count, Error *err)
{
    for (int i = 0; i < input_count; i++) {
        Binding *binding = &run->inputs[run->input_count];
        run->input_names[run->input_count++] = session->ports.inputs[i].name;
        if (bind(session, &session->ports.inputs[i], &inputs[i], binding, err) != STATUS_OK) {
            return STATUS_FAILED;
        }
        if (binding->copy != NULL) {
            pack(binding);
        }
    }
    for (int i = 0; i < output_count; i++) {
        if (outputs[i].data == NULL) {
            continue;
        }
        Binding *binding = &run->outputs[run->output_count];
        run->output_names[run->output_count++] = session->ports.outputs[i].name;
        if (bind(session, &session->ports.outputs[i], &outputs[i], binding, err) != STATUS_OK) {
            return STATUS_FAILED;
        }
    }
    return STATUS_OK;
}

static Status run_bound(const Session *session, const Run *run, Error *err)
{
    const Runtime *runtime = session->runtime;
    OrtRunOptions *options = NULL;
    const OrtValue *inputs[SESSION_MAX_PORTS] = {NULL};
    OrtValue *outputs[SESSION_MAX_PORTS] = {NULL};
    for (size_t i = 0; i < SESSION_MAX_PORTS; i++) {
        inputs[i] = run->inputs[i].value;
        outputs[i] = run->outputs[i].value;
    }
    Status status = make_run_options(session, &options, err);
    if (status == STATUS_OK) {
        const unsigned int before = session_denormals_off();
        OrtStatus *ran = runtime->api->Run(session->ort, options, run->input_names, inputs, run->input_count,
                                           run->output_names, run->output_count, outputs);
        session_denormals_restore(before);
        status = runtime_check(runtime, ran, ERROR_MODEL, cannot_run, session->path, err);
    }
    for (size_t i = 0; i < run->output_count && status == STATUS_OK; i++) {
        if (run->outputs[i].copy != NULL) {
            unpack(&run->outputs[i]);
        }
    }
    if (options != NULL) {
        runtime->api->ReleaseRunOptions(options);
    }
    return status;
}

static void release(const Session *session, Binding *binding)
{
    if (binding->value != NULL) {
        session->runtime->api->ReleaseValue(binding->value);
    }
    memory_free(binding->copy);
}

Status session_run(const Session *session, const Tensor *inputs, int input_count, const Tensor *outputs,
                   int output_count, Error *err)
{
    if (input_count != session->ports.input_count || output_count > session->ports.output_count) {
        return error_setf(err, ERROR_INTERNAL, cannot_run, session->path,
                          "%d inputs and %d outputs given, the model has %d and %d", input_count,
                          output_count, session->ports.input_count, session->ports.output_count);
    }
    Run run = {0};
    Status status = bind_all(session, &run, inputs, input_count, outputs, output_count, err);
    if (status == STATUS_OK) {
        status = run_bound(session, &run, err);
    }
    for (size_t i = 0; i < SESSION_MAX_PORTS; i++) {
        release(session, &run.inputs[i]);
        release(session, &run.outputs[i]);
    }
    return status;
}
