#include "batch/retry.h"

#include <stdio.h>
#include <string.h>

#include "report/i18n.h"
#include "report/phrase.h"

enum { DEATHS_MOST = 3, SPACE_FIRST_MS = 1000 };

static RetryKind kind_of(const RetryFailure *failure)
{
    switch (failure->class_) {
    case ERROR_MEMORY:
    case ERROR_VIDEO_MEMORY:
        return RETRY_KIND_MEMORY;
    case ERROR_CRASH:
    case ERROR_TIMEOUT:
    case ERROR_KILLED:
        return RETRY_KIND_DEATH;
    case ERROR_DISK:
        return RETRY_KIND_DISK;
    case ERROR_ENVIRONMENT:
        /* what is missing or forbidden from the beginning stays so */
        return failure->began ? RETRY_KIND_DISK : RETRY_KIND_NEVER;
    case ERROR_ENCODER:
        return RETRY_KIND_ENCODER;
    case ERROR_VERIFY:
    case ERROR_INTERNAL:
        return RETRY_KIND_DOUBT;
    case ERROR_SPACE:
        return RETRY_KIND_SPACE;
    default:
        return RETRY_KIND_NEVER;
    }
}

static RetryDecision after_memory(Retry *retry, int count)
{
    const bool can_shrink = retry->threads > 1 || !retry->smallest_budget;
    const RetryDecision again = {RETRY_WITH_MEMORY, RETRY_WAIT_MS};
    if (count == 1 && can_shrink) {
        retry->threads = retry->threads > 1 ? retry->threads / 2 : 1;
        retry->smallest_budget = true;
        return again;
    }
    if (count == 1 || (count == 2 && !retry->alone)) {
        retry->alone = true;
        return again;
    }
    return (RetryDecision){.action = RETRY_FAIL};
}

static RetryDecision after_own_limit(Retry *retry, int count)
{
    const bool can_shrink = retry->threads > 1 || !retry->smallest_budget;
    if (count > 2 || (count == 2 && !can_shrink)) {
        return (RetryDecision){.action = RETRY_FAIL};
    }
    retry->threads = count == 1 && retry->threads > 1 ? retry->threads / 2 : 1;
    retry->smallest_budget = true;
    return (RetryDecision){.action = RETRY_WITH_LESS};
}

static RetryDecision after_death(Retry *retry, int count)
{
    retry->alone = retry->alone || count > 1;
    return (RetryDecision){.action = count < DEATHS_MOST ? RETRY_AGAIN : RETRY_SET_ASIDE};
}

static RetryDecision after_disk(int count)
{
    static const RetryDecision rungs[] = {{RETRY_AGAIN, 0}, {RETRY_LATER, RETRY_WAIT_MS}, {RETRY_FAIL, 0}};
    return rungs[count <= 2 ? count - 1 : 2];
}

/* The volume may say that there is room where a quota says that there is none: not over and over at once. */
static RetryDecision after_space(int count)
{
    int64_t wait_ms = SPACE_FIRST_MS;
    for (int i = 1; i < count && wait_ms < RETRY_SPACE_LONGEST_MS; i++) {
        wait_ms *= 2;
    }
    return (RetryDecision){RETRY_WITH_SPACE,
                           wait_ms < RETRY_SPACE_LONGEST_MS ? wait_ms : RETRY_SPACE_LONGEST_MS};
}

RetryDecision retry_decide(Retry *retry, const RetryFailure *failure)
{
    const RetryKind kind = kind_of(failure);
    if (failure->chunks > retry->chunks) {
        memset(retry->failures, 0, sizeof retry->failures);
        retry->chunks = failure->chunks;
    }
    const int count = ++retry->failures[kind];
    switch (kind) {
    case RETRY_KIND_MEMORY:
        return failure->own_limit ? after_own_limit(retry, count) : after_memory(retry, count);
    case RETRY_KIND_DEATH:
        return after_death(retry, count);
    case RETRY_KIND_DISK:
        return after_disk(count);
    case RETRY_KIND_ENCODER:
        retry->alone = true;
        return (RetryDecision){.action = count == 1 ? RETRY_AGAIN : RETRY_FAIL};
    case RETRY_KIND_DOUBT:
        return (RetryDecision){.action = count == 1 ? RETRY_AGAIN : RETRY_FAIL};
    case RETRY_KIND_SPACE:
        return after_space(count);
    default:
        return (RetryDecision){.action = RETRY_FAIL};
    }
}

/* When it is tried again. */
static const char *when_text(const RetryDecision *decision, char *buffer, size_t size)
{
    char seconds[16];
    switch (decision->action) {
    case RETRY_LATER:
        (void)snprintf(seconds, sizeof seconds, "%d", (int)(decision->wait_ms / 1000));
        return phrase_make(buffer, size, N_("again in %s s"), seconds);
    case RETRY_WITH_MEMORY:
        return phrase_make(buffer, size, N_("again when memory is back"));
    case RETRY_WITH_SPACE:
        return phrase_make(buffer, size, N_("again when there is space"));
    default:
        return phrase_make(buffer, size, N_("again"));
    }
}

static const char *from_text(const Retry *retry, char *buffer, size_t size)
{
    char chunk[16];
    (void)snprintf(chunk, sizeof chunk, "%d", retry->chunks);
    return retry->chunks > 0 ? phrase_make(buffer, size, N_("from chunk %s"), chunk)
                             : phrase_make(buffer, size, N_("from the beginning"));
}

const char *retry_text(const Retry *retry, const RetryDecision *decision, char *buffer, size_t size)
{
    char threads[16];
    char when[96];
    char from[64];
    char less[96] = "";
    char alone[32] = "";
    if (decision->action == RETRY_FAIL || decision->action == RETRY_SET_ASIDE) {
        return phrase_make(buffer, size, decision->action == RETRY_FAIL ? N_("failed") : N_("set aside"));
    }
    if (decision->action == RETRY_WITH_MEMORY || decision->action == RETRY_WITH_LESS) {
        (void)snprintf(threads, sizeof threads, "%d", retry->threads);
        (void)phrase_make(less, sizeof less, N_(", threads: %s, smallest frame budget"), threads);
    }
    if (retry->alone) {
        (void)phrase_make(alone, sizeof alone, N_(", alone"));
    }
    return phrase_make(buffer, size, "%s, %s%s%s", when_text(decision, when, sizeof when),
                       from_text(retry, from, sizeof from), less, alone);
}

bool retry_memory_is_back(int64_t available_at_death, int64_t available_now, int64_t total)
{
    const bool was_never_short = available_at_death >= total / 2;
    return total > 0 && (was_never_short || available_now >= available_at_death + total / 10);
}
