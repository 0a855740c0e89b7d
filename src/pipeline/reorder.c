#include "pipeline/reorder.h"

#include <pthread.h>
#include <stdbool.h>

#include "base/alloc.h"

struct Reorder {
    pthread_mutex_t lock;
    pthread_cond_t next_is_there;
    int window;
    /* protected by lock */
    int64_t next;
    int64_t total; /* INT64_MAX: not known yet */
    bool stopped;
    void *item[]; /* by number modulo window; NULL: not there yet */
};

Reorder *reorder_new(int window)
{
    Reorder *reorder = memory_alloc(1, sizeof *reorder + sizeof reorder->item[0] * (size_t)window);
    (void)pthread_mutex_init(&reorder->lock, NULL);
    (void)pthread_cond_init(&reorder->next_is_there, NULL);
    reorder->window = window;
    reorder->total = INT64_MAX;
    return reorder;
}

void reorder_free(Reorder **reorder)
{
    if (*reorder == NULL) {
        return;
    }
    (void)pthread_cond_destroy(&(*reorder)->next_is_there);
    (void)pthread_mutex_destroy(&(*reorder)->lock);
    memory_free(*reorder);
    *reorder = NULL;
}

Status reorder_put(Reorder *reorder, int64_t number, void *item)
{
    (void)pthread_mutex_lock(&reorder->lock);
    void **slot = &reorder->item[number % reorder->window];
    Status status = STATUS_OK;
    if (reorder->stopped) {
        status = STATUS_STOPPED;
    } else if (number < reorder->next || number >= reorder->next + reorder->window || *slot != NULL) {
        status = STATUS_FAILED;
    } else {
        *slot = item;
        if (number == reorder->next) {
            (void)pthread_cond_signal(&reorder->next_is_there);
        }
    }
    (void)pthread_mutex_unlock(&reorder->lock);
    return status;
}

Status reorder_take(Reorder *reorder, void **item)
{
    *item = NULL;
    (void)pthread_mutex_lock(&reorder->lock);
    void **slot = &reorder->item[reorder->next % reorder->window];
    while (*slot == NULL && reorder->next < reorder->total && !reorder->stopped) {
        (void)pthread_cond_wait(&reorder->next_is_there, &reorder->lock);
    }
    Status status = STATUS_OK;
    if (reorder->stopped) {
        status = STATUS_STOPPED;
    } else if (*slot == NULL) {
        status = STATUS_EOF;
    } else {
        *item = *slot;
        *slot = NULL;
        reorder->next++;
    }
    (void)pthread_mutex_unlock(&reorder->lock);
    return status;
}

void reorder_finish(Reorder *reorder, int64_t total)
{
    (void)pthread_mutex_lock(&reorder->lock);
    reorder->total = total;
    (void)pthread_cond_broadcast(&reorder->next_is_there);
    (void)pthread_mutex_unlock(&reorder->lock);
}

void reorder_stop(Reorder *reorder)
{
    (void)pthread_mutex_lock(&reorder->lock);
    reorder->stopped = true;
    (void)pthread_cond_broadcast(&reorder->next_is_there);
    (void)pthread_mutex_unlock(&reorder->lock);
}
