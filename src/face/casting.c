#include "face/casting.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "media/still.h"

/* Less than about one good view tells nobody. */
static const float least_weight = 0.3F;
/* So much nearer than anyone of another fate, and so much farther to be nobody who is named. */
static const float margin = 0.08F;
static const float same_place = 0.35F; /* face_ellipse_distance */

struct Casting {
    const FaceRecord *record;
    FaceFate *fates; /* by track, from 1 */
    int tracks;
    FaceFate unsure;
};

/* ---- people ---- */

void cast_free(Cast *cast)
{
    memory_free(cast->looks);
    memory_free(cast->fates);
    *cast = (Cast){0};
}

int cast_add_person(Cast *cast, FaceFate fate)
{
    cast->fates = memory_resize(cast->fates, cast->person_count + 1, sizeof *cast->fates);
    cast->fates[cast->person_count] = fate;
    return (int)cast->person_count++;
}

void cast_add_look(Cast *cast, int person, const float embedding[EMBEDDING_SIZE])
{
    cast->looks = memory_resize(cast->looks, cast->look_count + 1, sizeof *cast->looks);
    CastLook *look = &cast->looks[cast->look_count++];
    look->person = person;
    memcpy(look->embedding, embedding, sizeof look->embedding);
}

static bool same_fate(FaceFate a, FaceFate b)
{
    return a.deed == b.deed && (a.deed != FACE_SWAP || a.source == b.source);
}

static FaceFate fate_of_the_unsure(const Cast *cast)
{
    bool covers = cast->others.deed == FACE_ANONYMIZE;
    for (size_t i = 0; i < cast->person_count; i++) {
        covers = covers || cast->fates[i].deed == FACE_ANONYMIZE;
    }
    return (FaceFate){.deed = covers ? FACE_ANONYMIZE : FACE_KEEP, .unsure = true};
}

FaceFate cast_fate(const Cast *cast, const float embedding[EMBEDDING_SIZE], float weight)
{
    float best = -1;
    FaceFate fate = cast->others;
    for (size_t i = 0; i < cast->look_count; i++) {
        const float alike = face_cosine(embedding, cast->looks[i].embedding);
        if (alike > best) {
            best = alike;
            fate = cast->fates[cast->looks[i].person];
        }
    }
    float rival = -1;
    for (size_t i = 0; i < cast->look_count; i++) {
        if (!same_fate(cast->fates[cast->looks[i].person], fate)) {
            rival = fmaxf(rival, face_cosine(embedding, cast->looks[i].embedding));
        }
    }
    const bool somebody = best >= cast->likeness.group && best >= rival + margin;
    const bool nobody = best < cast->likeness.group - margin;
    if (!(weight >= least_weight) || (!somebody && !nobody)) {
        return fate_of_the_unsure(cast);
    }
    return somebody ? fate : cast->others;
}

bool casting_is_contradiction(const Cast *cast, const CastLook *a, const CastLook *b)
{
    return !same_fate(cast->fates[a->person], cast->fates[b->person]) &&
           face_cosine(a->embedding, b->embedding) >= cast->likeness.group;
}

Status person_of_picture(const FaceModels *models, const char *path, const char *option,
                         float embedding[EMBEDDING_SIZE], Error *err)
{
    enum { SOME = 16 };
    AVFrame *frame = memory_check(av_frame_alloc());
    StillFace *faces = memory_alloc(SOME, sizeof *faces);
    Orientation orientation = {0};
    int count = 0;
    Status status = still_read(path, frame, &orientation, err);
    if (status == STATUS_OK) {
        status = face_find_in_still(models, frame, orientation, faces, SOME, &count, err);
    }
    if (status == STATUS_OK && count != 1) {
        status = error_setf(err, ERROR_INPUT, "cannot tell whom a picture is of", path, "it shows %d faces",
                            count);
        error_advise(err, "give a picture of that one person to %s", option);
    } else if (status == STATUS_OK) {
        memcpy(embedding, faces[0].embedding, sizeof faces[0].embedding);
    }
    memory_free(faces);
    av_frame_free(&frame);
    return status;
}

/* ---- tracks ---- */

static Status cast_tracks(Casting *casting, const Cast *cast, Error *err)
{
    FaceTrack *track = memory_alloc(1, sizeof *track);
    int64_t cursor = 0;
    Status status = STATUS_OK;
    while ((status = face_record_next_track(casting->record, &cursor, track, err)) == STATUS_OK) {
        if (track->track >= 1 && track->track <= casting->tracks) {
            casting->fates[track->track] = cast_fate(cast, track->embedding, track->weight);
        }
    }
    memory_free(track);
    return status == STATUS_EOF ? STATUS_OK : status;
}

Status casting_new(Casting **out, const Cast *cast, const FaceRecord *record, Error *err)
{
    Casting *casting = memory_alloc(1, sizeof *casting);
    casting->record = record;
    casting->unsure = fate_of_the_unsure(cast);
    casting->tracks = face_record_info(record)->tracks;
    casting->fates = memory_alloc((size_t)casting->tracks + 1, sizeof *casting->fates);
    const Status status = cast_tracks(casting, cast, err);
    if (status != STATUS_OK) {
        casting_free(&casting);
    }
    *out = casting;
    return status;
}

void casting_free(Casting **casting)
{
    if (*casting != NULL) {
        memory_free((*casting)->fates);
        memory_free(*casting);
        *casting = NULL;
    }
}

FaceFate casting_of_track(const Casting *casting, int track)
{
    return track >= 1 && track <= casting->tracks ? casting->fates[track] : casting->unsure;
}

/* ---- faces ---- */

static FaceFate fate_at(const Casting *casting, const FaceEllipse *at, const FaceSighting *sightings,
                        int count)
{
    const FaceSighting *nearest = NULL;
    float distance = same_place;
    for (int i = 0; i < count; i++) {
        const float apart = face_ellipse_distance(at, &sightings[i].at);
        if (apart < distance) {
            distance = apart;
            nearest = &sightings[i];
        }
    }
    return nearest != NULL && nearest->certainty > 0 ? casting_of_track(casting, nearest->track)
                                                     : casting->unsure;
}

void casting_select(const Casting *casting, int64_t pts, FrameFaces *faces)
{
    FaceSighting sightings[FACES_MAX];
    const int count = face_record_frame(casting->record, pts, sightings);
    for (int i = 0; i < faces->count; i++) {
        Face *face = &faces->face[i];
        const FaceEllipse at = face_ellipse_of_mesh(&face->mesh);
        const FaceFate fate = fate_at(casting, &at, sightings, count);
        face->selected = fate.deed == FACE_SWAP;
        face->source = fate.source;
        face->unsure = fate.unsure;
    }
}
