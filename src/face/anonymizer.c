#include "face/anonymizer.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "face/cover.h"
#include "face/swapper.h"
#include "infer/catalogue.h"

/* A gap in a track is bridged up to this; what has ended, or is to begin, is covered so long. */
static const double gap_most_s = 2.0;
static const double around_s = 0.5;
/* From brow to chin to all of the head that tells who it is. */
static const float head_width = 1.45F;
static const float head_height = 1.5F;
static const float grows_per_s = 0.5F; /* the share by which a place that is not seen is larger */
static const float same_place = 0.35F; /* nearer than that (face_ellipse_distance) two are one face */

typedef struct Anonymizer {
    const FaceRecord *record;
    float sure; /* cosine from which on a face is that of somebody to be kept */
    bool *left; /* by the record's tracks: who is kept, and what is no face after all */
    CoverWay way;
    bool replace;
    Swapper *swapper; /* with `replace` */
    int threads;
    Cover **cover;
} Anonymizer;

/* ---- where ---- */

typedef struct Places {
    FaceEllipse *at;
    int count;
} Places;

static void add_place(Places *places, const FaceEllipse *at)
{
    if (places->count < COVERS_MAX) {
        places->at[places->count++] = *at;
    }
}

static float between(float a, float b, float t)
{
    return a + (b - a) * t;
}

static FaceEllipse ellipse_between(const FaceEllipse *a, const FaceEllipse *b, float t)
{
    const float turn = remainderf(b->angle - a->angle, 2 * (float)M_PI);
    return (FaceEllipse){.cx = between(a->cx, b->cx, t),
                         .cy = between(a->cy, b->cy, t),
                         .rx = between(a->rx, b->rx, t),
                         .ry = between(a->ry, b->ry, t),
                         .angle = a->angle + turn * t};
}

static FaceEllipse grown(FaceEllipse at, double unseen_s)
{
    const float factor = 1 + grows_per_s * (float)unseen_s;
    at.rx *= factor;
    at.ry *= factor;
    return at;
}

/* The tracks that have a sighting within `ticks` of pts, each once. */
static int tracks_around(const FaceRecord *record, int64_t pts, int64_t ticks, FaceSighting found[COVERS_MAX])
{
    const int64_t end = face_record_info(record)->sightings;
    int count = 0;
    for (int64_t i = face_record_find(record, pts - ticks); i < end && count < COVERS_MAX; i++) {
        const FaceSighting sighting = face_record_sighting(record, i);
        if (sighting.pts > pts + ticks) {
            break;
        }
        int k = 0;
        while (k < count && found[k].track != sighting.track) {
            k++;
        }
        found[k] = k == count || llabs(sighting.pts - pts) < llabs(found[k].pts - pts) ? sighting : found[k];
        count = k == count ? count + 1 : count;
    }
    return count;
}

/* A track that is not seen on this frame: between two sightings of it, or shortly after or before one. */
static void add_bridged(Places *places, const FaceRecord *record, int track, int64_t pts)
{
    const double tick_s = av_q2d(face_record_info(record)->time_base);
    const int64_t most = (int64_t)(gap_most_s / tick_s);
    FaceSighting before;
    FaceSighting after;
    const bool has_before = face_record_before(record, track, pts, most, &before);
    const bool has_after = face_record_after(record, track, pts, most, &after);
    if (has_before && has_after) {
        const float t = (float)((double)(pts - before.pts) / (double)(after.pts - before.pts));
        const double unseen_s = fmin((double)(pts - before.pts), (double)(after.pts - pts)) * tick_s;
        const FaceEllipse at = ellipse_between(&before.at, &after.at, t);
        const FaceEllipse larger = grown(at, unseen_s);
        add_place(places, &larger);
    } else if (has_before || has_after) {
        const FaceSighting *near = has_before ? &before : &after;
        const double unseen_s = (double)llabs(near->pts - pts) * tick_s;
        if (unseen_s <= around_s) {
            const FaceEllipse larger = grown(near->at, unseen_s);
            add_place(places, &larger);
        }
    }
}

static bool is_known(const FaceEllipse *at, const FaceSighting *sightings, int count)
{
    for (int i = 0; i < count; i++) {
        if (face_ellipse_distance(at, &sightings[i].at) < same_place) {
            return true;
        }
    }
    return false;
}

static bool is_left(const FaceRecord *record, const bool *left, int track)
{
    return left != NULL && track >= 1 && track <= face_record_info(record)->tracks && left[track];
}

int anonymizer_places(const FaceRecord *record, const bool *left, int64_t pts, const FrameFaces *seen,
                      FaceEllipse at[COVERS_MAX])
{
    const double tick_s = av_q2d(face_record_info(record)->time_base);
    Places places = {.at = at};
    FaceSighting around[COVERS_MAX];
    FaceSighting kept_here[COVERS_MAX];
    int kept_count = 0;
    const int count = tracks_around(record, pts, (int64_t)(gap_most_s / tick_s), around);
    for (int i = 0; i < count; i++) {
        const bool here = around[i].pts == pts;
        if (is_left(record, left, around[i].track)) {
            if (here && around[i].certainty > 0) {
                kept_here[kept_count++] = around[i];
            }
        } else if (here) {
            add_place(&places, &around[i].at);
        } else {
            add_bridged(&places, record, around[i].track, pts);
        }
    }
    for (int i = 0; i < seen->count; i++) {
        const FaceEllipse face = face_ellipse_of_mesh(&seen->face[i].mesh);
        if (!is_known(&face, kept_here, kept_count)) {
            add_place(&places, &face);
        }
    }
    return places.count;
}

/* ---- whom ---- */

typedef struct Person {
    float embedding[EMBEDDING_SIZE];
} Person;

/* Doubt covers. */
static bool is_one_of(const FaceTrack *track, const Person *persons, size_t count, float sure)
{
    for (size_t i = 0; i < count; i++) {
        if (track->weight > 0 && face_cosine(track->embedding, persons[i].embedding) >= sure) {
            return true;
        }
    }
    return false;
}

static bool is_cast_otherwise(const Casting *casting, int track)
{
    return casting != NULL && casting_of_track(casting, track).deed != FACE_ANONYMIZE;
}

/* Who is kept or cast otherwise; and what a detector saw once and nobody else. */
static Status mark_left(Anonymizer *a, const Casting *casting, const Person *persons, size_t count,
                        Error *err)
{
    FaceTrack *track = memory_alloc(1, sizeof *track);
    const int tracks = face_record_info(a->record)->tracks;
    int64_t cursor = 0;
    Status status = STATUS_OK;
    a->left = memory_alloc((size_t)tracks + 1, sizeof *a->left);
    while ((status = face_record_next_track(a->record, &cursor, track, err)) == STATUS_OK) {
        const bool glimpse = track->weight <= 0 && track->sightings < 2;
        if (track->track >= 1 && track->track <= tracks) {
            a->left[track->track] = glimpse || is_cast_otherwise(casting, track->track) ||
                                    is_one_of(track, persons, count, a->sure);
        }
    }
    memory_free(track);
    return status == STATUS_EOF ? STATUS_OK : status;
}

static Status find_left(Anonymizer *a, const ProcessorConfig *config, Error *err)
{
    const TextList *pictures = config->options.keep_identities;
    const size_t count = pictures != NULL ? pictures->count : 0;
    Person *persons = memory_alloc(count + 1, sizeof *persons);
    Status status = STATUS_OK;
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        status = person_of_picture(config->models, pictures->items[i], "--keep-identity",
                                   persons[i].embedding, err);
    }
    if (status == STATUS_OK) {
        status = mark_left(a, config->casting, persons, count, err);
    }
    memory_free(persons);
    return status;
}

/* ---- how ---- */

static bool is_replace(const ProcessorOptions *options)
{
    return strcmp(options->anonymizer_way, "replace") == 0;
}

static Status kind_needs(const ProcessorOptions *options, ProcessorNeeds *needs, Error *err)
{
    (void)err;
    if (is_replace(options)) {
        needs->thread_bytes += (int64_t)sizeof(FrameFaces);
    }
    return STATUS_OK;
}

static void kind_free(void **state)
{
    Anonymizer *a = *state;
    if (a == NULL) {
        return;
    }
    swapper_free(&a->swapper);
    for (int i = 0; a->cover != NULL && i < a->threads; i++) {
        cover_free(&a->cover[i]);
    }
    memory_free(a->cover);
    memory_free(a->left);
    memory_free(a);
    *state = NULL;
}

static Status open_swapper(Anonymizer *a, const ProcessorConfig *config, Error *err)
{
    ProcessorConfig swapper = *config;
    swapper.mask = NULL; /* nothing of who is protected may stay */
    char *path = NULL;
    Status status = STATUS_OK;
    if (config->options.anonymizer_face == NULL) {
        status = catalogue_find(config->models_dir, "average_face.png", &path, err);
    }
    swapper.options.sources = NULL;
    swapper.options.source_path = path != NULL ? path : config->options.anonymizer_face;
    if (status == STATUS_OK) {
        status = swapper_open(&a->swapper, &swapper, err);
    }
    memory_free(path);
    return status;
}

static CoverWay way_named(const char *name)
{
    return strcmp(name, "pixelate") == 0 ? COVER_PIXELATE
           : strcmp(name, "solid") == 0  ? COVER_SOLID
                                         : COVER_BLUR;
}

static Status kind_open(void **state, const ProcessorConfig *config, Error *err)
{
    Anonymizer *a = memory_alloc(1, sizeof *a);
    *state = a;
    a->record = config->record;
    a->sure = face_likeness(face_models_embedder(config->models)).sure;
    a->threads = config->threads > 0 ? config->threads : 1;
    a->way = way_named(config->options.anonymizer_way);
    a->replace = is_replace(&config->options);
    a->cover = memory_alloc((size_t)a->threads, sizeof *a->cover);
    for (int i = 0; i < a->threads; i++) {
        a->cover[i] = cover_new();
    }
    Status status = find_left(a, config, err);
    if (status == STATUS_OK && a->replace) {
        status = open_swapper(a, config, err);
    }
    if (status != STATUS_OK) {
        kind_free(state);
    }
    return status;
}

/* Those whose face can be replaced: found with certainty, and shown in full. */
static bool is_replaceable(const Face *face)
{
    return face->score >= 0.5F && face->opacity >= 1;
}

/* Takes the places that the swapper paints over out of the list, and selects their faces alone. */
static int leave_to_swapper(FrameFaces *faces, FaceEllipse *places, int count)
{
    for (int i = 0; i < faces->count; i++) {
        Face *face = &faces->face[i];
        const FaceEllipse at = face_ellipse_of_mesh(&face->mesh);
        face->selected = false;
        face->source = 0;
        if (!is_replaceable(face)) {
            continue;
        }
        int left = 0;
        for (int k = 0; k < count; k++) {
            if (face_ellipse_distance(&at, &places[k]) < same_place) {
                face->selected = true;
            } else {
                places[left++] = places[k];
            }
        }
        count = left;
    }
    return count;
}

static FaceEllipse head_around(const FaceEllipse *face)
{
    FaceEllipse head = *face;
    head.rx *= head_width;
    head.ry *= head_height;
    return head;
}

static bool kind_wants(void *state, const AVFrame *frame, const FrameFaces *faces)
{
    const Anonymizer *a = state;
    FaceEllipse places[COVERS_MAX];
    return anonymizer_places(a->record, a->left, frame->pts, faces, places) > 0;
}

static Status kind_process(void *state, int thread, AVFrame *frame, const FrameFaces *faces, Error *err)
{
    const Anonymizer *a = state;
    FaceEllipse places[COVERS_MAX];
    int count = anonymizer_places(a->record, a->left, frame->pts, faces, places);
    Status status = STATUS_OK;
    if (a->replace) {
        FrameFaces *chosen = memory_alloc(1, sizeof *chosen);
        *chosen = *faces;
        count = leave_to_swapper(chosen, places, count);
        status = swapper_process(a->swapper, thread, frame, chosen, err);
        memory_free(chosen);
    }
    for (int i = 0; i < count; i++) {
        const FaceEllipse head = head_around(&places[i]);
        cover_ellipse(a->cover[thread], frame, &head, a->way);
    }
    return status;
}

const ProcessorKind anonymizer_kind = {
    .name = "face_anonymizer",
    .help = "cover faces, or put an average one in their place, so that nobody is recognised",
    .needs_record = true,
    .every_frame = true,
    .needs = kind_needs,
    .open = kind_open,
    .wants = kind_wants,
    .process = kind_process,
    .free = kind_free,
};
