/* Stands in for the library of NVIDIA's driver, libnvidia-ml.so.1, on machines without a card.
 *
 * RUNBATCH_FAKE_GPU is a file that is read anew at each call, so that a test can change it meanwhile:
 *   device TOTAL USED NAME …            a card, in MiB
 *   process DEVICE PID USED [graphics]  MiB; -1: not available
 *   fail FUNCTION CODE                  this function returns this nvmlReturn_t
 *   step BYTES                          of a record in the lists of processes, against the documentation
 * A program finds it by its name in LD_LIBRARY_PATH. FAKE_NVML_OLD leaves out what drivers before 450 did not
 * have. Formats: NVML API Reference Guide, docs.nvidia.com/deploy/nvml-api.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN __attribute__((visibility("default")))

enum {
    SUCCESS = 0,
    INVALID_ARGUMENT = 2,
    INSUFFICIENT_SIZE = 7,
    UNINITIALIZED = 1,
    DEVICES = 8,
    PROCESSES = 256,
    MIB_SHIFT = 20
};

typedef struct Device {
    unsigned long long total;
    unsigned long long used;
    char name[256];
} Device;

typedef struct Process {
    unsigned device;
    unsigned pid;
    unsigned long long used;
    bool graphics;
} Process;

static struct {
    unsigned device_count;
    Device devices[DEVICES];
    unsigned process_count;
    Process processes[PROCESSES];
    unsigned step;
} state;

static int begun; /* how often */

static unsigned long long from_mib(long long mib)
{
    return mib < 0 ? ~0ULL : (unsigned long long)mib << MIB_SHIFT;
}

static void take_line(const char *line, const char *function, int *code)
{
    char word[64] = "";
    long long total = 0;
    long long used = 0;
    int name_at = 0;
    Process process = {0};
    if (sscanf(line, "device %lld %lld %n", &total, &used, &name_at) == 2 && state.device_count < DEVICES) {
        Device *device = &state.devices[state.device_count++];
        *device = (Device){.total = from_mib(total), .used = from_mib(used)};
        (void)snprintf(device->name, sizeof device->name, "%.*s", (int)strcspn(line + name_at, "\n"),
                       line + name_at);
    } else if (sscanf(line, "process %u %u %lld %63s", &process.device, &process.pid, &used, word) >= 3 &&
               state.process_count < PROCESSES) {
        process.used = from_mib(used);
        process.graphics = strcmp(word, "graphics") == 0;
        state.processes[state.process_count++] = process;
    } else if (sscanf(line, "step %u", &state.step) != 1 &&
               sscanf(line, "fail %63s %lld", word, &used) == 2 && strcmp(word, function) == 0) {
        *code = (int)used;
    }
}

/* Reads the file; what `function` is to return. */
static int load(const char *function, bool needs_begun)
{
    const char *path = getenv("RUNBATCH_FAKE_GPU");
    char line[512];
    int code = needs_begun && begun == 0 ? UNINITIALIZED : SUCCESS;
    memset(&state, 0, sizeof state);
    FILE *file = path != NULL ? fopen(path, "re") : NULL;
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        take_line(line, function, &code);
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return code;
}

/* A device's handle is its number and one, so that it is never NULL. */
static const Device *device_of(const void *handle)
{
    const uintptr_t number = (uintptr_t)handle;
    return number >= 1 && number <= state.device_count ? &state.devices[number - 1] : NULL;
}

SHOWN int nvmlInit_v2(void);
SHOWN int nvmlShutdown(void);
SHOWN const char *nvmlErrorString(int code);
SHOWN int nvmlDeviceGetCount_v2(unsigned *count);
SHOWN int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **device);
SHOWN int nvmlDeviceGetName(void *device, char *name, unsigned size);
SHOWN int nvmlDeviceGetMemoryInfo(void *device, unsigned long long memory[3]);

int nvmlInit_v2(void)
{
    const int code = load("nvmlInit_v2", false);
    begun += code == SUCCESS ? 1 : 0;
    return code;
}

int nvmlShutdown(void)
{
    begun -= begun > 0 ? 1 : 0;
    return SUCCESS;
}

const char *nvmlErrorString(int code)
{
    return code == SUCCESS ? "Success" : "GPU is lost";
}

int nvmlDeviceGetCount_v2(unsigned *count)
{
    const int code = load("nvmlDeviceGetCount_v2", true);
    *count = state.device_count;
    return code;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **device)
{
    const int code = load("nvmlDeviceGetHandleByIndex_v2", true);
    *device = (void *)((uintptr_t)index + 1);
    return code == SUCCESS && index >= state.device_count ? INVALID_ARGUMENT : code;
}

int nvmlDeviceGetName(void *device, char *name, unsigned size)
{
    const int code = load("nvmlDeviceGetName", true);
    const Device *found = device_of(device);
    if (code != SUCCESS || found == NULL) {
        return code != SUCCESS ? code : INVALID_ARGUMENT;
    }
    if (strlen(found->name) >= size) {
        return INSUFFICIENT_SIZE;
    }
    (void)snprintf(name, size, "%s", found->name);
    return SUCCESS;
}

int nvmlDeviceGetMemoryInfo(void *device, unsigned long long memory[3])
{
    const int code = load("nvmlDeviceGetMemoryInfo", true);
    const Device *found = device_of(device);
    if (code != SUCCESS || found == NULL) {
        return code != SUCCESS ? code : INVALID_ARGUMENT;
    }
    memory[0] = found->total;
    memory[1] = found->total - found->used;
    memory[2] = found->used;
    return SUCCESS;
}

/* The record: number, 4 bytes left as they are, bytes used, then whatever the step adds (no instance, nothing
 * protected). */
static int list(const char *function, void *device, unsigned *count, unsigned char *records, bool graphics,
                unsigned step)
{
    enum { PID_BYTES = 4, USED_AT = 8, USED_BYTES = 8, REST_AT = 16 };
    const int code = load(function, true);
    const Device *found = device_of(device);
    unsigned told = 0;
    if (code != SUCCESS || found == NULL) {
        return code != SUCCESS ? code : INVALID_ARGUMENT;
    }
    step = state.step > 0 ? state.step : step;
    for (unsigned i = 0; i < state.process_count; i++) {
        const Process *process = &state.processes[i];
        if (found != &state.devices[process->device] || process->graphics != graphics) {
            continue;
        }
        if (told < *count) {
            unsigned char *record = records + (size_t)told * step;
            memcpy(record, &process->pid, PID_BYTES);
            memcpy(record + USED_AT, &process->used, USED_BYTES);
            memset(record + REST_AT, step == 24 ? 0xFF : 0, step - REST_AT);
        }
        told++;
    }
    const bool fits = told <= *count;
    *count = told;
    return fits ? SUCCESS : INSUFFICIENT_SIZE;
}

#define LIST(name, graphics, step)                                                                           \
    SHOWN int name(void *device, unsigned *count, void *records);                                            \
    int name(void *device, unsigned *count, void *records)                                                   \
    {                                                                                                        \
        return list(#name, device, count, records, graphics, step);                                          \
    }

#ifdef FAKE_NVML_OLD
LIST(nvmlDeviceGetComputeRunningProcesses, false, 16)
LIST(nvmlDeviceGetGraphicsRunningProcesses, true, 16)
#else
LIST(nvmlDeviceGetComputeRunningProcesses_v2, false, 24)
LIST(nvmlDeviceGetGraphicsRunningProcesses_v2, true, 24)
LIST(nvmlDeviceGetComputeRunningProcesses_v3, false, 24)
LIST(nvmlDeviceGetGraphicsRunningProcesses_v3, true, 24)
#endif
