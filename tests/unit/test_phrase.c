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

#define BEGIN "\u2066"
#define NAME "\u2068"
#define END "\u2069"

static int speak_spanish(void **state)
{
    (void)state;
    assert_int_equal(setenv("LC_ALL", "es_ES.UTF-8", 1), 0);
    (void)unsetenv("LANGUAGE");
    i18n_setup();
    return 0;
}

static void assert_reads(const char *phrase, const char *english, const char *spanish)
{
    char text[512];
    assert_string_equal(phrase_english(phrase, text, sizeof text), english);
    assert_string_equal(phrase_text(phrase, text, sizeof text), spanish);
}

static void words_are_translated_names_are_not(void **state)
{
    (void)state;
    char inner[128];
    char phrase[256];
    assert_reads(phrase_make(phrase, sizeof phrase, "paused by the user"), "paused by the user",
                 "en pausa por orden del usuario");
    assert_reads(phrase_make(phrase, sizeof phrase, "again in %s s", "30"), "again in 30 s",
                 "otra vez dentro de 30 s");
    /* a folder may have the name of something that translators know */
    (void)phrase_make(inner, sizeof inner, "no more files can be made on the volume of %s", "again");
    assert_reads(phrase_make(phrase, sizeof phrase, "waits for space: %s", inner),
                 "waits for space: no more files can be made on the volume of again",
                 "espera espacio: no caben más archivos en el volumen de again");
    /* what nobody translated, made of what somebody has */
    (void)phrase_make(inner, sizeof inner, "again");
    assert_reads(phrase_make(phrase, sizeof phrase, "%s, %s%s", inner, "", "x"), "again, x", "otra vez, x");
}

static void what_is_no_phrase_stays(void **state)
{
    (void)state;
    assert_reads("", "", "");
    assert_reads("again", "again", "again");
    assert_reads("SIGINT %s %1$s %n", "SIGINT %s %1$s %n", "SIGINT %s %1$s %n");
}

static void names_cannot_make_phrases(void **state)
{
    (void)state;
    char phrase[128];
    assert_reads(phrase_make(phrase, sizeof phrase, "again in %s s", "3" END BEGIN "again" END "0"),
                 "again in 3again0 s", "otra vez dentro de 3again0 s");
    assert_reads(phrase_make(phrase, sizeof phrase, "again in %s s", "%s%n"), "again in %s%n s",
                 "otra vez dentro de %s%n s");
}

/* A row of the store can be anything. */
static void nothing_is_relied_on(void **state)
{
    (void)state;
    char text[512];
    char deep[3 * 200 + 1] = "";
    assert_reads(BEGIN, "", "");
    assert_reads(BEGIN END, "", "");
    assert_reads(END "again" NAME, "again", "again");
    assert_reads(BEGIN "again", "again", "otra vez"); /* cut off */
    assert_reads(BEGIN "again" END " and again", "again and again", "otra vez and again");
    assert_reads(BEGIN "again in %s s" END, "again in %s s", "otra vez dentro de %s s");
    assert_reads(BEGIN "again in " NAME "30", "again in 30", "again in 30");
    assert_reads(BEGIN "%9$s%s" NAME "a" END "%2$s" END, "%9$s%sa%2$s", "%9$sa%s%2$s");
    assert_reads(BEGIN NAME "1" END NAME "2" END NAME "3" END NAME "4" END NAME "5" END NAME "6" END NAME
                            "7" END NAME "8" END NAME "9" END END,
                 "123456789", "123456789");
    for (size_t i = 0; i < 200; i++) {
        memcpy(deep + 3 * i, BEGIN, 4);
    }
    assert_string_equal(phrase_text(deep, text, sizeof text), "");
    assert_string_equal(phrase_text(BEGIN "again in " NAME "30" END " s" END, text, 8), "otra ve");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_translated_names_are_not),
        cmocka_unit_test(what_is_no_phrase_stays),
        cmocka_unit_test(names_cannot_make_phrases),
        cmocka_unit_test(nothing_is_relied_on),
    };
    return cmocka_run_group_tests(tests, speak_spanish, NULL);
}
