#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "report/i18n.h"
#include "ui/cells.h"
#include "ui/doctor_page.h"

static void fill(Checkup *checkup)
{
    Check *check = NULL;
    (void)checkup_add(checkup, CHECK_MEMORY, "machine_memory", CHECK_OK, json_pack("{s:i}", "total_bytes", 5),
                      "machine: 3.00 GB of 4.00 GB available");
    check = checkup_add(checkup, CHECK_SPACE, "volume", CHECK_WARNING, NULL,
                        "/srv/a folder with a very long name that does not fit into a line of most screens "
                        "(tmpfs): 3.00 GB free");
    check_advise(check, "put it elsewhere, or have more of it, so that there is enough for all the videos");
    check = checkup_add(checkup, CHECK_MODELS, "model", CHECK_ERROR, NULL, "x\033[2J is missing");
    check_advise(check, "run it");
}

static void the_page_has_groups_levels_and_advice(void **state)
{
    (void)state;
    Checkup checkup = {0};
    Text page = {0};
    fill(&checkup);
    doctor_page(&checkup, &(PageFrame){.columns = SIZE_MAX}, false, &page);
    assert_string_equal(
        page.data, "Memory\n"
                   "  ok       machine: 3.00 GB of 4.00 GB available\n"
                   "\n"
                   "Models\n"
                   "  error    x?[2J is missing\n"
                   "           → run it\n"
                   "\n"
                   "Disk space\n"
                   "  warning  /srv/a folder with a very long name that does not fit into a line of most "
                   "screens (tmpfs): 3.00 GB free\n"
                   "           → put it elsewhere, or have more of it, so that there is enough for all "
                   "the videos\n"
                   "\n"
                   "1 error, 1 warning: a batch would not begin here, or its videos would fail.\n");
    text_free(&page);
    checkup_free(&checkup);
}

static void no_line_is_wider_than_the_screen(void **state)
{
    (void)state;
    static const size_t widths[] = {20, 40, 80, 120};
    Checkup checkup = {0};
    fill(&checkup);
    for (size_t i = 0; i < sizeof widths / sizeof widths[0]; i++) {
        Text page = {0};
        doctor_page(&checkup, &(PageFrame){.columns = widths[i]}, false, &page);
        assert_non_null(strstr(page.data, "\n           → put"));
        for (char *rest = page.data, *line = NULL; (line = strsep(&rest, "\n")) != NULL;) {
            assert_in_range(cell_width(line), 0, widths[i]);
        }
        text_free(&page);
    }
    checkup_free(&checkup);
}

static void only_trouble_is_told_on_demand(void **state)
{
    (void)state;
    Checkup checkup = {0};
    Text page = {0};
    (void)checkup_add(&checkup, CHECK_MEMORY, "machine_memory", CHECK_OK, NULL, "fine");
    doctor_page(&checkup, &(PageFrame){.columns = 80, .colour = true}, true, &page);
    assert_string_equal(page.data, "All is well.\n");
    text_free(&page);
    fill(&checkup);
    doctor_page(&checkup, &(PageFrame){.columns = 80, .colour = true}, true, &page);
    assert_null(strstr(page.data, "Memory"));
    assert_non_null(strstr(page.data, "\033[1mModels\033[0m\n  \033[31merror\033[0m    x?[2J is missing\n"));
    text_free(&page);
    checkup_free(&checkup);
}

static void the_page_is_in_spanish_too(void **state)
{
    (void)state;
    Checkup checkup = {0};
    Text page = {0};
    assert_int_equal(setenv("LC_ALL", "es_ES.UTF-8", 1), 0);
    i18n_setup();
    fill(&checkup);
    doctor_page(&checkup, &(PageFrame){.columns = SIZE_MAX}, false, &page);
    assert_non_null(strstr(page.data, "Memoria\n  bien   machine: 3.00"));
    assert_non_null(strstr(page.data, "\n  aviso  /srv"));
    assert_non_null(strstr(page.data, "\n1 error, 1 aviso: un lote"));
    text_free(&page);
    checkup_free(&checkup);
}

static void json_tells_the_same(void **state)
{
    (void)state;
    Checkup checkup = {0};
    fill(&checkup);
    json_t *object = doctor_to_json(&checkup, 1000000000.0);
    assert_string_equal(json_string_value(json_object_get(object, "time")), "2001-09-09T01:46:40Z");
    assert_string_equal(json_string_value(json_object_get(object, "level")), "error");
    assert_int_equal(json_integer_value(json_object_get(json_object_get(object, "counts"), "warning")), 1);
    const json_t *checks = json_object_get(object, "checks");
    assert_int_equal(json_array_size(checks), 3);
    Checkup back = {0};
    for (size_t i = 0; i < json_array_size(checks); i++) {
        assert_true(checkup_add_json(&back, json_array_get(checks, i)));
    }
    for (size_t i = 0; i < checkup.count; i++) {
        assert_string_equal(back.items[i].text, checkup.items[i].text);
        assert_int_equal(back.items[i].group, checkup.items[i].group);
        assert_true(json_equal(back.items[i].figures, checkup.items[i].figures));
    }
    json_t *wrong = json_pack("{s:s,s:s,s:s,s:s,s:{}}", "group", "nonsense", "name", "x", "level", "ok",
                              "text", "x", "figures");
    assert_false(checkup_add_json(&back, wrong));
    assert_int_equal(back.count, 3);
    json_decref(wrong);
    json_decref(object);
    checkup_free(&back);
    checkup_free(&checkup);
}

int main(void)
{
    (void)setlocale(LC_CTYPE, "C.UTF-8");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_page_has_groups_levels_and_advice),
        cmocka_unit_test(no_line_is_wider_than_the_screen),
        cmocka_unit_test(only_trouble_is_told_on_demand),
        cmocka_unit_test(json_tells_the_same),
        cmocka_unit_test(the_page_is_in_spanish_too), /* last: the language stays */
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
