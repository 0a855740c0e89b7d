#include "face/content_gate.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "face/models.h"
#include "media/frame_view.h"

enum { SIDE = 224, CLASSES_MOST = 8 };

struct ContentGate {
    const KnownModel *model;
    Session *session;
    Image rows;
    float *stored; /* SIDE x SIDE x 3: the stored frame, squeezed */
    float *input;
};

Status content_gate_open(ContentGate **gate, const KnownModel *model, const char *models_dir,
                         Provider provider, Error *err)
{
    ContentGate *g = memory_alloc(1, sizeof *g);
    *gate = g;
    g->model = model;
    g->stored = memory_alloc((size_t)3 * SIDE * SIDE, sizeof *g->stored);
    g->input = memory_alloc((size_t)3 * SIDE * SIDE, sizeof *g->input);
    const Status status = known_model_open(&g->session, model, models_dir, provider, 1, err);
    if (status != STATUS_OK) {
        content_gate_free(gate);
    }
    return status;
}

void content_gate_free(ContentGate **gate)
{
    ContentGate *g = *gate;
    if (g == NULL) {
        return;
    }
    session_free(&g->session);
    image_free(&g->rows);
    memory_free(g->stored);
    memory_free(g->input);
    memory_free(g);
    *gate = NULL;
}

/* Where the sample `index` of SIDE lies among `size`, corners on corners. */
static float place_of(int index, int size)
{
    return (float)index * (float)(size - 1) / (float)(SIDE - 1);
}

static float clamped(float value)
{
    return fminf(fmaxf(value, 0), 255);
}

/* One row of samples from the two rows of the frame around it; `down`: how far it lies towards the second. */
static void squeeze_row(const Image *rows, float down, float *to)
{
    const int second = rows->height > 1 ? 1 : 0;
    for (int a = 0; a < SIDE; a++) {
        const float x = place_of(a, rows->width);
        const int left = (int)x;
        const int right = left + 1 < rows->width ? left + 1 : left;
        const float along = x - (float)left;
        for (int i = 0; i < 3; i++) {
            const float *upper = rows->plane[i];
            const float *lower = rows->plane[i] + second * rows->stride;
            const float high = clamped(upper[left]) * (1 - along) + clamped(upper[right]) * along;
            const float low = clamped(lower[left]) * (1 - along) + clamped(lower[right]) * along;
            to[3 * a + i] = high * (1 - down) + low * down;
        }
    }
}

static Status squeeze(ContentGate *gate, const AVFrame *frame, Error *err)
{
    for (int b = 0; b < SIDE; b++) {
        const float y = place_of(b, frame->height);
        const int top = (int)y;
        const int bottom = top + 2 <= frame->height ? top + 2 : frame->height;
        if (frame_view_read(frame, (Rect){0, top, frame->width, bottom}, &gate->rows, err) != STATUS_OK) {
            return STATUS_FAILED;
        }
        squeeze_row(&gate->rows, y - (float)top, gate->stored + (ptrdiff_t)3 * SIDE * b);
    }
    return STATUS_OK;
}

/* The squeezed picture upright, as the model wants its values. */
static void fill_input(const ContentGate *gate, Orientation orientation)
{
    const KnownModel *model = gate->model;
    int width = 0;
    int height = 0;
    const Affine to_stored =
        models_upright_to_stored(SIDE, SIDE, orientation, (AVRational){1, 1}, &width, &height);
    for (int y = 0; y < SIDE; y++) {
        for (int x = 0; x < SIDE; x++) {
            const Point from = affine_apply(&to_stored, (Point){(float)x, (float)y});
            const ptrdiff_t sample = (ptrdiff_t)lrintf(from.y) * SIDE + lrintf(from.x);
            for (int i = 0; i < 3; i++) {
                const float value = gate->stored[3 * sample + (model->bgr ? 2 - i : i)];
                const ptrdiff_t pixel = (ptrdiff_t)y * SIDE + x;
                gate->input[model->nhwc ? 3 * pixel + i : (ptrdiff_t)i * SIDE * SIDE + pixel] =
                    (value - model->mean[i]) * model->scale[i];
            }
        }
    }
}

static float score_of(const KnownModel *model, const float *classes)
{
    enum { HENTAI = 1, PORN = 3, UNSAFE = 1 };
    return strcmp(model->kind, "open_nsfw") == 0 ? classes[UNSAFE] : classes[HENTAI] + classes[PORN];
}

Status content_gate_score(ContentGate *gate, const AVFrame *frame, Orientation orientation, float *score,
                          Error *err)
{
    float classes[CLASSES_MOST] = {0};
    const KnownModel *model = gate->model;
    if (squeeze(gate, frame, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    fill_input(gate, orientation);
    const Tensor input = model->nhwc ? (Tensor){gate->input, 4, {1, SIDE, SIDE, 3}}
                                     : (Tensor){gate->input, 4, {1, 3, SIDE, SIDE}};
    const Tensor output = {classes, 2, {1, model->outputs[0].shape[1]}};
    const Status status = session_run(gate->session, &input, 1, &output, 1, err);
    *score = score_of(model, classes);
    return status;
}
