#include "infer/runtime.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/files.h"
#include "base/log.h"
#include "base/text.h"

/* The oldest function table that holds every function used here (CUDA_V2 came with 1.11, a session's config
 * entries and the providers' options before that). */
enum { OLDEST_API = 11 };

static struct {
    pthread_once_t once;
    Runtime runtime;
    Error error;
} process = {.once = PTHREAD_ONCE_INIT};

static const struct {
    Provider provider;
    const char *name;
    const char *ort_name;
} providers[] = {
    {PROVIDER_CPU, "cpu", "CPUExecutionProvider"},
    {PROVIDER_CUDA, "cuda", "CUDAExecutionProvider"},
    {PROVIDER_TENSORRT, "tensorrt", "TensorrtExecutionProvider"},
};
enum { PROVIDER_COUNT = sizeof providers / sizeof providers[0] };

static void to_our_log(void *param, OrtLoggingLevel severity, const char *category, const char *id,
                       const char *location, const char *message)
{
    (void)param;
    (void)severity;
    (void)id;
    (void)location;
    log_debug("onnxruntime %s: %s", category, message);
}

/* Each release 1.N brings table N; asking for a newer one than the library has makes it write to stderr. */
static uint32_t table_of_version(const char *version)
{
    char *end = NULL;
    const long major = strtol(version, &end, 10);
    const long minor = *end == '.' ? strtol(end + 1, NULL, 10) : 0;
    if (major != 1 || minor > ORT_API_VERSION) {
        return ORT_API_VERSION;
    }
    return minor < 0 ? 0 : (uint32_t)minor;
}

static Status list_providers(Runtime *runtime, Error *err)
{
    char **names = NULL;
    int count = 0;
    const Status status = runtime_check(runtime, runtime->api->GetAvailableProviders(&names, &count),
                                        ERROR_ENVIRONMENT, "cannot list the execution providers", NULL, err);
    if (status != STATUS_OK) {
        return status;
    }
    Text list = {0};
    for (int known = 0; known < PROVIDER_COUNT; known++) {
        for (int i = 0; i < count; i++) {
            if (strcmp(names[i], providers[known].ort_name) == 0) {
                text_appendf(&list, "%s%s", list.length > 0 ? ", " : "", providers[known].name);
            }
        }
    }
    text_copy(runtime->providers, sizeof runtime->providers, list.data != NULL ? list.data : "");
    text_free(&list);
    return runtime_check(runtime, runtime->api->ReleaseAvailableProviders(names, count), ERROR_ENVIRONMENT,
                         "cannot list the execution providers", NULL, err);
}

void session_forbid_telemetry(void)
{
    (void)setenv("ORT_DISABLE_TELEMETRY", "1", 1);
}

/* One arena for the activations of all sessions. What a model needs while it runs is kept for its next run,
 * so memory does not swing with what happens to run at the same moment; it grows by just what is asked for,
 * so that is all. */
static Status share_arena(const Runtime *runtime, Error *err)
{
    static const char what[] = "cannot start ONNX Runtime";
    static const char *const keys[] = {"arena_extend_strategy", "initial_chunk_size_bytes"};
    static const size_t values[] = {1 /* as requested */, 64 * 1024};
    const OrtApi *api = runtime->api;
    OrtArenaCfg *config = NULL;
    OrtMemoryInfo *memory = NULL;
    Status status =
        runtime_check(runtime, api->CreateArenaCfgV2(keys, values, sizeof keys / sizeof *keys, &config),
                      ERROR_ENVIRONMENT, what, NULL, err);
    if (status == STATUS_OK) {
        status =
            runtime_check(runtime, api->CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, &memory),
                          ERROR_ENVIRONMENT, what, NULL, err);
    }
    if (status == STATUS_OK) {
        status = runtime_check(runtime, api->CreateAndRegisterAllocator(runtime->env, memory, config),
                               ERROR_ENVIRONMENT, what, NULL, err);
    }
    api->ReleaseMemoryInfo(memory);
    api->ReleaseArenaCfg(config);
    return status;
}

static void start(void)
{
    Runtime *runtime = &process.runtime;
    Error *err = &process.error;
    session_forbid_telemetry();
    const OrtApiBase *base = OrtGetApiBase();
    text_copy(runtime->version, sizeof runtime->version, base->GetVersionString());
    const uint32_t table = table_of_version(runtime->version);
    runtime->api = table >= OLDEST_API ? base->GetApi(table) : NULL;
    if (runtime->api == NULL) {
        (void)error_setf(err, ERROR_ENVIRONMENT, "cannot use ONNX Runtime", NULL,
                         "the library is version %s; 1.%d or newer is needed", runtime->version, OLDEST_API);
        error_advise(err, "scripts/setup.sh gets a newer one");
        return;
    }
    if (runtime_check(runtime,
                      runtime->api->CreateEnvWithCustomLogger(to_our_log, NULL, ORT_LOGGING_LEVEL_WARNING,
                                                              "runbatch", &runtime->env),
                      ERROR_ENVIRONMENT, "cannot start ONNX Runtime", NULL, err) == STATUS_OK &&
        runtime_check(runtime, runtime->api->DisableTelemetryEvents(runtime->env), ERROR_ENVIRONMENT,
                      "cannot start ONNX Runtime", NULL, err) == STATUS_OK &&
        runtime_check(runtime,
                      runtime->api->CreateCpuMemoryInfo(OrtDeviceAllocator, OrtMemTypeDefault, &runtime->cpu),
                      ERROR_ENVIRONMENT, "cannot start ONNX Runtime", NULL, err) == STATUS_OK) {
        (void)(share_arena(runtime, err) == STATUS_OK && list_providers(runtime, err) == STATUS_OK);
    }
}

Status runtime_get(const Runtime **runtime, Error *err)
{
    *runtime = &process.runtime;
    (void)pthread_once(&process.once, start);
    if (!error_is_set(&process.error)) {
        return STATUS_OK;
    }
    (void)error_set(err, process.error.class_, process.error.what, NULL, process.error.why);
    error_advise(err, "%s", process.error.todo);
    return STATUS_FAILED;
}

static bool holds_one_of(const char *text, const char *const *parts)
{
    for (; *parts != NULL; parts++) {
        if (strcasestr(text, *parts) != NULL) {
            return true;
        }
    }
    return false;
}

/* As BFCArena, the CUDA, cuBLAS, cuDNN and TensorRT providers, and the standard library word it. */
ErrorClass runtime_error_class(const char *message, ErrorClass class_)
{
    static const char *const wants[] = {
        "out of memory", "OutOfMemory", "Failed to allocate memory", "ALLOC_FAILED", "bad allocation",
        "bad_alloc",     NULL};
    static const char *const cards[] = {"CUDA", "CUBLAS", "CUDNN", "TensorRT", "GPU", NULL};
    if (!holds_one_of(message, wants)) {
        return class_;
    }
    return holds_one_of(message, cards) ? ERROR_VIDEO_MEMORY : ERROR_MEMORY;
}

Status runtime_check(const Runtime *runtime, OrtStatus *status, ErrorClass class_, const char *what,
                     const char *file, Error *err)
{
    if (status == NULL) {
        return STATUS_OK;
    }
    const char *message = runtime->api->GetErrorMessage(status);
    (void)error_set(err, runtime_error_class(message, class_), what, file, message);
    runtime->api->ReleaseStatus(status);
    return STATUS_FAILED;
}

static Status append_cuda(const Runtime *runtime, OrtSessionOptions *options, Error *err)
{
    const OrtApi *api = runtime->api;
    static const char what[] = "cannot use the execution provider cuda";
    /* The default search for the fastest convolution takes minutes on a new shape; the default arena doubles.
     */
    static const char *const keys[] = {"cudnn_conv_algo_search", "arena_extend_strategy"};
    static const char *const values[] = {"HEURISTIC", "kSameAsRequested"};
    OrtCUDAProviderOptionsV2 *cuda = NULL;
    Status status =
        runtime_check(runtime, api->CreateCUDAProviderOptions(&cuda), ERROR_ENVIRONMENT, what, NULL, err);
    if (status == STATUS_OK) {
        status = runtime_check(runtime,
                               api->UpdateCUDAProviderOptions(cuda, keys, values, sizeof keys / sizeof *keys),
                               ERROR_ENVIRONMENT, what, NULL, err);
    }
    if (status == STATUS_OK) {
        status = runtime_check(runtime, api->SessionOptionsAppendExecutionProvider_CUDA_V2(options, cuda),
                               ERROR_ENVIRONMENT, what, NULL, err);
    }
    if (cuda != NULL) {
        api->ReleaseCUDAProviderOptions(cuda);
    }
    return status;
}

char *session_engine_folder(void)
{
    const char *cache = getenv("XDG_CACHE_HOME");
    const char *home = getenv("HOME");
    char *folder = NULL;
    if (cache != NULL && cache[0] == '/') {
        folder = path_join(cache, "runbatch/tensorrt");
    } else if (home != NULL && home[0] == '/') {
        folder = path_join(home, ".cache/runbatch/tensorrt");
    }
    char *real = folder != NULL && folder_make(folder, NULL) == STATUS_OK ? realpath(folder, NULL) : NULL;
    memory_free(folder);
    return real;
}

static Status append_tensorrt(const Runtime *runtime, OrtSessionOptions *options, Error *err)
{
    const OrtApi *api = runtime->api;
    static const char what[] = "cannot use the execution provider tensorrt";
    char *folder = session_engine_folder();
    const char *const keys[] = {"trt_engine_cache_enable", "trt_engine_cache_path"};
    const char *const values[] = {"1", folder};
    OrtTensorRTProviderOptionsV2 *trt = NULL;
    Status status =
        runtime_check(runtime, api->CreateTensorRTProviderOptions(&trt), ERROR_ENVIRONMENT, what, NULL, err);
    if (status == STATUS_OK && folder != NULL) {
        status = runtime_check(runtime, api->UpdateTensorRTProviderOptions(trt, keys, values, 2),
                               ERROR_ENVIRONMENT, what, NULL, err);
    }
    if (status == STATUS_OK) {
        status = runtime_check(runtime, api->SessionOptionsAppendExecutionProvider_TensorRT_V2(options, trt),
                               ERROR_ENVIRONMENT, what, NULL, err);
    }
    if (trt != NULL) {
        api->ReleaseTensorRTProviderOptions(trt);
    }
    memory_free(folder);
    return status;
}

static bool has_provider(const Runtime *runtime, Provider provider)
{
    for (int i = 0; i < PROVIDER_COUNT; i++) {
        if (providers[i].provider == provider) {
            return strstr(runtime->providers, providers[i].name) != NULL;
        }
    }
    return false;
}

Status runtime_add_provider(const Runtime *runtime, OrtSessionOptions *options, Provider provider, Error *err)
{
    if (provider == PROVIDER_NONE || provider == PROVIDER_CPU) {
        return STATUS_OK;
    }
    Status status = STATUS_OK;
    if (!has_provider(runtime, provider)) {
        const char *name = provider == PROVIDER_CUDA ? "cuda" : "tensorrt";
        status = error_setf(err, ERROR_ENVIRONMENT, "cannot use the execution provider", NULL,
                            "this ONNX Runtime (%s) was built without %s; it has: %s", runtime->version, name,
                            runtime->providers);
    }
    if (status == STATUS_OK && provider == PROVIDER_TENSORRT) {
        status = append_tensorrt(runtime, options, err);
    }
    /* Also behind TensorRT, for the operators that it does not know. */
    if (status == STATUS_OK && has_provider(runtime, PROVIDER_CUDA)) {
        status = append_cuda(runtime, options, err);
    }
    if (status != STATUS_OK) {
        error_advise(err, "use --execution-provider cpu, or install an ONNX Runtime with that provider");
    }
    return status;
}

char *session_library_folder(void)
{
    Dl_info info;
    char *file = dladdr(OrtGetApiBase(), &info) != 0 ? realpath(info.dli_fname, NULL) : NULL;
    char *folder = file != NULL ? path_folder(file) : NULL;
    memory_free(file);
    return folder;
}

const char *session_runtime_version(void)
{
    const Runtime *runtime = NULL;
    (void)runtime_get(&runtime, NULL);
    return runtime->version;
}

const char *session_provider_list(void)
{
    const Runtime *runtime = NULL;
    (void)runtime_get(&runtime, NULL);
    return runtime->providers;
}

Provider provider_from_name(const char *name)
{
    for (int i = 0; i < PROVIDER_COUNT; i++) {
        if (strcmp(name, providers[i].name) == 0) {
            return providers[i].provider;
        }
    }
    return PROVIDER_NONE;
}
