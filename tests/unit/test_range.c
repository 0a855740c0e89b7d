#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "batch/range.h"

/* What of ten videos is selected, as a row of marks. */
static void marks_of(const RangeSet *set, char marks[11])
{
    for (int i = 0; i < 10; i++) {
        marks[i] = range_contains(set, i + 1) ? '#' : '.';
    }
    marks[10] = '\0';
}

static void good_ranges_select(void **state)
{
    (void)state;
    static const struct {
        const char *arguments[3];
        const char *marks;
        size_t notes;
    } cases[] = {
        {{NULL}, "##########", 0},
        {{"5"}, "....#.....", 0},
        {{"1-3"}, "###.......", 0},
        {{"8-"}, ".......###", 0},
        {{"1-3,7,9-"}, "###...#.##", 0},
        {{"1-3", "2-5"}, "#####.....", 0},
        {{"9", "1"}, "#.......#.", 0},
        {{"10"}, ".........#", 0},
        {{"8-30"}, ".......###", 1},
        {{"1-99,2-98"}, "##########", 2},
        {{" 2 - 4 , 6"}, ".###.#....", 0},
        {{"007"}, "......#...", 0},
        {{"3-3"}, "..#.......", 0},
        {{"1-99999999999999999999999999999999"}, "##########", 1},
        {{"10-9223372036854775807"}, ".........#", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        RangeSet set = {0};
        TextList notes = {0};
        Error err = {0};
        for (size_t j = 0; j < 3 && cases[i].arguments[j] != NULL; j++) {
            assert_int_equal(range_parse(&set, cases[i].arguments[j], &err), STATUS_OK);
        }
        assert_int_equal(range_check(&set, 10, &notes, &err), STATUS_OK);
        char marks[11];
        marks_of(&set, marks);
        assert_string_equal(marks, cases[i].marks);
        assert_int_equal(notes.count, cases[i].notes);
        text_list_free(&notes);
        range_set_free(&set);
    }
}

static void bad_ranges_are_told(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *why;
    } cases[] = {
        {"", "'' is not a range"},
        {"-", "'-' is not a range"},
        {"-5", "'-5' is not a range"},
        {"abc", "'abc' is not a range"},
        {"1-3x", "'1-3x' is not a range"},
        {"1,,2", "'1,,2' is not a range"},
        {"1,", "'1,' is not a range"},
        {"1-2-3", "'1-2-3' is not a range"},
        {"1.5", "'1.5' is not a range"},
        {"+1", "'+1' is not a range"},
        {"0", "'0' has a position 0"},
        {"0-5", "'0-5' has a position 0"},
        {"0-", "'0-' has a position 0"},
        {"5-3", "'5-3' ends before it starts"},
        {"5-0", "'5-0' has a position 0"},
        {"99999999999999999999", "'99999999999999999999' starts behind any list"},
        {"99999999999999999999-5", "'99999999999999999999-5' ends before it starts"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        RangeSet set = {0};
        Error err = {0};
        assert_int_equal(range_parse(&set, cases[i].text, &err), STATUS_FAILED);
        assert_int_equal(err.class_, ERROR_USAGE);
        assert_string_equal(err.why, cases[i].why);
        assert_true(err.todo[0] != '\0');
        range_set_free(&set);
    }
}

static void outside_of_the_list_is_an_error(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t found;
        const char *why;
    } cases[] = {
        {"11", 10, "nothing at position 11: there are 10 videos"},
        {"11-", 10, "nothing at position 11: there are 10 videos"},
        {"1,12-15", 10, "nothing at position 12: there are 10 videos"},
        {"2", 1, "nothing at position 2: there is 1 video"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        RangeSet set = {0};
        TextList notes = {0};
        Error err = {0};
        assert_int_equal(range_parse(&set, cases[i].text, &err), STATUS_OK);
        assert_int_equal(range_check(&set, cases[i].found, &notes, &err), STATUS_FAILED);
        assert_int_equal(err.class_, ERROR_USAGE);
        assert_string_equal(err.why, cases[i].why);
        text_list_free(&notes);
        range_set_free(&set);
    }
}

static void a_note_tells_where_the_list_ends(void **state)
{
    (void)state;
    RangeSet set = {0};
    TextList notes = {0};
    assert_int_equal(range_parse(&set, "31-60", NULL), STATUS_OK);
    assert_int_equal(range_check(&set, 45, &notes, NULL), STATUS_OK);
    assert_int_equal(notes.count, 1);
    assert_string_equal(notes.items[0], "range 31-60 ends at 45: there are no more videos");
    text_list_free(&notes);
    range_set_free(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_ranges_select),
        cmocka_unit_test(bad_ranges_are_told),
        cmocka_unit_test(outside_of_the_list_is_an_error),
        cmocka_unit_test(a_note_tells_where_the_list_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
