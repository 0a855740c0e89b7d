#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/files.h"
#include "base/hash.h"
#include "base/text.h"
#include "batch/recipe.h"
#include "batch/verdict.h"
#include "options/table.h"
#include "options/value.h"

/* A folder with a source picture, a video and stand-ins for the models. */
typedef struct Kitchen {
    char folder[64];
    char *source;
    char *input;
    Settings settings;
} Kitchen;

static char *put(const Kitchen *kitchen, const char *name, const char *content)
{
    char *path = path_join(kitchen->folder, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_true(fputs(content, file) >= 0);
    assert_int_equal(fclose(file), 0);
    return path;
}

static const char *const models[] = {"fr_detect.onnx", "blazeface_back.onnx", "facemesh.onnx",
                                     "fr_feature.onnx"};

static int open_kitchen(void **state)
{
    Kitchen *kitchen = memory_alloc(1, sizeof *kitchen);
    text_copy(kitchen->folder, sizeof kitchen->folder, "/tmp/runbatch-recipe-XXXXXX");
    if (mkdtemp(kitchen->folder) == NULL) {
        return -1;
    }
    for (size_t i = 0; i < sizeof models / sizeof models[0]; i++) {
        memory_free(put(kitchen, models[i], models[i]));
    }
    kitchen->source = put(kitchen, "face.png", "a face");
    kitchen->input = put(kitchen, "clip.mp4", "a clip");
    settings_defaults(&kitchen->settings);
    kitchen->settings.models_dir = text_duplicate(kitchen->folder);
    *state = kitchen;
    return 0;
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status;
    (void)kind;
    (void)place;
    return remove(path);
}

static int close_kitchen(void **state)
{
    Kitchen *kitchen = *state;
    const int result = nftw(kitchen->folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    memory_free(kitchen->source);
    memory_free(kitchen->input);
    settings_free(&kitchen->settings);
    memory_free(kitchen);
    return result;
}

static Recipe recipe_of(const Kitchen *kitchen)
{
    RecipeBook *book = NULL;
    Recipe recipe;
    Error err = {0};
    assert_int_equal(recipe_book_new(&book, &kitchen->settings,
                                     &(TextList){(char **)(uintptr_t)&kitchen->source, 1, 0}, NULL, &err),
                     STATUS_OK);
    assert_int_equal(recipe_make(book, kitchen->input, kitchen->source, &recipe, &err), STATUS_OK);
    recipe_book_free(&book);
    return recipe;
}

static void set(Kitchen *kitchen, const char *option, const char *value)
{
    assert_int_equal(option_assign(option_find(option), value, &kitchen->settings, NULL), STATUS_OK);
}

/* Compares, frees `now`; the differences in words. */
static int difference(const Recipe *before, Recipe *now, char text[512])
{
    const int count = recipe_difference(before->json, now->json, text, 512);
    assert_int_equal(count != 0, strcmp(before->key, now->key) != 0);
    recipe_free(now);
    return count;
}

/* ---- what is in it ---- */

static void recipe_has_one_form(void **state)
{
    const Kitchen *kitchen = *state;
    Recipe recipe = recipe_of(kitchen);
    Recipe again = recipe_of(kitchen);
    assert_string_equal(recipe.json, again.json);
    assert_string_equal(recipe.key, again.key);
    char key[HASH_SIZE];
    hash_bytes(recipe.json, strlen(recipe.json), key);
    assert_string_equal(recipe.key, key);
    assert_null(strchr(recipe.json, ' '));

    json_t *object = json_loads(recipe.json, 0, NULL);
    assert_int_equal(json_object_size(object), 5);
    assert_string_equal(json_string_value(json_object_get(object, "version")), RUNBATCH_VERSION);
    const json_t *input = json_object_get(object, "input");
    assert_int_equal(json_integer_value(json_object_get(input, "size")), 6);
    assert_true(hash_is_digest(json_string_value(json_object_get(input, "parts"))));
    assert_true(json_integer_value(json_object_get(input, "mtime_ns")) > 0);
    assert_int_equal(json_object_size(json_object_get(object, "models")), 3);
    hash_bytes("fr_detect.onnx", strlen("fr_detect.onnx"), key);
    const json_t *model = json_object_get(json_object_get(object, "models"), "fr_detect.onnx");
    assert_string_equal(json_string_value(json_object_get(model, "hash")), key);
    json_decref(object);
    recipe_free(&recipe);
    recipe_free(&again);
}

static void all_options_of_the_picture_are_in_it_and_no_other(void **state)
{
    const Kitchen *kitchen = *state;
    Recipe recipe = recipe_of(kitchen);
    json_t *object = json_loads(recipe.json, 0, NULL);
    const json_t *options = json_object_get(object, "options");
    size_t count = 0;
    for (size_t i = 0; i < option_count; i++) {
        const Option *option = &option_table[i];
        const bool file =
            option->type == OPTION_FILE || option->type == OPTION_FILES; /* told by what is in it */
        assert_int_equal(json_object_get(options, option->name) != NULL, option->picture && !file);
        count += option->picture && !file;
    }
    assert_int_equal(json_object_size(options), count);
    json_decref(object);
    recipe_free(&recipe);
}

static void embedder_counts_only_where_it_is_used(void **state)
{
    Kitchen *kitchen = *state;
    char *embedder = path_join(kitchen->folder, "fr_feature.onnx");
    assert_int_equal(unlink(embedder), 0);
    memory_free(embedder);
    Recipe recipe = recipe_of(kitchen);
    recipe_free(&recipe);
    kitchen->settings.many_faces = false;
    RecipeBook *book = NULL;
    Error err = {0};
    assert_int_equal(recipe_book_new(&book, &kitchen->settings,
                                     &(TextList){(char **)(uintptr_t)&kitchen->source, 1, 0}, NULL, &err),
                     STATUS_FAILED);
    assert_null(book);
    assert_int_equal(err.class_, ERROR_MODEL);
    assert_string_equal(err.file, "fr_feature.onnx");
}

static void what_cannot_be_read_is_told(void **state)
{
    const Kitchen *kitchen = *state;
    RecipeBook *book = NULL;
    Error err = {0};
    assert_int_equal(recipe_book_new(&book, &kitchen->settings,
                                     &(TextList){(char *[]){"/nowhere/face.png"}, 1, 0}, NULL, &err),
                     STATUS_FAILED);
    assert_int_equal(err.class_, ERROR_INPUT);
    assert_string_equal(err.file, "/nowhere/face.png");
    error_clear(&err);
    assert_int_equal(recipe_book_new(&book, &kitchen->settings, &(TextList){0}, NULL, &err), STATUS_OK);
    Recipe recipe;
    assert_int_equal(recipe_make(book, "/nowhere/clip.mp4", kitchen->source, &recipe, &err), STATUS_FAILED);
    assert_null(recipe.json);
    assert_int_equal(err.class_, ERROR_INPUT);
    error_clear(&err);
    assert_int_equal(recipe_make(book, kitchen->input, kitchen->source, &recipe, &err), STATUS_OK);
    assert_non_null(strstr(recipe.json, "\"source\":null"));
    recipe_free(&recipe);
    recipe_book_free(&book);
    recipe_book_free(&book);
}

/* A worker of a video that starts later loads the model that lies there then. */
static void book_sees_what_changes_during_the_run(void **state)
{
    const Kitchen *kitchen = *state;
    RecipeBook *book = NULL;
    assert_int_equal(recipe_book_new(&book, &kitchen->settings,
                                     &(TextList){(char **)(uintptr_t)&kitchen->source, 1, 0}, NULL, NULL),
                     STATUS_OK);
    Recipe before;
    Recipe now;
    assert_int_equal(recipe_make(book, kitchen->input, kitchen->source, &before, NULL), STATUS_OK);
    memory_free(put(kitchen, "facemesh.onnx", "another mesh"));
    assert_int_equal(recipe_make(book, kitchen->input, kitchen->source, &now, NULL), STATUS_OK);
    char text[512];
    assert_int_equal(difference(&before, &now, text), 1);
    assert_string_equal(text, "the model facemesh.onnx changed");
    memory_free(put(kitchen, "face.png", "another face"));
    memory_free(put(kitchen, "facemesh.onnx", "facemesh.onnx"));
    assert_int_equal(recipe_make(book, kitchen->input, kitchen->source, &now, NULL), STATUS_OK);
    assert_int_equal(difference(&before, &now, text), 1);
    assert_string_equal(text, "the source picture changed");
    recipe_free(&before);
    recipe_book_free(&book);
}

/* ---- differences ---- */

static void options_are_told_with_their_values(void **state)
{
    Kitchen *kitchen = *state;
    Recipe before = recipe_of(kitchen);
    char text[512];
    set(kitchen, "output-video-quality", "25");
    Recipe now = recipe_of(kitchen);
    assert_int_equal(difference(&before, &now, text), 1);
    assert_string_equal(text, "output-video-quality changed from 18 to 25");
    set(kitchen, "skip-audio", "on");
    set(kitchen, "output-video-preset", "slow\033[1m");
    now = recipe_of(kitchen);
    assert_int_equal(difference(&before, &now, text), 3);
    assert_string_equal(text,
                        "skip-audio changed from off to on; output-video-quality changed from 18 to 25; "
                        "output-video-preset changed from its default to slow?[1m");
    set(kitchen, "chunk-seconds", "2.5");
    set(kitchen, "output-fps", "30000/1001");
    now = recipe_of(kitchen);
    assert_int_equal(difference(&before, &now, text), 5);
    assert_string_equal(
        text, "output-fps changed from its default to 30000/1001; skip-audio changed from off to on; "
              "output-video-quality changed from 18 to 25; and 2 more");
    recipe_free(&before);
}

static void options_that_leave_the_picture_alone_change_nothing(void **state)
{
    Kitchen *kitchen = *state;
    Recipe before = recipe_of(kitchen);
    char text[512];
    set(kitchen, "execution-threads", "7");
    set(kitchen, "jobs", "3");
    set(kitchen, "verify", "full");
    set(kitchen, "output-dir", "elsewhere");
    Recipe now = recipe_of(kitchen);
    assert_int_equal(difference(&before, &now, text), 0);
    assert_string_equal(text, "");
    recipe_free(&before);
}

static void input_and_its_time_are_told_apart(void **state)
{
    Kitchen *kitchen = *state;
    Recipe before = recipe_of(kitchen);
    char text[512];
    const struct timespec later[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = 5}};
    assert_int_equal(utimensat(AT_FDCWD, kitchen->input, later, 0), 0);
    Recipe now = recipe_of(kitchen);
    assert_int_equal(difference(&before, &now, text), 1);
    assert_string_equal(text, "the input's time changed");
    memory_free(put(kitchen, "clip.mp4", "the clip"));
    assert_int_equal(utimensat(AT_FDCWD, kitchen->source, later, 0), 0);
    now = recipe_of(kitchen);
    assert_int_equal(difference(&before, &now, text), 2);
    assert_string_equal(text, "the input changed; the source picture's time changed");
    recipe_free(&before);
}

/* The recipe with one member of `parent` set to `value` (JSON), or left out where that is NULL. */
static Recipe altered(const Recipe *recipe, const char *parent, const char *member, const char *value)
{
    json_t *object = json_loads(recipe->json, 0, NULL);
    json_t *inner = parent != NULL ? json_object_get(object, parent) : object;
    if (value == NULL) {
        assert_int_equal(json_object_del(inner, member), 0);
    } else {
        assert_int_equal(json_object_set_new(inner, member, json_loads(value, JSON_DECODE_ANY, NULL)), 0);
    }
    Recipe made = {.json = json_dumps(object, JSON_SORT_KEYS | JSON_COMPACT)};
    hash_bytes(made.json, strlen(made.json), made.key);
    json_decref(object);
    return made;
}

static void another_version_keeps_outputs_but_not_chunks(void **state)
{
    const Kitchen *kitchen = *state;
    Recipe now = recipe_of(kitchen);
    Recipe old = altered(&now, NULL, "version", "\"0.0.1\"");
    char text[512];
    assert_string_not_equal(old.key, now.key);
    assert_int_equal(recipe_difference(old.json, now.json, text, sizeof text), 0);
    assert_string_equal(text, "");
    recipe_free(&old);
    recipe_free(&now);
}

static void option_that_came_later_had_its_default(void **state)
{
    Kitchen *kitchen = *state;
    Recipe now = recipe_of(kitchen);
    Recipe old = altered(&now, "options", "provenance", NULL);
    char text[512];
    assert_int_equal(recipe_difference(old.json, now.json, text, sizeof text), 0);
    set(kitchen, "provenance", "off");
    Recipe other = recipe_of(kitchen);
    assert_int_equal(recipe_difference(old.json, other.json, text, sizeof text), 1);
    assert_string_equal(text, "provenance changed from on to off");
    recipe_free(&old);
    old = altered(&now, "options", "beard", "\"long\"");
    assert_int_equal(recipe_difference(old.json, now.json, text, sizeof text), 1);
    assert_string_equal(text, "beard was long, which this version does not know");
    recipe_free(&other);
    recipe_free(&old);
    recipe_free(&now);
}

static void what_cannot_be_a_recipe_is_unknown(void **state)
{
    const Kitchen *kitchen = *state;
    Recipe now = recipe_of(kitchen);
    static const char *const texts[] = {NULL, "",   "{",
                                        "[]", "{}", "{\"input\":{},\"options\":5,\"models\":{}}"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char text[64];
        assert_int_equal(recipe_difference(texts[i], now.json, text, sizeof text), -1);
        assert_string_equal(text, "it is not known what it was made from");
    }
    char small[8];
    assert_int_equal(recipe_difference("{}", now.json, small, sizeof small), -1);
    assert_string_equal(small, "it is n");
    recipe_free(&now);
}

/* ---- the note ---- */

static void note_comes_back(void **state)
{
    const Kitchen *kitchen = *state;
    Recipe recipe = recipe_of(kitchen);
    Recipe back;
    assert_int_equal(recipe_note_read(kitchen->folder, &back), STATUS_AGAIN);
    assert_null(back.json);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(recipe_note_write(&recipe, kitchen->folder, NULL), STATUS_OK);
        assert_int_equal(recipe_note_read(kitchen->folder, &back), STATUS_OK);
        assert_string_equal(back.json, recipe.json);
        assert_string_equal(back.key, recipe.key);
        recipe_free(&back);
    }
    char *left = path_join(kitchen->folder, "recipe.json.part");
    assert_false(file_exists(left));
    memory_free(left);
    Error err = {0};
    assert_int_equal(recipe_note_write(&recipe, "/nowhere", &err), STATUS_FAILED);
    assert_int_equal(err.class_, ERROR_ENVIRONMENT);
    recipe_free(&recipe);
}

/* What a hostile worker could leave in its folder. */
static void note_follows_nothing_and_waits_for_nothing(void **state)
{
    const Kitchen *kitchen = *state;
    Recipe recipe = recipe_of(kitchen);
    Recipe back;
    char *note = path_join(kitchen->folder, "recipe.json");
    char *part = path_join(kitchen->folder, "recipe.json.part");
    char *precious = put(kitchen, "precious", "precious");
    assert_int_equal(mkfifo(note, 0600), 0);
    assert_int_equal(symlink(precious, part), 0);
    assert_int_equal(recipe_note_read(kitchen->folder, &back), STATUS_AGAIN);
    assert_int_equal(recipe_note_write(&recipe, kitchen->folder, NULL), STATUS_OK);
    assert_int_equal(recipe_note_read(kitchen->folder, &back), STATUS_OK);
    recipe_free(&back);
    assert_int_equal(file_size(precious), 8);
    assert_int_equal(unlink(note), 0);
    assert_int_equal(symlink("/dev/zero", note), 0);
    assert_int_equal(recipe_note_read(kitchen->folder, &back), STATUS_AGAIN);
    assert_int_equal(unlink(note), 0);
    char *elsewhere = put(kitchen, "elsewhere", recipe.json);
    assert_int_equal(symlink(elsewhere, note), 0);
    assert_int_equal(recipe_note_read(kitchen->folder, &back), STATUS_AGAIN);
    memory_free(elsewhere);
    assert_int_equal(unlink(note), 0);
    memory_free(put(kitchen, "recipe.json", "{\"input\":{},\"options\":[]}"));
    assert_int_equal(recipe_note_read(kitchen->folder, &back), STATUS_AGAIN);
    memory_free(precious);
    memory_free(part);
    memory_free(note);
    recipe_free(&recipe);
}

/* ---- cost ---- */

static void thousand_videos_are_cheap(void **state)
{
    const Kitchen *kitchen = *state;
    RecipeBook *book = NULL;
    assert_int_equal(recipe_book_new(&book, &kitchen->settings,
                                     &(TextList){(char **)(uintptr_t)&kitchen->source, 1, 0}, NULL, NULL),
                     STATUS_OK);
    const int64_t began = clock_now_ms();
    for (int i = 0; i < 1000; i++) {
        Recipe recipe;
        assert_int_equal(recipe_make(book, kitchen->input, kitchen->source, &recipe, NULL), STATUS_OK);
        recipe_free(&recipe);
    }
    assert_true(clock_now_ms() - began < 5000); /* 0.1 s on a calm machine */
    recipe_book_free(&book);
}

/* An output whose recipe is known is not taken for the right one on trust. */
static void what_cannot_be_compared_is_not_the_same(void **state)
{
    const Kitchen *kitchen = *state;
    VideoRow row = {0};
    char why[128] = "";
    assert_true(output_is_up_to_date(&row, NULL, kitchen->input, kitchen->source, why, sizeof why));
    row.recipe = (char *)(uintptr_t) "{}";
    assert_false(output_is_up_to_date(&row, NULL, kitchen->input, kitchen->source, why, sizeof why));
    assert_string_not_equal(why, "");
}

int main(void)
{
#define KITCHEN_TEST(name) cmocka_unit_test_setup_teardown(name, open_kitchen, close_kitchen)
    const struct CMUnitTest tests[] = {
        KITCHEN_TEST(recipe_has_one_form),
        KITCHEN_TEST(all_options_of_the_picture_are_in_it_and_no_other),
        KITCHEN_TEST(embedder_counts_only_where_it_is_used),
        KITCHEN_TEST(what_cannot_be_read_is_told),
        KITCHEN_TEST(book_sees_what_changes_during_the_run),
        KITCHEN_TEST(options_are_told_with_their_values),
        KITCHEN_TEST(options_that_leave_the_picture_alone_change_nothing),
        KITCHEN_TEST(input_and_its_time_are_told_apart),
        KITCHEN_TEST(another_version_keeps_outputs_but_not_chunks),
        KITCHEN_TEST(option_that_came_later_had_its_default),
        KITCHEN_TEST(what_cannot_be_a_recipe_is_unknown),
        KITCHEN_TEST(what_cannot_be_compared_is_not_the_same),
        KITCHEN_TEST(note_comes_back),
        KITCHEN_TEST(note_follows_nothing_and_waits_for_nothing),
        KITCHEN_TEST(thousand_videos_are_cheap),
    };
    return cmocka_run_group_tests_name("recipe", tests, NULL, NULL);
}
