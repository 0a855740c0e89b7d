/* The people of a batch: the tracks of all its videos put together by likeness (face/cluster.h), each person
 * with a number that stays, and the name that a user gave.
 *
 * First within each video, then over all of them, so that memory goes by the people of the videos and not by
 * their tracks. Numbers, names and likenesses are remembered (face/known_people.h): a person
 * seen again has the number and the name of before. One thread.
 */
#ifndef RUNBATCH_BATCH_PEOPLE_H
#define RUNBATCH_BATCH_PEOPLE_H

#include "batch/face_records.h"
#include "face/known_people.h"

enum { PERSON_VIEWS = 6 };

/* A person in one of the videos. */
typedef struct PersonVideo {
    size_t video; /* by the plan */
    int tracks;
    int64_t frames;
    double first_s; /* since the first frame */
    double last_s;
} PersonVideo;

typedef struct PersonView {
    size_t video;
    int64_t frame;
    double at_s;
    float quality;
    void *picture; /* JPEG; owned */
    int picture_bytes;
} PersonView;

typedef struct Person {
    KnownPerson who;
    bool seen; /* in these videos; others are only remembered, and have nothing below */
    int64_t frames;
    PersonVideo *videos;
    size_t video_count;
    PersonView views[PERSON_VIEWS]; /* the best first */
    int view_count;
} Person;

typedef struct People {
    Person *items; /* seen ones first, then by number */
    size_t count;
    const char *embedder;  /* its name, which the embeddings are of; the caller's */
    int64_t unsure_frames; /* of faces that nobody could tell: turned away, too small */
} People;

/* What is remembered; none where there is no file. ERROR_ENVIRONMENT where it cannot be read. */
Status people_read(const char *state_dir, const char *embedder, People *people, Error *err);
Status people_write(const char *state_dir, const People *people, Error *err);

/* Who is to be seen in the videos; `people` as read before. */
Status people_find(const FaceRecords *records, People *people, Error *err);

/* "3=anna,4=ben": gives names; an empty one takes it away. ERROR_USAGE for what is no such thing, or a number
 * that nobody has. */
Status people_name(People *people, const char *names, Error *err);

/* Copes with a zeroed one; leaves it zeroed. */
void people_free(People *people);

#endif
