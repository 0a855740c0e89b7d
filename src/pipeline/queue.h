/* A bounded first-in-first-out queue of pointers between threads, finishable from both ends.
 *
 * Any number of senders and receivers. An item belongs to the queue from a successful send to a successful
 * receive; a send that does not succeed leaves it with the caller, and what is in the queue when it is freed
 * is the owner's to know about (the pipeline keeps all its frames in an array). Memory: `capacity` pointers.
 */
#ifndef RUNBATCH_PIPELINE_QUEUE_H
#define RUNBATCH_PIPELINE_QUEUE_H

#include "base/error.h"

typedef struct Queue Queue;

Queue *queue_new(int capacity); /* >= 1 */
/* Nobody may be inside a call. */
void queue_free(Queue **queue);

/* Waits while the queue is full. STATUS_EOF: nobody will receive any more. STATUS_STOPPED after queue_stop.
 */
Status queue_send(Queue *queue, void *item);
/* Waits while the queue is empty. STATUS_EOF: it is empty and nobody will send any more. STATUS_STOPPED after
 * queue_stop. */
Status queue_receive(Queue *queue, void **item);

/* No more items will be sent; those in the queue are still received. */
void queue_finish_sending(Queue *queue);
/* No more items will be received; senders stop waiting. */
void queue_finish_receiving(Queue *queue);
/* Both at once, and what is in the queue stays there. */
void queue_stop(Queue *queue);

#endif
