/* --face-map as it is written, and what a run needs for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/text.h"
#include "options/face_map.h"

static char folder[64];
static char path[96];

static const char *write_map(const char *text)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    return path;
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    FaceMap map;
    Error err = {0};
    const char *text = "{\"people\": [{\"who\": [\"anna\", 2, \"looks/a.JPG\"], \"becomes\": \"new/x.png\"},"
                       "{\"who\": \"/else/b.png\", \"becomes\": \"keep\"},"
                       "{\"who\": \"ben\", \"becomes\": \"anonymize\"},"
                       "{\"who\": 7, \"becomes\": \"/new/y.png\"},"
                       "{\"who\": \"cleo\", \"becomes\": \"new/x.png\"}],"
                       "\"others\": \"/new/y.png\"}";
    assert_int_equal(face_map_read(write_map(text), &map, &err), STATUS_OK);
    char expected[160];
    assert_int_equal(map.count, 5);
    assert_int_equal(map.people[0].names.count, 2);
    assert_string_equal(map.people[0].names.items[0], "anna");
    assert_string_equal(map.people[0].names.items[1], "2");
    (void)snprintf(expected, sizeof expected, "%s/looks/a.JPG", folder);
    assert_string_equal(map.people[0].pictures.items[0], expected);
    assert_int_equal(map.people[0].fate.deed, FACE_MAP_SWAP);
    assert_string_equal(map.people[1].pictures.items[0], "/else/b.png");
    assert_int_equal(map.people[1].fate.deed, FACE_MAP_KEEP);
    assert_int_equal(map.people[2].fate.deed, FACE_MAP_ANONYMIZE);
    assert_int_equal(map.people[3].fate.source, 1);
    assert_int_equal(map.people[4].fate.source, 0);
    assert_int_equal(map.others.deed, FACE_MAP_SWAP);
    assert_int_equal(map.others.source, 1);
    assert_int_equal(map.sources.count, 2);
    face_map_free(&map);

    TextList files = {0};
    face_map_files(path, &files);
    assert_int_equal(files.count, 4);
    text_list_free(&files);
}

static void what_is_no_map_is_refused_with_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *why;
    } cases[] = {
        {"", "line"},
        {"[]", "people"},
        {"{}", "people"},
        {"{\"people\": [], \"people\": []}", "line 1"},
        {"{\"people\": [3]}", "person 1"},
        {"{\"people\": [{\"who\": \"a\", \"becomes\": \"keep\"}, {\"who\": []}]}", "person 2"},
        {"{\"people\": [{\"who\": 0, \"becomes\": \"keep\"}]}", "number or name"},
        {"{\"people\": [{\"who\": {}, \"becomes\": \"keep\"}]}", "number or name"},
        {"{\"people\": [{\"who\": \"a\"}]}", "becomes of a face"},
        {"{\"people\": [{\"who\": \"a\", \"becomes\": \"kep\"}]}", "becomes of a face"},
        {"{\"people\": [{\"who\": \"a\", \"becomes\": \"keep\", \"note\": 1}]}", "\"note\""},
        {"{\"people\": [], \"others\": true}", "becomes of a face"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        FaceMap map;
        Error err = {0};
        assert_int_equal(face_map_read(write_map(cases[i].text), &map, &err), STATUS_FAILED);
        assert_int_equal(err.class_, ERROR_USAGE);
        assert_string_equal(err.file, path);
        if (strstr(err.why, cases[i].why) == NULL) {
            fail_msg("%s: %s", cases[i].text, err.why);
        }
        assert_null(map.people);
    }
    Text many = {0};
    text_append(&many, "{\"people\": [");
    for (int i = 0; i <= FACE_MAP_SOURCES; i++) {
        text_appendf(&many, "%s{\"who\": %d, \"becomes\": \"%d.png\"}", i > 0 ? "," : "", i + 1, i);
    }
    text_append(&many, "]}");
    FaceMap map;
    Error err = {0};
    assert_int_equal(face_map_read(write_map(many.data), &map, &err), STATUS_FAILED);
    assert_non_null(strstr(err.why, "sources"));
    text_free(&many);
}

static Status settle(const char *text, const char *const *processors, const char *source, Settings *settings)
{
    settings_defaults(settings);
    text_list_free(&settings->frame_processors);
    for (; *processors != NULL; processors++) {
        text_list_add(&settings->frame_processors, *processors);
    }
    settings->face_map = text_duplicate(write_map(text));
    if (source != NULL) {
        text_list_add(&settings->sources, source);
    }
    return face_map_settle(settings, NULL);
}

static void an_anonymizer_comes_by_itself_and_first(void **state)
{
    (void)state;
    static const char *const swapper[] = {"face_swapper", "face_enhancer", NULL};
    static const char *const both[] = {"face_swapper", "face_anonymizer", NULL};
    static const char *const neither[] = {"face_debugger", NULL};
    static const char covers[] = "{\"people\": [{\"who\": \"a\", \"becomes\": \"anonymize\"}]}";
    static const char others[] = "{\"people\": [], \"others\": \"anonymize\"}";
    static const char swaps[] = "{\"people\": [{\"who\": \"a\", \"becomes\": \"b.png\"}]}";
    Settings settings;
    assert_int_equal(settle(covers, swapper, NULL, &settings), STATUS_OK);
    assert_int_equal(settings.frame_processors.count, 3);
    assert_string_equal(settings.frame_processors.items[0], "face_anonymizer");
    assert_string_equal(settings.frame_processors.items[2], "face_enhancer");
    settings_free(&settings);
    assert_int_equal(settle(others, swapper, NULL, &settings), STATUS_OK);
    assert_int_equal(settings.frame_processors.count, 3);
    settings_free(&settings);
    assert_int_equal(settle(covers, both, NULL, &settings), STATUS_OK);
    assert_int_equal(settings.frame_processors.count, 2);
    settings_free(&settings);
    assert_int_equal(settle(swaps, swapper, NULL, &settings), STATUS_OK);
    assert_int_equal(settings.frame_processors.count, 2);
    assert_false(settings_needs_source(&settings));
    settings_free(&settings);
    assert_int_equal(settle(swaps, neither, NULL, &settings), STATUS_FAILED);
    settings_free(&settings);
    assert_int_equal(settle(swaps, swapper, "x.png", &settings), STATUS_FAILED);
    settings_free(&settings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(what_is_no_map_is_refused_with_its_place),
        cmocka_unit_test(an_anonymizer_comes_by_itself_and_first),
    };
    (void)snprintf(folder, sizeof folder, "/tmp/runbatch-map-%ld", (long)getpid());
    (void)snprintf(path, sizeof path, "%s.json", folder);
    (void)snprintf(folder, sizeof folder, "/tmp");
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    (void)unlink(path);
    return failed;
}
