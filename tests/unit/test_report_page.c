#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "report/i18n.h"
#include "report/phrase.h"
#include "snapshot_fixture.h"
#include "ui/cells.h"
#include "ui/removable.h"
#include "ui/report_page.h"

/* A killed run: a video that it was at, one that failed before, one that is done and one that nobody begun.
 */
typedef struct Case {
    Snapshot snapshot;
    bool chosen[8];
    WorkFiles work[8];
    CleanItem items[3];
    CleanList removable;
    Report report;
} Case;

static AttemptRow *add_attempt(VideoView *video, const char *ended, int chunks)
{
    const int number = (int)video->attempt_count + 1;
    video->attempts = memory_resize(video->attempts, video->attempt_count + 1, sizeof *video->attempts);
    AttemptRow *attempt = &video->attempts[video->attempt_count++];
    *attempt = (AttemptRow){.number = number,
                            .began_s = 1000000000.0 + 10.0 * number,
                            .ended_s = ended[0] != '\0' ? 1000000065.0 + 10.0 * number : 0,
                            .frames = 250LL * chunks,
                            .chunks = chunks,
                            .chunks_reused = number > 1 ? 2 : 0,
                            .threads = 4,
                            .peak_rss_bytes = ended[0] != '\0' ? 851443712 : 0};
    text_copy(attempt->ended, sizeof attempt->ended, ended);
    return attempt;
}

static void fail_attempt(AttemptRow *attempt, const char *why)
{
    char from[64];
    (void)error_set(&attempt->error, ERROR_CRASH, "the worker ended", NULL, why);
    (void)phrase_make(from, sizeof from, "from chunk %s", "2");
    (void)phrase_make(attempt->decision, sizeof attempt->decision, "%s, %s", "again", from);
}

static void fill(Case *made)
{
    *made = (Case){0};
    Snapshot *snapshot = &made->snapshot;
    fixture_begin(snapshot);
    snapshot->run_state = RUN_KILLED;
    VideoView *video = fixture_clip(snapshot, VIDEO_STOPPED);
    fixture_chunks(video, 3);
    fail_attempt(add_attempt(video, "failed", 2), "signal 11");
    (void)add_attempt(video, "", 1);
    made->work[0] = (WorkFiles){1200000, 4};
    VideoView *failed = fixture_clip(snapshot, VIDEO_FAILED);
    (void)error_set(&failed->row.error, ERROR_INPUT, "cannot open the video", failed->row.input, "no moov");
    add_attempt(failed, "failed", 0)->error = failed->row.error;
    VideoView *done = fixture_clip(snapshot, VIDEO_DONE);
    done->row.output_bytes = 5000000;
    done->row.result.frames = 3000;
    (void)add_attempt(done, "done", 12);
    made->work[2] = (WorkFiles){2400000, 7};
    (void)fixture_clip(snapshot, VIDEO_QUEUED);
    made->items[0] = (CleanItem){.kind = CLEAN_UNFINISHED,
                                 .path = snapshot->state_dir,
                                 .output = snapshot->videos[0].row.output,
                                 .bytes = 900,
                                 .files = 1,
                                 .why = "unfinished"};
    made->items[1] = (CleanItem){.kind = CLEAN_WORK,
                                 .path = snapshot->state_dir,
                                 .output = snapshot->videos[2].row.output,
                                 .bytes = 2400000,
                                 .files = 7,
                                 .foreign = true,
                                 .why = "finished"};
    made->items[2] =
        (CleanItem){.kind = CLEAN_LOG, .path = snapshot->output_dir, .bytes = 77, .files = 1, .why = "old"};
    made->removable = (CleanList){.items = made->items, .count = 3, .bytes = 2400977};
    memset(made->chosen, true, sizeof made->chosen);
    made->report = (Report){
        .snapshot = snapshot, .chosen = made->chosen, .work = made->work, .removable = &made->removable};
}

static char *page_of(const Case *made, size_t columns)
{
    Text page = {0};
    const PageFrame frame = {.columns = columns, .rows = SIZE_MAX};
    report_page(&made->report, &frame, &page);
    return page.data;
}

static void every_video_has_its_story(void **state)
{
    (void)state;
    Case made;
    fill(&made);
    char *page = page_of(&made, 100);
    const char *videos = strstr(page, "\n\n");
    assert_non_null(videos);
    assert_string_equal(
        videos + 2, "[1] clip1.mp4 -> joconde_1.mp4: stopped\n"
                    "  try  begun             took  result   frames  chunks  reused  threads    memory\n"
                    "    1  2001-09-09 01:46  1:05  failed      500       2       0        4  812.0 MB\n"
                    "      the worker ended: signal 11 → again, from chunk 2\n"
                    "    2  2001-09-09 01:47        cut off     250       1       2        4\n"
                    "  partial work on disk: 1.1 MB, files: 4, chunks: 3, frames: 750; kept to go on from\n"
                    "  runbatch clean would remove 900 B:\n"
                    "       900 B  outputVideos/.runbatch (unfinished)\n"
                    "  how to go on: runbatch resume goes on at frame 750\n"
                    "\n"
                    "[2] clip2.mp4 -> joconde_2.mp4: failed\n"
                    "  try  begun             took  result  frames  chunks  reused  threads    memory\n"
                    "    1  2001-09-09 01:46  1:05  failed       0       0       0        4  812.0 MB\n"
                    "      cannot open the video: no moov\n"
                    "  how to go on: the video is damaged or has nothing to work on: copy it again; then "
                    "runbatch resume\n"
                    "    tries it again\n"
                    "\n"
                    "[3] clip3.mp4 -> joconde_3.mp4: done\n"
                    "  try  begun             took  result  frames  chunks  reused  threads    memory\n"
                    "    1  2001-09-09 01:46  1:05  done      3000      12       0        4  812.0 MB\n"
                    "  finished output: 4.8 MB, frames: 3000\n"
                    "  partial work on disk: 2.3 MB, files: 7, chunks: 0, frames: 0\n"
                    "  runbatch clean would remove 2.3 MB:\n"
                    "      2.3 MB  outputVideos/.runbatch (finished); what is not ours in it stays\n"
                    "\n"
                    "[4] clip4.mp4 -> joconde_4.mp4: queued\n"
                    "  how to go on: runbatch resume begins it\n"
                    "\n"
                    "Old logs and damaged stores that runbatch clean would remove: 1, 77 B\n");
    free(page);
    snapshot_free(&made.snapshot);
}

static void what_is_at_work_is_not_cut_off(void **state)
{
    (void)state;
    Case made;
    fill(&made);
    made.snapshot.run_state = RUN_RUNNING;
    made.snapshot.videos[0].state = VIDEO_RUNNING;
    char *page = page_of(&made, 100);
    assert_non_null(strstr(page, "    2  2001-09-09 01:47        running     250 "));
    assert_non_null(strstr(page, "chunks: 3, frames: 750\n")); /* who works on it needs no promise */
    free(page);
    (void)add_attempt(&made.snapshot.videos[0], "", 0); /* then the one before was */
    page = page_of(&made, 100);
    assert_non_null(strstr(page, "    2  2001-09-09 01:47        cut off     250 "));
    assert_non_null(strstr(page, "    3  2001-09-09 01:47        running       0 "));
    free(page);
    snapshot_free(&made.snapshot);
}

/* But for paths, which are there to be copied. */
static void no_line_is_wider_than_the_screen(void **state)
{
    (void)state;
    Case made;
    fill(&made);
    fail_attempt(&made.snapshot.videos[0].attempts[0],
                 "a\033[2J very long story of how a worker came to its end, which nobody would want to miss");
    for (size_t columns = 20; columns < 120; columns++) {
        char *page = page_of(&made, columns);
        size_t whole = 0;
        for (char *rest = page, *line = NULL; (line = strsep(&rest, "\n")) != NULL && rest != NULL;) {
            assert_null(strchr(line, '\033'));
            if (cell_width(line) > columns && strstr(line, "outputVideos/") == NULL &&
                strstr(line, "Old logs") == NULL) {
                fail_msg("%zu columns: '%s'", columns, line);
            }
            whole += strstr(line, "miss → again, from chunk 2") != NULL;
        }
        assert_true(columns < 60 || whole <= 1);
        free(page);
    }
    snapshot_free(&made.snapshot);
}

static void only_those_that_are_asked_about(void **state)
{
    (void)state;
    Case made;
    fill(&made);
    memset(made.chosen, false, sizeof made.chosen);
    made.chosen[2] = true;
    made.report.every_log = true;
    char *page = page_of(&made, SIZE_MAX);
    assert_null(strstr(page, "[1]"));
    assert_non_null(strstr(page, "[3] clip3.mp4"));
    assert_non_null(strstr(page, "        77 B  outputVideos (old)\n"));
    free(page);
    json_t *object = report_to_json(&made.report);
    assert_int_equal(json_array_size(json_object_get(object, "videos")), 1);
    json_decref(object);
    snapshot_free(&made.snapshot);
}

static void spanish_is_for_people_english_for_programs(void **state)
{
    (void)state;
    Case made;
    fill(&made);
    assert_int_equal(setenv("LC_ALL", "es_ES.UTF-8", 1), 0);
    (void)unsetenv("LANGUAGE");
    i18n_setup();
    (void)phrase_make(made.snapshot.videos[3].row.note, sizeof made.snapshot.videos[3].row.note,
                      "waits for space: %s", "x");
    char *page = page_of(&made, 100);
    assert_non_null(strstr(page, "fallido"));
    assert_non_null(strstr(page, "cortado"));
    assert_non_null(strstr(page, "motivo: espera espacio: x\n"));
    assert_non_null(strstr(page, "→ again, desde el fragmento 2\n")); /* "again" was put in as a name */
    free(page);
    json_t *object = report_to_json(&made.report);
    const json_t *videos = json_object_get(object, "videos");
    const json_t *first = json_array_get(videos, 0);
    const json_t *attempts = json_object_get(first, "attempts");
    const json_t *try = json_array_get(attempts, 0);
    assert_string_equal(json_string_value(json_object_get(try, "result")), "failed");
    assert_string_equal(json_string_value(json_object_get(try, "decision")), "again, from chunk 2");
    assert_true(json_is_null(json_object_get(json_array_get(attempts, 1), "result")));
    assert_int_equal(json_integer_value(json_object_get(json_array_get(attempts, 1), "chunks")), 1);
    assert_string_equal(json_string_value(json_object_get(json_array_get(videos, 3), "note")),
                        "waits for space: x");
    /* the unfinished output goes, the chunks stay */
    assert_true(json_is_false(json_object_get(first, "would_be_removed")));
    assert_int_equal(json_integer_value(json_object_get(first, "removable_bytes")), 900);
    assert_int_equal(json_array_size(json_object_get(first, "removable")), 1);
    assert_true(json_is_true(json_object_get(json_array_get(videos, 2), "would_be_removed")));
    assert_int_equal(json_array_size(json_object_get(object, "removable_logs")), 1);
    json_decref(object);
    snapshot_free(&made.snapshot);
}

static void what_stays_of_a_folder_is_told(void **state)
{
    (void)state;
    CleanItem items[] = {
        {.kind = CLEAN_PARTS, .path = (char *)(uintptr_t) "w/a.mp4", .bytes = 7, .why = "unfinished"},
        {.kind = CLEAN_STORE, .path = (char *)(uintptr_t) "batch.db.damaged", .bytes = 8, .why = "damaged"}};
    const CleanList list = {.items = items, .count = 2, .bytes = 15};
    Text page = {0};
    removable_append(&page, &list, NULL, &(RemovableFrame){0});
    assert_string_equal(page.data, "       7 B  w/a.mp4 (unfinished; whole chunks stay)\n"
                                   "       8 B  batch.db.damaged (damaged)\n");
    text_free(&page);
    json_t *object = removable_to_json(&list, NULL);
    assert_string_equal(json_string_value(json_object_get(json_array_get(object, 0), "kind")), "parts");
    assert_string_equal(json_string_value(json_object_get(json_array_get(object, 1), "kind")), "store");
    json_decref(object);
}

int main(void)
{
    assert_int_equal(setenv("TZ", "UTC", 1), 0);
    (void)setlocale(LC_CTYPE, "C.UTF-8");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_stays_of_a_folder_is_told),
        cmocka_unit_test(every_video_has_its_story),
        cmocka_unit_test(what_is_at_work_is_not_cut_off),
        cmocka_unit_test(no_line_is_wider_than_the_screen),
        cmocka_unit_test(only_those_that_are_asked_about),
        cmocka_unit_test(spanish_is_for_people_english_for_programs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
