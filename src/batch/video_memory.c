#include "batch/batch_internal.h"
#include "batch/planning.h"
#include "memory/processes.h"
#include "report/format.h"
#include "report/i18n.h"

/* The card that CUDA gives a program which asks for none. */
enum { CARD = 0, HOLDERS_TOLD = 3 };

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
    } else {
        (void)gpu_read(batch->gpu, CARD, &batch->card, NULL);
    }
}

void video_memory_close(Batch *batch)
{
    gpu_free(&batch->gpu);
}

/* What a process has of the card; `unknown` where the driver does not tell. */
static int64_t held_by(const GpuReading *card, pid_t pid, int64_t unknown)
{
    for (size_t i = 0; i < card->process_count; i++) {
        if (card->processes[i].pid == pid) {
            return card->processes[i].used_bytes >= 0 ? card->processes[i].used_bytes : unknown;
        }
    }
    return card->processes_known ? 0 : unknown;
}

GovernorReading video_memory_read(Batch *batch, GovernorWorker *workers, size_t count)
{
    GpuReading *card = &batch->card;
    if (gpu_count(batch->gpu) == 0 || gpu_read(batch->gpu, CARD, card, NULL) != STATUS_OK) {
        return (GovernorReading){0};
    }
    for (size_t i = 0; i < count; i++) {
        const int64_t held = held_by(card, batch->runners[workers[i].id].process.pid, 0);
        workers[i].bytes[GOVERNOR_VIDEO_MEMORY] = held;
        batch->card_most_bytes = held > batch->card_most_bytes ? held : batch->card_most_bytes;
    }
    const int64_t total = planning_card(batch->settings, card);
    const int64_t available = total - card->used_bytes;
    return (GovernorReading){.total = total, .available = available > 0 ? available : 0};
}

int64_t video_memory_of_a_video(const Batch *batch)
{
    if (batch->card.total_bytes == 0) {
        return 0;
    }
    const bool known = batch->statistics.done > 0 && batch->card_most_bytes > 0;
    return known ? batch->card_most_bytes : PLANNER_CARD_BYTES;
}

void video_memory_plan(const Batch *batch, PlannerMachine *machine)
{
    int64_t ours = 0;
    for (size_t i = 0; i < batch->slots; i++) {
        const Runner *runner = &batch->runners[i];
        ours += runner->used ? held_by(&batch->card, runner->process.pid, video_memory_of_a_video(batch)) : 0;
    }
    planning_add_card(machine, batch->settings, &batch->card, ours);
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
        char name[PROCESSES_NAME_BYTES];
        if (process->used_bytes <= 0 || is_ours(batch, process->pid)) {
            continue;
        }
        processes_name(batch->hooks.root, process->pid, name);
        governing_add_holder(list, name, process->pid, process->used_bytes);
        told++;
    }
}
