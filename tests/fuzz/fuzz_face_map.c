/* A face map from anywhere: taken whole or refused with a reason. */
#include <stdlib.h>

#include "fuzz.h"
#include "options/face_map.h"

static void check_fate(const FaceMap *map, FaceMapFate fate)
{
    if (fate.deed == FACE_MAP_SWAP && (fate.source < 0 || (size_t)fate.source >= map->sources.count)) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FaceMap map;
    Error err = {0};
    if (face_map_parse((const char *)data, size, "maps/map.json", &map, &err) == STATUS_OK) {
        check_fate(&map, map.others);
        for (size_t i = 0; i < map.count; i++) {
            check_fate(&map, map.people[i].fate);
            if (map.people[i].names.count + map.people[i].pictures.count == 0) {
                abort();
            }
        }
        if (map.sources.count > FACE_MAP_SOURCES) {
            abort();
        }
    } else if (!error_is_set(&err) || map.people != NULL) {
        abort();
    }
    face_map_free(&map);
    return 0;
}
