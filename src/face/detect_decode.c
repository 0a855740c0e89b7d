#include "face/detect_decode.h"

#include <math.h>
#include <string.h>

enum { STRIDES = 3, POINTS = 5 };
static const int strides[STRIDES] = {8, 16, 32};

static int cells(int side, int stride)
{
    return (side + stride - 1) / stride;
}

static int64_t rows_of_stride(const OutputForm *form, int stride, int width, int height)
{
    return (int64_t)cells(width, stride) * cells(height, stride) * form->anchors;
}

int64_t output_form_rows(const OutputForm *form, int index, int width, int height)
{
    int64_t rows = 0;
    for (int i = 0; i < STRIDES; i++) {
        if (!form->per_stride || i == index % STRIDES) {
            rows += rows_of_stride(form, strides[i], width, height);
        }
    }
    return rows;
}

/* Of a cell, in pixels. */
static Point corner_of(int cell, int columns, int stride)
{
    const int row = cell / columns;
    return (Point){(float)(cell % columns * stride), (float)(row * stride)};
}

/* Source: InsightFace, scrfd.py (distance2bbox, distance2kps): a cell's centre is its corner, both anchors'
 * distances are in strides. */
static void decode_scrfd(const Tensor *outputs, int width, int height, float threshold, BoxList *faces)
{
    for (int i = 0; i < STRIDES; i++) {
        const float stride = (float)strides[i];
        const int columns = cells(width, strides[i]);
        const int rows = columns * cells(height, strides[i]) * 2;
        for (int row = 0; row < rows; row++) {
            const float score = outputs[i].data[row];
            if (!(score >= threshold)) {
                continue;
            }
            const float *side = outputs[STRIDES + i].data + (ptrdiff_t)4 * row;
            const float *point = outputs[2 * STRIDES + i].data + (ptrdiff_t)2 * POINTS * row;
            const Point corner = corner_of(row / 2, columns, strides[i]);
            UprightBox face = {.x0 = corner.x - side[0] * stride,
                               .y0 = corner.y - side[1] * stride,
                               .x1 = corner.x + side[2] * stride,
                               .y1 = corner.y + side[3] * stride,
                               .score = score,
                               .pointed = true};
            for (int k = 0; k < POINTS; k++) {
                face.points[k] =
                    (Point){corner.x + point[2 * k] * stride, corner.y + point[2 * k + 1] * stride};
            }
            box_list_add(faces, &face);
        }
    }
}

/* Source: OpenCV, face_detect.cpp (postProcess). */
static void decode_yunet(const Tensor *outputs, int width, int height, float threshold, BoxList *faces)
{
    for (int i = 0; i < STRIDES; i++) {
        const float stride = (float)strides[i];
        const int columns = cells(width, strides[i]);
        const int count = columns * cells(height, strides[i]);
        for (int cell = 0; cell < count; cell++) {
            const float class = fminf(fmaxf(outputs[i].data[cell], 0), 1);
            const float object = fminf(fmaxf(outputs[STRIDES + i].data[cell], 0), 1);
            const float score = sqrtf(class * object);
            if (!(score >= threshold)) {
                continue;
            }
            const float *box = outputs[2 * STRIDES + i].data + (ptrdiff_t)4 * cell;
            const float *point = outputs[3 * STRIDES + i].data + (ptrdiff_t)2 * POINTS * cell;
            const Point corner = corner_of(cell, columns, strides[i]);
            const float x = corner.x + box[0] * stride;
            const float y = corner.y + box[1] * stride;
            const float half_width = expf(box[2]) * stride / 2;
            const float half_height = expf(box[3]) * stride / 2;
            UprightBox face = {.x0 = x - half_width,
                               .y0 = y - half_height,
                               .x1 = x + half_width,
                               .y1 = y + half_height,
                               .score = score,
                               .pointed = true};
            for (int k = 0; k < POINTS; k++) {
                face.points[k] =
                    (Point){corner.x + point[2 * k] * stride, corner.y + point[2 * k + 1] * stride};
            }
            box_list_add(faces, &face);
        }
    }
}

/* One prior of a RetinaFace: a square of `size` around (x, y). */
static UprightBox decode_prior(const float *box, const float *point, float x, float y, float size)
{
    const float centre_variance = 0.1F;
    const float size_variance = 0.2F;
    const float centre_x = x + box[0] * centre_variance * size;
    const float centre_y = y + box[1] * centre_variance * size;
    const float half_width = size * expf(box[2] * size_variance) / 2;
    const float half_height = size * expf(box[3] * size_variance) / 2;
    UprightBox face = {.x0 = centre_x - half_width,
                       .y0 = centre_y - half_height,
                       .x1 = centre_x + half_width,
                       .y1 = centre_y + half_height,
                       .pointed = true};
    for (int k = 0; k < POINTS; k++) {
        face.points[k] =
            (Point){x + point[2 * k] * centre_variance * size, y + point[2 * k + 1] * centre_variance * size};
    }
    return face;
}

/* Source: Pytorch_Retinaface, prior_box.py and box_utils.py (decode, decode_landm). */
static void decode_retinaface(const Tensor *outputs, int width, int height, float threshold, BoxList *faces)
{
    static const float sizes[STRIDES][2] = {{16, 32}, {64, 128}, {256, 512}};
    ptrdiff_t row = 0;
    for (int i = 0; i < STRIDES; i++) {
        const float stride = (float)strides[i];
        const int columns = cells(width, strides[i]);
        const int priors = columns * cells(height, strides[i]) * 2;
        for (int prior = 0; prior < priors; prior++, row++) {
            const float score = outputs[1].data[2 * row + 1];
            if (!(score >= threshold)) {
                continue;
            }
            const Point corner = corner_of(prior / 2, columns, strides[i]);
            UprightBox face = decode_prior(outputs[0].data + 4 * row, outputs[2].data + 2 * POINTS * row,
                                           corner.x + stride / 2, corner.y + stride / 2, sizes[i][prior % 2]);
            face.score = score;
            box_list_add(faces, &face);
        }
    }
}

/* Source: yolov8-face's ONNX export: decoded already, one column a cell. */
static void decode_yolov8_face(const Tensor *outputs, int width, int height, float threshold, BoxList *faces)
{
    enum { CENTRE_X, CENTRE_Y, WIDTH, HEIGHT, SCORE, FIRST_POINT, POINT_VALUES = 3 };
    const float *data = outputs[0].data;
    ptrdiff_t count = 0;
    for (int i = 0; i < STRIDES; i++) {
        count += (ptrdiff_t)cells(width, strides[i]) * cells(height, strides[i]);
    }
    for (ptrdiff_t cell = 0; cell < count; cell++) {
        const float score = data[SCORE * count + cell];
        if (!(score >= threshold)) {
            continue;
        }
        const float x = data[CENTRE_X * count + cell];
        const float y = data[CENTRE_Y * count + cell];
        const float half_width = data[WIDTH * count + cell] / 2;
        const float half_height = data[HEIGHT * count + cell] / 2;
        UprightBox face = {.x0 = x - half_width,
                           .y0 = y - half_height,
                           .x1 = x + half_width,
                           .y1 = y + half_height,
                           .score = score,
                           .pointed = true};
        for (ptrdiff_t k = 0; k < POINTS; k++) {
            const float *point = data + (FIRST_POINT + POINT_VALUES * k) * count + cell;
            face.points[k] = (Point){point[0], point[count]};
        }
        box_list_add(faces, &face);
    }
}

static const OutputForm forms[] = {
    {"scrfd", 2, true, decode_scrfd},
    {"yunet", 1, true, decode_yunet},
    {"retinaface", 2, false, decode_retinaface},
    {"yolov8_face", 1, false, decode_yolov8_face},
};

const OutputForm *output_form_find(const char *kind)
{
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (strcmp(forms[i].kind, kind) == 0) {
            return &forms[i];
        }
    }
    return NULL;
}
