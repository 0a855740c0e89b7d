/* What both detectors share, and which of them runs where. */
#include <math.h>

#include "face/models.h"
#include "face/models_internal.h"

/* Recipe: overlap of fr_detect's boxes. Across tiles one face may be seen at two scales, hence containment.
 */
static const float overlap_max = 0.4f;
static const float containment_max = 0.7f;
/* For tiles of the built-in detector: the least score, and the largest face's share of the next coarser
 * region's width. */
static const float tile_threshold = 0.9f;
static const float tile_face_max = 0.09f;
/* The second detector's score means something else; its recipe's threshold. */
static const float rotated_threshold = 0.5f;
/* Below this share of the picture its boxes drift and double (measured: good at 8 %, bad at 4 %). */
static const float rotated_face_min = 0.07f;
/* Smaller tilts are as often a turned head's perspective. */
static const float tilt_min = 0.35f;

static float intersection(const UprightBox *a, const UprightBox *b)
{
    const float width = fminf(a->x1, b->x1) - fmaxf(a->x0, b->x0);
    const float height = fminf(a->y1, b->y1) - fmaxf(a->y0, b->y0);
    return width > 0 && height > 0 ? width * height : 0;
}

static float area(const UprightBox *box)
{
    return (box->x1 - box->x0) * (box->y1 - box->y0);
}

float box_overlap(const UprightBox *a, const UprightBox *b)
{
    const float shared = intersection(a, b);
    return shared > 0 ? shared / (area(a) + area(b) - shared) : 0;
}

float box_containment(const UprightBox *a, const UprightBox *b)
{
    const float shared = intersection(a, b);
    return shared > 0 ? shared / fminf(area(a), area(b)) : 0;
}

static void sort_by_score(BoxList *list)
{
    for (int i = 1; i < list->count; i++) {
        const UprightBox box = list->box[i];
        int at = i;
        for (; at > 0 && list->box[at - 1].score < box.score; at--) {
            list->box[at] = list->box[at - 1];
        }
        list->box[at] = box;
    }
}

void box_list_add(BoxList *list, const UprightBox *box)
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

void box_list_keep_inside(BoxList *list, int width, int height)
{
    int kept = 0;
    for (int i = 0; i < list->count; i++) {
        const UprightBox *box = &list->box[i];
        /* Also false for what is not a number. */
        const bool inside = box->x0 < box->x1 && box->y0 < box->y1 && box->x1 > 0 && box->y1 > 0 &&
                            box->x0 < (float)width && box->y0 < (float)height;
        if (inside) {
            list->box[kept++] = *box;
        }
    }
    list->count = kept;
}

void box_list_suppress(BoxList *list, float overlap, float containment)
{
    sort_by_score(list);
    int kept = 0;
    for (int i = 0; i < list->count; i++) {
        bool free_standing = true;
        for (int k = 0; k < kept && free_standing; k++) {
            free_standing = box_overlap(&list->box[k], &list->box[i]) <= overlap &&
                            box_containment(&list->box[k], &list->box[i]) <= containment;
        }
        if (free_standing) {
            list->box[kept++] = list->box[i];
        }
    }
    list->count = kept;
}

static UprightView view_of(const AVFrame *frame, Orientation orientation, AVRational sar)
{
    UprightView view = {.frame = frame};
    view.to_stored =
        models_upright_to_stored(frame->width, frame->height, orientation, sar, &view.width, &view.height);
    return view;
}

static Detection to_detection(const UprightBox *box, const UprightView *view, float aspect, bool mirrored)
{
    const Affine to_square = models_stored_to_square(aspect);
    const Affine map = affine_multiply(&to_square, &view->to_stored);
    const float sine = sinf(box->angle);
    const float cosine = cosf(box->angle);
    const float up_x = map.a * sine - map.b * cosine;
    const float up_y = map.d * sine - map.e * cosine;
    /* A box is upright in its view; of a face that lies on its side the longer side is the face's height. */
    const bool sideways = box->pointed && fabsf(sine) > fabsf(cosine);
    const float width = box->x1 - box->x0;
    const float height = box->y1 - box->y0;
    Detection detection = {
        .centre = affine_apply(&view->to_stored, (Point){(box->x0 + box->x1) / 2, (box->y0 + box->y1) / 2}),
        .width = sideways ? height : width,
        .height = sideways ? width : height,
        .angle = atan2f(up_x, -up_y),
        .score = box->score,
        .aspect = aspect,
        .mirrored = mirrored,
        .pointed = box->pointed,
    };
    for (int i = 0; i < 5; i++) {
        detection.points[i] = affine_apply(&view->to_stored, box->points[i]);
    }
    return detection;
}

static void give(const BoxList *list, const UprightView *view, Orientation orientation, AVRational sar,
                 Detection *found, int capacity, int *count)
{
    *count = list->count < capacity ? list->count : capacity;
    for (int i = 0; i < *count; i++) {
        found[i] = to_detection(&list->box[i], view, models_aspect(sar), orientation.mirrored);
    }
}

/* The region at (x, y) of that width, with the proportions of the detector's input. */
static Region region_at(const Detector *detector, float x, float y, float width)
{
    return (Region){x, y, width, width * (float)detector->height / (float)detector->width};
}

/* The width of the region that holds the whole picture, padded to the right or below. */
static float padded_width(const Detector *detector, const UprightView *view)
{
    return fmaxf((float)view->width, (float)view->height * (float)detector->width / (float)detector->height);
}

static Status find_in_whole(const Detector *detector, const UprightView *view, float threshold, BoxList *list,
                            Error *err)
{
    const Region whole = region_at(detector, 0, 0, padded_width(detector, view));
    return detector->kind->find(detector, view, &whole, threshold, list, err);
}

/* Letterboxed in the middle. */
static Status find_turned(const Detector *detector, const UprightView *view, float threshold, BoxList *list,
                          Error *err)
{
    const float side = padded_width(detector, view);
    const Region whole =
        region_at(detector, ((float)view->width - side) / 2, ((float)view->height - side) / 2, side);
    return detector->kind->find(detector, view, &whole, threshold, list, err);
}

static UprightView turned_view(const UprightView *view, int quarters)
{
    const Affine turn = models_quarter_turn(quarters, (float)view->width, (float)view->height);
    const bool sideways = (quarters & 1) != 0;
    return (UprightView){.frame = view->frame,
                         .to_stored = affine_multiply(&view->to_stored, &turn),
                         .width = sideways ? view->height : view->width,
                         .height = sideways ? view->width : view->height};
}

/* From a turned view's pixels; `map` is models_quarter_turn's. */
static UprightBox turn_back(const UprightBox *box, const Affine *map)
{
    const Point a = affine_apply(map, (Point){box->x0, box->y0});
    const Point b = affine_apply(map, (Point){box->x1, box->y1});
    UprightBox back = *box;
    back.x0 = fminf(a.x, b.x);
    back.y0 = fminf(a.y, b.y);
    back.x1 = fmaxf(a.x, b.x);
    back.y1 = fmaxf(a.y, b.y);
    back.angle = remainderf(box->angle + atan2f(map->d, map->a), 2 * 3.14159265f);
    for (int i = 0; i < 5; i++) {
        back.points[i] = affine_apply(map, box->points[i]);
    }
    return back;
}

/* With the second detector. Of one face that is seen in several views the best score tells the angle. */
static Status find_in_turned(const FaceModels *models, const UprightView *view, unsigned turns,
                             float threshold, BoxList *list, Error *err)
{
    for (int quarters = 0; quarters < 4; quarters++) {
        if ((turns >> quarters & 1) == 0) {
            continue;
        }
        const UprightView turned = turned_view(view, quarters);
        const Affine map = models_quarter_turn(quarters, (float)view->width, (float)view->height);
        BoxList here = {0};
        if (find_turned(&models->rotated, &turned, threshold, &here, err) != STATUS_OK) {
            return STATUS_FAILED;
        }
        for (int i = 0; i < here.count; i++) {
            const UprightBox box = turn_back(&here.box[i], &map);
            box_list_add(list, &box);
        }
    }
    if (turns != TURNED_NOT) {
        box_list_suppress(list, overlap_max, containment_max);
    }
    return STATUS_OK;
}

Status models_detect(const FaceModels *models, const AVFrame *frame, Orientation orientation, AVRational sar,
                     float threshold, Detection *found, int capacity, int *count, Error *err)
{
    *count = 0;
    const UprightView view = view_of(frame, orientation, sar);
    BoxList list = {0};
    const Status status =
        find_in_whole(&models->detector, &view, threshold > 0 ? threshold : BEGIN_SCORE, &list, err);
    if (status == STATUS_OK) {
        give(&list, &view, orientation, sar, found, capacity, count);
    }
    return status;
}

Status models_detect_rotated(const FaceModels *models, const AVFrame *frame, Orientation orientation,
                             AVRational sar, unsigned turns, float threshold, Detection *found, int capacity,
                             int *count, Error *err)
{
    *count = 0;
    const UprightView view = view_of(frame, orientation, sar);
    BoxList list = {0};
    const Status status =
        find_in_turned(models, &view, turns, threshold > 0 ? threshold : rotated_threshold, &list, err);
    if (status == STATUS_OK) {
        give(&list, &view, orientation, sar, found, capacity, count);
    }
    return status;
}

/* Whether a tile's border cuts the box; the neighbouring tile or the whole picture has that face whole. A
 * border of the picture itself cuts nothing off that could be had. */
static bool is_cut(const UprightBox *box, const UprightView *view, const Region *tile)
{
    const float near = tile->width * 0.01f;
    const float right = tile->x + tile->width;
    const float bottom = tile->y + tile->height;
    return (tile->x > 0 && box->x0 < tile->x + near) || (tile->y > 0 && box->y0 < tile->y + near) ||
           (right < (float)view->width && box->x1 > right - near) ||
           (bottom < (float)view->height && box->y1 > bottom - near);
}

static bool is_known(const BoxList *list, const UprightBox *box)
{
    for (int i = 0; i < list->count; i++) {
        if (box_containment(&list->box[i], box) > containment_max) {
            return true;
        }
    }
    return false;
}

/* Tiles of `width` that overlap by a fifth and cover the picture. Of what they show, faces that the coarser
 * look with regions of `coarser_width` could not see are added to `list`: in tiles the detector takes hands
 * and knees for faces, mostly large or wide ones with low scores. */
static Status detect_in_tiles(const FaceModels *models, const UprightView *view, float coarser_width,
                              float width, float threshold, BoxList *list, Error *err)
{
    const Detector *detector = &models->detector;
    const float height = region_at(detector, 0, 0, width).height;
    const float most_x = fmaxf(0, (float)view->width - width);
    const float most_y = fmaxf(0, (float)view->height - height);
    const int columns = 1 + (int)ceilf(most_x / (width * 0.8f));
    const int rows = 1 + (int)ceilf(most_y / (height * 0.8f));
    BoxList all = {0};
    for (int tile = 0; tile < rows * columns; tile++) {
        const int column = tile % columns;
        const int row = tile / columns;
        const float x = columns > 1 ? most_x * (float)column / (float)(columns - 1) : 0;
        const float y = rows > 1 ? most_y * (float)row / (float)(rows - 1) : 0;
        const Region region = region_at(detector, x, y, width);
        BoxList here = {0};
        if (detector->kind->find(detector, view, &region, fmaxf(threshold, tile_threshold), &here, err) !=
            STATUS_OK) {
            return STATUS_FAILED;
        }
        for (int i = 0; i < here.count && all.count < BOXES_MAX; i++) {
            const UprightBox *box = &here.box[i];
            const float height_found = box->y1 - box->y0;
            const bool plausible =
                height_found < tile_face_max * coarser_width && height_found > box->x1 - box->x0;
            if (plausible && !is_cut(box, view, &region) && !is_known(list, box)) {
                all.box[all.count++] = *box;
            }
        }
    }
    box_list_suppress(&all, overlap_max, containment_max);
    for (int i = 0; i < all.count && list->count < BOXES_MAX; i++) {
        list->box[list->count++] = all.box[i];
    }
    return STATUS_OK;
}

/* Takes the angle (where it matters to the mesh, which copes with small ones) and the better score for faces
 * that the first detector saw too, and adds the others. `side` is the larger one of the picture. */
static void merge_rotated(BoxList *list, const BoxList *rotated, float side)
{
    const int upright = list->count;
    for (int i = 0; i < rotated->count; i++) {
        const UprightBox *box = &rotated->box[i];
        if (box->x1 - box->x0 < rotated_face_min * side) {
            continue;
        }
        bool known = false;
        for (int k = 0; k < upright; k++) {
            if (box_containment(&list->box[k], box) > 0.5f) {
                known = true;
                list->box[k].score = fmaxf(list->box[k].score, box->score);
                if (!list->box[k].pointed) {
                    list->box[k].angle = fabsf(box->angle) > tilt_min ? box->angle : 0;
                }
            }
        }
        if (!known && list->count < BOXES_MAX) {
            list->box[list->count++] = *box;
        }
    }
}

Status models_detect_thorough(const FaceModels *models, const AVFrame *frame, Orientation orientation,
                              AVRational sar, unsigned turns, float threshold, Detection *found, int capacity,
                              int *count, Error *err)
{
    *count = 0;
    const UprightView view = view_of(frame, orientation, sar);
    const float whole = padded_width(&models->detector, &view);
    const float small = 2 * (float)models->detector.width; /* it sees small faces too */
    const float least = threshold > 0 ? threshold : BEGIN_SCORE;
    BoxList list = {0};
    BoxList rotated = {0};
    Status status = find_in_whole(&models->detector, &view, least, &list, err);
    if (status == STATUS_OK && whole > small) {
        status = detect_in_tiles(models, &view, whole, 0.6f * whole, least, &list, err);
    }
    if (status == STATUS_OK && whole > 2 * small) {
        status = detect_in_tiles(models, &view, 0.6f * whole, 0.4f * whole, least, &list, err);
    }
    if (status == STATUS_OK) {
        status = find_in_turned(models, &view, turns, rotated_threshold, &rotated, err);
    }
    if (status == STATUS_OK) {
        merge_rotated(&list, &rotated, fmaxf((float)view.width, (float)view.height));
        give(&list, &view, orientation, sar, found, capacity, count);
    }
    return status;
}
