#include "report/i18n.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/files.h"
#include "base/text.h"

/* The value that decides about messages, in POSIX order. */
static const char *wanted_locale(void)
{
    static const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *value = getenv(names[i]);
        if (value != NULL && value[0] != '\0') {
            return value;
        }
    }
    return "C";
}

/* gettext translates only in a locale that exists; where the wanted one is not installed, any UTF-8 locale
 * and LANGUAGE do. */
static void choose_locale(void)
{
    const char *wanted = wanted_locale();
    const bool there = setlocale(LC_MESSAGES, "") != NULL;
    if (setlocale(LC_CTYPE, "") == NULL) {
        (void)setlocale(LC_CTYPE, "C.UTF-8");
    }
    if (!there && setlocale(LC_MESSAGES, "C.UTF-8") != NULL) {
        (void)setenv("LANGUAGE", wanted, 0);
    }
}

static char *catalogues_near_program(void)
{
    static const char *const places[] = {"po", "../po", "../share/locale"};
    char program[4096];
    const ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    if (length <= 0) {
        return NULL;
    }
    program[length] = '\0';
    char *folder = path_folder(program);
    char *found = NULL;
    for (size_t i = 0; found == NULL && i < sizeof places / sizeof places[0]; i++) {
        char *catalogue = text_format("%s/%s/es/LC_MESSAGES/" I18N_DOMAIN ".mo", folder, places[i]);
        if (file_exists(catalogue)) {
            found = path_join(folder, places[i]);
        }
        memory_free(catalogue);
    }
    memory_free(folder);
    return found;
}

void i18n_setup(void)
{
    choose_locale();
    const char *given = getenv("RUNBATCH_LOCALE_DIR");
    char *near = given != NULL && given[0] != '\0' ? text_duplicate(given) : catalogues_near_program();
    (void)bindtextdomain(I18N_DOMAIN, near != NULL ? near : RUNBATCH_LOCALE_DIR);
    (void)bind_textdomain_codeset(I18N_DOMAIN, "UTF-8");
    memory_free(near);
}
