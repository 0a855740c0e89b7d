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

/* Puts `box` into the list; the worst one gives way when it is full. */
static void add_box(BoxList *list, const UprightBox *box)
{
    if (list->count < BOXES_MAX) {
        list->box[list->count++] = *box;
        return;
    }
    int worst = 0;
    for (int i = 1; i < BOXES_MAX; i++) {
        worst = list->box[i].score < list->box[worst].score ? i : worst;
    }
    if (list->box[worst].score < box->score) {
        list->box[worst] = *box;
    }
}

static void read_outputs(const Outputs *outputs, const UprightView *view, float x, float y, float width,
                         float threshold, BoxList *list)
{
    const float height = width * INPUT_HEIGHT / INPUT_WIDTH;
    for (int i = 0; i < PRIORS; i++) {
        if (!(outputs->scores[i][1] >= threshold)) {
            continue;
        }
        const float *share = outputs->boxes[i];
        const UprightBox box = {
            .x0 = x - 0.5f + share[0] * width,
            .y0 = y - 0.5f + share[1] * height,
            .x1 = x - 0.5f + share[2] * width,
            .y1 = y - 0.5f + share[3] * height,
            .score = outputs->scores[i][1],
        };
        /* Also false for what is not a number. */
        const bool inside = box.x0 < box.x1 && box.y0 < box.y1 && box.x1 > 0 && box.y1 > 0 &&
                            box.x0 < (float)view->width && box.y0 < (float)view->height;
        if (inside) {
            add_box(list, &box);
        }
    }
}

Status detect_region(const FaceModels *models, const UprightView *view, float x, float y, float width,
                     float threshold, BoxList *list, Error *err)
{
    const float scale = width / INPUT_WIDTH;
    const Affine to_upright = {
        .a = scale, .c = x - 0.5f + 0.5f * scale, .e = scale, .f = y - 0.5f + 0.5f * scale};
    const Affine to_frame = affine_multiply(&view->to_stored, &to_upright);
    Tensor input;
    Status status = models_sample(&recipe, view->frame, &to_frame, &input, err);
    Outputs *outputs = memory_alloc(1, sizeof *outputs);
    if (status == STATUS_OK) {
        const Tensor tensors[2] = {
            {.data = &outputs->scores[0][0], .rank = 3, .shape = {1, PRIORS, 2}},
            {.data = &outputs->boxes[0][0], .rank = 3, .shape = {1, PRIORS, 4}},
        };
        status = session_run(models->detector, &input, 1, tensors, 2, err);
    }
    if (status == STATUS_OK) {
        BoxList here = {0};
        read_outputs(outputs, view, x, y, width, threshold, &here);
        box_list_suppress(&here, overlap_max, 1);
        for (int i = 0; i < here.count; i++) {
            add_box(list, &here.box[i]);
        }
    }
    memory_free(input.data);
    memory_free(outputs);
    return status;
}
