/* Which way up a face is. Detectors of upright faces find upside-down ones too, and the mesh model then lays
 * a mouth onto the nostrils, sure of itself. BlazeFace tells by its score: looked at closely, tilted by 30
 * degrees to one side and to the other, a face scores 0.9 in the mean, and 0.7 where it is upside down
 * (measured over the real clips, bench/rotation.py); and its eyes tell the angle to a few degrees. */
#include <math.h>

#include "face/models_internal.h"

enum { SIDE = 256 };

static const float pi = 3.14159265F;
static const float tilt = 0.5235988F; /* 30 degrees */
/* Sides of the face: with less of its surroundings an upside-down one scores as much. */
static const float margin = 2.6F;
static const float least_score = 0.3F;
static const float centre_most = 50; /* pixels of the crop from its middle, half a face */
static const float same_angle = 0.35F;
/* What both looks score in the mean from which no others are needed. */
static const float sure_score = 0.85F;
/* By how much more the other way up must score. */
static const float lead = 0.02F;
/* Smaller tilts are as often a turned head's perspective. */
static const float tilt_min = 0.35F;

static float between(float a, float b)
{
    return fabsf(remainderf(a - b, 2 * pi));
}

TurnLook turn_together(const TurnLook *one, const TurnLook *other)
{
    TurnLook both = one->score > other->score ? *one : *other;
    if (between(one->angle, other->angle) < same_angle) {
        both.angle = one->angle + remainderf(other->angle - one->angle, 2 * pi) / 2;
    }
    both.score = (one->score + other->score) / 2;
    return both;
}

bool turn_is_sure(const TurnLook *one, const TurnLook *other)
{
    return one->score + other->score >= 2 * sure_score && between(one->angle, other->angle) < same_angle;
}

float turn_choose(const TurnLook *a, const TurnLook *b, float told)
{
    const bool a_is_told = between(a->angle, told) < between(b->angle, told);
    const TurnLook *same = a_is_told ? a : b;
    const TurnLook *other = a_is_told ? b : a;
    const TurnLook *best = other->score > same->score + lead ? other : same;
    const bool turned = best->score >= least_score && between(best->angle, told) > tilt_min;
    return turned ? remainderf(best->angle, 2 * pi) : told;
}

/* In a crop around the face whose up is `angle`. */
static Status look(const FaceModels *models, const AVFrame *frame, const Detection *face, float angle,
                   TurnLook *seen, Error *err)
{
    const float aspect = face->aspect > 0 ? face->aspect : 1;
    const Affine to_square = models_stored_to_square(aspect);
    const float side = margin * fmaxf(face->width, face->height);
    const UprightView view = {.frame = frame,
                              .to_stored = models_crop_around(affine_apply(&to_square, face->centre), side,
                                                              SIDE, angle, face->mirrored, aspect),
                              .width = SIDE,
                              .height = SIDE};
    const Region whole = {0, 0, SIDE, SIDE};
    BoxList list = {0};
    *seen = (TurnLook){.angle = angle, .centre = face->centre, .side = side / margin};
    const Status status =
        models->rotated.kind->find(&models->rotated, &view, &whole, least_score, &list, err);
    for (int i = 0; i < list.count && status == STATUS_OK; i++) {
        const UprightBox *box = &list.box[i];
        const Point middle = {(box->x0 + box->x1) / 2, (box->y0 + box->y1) / 2};
        if (hypotf(middle.x - SIDE / 2.0F, middle.y - SIDE / 2.0F) < centre_most &&
            box->score > seen->score) {
            *seen = (TurnLook){.score = box->score,
                               .angle = angle + (face->mirrored ? -box->angle : box->angle),
                               .centre = affine_apply(&view.to_stored, middle),
                               .side = (box->x1 - box->x0) * side / SIDE};
        }
    }
    return status;
}

/* Tilted to one side of `angle` and to the other. */
static Status look_twice(const FaceModels *models, const AVFrame *frame, const Detection *face, float angle,
                         TurnLook looks[2], Error *err)
{
    const Status status = look(models, frame, face, angle - tilt, &looks[0], err);
    return status == STATUS_OK ? look(models, frame, face, angle + tilt, &looks[1], err) : status;
}

/* The face as it is best seen all around, of which two looks are known. */
static Status look_around(const FaceModels *models, const AVFrame *frame, const Detection *face,
                          TurnLook *best, Error *err)
{
    for (int i = 0; i < 4; i++) {
        TurnLook seen;
        const float angle = face->angle + (float)(3 + 2 * i) * tilt;
        if (look(models, frame, face, angle, &seen, err) != STATUS_OK) {
            return STATUS_FAILED;
        }
        *best = seen.score > best->score ? seen : *best;
    }
    return STATUS_OK;
}

Status models_find_turn(const FaceModels *models, const AVFrame *frame, Detection *face, Error *err)
{
    TurnLook looks[2];
    if (look_twice(models, frame, face, face->angle, looks, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    TurnLook up = turn_together(&looks[0], &looks[1]);
    TurnLook down = {.angle = up.angle + pi};
    if (!turn_is_sure(&looks[0], &looks[1])) {
        TurnLook best = looks[0].score > looks[1].score ? looks[0] : looks[1];
        if (look_around(models, frame, face, &best, err) != STATUS_OK) {
            return STATUS_FAILED;
        }
        /* Once more from its very middle, that way up and the other. */
        Detection nearer = *face;
        nearer.centre = best.centre;
        nearer.width = nearer.height = best.side;
        if (look_twice(models, frame, &nearer, best.angle, looks, err) != STATUS_OK) {
            return STATUS_FAILED;
        }
        up = turn_together(&looks[0], &looks[1]);
        if (look_twice(models, frame, &nearer, best.angle + pi, looks, err) != STATUS_OK) {
            return STATUS_FAILED;
        }
        down = turn_together(&looks[0], &looks[1]);
    }
    face->angle = turn_choose(&up, &down, face->angle);
    return STATUS_OK;
}
