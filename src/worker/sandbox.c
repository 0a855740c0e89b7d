#include "worker/sandbox.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "base/sanitizer.h"
#include "report/i18n.h"
#include "worker/sandbox_internal.h"

/* A job has some 20 files open; CUDA opens several for each device and context. */
enum { FILES_MOST = 256, FILES_MOST_GPU = 4096 };
/* See limit_tasks. */
enum { TASKS_MORE = 4096 };

/* ---- what there is ---- */

SandboxFeatures sandbox_features(void)
{
    const int version = landlock_version();
    return (SandboxFeatures){
        .landlock_abi = version > 0 ? version : 0,
        .error = {[SANDBOX_LANDLOCK] = version > 0 ? 0 : -version, [SANDBOX_SECCOMP] = seccomp_missing()},
    };
}

static const char *reason(int number)
{
    switch (number) {
    case ENOSYS:
    case EINVAL:
        return _("kernel without it");
    case EOPNOTSUPP:
        return _("switched off when this machine was started");
    case EBUSY:
        return _("a library has started threads that it cannot hold");
    case EPERM:
    case EACCES:
        return _("forbidden here, perhaps by a container");
    default:
        return strerror(number);
    }
}

bool sandbox_describe(const SandboxFeatures *features, SandboxPart part, char *line, size_t size)
{
    const int number = features->error[part];
    if (part == SANDBOX_LANDLOCK && number == 0) {
        (void)snprintf(line, size, _("Landlock: available (version %d)"), features->landlock_abi);
    } else if (part == SANDBOX_LANDLOCK) {
        (void)snprintf(line, size,
                       _("Landlock: not available (%s): the worker can read and write what you can"),
                       reason(number));
    } else if (number == 0) {
        (void)snprintf(line, size, "%s", _("System call filter: available"));
    } else {
        (void)snprintf(line, size,
                       _("System call filter: not available (%s): the worker can start programs and use the "
                         "network as you can"),
                       reason(number));
    }
    return number == 0;
}

/* ---- the layers that every kernel has ---- */

static void lower_limit(__rlimit_resource_t resource, rlim_t most)
{
    struct rlimit limit;
    if (getrlimit(resource, &limit) == 0 && limit.rlim_max > most) {
        limit.rlim_max = most;
        limit.rlim_cur = limit.rlim_cur < most ? limit.rlim_cur : most;
        (void)setrlimit(resource, &limit);
    }
}

/* RLIMIT_NPROC counts every thread of the user on the whole machine, not this process's, so a fixed small
 * number would make a video fail because of a browser. The machine's present number and a few thousand more
 * leaves room for all that and still ends a fork bomb where the filter, which allows no process at all, is
 * missing. The kernel does not hold root to it. */
static void limit_tasks(void)
{
    long now = 0;
    FILE *file = fopen("/proc/loadavg", "re");
    if (file == NULL) {
        return;
    }
    /* "0.20 0.18 0.12 1/80 11206": the fifth number */
    if (fscanf(file, "%*f %*f %*f %*d/%ld", &now) == 1 && now > 0) {
        lower_limit(RLIMIT_NPROC, (rlim_t)now + TASKS_MORE);
    }
    (void)fclose(file);
}

/* Root keeps what lets it read the users' files, and loses the rest: devices, mounts, other processes. */
static void drop_capabilities(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];
    const uint32_t kept = 1U << CAP_DAC_OVERRIDE | 1U << CAP_DAC_READ_SEARCH;
    if (syscall(SYS_capget, &header, sets) != 0) {
        return;
    }
    for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
        const uint32_t mask = i == 0 ? kept : 0;
        sets[i].effective &= mask;
        sets[i].permitted &= mask;
        sets[i].inheritable = 0;
    }
    (void)syscall(SYS_capset, &header, sets);
}

/* ---- entering ---- */

/* The folder has a link for each thread, and two more. */
static bool is_alone(void)
{
    struct stat status;
    return IS_SANITIZED || stat("/proc/self/task", &status) != 0 || status.st_nlink <= 3;
}

static Status refuse(const SandboxFeatures *features, SandboxPart part, Error *err)
{
    static const char *const names[] = {
        [SANDBOX_LANDLOCK] = "Landlock", [SANDBOX_SECCOMP] = "the system call filter (seccomp)"};
    (void)error_setf(err, ERROR_ENVIRONMENT, "cannot lock the worker into its sandbox", NULL,
                     "%s is not available (%s), and --sandbox is strict", names[part],
                     reason(features->error[part]));
    error_advise(err, "use --sandbox auto to go on without it, or a kernel that has it");
    return STATUS_FAILED;
}

Status sandbox_require_all(const SandboxFeatures *features, Error *err)
{
    for (int part = 0; part < SANDBOX_PART_COUNT; part++) {
        if (features->error[part] != 0) {
            return refuse(features, (SandboxPart)part, err);
        }
    }
    return STATUS_OK;
}

/* Tells of what is missing: in the log, or as the error. */
static Status account(const SandboxConfig *config, const SandboxFeatures *features, Error *err)
{
    for (int part = 0; part < SANDBOX_PART_COUNT && !config->strict; part++) {
        char line[256];
        if (!sandbox_describe(features, (SandboxPart)part, line, sizeof line)) {
            log_info("%s", line);
        }
    }
    return config->strict ? sandbox_require_all(features, err) : STATUS_OK;
}

Status sandbox_enter(const SandboxConfig *config, Error *err)
{
    SandboxFeatures features = config->features != NULL ? *config->features : sandbox_features();
    if (features.error[SANDBOX_LANDLOCK] == 0 && !is_alone()) {
        features.error[SANDBOX_LANDLOCK] = EBUSY;
    }
    limit_tasks();
    lower_limit(RLIMIT_CORE, 0);
    lower_limit(RLIMIT_NOFILE, config->gpu ? FILES_MOST_GPU : FILES_MOST);
    if (config->most_bytes > 0 && !IS_SANITIZED) { /* their shadow counts */
        lower_limit(RLIMIT_DATA, config->most_bytes);
    }
    drop_capabilities();
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (features.error[SANDBOX_LANDLOCK] == 0 || features.error[SANDBOX_LANDLOCK] == EBUSY) {
        const int failure = landlock_enter(config, features.landlock_abi);
        features.error[SANDBOX_LANDLOCK] = failure != 0 ? failure : features.error[SANDBOX_LANDLOCK];
    }
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    if (features.error[SANDBOX_SECCOMP] == 0) {
        features.error[SANDBOX_SECCOMP] = seccomp_enter(config->gpu);
    }
    return account(config, &features, err);
}
