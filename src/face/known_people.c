#include "face/known_people.h"

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

enum { FILE_MOST = 64 * 1024 * 1024 };

void known_people_free(KnownPeople *people)
{
    memory_free(people->items);
    *people = (KnownPeople){0};
}

char *known_people_file(const char *state_dir, const char *embedder)
{
    const KnownModel *known = known_model_find(embedder);
    return known == NULL || known->package != NULL
               ? path_join(state_dir, "faces/people.json")
               : text_format("%s/faces/people-%s.json", state_dir, known->name);
}

/* ---- reading ---- */

static bool read_person(const json_t *object, KnownPerson *person)
{
    const json_t *embedding = json_object_get(object, "embedding");
    const json_int_t number = json_integer_value(json_object_get(object, "number"));
    const char *name = json_string_value(json_object_get(object, "name"));
    if (number < 1 || number > INT32_MAX || json_array_size(embedding) != EMBEDDING_SIZE) {
        return false;
    }
    *person = (KnownPerson){.number = (int)number};
    text_copy(person->name, sizeof person->name, name != NULL ? name : "");
    for (size_t i = 0; i < EMBEDDING_SIZE; i++) {
        person->embedding[i] = (float)json_number_value(json_array_get(embedding, i));
    }
    return true;
}

static bool read_people(const char *data, size_t size, KnownPeople *people)
{
    json_t *root = json_loadb(data, size, JSON_REJECT_DUPLICATES, NULL);
    const json_t *list = json_object_get(root, "people");
    const size_t count = json_array_size(list);
    bool good = json_is_array(list);
    people->items = memory_alloc(count + 1, sizeof *people->items);
    while (good && people->count < count) {
        good = read_person(json_array_get(list, people->count), &people->items[people->count]);
        people->count += good;
    }
    json_decref(root);
    return good;
}

Status known_people_read(const char *path, KnownPeople *people, Error *err)
{
    *people = (KnownPeople){0};
    char *data = NULL;
    int64_t size = 0;
    if (!file_exists(path)) {
        return STATUS_OK;
    }
    if (file_read(path, FILE_MOST, &data, &size, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    const bool good = read_people(data, (size_t)size, people);
    memory_free(data);
    if (good) {
        return STATUS_OK;
    }
    known_people_free(people);
    (void)error_set(err, ERROR_ENVIRONMENT, "cannot read the people of this folder", path,
                    "it is not what runbatch faces writes");
    error_advise(err, "remove it, and run runbatch faces again");
    return STATUS_FAILED;
}

/* ---- writing ---- */

static json_t *person_to_json(const KnownPerson *person)
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

Status known_people_write(const char *path, const KnownPeople *people, Error *err)
{
    json_t *list = json_array();
    for (size_t i = 0; i < people->count; i++) {
        (void)json_array_append_new(list, person_to_json(&people->items[i]));
    }
    json_t *root = json_pack("{s:o}", "people", list);
    char *text = memory_check(json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(6)));
    char *folder = path_folder(path);
    Status status = folder_make(folder, err);
    if (status == STATUS_OK) {
        status = write_text(path, text, err);
    }
    memory_free(folder);
    free(text);
    json_decref(root);
    return status;
}

/* ---- asking ---- */

static const KnownPerson *find_number(const KnownPeople *people, const char *text)
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

const KnownPerson *known_people_get(const KnownPeople *people, const char *who)
{
    for (size_t i = 0; i < people->count; i++) {
        if (people->items[i].name[0] != '\0' && strcmp(people->items[i].name, who) == 0) {
            return &people->items[i];
        }
    }
    return find_number(people, who);
}
