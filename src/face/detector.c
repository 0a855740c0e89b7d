/* Detectors, opened; and those of the users, run: the region is fitted into the model's picture, sampled as
 * the catalogue says, and the faces that come out are brought back into the view. */
#include "face/detector.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "face/align.h"
#include "face/detect_decode.h"
#include "face/models_internal.h"

/* Sides that a detector's picture may have. */
enum { SIDE_LEAST = 32, SIDE_MOST = 2048 };

static const float overlap_max = 0.4F;
/* Smaller tilts are as often a turned head's perspective. */
static const float tilt_min = 0.35F;

float detector_common_score(const Detector *detector, float score)
{
    const float own = detector->threshold;
    if (own == BEGIN_SCORE) {
        return score;
    }
    return score < own ? BEGIN_SCORE * score / own
                       : BEGIN_SCORE + (1 - BEGIN_SCORE) * (score - own) / (1 - own);
}

float detector_own_score(const Detector *detector, float common)
{
    const float own = detector->threshold;
    if (own == BEGIN_SCORE) {
        return common;
    }
    return common < BEGIN_SCORE ? own * common / BEGIN_SCORE
                                : own + (1 - own) * (common - BEGIN_SCORE) / (1 - BEGIN_SCORE);
}

Affine detector_input_map(const Detector *detector, const UprightView *view, const Region *region)
{
    const float across = region->width / (float)detector->width;
    const float down = region->height / (float)detector->height;
    const Affine map = {
        .a = across, .c = region->x - 0.5F + 0.5F * across, .e = down, .f = region->y - 0.5F + 0.5F * down};
    return affine_multiply(&view->to_stored, &map);
}

/* How far the points are turned against an upright face's, clockwise. */
static float angle_of_points(const Point points[5])
{
    Point upright[5];
    Affine map;
    align_points(ALIGN_ARCFACE_112_V2, 112, upright);
    return affine_similarity(upright, points, 5, &map) ? atan2f(map.d, map.a) : 0;
}

/* From the input's pixels to the view's. */
static UprightBox to_view(const UprightBox *face, const Detector *detector, const Region *region)
{
    const float across = region->width / (float)detector->width;
    const float down = region->height / (float)detector->height;
    UprightBox box = *face;
    box.x0 = region->x - 0.5F + face->x0 * across;
    box.y0 = region->y - 0.5F + face->y0 * down;
    box.x1 = region->x - 0.5F + face->x1 * across;
    box.y1 = region->y - 0.5F + face->y1 * down;
    for (int i = 0; i < 5; i++) {
        box.points[i] = (Point){region->x - 0.5F + face->points[i].x * across,
                                region->y - 0.5F + face->points[i].y * down};
    }
    const float angle = angle_of_points(box.points);
    box.angle = fabsf(angle) > tilt_min ? angle : 0;
    box.score = detector_common_score(detector, face->score);
    return box;
}

static Status run(const Detector *detector, const OutputForm *form, const Tensor *input, float threshold,
                  BoxList *faces, Error *err)
{
    const KnownModel *model = detector->model;
    Tensor outputs[SESSION_MAX_PORTS] = {0};
    for (int i = 0; i < model->output_count; i++) {
        const Port *port = &model->outputs[i];
        const int64_t rows = output_form_rows(form, i, detector->width, detector->height);
        size_t values = 1;
        outputs[i].rank = port->rank;
        for (int d = 0; d < port->rank; d++) {
            outputs[i].shape[d] = port->shape[d] < 0 ? rows : port->shape[d];
            values *= (size_t)outputs[i].shape[d];
        }
        outputs[i].data = memory_alloc(values, sizeof(float));
    }
    const Status status = session_run(detector->session, input, 1, outputs, model->output_count, err);
    if (status == STATUS_OK) {
        form->decode(outputs, detector->width, detector->height, threshold, faces);
    }
    for (int i = 0; i < model->output_count; i++) {
        memory_free(outputs[i].data);
    }
    return status;
}

static Status find_with_users(const Detector *detector, const UprightView *view, const Region *region,
                              float threshold, BoxList *list, Error *err)
{
    const Affine to_frame = detector_input_map(detector, view, region);
    const OutputForm *form = output_form_find(detector->model->kind);
    BoxList faces = {0};
    Tensor input = {0};
    Status status = models_sample_known(detector->model, detector->width, detector->height, view->frame,
                                        &to_frame, &input, err);
    if (status == STATUS_OK) {
        status = run(detector, form, &input, detector_own_score(detector, threshold), &faces, err);
    }
    memory_free(input.data);
    for (int i = 0; i < faces.count; i++) {
        faces.box[i] = to_view(&faces.box[i], detector, region);
    }
    box_list_keep_inside(&faces, view->width, view->height);
    box_list_suppress(&faces, overlap_max, 1);
    for (int i = 0; i < faces.count; i++) {
        box_list_add(list, &faces.box[i]);
    }
    return status;
}

static const DetectorKind users_kind = {"user's", find_with_users};

static const DetectorKind *kind_of(const char *name)
{
    static const DetectorKind *const built_in[] = {&ultraface_kind, &blazeface_kind};
    for (size_t i = 0; i < sizeof built_in / sizeof built_in[0]; i++) {
        if (strcmp(built_in[i]->name, name) == 0) {
            return built_in[i];
        }
    }
    return output_form_find(name) != NULL ? &users_kind : NULL;
}

/* The model's own size, or the catalogue's where it takes any. */
static Status know_size(Detector *detector, Error *err)
{
    const Port *port = session_input(detector->session, 0);
    const int first = detector->model->nhwc ? 1 : 2;
    const int64_t height = port->shape[first] > 0 ? port->shape[first] : detector->model->size;
    const int64_t width = port->shape[first + 1] > 0 ? port->shape[first + 1] : detector->model->size;
    if (width < SIDE_LEAST || width > SIDE_MOST || height < SIDE_LEAST || height > SIDE_MOST) {
        return error_setf(err, ERROR_MODEL, "cannot look for faces", NULL,
                          "%s takes pictures of %lldx%lld, between %d and %d a side can be used",
                          detector->model->name, (long long)width, (long long)height, SIDE_LEAST, SIDE_MOST);
    }
    detector->width = (int)width;
    detector->height = (int)height;
    return STATUS_OK;
}

Status detector_open(Detector *detector, const KnownModel *model, const FaceModelsConfig *config, float score,
                     Error *err)
{
    *detector = (Detector){.model = model, .kind = kind_of(model->kind)};
    detector->threshold = score > 0 && score < 1 ? score : model->threshold;
    if (detector->kind == NULL) {
        return error_setf(err, ERROR_INTERNAL, "cannot look for faces", NULL, "nobody runs models of kind %s",
                          model->kind);
    }
    Status status = known_model_open(&detector->session, model, config->models_dir, config->provider,
                                     config->threads, err);
    if (status == STATUS_OK) {
        status = know_size(detector, err);
    }
    if (status != STATUS_OK) {
        detector_close(detector);
    }
    return status;
}

void detector_close(Detector *detector)
{
    session_free(&detector->session);
    *detector = (Detector){0};
}
