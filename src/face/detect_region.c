/* The fast detector (fr_detect): exact boxes of upright faces. Recipe: padded to 4:3 by black on the right
 * and below, 320 x 240, (x - 127) / 128; the boxes come decoded, in 0..1 of the input. */
#include "base/alloc.h"
#include "face/models_internal.h"

enum { INPUT_WIDTH = 320, INPUT_HEIGHT = 240, PRIORS = 4420 };

static const InputRecipe recipe = {INPUT_WIDTH, INPUT_HEIGHT, LAYOUT_PLANES, 127.0f, 1 / 128.0f};
static const float overlap_max = 0.4f;

typedef struct Outputs {
    float scores[PRIORS][2]; /* background, face */
    float boxes[PRIORS][4];  /* x0 y0 x1 y1 */
} Outputs;

static void read_outputs(const Outputs *outputs, const Region *region, float threshold, BoxList *list)
{
    for (int i = 0; i < PRIORS; i++) {
        if (!(outputs->scores[i][1] >= threshold)) {
            continue;
        }
        const float *share = outputs->boxes[i];
        const UprightBox box = {
            .x0 = region->x - 0.5f + share[0] * region->width,
            .y0 = region->y - 0.5f + share[1] * region->height,
            .x1 = region->x - 0.5f + share[2] * region->width,
            .y1 = region->y - 0.5f + share[3] * region->height,
            .score = outputs->scores[i][1],
        };
        box_list_add(list, &box);
    }
}

static Status find(const Detector *detector, const UprightView *view, const Region *region, float threshold,
                   BoxList *list, Error *err)
{
    const Affine to_frame = detector_input_map(detector, view, region);
    Tensor input;
    Status status = models_sample(&recipe, view->frame, &to_frame, &input, err);
    Outputs *outputs = memory_alloc(1, sizeof *outputs);
    if (status == STATUS_OK) {
        const Tensor tensors[2] = {
            {.data = &outputs->scores[0][0], .rank = 3, .shape = {1, PRIORS, 2}},
            {.data = &outputs->boxes[0][0], .rank = 3, .shape = {1, PRIORS, 4}},
        };
        status = session_run(detector->session, &input, 1, tensors, 2, err);
    }
    if (status == STATUS_OK) {
        BoxList here = {0};
        read_outputs(outputs, region, detector_own_score(detector, threshold), &here);
        box_list_keep_inside(&here, view->width, view->height);
        box_list_suppress(&here, overlap_max, 1);
        for (int i = 0; i < here.count; i++) {
            here.box[i].score = detector_common_score(detector, here.box[i].score);
            box_list_add(list, &here.box[i]);
        }
    }
    memory_free(input.data);
    memory_free(outputs);
    return status;
}

const DetectorKind ultraface_kind = {"ultraface", find};
