#include "batch/recipe.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/files.h"
#include "base/hash.h"
#include "base/text.h"
#include "batch/map_people.h"
#include "options/table.h"
#include "worker/needed_models.h"

static const char note_name[] = "recipe.json";
enum { NOTE_MOST = 64 * 1024 };

/* A file whose content is known as long as its size and time stay what they are. */
typedef struct KnownFile {
    const char *name; /* of an option, static; NULL where there is none */
    char *path;
    FileIdentity identity;
    char whole[HASH_SIZE]; /* of all of it; models only */
} KnownFile;

struct RecipeBook {
    json_t *options;
    json_t *people; /* whom a face map names: their numbers; NULL: nobody */
    KnownFile *sources;
    size_t source_count;
    KnownFile *files; /* that options name */
    size_t file_count;
    KnownFile models[NEEDED_MODELS_MOST];
    int model_count;
};

void recipe_free(Recipe *recipe)
{
    memory_free(recipe->json);
    *recipe = (Recipe){0};
}

/* ---- what a run's recipes have in common ---- */

static bool has_changed(const KnownFile *file)
{
    struct stat status;
    return stat(file->path, &status) != 0 || status.st_size != file->identity.size ||
           (int64_t)status.st_mtim.tv_sec * 1000000000 + status.st_mtim.tv_nsec != file->identity.mtime_ns;
}

static Status learn_file(KnownFile *file, Error *err)
{
    if (file->path == NULL || !has_changed(file)) {
        return STATUS_OK;
    }
    return file_identity(file->path, ERROR_INPUT, &file->identity, err);
}

/* The identity before the hash: what changes in between is seen the next time. */
static Status learn_model(KnownFile *file, Error *err)
{
    if (!has_changed(file)) {
        return STATUS_OK;
    }
    const Status status = file_identity(file->path, ERROR_MODEL, &file->identity, err);
    return status == STATUS_OK ? hash_file(file->path, ERROR_MODEL, file->whole, err) : status;
}

static Status learn(RecipeBook *book, Error *err)
{
    Status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < book->source_count; i++) {
        status = learn_file(&book->sources[i], err);
    }
    for (size_t i = 0; status == STATUS_OK && i < book->file_count; i++) {
        status = learn_file(&book->files[i], err);
    }
    for (int i = 0; status == STATUS_OK && i < book->model_count; i++) {
        status = learn_model(&book->models[i], err);
    }
    return status;
}

/* Files are told by what is in them, not by their names. */
static bool is_file(const Option *option)
{
    return option->type == OPTION_FILE || option->type == OPTION_FILES;
}

/* The options that change the picture. */
static json_t *picture_options(const Settings *settings)
{
    json_t *all = settings_to_json(settings);
    json_t *options = json_object();
    for (size_t i = 0; i < option_count; i++) {
        if (option_table[i].picture && !is_file(&option_table[i])) {
            (void)json_object_set(options, option_table[i].name, json_object_get(all, option_table[i].name));
        }
    }
    json_decref(all);
    return options;
}

static Status find_models(RecipeBook *book, const Settings *settings, Error *err)
{
    NeededModels needed;
    Status status = needed_models(settings, &needed, err);
    for (int i = 0; status == STATUS_OK && i < needed.count; i++) {
        KnownFile *model = &book->models[book->model_count];
        if (!needed.models[i].judge) {
            model->identity.size = -1;
            status = known_model_path(needed.models[i].model, settings->models_dir, &model->path, err);
            book->model_count += status == STATUS_OK;
        }
    }
    return status;
}

static void find_files(RecipeBook *book, const Settings *settings)
{
    for (size_t i = 0; i < option_count; i++) {
        TextList paths = {0};
        if (option_table[i].picture) {
            option_files(&option_table[i], settings, &paths);
        }
        for (size_t k = 0; k < paths.count; k++) {
            book->files = memory_resize(book->files, book->file_count + 1, sizeof *book->files);
            book->files[book->file_count++] = (KnownFile){.name = option_table[i].name,
                                                          .path = text_duplicate(paths.items[k]),
                                                          .identity = {.size = -1}};
        }
        text_list_free(&paths);
    }
}

Status recipe_book_new(RecipeBook **book, const Settings *settings, const TextList *sources,
                       const char *people, Error *err)
{
    RecipeBook *made = memory_alloc(1, sizeof *made);
    made->options = picture_options(settings);
    made->source_count = sources->count;
    made->sources = memory_alloc(sources->count + 1, sizeof *made->sources);
    for (size_t i = 0; i < sources->count; i++) {
        made->sources[i] = (KnownFile){.path = text_duplicate(sources->items[i]), .identity = {.size = -1}};
    }
    find_files(made, settings);
    Status status = find_models(made, settings, err);
    if (status == STATUS_OK && people != NULL) {
        status = map_people(settings, people, &made->people, err);
    }
    if (status == STATUS_OK) {
        status = learn(made, err);
    }
    if (status != STATUS_OK) {
        recipe_book_free(&made);
    }
    *book = made;
    return status;
}

void recipe_book_free(RecipeBook **book)
{
    if (*book == NULL) {
        return;
    }
    json_decref((*book)->options);
    json_decref((*book)->people);
    for (size_t i = 0; i < (*book)->source_count; i++) {
        memory_free((*book)->sources[i].path);
    }
    memory_free((*book)->sources);
    for (size_t i = 0; i < (*book)->file_count; i++) {
        memory_free((*book)->files[i].path);
    }
    memory_free((*book)->files);
    for (int i = 0; i < NEEDED_MODELS_MOST; i++) {
        memory_free((*book)->models[i].path);
    }
    memory_free(*book);
    *book = NULL;
}

/* ---- a video's recipe ---- */

static json_t *json_from_identity(const FileIdentity *identity)
{
    return json_pack("{s:I, s:I, s:s}", "size", (json_int_t)identity->size, "mtime_ns",
                     (json_int_t)identity->mtime_ns, "parts", identity->parts);
}

static json_t *json_from_models(const RecipeBook *book)
{
    json_t *models = json_object();
    for (int i = 0; i < book->model_count; i++) {
        const KnownFile *model = &book->models[i];
        (void)json_object_set_new(
            models, path_name(model->path),
            json_pack("{s:I, s:s}", "size", (json_int_t)model->identity.size, "hash", model->whole));
    }
    return models;
}

/* Left out where there are none: recipes of versions without them stay what they are. */
static void add_files(const RecipeBook *book, json_t *object)
{
    json_t *files = json_object();
    for (size_t i = 0; i < book->file_count; i++) {
        json_t *of_option = json_object_get(files, book->files[i].name);
        if (of_option == NULL) {
            of_option = json_array();
            (void)json_object_set_new(files, book->files[i].name, of_option);
        }
        (void)json_array_append_new(of_option, json_from_identity(&book->files[i].identity));
    }
    if (json_object_size(files) > 0) {
        (void)json_object_set(object, "files", files);
    }
    json_decref(files);
}

/* The one form; the key is of that. */
static void fill(Recipe *recipe, const json_t *object)
{
    recipe->json = memory_check(json_dumps(object, JSON_SORT_KEYS | JSON_COMPACT));
    hash_bytes(recipe->json, strlen(recipe->json), recipe->key);
}

static json_t *json_from_source(const RecipeBook *book, const char *source)
{
    for (size_t i = 0; source != NULL && i < book->source_count; i++) {
        if (strcmp(book->sources[i].path, source) == 0) {
            return json_from_identity(&book->sources[i].identity);
        }
    }
    return json_null();
}

Status recipe_make(RecipeBook *book, const char *input, const char *source, Recipe *recipe, Error *err)
{
    *recipe = (Recipe){0};
    FileIdentity identity;
    if (learn(book, err) != STATUS_OK || file_identity(input, ERROR_INPUT, &identity, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    json_t *object = json_object();
    (void)json_object_set_new(object, "input", json_from_identity(&identity));
    (void)json_object_set_new(object, "source", json_from_source(book, source));
    (void)json_object_set(object, "options", book->options);
    add_files(book, object);
    if (book->people != NULL) {
        (void)json_object_set(object, "people", book->people);
    }
    (void)json_object_set_new(object, "models", json_from_models(book));
    (void)json_object_set_new(object, "version", json_string(RUNBATCH_VERSION));
    fill(recipe, object);
    json_decref(object);
    return STATUS_OK;
}

/* ---- the copy in the work folder ---- */

Status recipe_note_write(const Recipe *recipe, const char *folder, Error *err)
{
    static const char what[] = "cannot note what the video is made from";
    char *path = path_join(folder, note_name);
    char *temporary = text_format("%s.part", path);
    const size_t length = strlen(recipe->json);
    Status status = STATUS_OK;
    /* A worker may have written into this folder: nothing that lies there is followed. */
    (void)unlink(temporary);
    const int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (fd < 0) {
        status = error_set_errno(err, ERROR_ENVIRONMENT, what, temporary, errno);
    } else {
        const ssize_t written = write(fd, recipe->json, length);
        if (written < 0) {
            status = error_set_errno(err, ERROR_ENVIRONMENT, what, temporary, errno);
        } else if ((size_t)written < length) {
            status = error_set_errno(err, ERROR_ENVIRONMENT, what, temporary, ENOSPC);
        }
        (void)close(fd);
        if (status == STATUS_OK) {
            status = file_publish(temporary, path, err);
        }
        if (status != STATUS_OK) {
            (void)unlink(temporary);
        }
    }
    memory_free(temporary);
    memory_free(path);
    return status;
}

static ssize_t read_note(const char *folder, char *text, size_t size)
{
    char *path = path_join(folder, note_name);
    struct stat status;
    ssize_t got = -1;
    const int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd >= 0) {
        if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_size <= (off_t)size) {
            got = read(fd, text, size);
        }
        (void)close(fd);
    }
    memory_free(path);
    return got;
}

Status recipe_note_read(const char *folder, Recipe *recipe)
{
    *recipe = (Recipe){0};
    char *text = memory_alloc(1, NOTE_MOST);
    const ssize_t got = read_note(folder, text, NOTE_MOST);
    json_t *object = got > 0 ? json_loadb(text, (size_t)got, JSON_REJECT_DUPLICATES, NULL) : NULL;
    const bool good = json_is_object(json_object_get(object, "input")) &&
                      json_is_object(json_object_get(object, "options"));
    if (good) {
        fill(recipe, object);
    }
    json_decref(object);
    memory_free(text);
    return good ? STATUS_OK : STATUS_AGAIN;
}
