#include "memory/limiter.h"

#include <stdio.h>
#include <sys/resource.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/sanitizer.h"
#include "memory/limit_proof.h"

struct Limiter {
    const char *root;
    GroupHome home;
    LimiterFindings findings;
    int made; /* groups, so that each has its own name */
};

/* ---- what works ---- */

static bool prove_group(const GroupHome *home, int *number)
{
    Group group;
    *number = group_make(home, "proof", LIMIT_PROOF_BYTES, &group);
    const bool holds = *number == 0 && limit_proof_group(&group);
    group_remove(home, &group);
    return holds;
}

static void find_group(Limiter *limiter, const LimiterConfig *config)
{
    LimiterFindings *findings = &limiter->findings;
    GroupHome *home = &limiter->home;
    if (config->without_groups) {
        findings->obstacle = GROUP_NOT_WANTED;
        return;
    }
    if (!group_home_open(home, config->root, config->calls)) {
        findings->obstacle = home->obstacle;
        findings->number = home->number;
    } else if (prove_group(home, &findings->number)) {
        findings->means = LIMITER_GROUP;
        findings->version = home->place.version;
    } else {
        findings->obstacle = findings->number != 0 ? GROUP_REFUSED : GROUP_NOT_HELD;
    }
}

Limiter *limiter_new(const LimiterConfig *config)
{
    const int64_t began_ms = clock_now_ms();
    Limiter *limiter = memory_alloc(1, sizeof *limiter);
    LimiterFindings *findings = &limiter->findings;
    limiter->root = config->root;
    find_group(limiter, config);
    findings->watch = limit_proof_watch(config->root);
    if (findings->means == LIMITER_NOTHING) {
        findings->data = !IS_SANITIZED && limit_proof_data();
        findings->means = findings->watch || findings->data ? LIMITER_WATCH : LIMITER_NOTHING;
    }
    findings->took_ms = (int)(clock_now_ms() - began_ms);
    return limiter;
}

const LimiterFindings *limiter_findings(const Limiter *limiter)
{
    return &limiter->findings;
}

void limiter_free(Limiter **limiter)
{
    if (*limiter != NULL) {
        group_home_close(&(*limiter)->home);
        memory_free(*limiter);
        *limiter = NULL;
    }
}

/* ---- one worker ---- */

/* RLIMIT_DATA counts what is mapped, taken or not: the stacks of threads, what the allocator keeps for later,
 * models before they are read. Measured on workers: 1.3 to 1.8 times what is taken, some 300 MB more on
 * 1080p. It is there for the request that would take gigabytes between two looks, so it is generous. */
int64_t limit_data_bytes(int64_t bytes)
{
    enum { TIMES = 2, MORE_BYTES = 512 << 20 };
    return bytes < (INT64_MAX - MORE_BYTES) / TIMES ? TIMES * bytes + MORE_BYTES : INT64_MAX;
}

void limiter_begin(Limiter *limiter, int64_t bytes, Limit *limit)
{
    *limit = (Limit){.group = {.procs = -1}};
    if (limiter == NULL || bytes <= 0) {
        return;
    }
    limit->bytes = bytes;
    if (limiter->findings.means == LIMITER_GROUP) {
        char name[32];
        (void)snprintf(name, sizeof name, "%d", ++limiter->made);
        (void)group_make(&limiter->home, name, bytes, &limit->group);
    }
    if (limit->group.folder == NULL) {
        limit->data_bytes = limit_data_bytes(bytes);
    }
}

/* A sanitiser's shadow memory counts, and is far more than any limit. */
static void bind_data(int64_t bytes, pid_t pid)
{
    struct rlimit limit;
    const rlim_t most = (rlim_t)bytes;
    if (!IS_SANITIZED && prlimit(pid, RLIMIT_DATA, NULL, &limit) == 0 && limit.rlim_max > most) {
        limit.rlim_max = most;
        limit.rlim_cur = limit.rlim_cur < most ? limit.rlim_cur : most;
        (void)prlimit(pid, RLIMIT_DATA, &limit, NULL);
    }
}

int limiter_bind(const Limiter *limiter, Limit *limit, pid_t pid)
{
    int number = 0;
    if (limit->group.folder != NULL && (number = group_join(&limit->group, pid)) != 0) {
        group_remove(&limiter->home, &limit->group);
        limit->data_bytes = limit_data_bytes(limit->bytes);
    }
    if (limit->data_bytes > 0) {
        bind_data(limit->data_bytes, pid);
    }
    return number;
}

void limiter_end(Limiter *limiter, Limit *limit)
{
    if (limiter != NULL) {
        group_remove(&limiter->home, &limit->group);
    }
    *limit = (Limit){.group = {.procs = -1}};
}

bool limit_is_over(const Limit *limit, int64_t used_bytes)
{
    /* in a group the kernel was there before; pages shared with the supervisor are not counted there */
    enum { GROUP_SLACK = 20 };
    const int64_t slack = limit->group.folder != NULL ? limit->bytes / GROUP_SLACK : 0;
    return limit->bytes > 0 && used_bytes - slack > limit->bytes;
}
