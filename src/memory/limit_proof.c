#include "memory/limit_proof.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "memory/limiter.h"
#include "memory/oom_score.h"

enum { TAKEN_BYTES = 2 * LIMIT_PROOF_BYTES, STEP_BYTES = 4096, LONGEST_MS = 250 };
enum { CODE_LIVED = 0, CODE_REFUSED = 3, CODE_FAILED = 4 };

static char *take(size_t bytes)
{
    char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory != MAP_FAILED ? memory : NULL;
}

static void touch(char *memory, size_t bytes)
{
    volatile char *byte = memory;
    for (size_t i = 0; i < bytes; i += STEP_BYTES) {
        byte[i] = 1;
    }
}

/* ---- what the children do ---- */

static int go_over_group(const void *context)
{
    const Group *group = context;
    char *memory = take(TAKEN_BYTES);
    if (memory == NULL || write(group->procs, "0", 1) != 1) {
        return CODE_FAILED;
    }
    touch(memory, TAKEN_BYTES);
    return CODE_LIVED;
}

static int go_over_data(const void *context)
{
    (void)context;
    const struct rlimit limit = {LIMIT_PROOF_BYTES, LIMIT_PROOF_BYTES};
    char *memory = take(TAKEN_BYTES);
    if (memory == NULL || munmap(memory, TAKEN_BYTES) != 0 || setrlimit(RLIMIT_DATA, &limit) != 0) {
        return CODE_FAILED;
    }
    return take(TAKEN_BYTES) == NULL && errno == ENOMEM ? CODE_REFUSED : CODE_LIVED;
}

static int stay(const void *context)
{
    (void)context;
    char *memory = take(TAKEN_BYTES);
    if (memory != NULL) {
        touch(memory, TAKEN_BYTES);
        (void)pause();
    }
    return CODE_FAILED;
}

/* ---- and their parent ---- */

static pid_t start(int (*act)(const void *context), const void *context)
{
    const pid_t parent = getpid();
    const pid_t child = fork();
    if (child == 0) {
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent) {
            (void)prctl(PR_SET_NAME, "runbatch-proof");
            (void)prctl(PR_SET_DUMPABLE, 0);
            oom_score_raise(OOM_SCORE_OF_WORKERS);
            _exit(act(context));
        }
        _exit(CODE_FAILED);
    }
    return child;
}

static void pause_a_little(void)
{
    (void)nanosleep(&(struct timespec){.tv_nsec = 500 * 1000}, NULL);
}

/* Its wait status; -1: it did not come to an end by itself. */
static int end_of(pid_t child, int64_t until_ms)
{
    int status = -1;
    pid_t ended = 0;
    while (child > 0 && (ended = waitpid(child, &status, WNOHANG)) == 0 && clock_now_ms() < until_ms) {
        pause_a_little();
    }
    if (child > 0 && ended == 0) {
        (void)kill(child, SIGKILL);
        (void)waitpid(child, NULL, 0);
    }
    return child > 0 && ended == child ? status : -1;
}

bool limit_proof_group(const Group *group)
{
    const int status = end_of(start(go_over_group, group), clock_now_ms() + LONGEST_MS);
    return status != -1 && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && group_oom_kills(group) > 0;
}

bool limit_proof_data(void)
{
    const int status = end_of(start(go_over_data, NULL), clock_now_ms() + LONGEST_MS);
    return status != -1 && WIFEXITED(status) && WEXITSTATUS(status) == CODE_REFUSED;
}

bool limit_proof_watch(const char *root)
{
    const int64_t until_ms = clock_now_ms() + LONGEST_MS;
    const pid_t child = start(stay, NULL);
    bool seen = false;
    while (child > 0 && !seen && clock_now_ms() < until_ms) {
        seen = limit_used(root, child) >= TAKEN_BYTES;
        pause_a_little();
    }
    (void)end_of(child, 0);
    return seen;
}
