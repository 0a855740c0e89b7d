/* --face-map for one video: the people it names are looked up, in pictures and among those that
 * `runbatch faces` knows, and every track of the video's record gets its fate. One thread. */
#ifndef RUNBATCH_WORKER_FACE_CAST_H
#define RUNBATCH_WORKER_FACE_CAST_H

#include "face/casting.h"
#include "options/face_map.h"

typedef struct FaceCastConfig {
    const FaceMap *map;
    const char *path;         /* of the map, for messages */
    const FaceModels *models; /* with the embedder */
    const char *people;       /* path of what is known of people; may be NULL: nothing */
    const FaceRecord *record;
} FaceCastConfig;

/* ERROR_USAGE: it names somebody whom nobody knows; ERROR_INPUT: a picture is not of one person. */
Status face_cast_open(Casting **casting, const FaceCastConfig *config, Error *err);

#endif
