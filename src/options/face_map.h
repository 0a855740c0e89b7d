/* --face-map: who becomes whom, for all videos of a run.
 *
 *   {"people": [{"who": "anna", "becomes": "new/one.jpg"},
 *               {"who": [2, "old/ben.jpg"], "becomes": "keep"},
 *               {"who": ["a.jpg", "b.jpg"], "becomes": "anonymize"}],
 *    "others": "keep"}
 *
 * `who` is one person: numbers or names that `runbatch faces` gave, pictures, or several of these. A word
 * with a '/' or a picture's extension is a file; its path goes by the map's own folder. Read from a file of
 * at most 1 MiB that is untrusted. Plain data; one thread.
 */
#ifndef RUNBATCH_OPTIONS_FACE_MAP_H
#define RUNBATCH_OPTIONS_FACE_MAP_H

#include "base/error.h"
#include "base/text.h"
#include "options/settings.h"

enum { FACE_MAP_PEOPLE = 256, FACE_MAP_SOURCES = 16 /* at most */ };

typedef enum FaceMapDeed {
    FACE_MAP_KEEP = 0,
    FACE_MAP_SWAP,
    FACE_MAP_ANONYMIZE,
} FaceMapDeed;

typedef struct FaceMapFate {
    FaceMapDeed deed;
    int source; /* with FACE_MAP_SWAP: of FaceMap.sources */
} FaceMapFate;

typedef struct FaceMapPerson {
    TextList pictures; /* paths */
    TextList names;    /* or numbers */
    FaceMapFate fate;
} FaceMapPerson;

typedef struct FaceMap {
    FaceMapPerson *people;
    size_t count;
    TextList sources;   /* paths of pictures, each once */
    FaceMapFate others; /* keep, if the map says nothing */
} FaceMap;

/* ERROR_USAGE, with the place in the file: what is no such map; ERROR_ENVIRONMENT: it cannot be read. On
 * failure `map` is empty. */
Status face_map_read(const char *path, FaceMap *map, Error *err);
/* The same of what stands in it; `path` for its folder and for messages. */
Status face_map_parse(const char *text, size_t size, const char *path, FaceMap *map, Error *err);
/* Copes with a zeroed one; leaves it zeroed. */
void face_map_free(FaceMap *map);

/* The pictures it names, each once; none of a map that cannot be read. */
void face_map_files(const char *path, TextList *paths);

/* That the map at `path` names somebody whom nobody knows. STATUS_FAILED. */
Status face_map_refuse_name(const char *path, const char *name, Error *err);

/* Whether somebody's fate, or the others', is that one. */
bool face_map_has(const FaceMap *map, FaceMapDeed deed);

/* What the run needs for the map of `settings`: an anonymizer before all other processors, if the map asks
 * for one and the user named none. ERROR_USAGE: the map cannot be, or swaps and there is no face_swapper.
 * Nothing without a map. */
Status face_map_settle(Settings *settings, Error *err);

#endif
