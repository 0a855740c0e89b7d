#include "face/cluster.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"

typedef struct Work {
    ClusterPoint *points;
    size_t count;
    size_t *into;  /* the point that stands for a point's group; itself while it is on its own */
    bool *settled; /* stands for no group, or one that nothing is like enough to join */
} Work;

void cluster_add(ClusterPoint *to, const ClusterPoint *from)
{
    for (int i = 0; i < EMBEDDING_SIZE; i++) {
        to->sum[i] += from->sum[i];
    }
    to->weight += from->weight;
}

float cluster_alike(const ClusterPoint *a, const ClusterPoint *b)
{
    return face_cosine(a->sum, b->sum) / (a->weight * b->weight);
}

/* The group most like `a`; `before` where it is one of several. `count` when there is no other. */
static size_t nearest(const Work *work, size_t a, size_t before, float *alike)
{
    size_t best = work->count;
    *alike = -INFINITY;
    if (before < work->count) {
        best = before;
        *alike = cluster_alike(&work->points[a], &work->points[before]);
    }
    for (size_t i = 0; i < work->count; i++) {
        if (i == a || i == before || work->settled[i]) {
            continue;
        }
        const float now = cluster_alike(&work->points[a], &work->points[i]);
        if (now > *alike) {
            *alike = now;
            best = i;
        }
    }
    return best;
}

/* Each group of the chain is followed by the one it is most like. Two that are most like each other are
 * joined. */
static void follow_chain(const Work *work, size_t *chain, size_t first, float limit)
{
    size_t length = 1;
    chain[0] = first;
    while (length > 0) {
        const size_t last = chain[length - 1];
        const size_t before = length > 1 ? chain[length - 2] : work->count;
        float alike = 0;
        const size_t next = nearest(work, last, before, &alike);
        if (next == work->count || !(alike >= limit)) {
            work->settled[last] = true;
            length--;
        } else if (next == before) {
            cluster_add(&work->points[before], &work->points[last]);
            work->into[last] = before;
            work->settled[last] = true;
            length -= 2;
        } else {
            chain[length++] = next;
        }
    }
}

static size_t find_root(const size_t *into, size_t point)
{
    while (into[point] != point) {
        point = into[point];
    }
    return point;
}

static int number_groups(ClusterPoint *points, size_t count, const size_t *into)
{
    int groups = 0;
    int *number = memory_alloc(count + 1, sizeof *number); /* of a root, from 1 */
    for (size_t i = 0; i < count; i++) {
        const size_t root = find_root(into, i);
        if (number[root] == 0) {
            number[root] = ++groups;
        }
        points[i].group = number[root] - 1;
    }
    memory_free(number);
    return groups;
}

int cluster_points(ClusterPoint *points, size_t count, float limit)
{
    Work work = {.count = count};
    work.points = memory_alloc(count + 1, sizeof *work.points);
    work.into = memory_alloc(count + 1, sizeof *work.into);
    work.settled = memory_alloc(count + 1, sizeof *work.settled);
    size_t *chain = memory_alloc(count + 1, sizeof *chain);
    for (size_t i = 0; i < count; i++) {
        work.points[i] = points[i];
        work.into[i] = i;
    }
    for (size_t i = 0; i < count; i++) {
        while (!work.settled[i]) {
            follow_chain(&work, chain, i, limit);
        }
    }
    const int groups = number_groups(points, count, work.into);
    memory_free(chain);
    memory_free(work.settled);
    memory_free(work.into);
    memory_free(work.points);
    return groups;
}
