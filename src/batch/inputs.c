#include "batch/inputs.h"

#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "batch/probe.h"
#include "batch/verdict.h"

/* A header takes milliseconds; a disk that sleeps, or a share of a network, some seconds. */
enum { WORKERS_LEAST = 2, WORKERS_MOST = 8, LOOK_TIMEOUT_MS = 20000, TURN_MS = 200 };

Status input_known(Store *store, const char *path, MediaLook *look, Error *err)
{
    const OutputFile file = output_look(path);
    if (store == NULL || !file.exists) {
        return STATUS_AGAIN;
    }
    return store_input_find(store, path, file.bytes, file.mtime_ns, look, err);
}

/* ---- by workers ---- */

typedef struct Looker {
    Probe probe;
    size_t item; /* that it was asked about last */
} Looker;

typedef struct Looking {
    const Plan *plan;
    InputLook *looks;
    Looker lookers[WORKERS_MOST];
    size_t workers;
    size_t next; /* the first item that nobody was asked about */
    size_t busy;
} Looking;

static size_t worker_count(size_t most)
{
    const int cores = machine_cores();
    size_t count = cores > WORKERS_MOST ? WORKERS_MOST : (size_t)cores;
    count = count < WORKERS_LEAST ? WORKERS_LEAST : count;
    return count < most ? count : most;
}

static Status ask_next(Looking *looking, Looker *looker, Error *err)
{
    while (looking->next < looking->plan->count && looking->looks[looking->next].known) {
        looking->next++;
    }
    if (looking->next == looking->plan->count) {
        return STATUS_OK;
    }
    looker->item = looking->next++;
    looking->busy++;
    return probe_ask_look(&looker->probe, looking->plan->items[looker->item].input, clock_now_ms(), err);
}

static void take_answer(Looking *looking, Looker *looker)
{
    InputLook *look = &looking->looks[looker->item];
    Error error = {0};
    const Status status = probe_poll_look(&looker->probe, looking->plan->items[looker->item].input,
                                          clock_now_ms(), &look->look, &error);
    if (status == STATUS_AGAIN) {
        return;
    }
    looking->busy--;
    look->known = status == STATUS_OK;
    if (status == STATUS_FAILED) {
        look->error = memory_alloc(1, sizeof *look->error);
        *look->error = error;
    }
}

static void wait_for_one(const Looking *looking)
{
    struct pollfd files[2 * WORKERS_MOST];
    nfds_t count = 0;
    for (size_t i = 0; i < looking->workers; i++) {
        const Process *process = &looking->lookers[i].probe.process;
        files[count++] = (struct pollfd){.fd = process->channel, .events = POLLIN};
        files[count++] = (struct pollfd){.fd = process->errors, .events = POLLIN};
    }
    (void)poll(files, count, TURN_MS);
}

static Status look_at_all(Looking *looking, Error *err)
{
    Status status = STATUS_OK;
    do {
        for (size_t i = 0; i < looking->workers && status == STATUS_OK; i++) {
            Looker *looker = &looking->lookers[i];
            if (looker->probe.asked) {
                take_answer(looking, looker);
            }
            if (!looker->probe.asked) {
                status = ask_next(looking, looker, err);
            }
        }
        if (looking->busy > 0 && status == STATUS_OK) {
            wait_for_one(looking);
        }
    } while (looking->busy > 0 && status == STATUS_OK);
    return status;
}

/* ---- all ---- */

/* How many the store does not know. */
static Status ask_store(const Plan *plan, Store *store, InputLook *looks, size_t *unknown, Error *err)
{
    Status status = STATUS_OK;
    *unknown = 0;
    for (size_t i = 0; i < plan->count && status != STATUS_FAILED; i++) {
        InputLook *look = &looks[i];
        const OutputFile file = output_look(plan->items[i].input);
        *look = (InputLook){.size = file.exists ? file.bytes : -1, .mtime_ns = file.mtime_ns};
        status = STATUS_AGAIN;
        if (store != NULL && file.exists) {
            status =
                store_input_find(store, plan->items[i].input, file.bytes, file.mtime_ns, &look->look, err);
        }
        look->known = status == STATUS_OK;
        look->stored = look->known;
        *unknown += !look->known;
    }
    return status == STATUS_FAILED ? STATUS_FAILED : STATUS_OK;
}

Status inputs_look(const Settings *settings, const Plan *plan, Store *store, const BatchHooks *hooks,
                   InputLook *looks, Error *err)
{
    Looking looking = {.plan = plan, .looks = looks};
    size_t unknown = 0;
    if (ask_store(plan, store, looks, &unknown, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    looking.workers = worker_count(unknown);
    const int timeout_ms =
        hooks != NULL && hooks->probe_timeout_ms > 0 ? hooks->probe_timeout_ms : LOOK_TIMEOUT_MS;
    for (size_t i = 0; i < looking.workers; i++) {
        probe_init(&looking.lookers[i].probe, hooks != NULL ? hooks->worker_executable : NULL,
                   settings->sandbox, timeout_ms);
    }
    const Status status = unknown > 0 ? look_at_all(&looking, err) : STATUS_OK;
    for (size_t i = 0; i < looking.workers; i++) {
        probe_close(&looking.lookers[i].probe);
    }
    return status;
}

Status inputs_save(Store *store, const Plan *plan, InputLook *looks, Error *err)
{
    store_begin(store);
    for (size_t i = 0; i < plan->count; i++) {
        const InputLook *look = &looks[i];
        if (look->known && !look->stored && look->size >= 0) {
            (void)store_input_save(store, plan->items[i].input, look->size, look->mtime_ns, &look->look,
                                   NULL);
        }
    }
    const Status status = store_commit(store, false, err);
    for (size_t i = 0; i < plan->count && status == STATUS_OK; i++) {
        looks[i].stored = looks[i].known;
    }
    return status;
}

void inputs_free(InputLook *looks, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        memory_free(looks[i].error);
        looks[i].error = NULL;
    }
}
