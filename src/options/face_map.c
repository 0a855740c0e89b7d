#include "options/face_map.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/files.h"
#include "options/table.h"

enum { FILE_MOST = 1 << 20 };

static const char cannot[] = "cannot use the face map";

typedef struct Reading {
    const char *path;
    const char *folder;
    FaceMap *map;
    Error *err;
} Reading;

/* `person`: its number from 1; 0: the map as a whole. */
static Status refuse(const Reading *reading, size_t person, const char *why)
{
    if (person > 0) {
        (void)error_setf(reading->err, ERROR_USAGE, cannot, reading->path, "person %zu: %s", person, why);
    } else {
        (void)error_set(reading->err, ERROR_USAGE, cannot, reading->path, why);
    }
    error_advise(reading->err, "docs/face-map.md shows how one is written");
    return STATUS_FAILED;
}

/* ---- words ---- */

static bool is_picture(const char *word)
{
    static const char *const extensions[] = {".jpg", ".jpeg", ".png", ".bmp", ".webp"};
    bool found = strchr(word, '/') != NULL;
    for (size_t i = 0; i < sizeof extensions / sizeof extensions[0]; i++) {
        found = found || text_ends_with_nocase(word, extensions[i]);
    }
    return found;
}

static void add_path(TextList *list, const char *folder, const char *path)
{
    char *whole = path[0] == '/' ? text_duplicate(path) : path_join(folder, path);
    text_list_add(list, whole);
    memory_free(whole);
}

static size_t list_find(const TextList *list, const char *item)
{
    size_t i = 0;
    while (i < list->count && strcmp(list->items[i], item) != 0) {
        i++;
    }
    return i;
}

/* ---- fates ---- */

static Status read_source(const Reading *reading, size_t person, const char *word, FaceMapFate *fate)
{
    TextList *sources = &reading->map->sources;
    TextList one = {0};
    add_path(&one, reading->folder, word);
    const size_t at = list_find(sources, one.items[0]);
    if (at == sources->count) {
        text_list_add(sources, one.items[0]);
    }
    text_list_free(&one);
    *fate = (FaceMapFate){FACE_MAP_SWAP, (int)at};
    if (at < FACE_MAP_SOURCES) {
        return STATUS_OK;
    }
    char why[64];
    (void)snprintf(why, sizeof why, "there are more than %d sources", FACE_MAP_SOURCES);
    return refuse(reading, person, why);
}

static Status read_fate(const Reading *reading, size_t person, const json_t *value, FaceMapFate *fate)
{
    const char *word = json_string_value(value);
    *fate = (FaceMapFate){0};
    if (word != NULL && strcmp(word, "keep") == 0) {
        return STATUS_OK;
    }
    if (word != NULL && strcmp(word, "anonymize") == 0) {
        fate->deed = FACE_MAP_ANONYMIZE;
        return STATUS_OK;
    }
    if (word == NULL || !is_picture(word)) {
        return refuse(reading, person, "what becomes of a face is \"keep\", \"anonymize\" or a picture");
    }
    return read_source(reading, person, word, fate);
}

/* ---- people ---- */

static Status read_one(const Reading *reading, size_t number, const json_t *value, FaceMapPerson *person)
{
    const char *word = json_string_value(value);
    if (json_is_integer(value) && json_integer_value(value) > 0) {
        char *text = text_format("%lld", (long long)json_integer_value(value));
        text_list_add(&person->names, text);
        memory_free(text);
        return STATUS_OK;
    }
    if (word == NULL || word[0] == '\0') {
        return refuse(reading, number, "\"who\" is a number or name of runbatch faces, a picture, or a list");
    }
    if (is_picture(word)) {
        add_path(&person->pictures, reading->folder, word);
    } else {
        text_list_add(&person->names, word);
    }
    return STATUS_OK;
}

/* Whether a key is none of those that are known: a slip of the pen must not change what is done. */
static const char *strange_key(const json_t *object, const char *const *known)
{
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        size_t i = 0;
        while (known[i] != NULL && strcmp(known[i], key) != 0) {
            i++;
        }
        if (known[i] == NULL) {
            return key;
        }
    }
    return NULL;
}

static Status check_keys(const Reading *reading, size_t number, const json_t *object,
                         const char *const *known)
{
    const char *strange = strange_key(object, known);
    if (strange == NULL) {
        return STATUS_OK;
    }
    char why[128];
    (void)snprintf(why, sizeof why, "it does not know \"%.64s\"", strange);
    return refuse(reading, number, why);
}

static Status read_person(const Reading *reading, size_t number, const json_t *object, FaceMapPerson *person)
{
    static const char *const known[] = {"who", "becomes", NULL};
    const json_t *who = json_object_get(object, "who");
    const size_t several = json_array_size(who);
    if (!json_is_object(object) || who == NULL || (json_is_array(who) && several == 0)) {
        return refuse(reading, number, "it has no \"who\"");
    }
    Status status = check_keys(reading, number, object, known);
    for (size_t i = 0; i < several && status == STATUS_OK; i++) {
        status = read_one(reading, number, json_array_get(who, i), person);
    }
    if (status == STATUS_OK && !json_is_array(who)) {
        status = read_one(reading, number, who, person);
    }
    return status == STATUS_OK ? read_fate(reading, number, json_object_get(object, "becomes"), &person->fate)
                               : status;
}

static Status read_map(const Reading *reading, const json_t *root)
{
    static const char *const known[] = {"people", "others", NULL};
    const json_t *people = json_object_get(root, "people");
    const json_t *others = json_object_get(root, "others");
    const size_t count = json_array_size(people);
    if (!json_is_object(root) || !json_is_array(people) || count > FACE_MAP_PEOPLE) {
        return refuse(reading, 0, "it has no list \"people\", or one of more than 256");
    }
    Status status = check_keys(reading, 0, root, known);
    reading->map->people = memory_alloc(count + 1, sizeof *reading->map->people);
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        reading->map->count++;
        status = read_person(reading, i + 1, json_array_get(people, i), &reading->map->people[i]);
    }
    if (status == STATUS_OK && others != NULL) {
        status = read_fate(reading, 0, others, &reading->map->others);
    }
    return status;
}

Status face_map_parse(const char *text, size_t size, const char *path, FaceMap *map, Error *err)
{
    *map = (FaceMap){0};
    char *folder = path_folder(path);
    const Reading reading = {path, folder, map, err};
    json_error_t at;
    json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &at);
    Status status = STATUS_OK;
    if (root == NULL) {
        char why[192];
        (void)snprintf(why, sizeof why, "line %d: %.128s", at.line, at.text);
        status = refuse(&reading, 0, why);
    } else {
        status = read_map(&reading, root);
    }
    json_decref(root);
    memory_free(folder);
    if (status != STATUS_OK) {
        face_map_free(map);
    }
    return status;
}

Status face_map_read(const char *path, FaceMap *map, Error *err)
{
    *map = (FaceMap){0};
    char *data = NULL;
    int64_t size = 0;
    /* It is read more than once: what comes through a pipe would not be there again, or never come. */
    if (file_exists(path) && file_size(path) < 0) {
        return error_set(err, ERROR_USAGE, cannot, path, "it is no regular file");
    }
    Status status = file_read(path, FILE_MOST, &data, &size, err);
    if (status == STATUS_OK) {
        status = face_map_parse(data, (size_t)size, path, map, err);
    }
    memory_free(data);
    return status;
}

void face_map_free(FaceMap *map)
{
    for (size_t i = 0; i < map->count; i++) {
        text_list_free(&map->people[i].pictures);
        text_list_free(&map->people[i].names);
    }
    memory_free(map->people);
    text_list_free(&map->sources);
    *map = (FaceMap){0};
}

/* ---- what a run needs ---- */

static void add_each(TextList *paths, const TextList *more)
{
    for (size_t i = 0; i < more->count; i++) {
        if (list_find(paths, more->items[i]) == paths->count) {
            text_list_add(paths, more->items[i]);
        }
    }
}

void face_map_files(const char *path, TextList *paths)
{
    FaceMap map;
    if (face_map_read(path, &map, NULL) == STATUS_OK) {
        add_each(paths, &map.sources);
        for (size_t i = 0; i < map.count; i++) {
            add_each(paths, &map.people[i].pictures);
        }
    }
    face_map_free(&map);
}

Status face_map_refuse_name(const char *path, const char *name, Error *err)
{
    (void)error_setf(err, ERROR_USAGE, cannot, path, "nobody is called \"%.80s\"", name);
    error_advise(err, "runbatch faces tells numbers and gives names; a picture's name ends in .jpg or .png");
    return STATUS_FAILED;
}

bool face_map_has(const FaceMap *map, FaceMapDeed deed)
{
    bool found = map->others.deed == deed;
    for (size_t i = 0; i < map->count; i++) {
        found = found || map->people[i].fate.deed == deed;
    }
    return found;
}

static void put_first(TextList *list, const char *item)
{
    text_list_add(list, item);
    char *last = list->items[list->count - 1];
    memmove(list->items + 1, list->items, (list->count - 1) * sizeof *list->items);
    list->items[0] = last;
}

static SettingsFrom came_from(const Settings *settings, const char *name)
{
    return (SettingsFrom)settings->from[option_find(name) - option_table];
}

/* Of a map and a source the one holds that was asked for more closely. */
static void choose_map_or_source(Settings *settings)
{
    const SettingsFrom map = came_from(settings, "face-map");
    const SettingsFrom source = came_from(settings, "source");
    if (settings->face_map != NULL && settings->sources.count > 0 && map != source) {
        settings_reset(settings, map < source ? "face-map" : "source");
    }
}

Status face_map_settle(Settings *settings, Error *err)
{
    choose_map_or_source(settings);
    if (settings->face_map == NULL) {
        return STATUS_OK;
    }
    FaceMap map;
    if (face_map_read(settings->face_map, &map, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    TextList *processors = &settings->frame_processors;
    const bool swaps = list_find(processors, "face_swapper") < processors->count;
    const bool covers = list_find(processors, "face_anonymizer") < processors->count;
    Status status = STATUS_OK;
    if (settings->sources.count > 0) {
        status = error_set(err, ERROR_USAGE, cannot, settings->face_map,
                           "it says which face everybody gets, and so does --source");
        error_advise(err, "leave one of them out; \"others\" in the map is for all who are not named");
    } else if (face_map_has(&map, FACE_MAP_SWAP) && !swaps) {
        status = error_set(err, ERROR_USAGE, cannot, settings->face_map,
                           "it gives people other faces, and face_swapper is not among the processors");
        error_advise(err, "add face_swapper to --frame-processor");
    } else if (face_map_has(&map, FACE_MAP_ANONYMIZE) && !covers) {
        put_first(processors, "face_anonymizer");
    }
    face_map_free(&map);
    return status;
}
