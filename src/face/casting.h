/* Who gets which face: people and what becomes of them (Cast), and from that the fate of each track of a
 * video's record and of each face of a frame (Casting).
 *
 * A face that nobody could tell, turned away or too small, gets no other face, ever: it is anonymised if
 * anybody is to be, and otherwise stays. The same holds for one that is as much like two people of different
 * fates, for one that is neither clearly somebody nor clearly nobody, and on frames on which it is not sure
 * whose face it is. A Casting is immutable; any thread may ask. Memory: 2 KB a
 * likeness, 8 bytes a track.
 */
#ifndef RUNBATCH_FACE_CASTING_H
#define RUNBATCH_FACE_CASTING_H

#include "face/record.h"

typedef enum FaceDeed {
    FACE_KEEP = 0,
    FACE_SWAP,
    FACE_ANONYMIZE,
} FaceDeed;

typedef struct FaceFate {
    FaceDeed deed;
    int source;  /* with FACE_SWAP: from 0 */
    bool unsure; /* nobody can tell who it is: what is safe */
} FaceFate;

/* One look of a person; a person may have several. */
typedef struct CastLook {
    int person;
    float embedding[EMBEDDING_SIZE]; /* unit length */
} CastLook;

/* Zero-initialise; free with cast_free. */
typedef struct Cast {
    CastLook *looks;
    size_t look_count;
    FaceFate *fates; /* by person, from 0 */
    size_t person_count;
    FaceFate others;
    FaceLikeness likeness; /* of the embeddings */
} Cast;

void cast_free(Cast *cast);
/* A new person; its number. */
int cast_add_person(Cast *cast, FaceFate fate);
void cast_add_look(Cast *cast, int person, const float embedding[EMBEDDING_SIZE]);

/* The fate of someone who looks like that. `weight` as in FaceTrack: how much it was seen. */
FaceFate cast_fate(const Cast *cast, const float embedding[EMBEDDING_SIZE], float weight);

/* Whether two looks are one person's and have different fates. */
bool casting_is_contradiction(const Cast *cast, const CastLook *a, const CastLook *b);

typedef struct Casting Casting;

/* For a record, which must outlive it. */
Status casting_new(Casting **casting, const Cast *cast, const FaceRecord *record, Error *err);
/* Copes with NULL. */
void casting_free(Casting **casting);

/* Of a track of the record. */
FaceFate casting_of_track(const Casting *casting, int track);
/* Selects the faces of the frame with that pts that get another one, and says which. */
void casting_select(const Casting *casting, int64_t pts, FrameFaces *faces);

/* The one face of a picture of someone: its embedding. ERROR_INPUT unless the picture shows one face;
 * `option` is named in the advice. The models need the embedder. */
Status person_of_picture(const FaceModels *models, const char *path, const char *option,
                         float embedding[EMBEDDING_SIZE], Error *err);

#endif
