#include "memory/governor_internal.h"

int64_t governor_used(const GovernorReading *reading)
{
    const int64_t available = reading->available < 0 ? 0 : reading->available;
    return available < reading->total ? reading->total - available : 0;
}

static bool stays(const GovernorWorker *worker)
{
    return !worker->leaves && !worker->ended;
}

static size_t count_staying(const GovernorInput *input)
{
    size_t count = 0;
    for (size_t i = 0; i < input->worker_count; i++) {
        count += stays(&input->workers[i]);
    }
    return count;
}

static size_t count_alive(const GovernorInput *input)
{
    size_t count = 0;
    for (size_t i = 0; i < input->worker_count; i++) {
        count += !input->workers[i].ended;
    }
    return count;
}

/* The largest of the lowest priority. Where the memory is others', one that stays is left. */
const GovernorWorker *governor_to_end(const GovernorInput *input, GovernorCause cause)
{
    const size_t staying = count_staying(input);
    const GovernorWorker *chosen = NULL;
    if (count_alive(input) < input->worker_count ||
        (cause != GOVERNOR_CAUSE_OURS && input->worker_count < 2)) {
        return NULL; /* one was ended and is not gone yet, or is the last */
    }
    for (size_t i = 0; i < input->worker_count; i++) {
        const GovernorWorker *worker = &input->workers[i];
        if (cause != GOVERNOR_CAUSE_OURS && staying == 1 && stays(worker)) {
            continue;
        }
        if (chosen == NULL || worker->priority < chosen->priority ||
            (worker->priority == chosen->priority &&
             worker->bytes[GOVERNOR_MEMORY] > chosen->bytes[GOVERNOR_MEMORY])) {
            chosen = worker;
        }
    }
    return chosen;
}

/* Whether it has a part in what there is too little of. */
static bool holds(const GovernorWorker *worker, GovernorResource resource)
{
    return resource == GOVERNOR_MEMORY || worker->bytes[resource] > 0;
}

/* The youngest of the lowest priority. Nobody while one leaves: that must show first. */
const GovernorWorker *governor_to_requeue(const GovernorInput *input, GovernorResource resource)
{
    const GovernorWorker *chosen = NULL;
    const size_t staying = count_staying(input);
    if (staying < 2 || staying < input->worker_count) {
        return NULL;
    }
    for (size_t i = 0; i < input->worker_count; i++) {
        const GovernorWorker *worker = &input->workers[i];
        if (holds(worker, resource) &&
            (chosen == NULL || worker->priority < chosen->priority ||
             (worker->priority == chosen->priority && worker->started_ms > chosen->started_ms))) {
            chosen = worker;
        }
    }
    return chosen;
}

/* The largest of those that are shrunk least. */
const GovernorWorker *governor_to_shrink(const GovernorInput *input, GovernorResource resource)
{
    const GovernorWorker *chosen = NULL;
    for (size_t i = 0; i < input->worker_count; i++) {
        const GovernorWorker *worker = &input->workers[i];
        if (worker->ended || worker->cannot_shrink || worker->shrunk >= GOVERNOR_SHRUNK_MOST ||
            !holds(worker, resource)) {
            continue;
        }
        if (chosen == NULL || worker->shrunk < chosen->shrunk ||
            (worker->shrunk == chosen->shrunk && worker->bytes[resource] > chosen->bytes[resource])) {
            chosen = worker;
        }
    }
    return chosen;
}

/* What a worker will still take. One that grows back and of which nothing is known may double. */
static int64_t to_come(const GovernorWorker *worker, GovernorResource resource, bool grows)
{
    const int64_t bytes = worker->bytes[resource];
    if (worker->estimate[resource] > 0) {
        return worker->estimate[resource] > bytes ? worker->estimate[resource] - bytes : 0;
    }
    return grows ? bytes : 0;
}

/* Whether use stays below the high mark if this worker grows, and all take what they will. */
static bool may_grow(const GovernorView *view, const GovernorWorker *grows)
{
    const GovernorInput *input = view->input;
    for (int resource = 0; resource < GOVERNOR_RESOURCES; resource++) {
        if (!view->known[resource]) {
            continue;
        }
        double used = (double)governor_used(&input->reading[resource]);
        for (size_t i = 0; i < input->worker_count; i++) {
            if (stays(&input->workers[i])) {
                used += (double)to_come(&input->workers[i], (GovernorResource)resource,
                                        &input->workers[i] == grows);
            }
        }
        if (100.0 * used >= view->settings->high_percent * (double)input->reading[resource].total) {
            return false;
        }
    }
    return true;
}

/* The smallest of those that are shrunk most. */
const GovernorWorker *governor_to_grow(const GovernorView *view)
{
    const GovernorInput *input = view->input;
    const GovernorWorker *chosen = NULL;
    for (size_t i = 0; i < input->worker_count; i++) {
        const GovernorWorker *worker = &input->workers[i];
        if (!stays(worker) || worker->shrunk <= 0 || !may_grow(view, worker)) {
            continue;
        }
        if (chosen == NULL || worker->shrunk > chosen->shrunk ||
            (worker->shrunk == chosen->shrunk &&
             worker->bytes[GOVERNOR_MEMORY] < chosen->bytes[GOVERNOR_MEMORY])) {
            chosen = worker;
        }
    }
    return chosen;
}
