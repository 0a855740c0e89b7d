#include "batch/people.h"

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/files.h"
#include "base/text.h"
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
    *person = (Person){.number = number};
    return person;
}

/* ---- the file ---- */

enum { FILE_MOST = 64 * 1024 * 1024 };

static Status read_person(const json_t *object, People *people)
{
    const json_t *embedding = json_object_get(object, "embedding");
    const json_int_t number = json_integer_value(json_object_get(object, "number"));
    const char *name = json_string_value(json_object_get(object, "name"));
    if (number < 1 || number > INT32_MAX || json_array_size(embedding) != EMBEDDING_SIZE) {
        return STATUS_FAILED;
    }
    Person *person = add_person(people, (int)number);
    text_copy(person->name, sizeof person->name, name != NULL ? name : "");
    for (size_t i = 0; i < EMBEDDING_SIZE; i++) {
        person->embedding[i] = (float)json_number_value(json_array_get(embedding, i));
    }
    return STATUS_OK;
}

Status people_read(const char *state_dir, People *people, Error *err)
{
    *people = (People){0};
    char *path = path_join(state_dir, PEOPLE_FILE);
    char *data = NULL;
    int64_t size = 0;
    Status status = STATUS_OK;
    if (file_exists(path)) {
        status = file_read(path, FILE_MOST, &data, &size, err);
    }
    if (status == STATUS_OK && data != NULL) {
        json_t *root = json_loadb(data, (size_t)size, JSON_REJECT_DUPLICATES, NULL);
        const json_t *list = json_object_get(root, "people");
        status = json_is_array(list) ? STATUS_OK : STATUS_FAILED;
        for (size_t i = 0; status == STATUS_OK && i < json_array_size(list); i++) {
            status = read_person(json_array_get(list, i), people);
        }
        json_decref(root);
        if (status != STATUS_OK) {
            (void)error_set(err, ERROR_ENVIRONMENT, "cannot read the people of this folder", path,
                            "it is not what runbatch faces writes");
            error_advise(err, "remove it, and run runbatch faces again");
        }
    }
    memory_free(data);
    memory_free(path);
    if (status != STATUS_OK) {
        people_free(people);
    }
    return status;
}

static json_t *person_to_json(const Person *person)
{
    json_t *embedding = json_array();
    for (int i = 0; i < EMBEDDING_SIZE; i++) {
        (void)json_array_append_new(embedding, json_real(round((double)person->embedding[i] * 1e5) / 1e5));
    }
    return json_pack("{s:i, s:s, s:o}", "number", person->number, "name", person->name, "embedding",
                     embedding);
}

static Status write_text(const char *path, const char *text, Error *err)
{
    char *part = text_format("%s.part", path);
    FILE *file = fopen(part, "we");
    bool good = file != NULL && fwrite(text, 1, strlen(text), file) == strlen(text);
    if (file != NULL) {
        good = fclose(file) == 0 && good;
    }
    Status status = good ? file_publish(part, path, err)
                         : error_set_errno(err, ERROR_ENVIRONMENT, "cannot note the people", part, errno);
    if (status != STATUS_OK) {
        (void)unlink(part);
    }
    memory_free(part);
    return status;
}

Status people_write(const char *state_dir, const People *people, Error *err)
{
    json_t *list = json_array();
    for (size_t i = 0; i < people->count; i++) {
        (void)json_array_append_new(list, person_to_json(&people->items[i]));
    }
    json_t *root = json_pack("{s:o}", "people", list);
    char *text = memory_check(json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(6)));
    char *path = path_join(state_dir, PEOPLE_FILE);
    char *folder = path_folder(path);
    Status status = folder_make(folder, err);
    if (status == STATUS_OK) {
        status = write_text(path, text, err);
    }
    memory_free(folder);
    memory_free(path);
    free(text);
    json_decref(root);
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
    tracks->groups = cluster_points(known, count, CLUSTER_LIMIT);
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
        most = people->items[i].number > most ? people->items[i].number : most;
    }
    return most + 1;
}

/* Someone of before who was not found in this batch yet, or somebody new. */
static size_t take_person(People *people, const ClusterPoint *group)
{
    float best = CLUSTER_LIMIT;
    size_t found = people->count;
    const float length = sqrtf(face_cosine(group->sum, group->sum));
    for (size_t i = 0; i < people->count; i++) {
        const float alike = face_cosine(group->sum, people->items[i].embedding) / length;
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
        person->embedding[i] = group->sum[i] / length;
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
    const int groups = cluster_points(finding->groups, finding->group_count, CLUSTER_LIMIT);
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
    return first->number - second->number;
}

Status people_find(const FaceRecords *records, People *people, Error *err)
{
    Finding finding = {.records = records};
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

static const Person *find_number(const People *people, const char *text)
{
    char *rest = NULL;
    const long number = strtol(text, &rest, 10);
    for (size_t i = 0; i < people->count && rest != text && *rest == '\0'; i++) {
        if (people->items[i].number == number) {
            return &people->items[i];
        }
    }
    return NULL;
}

const Person *people_get(const People *people, const char *who)
{
    for (size_t i = 0; i < people->count; i++) {
        if (people->items[i].name[0] != '\0' && strcmp(people->items[i].name, who) == 0) {
            return &people->items[i];
        }
    }
    return find_number(people, who);
}

/* A name must not look like a number. */
static bool is_name(const char *name)
{
    return strlen(name) < PERSON_NAME_SIZE && (name[0] == '\0' || !isdigit((unsigned char)name[0]));
}

static Status name_one(People *people, char *piece, Error *err)
{
    static const char what[] = "--name";
    char *name = strchr(piece, '=');
    if (name == NULL) {
        return error_setf(err, ERROR_USAGE, what, NULL, "\"%.80s\" is not of the form 3=anna", piece);
    }
    *name++ = '\0';
    Person *person = (Person *)(uintptr_t)find_number(people, piece);
    if (person == NULL) {
        (void)error_setf(err, ERROR_USAGE, what, NULL, "nobody has the number \"%.80s\"", piece);
        error_advise(err, "runbatch faces tells the numbers");
        return STATUS_FAILED;
    }
    const Person *other = name[0] != '\0' ? people_get(people, name) : NULL;
    if (!is_name(name) || (other != NULL && other != person)) {
        return error_setf(err, ERROR_USAGE, what, NULL, "\"%.80s\" %s", name,
                          is_name(name) ? "is another person's name already"
                                        : "is no name: it begins with a digit, or is too long");
    }
    text_copy(person->name, sizeof person->name, name);
    text_strip_control(person->name);
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
