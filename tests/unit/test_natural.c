#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "batch/natural.h"

/* Each group is in order; every pair of it is compared both ways, so that the order is a total one. */
static const char *const groups[][12] = {
    {"clip1", "clip2", "clip10", "clip100"},
    {"", "0", "1", "a"},
    {"a", "A1", "a2", "A10", "b"},
    {"00", "000", "0001", "01", "1", "2"},
    {"x 2", "x 10", "x2", "x10"},
    {"clip99999999999999999999999999999998", "clip99999999999999999999999999999999",
     "clip100000000000000000000000000000000"},
    {"1-2-3", "1-2-10", "1-10-1", "2"},
    {"-a", "1", "_a", "a",
     "\xc3\xb1"
     "2",
     "\xc3\xb1"
     "10"},
    {"1.mp4", "1a.mp4", "2.mp4", "10.mp4"},
    {"IMG_9.MOV", "img_9.mov", "IMG_10.MOV"},
    {"v01a", "v1b", "v01c"},
};

static void groups_are_in_order(void **state)
{
    (void)state;
    for (size_t g = 0; g < sizeof groups / sizeof groups[0]; g++) {
        for (size_t i = 0; i < 12 && groups[g][i] != NULL; i++) {
            for (size_t j = 0; j < 12 && groups[g][j] != NULL; j++) {
                const int order = natural_compare(groups[g][i], groups[g][j]);
                if ((order > 0) - (order < 0) != (i > j) - (i < j)) {
                    fail_msg("'%s' and '%s' compare as %d", groups[g][i], groups[g][j], order);
                }
            }
        }
    }
}

static int sign(int number)
{
    return (number > 0) - (number < 0);
}

/* All texts of up to four letters over a small, nasty alphabet: antisymmetric, transitive, 0 for equals only.
 */
static void the_order_is_total(void **state)
{
    (void)state;
    static const char alphabet[] = "01aA-";
    enum { LETTERS = 5, TEXTS = 5 + 25 + 125 };
    char texts[TEXTS][4];
    memset(texts, 0, sizeof texts);
    int count = 0;
    for (int length = 1, all = LETTERS; length <= 3; length++, all *= LETTERS) {
        for (int number = 0; number < all; number++, count++) {
            for (int i = 0, rest = number; i < length; i++, rest /= LETTERS) {
                texts[count][i] = alphabet[rest % LETTERS];
            }
        }
    }
    assert_int_equal(count, TEXTS);
    for (int a = 0; a < TEXTS; a++) {
        for (int b = 0; b < TEXTS; b++) {
            const int order = sign(natural_compare(texts[a], texts[b]));
            assert_int_equal(order, -sign(natural_compare(texts[b], texts[a])));
            assert_int_equal(order == 0, a == b);
            for (int c = 0; order < 0 && c < TEXTS; c++) {
                if (natural_compare(texts[b], texts[c]) < 0 && natural_compare(texts[a], texts[c]) >= 0) {
                    fail_msg("'%s' < '%s' < '%s' but not first < last", texts[a], texts[b], texts[c]);
                }
            }
        }
    }
}

static void a_thousand_names_sort(void **state)
{
    (void)state;
    TextList list = {0};
    for (int i = 0; i < 1000; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "clip %d.mp4", (i * 7919) % 1000);
        text_list_add(&list, name);
    }
    natural_sort(&list);
    for (int i = 0; i < 1000; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "clip %d.mp4", i);
        assert_string_equal(list.items[i], name);
    }
    text_list_free(&list);
    natural_sort(&list); /* an empty one too */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_are_in_order),
        cmocka_unit_test(the_order_is_total),
        cmocka_unit_test(a_thousand_names_sort),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
