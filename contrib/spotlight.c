/* spotlight: darkens all of the picture but the selected faces. An example of a processor of one's own.
 *
 * For 8-bit formats whose first plane is luma or grey; others stay as they are.
 */
#include <math.h>
#include <string.h>

#include "runbatch/processor.h"

/* Around a face, in units of its half width and height. */
static const float full_within = 1.4F;
static const float dark_from = 2.2F;
static const float darkest = 0.45F;

typedef struct Spot {
    float cx;
    float cy;
    float rx;
    float ry;
    float opacity;
} Spot;

enum { SPOTS_MOST = 16 };

static Spot spot_of(const RunbatchFace *face)
{
    float x0 = face->x[0];
    float x1 = face->x[0];
    float y0 = face->y[0];
    float y1 = face->y[0];
    for (int i = 1; i < RUNBATCH_MESH_POINTS; i++) {
        x0 = fminf(x0, face->x[i]);
        x1 = fmaxf(x1, face->x[i]);
        y0 = fminf(y0, face->y[i]);
        y1 = fmaxf(y1, face->y[i]);
    }
    return (Spot){(x0 + x1) / 2, (y0 + y1) / 2, fmaxf((x1 - x0) / 2, 1), fmaxf((y1 - y0) / 2, 1),
                  face->opacity};
}

static float light_at(const Spot *spots, int count, float x, float y)
{
    float light = 0;
    for (int i = 0; i < count; i++) {
        const Spot *spot = &spots[i];
        const float distance = hypotf((x - spot->cx) / spot->rx, (y - spot->cy) / spot->ry);
        const float t = fminf(fmaxf((dark_from - distance) / (dark_from - full_within), 0), 1);
        light = fmaxf(light, spot->opacity * t * t * (3 - 2 * t));
    }
    return darkest + (1 - darkest) * light;
}

static int is_luma_first(const char *format)
{
    static const char *const formats[] = {"yuv420p", "yuv422p", "yuv444p", "yuvj420p", "nv12", "gray"};
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        if (strcmp(format, formats[i]) == 0) {
            return 1;
        }
    }
    return 0;
}

static int open_spotlight(void **state, int threads, char *error, size_t size)
{
    (void)threads;
    (void)error;
    (void)size;
    *state = NULL; /* it needs none */
    return 0;
}

static int process(void *state, int thread, const RunbatchFrame *frame, char *error, size_t size)
{
    Spot spots[SPOTS_MOST];
    int count = 0;
    (void)state;
    (void)thread;
    (void)error;
    (void)size;
    for (int i = 0; i < frame->face_count && count < SPOTS_MOST; i++) {
        if (frame->faces[i].selected) {
            spots[count++] = spot_of(&frame->faces[i]);
        }
    }
    const float black = strcmp(frame->format, "yuvj420p") == 0 || strcmp(frame->format, "gray") == 0 ? 0 : 16;
    for (int y = 0; is_luma_first(frame->format) && y < frame->height; y++) {
        uint8_t *row = frame->data[0] + (ptrdiff_t)y * frame->linesize[0];
        for (int x = 0; x < frame->width; x++) {
            const float value = black + ((float)row[x] - black) * light_at(spots, count, (float)x, (float)y);
            row[x] = (uint8_t)lrintf(fminf(fmaxf(value, 0), 255));
        }
    }
    return 0;
}

const RunbatchProcessor runbatch_processor = {
    .version = RUNBATCH_PROCESSOR_VERSION,
    .help = "darken all but the faces",
    .open = open_spotlight,
    .process = process,
};
