/* With several sources each video is made several times; its faces are followed once. The worker of the first
 * output that is begun writes what it finds (face/followed.h) into a file without a name that is kept open
 * here; the others wait for it, and read it. */
#include <fcntl.h>
#include <unistd.h>

#include "base/alloc.h"
#include "batch/batch_internal.h"
#include "face/followed.h"

static size_t outputs_each(const Batch *batch)
{
    return batch->plan->sources.count > 1 ? batch->plan->sources.count : 0;
}

void sharing_close(Batch *batch)
{
    const size_t each = outputs_each(batch);
    for (size_t i = 0; each > 0 && batch->followed != NULL && i < batch->plan->count / each; i++) {
        if (batch->followed[i] > 0) {
            (void)close(batch->followed[i]);
        }
    }
    memory_free(batch->followed);
    batch->followed = NULL;
}

/* Where it cannot be made, everybody follows the faces by himself. */
static int open_unnamed(const char *folder)
{
    const int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    return fd > 0 ? fd : -1;
}

char *sharing_path(Batch *batch, size_t index)
{
    const size_t each = outputs_each(batch);
    if (each == 0) {
        return NULL;
    }
    if (batch->followed == NULL) {
        batch->followed = memory_alloc(batch->plan->count / each + 1, sizeof *batch->followed);
    }
    int *fd = &batch->followed[index / each];
    *fd = *fd == 0 ? open_unnamed(batch->plan->state_dir) : *fd;
    return *fd > 0 ? text_format("/proc/%ld/fd/%d", (long)getpid(), *fd) : NULL;
}

bool sharing_waits(const Batch *batch, size_t index)
{
    const size_t each = outputs_each(batch);
    if (each == 0 || batch->followed == NULL || batch->followed[index / each] <= 0 ||
        followed_is_complete(batch->followed[index / each])) {
        return false;
    }
    for (size_t i = 0; i < batch->slots; i++) {
        const Runner *runner = &batch->runners[i];
        if (runner->used && runner->item != index && runner->item / each == index / each) {
            return true;
        }
    }
    return false;
}

void sharing_settled(Batch *batch, size_t index)
{
    const size_t each = outputs_each(batch);
    if (each == 0 || batch->followed == NULL || batch->followed[index / each] <= 0) {
        return;
    }
    const size_t first = index / each * each;
    for (size_t i = first; i < first + each; i++) {
        if (batch->items[i].state != ITEM_SETTLED) {
            return;
        }
    }
    (void)close(batch->followed[index / each]);
    batch->followed[index / each] = 0;
}
