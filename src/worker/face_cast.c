#include "worker/face_cast.h"

#include "base/log.h"
#include "face/known_people.h"

static FaceFate fate_of(FaceMapFate fate)
{
    static const FaceDeed deeds[] = {
        [FACE_MAP_KEEP] = FACE_KEEP, [FACE_MAP_SWAP] = FACE_SWAP, [FACE_MAP_ANONYMIZE] = FACE_ANONYMIZE};
    return (FaceFate){.deed = deeds[fate.deed], .source = fate.source};
}

static Status add_names(const FaceCastConfig *config, const TextList *names, const KnownPeople *known,
                        Cast *cast, int person, Error *err)
{
    for (size_t i = 0; i < names->count; i++) {
        const KnownPerson *found = known_people_get(known, names->items[i]);
        if (found == NULL) {
            return face_map_refuse_name(config->path, names->items[i], err);
        }
        cast_add_look(cast, person, found->embedding);
    }
    return STATUS_OK;
}

static Status add_pictures(const FaceCastConfig *config, const TextList *pictures, Cast *cast, int person,
                           Error *err)
{
    Status status = STATUS_OK;
    for (size_t i = 0; i < pictures->count && status == STATUS_OK; i++) {
        float embedding[EMBEDDING_SIZE];
        status = person_of_picture(config->models, pictures->items[i], "--face-map", embedding, err);
        if (status == STATUS_OK) {
            cast_add_look(cast, person, embedding);
        }
    }
    return status;
}

static Status fill(const FaceCastConfig *config, const KnownPeople *known, Cast *cast, Error *err)
{
    const FaceMap *map = config->map;
    Status status = STATUS_OK;
    cast->others = fate_of(map->others);
    for (size_t i = 0; i < map->count && status == STATUS_OK; i++) {
        const FaceMapPerson *who = &map->people[i];
        const int person = cast_add_person(cast, fate_of(who->fate));
        status = add_names(config, &who->names, known, cast, person, err);
        if (status == STATUS_OK) {
            status = add_pictures(config, &who->pictures, cast, person, err);
        }
    }
    return status;
}

/* Two entries of one person, with two fates: neither would come true. */
static void warn_of_twins(const FaceCastConfig *config, const Cast *cast)
{
    for (size_t i = 0; i < cast->look_count; i++) {
        for (size_t k = 0; k < i; k++) {
            const CastLook *a = &cast->looks[k];
            const CastLook *b = &cast->looks[i];
            if (casting_is_contradiction(cast, a, b)) {
                log_warn(
                    "%s: persons %d and %d look like one, and become different ones: neither is told for "
                    "sure",
                    config->path, a->person + 1, b->person + 1);
            }
        }
    }
}

Status face_cast_open(Casting **casting, const FaceCastConfig *config, Error *err)
{
    *casting = NULL;
    Cast cast = {.likeness = face_likeness(face_models_embedder(config->models))};
    KnownPeople known = {0};
    Status status = config->people != NULL ? known_people_read(config->people, &known, err) : STATUS_OK;
    if (status == STATUS_OK) {
        status = fill(config, &known, &cast, err);
    }
    if (status == STATUS_OK) {
        warn_of_twins(config, &cast);
        status = casting_new(casting, &cast, config->record, err);
    }
    known_people_free(&known);
    cast_free(&cast);
    return status;
}
