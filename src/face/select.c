#include "face/select.h"

#include <math.h>
#include <string.h>

static const float memory = 4.0f;          /* so many full measurements count; older ones fade */
static const float decision_margin = 0.1f; /* of distance, before a decision turns */
static const float rival_margin = 0.1f;
static const float sure_weight = 1.0f;
static const double interval_s = 1.0;
static const double settled_interval_s = 2.0;
static const double early_interval_s = 0.2;
static const float min_quality = 0.05f;
/* Up to here the embedder's cosine hardly falls; at a half profile it is of little use. */
static const float frontal_yaw = 0.35f;
static const float useless_yaw = 1.0f;

float select_distance(const float a[EMBEDDING_SIZE], const float b[EMBEDDING_SIZE])
{
    float sum = 0.0f;
    for (int i = 0; i < EMBEDDING_SIZE; i++) {
        sum += (a[i] - b[i]) * (a[i] - b[i]);
    }
    return sum;
}

static void normalise(float vector[EMBEDDING_SIZE])
{
    float sum = 0.0f;
    for (int i = 0; i < EMBEDDING_SIZE; i++) {
        sum += vector[i] * vector[i];
    }
    if (sum > 0.0f) {
        for (int i = 0; i < EMBEDDING_SIZE; i++) {
            vector[i] /= sqrtf(sum);
        }
    }
}

void select_measure(FaceIdentity *identity, const float embedding[EMBEDDING_SIZE], float quality,
                    const float reference[EMBEDDING_SIZE], float limit, double now_s)
{
    bool first = identity->weight <= 0.0f;
    float weight = fmaxf(quality, min_quality);
    float total = identity->weight + weight;
    for (int i = 0; i < EMBEDDING_SIZE; i++) {
        identity->mean[i] = (identity->mean[i] * identity->weight + embedding[i] * weight) / total;
    }
    normalise(identity->mean);
    identity->weight = fminf(total, memory);
    identity->distance = select_distance(identity->mean, reference);
    identity->measured_s = now_s;
    /* Poor measurements do not make a decision firm. */
    float margin = first || identity->weight < sure_weight ? 0.0f : decision_margin;
    identity->alike = identity->distance < limit + (identity->alike ? margin : -margin);
}

bool select_is_due(const FaceIdentity *identity, float quality, double now_s)
{
    if (identity->weight <= 0.0f) {
        return true;
    }
    double since = now_s - identity->measured_s;
    if (identity->weight < sure_weight) {
        return since >= early_interval_s && quality > min_quality;
    }
    double interval = identity->weight < memory ? interval_s : settled_interval_s;
    return since >= interval && quality > 0.5f;
}

float select_quality(float yaw, float score)
{
    float share = (useless_yaw - fabsf(yaw)) / (useless_yaw - frontal_yaw);
    return fmaxf(0.0f, fminf(1.0f, share)) * fmaxf(0.0f, fminf(1.0f, score));
}

int select_nearest(const FaceIdentity *const *identities, int count, int before)
{
    int best = -1;
    for (int i = 0; i < count; i++) {
        if (identities[i]->alike && (best < 0 || identities[i]->distance < identities[best]->distance)) {
            best = i;
        }
    }
    bool still_good = before >= 0 && before < count && identities[before]->alike;
    if (still_good && identities[before]->distance < identities[best]->distance + rival_margin) {
        return before;
    }
    return best;
}

FaceOrder face_order_named(const char *name)
{
    static const char *const names[FACE_ORDER_COUNT] = {"left-right", "right-left",  "top-bottom",
                                                        "bottom-top", "small-large", "large-small",
                                                        "best-worst", "worst-best"};
    for (int i = 0; i < FACE_ORDER_COUNT; i++) {
        if (strcmp(names[i], name) == 0) {
            return (FaceOrder)i;
        }
    }
    return FACE_ORDER_LEFT_RIGHT;
}

float select_key(FaceOrder order, const float low[2], const float high[2], float score)
{
    const float area = (high[0] - low[0]) * (high[1] - low[1]);
    const float keys[FACE_ORDER_COUNT] = {low[0], -high[0], low[1], -high[1], area, -area, -score, score};
    return keys[order];
}

int select_position(const float *key, int count, int position)
{
    if (count <= 0) {
        return -1;
    }
    int wanted = position < 0 ? 0 : position >= count ? count - 1 : position;
    for (int i = 0; i < count; i++) {
        int rank = 0;
        for (int j = 0; j < count; j++) {
            rank += key[j] < key[i] || (j < i && key[j] == key[i]) ? 1 : 0;
        }
        if (rank == wanted) {
            return i;
        }
    }
    return 0; /* keys that are not numbers */
}

/* Forehead to chin, squared. */
static float face_size(const Face *face)
{
    const float x = face->mesh.x[152] - face->mesh.x[10];
    const float y = face->mesh.y[152] - face->mesh.y[10];
    return x * x + y * y;
}

int select_far_first(const FrameFaces *faces, int order[FACES_MAX])
{
    int count = 0;
    for (int i = 0; i < faces->count && i < FACES_MAX; i++) {
        if (!faces->face[i].selected || !(faces->face[i].opacity > 0)) {
            continue;
        }
        int k = count++;
        for (; k > 0 && face_size(&faces->face[i]) < face_size(&faces->face[order[k - 1]]); k--) {
            order[k] = order[k - 1];
        }
        order[k] = i;
    }
    return count;
}
