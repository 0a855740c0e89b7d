#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "report/statistics.h"
#include "worker/doubt_notes.h"

static void stretches_are_joined_and_short_ones_left(void **state)
{
    (void)state;
    Doubts doubts = {0};
    doubts_add(&doubts, 1, 1.1); /* a frame or two */
    assert_int_equal(doubts.count, 0);
    doubts_add(&doubts, 2, 3);
    doubts_add(&doubts, 3.4, 3.45);
    doubts_add(&doubts, 5, 6);
    assert_int_equal(doubts.count, 2);
    assert_float_equal(doubts.to_s[0], 3.45, 1e-9);
    doubts_cut(&doubts, 5.5);
    assert_int_equal(doubts.count, 2);
    assert_float_equal(doubts.to_s[1], 5.5, 1e-9);
    doubts_cut(&doubts, 4);
    assert_int_equal(doubts.count, 1);
    doubts_cut(&doubts, 0);
    assert_int_equal(doubts.count, 0);
}

static void of_too_many_the_longest_stay(void **state)
{
    (void)state;
    Doubts doubts = {0};
    for (int i = 0; i < 2 * DOUBTS_MOST; i++) { /* each longer than the one before */
        doubts_add(&doubts, 100.0 * i, 100.0 * i + 1 + i);
    }
    assert_int_equal(doubts.count, DOUBTS_MOST);
    assert_int_equal(doubts.left_out, DOUBTS_MOST);
    for (int i = 0; i < DOUBTS_MOST; i++) {
        assert_float_equal(doubts.from_s[i], (float)(100 * (DOUBTS_MOST + i)), 1e-9);
    }
    doubts_add(&doubts, 9000, 9001);
    assert_int_equal(doubts.left_out, DOUBTS_MOST + 1);
    assert_float_equal(doubts.from_s[DOUBTS_MOST - 1], (float)(100 * (2 * DOUBTS_MOST - 1)), 1e-9);
    Text text = {0};
    doubts_to_text(&doubts, 2, &text);
    assert_string_equal(text.data, "33:20 to 33:41, 35:00 to 35:22, and 39 more");
    text_free(&text);
}

static void json_comes_back_or_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "{}",
        "{\"stretches\": [], \"left_out\": -1}",
        "{\"stretches\": {}, \"left_out\": 0}",
        "{\"stretches\": [[1]], \"left_out\": 0}",
        "{\"stretches\": [[2, 1]], \"left_out\": 0}",
        "{\"stretches\": [[2, 3], [1, 4]], \"left_out\": 0}",
        "{\"stretches\": [[\"a\", 1]], \"left_out\": 0}",
        "{\"stretches\": "
        "[[0,1],[1,2],[2,3],[3,4],[4,5],[5,6],[6,7],[7,8],[8,9],[9,10],[10,11],[11,12],[12,13],"
        "[13,14],[14,15],[15,16],[16,17],[17,18],[18,19],[19,20],[20,21]], \"left_out\": 0}",
    };
    Doubts doubts = {.count = 2, .left_out = 3, .from_s = {1, 5}, .to_s = {2.5, 6}};
    Doubts read;
    json_t *object = doubts_to_json(&doubts);
    assert_true(doubts_from_json(object, &read));
    assert_memory_equal(&read, &doubts, sizeof doubts);
    json_decref(object);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        object = json_loads(bad[i], 0, NULL);
        assert_non_null(object);
        assert_false(doubts_from_json(object, &read));
        assert_int_equal(read.count, 0);
        json_decref(object);
    }
    assert_false(doubts_from_json(NULL, &read));
    /* what an older version stored */
    VideoResult result = {.doubts = doubts};
    object = video_result_to_json(&result);
    assert_int_equal(json_object_del(object, "doubts"), 0);
    assert_true(video_result_from_json(object, &result));
    assert_int_equal(result.doubts.count, 0);
    json_decref(object);
}

enum { FRAMES_A_SECOND = 25 };

/* A second of a letter each: s sure, d doubtful, n nobody, c nobody and a cut. */
static void show(DoubtNotes *notes, const char *seconds, int first)
{
    FrameFaces *faces = calloc(1, sizeof *faces);
    assert_non_null(faces);
    for (int frame = 0; frame < (int)strlen(seconds) * FRAMES_A_SECOND; frame++) {
        const char letter = seconds[frame / FRAMES_A_SECOND];
        faces->count = letter == 's' || letter == 'd';
        faces->scene_cut = letter == 'c';
        faces->face[0] = (Face){.selected = true, .seen = letter == 's', .opacity = 1, .score = 0.9F};
        doubt_notes_add(notes, faces, first + (double)frame / FRAMES_A_SECOND);
    }
    free(faces);
}

static void what_is_doubtful_is_noted(void **state)
{
    (void)state;
    char folder[] = "/tmp/runbatch-doubts-XXXXXX";
    assert_non_null(mkdtemp(folder));
    DoubtNotes notes;
    doubt_notes_open(&notes, folder, -1);
    show(&notes, "nsdsnsnnnnscsdd", 0);
    /* nobody at the beginning, for four seconds, or over a cut is no doubt */
    assert_int_equal(notes.doubts.count, 2);
    doubt_notes_finish(&notes);
    assert_int_equal(notes.doubts.count, 3);
    assert_float_equal(notes.doubts.from_s[0], 2, 1e-6);
    assert_float_equal(notes.doubts.to_s[0], 3, 1e-6);
    assert_float_equal(notes.doubts.from_s[1], 3.96, 1e-6);
    assert_float_equal(notes.doubts.to_s[1], 5, 1e-6);
    assert_float_equal(notes.doubts.from_s[2], 13, 1e-6);
    doubt_notes_free(&notes);
    /* a run that goes on knows what lies before it */
    doubt_notes_open(&notes, folder, 4.5);
    assert_int_equal(notes.doubts.count, 2);
    assert_float_equal(notes.doubts.to_s[1], 4.5, 1e-6);
    show(&notes, "sdds", 20);
    assert_int_equal(notes.doubts.count, 3);
    char *path = notes.path;
    notes.path = NULL;
    doubt_notes_free(&notes);
    doubt_notes_open(&notes, folder, -1);
    assert_int_equal(notes.doubts.count, 0);
    doubt_notes_free(&notes);
    /* a spoilt file costs what it told */
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs("{\"stretches\": 7", file) >= 0);
    assert_int_equal(fclose(file), 0);
    doubt_notes_open(&notes, folder, 100);
    assert_int_equal(notes.doubts.count, 0);
    doubt_notes_free(&notes);
    assert_int_equal(unlink(path), 0);
    free(path);
    assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stretches_are_joined_and_short_ones_left),
        cmocka_unit_test(of_too_many_the_longest_stay),
        cmocka_unit_test(json_comes_back_or_is_refused),
        cmocka_unit_test(what_is_doubtful_is_noted),
    };
    return cmocka_run_group_tests_name("doubts", tests, NULL, NULL);
}
