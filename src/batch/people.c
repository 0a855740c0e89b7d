#include "batch/people.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/files.h"
#include "base/text.h"
#include "base/utf8.h"
#include "face/cluster.h"
#include "face/record.h"

/* Less than about one good view tells nobody. */
static const float least_weight = 0.3F;
/* A track counts by its measurements, but not without end: one long look is not worth all others. */
static const float most_weight = 3.0F;

void people_free(People *people)
{
    for (size_t i = 0; i < people->count; i++) {
        memory_free(people->items[i].videos);
        for (int k = 0; k < people->items[i].view_count; k++) {
            memory_free(people->items[i].views[k].picture);
        }
    }
    memory_free(people->items);
    *people = (People){0};
}

static Person *add_person(People *people, int number)
{
    people->items = memory_resize(people->items, people->count + 1, sizeof *people->items);
    Person *person = &people->items[people->count++];
    *person = (Person){.who.number = number};
    return person;
}

/* ---- the file ---- */

Status people_read(const char *state_dir, const char *embedder, People *people, Error *err)
{
    *people = (People){.embedder = embedder};
    KnownPeople known;
    char *path = known_people_file(state_dir, embedder);
    const Status status = known_people_read(path, &known, err);
    for (size_t i = 0; status == STATUS_OK && i < known.count; i++) {
        add_person(people, 0)->who = known.items[i];
    }
    known_people_free(&known);
    memory_free(path);
    return status;
}

Status people_write(const char *state_dir, const People *people, Error *err)
{
    KnownPeople known = {.items = memory_alloc(people->count + 1, sizeof *known.items),
                         .count = people->count};
    for (size_t i = 0; i < people->count; i++) {
        known.items[i] = people->items[i].who;
    }
    char *path = known_people_file(state_dir, people->embedder);
    const Status status = known_people_write(path, &known, err);
    known_people_free(&known);
    memory_free(path);
    return status;
}

/* ---- who is who ---- */

/* The tracks of a video, in its record's order; those that tell nobody have no weight and the group -1. */
typedef struct VideoTracks {
    ClusterPoint *points;
    size_t count;
    int groups;
    int first_group; /* in the points of all videos */
} VideoTracks;

typedef struct Finding {
    const FaceRecords *records;
    float limit; /* FaceLikeness.group */
    VideoTracks *videos;
    ClusterPoint *groups; /* of all videos */
    size_t group_count;
} Finding;

static ClusterPoint point_of(const FaceTrack *track)
{
    ClusterPoint point = {.group = -1};
    if (track->weight >= least_weight) {
        point.weight = fminf(track->weight, most_weight);
        for (int i = 0; i < EMBEDDING_SIZE; i++) {
            point.sum[i] = track->embedding[i] * point.weight;
        }
    }
    return point;
}

static Status read_points(const FaceRecord *record, VideoTracks *tracks, Error *err)
{
    FaceTrack *track = memory_alloc(1, sizeof *track);
    int64_t cursor = 0;
    Status status = STATUS_OK;
    while ((status = face_record_next_track(record, &cursor, track, err)) == STATUS_OK) {
        tracks->points = memory_resize(tracks->points, tracks->count + 1, sizeof *tracks->points);
        tracks->points[tracks->count++] = point_of(track);
    }
    memory_free(track);
    return status == STATUS_EOF ? STATUS_OK : status;
}

/* Puts the tracks of a video together, and adds its groups to those of all. */
static void group_video(Finding *finding, VideoTracks *tracks)
{
    ClusterPoint *known = memory_alloc(tracks->count + 1, sizeof *known);
    size_t count = 0;
    for (size_t i = 0; i < tracks->count; i++) {
        if (tracks->points[i].weight > 0) {
            known[count++] = tracks->points[i];
        }
    }
    tracks->groups = cluster_points(known, count, finding->limit);
    tracks->first_group = (int)finding->group_count;
    finding->groups =
        memory_resize(finding->groups, finding->group_count + (size_t)tracks->groups + 1, sizeof *known);
    memset(finding->groups + finding->group_count, 0, (size_t)tracks->groups * sizeof *known);
    for (size_t i = 0, k = 0; i < tracks->count; i++) {
        if (tracks->points[i].weight > 0) {
            tracks->points[i].group = known[k].group;
            cluster_add(&finding->groups[finding->group_count + (size_t)known[k].group], &known[k]);
            k++;
        }
    }
    finding->group_count += (size_t)tracks->groups;
    memory_free(known);
}

/* One that could not be made now may still be there, of another video. */
static bool open_record(const Finding *finding, size_t video, FaceRecord **record)
{
    const FaceRecordFile *file = &finding->records->items[video];
    return !error_is_set(&file->error) && face_record_open(record, file->path, NULL, NULL) == STATUS_OK;
}

static Status group_all(Finding *finding, Error *err)
{
    Status status = STATUS_OK;
    for (size_t i = 0; i < finding->records->count && status == STATUS_OK; i++) {
        FaceRecord *record = NULL;
        if (open_record(finding, i, &record)) {
            status = read_points(record, &finding->videos[i], err);
            group_video(finding, &finding->videos[i]);
        }
        face_record_free(&record);
    }
    return status;
}

/* ---- what is told of a person ---- */

static PersonVideo *video_of(Person *person, size_t video)
{
    if (person->video_count == 0 || person->videos[person->video_count - 1].video != video) {
        person->videos = memory_resize(person->videos, person->video_count + 1, sizeof *person->videos);
        person->videos[person->video_count++] = (PersonVideo){.video = video, .first_s = INFINITY};
    }
    return &person->videos[person->video_count - 1];
}

/* Whose place a view gets: of its own video's the least good, or one of a video that has several. -1: there
 * are better ones. */
static int place_of(const Person *person, const PersonView *view)
{
    int own = -1;
    int crowded = -1;
    for (int i = 0; i < person->view_count; i++) {
        own = person->views[i].video == view->video ? i : own;
        for (int k = 0; k < i; k++) {
            crowded = person->views[k].video == person->views[i].video ? i : crowded;
        }
    }
    if (person->view_count < PERSON_VIEWS) {
        return person->view_count;
    }
    if (own < 0 && crowded >= 0) {
        return crowded;
    }
    const int worst = own >= 0 ? own : PERSON_VIEWS - 1;
    return person->views[worst].quality < view->quality ? worst : -1;
}

/* The best ones, of different videos where there are such. */
static void add_view(Person *person, const PersonView *view, const FaceView *from)
{
    int place = place_of(person, view);
    if (place < 0) {
        return;
    }
    if (place == person->view_count) {
        person->view_count++;
    } else {
        memory_free(person->views[place].picture);
        for (; place + 1 < person->view_count; place++) {
            person->views[place] = person->views[place + 1];
        }
    }
    for (; place > 0 && person->views[place - 1].quality < view->quality; place--) {
        person->views[place] = person->views[place - 1];
    }
    person->views[place] = *view;
    person->views[place].picture = memory_alloc((size_t)from->picture_bytes + 1, 1);
    memcpy(person->views[place].picture, from->picture, (size_t)from->picture_bytes);
    person->views[place].picture_bytes = from->picture_bytes;
}

static void add_track(Person *person, size_t video, const FaceTrack *track, const FaceRecordInfo *info)
{
    const double tick_s = av_q2d(info->time_base);
    PersonVideo *in_video = video_of(person, video);
    in_video->tracks++;
    in_video->frames += track->sightings;
    in_video->first_s = fmin(in_video->first_s, (double)(track->first_pts - info->first_pts) * tick_s);
    in_video->last_s = fmax(in_video->last_s, (double)(track->last_pts - info->first_pts) * tick_s);
    person->frames += track->sightings;
    for (int i = 0; i < track->views; i++) {
        const PersonView view = {.video = video,
                                 .frame = track->view[i].frame,
                                 .at_s = (double)(track->view[i].pts - info->first_pts) * tick_s,
                                 .quality = track->view[i].quality};
        add_view(person, &view, &track->view[i]);
    }
}

/* `person_of`: of each group of all videos, the number of a person in `people`. */
static Status tell_video(const Finding *finding, size_t video, const size_t *person_of, People *people,
                         Error *err)
{
    const VideoTracks *tracks = &finding->videos[video];
    FaceRecord *record = NULL;
    if (!open_record(finding, video, &record)) {
        return STATUS_OK;
    }
    FaceTrack *track = memory_alloc(1, sizeof *track);
    int64_t cursor = 0;
    Status status = STATUS_OK;
    for (size_t i = 0; i < tracks->count && status == STATUS_OK; i++) {
        status = face_record_next_track(record, &cursor, track, err);
        const int group = tracks->points[i].group;
        if (status == STATUS_OK && group >= 0) {
            Person *person = &people->items[person_of[tracks->first_group + group]];
            add_track(person, video, track, face_record_info(record));
        } else if (status == STATUS_OK) {
            people->unsure_frames += track->sightings;
        }
    }
    memory_free(track);
    face_record_free(&record);
    return status;
}

/* ---- numbers that stay ---- */

static int unused_number(const People *people)
{
    int most = 0;
    for (size_t i = 0; i < people->count; i++) {
        most = people->items[i].who.number > most ? people->items[i].who.number : most;
    }
    return most + 1;
}

/* Someone of before who was not found in this batch yet, or somebody new. */
static size_t take_person(People *people, const ClusterPoint *group)
{
    float best = face_likeness(people->embedder).group;
    size_t found = people->count;
    const float length = sqrtf(face_cosine(group->sum, group->sum));
    for (size_t i = 0; i < people->count; i++) {
        const float alike = face_cosine(group->sum, people->items[i].who.embedding) / length;
        if (!people->items[i].seen && alike >= best) {
            best = alike;
            found = i;
        }
    }
    if (found == people->count) {
        (void)add_person(people, unused_number(people));
    }
    Person *person = &people->items[found];
    person->seen = true;
    for (int i = 0; i < EMBEDDING_SIZE; i++) {
        person->who.embedding[i] = group->sum[i] / length;
    }
    return found;
}

typedef struct Ranked {
    ClusterPoint sum;
    int group;
} Ranked;

static int heavier_first(const void *a, const void *b)
{
    const float first = ((const Ranked *)a)->sum.weight;
    const float second = ((const Ranked *)b)->sum.weight;
    return (first < second) - (first > second);
}

/* Those who are seen most choose their numbers first. */
static size_t *take_people(Finding *finding, People *people)
{
    const int groups = cluster_points(finding->groups, finding->group_count, finding->limit);
    Ranked *ranked = memory_alloc((size_t)groups + 1, sizeof *ranked);
    size_t *of_rank = memory_alloc((size_t)groups + 1, sizeof *of_rank);
    size_t *person_of = memory_alloc(finding->group_count + 1, sizeof *person_of);
    for (size_t i = 0; i < finding->group_count; i++) {
        Ranked *rank = &ranked[finding->groups[i].group];
        rank->group = finding->groups[i].group;
        cluster_add(&rank->sum, &finding->groups[i]);
    }
    qsort(ranked, (size_t)groups, sizeof *ranked, heavier_first);
    for (int i = 0; i < groups; i++) {
        of_rank[ranked[i].group] = take_person(people, &ranked[i].sum);
    }
    for (size_t i = 0; i < finding->group_count; i++) {
        person_of[i] = of_rank[finding->groups[i].group];
    }
    memory_free(of_rank);
    memory_free(ranked);
    return person_of;
}

static int seen_first(const void *a, const void *b)
{
    const Person *first = a;
    const Person *second = b;
    if (first->seen != second->seen) {
        return first->seen ? -1 : 1;
    }
    return first->who.number - second->who.number;
}

Status people_find(const FaceRecords *records, People *people, Error *err)
{
    Finding finding = {.records = records, .limit = face_likeness(people->embedder).group};
    finding.videos = memory_alloc(records->count + 1, sizeof *finding.videos);
    Status status = group_all(&finding, err);
    size_t *person_of = status == STATUS_OK ? take_people(&finding, people) : NULL;
    for (size_t i = 0; i < records->count && status == STATUS_OK; i++) {
        status = tell_video(&finding, i, person_of, people, err);
    }
    if (people->count > 0) {
        qsort(people->items, people->count, sizeof *people->items, seen_first);
    }
    for (size_t i = 0; i < records->count; i++) {
        memory_free(finding.videos[i].points);
    }
    memory_free(person_of);
    memory_free(finding.groups);
    memory_free(finding.videos);
    return status;
}

/* ---- names ---- */

static Person *find_number(const People *people, const char *text)
{
    char *rest = NULL;
    const long number = strtol(text, &rest, 10);
    for (size_t i = 0; i < people->count && rest != text && *rest == '\0'; i++) {
        if (people->items[i].who.number == number) {
            return &people->items[i];
        }
    }
    return NULL;
}

static bool is_taken(const People *people, const char *name, const Person *by_other_than)
{
    bool taken = false;
    for (size_t i = 0; i < people->count && name[0] != '\0'; i++) {
        const Person *person = &people->items[i];
        taken = taken || (person != by_other_than && strcmp(person->who.name, name) == 0);
    }
    return taken;
}

/* A name must not look like a number, or a path, and is written in UTF-8. */
static bool is_name(const char *name)
{
    bool good =
        strlen(name) < PERSON_NAME_SIZE && !isdigit((unsigned char)name[0]) && strchr(name, '/') == NULL;
    uint32_t code = 0;
    while (good && *name != '\0') {
        good = utf8_next(&name, &code);
    }
    return good;
}

static Status name_one(People *people, char *piece, Error *err)
{
    static const char what[] = "--name";
    char *name = strchr(piece, '=');
    if (name == NULL) {
        return error_setf(err, ERROR_USAGE, what, NULL, "\"%.80s\" is not of the form 3=anna", piece);
    }
    *name++ = '\0';
    Person *person = find_number(people, piece);
    if (person == NULL) {
        (void)error_setf(err, ERROR_USAGE, what, NULL, "nobody has the number \"%.80s\"", piece);
        error_advise(err, "runbatch faces tells the numbers");
        return STATUS_FAILED;
    }
    if (!is_name(name) || is_taken(people, name, person)) {
        Text shown = {0};
        utf8_append_clean(&shown, name);
        (void)error_setf(err, ERROR_USAGE, what, NULL, "\"%.80s\" %s", shown.data,
                         is_name(name)
                             ? "is another person's name already"
                             : "is no name: it begins with a digit, has a / in it, is not UTF-8, or "
                               "is too long");
        text_free(&shown);
        return STATUS_FAILED;
    }
    text_copy(person->who.name, sizeof person->who.name, name);
    text_strip_control(person->who.name);
    return STATUS_OK;
}

Status people_name(People *people, const char *names, Error *err)
{
    char *copy = text_duplicate(names);
    char *rest = copy;
    char *piece = NULL;
    Status status = STATUS_OK;
    while (status == STATUS_OK && (piece = strsep(&rest, ",")) != NULL) {
        status = name_one(people, piece, err);
    }
    memory_free(copy);
    return status;
}
