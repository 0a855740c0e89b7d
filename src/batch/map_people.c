#include "batch/map_people.h"

#include "face/known_people.h"
#include "options/face_map.h"

static Status add_names(const Settings *settings, const TextList *names, const KnownPeople *known,
                        json_t *numbers, Error *err)
{
    for (size_t i = 0; i < names->count; i++) {
        const KnownPerson *person = known_people_get(known, names->items[i]);
        if (person == NULL) {
            return face_map_refuse_name(settings->face_map, names->items[i], err);
        }
        (void)json_object_set_new(numbers, names->items[i], json_integer(person->number));
    }
    return STATUS_OK;
}

Status map_people(const Settings *settings, const char *people, json_t **numbers, Error *err)
{
    if (numbers != NULL) {
        *numbers = NULL;
    }
    if (settings->face_map == NULL) {
        return STATUS_OK;
    }
    FaceMap map = {0};
    KnownPeople known = {0};
    json_t *found = json_object();
    Status status = face_map_read(settings->face_map, &map, err);
    if (status == STATUS_OK) {
        status = known_people_read(people, &known, err);
    }
    for (size_t i = 0; i < map.count && status == STATUS_OK; i++) {
        status = add_names(settings, &map.people[i].names, &known, found, err);
    }
    if (status == STATUS_OK && numbers != NULL && json_object_size(found) > 0) {
        *numbers = json_incref(found);
    }
    json_decref(found);
    known_people_free(&known);
    face_map_free(&map);
    return status;
}
