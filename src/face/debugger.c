#include "face/debugger.h"

#include <math.h>
#include <stdio.h>

#include "base/alloc.h"
#include "face/models.h"
#include "face/topology.h"
#include "image/glyphs.h"
#include "media/frame_bands.h"

enum { STROKES_A_FACE = 1200, LABEL_MOST = 48 };

/* A line with round ends; a dot where both ends are one. */
typedef struct Stroke {
    Point from;
    Point to;
    float half;      /* of its width */
    float colour[3]; /* 0..255 */
} Stroke;

typedef struct Sketch {
    FrameBands bands;
    Stroke *stroke;
    int count;
    float half;
    float colour[3];
} Sketch;

typedef struct Debugger {
    Orientation orientation;
    AVRational sample_aspect_ratio;
    int threads;
    Sketch *sketch;
} Debugger;

/* ---- what is drawn ---- */

static void add(Sketch *sketch, Point from, Point to)
{
    if (sketch->count < FACES_MAX * STROKES_A_FACE) {
        Stroke *stroke = &sketch->stroke[sketch->count++];
        *stroke = (Stroke){.from = from, .to = to, .half = sketch->half};
        for (int i = 0; i < 3; i++) {
            stroke->colour[i] = sketch->colour[i];
        }
    }
}

static void use_colour(Sketch *sketch, float red, float green, float blue)
{
    sketch->colour[0] = red;
    sketch->colour[1] = green;
    sketch->colour[2] = blue;
}

static void add_glyph(Sketch *sketch, char sign, Point at, float unit, const Affine *to_stored)
{
    Line lines[GLYPH_LINES_MOST];
    const int count = glyph_lines(sign, at, unit, lines);
    for (int i = 0; i < count; i++) {
        add(sketch, affine_apply(to_stored, lines[i].from), affine_apply(to_stored, lines[i].to));
    }
}

static void add_text(Sketch *sketch, const char *text, Point at, float unit, const Affine *to_stored)
{
    for (; *text != '\0'; text++, at.x += glyph_advance * unit) {
        add_glyph(sketch, *text, at, unit, to_stored);
    }
}

static void add_contours(Sketch *sketch, const Mesh *mesh)
{
    for (int name = 0; name < CONTOUR_COUNT; name++) {
        const Contour contour = topology_contour((ContourName)name);
        for (int i = 0; i < contour.count; i++) {
            const int a = contour.point[i];
            const int b = contour.point[(i + 1) % contour.count];
            add(sketch, (Point){mesh->x[a], mesh->y[a]}, (Point){mesh->x[b], mesh->y[b]});
        }
    }
}

/* The mesh's bounds in the upright picture. */
static void bounds_of(const Mesh *mesh, const Affine *to_upright, Point *low, Point *high)
{
    *low = (Point){INFINITY, INFINITY};
    *high = (Point){-INFINITY, -INFINITY};
    for (int i = 0; i < MESH_POINTS; i++) {
        const Point p = affine_apply(to_upright, (Point){mesh->x[i], mesh->y[i]});
        low->x = fminf(low->x, p.x);
        low->y = fminf(low->y, p.y);
        high->x = fmaxf(high->x, p.x);
        high->y = fmaxf(high->y, p.y);
    }
}

static void add_box(Sketch *sketch, Point low, Point high, const Affine *to_stored)
{
    const Point corner[4] = {low, {high.x, low.y}, high, {low.x, high.y}};
    for (int i = 0; i < 4; i++) {
        add(sketch, affine_apply(to_stored, corner[i]), affine_apply(to_stored, corner[(i + 1) % 4]));
    }
}

/* "#3 98% +12": the track, how sure it is that there is a face, by how many degrees it is turned. */
static void add_label(Sketch *sketch, const Face *face, Point low, const Affine *to_stored)
{
    const float least = 1.5F; /* pixels, to be read */
    const float unit = fmaxf(least, 3 * sketch->half);
    const float degrees = face->yaw * 180 / (float)M_PI;
    char label[LABEL_MOST];
    (void)snprintf(label, sizeof label, "#%d %.0f%% %+.0f", face->track, (double)(100 * face->score),
                   (double)degrees);
    const float height = 9;
    const Point at = {low.x, low.y - height * unit > 0 ? low.y - height * unit : low.y + 2 * unit};
    const float half = sketch->half;
    sketch->half = unit / 3;
    add_text(sketch, label, at, unit, to_stored);
    sketch->half = half;
}

static void add_face(Sketch *sketch, const Face *face, const Affine *to_stored, const Affine *to_upright)
{
    Point low;
    Point high;
    use_colour(sketch, 80, 200, 255);
    for (int i = 0; i < MESH_POINTS; i++) {
        const Point p = {face->mesh.x[i], face->mesh.y[i]};
        add(sketch, p, p);
    }
    use_colour(sketch, 255, 255, 255);
    add_contours(sketch, &face->mesh);
    if (!face->selected) {
        use_colour(sketch, 170, 170, 170);
    } else if (face->opacity < 1) {
        use_colour(sketch, 255, 190, 0);
    } else {
        use_colour(sketch, 60, 230, 60);
    }
    bounds_of(&face->mesh, to_upright, &low, &high);
    add_box(sketch, low, high, to_stored);
    add_label(sketch, face, low, to_stored);
}

/* ---- drawing ---- */

static Rect reach(const Sketch *sketch, const AVFrame *frame)
{
    float x0 = INFINITY;
    float y0 = INFINITY;
    float x1 = -INFINITY;
    float y1 = -INFINITY;
    for (int i = 0; i < sketch->count; i++) {
        const Stroke *stroke = &sketch->stroke[i];
        x0 = fminf(x0, fminf(stroke->from.x, stroke->to.x) - stroke->half - 1);
        y0 = fminf(y0, fminf(stroke->from.y, stroke->to.y) - stroke->half - 1);
        x1 = fmaxf(x1, fmaxf(stroke->from.x, stroke->to.x) + stroke->half + 2);
        y1 = fmaxf(y1, fmaxf(stroke->from.y, stroke->to.y) + stroke->half + 2);
    }
    const float right = (float)frame->width;
    const float bottom = (float)frame->height;
    return (Rect){(int)fminf(fmaxf(x0, 0), right), (int)fminf(fmaxf(y0, 0), bottom),
                  (int)fminf(fmaxf(x1, 0), right), (int)fminf(fmaxf(y1, 0), bottom)};
}

/* Distance of a place to the line. */
static float distance_to(const Stroke *stroke, float x, float y)
{
    const float dx = stroke->to.x - stroke->from.x;
    const float dy = stroke->to.y - stroke->from.y;
    const float length2 = dx * dx + dy * dy;
    float t = length2 > 0 ? ((x - stroke->from.x) * dx + (y - stroke->from.y) * dy) / length2 : 0;
    t = fminf(fmaxf(t, 0), 1);
    return hypotf(x - stroke->from.x - t * dx, y - stroke->from.y - t * dy);
}

static int within(float value, int low, int high)
{
    return !(value > (float)low) ? low : value > (float)high ? high : (int)value;
}

/* `delta` so far is what earlier strokes changed. */
static void draw_stroke(const Stroke *stroke, Rect band, const Image *target, const Image *delta)
{
    const float reach = stroke->half + 1;
    const int x0 = within(fminf(stroke->from.x, stroke->to.x) - reach, band.x0, band.x1);
    const int x1 = within(fmaxf(stroke->from.x, stroke->to.x) + reach + 1, band.x0, band.x1);
    const int y0 = within(fminf(stroke->from.y, stroke->to.y) - reach, band.y0, band.y1);
    const int y1 = within(fmaxf(stroke->from.y, stroke->to.y) + reach + 1, band.y0, band.y1);
    for (int y = y0; y < y1; y++) {
        for (int x = x0; x < x1; x++) {
            const float covered = stroke->half + 0.5F - distance_to(stroke, (float)x, (float)y);
            const float weight = fminf(fmaxf(covered, 0), 1);
            for (int i = 0; i < 3 && weight > 0; i++) {
                float *change = delta->plane[i] + (y - band.y0) * delta->stride + x - band.x0;
                const float before = target->plane[i][(y - band.y0) * target->stride + x - band.x0];
                *change += weight * (stroke->colour[i] - (before + *change));
            }
        }
    }
}

static Status difference(void *context, Rect band, const Image *target, Image *delta, Error *err)
{
    const Sketch *sketch = context;
    (void)err;
    image_fill(delta, 0);
    for (int i = 0; i < sketch->count; i++) {
        draw_stroke(&sketch->stroke[i], band, target, delta);
    }
    return STATUS_OK;
}

/* ---- the processor ---- */

static Status kind_needs(const ProcessorOptions *options, ProcessorNeeds *needs, Error *err)
{
    (void)options;
    (void)err;
    needs->thread_bytes += (int64_t)FACES_MAX * STROKES_A_FACE * (int64_t)sizeof(Stroke);
    return STATUS_OK;
}

static Status kind_process(void *state, int thread, AVFrame *frame, const FrameFaces *faces, Error *err)
{
    const Debugger *debugger = state;
    Sketch *sketch = &debugger->sketch[thread];
    int width = 0;
    int height = 0;
    Affine to_upright;
    const Affine to_stored = models_upright_to_stored(frame->width, frame->height, debugger->orientation,
                                                      debugger->sample_aspect_ratio, &width, &height);
    if (!affine_invert(&to_stored, &to_upright)) {
        return STATUS_OK;
    }
    const float rows_a_unit = 1000;
    sketch->count = 0;
    sketch->half = fmaxf(0.5F, (float)(width < height ? width : height) / rows_a_unit);
    for (int i = 0; i < faces->count; i++) {
        add_face(sketch, &faces->face[i], &to_stored, &to_upright);
    }
    const Rect area = reach(sketch, frame);
    return rect_is_empty(area) ? STATUS_OK
                               : frame_bands_change(&sketch->bands, frame, area, difference, sketch, err);
}

static bool kind_wants(void *state, const AVFrame *frame, const FrameFaces *faces)
{
    (void)state;
    (void)frame;
    return faces->count > 0;
}

static void kind_free(void **state)
{
    Debugger *debugger = *state;
    if (debugger == NULL) {
        return;
    }
    for (int i = 0; i < debugger->threads; i++) {
        frame_bands_free(&debugger->sketch[i].bands);
        memory_free(debugger->sketch[i].stroke);
    }
    memory_free(debugger->sketch);
    memory_free(debugger);
    *state = NULL;
}

static Status kind_open(void **state, const ProcessorConfig *config, Error *err)
{
    (void)err;
    Debugger *debugger = memory_alloc(1, sizeof *debugger);
    debugger->orientation = config->orientation;
    debugger->sample_aspect_ratio = config->sample_aspect_ratio;
    debugger->threads = config->threads > 0 ? config->threads : 1;
    debugger->sketch = memory_alloc((size_t)debugger->threads, sizeof *debugger->sketch);
    for (int i = 0; i < debugger->threads; i++) {
        debugger->sketch[i].stroke =
            memory_alloc((size_t)FACES_MAX * STROKES_A_FACE, sizeof *debugger->sketch[i].stroke);
    }
    *state = debugger;
    return STATUS_OK;
}

const ProcessorKind debugger_kind = {
    .name = "face_debugger",
    .help = "draw boxes, landmarks, track numbers and scores of all faces into the video",
    .needs = kind_needs,
    .open = kind_open,
    .wants = kind_wants,
    .process = kind_process,
    .free = kind_free,
};
