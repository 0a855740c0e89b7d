#include "memory/gpu.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"

/* What we use of NVML, declared by ourselves from NVIDIA's documentation (NVML API Reference Guide,
 * docs.nvidia.com/deploy/nvml-api), so that no header of theirs is needed. All return an nvmlReturn_t. */
enum {
    NVML_SUCCESS = 0,
    NVML_INSUFFICIENT_SIZE = 7,
    NVML_DRIVER_NOT_LOADED = 9,
    NVML_LIBRARY_NOT_FOUND = 12,
};

typedef void *NvmlDevice;

/* nvmlMemory_t */
typedef struct NvmlMemory {
    unsigned long long total;
    unsigned long long free;
    unsigned long long used;
} NvmlMemory;

/* The beginning of nvmlProcessInfo_t in all of its versions; what follows differs. */
typedef struct NvmlProcess {
    unsigned pid;
    unsigned long long used; /* all bits set: not available */
} NvmlProcess;

/* nvmlProcessInfo_v1_t has 16 bytes, _v2_t 24. The drivers 535.43 to 535.86 wrote 32 under an older name, so
 * there is room for that, and the step is looked for in what was written. */
enum { RECORD_BYTES = sizeof(NvmlProcess), MOST_RECORD_BYTES = 32, UNTOUCHED = 0xA5 };

typedef int NvmlProcesses(NvmlDevice device, unsigned *count, void *records);

struct Gpu {
    void *library;
    unsigned count;
    int (*shutdown)(void);
    const char *(*error_text)(int code);
    int (*handle)(unsigned index, NvmlDevice *device);
    int (*name)(NvmlDevice device, char *name, unsigned size);
    int (*memory)(NvmlDevice device, NvmlMemory *memory);
    NvmlProcesses *compute; /* may be NULL, as may the next */
    NvmlProcesses *graphics;
};

static const char cannot_read[] = "cannot read the graphics card's memory";

static Status fail(const Gpu *gpu, const char *function, int code, Error *err)
{
    const char *text = gpu->error_text != NULL ? gpu->error_text(code) : NULL;
    return error_setf(err, ERROR_ENVIRONMENT, cannot_read, NULL, "%s: %s (%d)", function,
                      text != NULL ? text : "unknown error", code);
}

/* The first of these names that the library has; `function` is a pointer to a function. */
static void find(const Gpu *gpu, const char *const *names, void *function)
{
    void *symbol = NULL;
    for (size_t i = 0; symbol == NULL && names[i] != NULL; i++) {
        symbol = dlsym(gpu->library, names[i]);
    }
    memcpy(function, &symbol, sizeof symbol);
}

/* Of the process lists version 2 first: its records are the same in all drivers. */
static bool find_all(Gpu *gpu)
{
    find(gpu, (const char *const[]){"nvmlShutdown", NULL}, &gpu->shutdown);
    find(gpu, (const char *const[]){"nvmlErrorString", NULL}, &gpu->error_text);
    find(gpu, (const char *const[]){"nvmlDeviceGetHandleByIndex_v2", NULL}, &gpu->handle);
    find(gpu, (const char *const[]){"nvmlDeviceGetName", NULL}, &gpu->name);
    find(gpu, (const char *const[]){"nvmlDeviceGetMemoryInfo", NULL}, &gpu->memory);
    find(gpu,
         (const char *const[]){"nvmlDeviceGetComputeRunningProcesses_v2",
                               "nvmlDeviceGetComputeRunningProcesses_v3",
                               "nvmlDeviceGetComputeRunningProcesses", NULL},
         &gpu->compute);
    find(gpu,
         (const char *const[]){"nvmlDeviceGetGraphicsRunningProcesses_v2",
                               "nvmlDeviceGetGraphicsRunningProcesses_v3",
                               "nvmlDeviceGetGraphicsRunningProcesses", NULL},
         &gpu->graphics);
    return gpu->shutdown != NULL && gpu->handle != NULL && gpu->name != NULL && gpu->memory != NULL;
}

/* Begins to use the library, and counts the cards. STATUS_EOF: there is no driver, or no card. */
static Status begin(Gpu *gpu, Error *err)
{
    int (*init)(void) = NULL;
    int (*get_count)(unsigned *count) = NULL;
    find(gpu, (const char *const[]){"nvmlInit_v2", NULL}, &init);
    find(gpu, (const char *const[]){"nvmlDeviceGetCount_v2", NULL}, &get_count);
    if (!find_all(gpu) || init == NULL || get_count == NULL) {
        gpu->shutdown = NULL;
        return error_set(err, ERROR_ENVIRONMENT, cannot_read, NULL,
                         "the driver's library has not all functions that are needed");
    }
    int code = init();
    if (code != NVML_SUCCESS) {
        gpu->shutdown = NULL; /* nothing began */
        return code == NVML_DRIVER_NOT_LOADED || code == NVML_LIBRARY_NOT_FOUND
                   ? STATUS_EOF
                   : fail(gpu, "nvmlInit_v2", code, err);
    }
    code = get_count(&gpu->count);
    if (code != NVML_SUCCESS) {
        return fail(gpu, "nvmlDeviceGetCount_v2", code, err);
    }
    return gpu->count > 0 ? STATUS_OK : STATUS_EOF;
}

Status gpu_open(const char *library, Gpu **gpu, Error *err)
{
    *gpu = NULL;
    void *handle = dlopen(library != NULL ? library : "libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL) {
        return STATUS_OK;
    }
    Gpu *opened = memory_alloc(1, sizeof *opened);
    opened->library = handle;
    const Status status = begin(opened, err);
    if (status != STATUS_OK) {
        gpu_free(&opened);
        return status == STATUS_EOF ? STATUS_OK : status;
    }
    *gpu = opened;
    return STATUS_OK;
}

void gpu_free(Gpu **gpu)
{
    if (*gpu == NULL) {
        return;
    }
    if ((*gpu)->shutdown != NULL) {
        (void)(*gpu)->shutdown();
    }
    (void)dlclose((*gpu)->library);
    memory_free(*gpu);
    *gpu = NULL;
}

size_t gpu_count(const Gpu *gpu)
{
    return gpu != NULL ? gpu->count : 0;
}

static int64_t to_bytes(unsigned long long value)
{
    return value <= INT64_MAX ? (int64_t)value : -1;
}

/* ---- processes ---- */

/* How far it is from one record to the next; 0: that cannot be told. */
static size_t step_of(const unsigned char *records, size_t size, size_t count)
{
    size_t written = size;
    while (written > 0 && records[written - 1] == UNTOUCHED) {
        written--;
    }
    const size_t step = (written + count - 1) / count;
    return step == 16 || step == 24 || step == 32 ? step : 0;
}

/* One that computes and draws is in both lists, with the same memory. */
static void add_process(GpuReading *reading, const NvmlProcess *process)
{
    const GpuProcess added = {.pid = (pid_t)process->pid, .used_bytes = to_bytes(process->used)};
    for (size_t i = 0; i < reading->process_count; i++) {
        GpuProcess *known = &reading->processes[i];
        if (known->pid == added.pid) {
            known->used_bytes = added.used_bytes > known->used_bytes ? added.used_bytes : known->used_bytes;
            return;
        }
    }
    if (reading->process_count < GPU_PROCESSES) {
        reading->processes[reading->process_count++] = added;
    } else {
        reading->processes_known = false;
    }
}

static void read_processes(NvmlProcesses *list, NvmlDevice device, GpuReading *reading)
{
    unsigned char records[GPU_PROCESSES * MOST_RECORD_BYTES];
    unsigned count = GPU_PROCESSES;
    memset(records, UNTOUCHED, sizeof records);
    const int code = list != NULL ? list(device, &count, records) : NVML_INSUFFICIENT_SIZE;
    const bool told = code == NVML_SUCCESS && count <= GPU_PROCESSES;
    const size_t step = told && count > 0 ? step_of(records, sizeof records, count) : 0;
    if (!told || (count > 0 && step == 0)) {
        reading->processes_known = false;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        NvmlProcess process;
        memcpy(&process, records + i * step, RECORD_BYTES);
        add_process(reading, &process);
    }
}

Status gpu_read(Gpu *gpu, size_t index, GpuReading *reading, Error *err)
{
    NvmlDevice device = NULL;
    NvmlMemory memory = {0};
    *reading = (GpuReading){.processes_known = true};
    int code = gpu->handle((unsigned)index, &device);
    if (code != NVML_SUCCESS) {
        return fail(gpu, "nvmlDeviceGetHandleByIndex_v2", code, err);
    }
    code = gpu->name(device, reading->name, sizeof reading->name);
    if (code != NVML_SUCCESS) {
        (void)snprintf(reading->name, sizeof reading->name, "GPU %zu", index);
    }
    reading->name[sizeof reading->name - 1] = '\0';
    text_strip_control(reading->name);
    code = gpu->memory(device, &memory);
    if (code != NVML_SUCCESS) {
        return fail(gpu, "nvmlDeviceGetMemoryInfo", code, err);
    }
    reading->total_bytes = to_bytes(memory.total);
    reading->used_bytes = to_bytes(memory.used);
    if (reading->total_bytes <= 0 || reading->used_bytes < 0 || reading->used_bytes > reading->total_bytes) {
        *reading = (GpuReading){0};
        return error_set(err, ERROR_ENVIRONMENT, cannot_read, NULL, "the driver tells impossible numbers");
    }
    read_processes(gpu->compute, device, reading);
    read_processes(gpu->graphics, device, reading);
    return STATUS_OK;
}
