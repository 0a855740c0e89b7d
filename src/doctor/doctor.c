#include "doctor/doctor.h"

#include "doctor/apart.h"
#include "doctor/checks.h"
#include "report/i18n.h"

enum { LIMIT_MS = 20000 };

typedef void Examine(const DoctorConfig *config, Checkup *found);

typedef struct Task {
    const DoctorConfig *config;
    Examine *examine;
} Task;

static void work(const void *context, Checkup *found)
{
    const Task *task = context;
    task->examine(task->config, found);
}

void doctor_examine(const DoctorConfig *config, Checkup *checkup)
{
    static const struct {
        CheckGroup group;
        Examine *examine;
    } groups[] = {
        {CHECK_MEMORY, check_memory},   {CHECK_PROCESSES, check_processes}, {CHECK_GPU, check_gpu},
        {CHECK_MODELS, check_models},   {CHECK_RUNTIME, check_runtime},     {CHECK_CODECS, check_codecs},
        {CHECK_SANDBOX, check_sandbox}, {CHECK_FOLDERS, check_source},      {CHECK_FOLDERS, check_folders},
        {CHECK_SPACE, check_space},     {CHECK_LEFTOVERS, check_leftovers}, {CHECK_SYSTEM, check_system},
    };
    (void)_("ok"); /* translations are read before a child is locked away from them */
    check_limits(config, checkup);
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++) {
        const Task task = {.config = config, .examine = groups[i].examine};
        apart_do(work, &task, groups[i].group, config->limit_ms > 0 ? config->limit_ms : LIMIT_MS, checkup);
    }
}
