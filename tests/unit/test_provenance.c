#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/files.h"
#include "worker/provenance.h"

#define TERM_NAME "compositeWithTrainedAlgorithmicMedia"

static void the_comment_says_what_was_done(void **state)
{
    (void)state;
    TextList names = {0};
    text_list_add(&names, "face_swapper");
    text_list_add(&names, "face_enhancer");
    Provenance provenance;
    provenance_make(&provenance, &names, "a.mp4");
    assert_string_equal(provenance.pairs[0][0], "comment");
    assert_non_null(
        strstr(provenance.pairs[0][1], "runbatch " RUNBATCH_VERSION " (face_swapper, face_enhancer)"));
    assert_non_null(strstr(provenance.pairs[0][1], TERM_NAME));
    assert_null(provenance.pairs[PROVENANCE_PAIRS - 1][0]);
    provenance_free(&provenance);
    text_list_free(&names);
}

static void add_to(const char *final_name, char **data, int64_t *size)
{
    char path[] = "/tmp/runbatch-test-XXXXXX";
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "VIDEO", 5), 5);
    close(fd);
    assert_int_equal(provenance_add_xmp(path, final_name, NULL), STATUS_OK);
    assert_int_equal(file_read(path, 100000, data, size, NULL), STATUS_OK);
    unlink(path);
}

/* A box is its length in four bytes, big end first, its type, and the rest; the last box ends with the file.
 */
static void mpeg4_gets_one_whole_box_at_its_end(void **state)
{
    (void)state;
    char *data = NULL;
    int64_t size = 0;
    add_to("a.MP4", &data, &size);
    const uint8_t *box = (const uint8_t *)data + 5;
    const int64_t length = ((int64_t)box[0] << 24) | (box[1] << 16) | (box[2] << 8) | box[3];
    assert_memory_equal(data, "VIDEO", 5);
    assert_int_equal(length, size - 5);
    assert_memory_equal(box + 4, "uuid\xBE\x7A\xCF\xCB", 8);
    assert_memory_equal(box + 24, "<?xpacket begin=", 16);
    assert_non_null(strstr(data + 29, TERM_NAME));
    assert_memory_equal(data + size - 19, "<?xpacket end=\"r\"?>", 19);
    memory_free(data);
}

static void other_containers_are_left_alone(void **state)
{
    (void)state;
    char *data = NULL;
    int64_t size = 0;
    add_to("a.mkv", &data, &size);
    assert_int_equal(size, 5);
    memory_free(data);
}

static void a_file_that_is_gone_is_an_error(void **state)
{
    (void)state;
    Error err = {0};
    assert_int_equal(provenance_add_xmp("/nowhere/a.mp4", "a.mp4", &err), STATUS_FAILED);
    assert_true(error_is_set(&err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_comment_says_what_was_done),
        cmocka_unit_test(mpeg4_gets_one_whole_box_at_its_end),
        cmocka_unit_test(other_containers_are_left_alone),
        cmocka_unit_test(a_file_that_is_gone_is_an_error),
    };
    return cmocka_run_group_tests_name("provenance", tests, NULL, NULL);
}
