/* Graphics cards: what their memory is used for, and whether there is one that nothing can use. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "doctor/checks.h"
#include "memory/gpu.h"
#include "memory/processes.h"
#include "memory/sensor_file.h"
#include "report/format.h"
#include "report/i18n.h"
#include "report/json_text.h"

enum { SIZE_TEXT = 32 };

bool check_has_card(const DoctorConfig *config)
{
    Gpu *gpu = NULL;
    const bool has = gpu_open(config->gpu_library, &gpu, NULL) == STATUS_OK && gpu != NULL;
    gpu_free(&gpu);
    return has;
}

static void add_holders(const DoctorConfig *config, size_t index, const GpuReading *reading, Checkup *found)
{
    for (size_t i = 0; i < reading->process_count; i++) {
        const GpuProcess *process = &reading->processes[i];
        ProcessHolder holder = {0};
        char size[SIZE_TEXT] = "?";
        if (!processes_describe(config->root, process->pid, &holder)) {
            text_copy(holder.name, sizeof holder.name, _("unknown"));
            text_copy(holder.user, sizeof holder.user, _("unknown"));
        }
        if (process->used_bytes >= 0) {
            (void)format_bytes(process->used_bytes, size, sizeof size);
        }
        json_t *figures = json_pack("{s:I,s:i,s:o,s:o,s:o}", "card", (json_int_t)index, "process",
                                    (int)process->pid, "program", json_text(holder.name), "user",
                                    json_text(holder.user), "used_bytes", figure_known(process->used_bytes));
        (void)checkup_add(found, CHECK_GPU, "video_memory_holder", CHECK_OK, figures,
                          _("card %zu: %s (process %d, user %s) holds %s"), index, holder.name,
                          (int)process->pid, holder.user, size);
    }
}

static void check_card(const DoctorConfig *config, Gpu *gpu, size_t index, Checkup *found)
{
    GpuReading reading;
    Error err = {0};
    char total[SIZE_TEXT];
    char free[SIZE_TEXT];
    if (gpu_read(gpu, index, &reading, &err) != STATUS_OK) {
        (void)checkup_add_failure(found, CHECK_GPU, "video_memory", CHECK_WARNING,
                                  json_pack("{s:I,s:n,s:n,s:n,s:n}", "card", (json_int_t)index, "model",
                                            "total_bytes", "used_bytes", "processes_known"),
                                  &err);
        return;
    }
    json_t *figures = json_pack("{s:I,s:o,s:I,s:I,s:b}", "card", (json_int_t)index, "model",
                                json_text(reading.name), "total_bytes", reading.total_bytes, "used_bytes",
                                reading.used_bytes, "processes_known", reading.processes_known);
    (void)format_bytes(reading.total_bytes, total, sizeof total);
    (void)format_bytes(reading.total_bytes - reading.used_bytes, free, sizeof free);
    Check *check =
        checkup_add(found, CHECK_GPU, "video_memory", CHECK_OK, figures,
                    _("card %zu: %s: %s of %s of its memory free"), index, reading.name, free, total);
    if ((double)reading.used_bytes * 100.0 >= config->settings->memory_high * (double)reading.total_bytes) {
        check->level = CHECK_WARNING;
        check_advise(check, "%s", _("end what holds the card's memory before you use it"));
    }
    add_holders(config, index, &reading, found);
}

/* Whether a card of NVIDIA is in the machine, whatever is installed for it: by its maker and class, displays
 * (PCI ID repository: 10de; PCI Code and ID Assignment Specification: 03). */
static bool is_on_the_bus(const char *root)
{
    char path[SENSOR_PATH_BYTES];
    const struct dirent *entry = NULL;
    bool is = false;
    DIR *folder = sensor_path(path, root, "/sys/bus/pci/devices") ? opendir(path) : NULL;
    while (folder != NULL && !is && (entry = readdir(folder)) != NULL) {
        char maker[SENSOR_TEXT_BYTES];
        char class_[SENSOR_TEXT_BYTES];
        is = sensor_path(path, root, "/sys/bus/pci/devices/%s/vendor", entry->d_name) &&
             sensor_read(path, maker) == 0 && text_starts_with(maker, "0x10de") &&
             sensor_path(path, root, "/sys/bus/pci/devices/%s/class", entry->d_name) &&
             sensor_read(path, class_) == 0 && text_starts_with(class_, "0x03");
    }
    if (folder != NULL) {
        (void)closedir(folder);
    }
    return is;
}

void check_gpu(const DoctorConfig *config, Checkup *found)
{
    Gpu *gpu = NULL;
    Error err = {0};
    if (gpu_open(config->gpu_library, &gpu, &err) != STATUS_OK) {
        Check *check = checkup_add_failure(found, CHECK_GPU, "video_cards", CHECK_WARNING,
                                           json_pack("{s:i,s:b}", "cards", 0, "on_the_bus", true), &err);
        check_advise(check, "%s", _("install the driver again, or start the machine anew"));
        return;
    }
    for (size_t i = 0; i < gpu_count(gpu); i++) {
        check_card(config, gpu, i, found);
    }
    if (gpu_count(gpu) == 0) {
        const bool is = is_on_the_bus(config->root);
        Check *check = checkup_add(found, CHECK_GPU, "video_cards", is ? CHECK_WARNING : CHECK_OK,
                                   json_pack("{s:i,s:b}", "cards", 0, "on_the_bus", is), "%s",
                                   is ? _("there is a card of NVIDIA, but its driver does not answer")
                                      : _("no graphics card that could help: the processor does it all"));
        if (is) {
            check_advise(check, "%s", _("install NVIDIA's driver, or give the container the card"));
        }
    }
    gpu_free(&gpu);
}
