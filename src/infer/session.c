#include "infer/session.h"

#include <stdio.h>
#include <string.h>

#include <onnxruntime_c_api.h>
#include <onnxruntime_session_options_config_keys.h>

#include "base/alloc.h"
#include "base/files.h"
#include "base/text.h"
#include "infer/session_internal.h"

static const char cannot_load[] = "cannot load the model";

static Status check_file(const char *path, Error *err)
{
    const int64_t size = file_size(path);
    if (size > 0) {
        return STATUS_OK;
    }
    const char *why = "there is no such file";
    if (size == 0) {
        why = "the file is empty";
    } else if (file_exists(path)) {
        why = "this is not a file";
    }
    (void)error_set(err, ERROR_MODEL, cannot_load, path, why);
    error_advise(err, "scripts/setup.sh gets the default models");
    return STATUS_FAILED;
}

static Status set_options(const Runtime *runtime, OrtSessionOptions *options, const SessionConfig *config,
                          Error *err)
{
    const OrtApi *api = runtime->api;
    static const char what[] = "cannot set up ONNX Runtime";
    static const struct {
        const char *key;
        const char *value;
    } entries[] = {
        {kOrtSessionOptionsConfigAllowIntraOpSpinning, "0"},
        {kOrtSessionOptionsConfigAllowInterOpSpinning, "0"},
        {kOrtSessionOptionsConfigSetDenormalAsZero, "1"},
        {kOrtSessionOptionsConfigUseEnvAllocators, "1"},
    };
    OrtStatus *steps[] = {
        api->SetIntraOpNumThreads(options, config->threads > 0 ? config->threads : 1),
        api->SetInterOpNumThreads(options, 1),
        api->SetSessionExecutionMode(options, ORT_SEQUENTIAL),
        api->SetSessionGraphOptimizationLevel(options, ORT_ENABLE_ALL),
        api->DisableMemPattern(options),
        api->AddSessionConfigEntry(options, entries[0].key, entries[0].value),
        api->AddSessionConfigEntry(options, entries[1].key, entries[1].value),
        api->AddSessionConfigEntry(options, entries[2].key, entries[2].value),
        api->AddSessionConfigEntry(options, entries[3].key, entries[3].value),
    };
    Status status = STATUS_OK;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        if (runtime_check(runtime, steps[i], ERROR_INTERNAL, what, config->path, err) != STATUS_OK) {
            status = STATUS_FAILED;
        }
    }
    return status == STATUS_OK ? runtime_add_provider(runtime, options, config->provider, err) : status;
}

static Status read_shape(const Session *session, const OrtTypeInfo *type, Port *port, Error *err)
{
    const Runtime *runtime = session->runtime;
    const OrtApi *api = runtime->api;
    const OrtTensorTypeAndShapeInfo *shape = NULL;
    ONNXTensorElementDataType element = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
    size_t rank = 0;
    if (runtime_check(runtime, api->CastTypeInfoToTensorInfo(type, &shape), ERROR_MODEL, cannot_load,
                      session->path, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    if (shape == NULL) {
        return error_setf(err, ERROR_MODEL, cannot_load, session->path, "'%s' is not a tensor", port->name);
    }
    if (runtime_check(runtime, api->GetTensorElementType(shape, &element), ERROR_MODEL, cannot_load,
                      session->path, err) != STATUS_OK ||
        runtime_check(runtime, api->GetDimensionsCount(shape, &rank), ERROR_MODEL, cannot_load, session->path,
                      err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    if (!port_type_from_onnx((int)element, &port->type)) {
        return error_setf(err, ERROR_MODEL, cannot_load, session->path,
                          "'%s' holds %s, only float, float16 and double are supported", port->name,
                          port_onnx_type_name((int)element));
    }
    if (rank > TENSOR_MAX_RANK) {
        return error_setf(err, ERROR_MODEL, cannot_load, session->path,
                          "'%s' has %zu dimensions, at most %d are supported", port->name, rank,
                          TENSOR_MAX_RANK);
    }
    port->rank = (int)rank;
    return runtime_check(runtime, api->GetDimensions(shape, port->shape, rank), ERROR_MODEL, cannot_load,
                         session->path, err);
}

static Status read_port(const Session *session, bool input, size_t index, Port *port, Error *err)
{
    const Runtime *runtime = session->runtime;
    const OrtApi *api = runtime->api;
    OrtAllocator *allocator = NULL; /* the library's default one, not to be freed */
    char *name = NULL;
    OrtTypeInfo *type = NULL;
    Status status = runtime_check(runtime, api->GetAllocatorWithDefaultOptions(&allocator), ERROR_INTERNAL,
                                  cannot_load, session->path, err);
    if (status == STATUS_OK) {
        status = runtime_check(runtime,
                               input ? api->SessionGetInputName(session->ort, index, allocator, &name)
                                     : api->SessionGetOutputName(session->ort, index, allocator, &name),
                               ERROR_MODEL, cannot_load, session->path, err);
    }
    if (status == STATUS_OK && strlen(name) >= sizeof port->name) {
        status =
            error_setf(err, ERROR_MODEL, cannot_load, session->path,
                       "the name '%.80s' of a tensor is longer than %zu bytes", name, sizeof port->name - 1);
    }
    if (status == STATUS_OK) {
        text_copy(port->name, sizeof port->name, name);
        status = runtime_check(runtime,
                               input ? api->SessionGetInputTypeInfo(session->ort, index, &type)
                                     : api->SessionGetOutputTypeInfo(session->ort, index, &type),
                               ERROR_MODEL, cannot_load, session->path, err);
    }
    if (status == STATUS_OK) {
        status = read_shape(session, type, port, err);
    }
    if (type != NULL) {
        api->ReleaseTypeInfo(type);
    }
    if (name != NULL) {
        allocator->Free(allocator, name);
    }
    return status;
}

static Status read_ports(Session *session, Error *err)
{
    const Runtime *runtime = session->runtime;
    size_t inputs = 0;
    size_t outputs = 0;
    if (runtime_check(runtime, runtime->api->SessionGetInputCount(session->ort, &inputs), ERROR_MODEL,
                      cannot_load, session->path, err) != STATUS_OK ||
        runtime_check(runtime, runtime->api->SessionGetOutputCount(session->ort, &outputs), ERROR_MODEL,
                      cannot_load, session->path, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    if (inputs > SESSION_MAX_PORTS || outputs > SESSION_MAX_PORTS) {
        return error_setf(err, ERROR_MODEL, cannot_load, session->path,
                          "it has %zu inputs and %zu outputs; at most %d each are supported", inputs, outputs,
                          SESSION_MAX_PORTS);
    }
    for (size_t i = 0; i < inputs; i++) {
        if (read_port(session, true, i, &session->ports.inputs[i], err) != STATUS_OK) {
            return STATUS_FAILED;
        }
    }
    for (size_t i = 0; i < outputs; i++) {
        if (read_port(session, false, i, &session->ports.outputs[i], err) != STATUS_OK) {
            return STATUS_FAILED;
        }
    }
    session->ports.input_count = (int)inputs;
    session->ports.output_count = (int)outputs;
    return STATUS_OK;
}

static Status create(Session *session, const OrtSessionOptions *options, Error *err)
{
    const Runtime *runtime = session->runtime;
    const unsigned int before = session_denormals_off(); /* the library would leave them off in this thread */
    OrtStatus *status = runtime->api->CreateSession(runtime->env, session->path, options, &session->ort);
    session_denormals_restore(before);
    if (status == NULL) {
        return STATUS_OK;
    }
    const OrtErrorCode code = runtime->api->GetErrorCode(status);
    if (code == ORT_INVALID_PROTOBUF) {
        runtime->api->ReleaseStatus(status);
        (void)error_set(err, ERROR_MODEL, cannot_load, session->path,
                        "it is not an ONNX model, or it is damaged or cut off");
        error_advise(err, "get the file again");
        return STATUS_FAILED;
    }
    return runtime_check(runtime, status, ERROR_MODEL, cannot_load, session->path, err);
}

Status session_open(Session **session, const SessionConfig *config, Error *err)
{
    *session = NULL;
    const Runtime *runtime = NULL;
    if (runtime_get(&runtime, err) != STATUS_OK || check_file(config->path, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    Session *opened = memory_alloc(1, sizeof *opened);
    opened->runtime = runtime;
    opened->path = text_duplicate(config->path);
    opened->on_cpu = config->provider == PROVIDER_NONE || config->provider == PROVIDER_CPU;
    OrtSessionOptions *options = NULL;
    Status status = runtime_check(runtime, runtime->api->CreateSessionOptions(&options), ERROR_INTERNAL,
                                  "cannot set up ONNX Runtime", config->path, err);
    if (status == STATUS_OK) {
        status = set_options(runtime, options, config, err);
    }
    if (status == STATUS_OK) {
        status = create(opened, options, err);
    }
    if (status == STATUS_OK) {
        status = read_ports(opened, err);
    }
    if (options != NULL) {
        runtime->api->ReleaseSessionOptions(options);
    }
    if (status != STATUS_OK) {
        session_free(&opened);
    }
    *session = opened;
    return status;
}

void session_free(Session **session)
{
    if (*session == NULL) {
        return;
    }
    if ((*session)->ort != NULL) {
        (*session)->runtime->api->ReleaseSession((*session)->ort);
    }
    memory_free((*session)->path);
    memory_free(*session);
    *session = NULL;
}

int session_input_count(const Session *session)
{
    return session->ports.input_count;
}

int session_output_count(const Session *session)
{
    return session->ports.output_count;
}

const Port *session_input(const Session *session, int index)
{
    return &session->ports.inputs[index];
}

const Port *session_output(const Session *session, int index)
{
    return &session->ports.outputs[index];
}

int session_find_output(const Session *session, const char *name)
{
    for (int i = 0; i < session->ports.output_count; i++) {
        if (strcmp(session->ports.outputs[i].name, name) == 0) {
            return i;
        }
    }
    return -1;
}

Status session_fit_ports(Session *session, const Port *inputs, int input_count, const Port *outputs,
                         int output_count, Error *err)
{
    return ports_fit(&session->ports, inputs, input_count, outputs, output_count, session->path, err);
}
