#include "batch/batch_internal.h"
#include "memory/processes.h"
#include "report/format.h"
#include "report/i18n.h"

/* The card that CUDA gives a program which asks for none. */
enum { CARD = 0, HOLDERS_TOLD = 3, NAME_BYTES = 64 };

void video_memory_open(Batch *batch)
{
    Error err = {0};
    if (!settings_use_gpu(batch->settings)) {
        return;
    }
    if (gpu_open(batch->hooks.gpu_library, &batch->gpu, &err) != STATUS_OK) {
        char line[512];
        batch_warn(batch, NULL, error_text(&err, line, sizeof line));
    } else if (gpu_count(batch->gpu) == 0) {
        batch_warn(batch, NULL, _("no graphics card can be asked for its memory: it is not watched"));
    }
}

void video_memory_close(Batch *batch)
{
    gpu_free(&batch->gpu);
}

/* What a worker uses of the card is what its process is told to use; where the driver does not tell, none. */
static void note_worker(const Batch *batch, const GpuReading *reading, GovernorWorker *worker)
{
    const pid_t pid = batch->runners[worker->id].process.pid;
    for (size_t i = 0; i < reading->process_count; i++) {
        if (reading->processes[i].pid == pid && reading->processes[i].used_bytes > 0) {
            worker->bytes[GOVERNOR_VIDEO_MEMORY] = reading->processes[i].used_bytes;
        }
    }
}

GovernorReading video_memory_read(Batch *batch, GovernorWorker *workers, size_t count)
{
    GpuReading *reading = &batch->card;
    if (gpu_count(batch->gpu) == 0 || gpu_read(batch->gpu, CARD, reading, NULL) != STATUS_OK) {
        return (GovernorReading){0};
    }
    for (size_t i = 0; i < count; i++) {
        note_worker(batch, reading, &workers[i]);
    }
    const int64_t most = batch->settings->max_video_memory_bytes;
    const int64_t total = most > 0 && most < reading->total_bytes ? most : reading->total_bytes;
    const int64_t available = total - reading->used_bytes;
    return (GovernorReading){.total = total, .available = available > 0 ? available : 0};
}

static bool is_ours(const Batch *batch, pid_t pid)
{
    for (size_t i = 0; i < batch->slots; i++) {
        if (batch->runners[i].used && batch->runners[i].process.pid == pid) {
            return true;
        }
    }
    return false;
}

void video_memory_holders(const Batch *batch, Text *list)
{
    int told = 0;
    for (size_t i = 0; i < batch->card.process_count && told < HOLDERS_TOLD; i++) {
        const GpuProcess *process = &batch->card.processes[i];
        char size[NAME_BYTES];
        char name[PROCESSES_NAME_BYTES];
        if (process->used_bytes <= 0 || is_ours(batch, process->pid)) {
            continue;
        }
        processes_name(batch->hooks.root, process->pid, name);
        text_appendf(list, "%s%s (%d) %s", told > 0 ? ", " : "", name, (int)process->pid,
                     format_bytes(process->used_bytes, size, sizeof size));
        told++;
    }
}
