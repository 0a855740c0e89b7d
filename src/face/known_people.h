/* The people of a folder as they are remembered from one look to the next: number, name, likeness. Kept as
 * JSON in the state folder, a file for each embedder, as embeddings of two cannot be compared; written by
 * `runbatch faces`, read by whoever is told whom to change by number or name. What is read is untrusted.
 * Memory: 2 KB a person. One thread.
 */
#ifndef RUNBATCH_FACE_KNOWN_PEOPLE_H
#define RUNBATCH_FACE_KNOWN_PEOPLE_H

#include <stddef.h>

#include "face/face.h"

enum { PERSON_NAME_SIZE = 64 };

typedef struct KnownPerson {
    int number; /* from 1 */
    char name[PERSON_NAME_SIZE];
    float embedding[EMBEDDING_SIZE]; /* unit length */
} KnownPerson;

typedef struct KnownPeople {
    KnownPerson *items;
    size_t count;
} KnownPeople;

/* "faces/people.json", or "faces/people-w600k_r50.json", in new memory that the caller frees. `embedder`: its
 * name in the catalogue. */
char *known_people_file(const char *state_dir, const char *embedder);

/* None where there is no file. ERROR_ENVIRONMENT where it cannot be read, or is something else. */
Status known_people_read(const char *path, KnownPeople *people, Error *err);
/* Its folder is made. */
Status known_people_write(const char *path, const KnownPeople *people, Error *err);

/* By name or number; NULL when there is none. */
const KnownPerson *known_people_get(const KnownPeople *people, const char *who);

/* Copes with a zeroed one; leaves it zeroed. */
void known_people_free(KnownPeople *people);

#endif
