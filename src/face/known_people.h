/* The people of a folder as they are remembered from one look to the next: number, name, likeness. Kept as
 * JSON, "faces/people.json" in the state folder; written by `runbatch faces`, read by whoever is told whom to
 * change by number or name. What is read is untrusted. Memory: 2 KB a person. One thread.
 */
#ifndef RUNBATCH_FACE_KNOWN_PEOPLE_H
#define RUNBATCH_FACE_KNOWN_PEOPLE_H

#include <stddef.h>

#include "face/face.h"

#define PEOPLE_FILE "faces/people.json"

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

/* None where there is no file. ERROR_ENVIRONMENT where it cannot be read, or is something else. */
Status known_people_read(const char *path, KnownPeople *people, Error *err);
/* Its folder is made. */
Status known_people_write(const char *path, const KnownPeople *people, Error *err);

/* By name or number; NULL when there is none. */
const KnownPerson *known_people_get(const KnownPeople *people, const char *who);

/* Copes with a zeroed one; leaves it zeroed. */
void known_people_free(KnownPeople *people);

#endif
