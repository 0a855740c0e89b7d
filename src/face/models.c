#include "face/models.h"

#include <math.h>

#include "base/alloc.h"
#include "face/models_internal.h"
#include "infer/known_model.h"
#include "media/frame_view.h"

/* What is loaded, by its name in the catalogue. The embedder, which not everybody wants, is the last. */
enum { MODEL_NUMBER_DETECTOR, MODEL_NUMBER_ROTATED, MODEL_NUMBER_MESH, MODEL_NUMBER_EMBEDDER, MODEL_COUNT };
static const char *const names[MODEL_COUNT] = {"fr_detect", "blazeface_back", "facemesh", "fr_feature"};

const char *face_models_name(int index, bool with_embedder)
{
    const int count = with_embedder ? MODEL_COUNT : MODEL_NUMBER_EMBEDDER;
    return index >= 0 && index < count ? names[index] : NULL;
}

static Status open_model(Session **session, int number, const FaceModelsConfig *config, Error *err)
{
    return known_model_open(session, known_model_find(names[number]), config->models_dir, config->provider,
                            config->threads, err);
}

Status face_models_open(FaceModels **models, const FaceModelsConfig *config, Error *err)
{
    FaceModels *opened = memory_alloc(1, sizeof *opened);
    Status status = open_model(&opened->detector, MODEL_NUMBER_DETECTOR, config, err);
    if (status == STATUS_OK) {
        status = open_model(&opened->rotated, MODEL_NUMBER_ROTATED, config, err);
    }
    if (status == STATUS_OK) {
        status = open_model(&opened->mesh, MODEL_NUMBER_MESH, config, err);
    }
    if (status == STATUS_OK && config->with_embedder) {
        status = open_model(&opened->embedder, MODEL_NUMBER_EMBEDDER, config, err);
    }
    if (status != STATUS_OK) {
        face_models_free(&opened);
    }
    *models = opened;
    return status;
}

void face_models_free(FaceModels **models)
{
    if (*models == NULL) {
        return;
    }
    session_free(&(*models)->detector);
    session_free(&(*models)->rotated);
    session_free(&(*models)->mesh);
    session_free(&(*models)->embedder);
    memory_free(*models);
    *models = NULL;
}

float models_aspect(AVRational sar)
{
    const float aspect = sar.num > 0 && sar.den > 0 ? (float)sar.num / (float)sar.den : 1.0f;
    return aspect >= 0.125f && aspect <= 8.0f ? aspect : 1.0f;
}

Affine models_square_to_stored(float aspect)
{
    return (Affine){.a = 1 / aspect, .c = 0.5f / aspect - 0.5f, .e = 1};
}

Affine models_stored_to_square(float aspect)
{
    return (Affine){.a = aspect, .c = 0.5f * aspect - 0.5f, .e = 1};
}

Affine models_upright_to_stored(int stored_width, int stored_height, Orientation orientation, AVRational sar,
                                int *upright_width, int *upright_height)
{
    const float aspect = models_aspect(sar);
    const float width = (float)stored_width * aspect;
    const float height = (float)stored_height;
    const Affine turns[4] = {
        {.a = 1, .e = 1},
        {.b = 1, .d = -1, .f = height - 1},
        {.a = -1, .c = width - 1, .e = -1, .f = height - 1},
        {.b = -1, .c = width - 1, .d = 1},
    };
    const int turn = orientation.quarter_turns & 3;
    const bool sideways = (turn & 1) != 0;
    Affine map = turns[turn];
    if (orientation.mirrored) {
        const Affine mirror = {.a = -1, .c = (sideways ? height : width) - 1, .e = 1};
        map = affine_multiply(&map, &mirror);
    }
    const int square_width = stored_width > 0 && lroundf(width) < 1 ? 1 : (int)lroundf(width);
    *upright_width = sideways ? stored_height : square_width;
    *upright_height = sideways ? square_width : stored_height;
    const Affine to_stored = models_square_to_stored(aspect);
    return affine_multiply(&to_stored, &map);
}

/* A video's colours reach beyond those of RGB pictures, which the models know. */
static float to_rgb(float value)
{
    const float positive = value > 0 ? value : 0;
    return positive < 255 ? positive : 255;
}

FaceEllipse face_ellipse_of_detection(const Detection *detection)
{
    const float aspect = detection->aspect > 0 ? detection->aspect : 1;
    const float wider = aspect < 1 ? 1 / aspect : 1;
    return (FaceEllipse){.cx = detection->centre.x,
                         .cy = detection->centre.y,
                         .rx = detection->width / 2 * wider,
                         .ry = detection->height / 2 * wider,
                         .angle = detection->angle};
}

/* Rows of the planes R, G, B to values that lie `step` apart, each plane `plane_step` behind the one before.
 */
static void write_tensor(const Image *rgb, const InputRecipe *recipe, size_t step, size_t plane_step,
                         float *data)
{
    for (int p = 0; p < 3; p++) {
        float *to = data + (size_t)p * plane_step;
        for (int y = 0; y < recipe->height; y++) {
            const float *row = rgb->plane[p] + rgb->stride * y;
            for (int x = 0; x < recipe->width; x++) {
                to[(size_t)x * step] = (to_rgb(row[x]) - recipe->offset) * recipe->scale;
            }
            to += (size_t)recipe->width * step;
        }
    }
}

Status models_sample(const InputRecipe *recipe, const AVFrame *frame, const Affine *to_frame, Tensor *input,
                     Error *err)
{
    *input = (Tensor){0};
    Image rgb = {0};
    const size_t pixels = (size_t)recipe->width * (size_t)recipe->height;
    const Status status = frame_view_warp(frame, to_frame, recipe->width, recipe->height, 0, &rgb, err);
    if (status == STATUS_OK) {
        input->data = memory_alloc(3 * pixels, sizeof(float));
        if (recipe->layout == LAYOUT_PLANES) {
            *input = (Tensor){input->data, 4, {1, 3, recipe->height, recipe->width}};
            write_tensor(&rgb, recipe, 1, pixels, input->data);
        } else {
            *input = (Tensor){input->data, 4, {1, recipe->height, recipe->width, 3}};
            write_tensor(&rgb, recipe, 3, 1, input->data);
        }
    }
    image_free(&rgb);
    return status;
}
