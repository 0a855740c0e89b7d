#include "face/models.h"

#include <math.h>

#include "base/alloc.h"
#include "base/text.h"
#include "face/crop_tensor.h"
#include "face/models_internal.h"
#include "infer/known_model.h"
#include "media/frame_view.h"

/* The built-in ones. */
static const char detector_name[] = "fr_detect";
static const char rotated_name[] = "blazeface_back";
static const char mesh_name[] = "facemesh";
static const char embedder_name[] = "fr_feature";

/* In the order of face_models_list. The embedder, which not everybody wants, is the last. */
enum { NUMBER_DETECTOR, NUMBER_ROTATED, NUMBER_MESH, NUMBER_EMBEDDER };

FaceLikeness face_likeness(const char *embedder)
{
    const KnownModel *known = embedder != NULL ? known_model_find(embedder) : NULL;
    const float same = (known != NULL ? known : known_model_find(embedder_name))->threshold;
    return (FaceLikeness){.other = same - 0.1F, .group = same - 0.03F, .same = same, .sure = same + 0.05F};
}

static Status refuse(ModelRole role, const char *option, const char *name, Error *err)
{
    Text known = {0};
    for (size_t i = 0; i < known_model_count; i++) {
        if (known_models[i].role == role) {
            text_appendf(&known, "%s%s", known.length > 0 ? ", " : "", known_models[i].name);
        }
    }
    (void)error_setf(err, ERROR_USAGE, "cannot look for faces", NULL, "no %s is called \"%s\"",
                     model_role_name(role), name);
    error_advise(err, "%s can be %s", option, known.data);
    text_free(&known);
    return STATUS_FAILED;
}

static Status find(ModelRole role, const char *option, const char *name, const char *built_in,
                   const KnownModel **model, Error *err)
{
    *model = known_model_find(name != NULL ? name : built_in);
    return *model != NULL && (*model)->role == role ? STATUS_OK : refuse(role, option, name, err);
}

Status face_models_list(const FaceModelsConfig *config, const KnownModel *list[FACE_MODELS_MOST], int *count,
                        Error *err)
{
    *count = 0;
    list[NUMBER_ROTATED] = known_model_find(rotated_name);
    list[NUMBER_MESH] = known_model_find(mesh_name);
    if (find(MODEL_DETECTOR, "--face-detector-model", config->detector, detector_name, &list[NUMBER_DETECTOR],
             err) != STATUS_OK ||
        find(MODEL_EMBEDDER, "--face-embedder-model", config->embedder, embedder_name, &list[NUMBER_EMBEDDER],
             err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    *count = config->with_embedder ? FACE_MODELS_MOST : NUMBER_EMBEDDER;
    return STATUS_OK;
}

int64_t face_models_running_bytes(const FaceModelsConfig *config)
{
    /* Its picture twice, and what a network of this form keeps while it runs: SCRFD's widest layer has 56
     * channels at half the side, and there are two of them at once. */
    enum { PICTURE_FLOATS = 2 * 3, RUNNING_FLOATS = 28 };
    const KnownModel *model = config->detector != NULL ? known_model_find(config->detector) : NULL;
    const int64_t side = model != NULL && model->package == NULL ? model->size : 0;
    return side * side * (PICTURE_FLOATS + RUNNING_FLOATS) * (int64_t)sizeof(float);
}

static Status open_model(Session **session, const KnownModel *model, const FaceModelsConfig *config,
                         Error *err)
{
    return known_model_open(session, model, config->models_dir, config->provider, config->threads, err);
}

Status face_models_open(FaceModels **models, const FaceModelsConfig *config, Error *err)
{
    const KnownModel *list[FACE_MODELS_MOST];
    int count = 0;
    *models = NULL;
    if (face_models_list(config, list, &count, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    FaceModels *opened = memory_alloc(1, sizeof *opened);
    Status status =
        detector_open(&opened->detector, list[NUMBER_DETECTOR], config, config->detector_score, err);
    if (status == STATUS_OK) {
        status = detector_open(&opened->rotated, list[NUMBER_ROTATED], config, 0, err);
    }
    if (status == STATUS_OK) {
        status = open_model(&opened->mesh, list[NUMBER_MESH], config, err);
    }
    if (status == STATUS_OK && config->with_embedder) {
        opened->embedder_model = list[NUMBER_EMBEDDER];
        status = open_model(&opened->embedder, opened->embedder_model, config, err);
    }
    if (status != STATUS_OK) {
        face_models_free(&opened);
    }
    *models = opened;
    return status;
}

const char *face_models_embedder(const FaceModels *models)
{
    return models->embedder_model != NULL ? models->embedder_model->name : NULL;
}

void face_models_free(FaceModels **models)
{
    if (*models == NULL) {
        return;
    }
    detector_close(&(*models)->detector);
    detector_close(&(*models)->rotated);
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

Affine models_quarter_turn(int quarters, float width, float height)
{
    const Affine turns[4] = {
        {.a = 1, .e = 1},
        {.b = 1, .d = -1, .f = height - 1},
        {.a = -1, .c = width - 1, .e = -1, .f = height - 1},
        {.b = -1, .c = width - 1, .d = 1},
    };
    return turns[quarters & 3];
}

Affine models_upright_to_stored(int stored_width, int stored_height, Orientation orientation, AVRational sar,
                                int *upright_width, int *upright_height)
{
    const float aspect = models_aspect(sar);
    const float width = (float)stored_width * aspect;
    const float height = (float)stored_height;
    const bool sideways = (orientation.quarter_turns & 1) != 0;
    Affine map = models_quarter_turn(orientation.quarter_turns, width, height);
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

Status models_sample_known(const KnownModel *model, int width, int height, const AVFrame *frame,
                           const Affine *to_frame, Tensor *input, Error *err)
{
    *input = (Tensor){0};
    Image rgb = {0};
    const Status status = frame_view_warp(frame, to_frame, width, height, 0, &rgb, err);
    if (status == STATUS_OK) {
        image_clamp(&rgb, 0, 255);
        float *data = memory_alloc((size_t)3 * (size_t)width * (size_t)height, sizeof(float));
        crop_to_tensor(&rgb, model->bgr, model->mean, model->scale, data);
        *input = (Tensor){data, 4, {1, 3, height, width}};
    }
    image_free(&rgb);
    return status;
}
