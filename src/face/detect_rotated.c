/* The second detector (BlazeFace, back camera): faces at any tilt with six key points, rougher boxes. Recipe:
 * 256 x 256, x / 127.5 - 1; anchors on a 16 x 16 grid (two each) and an 8 x 8
 * grid (six each); a box or key point is an offset from its anchor in 1/256. Source: MediaPipe's published
 * graph. */
#include <math.h>

#include "base/alloc.h"
#include "face/models_internal.h"

enum { INPUT_SIZE = 256, ANCHORS_FINE = 512, ANCHORS_COARSE = 384, VALUES = 16, CANDIDATES_MAX = 128 };

static const InputRecipe recipe = {INPUT_SIZE, INPUT_SIZE, LAYOUT_INTERLEAVED, 127.5f, 1 / 127.5f};
/* Candidates that overlap a better one by more are averaged with it. */
static const float overlap_same = 0.3f;

typedef struct Outputs {
    float logits[ANCHORS_FINE + ANCHORS_COARSE];
    float values[ANCHORS_FINE + ANCHORS_COARSE]
                [VALUES]; /* x y w h, then key points: right eye, left eye, … */
} Outputs;

/* In 0..1 of the input. */
typedef struct Candidate {
    UprightBox box;
    Point right_eye; /* the person's; left in the picture */
    Point left_eye;
} Candidate;

static Candidate decode(const float *values, float anchor_x, float anchor_y, float score)
{
    const float x = values[0] / INPUT_SIZE + anchor_x;
    const float y = values[1] / INPUT_SIZE + anchor_y;
    const float half_width = values[2] / INPUT_SIZE / 2;
    const float half_height = values[3] / INPUT_SIZE / 2;
    return (Candidate){
        .box = {.x0 = x - half_width,
                .y0 = y - half_height,
                .x1 = x + half_width,
                .y1 = y + half_height,
                .score = score},
        .right_eye = {values[4] / INPUT_SIZE + anchor_x, values[5] / INPUT_SIZE + anchor_y},
        .left_eye = {values[6] / INPUT_SIZE + anchor_x, values[7] / INPUT_SIZE + anchor_y},
    };
}

static int read_outputs(const Outputs *outputs, float threshold, Candidate candidates[CANDIDATES_MAX])
{
    int count = 0;
    for (int i = 0; i < ANCHORS_FINE + ANCHORS_COARSE && count < CANDIDATES_MAX; i++) {
        const float score = 1 / (1 + expf(-fminf(fmaxf(outputs->logits[i], -80), 80)));
        if (!(score >= threshold)) {
            continue;
        }
        const bool fine = i < ANCHORS_FINE;
        const int grid = fine ? 16 : 8;
        const int cell = fine ? i / 2 : (i - ANCHORS_FINE) / 6;
        const int column = cell % grid;
        const int row = cell / grid;
        const float anchor_x = ((float)column + 0.5f) / (float)grid;
        const float anchor_y = ((float)row + 0.5f) / (float)grid;
        const Candidate candidate = decode(outputs->values[i], anchor_x, anchor_y, score);
        if (candidate.box.x0 < candidate.box.x1 && candidate.box.y0 < candidate.box.y1) {
            candidates[count++] = candidate;
        }
    }
    return count;
}

static void add_weighted(Candidate *sum, const Candidate *one)
{
    const float weight = one->box.score;
    sum->box.x0 += weight * one->box.x0;
    sum->box.y0 += weight * one->box.y0;
    sum->box.x1 += weight * one->box.x1;
    sum->box.y1 += weight * one->box.y1;
    sum->right_eye.x += weight * one->right_eye.x;
    sum->right_eye.y += weight * one->right_eye.y;
    sum->left_eye.x += weight * one->left_eye.x;
    sum->left_eye.y += weight * one->left_eye.y;
    sum->box.score += weight;
}

static void divide(Candidate *sum, float best)
{
    const float share = 1 / sum->box.score;
    sum->box = (UprightBox){.x0 = sum->box.x0 * share,
                            .y0 = sum->box.y0 * share,
                            .x1 = sum->box.x1 * share,
                            .y1 = sum->box.y1 * share,
                            .score = best};
    sum->right_eye = (Point){sum->right_eye.x * share, sum->right_eye.y * share};
    sum->left_eye = (Point){sum->left_eye.x * share, sum->left_eye.y * share};
}

/* Takes the best candidate and those that mean the same face out of the list, as their mean. */
static Candidate take_best(Candidate *candidates, int *count)
{
    int best = 0;
    for (int i = 1; i < *count; i++) {
        best = candidates[i].box.score > candidates[best].box.score ? i : best;
    }
    const Candidate chosen = candidates[best];
    Candidate sum = {0};
    int kept = 0;
    for (int i = 0; i < *count; i++) {
        if (i == best || box_overlap(&chosen.box, &candidates[i].box) > overlap_same) {
            add_weighted(&sum, &candidates[i]);
        } else {
            candidates[kept++] = candidates[i];
        }
    }
    *count = kept;
    divide(&sum, chosen.box.score);
    return sum;
}

/* From this detector's box (brow to chin) to the other's kind: 1.1 times as wide, its middle moved by 0.07
 * widths towards the top of the head (measured on photographs). */
static UprightBox to_upright(const Candidate *candidate, float scale, float left, float top)
{
    const float angle = atan2f(candidate->left_eye.y - candidate->right_eye.y,
                               candidate->left_eye.x - candidate->right_eye.x);
    const float width = (candidate->box.x1 - candidate->box.x0) * scale;
    const float x =
        (candidate->box.x0 + candidate->box.x1) / 2 * scale + left - 0.5f + 0.07f * width * sinf(angle);
    const float y =
        (candidate->box.y0 + candidate->box.y1) / 2 * scale + top - 0.5f - 0.07f * width * cosf(angle);
    const float half = 0.55f * width;
    return (UprightBox){.x0 = x - half,
                        .y0 = y - half,
                        .x1 = x + half,
                        .y1 = y + half,
                        .score = candidate->box.score,
                        .angle = angle};
}

static Status run(const Detector *detector, const AVFrame *frame, const Affine *to_frame, Outputs *outputs,
                  Error *err)
{
    Tensor input;
    Status status = models_sample(&recipe, frame, to_frame, &input, err);
    if (status == STATUS_OK) {
        const Tensor tensors[4] = {
            {.data = outputs->logits, .rank = 3, .shape = {1, ANCHORS_FINE, 1}},
            {.data = outputs->logits + ANCHORS_FINE, .rank = 3, .shape = {1, ANCHORS_COARSE, 1}},
            {.data = outputs->values[0], .rank = 3, .shape = {1, ANCHORS_FINE, VALUES}},
            {.data = outputs->values[ANCHORS_FINE], .rank = 3, .shape = {1, ANCHORS_COARSE, VALUES}},
        };
        status = session_run(detector->session, &input, 1, tensors, 4, err);
    }
    memory_free(input.data);
    return status;
}

/* Its scores are as they are: what the tracker makes of them was measured with these. */
static Status find(const Detector *detector, const UprightView *view, const Region *region, float threshold,
                   BoxList *list, Error *err)
{
    const Affine to_frame = detector_input_map(detector, view, region);
    Outputs *outputs = memory_alloc(1, sizeof *outputs);
    const Status status = run(detector, view->frame, &to_frame, outputs, err);
    if (status == STATUS_OK) {
        Candidate candidates[CANDIDATES_MAX];
        int count = read_outputs(outputs, threshold, candidates);
        while (count > 0 && list->count < BOXES_MAX) {
            const Candidate best = take_best(candidates, &count);
            list->box[list->count++] = to_upright(&best, region->width, region->x, region->y);
        }
    }
    memory_free(outputs);
    return status;
}

const DetectorKind blazeface_kind = {"blazeface", find};
