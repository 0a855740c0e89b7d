#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cmd/command.h"
#include "cmd/dry_run.h"
#include "cmd/exit_code.h"
#include "options/table.h"

static void the_first_word_chooses_the_command(void **state)
{
    (void)state;
    static const struct {
        const char *word; /* NULL: none */
        const char *command;
        int words_before;
    } cases[] = {
        {NULL, "run", 1}, {"run", "run", 2},       {"help", "help", 2}, {"version", "version", 2},
        {"5", "run", 1},  {"1-30,40-", "run", 1},  {"-n", "run", 1},    {"--dry-run", "run", 1},
        {"--", "run", 1}, {"worker", "worker", 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char program[] = "runbatch";
        char word[32] = "";
        (void)snprintf(word, sizeof word, "%s", cases[i].word != NULL ? cases[i].word : "");
        char *const argv[] = {program, word, NULL};
        const Command *command = NULL;
        int words_before = 0;
        Error err = {0};
        assert_int_equal(command_choose(cases[i].word != NULL ? 2 : 1, argv, &command, &words_before, &err),
                         STATUS_OK);
        assert_string_equal(command->name, cases[i].command);
        assert_int_equal(words_before, cases[i].words_before);
    }
}

static void an_unknown_command_gets_advice(void **state)
{
    (void)state;
    static const struct {
        char word[16];
        const char *todo;
    } cases[] = {
        {"rum", "did you mean run?"},
        {"hlep", "did you mean help?"},
        {"workr", "runbatch --help lists the commands"}, /* hidden ones are not suggested */
        {"xyzzy", "runbatch --help lists the commands"},
        {"", "runbatch --help lists the commands"},
        {"/dev/null", "for one video: runbatch run -s IMAGE -t VIDEO -o OUTPUT"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char program[] = "runbatch";
        char word[16];
        memcpy(word, cases[i].word, sizeof word);
        char *const argv[] = {program, word, NULL};
        const Command *command = NULL;
        int words_before = 0;
        Error err = {0};
        assert_int_equal(command_choose(2, argv, &command, &words_before, &err), STATUS_FAILED);
        assert_int_equal(err.class_, ERROR_USAGE);
        assert_string_equal(err.todo, cases[i].todo);
    }
}

/* What the option table says about commands is about some there are, and each command is told of. */
static void the_table_of_commands_is_sound(void **state)
{
    (void)state;
    for (size_t i = 0; i < command_count; i++) {
        const Command *command = &command_table[i];
        assert_true(command->help[0] != '\0' && command->help[strlen(command->help) - 1] != '.');
        assert_non_null(command->run);
        assert_ptr_equal(command_find(command->name), command);
        if (option_is_of(option_find("help"), command->name)) {
            assert_non_null(command->about);
            assert_non_null(command->exit_codes);
        }
    }
    assert_null(command_find("xyzzy"));
}

static void errors_have_their_exit_codes(void **state)
{
    (void)state;
    assert_int_equal(exit_code_of(ERROR_NONE), 0);
    assert_int_equal(exit_code_of(ERROR_USAGE), 2);
    assert_int_equal(exit_code_of(ERROR_INTERRUPTED), 130);
    static const ErrorClass environment[] = {ERROR_INPUT,  ERROR_MODEL,   ERROR_ENVIRONMENT, ERROR_SPACE,
                                             ERROR_MEMORY, ERROR_ENCODER, ERROR_INTERNAL};
    for (size_t i = 0; i < sizeof environment / sizeof environment[0]; i++) {
        assert_int_equal(exit_code_of(environment[i]), 3);
    }
}

static PlanItem items[] = {
    {.position = 2, .input = "in/a2.mp4", .output = "out/f_2.mp4", .size_bytes = 2048},
    {.position = 3, .input = "in/a\033[2J3.mp4", .output = "out/f_3.mp4", .size_bytes = -1},
    {.position = 9,
     .input = "in/\xff"
              "9.mp4",
     .output = "out/f_9.mp4",
     .size_bytes = 10},
    {.position = 10, .input = "in/b.mp4", .output = "out/f_10.mp4", .size_bytes = 10},
};
static const ProbeAnswer answers[] = {
    {.exists = false},
    {.exists = true, .complete = true},
    {.exists = true, .complete = false, .why = "it ends early"},
    {.exists = false, .chunks = 4, .frames = 1000},
};

static void a_dry_run_tells_video_by_video(void **state)
{
    (void)state;
    static char *sources[] = {"source/f.png"};
    const Plan plan = {.sources = {.items = sources, .count = 1}, .items = items, .count = 4, .found = 12};
    Text page = {0};
    dry_run_text(&plan, answers, &page);
    assert_string_equal(page.data, "Source: source/f.png\n"
                                   "    2  new    in/a2.mp4 (2.0 kB) → out/f_2.mp4\n"
                                   "    3  skip   in/a?[2J3.mp4 (size unknown) → out/f_3.mp4 (complete)\n"
                                   "    9  again  in/\xff"
                                   "9.mp4 (10 B) → out/f_9.mp4 (incomplete: it ends early)\n"
                                   "   10  go on  in/b.mp4 (10 B) → out/f_10.mp4 (chunks kept: 4, at frame "
                                   "1000)\n"
                                   "4 of 12: 3 to do, 1 to skip. Nothing was done (--dry-run).\n");
    text_free(&page);
}

static void a_dry_run_in_json_has_a_line_per_video(void **state)
{
    (void)state;
    static const char *const actions[] = {"new", "skip", "again", "go on"};
    static char *sources[] = {"source/f.png"};
    const Plan plan = {.sources = {.items = sources, .count = 1}, .items = items, .count = 4, .found = 12};
    Text page = {0};
    dry_run_json(&plan, answers, &page);
    const char *line = page.data;
    for (size_t i = 0; i < 4; i++) {
        const size_t length = strcspn(line, "\n");
        json_t *object = json_loadb(line, length, 0, NULL);
        assert_non_null(object);
        assert_string_equal(json_string_value(json_object_get(object, "event")), "planned");
        assert_string_equal(json_string_value(json_object_get(object, "action")), actions[i]);
        assert_int_equal(json_integer_value(json_object_get(object, "position")), items[i].position);
        json_decref(object);
        line += length + 1;
    }
    assert_string_equal(line, "");
    text_free(&page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_word_chooses_the_command),
        cmocka_unit_test(an_unknown_command_gets_advice),
        cmocka_unit_test(the_table_of_commands_is_sound),
        cmocka_unit_test(errors_have_their_exit_codes),
        cmocka_unit_test(a_dry_run_tells_video_by_video),
        cmocka_unit_test(a_dry_run_in_json_has_a_line_per_video),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
