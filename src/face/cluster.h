/* Which faces are of one person: agglomerative clustering with average linkage.
 *
 * Two groups are as alike as their members are on the average, by the cosine of their embeddings; the two
 * that are most alike are joined first, down to a limit. A group's sum of embeddings tells that average
 * exactly, so no table of pairs is kept. Source of the order of joining: nearest-neighbour chains (Murtagh
 * 1983), which find the same groups in quadratic time. Pure; memory: what the caller gives and a few bytes a
 * point.
 */
#ifndef RUNBATCH_FACE_CLUSTER_H
#define RUNBATCH_FACE_CLUSTER_H

#include <stddef.h>

#include "face/face.h"

typedef struct ClusterPoint {
    float sum[EMBEDDING_SIZE]; /* of unit-length embeddings times their weights */
    float weight;              /* the sum of these, > 0 */
    int group;                 /* out: from 0 */
} ClusterPoint;

/* Joins groups whose average cosine is at least `limit` (FaceLikeness.group). Returns the number of groups;
 * they are numbered by their first point. */
int cluster_points(ClusterPoint *points, size_t count, float limit);

/* Adds one group to another. */
void cluster_add(ClusterPoint *to, const ClusterPoint *from);
/* The average cosine. */
float cluster_alike(const ClusterPoint *a, const ClusterPoint *b);

#endif
