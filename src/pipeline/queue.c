#include "pipeline/queue.h"

#include <pthread.h>
#include <stdbool.h>

#include "base/alloc.h"

struct Queue {
    pthread_mutex_t lock;
    pthread_cond_t not_empty;
    pthread_cond_t not_full;
    int capacity;
    /* protected by lock */
    int first;
    int count;
    bool sending_finished;
    bool receiving_finished;
    bool stopped;
    void *item[];
};

Queue *queue_new(int capacity)
{
    Queue *queue = memory_alloc(1, sizeof *queue + sizeof queue->item[0] * (size_t)capacity);
    (void)pthread_mutex_init(&queue->lock, NULL);
    (void)pthread_cond_init(&queue->not_empty, NULL);
    (void)pthread_cond_init(&queue->not_full, NULL);
    queue->capacity = capacity;
    return queue;
}

void queue_free(Queue **queue)
{
    if (*queue == NULL) {
        return;
    }
    (void)pthread_cond_destroy(&(*queue)->not_full);
    (void)pthread_cond_destroy(&(*queue)->not_empty);
    (void)pthread_mutex_destroy(&(*queue)->lock);
    memory_free(*queue);
    *queue = NULL;
}

Status queue_send(Queue *queue, void *item)
{
    (void)pthread_mutex_lock(&queue->lock);
    while (queue->count == queue->capacity && !queue->receiving_finished && !queue->stopped) {
        (void)pthread_cond_wait(&queue->not_full, &queue->lock);
    }
    Status status = STATUS_OK;
    if (queue->stopped) {
        status = STATUS_STOPPED;
    } else if (queue->receiving_finished) {
        status = STATUS_EOF;
    } else {
        queue->item[(queue->first + queue->count) % queue->capacity] = item;
        queue->count++;
        (void)pthread_cond_signal(&queue->not_empty);
    }
    (void)pthread_mutex_unlock(&queue->lock);
    return status;
}

Status queue_receive(Queue *queue, void **item)
{
    *item = NULL;
    (void)pthread_mutex_lock(&queue->lock);
    while (queue->count == 0 && !queue->sending_finished && !queue->receiving_finished && !queue->stopped) {
        (void)pthread_cond_wait(&queue->not_empty, &queue->lock);
    }
    Status status = STATUS_OK;
    if (queue->stopped) {
        status = STATUS_STOPPED;
    } else if (queue->count == 0 || queue->receiving_finished) {
        status = STATUS_EOF;
    } else {
        *item = queue->item[queue->first];
        queue->first = (queue->first + 1) % queue->capacity;
        queue->count--;
        (void)pthread_cond_signal(&queue->not_full);
    }
    (void)pthread_mutex_unlock(&queue->lock);
    return status;
}

static void set_and_wake(Queue *queue, bool *flag)
{
    (void)pthread_mutex_lock(&queue->lock);
    *flag = true;
    (void)pthread_cond_broadcast(&queue->not_empty);
    (void)pthread_cond_broadcast(&queue->not_full);
    (void)pthread_mutex_unlock(&queue->lock);
}

void queue_finish_sending(Queue *queue)
{
    set_and_wake(queue, &queue->sending_finished);
}

void queue_finish_receiving(Queue *queue)
{
    set_and_wake(queue, &queue->receiving_finished);
}

void queue_stop(Queue *queue)
{
    set_and_wake(queue, &queue->stopped);
}
